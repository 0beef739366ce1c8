"""The home page: open cases, what waits for an answer, what ends soon, and how to begin."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import ThresholdUntrusted
from lineament.model.accounts import Permission
from lineament.model.cases import CaseState
from lineament.web.addresses import case_address
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect
from lineament.web.phrases import SOON_DAYS

pages = Pages()
NEWEST = 12
"""Cases on the home page."""


@pages.page("/", access=Permission.OWN_ACCOUNT)
def home(visit: CurrentVisit) -> HTMLResponse:
    """My cases, invitations that wait, and what ends within a week."""
    today = visit.desk.clock().date()
    sources = visit.desk.sources.list()
    searched = [source for source in sources if source.why_closed(today) is None]
    ending = [source for source in searched if (left := source.days_left(today)) is not None and left <= SOON_DAYS]
    return visit.page(
        "home.html",
        today=today,
        registered=len(sources),
        searched=searched,
        faces=sum(source.faces for source in searched),
        ending=sorted(ending, key=lambda source: source.terms.expires_on or today),
        lapsed=[source for source in sources if source not in searched],
        **_changes(visit),
        **_cases(visit),
    )


def _changes(visit: Visit) -> dict[str, Any]:
    """Return how many changes of the threshold or of the model wait for this official, and whether it is trusted."""
    if not visit.desk.official.may(Permission.CHANGE_THRESHOLD):
        return {"changes": 0, "untrusted": None}
    try:
        visit.desk.proposals.in_force()
        return {"changes": visit.desk.proposals.waiting(), "untrusted": None}
    except ThresholdUntrusted as error:
        return {"changes": 0, "untrusted": str(error)}


def _cases(visit: Visit) -> dict[str, Any]:
    """Return what an official sees of cases: nothing if they may read none."""
    official, casework = visit.desk.official, visit.desk.casework
    if not official.may(Permission.READ_CASES):
        return {"cases": [], "open": 0, "closed": 0, "expiring": [], "guests": [], "waiting": [], "left": None}
    return {
        "cases": casework.page(states=(CaseState.OPEN,), limit=NEWEST),
        "open": casework.count((CaseState.OPEN,)),
        "closed": casework.count((CaseState.CLOSED,)),
        "expiring": casework.pressing(NEWEST),
        "guests": visit.desk.members.ending(),
        "waiting": visit.desk.members.mine(),
        "left": visit.desk.search.left() if official.may(Permission.SEARCH) else None,
    }


@pages.act("/invitations/{invitation_id}/take", access=Permission.READ_CASES, page=home)
def accept(visit: CurrentVisit, invitation_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Accept an invitation to a case of another agency."""
    return redirect(case_address(visit.desk.members.take(invitation_id).key))


@pages.page("/help", access=Permission.OWN_ACCOUNT)
def keyboard(visit: CurrentVisit) -> HTMLResponse:
    """The keys, and the words."""
    return visit.page("help.html")
