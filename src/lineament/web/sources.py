"""Sources: who gave us images, on what basis, and for how long."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.web.addresses import source_address
from lineament.web.pages import Form, Here, Pages, go_on_to

pages = Pages()


@pages.page("/sources", access=Permission.READ_SOURCES)
def sources(here: Here) -> HTMLResponse:
    """Every registered source."""
    today = here.desk.clock().date()
    listed = here.desk.sources.list()
    faces = sum(source.faces for source in listed if source.why_closed(today) is None)
    return here.page("sources.html", sources=listed, today=today, faces=faces)


@pages.page("/sources/{name}", access=Permission.READ_SOURCES)
def source(here: Here, name: str) -> HTMLResponse:
    """A source: its terms and what it holds."""
    found = here.desk.sources.get(name)
    return here.page("source.html", source=found, today=here.desk.clock().date())


@pages.act("/sources/{name}/{event}", access=Permission.MANAGE_SOURCES)
def change(here: Here, name: str, event: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - the form is checked
    """Takes a source out of every search, or back in. Withdrawing destroys, so it is left to the command line."""
    steps = {"suspend": here.desk.sources.suspend, "resume": here.desk.sources.resume}
    if event not in steps:
        raise NotFound(what="step", name=event, hint="suspend, resume")
    return go_on_to(source_address(steps[event](name).name))
