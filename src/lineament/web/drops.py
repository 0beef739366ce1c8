"""Taking pictures in through the browser: files and folders are dropped, sent part by part, and ingested by a job."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from lineament.errors import InvalidValue, LineamentError
from lineament.model.accounts import Permission
from lineament.model.drops import PART, DroppedFile, OfferedFile
from lineament.model.jobs import Job
from lineament.services.gallery.take_in import MOST_LISTED, DropStanding, SentPart
from lineament.views import jobs as job_views
from lineament.views.failures import UNFORESEEN, failure_for
from lineament.web.addresses import source_address
from lineament.web.forms import SentForm
from lineament.web.pages import CurrentVisit, Form, Pages, PartsForm, redirect

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

pages = Pages()

SHOWN = 100
"""Most refused files that the page names."""
_LARGEST_NUMBER = 2**53  # that JavaScript knows exactly


def _for_script(act: Endpoint) -> Endpoint:
    """Answer errors of an endpoint as JSON, for the script of the page."""

    @wraps(act)
    def endpoint(**arguments: Any) -> Response:
        try:
            response: Response = act(**arguments)
        except LineamentError as error:
            if failure_for(error) is UNFORESEEN:
                raise
            status = failure_for(error).status
            return JSONResponse({"code": error.code, "why": str(error)}, status_code=status)
        return response

    return endpoint  # type: ignore[return-value]  # same signature, by functools.wraps


@pages.page("/sources/{name}/take-in", access=Permission.MANAGE_SOURCES)
def take_in(visit: CurrentVisit, name: str) -> HTMLResponse:
    """Take pictures in: files and whole folders are dropped here, and sent again only where something is missing."""
    source = visit.desk.sources.get(name)
    today = visit.desk.clock().date()
    return visit.page(
        "take_in.html",
        source=source,
        today=today,
        closed=source.why_closed(today),
        standing=visit.desk.take_in.current(name),
        part=PART,
    )


@pages.act("/sources/{name}/take-in", access=Permission.MANAGE_SOURCES, page=None)
@_for_script
def begin(visit: CurrentVisit, name: str, form: Form) -> Response:  # noqa: ARG001 - its token was checked
    """Begin a drop, or go on with the one that is under way."""
    return JSONResponse(_standing(visit, visit.desk.take_in.standing(name, visit.desk.take_in.begin(name).id)))


@pages.page("/sources/{name}/take-in/{drop_id}", access=Permission.MANAGE_SOURCES)
@_for_script
def standing(visit: CurrentVisit, name: str, drop_id: str) -> Response:
    """How much of a drop has arrived and was taken in, as JSON for the script of the page."""
    return JSONResponse(_standing(visit, visit.desk.take_in.standing(name, drop_id)))


@pages.page("/sources/{name}/take-in/{drop_id}/missing", access=Permission.MANAGE_SOURCES)
@_for_script
def missing(visit: CurrentVisit, name: str, drop_id: str, after: int = 0) -> Response:
    """The next files of a drop of which something is yet to arrive, as JSON."""
    number = min(max(after, 0), _LARGEST_NUMBER)
    return JSONResponse({"files": _files(visit.desk.take_in.missing(name, drop_id, number, MOST_LISTED))})


@pages.act("/sources/{name}/take-in/{drop_id}/list", access=Permission.MANAGE_SOURCES, page=None, parts=True)
@_for_script
def offer(visit: CurrentVisit, name: str, drop_id: str, form: PartsForm) -> Response:
    """List files of a drop, a page at a time; the answer says what of each has arrived."""
    offered = [_offered(entry) for entry in _entries(form.files.get("list", b""), "list")]
    files = visit.desk.take_in.offer(name, drop_id, offered, last=form.text("last") == "yes")
    return JSONResponse({"files": _files(files)})


@pages.act("/sources/{name}/take-in/{drop_id}/parts", access=Permission.MANAGE_SOURCES, page=None, parts=True)
@_for_script
def parts(visit: CurrentVisit, name: str, drop_id: str, form: PartsForm) -> Response:
    """Send parts of files; the answer says how many bytes of each file are durable."""
    unreadable = [_whole(entry) for entry in _entries(form.text("unreadable").encode() or b"[]", "unreadable")]
    if unreadable:
        visit.desk.take_in.give_up(name, drop_id, unreadable)
    received = visit.desk.take_in.take(name, drop_id, _parts(form))
    return JSONResponse({"received": sorted(received.items())})


@pages.act("/sources/{name}/take-in/{drop_id}/stop", access=Permission.MANAGE_SOURCES, page=take_in)
def stop(visit: CurrentVisit, name: str, drop_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Delete what of a drop is not taken in yet; what is taken in stays."""
    visit.desk.take_in.stop(name, drop_id)
    return redirect(f"{source_address(name)}/take-in")


# ---------------------------------------------------------------- JSON


def _standing(visit: CurrentVisit, found: DropStanding) -> dict[str, Any]:
    drop, run, job = found.drop, found.run, found.job
    return {
        "drop": drop.id,
        "csrf": visit.session.csrf,
        "files": drop.files,
        "bytes": drop.bytes,
        "listed": drop.listed,
        "over": drop.ended_at is not None,
        "arrived": {"files": found.arrived.files, "bytes": found.arrived.bytes, "refused": found.arrived.refused},
        "job": None if job is None else _job(job),
        "why": None if job is None or job.error is None else job.error.message,
        "run": None if run is None else {"id": run.id, "counts": run.counts, "seen": run.seen, "faces": run.faces},
        "refusals": [list(refusal) for refusal in found.refusals[:SHOWN]],
    }


def _job(job: Job) -> dict[str, Any]:
    line = job_views.progress_line(job)
    return {"id": job.id, "standing": job_views.standing(job), "ended": job.ended, "line": line}


def _files(files: list[DroppedFile]) -> list[list[Any]]:
    return [[file.number, file.received, file.size, file.why] for file in files]


def _entries(untrusted: bytes, name: str) -> list[Any]:
    """Return the list in a field that holds JSON. Raises InvalidValue."""
    try:
        found = json.loads(untrusted)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise InvalidValue(what="The list", value="…", why="it is not a list in JSON", field=name)
    return found


def _offered(entry: Any) -> OfferedFile:
    if not (isinstance(entry, list) and len(entry) == 3 and isinstance(entry[0], str)):
        raise InvalidValue(what="The list", value="…", why="each file has a path, a size and a time", field="list")
    return OfferedFile(path=entry[0], size=_whole(entry[1]), modified=_whole(entry[2], least=-_LARGEST_NUMBER))


def _whole(entry: Any, least: int = 0) -> int:
    if isinstance(entry, bool) or not isinstance(entry, int) or not least <= entry <= _LARGEST_NUMBER:
        raise InvalidValue(what="A number", value=str(entry)[:40], why="it is not a whole number in its range")
    return entry


def _parts(form: SentForm) -> list[SentPart]:
    """Return the parts in a form: “parts” has the file, the first byte and the length of each in “content”."""
    content, at, found = memoryview(form.files.get("content", b"")), 0, []
    for entry in _entries(form.text("parts").encode() or b"[]", "parts"):
        if not (isinstance(entry, list) and len(entry) == 3):
            why = "each has the number of a file, its first byte and its length"
            raise InvalidValue(what="The parts", value="…", why=why, field="parts")
        number, first, length = map(_whole, entry)
        found.append(SentPart(number=number, first=first, untrusted=content[at : at + length]))
        at += length
    if at != len(content):
        raise InvalidValue(what="The parts", value=f"{len(content):,} bytes", why=f"they name {at:,}", field="parts")
    return found
