"""The first page: open cases, what ends soon, and how to begin."""

from __future__ import annotations

from fastapi.responses import HTMLResponse

from lineament.model.cases import CaseState
from lineament.web.pages import Access, Here, Pages
from lineament.web.phrases import SOON_DAYS

pages = Pages()


@pages.page("/", access=Access.EXAMINER)
def home(here: Here) -> HTMLResponse:
    """My cases, and the sources whose basis ends within a week or has ended."""
    today = here.workspace.clock().date()
    sources = here.workspace.sources.list()
    searched = [source for source in sources if source.why_closed(today) is None]
    ending = [source for source in searched if (left := source.days_left(today)) is not None and left <= SOON_DAYS]
    cases = here.workspace.casework.list()
    return here.page(
        "home.html",
        today=today,
        cases=[case for case in cases if case.state is CaseState.OPEN],
        closed=sum(case.state is CaseState.CLOSED for case in cases),
        registered=len(sources),
        searched=searched,
        faces=sum(source.faces for source in searched),
        ending=sorted(ending, key=lambda source: source.terms.expires_on or today),
        lapsed=[source for source in sources if source not in searched],
    )


@pages.page("/help", access=Access.EXAMINER)
def keyboard(here: Here) -> HTMLResponse:
    """The keys, and the words."""
    return here.page("help.html")
