"""The first page: open cases, what ends soon, and how to begin."""

from __future__ import annotations

from fastapi.responses import HTMLResponse

from lineament.model.accounts import Permission
from lineament.model.cases import CaseState
from lineament.web.pages import Here, Pages
from lineament.web.phrases import SOON_DAYS

pages = Pages()


@pages.page("/", access=Permission.OWN_ACCOUNT)
def home(here: Here) -> HTMLResponse:
    """My cases, and the sources whose basis ends within a week or has ended."""
    today = here.desk.clock().date()
    sources = here.desk.sources.list()
    searched = [source for source in sources if source.why_closed(today) is None]
    ending = [source for source in searched if (left := source.days_left(today)) is not None and left <= SOON_DAYS]
    return here.page(
        "home.html",
        today=today,
        cases=here.desk.casework.page(states=(CaseState.OPEN,)),
        closed=here.desk.casework.count((CaseState.CLOSED,)),
        registered=len(sources),
        searched=searched,
        faces=sum(source.faces for source in searched),
        ending=sorted(ending, key=lambda source: source.terms.expires_on or today),
        lapsed=[source for source in sources if source not in searched],
    )


@pages.page("/help", access=Permission.OWN_ACCOUNT)
def keyboard(here: Here) -> HTMLResponse:
    """The keys, and the words."""
    return here.page("help.html")
