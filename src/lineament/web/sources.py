"""Sources: who gave us images, on what basis, and for how long."""

from __future__ import annotations

from urllib.parse import quote

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import InvalidValue, NotFound, WrongState
from lineament.model.accounts import Permission
from lineament.model.sources import Source, SourceState
from lineament.services.jobs.kinds import INGEST, ingest_arguments
from lineament.sources.crawl.registration import crawl_name
from lineament.web.addresses import source_address
from lineament.web.pages import Form, Here, Pages, go_on_to

pages = Pages()

NEWEST = 20
"""Runs on the page of a source."""
_FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""For a stranger's bytes: they are saved, and nothing in them runs."""


@pages.page("/sources", access=Permission.READ_SOURCES)
def sources(here: Here) -> HTMLResponse:
    """Every registered source."""
    today = here.desk.clock().date()
    listed = here.desk.sources.list()
    faces = sum(source.faces for source in listed if source.why_closed(today) is None)
    return here.page("sources.html", sources=listed, today=today, faces=faces, fresh=here.desk.sources.fresh())


@pages.page("/sources/{name}", access=Permission.READ_SOURCES)
def source(here: Here, name: str) -> HTMLResponse:
    """A source: its terms and what it holds."""
    found = here.desk.sources.get(name)
    manages = here.desk.official.may(Permission.MANAGE_SOURCES)
    standing = here.desk.sources.standing(name) if manages else None
    runs = here.desk.sources.runs(name, limit=NEWEST) if manages else []
    own = next((one for one in found.shares or () if one.agency_id == here.desk.official.agency_id), None)
    now = here.desk.clock()
    return here.page(
        "source.html",
        source=found,
        now=now,
        today=now.date(),
        standing=standing,
        own=own,
        runs=runs,
        jobs=here.desk.jobs.of_source(found.id) if manages else [],
        crawlable=crawlable(found) if manages else [],
        key=here.desk.audit.public_key,
    )


@pages.page("/sources/{name}/runs/{run_id}", access=Permission.MANAGE_SOURCES)
def run(here: Here, name: str, run_id: int) -> HTMLResponse:
    """What one run of a connector brought, and what it refused and why."""
    found, refusals = here.desk.sources.run(name, run_id)
    source = here.desk.sources.get(name)
    crawls = found.connector == "site" and found.ended_at is None
    progress = here.workspace.crawls.progress(source, crawl_name(found.what)) if crawls else None
    jobs = here.desk.jobs.of_source(source.id) if found.ended_at is None else []
    return here.page(
        "run.html",
        source=source,
        run=found,
        refusals=refusals,
        now=here.desk.clock(),
        progress=progress,
        jobs=jobs,
    )


@pages.page("/sources/{name}/permission", access=Permission.MANAGE_SOURCES)
def permission(here: Here, name: str) -> Response:
    """The document that grants a source, to be saved; that it was opened is on the record before a byte is given."""
    untrusted, filename = here.desk.sources.permission(name)
    return _saved(untrusted, filename)


@pages.act("/sources/{name}/receipt", access=Permission.MANAGE_SOURCES)
def receipt(here: Here, name: str, sent: Form) -> Response:  # noqa: ARG001 - the form is checked
    """The signed receipt of a withdrawn source, to be saved; what is left of it is looked for first."""
    source = here.desk.sources.get(name)
    if source.state is not SourceState.WITHDRAWN:
        raise WrongState(what="source", name=name, state=source.state.value, event="given a receipt")
    return _saved(here.desk.erase.receipt(name).encode(), f"{name}-receipt.json")


@pages.act("/sources/{name}/crawl", access=Permission.MANAGE_SOURCES)
def crawl(here: Here, name: str, sent: Form) -> RedirectResponse:
    """Queues a crawl of one host that the source lists, from its first page."""
    source, host = here.desk.sources.get(name), sent.text("host")
    if host not in crawlable(source):
        raise InvalidValue(what="The host", value=host[:100], why="choose one of those that the source lists")
    arguments = ingest_arguments(source.name, [f"https://{host}/"], "site")
    return go_on_to(f"/jobs/{here.desk.jobs.add(INGEST, arguments, source=source.name).id}")


def crawlable(source: Source) -> list[str]:
    """The hosts that a crawl may begin at: listed by name, by a live source that says whom they may complain to."""
    if source.state is not SourceState.LIVE or source.terms.contact is None:
        return []
    return [host for host in source.terms.hosts if not host.startswith("*.")]


@pages.act("/sources/{name}/{event}", access=Permission.MANAGE_SOURCES)
def change(here: Here, name: str, event: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - the form is checked
    """Approves what somebody else drafted; takes a source out of every search, or back in.

    Withdrawing destroys, so it is left to the command line.
    """
    register = here.desk.sources
    steps = {"approve": register.approve, "suspend": register.suspend, "resume": register.resume}
    if event not in steps:
        raise NotFound(what="step", name=event, hint=", ".join(steps))
    return go_on_to(source_address(steps[event](name).name))


def _saved(untrusted: bytes, filename: str) -> Response:
    return Response(
        untrusted,
        media_type="application/octet-stream",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
            "content-security-policy": _FILE_POLICY,
        },
    )
