"""The first page: open cases, what waits, what ends soon, and how to begin."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse

from lineament.model.accounts import Permission
from lineament.model.cases import CaseState
from lineament.web.pages import Here, Pages, Visit
from lineament.web.phrases import SOON_DAYS

pages = Pages()
NEWEST = 12
"""Cases on the first page."""


@pages.page("/", access=Permission.OWN_ACCOUNT)
def home(here: Here) -> HTMLResponse:
    """My cases, invitations that wait, and what ends within a week."""
    today = here.desk.clock().date()
    sources = here.desk.sources.list()
    searched = [source for source in sources if source.why_closed(today) is None]
    ending = [source for source in searched if (left := source.days_left(today)) is not None and left <= SOON_DAYS]
    return here.page(
        "home.html",
        today=today,
        registered=len(sources),
        searched=searched,
        faces=sum(source.faces for source in searched),
        ending=sorted(ending, key=lambda source: source.terms.expires_on or today),
        lapsed=[source for source in sources if source not in searched],
        **_cases(here),
    )


def _cases(here: Visit) -> dict[str, Any]:
    """What an official sees of cases; nothing for whoever reads none."""
    official, casework = here.desk.official, here.desk.casework
    if not official.may(Permission.READ_CASES):
        return {"cases": [], "open": 0, "closed": 0, "expiring": [], "guests": [], "waiting": [], "left": None}
    return {
        "cases": casework.page(states=(CaseState.OPEN,), limit=NEWEST),
        "open": casework.count((CaseState.OPEN,)),
        "closed": casework.count((CaseState.CLOSED,)),
        "expiring": casework.pressing(NEWEST),
        "guests": here.desk.members.ending(),
        "waiting": here.desk.members.mine(),
        "left": here.desk.search.left() if official.may(Permission.SEARCH) else None,
    }


@pages.page("/help", access=Permission.OWN_ACCOUNT)
def keyboard(here: Here) -> HTMLResponse:
    """The keys, and the words."""
    return here.page("help.html")
