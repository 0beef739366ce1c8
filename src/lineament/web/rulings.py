"""What covers the searches of a case: urgency, what an authority decided, and legal hold."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.cases import AuthorisationOutcome, Case, PaperKind
from lineament.services.cases.casework import Ruling
from lineament.web.addresses import case_address, unslug
from lineament.web.cases import framed, tried
from lineament.web.forms import Sent
from lineament.web.pages import Form, Here, Pages, Visit

pages = Pages()
_FIELDS = ("outcome", "authority", "decided-at", "scope", "until", "because", "reference")


@pages.page("/cases/{ref}/authorisation", access=Permission.READ_CASES)
def authorisation(here: Here, ref: str) -> HTMLResponse:
    """Whether the searches of a case are covered, until when, and what may be done about it."""
    return _shown(here, ref, dict.fromkeys(_FIELDS, ""))


@pages.act("/cases/{ref}/urgent", access=Permission.OPEN_CASES)
def urgent(here: Here, ref: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Lets searches come before the authorisation; the clock begins."""
    return _done(here, ref, sent, lambda: here.desk.casework.declare_urgent(unslug(ref), sent.text("because")))


@pages.act("/cases/{ref}/ruling", access=Permission.MANAGE_CASES)
def ruling(here: Here, ref: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Records what the authority decided. A refusal destroys what hung on the case, so its reference is typed."""
    return _done(here, ref, sent, lambda: here.desk.casework.authorise(unslug(ref), _ruling(here, ref, sent)))


@pages.act("/cases/{ref}/hold", access=Permission.MANAGE_CASES)
def hold(here: Here, ref: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Puts a case on legal hold."""
    return _done(here, ref, sent, lambda: here.desk.casework.hold(unslug(ref), sent.text("because")))


@pages.act("/cases/{ref}/release", access=Permission.MANAGE_CASES)
def release(here: Here, ref: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Ends the legal hold."""
    return _done(here, ref, sent, lambda: here.desk.casework.release(unslug(ref)))


def _done(here: Visit, ref: str, sent: Sent, act: Callable[[], Case]) -> HTMLResponse | RedirectResponse:
    typed = {name: sent.text(name) for name in _FIELDS}
    return tried(
        lambda: f"{case_address(act().key)}/authorisation",
        lambda wrong, status: _shown(here, ref, typed, wrong=wrong, status=status),
    )


def _ruling(here: Visit, ref: str, sent: Sent) -> Ruling:
    outcomes = {one.value: one for one in AuthorisationOutcome}
    outcome = outcomes.get(sent.text("outcome"))
    if outcome is None:
        raise InvalidValue(what="The decision", value="", why="say whether it was granted or refused")
    if outcome is AuthorisationOutcome.REFUSED:
        wanted = here.desk.casework.get(unslug(ref)).ref
        if sent.text("reference") != wanted:
            why = f"type {wanted} to confirm that everything in the case is destroyed"
            raise InvalidValue(what="The reference", value=sent.text("reference")[:100], why=why)
    return Ruling(
        authority=sent.text("authority"),
        decided_at=sent.moment("decided-at"),
        outcome=outcome,
        scope=sent.text("scope"),
        expires_on=sent.day("until"),
        document=sent.files.get("document") or None,
        document_name=sent.names.get("document") or "decision",
    )


def _shown(here: Visit, ref: str, typed: dict[str, str], *, wrong: str = "", status: int = 200) -> HTMLResponse:
    found, frame = framed(here, ref, "authorisation")
    decisions = here.desk.room.papers(found.key, kinds=(PaperKind.DECISION,))
    return here.page(
        "case_authorisation.html",
        status=status,
        wrong=wrong,
        typed=typed,
        decisions=decisions,
        photographs=len(here.desk.casework.probes(found.key)),
        **frame,
    )
