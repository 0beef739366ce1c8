"""Cases: the list, opening one, one case with its searches, and closing it."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import AlreadyThere, InvalidValue
from lineament.model.accounts import Permission
from lineament.model.cases import CaseTerms
from lineament.web.addresses import case_address, unslug
from lineament.web.forms import Sent
from lineament.web.pages import Form, Here, Pages, go_on_to
from lineament.web.phrases import distressing

pages = Pages()
_FIELDS = ("ref", "offence", "purpose", "basis", "authorised-by")


@pages.page("/cases", access=Permission.READ_CASES)
def cases(here: Here, q: str = "") -> HTMLResponse:
    """Every case, or those whose reference, offence or purpose holds the words looked for."""
    found = here.desk.casework.page(words=q)
    return here.page("cases.html", cases=found, every=here.desk.casework.count(), q=q.strip())


@pages.page("/cases/new", access=Permission.OPEN_CASES)
def new_case(here: Here) -> HTMLResponse:
    """The form that opens a case."""
    return here.page("case_new.html", typed=dict.fromkeys(_FIELDS, ""), wrong="")


@pages.act("/cases", access=Permission.OPEN_CASES)
def open_case(here: Here, sent: Form) -> HTMLResponse | RedirectResponse:
    """Opens a case; what was typed stays in the form where something in it is not right."""
    try:
        case = here.desk.casework.open(_terms(sent))
    except (InvalidValue, AlreadyThere) as wrong:
        typed = {name: sent.text(name) for name in _FIELDS}
        status = 409 if isinstance(wrong, AlreadyThere) else 422
        return here.page("case_new.html", status=status, typed=typed, wrong=str(wrong))
    return go_on_to(case_address(case.key))


def _terms(sent: Sent) -> CaseTerms:
    return CaseTerms(
        ref=sent.text("ref"),
        offence=sent.text("offence"),
        purpose=sent.text("purpose"),
        basis=sent.text("basis"),
        authorised_by=sent.text("authorised-by") or None,
    )


@pages.page("/cases/{ref}", access=Permission.READ_CASES)
def case(here: Here, ref: str) -> HTMLResponse:
    """A case: what it is about, its searches, and its photographs that were not searched yet."""
    found = here.desk.casework.read(unslug(ref))
    searches = here.desk.casework.stored_searches(found.key)
    asked = {search.result.probe_id for search in searches}
    waiting = [probe for probe in here.desk.casework.probes(found.key) if probe.id not in asked]
    return here.page("case.html", case=found, searches=searches, waiting=waiting, veiled=distressing(found))


@pages.act("/cases/{ref}/close", access=Permission.OPEN_CASES)
def close_case(here: Here, ref: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - the form is checked
    """Closes a case; it can be read on, but not searched in."""
    return go_on_to(case_address(here.desk.casework.close(unslug(ref)).key))
