"""The home page: open cases, what waits for an answer, what ends soon, and how to begin."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.model.accounts import Permission
from lineament.model.cases import Case, CaseState
from lineament.model.sources import SourceState
from lineament.model.watches import WatchFinding
from lineament.web.addresses import case_address
from lineament.web.lists import strip
from lineament.web.obstacles import obstacles
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect
from lineament.web.phrases import SOON_DAYS
from lineament.web.waiting import waiting_for

pages = Pages()
NEWEST = 12
"""Cases on the home page."""
CONTINUED = 4
"""Searches on the home page."""
MOST_FIRED = 6
"""Findings of watches on the home page."""


@pages.page("/", access=Permission.OWN_ACCOUNT)
def home(visit: CurrentVisit) -> HTMLResponse:
    """What waits for me, my last searches, my cases, and what ends within a week."""
    today = visit.desk.clock().date()
    sources = visit.desk.sources.list()
    searched = [source for source in sources if source.why_closed(today) is None]
    ending = [source for source in searched if (left := source.days_left(today)) is not None and left <= SOON_DAYS]
    shown = _cases(visit)
    return visit.page(
        "home.html",
        today=today,
        registered=len(sources),
        searched=searched,
        faces=sum(source.faces for source in searched),
        ending=sorted(ending, key=lambda source: source.terms.expires_on or today),
        lapsed=[source for source in sources if source not in searched and source.state is not SourceState.WITHDRAWN],
        waiting=waiting_for(visit, shown["cases"], shown["expiring"], sources),
        against=obstacles(visit.desk, back="/") if visit.desk.official.may(Permission.READ_CASES) else [],
        **shown,
    )


def _cases(visit: Visit) -> dict[str, Any]:
    """Return what an official sees of cases: nothing if they may read none."""
    official, casework = visit.desk.official, visit.desk.casework
    nothing: dict[str, Any] = {
        "standings": {},
        "newest": {},
        "altered": [],
        "owners": {},
        "continued": [],
        "probes": {},
        "blurred": (),
        "fired": [],
    }
    if not official.may(Permission.READ_CASES):
        none: dict[str, Any] = {"cases": [], "open": 0, "closed": 0, "expiring": [], "guests": [], "invited": []}
        return nothing | none | {"left": None}
    found = casework.page(states=(CaseState.OPEN,), limit=NEWEST)
    newest = visit.desk.overview.newest([case.key for case in found])
    names = {case.id: case for case in found}
    last = sorted(newest.searches.items(), key=lambda each: each[1].result.made_at, reverse=True)
    strips = {source for _, stored in last[:CONTINUED] for _, source in strip(stored.result, 3)}
    return {
        "cases": found,
        "standings": casework.standings(found),
        "newest": newest.searches,
        "altered": newest.altered,
        "probes": newest.probes,
        "blurred": visit.desk.sources.blurred(strips),
        "owners": visit.desk.overview.owners(found),
        "continued": [(names[case_id], stored) for case_id, stored in last[:CONTINUED]],
        "open": casework.count((CaseState.OPEN,)),
        "closed": casework.count((CaseState.CLOSED,)),
        "expiring": casework.pressing(NEWEST),
        "guests": visit.desk.members.ending(),
        "invited": visit.desk.members.mine(),
        "fired": _fired(visit),
        "left": visit.desk.search.left() if official.may(Permission.SEARCH) else None,
    }


def _fired(visit: Visit) -> list[tuple[Case, WatchFinding]]:
    """Return what watches found and nobody took note of yet, each after its case."""
    if not visit.desk.official.may(Permission.TAKE_PART):
        return []
    found = visit.desk.watches.unseen(MOST_FIRED)
    return [(visit.desk.casework.get(finding.case_key), finding) for finding in found]


@pages.act("/invitations/{invitation_id}/take", access=Permission.READ_CASES, page=home)
def accept(visit: CurrentVisit, invitation_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Accept an invitation to a case of another agency."""
    return redirect(case_address(visit.desk.members.take(invitation_id).key))


@pages.page("/help", access=Permission.OWN_ACCOUNT)
def keyboard(visit: CurrentVisit) -> HTMLResponse:
    """The keys, and the words."""
    return visit.page("help.html")
