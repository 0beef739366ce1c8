"""What covers the searches of a case: urgency, what an authority decided, and legal hold."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.cases import AuthorisationOutcome, Case, PaperKind
from lineament.services.cases.standings import Ruling
from lineament.web.addresses import case_address, unslug
from lineament.web.cases import read_case
from lineament.web.forms import SentForm
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect

pages = Pages()


@pages.page("/cases/{ref}/authorisation", access=Permission.READ_CASES)
def authorisation(visit: CurrentVisit, ref: str) -> HTMLResponse:
    """Whether the searches of a case are covered, until when, and what can be done about it."""
    case, frame = read_case(visit, ref, "authorisation")
    return visit.page(
        "case_authorisation.html",
        decisions=visit.desk.room.papers(case.key, kinds=(PaperKind.DECISION,)),
        photographs=len(visit.desk.casework.probes(case.key)),
        doubts=case.doubts,
        **frame,
    )


@pages.act("/cases/{ref}/urgent", access=Permission.OPEN_CASES, page=authorisation)
def urgent(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Declare a case urgent: it may be searched before the authorisation, and the clock starts."""
    return _to(visit.desk.casework.declare_urgent(unslug(ref), form.text("because")))


@pages.act("/cases/{ref}/ruling", access=Permission.MANAGE_CASES, page=authorisation)
def ruling(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Record what the authority decided. A refusal destroys what the case holds, so its reference must be typed."""
    return _to(visit.desk.casework.authorise(unslug(ref), _ruling(visit, ref, form)))


@pages.act("/cases/{ref}/allow", access=Permission.MANAGE_CASES, page=authorisation)
def allow(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """State why words that may name a refused purpose are allowed in a case."""
    words = form.text("words").split(",")
    return _to(visit.desk.casework.allow(unslug(ref), form.text("because"), words))


@pages.act("/cases/{ref}/hold", access=Permission.MANAGE_CASES, page=authorisation)
def hold(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Put a case on legal hold."""
    return _to(visit.desk.casework.hold(unslug(ref), form.text("because")))


@pages.act("/cases/{ref}/release", access=Permission.MANAGE_CASES, page=authorisation)
def release(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """End the legal hold."""
    return _to(visit.desk.casework.release(unslug(ref)))


def _to(case: Case) -> RedirectResponse:
    return redirect(f"{case_address(case.key)}/authorisation")


def _ruling(visit: Visit, ref: str, form: SentForm) -> Ruling:
    outcome = form.choice("outcome", AuthorisationOutcome)
    if outcome is AuthorisationOutcome.REFUSED:
        wanted = visit.desk.casework.get(unslug(ref)).ref
        typed = form.text("reference")
        if typed != wanted:
            why = f"type {wanted} to confirm that everything in the case is destroyed"
            raise InvalidValue(what="The reference", value=typed[:100], why=why, field="reference")
    return Ruling(
        authority=form.text("authority"),
        decided_at=form.moment("decided-at"),
        outcome=outcome,
        scope=form.text("scope"),
        expires_on=form.day("until"),
        document=form.files.get("document") or None,
        document_name=form.file_names.get("document") or "decision",
    )
