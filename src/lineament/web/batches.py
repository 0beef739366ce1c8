"""A batch of photographs: sent one by one, a face chosen where there are several, and searched by a job."""

from __future__ import annotations

from contextlib import suppress

from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from lineament.errors import InvalidValue, NotFound
from lineament.model.accounts import Permission
from lineament.model.jobs import Job
from lineament.model.search import USUAL_CANDIDATES, Mode, ProbeKind, SearchRequest
from lineament.services.batches import MOST_SENT, ShownBatch
from lineament.web.addresses import batch_address
from lineament.web.forms import SentForm
from lineament.web.jobs import live_job
from lineament.web.obstacles import obstacles
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect
from lineament.web.phrases import distressing
from lineament.web.probes import new_search

pages = Pages()
_MODES = (Mode.IDENTIFICATION, Mode.INVESTIGATION)


@pages.act("/batches", access=Permission.OPEN_CASES, page=new_search)
def begin(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Begin a batch in a case, with its first photograph if one is sent."""
    ref = form.text("case")
    if not ref:
        why = "choose the case that the photographs belong to"
        raise InvalidValue(what="The case", value="", why=why, field="case")
    kind = form.choice("kind", ProbeKind) if form.text("kind") else None
    batch = visit.desk.batches.begin(ref, kind)
    _add(visit, batch.id, form)
    return redirect(batch_address(batch.id))


@pages.page("/batches/{batch_id}", access=Permission.READ_CASES)
def batch(visit: CurrentVisit, batch_id: str) -> HTMLResponse:
    """The photographs of a batch: what was found in each, what needs a choice, and what became of it."""
    job = _job_of(visit, batch_id)  # before the photographs: when it had ended, they show all that it did
    shown = visit.desk.batches.show(batch_id)
    today = visit.desk.clock().date()
    sources = [source for source in visit.desk.sources.list() if source.why_closed(today) is None]
    outlook = visit.desk.casework.outlook(shown.case.key)
    return visit.page(
        "batch.html",
        case=shown.case,
        batch=shown.batch,
        rows=shown.rows,
        waiting=sum(row.state in {"waits", "choose a face"} for row in shown.rows),
        job=job,
        sources=sources,
        chosen=None if shown.batch.settings is None else shown.batch.settings["sources"],
        limit=USUAL_CANDIDATES,
        most=visit.desk.settings.max_file_bytes,
        most_sent=MOST_SENT,
        may_add=Permission.OPEN_CASES in outlook.may,
        may_search=Permission.SEARCH in outlook.may,
        against=obstacles(visit.desk, shown.case.key, back=batch_address(batch_id)),
        veiled=distressing(shown.case),
    )


@pages.page("/batches/{batch_id}/progress", access=Permission.READ_CASES)
def progress(visit: CurrentVisit, batch_id: str) -> JSONResponse:
    """The progress of the job that searches a batch, as JSON for the script of its page."""
    job = _job_of(visit, batch_id)
    return JSONResponse({"jobs": [] if job is None else [live_job(job)]})


@pages.act("/batches/{batch_id}/photographs", access=Permission.OPEN_CASES, page=batch)
def add(visit: CurrentVisit, batch_id: str, form: Form) -> RedirectResponse:
    """Add a photograph to a batch."""
    if not form.files.get("photograph"):
        raise InvalidValue(what="The photograph", value="", why="choose a file", field="photograph")
    _add(visit, batch_id, form)
    return redirect(batch_address(batch_id))


@pages.act("/batches/{batch_id}/search", access=Permission.SEARCH, page=batch)
def search(visit: CurrentVisit, batch_id: str, form: Form) -> RedirectResponse:
    """Search the photographs of a batch whose face is known, one after another."""
    shown = visit.desk.batches.show(batch_id)
    faces = {row.photograph.id: _face(form, row.photograph.id) for row in shown.rows}
    chosen = {photograph: face for photograph, face in faces.items() if face is not None}
    visit.desk.batches.start(batch_id, chosen, _request(shown, form))
    return redirect(batch_address(batch_id))


def _add(visit: Visit, batch_id: str, form: SentForm) -> None:
    if untrusted := form.files.get("photograph", b""):
        visit.desk.batches.add(batch_id, form.file_names.get("photograph") or "photograph", untrusted)


def _face(form: SentForm, photograph: str) -> int | None:
    name = f"face-{photograph}"
    return form.whole(name) if form.text(name) else None


def _request(shown: ShownBatch, form: SentForm) -> SearchRequest:
    if not form.text("reason"):
        why = "say why these faces are searched; the reason is recorded"
        raise InvalidValue(what="The reason", value="", why=why, field="reason")
    if not form.all("source"):
        raise InvalidValue(what="The choice of sources", value="", why="choose at least one", field="source")
    mode = form.choice("mode", Mode)
    if mode not in _MODES:
        raise InvalidValue(what="The kind of list", value=mode.value, why="choose one of the two", field="mode")
    return SearchRequest(
        case=shown.case.key,
        reason=form.text("reason"),
        sources=form.all("source"),
        limit=form.whole("limit"),
        mode=mode,
    )


def _job_of(visit: Visit, batch_id: str) -> Job | None:
    """Return the job that searches a batch, if the visitor may see it. Raises NotFound if there is no such batch."""
    job_id = visit.desk.batches.get(batch_id).job_id
    with suppress(NotFound):
        return None if job_id is None else visit.desk.jobs.show(job_id)
    return None
