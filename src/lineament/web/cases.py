"""Cases: the list, opening one, and one case with its searches and its timeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import AlreadyThere, InvalidValue, LineamentError, Refused
from lineament.model.accounts import Permission
from lineament.model.cases import Case, CaseState, CaseTerms, Seeks
from lineament.web import failures
from lineament.web.addresses import case_address, unslug
from lineament.web.casewords import SEEKS, hours_left, next_step
from lineament.web.forms import Sent
from lineament.web.pages import Form, Here, Pages, Visit, go_on_to
from lineament.web.phrases import distressing

pages = Pages()
_FIELDS = ("ref", "offence", "purpose", "basis", "authorised-by", "jurisdiction", "seeks", "exempt-because")
PAGE = 50
"""Cases, searches and lines of the timeline on one page."""


# ---------------------------------------------------------------- all of them


@pages.page("/cases", access=Permission.READ_CASES)
def cases(here: Here, q: str = "", state: str = "", after: str = "") -> HTMLResponse:
    """The newest cases, or those whose reference, offence or purpose holds the words looked for."""
    casework = here.desk.casework
    states = tuple(one for one in CaseState if one.value == state)
    last = casework.get(unslug(after)).id if after else None
    found = casework.page(words=q, states=states, after=last, limit=PAGE + 1)
    return here.page(
        "cases.html",
        cases=found[:PAGE],
        standings=casework.standings(found[:PAGE]),
        more=found[PAGE - 1].key if len(found) > PAGE else "",
        first=not after,
        every=casework.count(states),
        q=q.strip(),
        state=state if states else "",
        states=[one.value for one in CaseState],
    )


@pages.page("/cases/new", access=Permission.OPEN_CASES)
def new_case(here: Here) -> HTMLResponse:
    """The form that opens a case."""
    return _form(here, dict.fromkeys(_FIELDS, "") | {"seeks": Seeks.SUSPECT.value})


@pages.act("/cases", access=Permission.OPEN_CASES)
def open_case(here: Here, sent: Form) -> HTMLResponse | RedirectResponse:
    """Opens a case; what was typed stays in the form where something in it is not right."""
    try:
        case = here.desk.casework.open(_terms(sent))
    except (InvalidValue, AlreadyThere, Refused) as wrong:
        return _form(here, {name: sent.text(name) for name in _FIELDS}, wrong)
    return go_on_to(case_address(case.key))


def _form(here: Visit, typed: dict[str, str], wrong: LineamentError | None = None) -> HTMLResponse:
    status = 200 if wrong is None else failures.answer_for(wrong).status
    said = "" if wrong is None else str(wrong)
    seekable = [(one.value, *SEEKS[one]) for one in Seeks]
    return here.page("case_new.html", status=status, typed=typed, wrong=said, seekable=seekable)


def _terms(sent: Sent) -> CaseTerms:
    seeks = sent.text("seeks") or Seeks.SUSPECT.value
    if seeks not in {one.value for one in Seeks}:
        raise InvalidValue(what="Whom the case seeks", value=seeks[:40], why="choose one of the list")
    return CaseTerms(
        ref=sent.text("ref"),
        offence=sent.text("offence"),
        purpose=sent.text("purpose"),
        basis=sent.text("basis"),
        authorised_by=sent.text("authorised-by") or None,
        jurisdiction=sent.text("jurisdiction").upper() or None,
        seeks=Seeks(seeks),
        exempt_because=sent.text("exempt-because") or None,
    )


# ---------------------------------------------------------------- one of them


def framed(here: Visit, ref: str, part: str) -> tuple[Case, dict[str, Any]]:
    """A case that is looked into, which is recorded, and what every page of it shows above its own content."""
    case = here.desk.casework.read(unslug(ref), part)
    outlook = here.desk.casework.outlook(case.key)

    def can(permission: str) -> bool:
        return Permission(permission) in outlook.may

    return case, {
        "case": case,
        "outlook": outlook,
        "next": next_step(case, outlook),
        "left": hours_left(outlook, here.desk.clock()),
        "part": part,
        "can": can,
        "veiled": distressing(case),
        "gone": case.state in {CaseState.REFUSED, CaseState.DESTROYED},
    }


Again = Callable[[str, int], HTMLResponse]
"""Shows the page of a form again, with what is wrong and the status."""


def tried(act: Callable[[], str], again: Again) -> HTMLResponse | RedirectResponse:
    """On to the address that ``act`` gives, or the page as it was with what is wrong with the form."""
    try:
        return go_on_to(act())
    except LineamentError as wrong:
        status = failures.answer_for(wrong).status
        if not isinstance(wrong, InvalidValue | Refused) and status not in {404, 409, 413}:
            raise
        return again(str(wrong), status)


@pages.page("/cases/{ref}", access=Permission.READ_CASES)
def case(here: Here, ref: str, before: str = "") -> HTMLResponse:
    """A case: what it is about, its searches, and its photographs that were not searched yet."""
    found, frame = framed(here, ref, "searches")
    casework = here.desk.casework
    last = here.desk.search.get(before).ledger_entry if before else None
    searches = casework.stored_searches(found.key, last, PAGE + 1)
    return here.page(
        "case.html",
        searches=searches[:PAGE],
        older=searches[PAGE - 1].result.search_id if len(searches) > PAGE else None,
        waiting=[] if before else casework.waiting(found.key),
        **frame,
    )


@pages.page("/cases/{ref}/timeline", access=Permission.READ_CASES)
def timeline(here: Here, ref: str, before: str = "") -> HTMLResponse:
    """What happened in a case, as the ledger says; nobody writes it by hand."""
    found, frame = framed(here, ref, "timeline")
    casework = here.desk.casework
    lines = casework.timeline(found.key, casework.entry(found.key, before) if before else None, PAGE + 1)
    older = lines[PAGE - 1].commitment if len(lines) > PAGE else None
    return here.page("case_timeline.html", lines=lines[:PAGE], older=older, first=not before, **frame)


@pages.act("/cases/{ref}/close", access=Permission.OPEN_CASES)
def close_case(here: Here, ref: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - the form is checked
    """Closes a case; it can be read on, but not searched in."""
    return go_on_to(case_address(here.desk.casework.close(unslug(ref)).key))
