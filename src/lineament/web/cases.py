"""Cases: the list, opening one, and one case with its searches and its timeline."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from lineament.errors import CaseExists, NotFound
from lineament.model.accounts import Permission
from lineament.model.cases import Case, CaseState, CaseTerms, Seeks
from lineament.model.distress import distressing_words
from lineament.web.addresses import case_address, unslug
from lineament.web.casewords import SEEKS, what_is_next
from lineament.web.entries import by_day, timeline_line
from lineament.web.forms import SentForm
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect
from lineament.web.phrases import distressing
from lineament.web.sentences import Names

pages = Pages()
MOST_LETTERS = 1000
"""Most letters of a text in which words are looked for while it is being written."""
PAGE = 50
"""Most cases, searches or lines of the timeline on one page."""


# ---------------------------------------------------------------- the list


@pages.page("/cases", access=Permission.READ_CASES)
def cases(visit: CurrentVisit, q: str = "", state: str = "", after: str = "") -> HTMLResponse:
    """The newest cases, or those whose reference, offence or purpose contains the words in ``q``."""
    casework = visit.desk.casework
    states = tuple(known for known in CaseState if known.value == state)
    last = casework.get(unslug(after)).id if after else None
    found = casework.page(words=q, states=states, after=last, limit=PAGE + 1)
    return visit.page(
        "cases.html",
        cases=found[:PAGE],
        standings=casework.standings(found[:PAGE]),
        more=found[PAGE - 1].key if len(found) > PAGE else "",
        first=not after,
        every=casework.count(states),
        q=q.strip(),
        state=state if states else "",
        states=[known.value for known in CaseState],
    )


@pages.page("/cases/new", access=Permission.OPEN_CASES)
def new_case(visit: CurrentVisit) -> HTMLResponse:
    """The form that opens a case; if there is one of that reference, with the way to it."""
    seekable = [(seeks.value, *SEEKS[seeks]) for seeks in Seeks]
    return visit.page("case_new.html", seekable=seekable, problem_link=_existing(visit))


def _existing(visit: Visit) -> tuple[str, str] | None:
    """Return the words and the address of the case whose reference was typed again; None if it is not visible."""
    if visit.rejected is None or not isinstance(visit.rejected.error, CaseExists):
        return None
    try:
        case = visit.desk.casework.get(visit.typed("ref").strip())
    except NotFound:
        return None
    return f"The case {case.ref}, opened on {case.opened_at.astimezone().date()}", case_address(case.key)


@pages.act("/cases", access=Permission.OPEN_CASES, page=new_case)
def open_case(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Open a case."""
    terms = CaseTerms(
        ref=form.text("ref"),
        offence=form.text("offence"),
        purpose=form.text("purpose"),
        basis=form.text("basis"),
        authorised_by=form.text("authorised-by") or None,
        jurisdiction=form.text("jurisdiction").upper() or None,
        seeks=form.choice("seeks", Seeks) if form.text("seeks") else Seeks.SUSPECT,
        exempt_because=form.text("exempt-because") or None,
        distressing=_is_distressing(form),
    )
    return redirect(case_address(visit.desk.casework.open(terms).key))


def _is_distressing(form: SentForm) -> bool | None:
    """Return what the official said of the pictures; None if nothing, so that the case's words decide.

    Without scripts the box cannot follow the words, so an empty one says nothing: the other box says that they are not.
    """
    if form.text("said"):
        return form.text("said") == "yes"
    if form.text("sharp"):
        return False
    return True if form.text("distressing") else None


@pages.act("/cases/words", access=Permission.OPEN_CASES, page=None)
def suggest_blur(visit: CurrentVisit, form: Form) -> JSONResponse:  # noqa: ARG001 - its access was checked
    """Which words of a case that is being written suggest that its pictures are distressing; nothing is kept."""
    texts = (form.text("offence"), form.text("purpose"), form.text("basis"))
    return JSONResponse({"words": distressing_words(*(text[:MOST_LETTERS] for text in texts))})


# ---------------------------------------------------------------- one case


def read_case(visit: Visit, ref: str, part: str) -> tuple[Case, dict[str, Any]]:
    """Open a part of a case, which is recorded, and return what every page of the case shows above it."""
    case = visit.desk.casework.read(unslug(ref), part)
    outlook = visit.desk.casework.outlook(case.key)

    def can(permission: str) -> bool:
        return Permission(permission) in outlook.may

    return case, {
        "case": case,
        **what_is_next(case, outlook, visit.desk.clock()),
        "part": part,
        "can": can,
        "veiled": distressing(case),
        "gone": case.state in {CaseState.REFUSED, CaseState.DESTROYED},
        "defence": visit.desk.defence.of_case(case.key) if part == "searches" else None,
    }


@pages.page("/cases/{ref}", access=Permission.READ_CASES)
def case(visit: CurrentVisit, ref: str, before: str = "") -> HTMLResponse:
    """A case: its terms, its searches, and its photographs that were not searched yet."""
    found, frame = read_case(visit, ref, "searches")
    casework = visit.desk.casework
    last = visit.desk.search.get(before).ledger_entry if before else None
    searches = casework.stored_searches(found.key, last, PAGE + 1)
    return visit.page(
        "case.html",
        searches=searches[:PAGE],
        older=searches[PAGE - 1].result.search_id if len(searches) > PAGE else None,
        waiting=[] if before else casework.waiting(found.key),
        batches=[] if before else visit.desk.batches.of_case(found.key),
        **frame,
    )


@pages.page("/cases/{ref}/timeline", access=Permission.READ_CASES)
def timeline(visit: CurrentVisit, ref: str, before: str = "", views: str = "") -> HTMLResponse:
    """What happened in a case, from the ledger; with ``views`` also who only looked."""
    found, frame = read_case(visit, ref, "timeline")
    casework = visit.desk.casework
    stop, shown = casework.entry(found.key, before) if before else None, views == "shown"
    lines = casework.timeline(found.key, stop, PAGE + 1, views=shown)
    last = lines[PAGE - 1] if len(lines) > PAGE else None
    hidden = 0 if shown else casework.views(found.key, 0 if last is None else last.seq, stop)
    sources = frozenset(source.name for source in visit.desk.sources.list())
    official = visit.desk.official
    ranks = official.solo or official.may(Permission.READ_LEDGER)
    names = Names(key=found.key, ref=found.ref, gone=frame["gone"], here=True, ranks=ranks, sources=sources)
    days = by_day([timeline_line(line, names) for line in lines[:PAGE]])
    return visit.page(
        "case_timeline.html",
        days=days,
        older=None if last is None else last.commitment,
        first=not before,
        before=before,
        views=shown,
        hidden=hidden,
        **frame,
    )


@pages.act("/cases/{ref}/blur", access=Permission.OPEN_CASES, page=case)
def set_blur(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:
    """Say whether the pictures of a case are distressing, and so blurred until pointed at."""
    changed = visit.desk.casework.set_distressing(unslug(ref), bool(form.text("distressing")))
    return redirect(case_address(changed.key))


@pages.act("/cases/{ref}/close", access=Permission.OPEN_CASES, page=case)
def close_case(visit: CurrentVisit, ref: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Close a case; it can still be read, but not searched in."""
    return redirect(case_address(visit.desk.casework.close(unslug(ref)).key))
