"""Sources: who gave us images, on what legal basis, and for how long."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import NotFound, WrongState
from lineament.model.accounts import Permission
from lineament.model.faces import DRAWN
from lineament.model.sources import Source, SourceState
from lineament.services.gallery.draw import LEAST_SIDE
from lineament.services.gallery.unsearched import Which
from lineament.services.jobs.kinds import INGEST, LOOK_AGAIN, crawl_arguments, look_again_arguments
from lineament.web import coverage
from lineament.web.addresses import source_address
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, download, image, redirect
from lineament.web.phrases import run_state
from lineament.web.registering import sent_permission
from lineament.web.runs import NEWEST, job_of

pages = Pages()


@pages.page("/sources", access=Permission.READ_SOURCES)
def sources(visit: CurrentVisit) -> HTMLResponse:
    """Every registered source."""
    today = visit.desk.clock().date()
    listed = visit.desk.sources.list()
    faces = sum(source.faces for source in listed if source.why_closed(today) is None)
    return visit.page("sources.html", sources=listed, today=today, faces=faces, fresh=visit.desk.sources.fresh())


@pages.page("/sources/{name}", access=Permission.READ_SOURCES)
def source(visit: CurrentVisit, name: str, faces: str = "") -> HTMLResponse:
    """A source: its terms, what it holds, and on request its newest faces, which is recorded."""
    found = visit.desk.sources.get(name)
    manages = visit.desk.official.may(Permission.MANAGE_SOURCES)
    standing = visit.desk.sources.standing(name) if manages else None
    jobs = visit.desk.jobs.newest_of_source(found.id) if manages else []  # before the runs that they make
    runs = visit.desk.sources.runs(name, limit=NEWEST) if manages else []
    agency_id = visit.desk.official.agency_id
    own = next((share for share in found.shares or () if share.agency_id == agency_id), None)
    now = visit.desk.clock()
    return visit.page(
        "source.html",
        source=found,
        now=now,
        today=now.date(),
        standing=standing,
        **_fresh(visit, found, mosaic=faces == "newest"),
        own=own,
        runs=runs,
        looked_at=visit.desk.look_again.others(name, visit.workspace.next_model) if manages else {},
        erasures=visit.desk.requested_erasures.under_way(name) if manages else [],
        jobs=[job for job in jobs if not job.ended],
        states={run.id: run_state(run, now, job_of(run, jobs)) for run in runs},
        crawlable=found.crawl_starts if manages else (),
        key=visit.desk.audit.public_key,
    )


def _fresh(visit: Visit, source: Source, *, mosaic: bool) -> dict[str, Any]:
    """Return how fresh a source is, for those who manage it while there is something of it; else nothing."""
    kept = source.state in {SourceState.LIVE, SourceState.SUSPENDED}
    if not kept or not source.captures or not visit.desk.official.may(Permission.MANAGE_SOURCES):
        return {"freshness": None}
    freshness = visit.desk.newest_faces.freshness(source.name)
    return {
        "freshness": freshness,
        "bars": coverage.bars(freshness.days),
        "coverage_words": coverage.in_words(freshness.days),
        "mosaic": visit.desk.newest_faces.faces(source.name) if mosaic else None,
    }


@pages.page("/sources/{name}/newest/{face_id}/crop", access=Permission.MANAGE_SOURCES)
def newest_crop(visit: CurrentVisit, name: str, face_id: int) -> Response:
    """One of the newest faces of a source."""
    return image(visit.desk.newest_faces.crop(name, face_id))


@pages.page("/sources/{name}/without-face", access=Permission.MANAGE_SOURCES)
def without_face(visit: CurrentVisit, name: str, after: int = 0, run: int | None = None) -> HTMLResponse:
    """The pictures of a source, or of one of its runs, in which no face was found; reading them is recorded."""
    listed = visit.desk.unsearched.page(name, Which.WITHOUT_FACE, max(after, 0), run_id=run)
    return visit.page("unsearched.html", listed=listed)


@pages.page("/sources/{name}/not-comparable", access=Permission.MANAGE_SOURCES)
def not_comparable(visit: CurrentVisit, name: str, after: int = 0) -> HTMLResponse:
    """The faces of a source that are too weak to be compared, and why; reading them is recorded."""
    return visit.page("unsearched.html", listed=visit.desk.unsearched.page(name, Which.NOT_COMPARABLE, max(after, 0)))


@pages.page("/sources/{name}/pictures/{capture_id}/thumbnail", access=Permission.MANAGE_SOURCES)
def unsearched_thumbnail(visit: CurrentVisit, name: str, capture_id: int) -> Response:
    """A picture without a face, small, without metadata."""
    return image(visit.desk.unsearched.thumbnail(name, capture_id))


@pages.page("/sources/{name}/pictures/{capture_id}", access=Permission.MANAGE_SOURCES)
def picture(visit: CurrentVisit, name: str, capture_id: int) -> HTMLResponse:
    """A picture of a source, to draw a box around a face that the detector missed; looking at it is recorded."""
    shown = visit.desk.draw_faces.page(name, capture_id)
    return visit.page("picture.html", shown=shown, drawn_words=DRAWN, least_side=LEAST_SIDE)


@pages.page("/sources/{name}/pictures/{capture_id}/picture", access=Permission.MANAGE_SOURCES)
def picture_itself(visit: CurrentVisit, name: str, capture_id: int) -> Response:
    """The picture for the screen."""
    return image(visit.desk.draw_faces.picture(name, capture_id))


@pages.act("/sources/{name}/pictures/{capture_id}/add-face", access=Permission.MANAGE_SOURCES, page=picture)
def add_face(visit: CurrentVisit, name: str, capture_id: int, form: Form) -> RedirectResponse:
    """Enrol the face in the box drawn, and record who drew it."""
    visit.desk.draw_faces.add(name, capture_id, form.region())
    return redirect(f"{source_address(name)}/pictures/{capture_id}")


@pages.page("/sources/{name}/faces/{face_id}/crop", access=Permission.MANAGE_SOURCES)
def unsearched_crop(visit: CurrentVisit, name: str, face_id: int) -> Response:
    """A face that cannot be compared."""
    return image(visit.desk.unsearched.crop(name, face_id))


@pages.page("/sources/{name}/permission", access=Permission.MANAGE_SOURCES)
def permission(visit: CurrentVisit, name: str) -> Response:
    """Save the document that permits a source; the opening is recorded before a byte is sent."""
    untrusted, filename = visit.desk.sources.permission(name)
    return download(untrusted, filename)


@pages.act("/sources/{name}/receipt", access=Permission.MANAGE_SOURCES, page=source)
def receipt(visit: CurrentVisit, name: str, form: Form) -> Response:  # noqa: ARG001 - its token was checked
    """Save the signed receipt of a withdrawn source, after checking that nothing is left of it."""
    found = visit.desk.sources.get(name)
    if found.state is not SourceState.WITHDRAWN:
        raise WrongState(what="source", name=name, state=found.state.value, event="given a receipt")
    return download(visit.desk.erase.receipt(name).encode(), f"{name}-receipt.json")


@pages.act("/sources/{name}/crawl", access=Permission.MANAGE_SOURCES, page=source)
def crawl(visit: CurrentVisit, name: str, form: Form) -> RedirectResponse:
    """Queue a crawl of one host that the source lists, from one of its pages on."""
    found = visit.desk.sources.get(name)
    arguments = crawl_arguments(found, form.text("host"), form.text("path") or "/")
    return redirect(f"/jobs/{visit.desk.jobs.add(INGEST, arguments, source=found.name).id}")


@pages.act("/sources/{name}/look-again", access=Permission.MANAGE_SOURCES, page=source)
def look_again(visit: CurrentVisit, name: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Queue a second look at the pictures that another model looked at."""
    job = visit.desk.jobs.add(LOOK_AGAIN, look_again_arguments(name), source=name)
    return redirect(f"/jobs/{job.id}")


@pages.act("/sources/{name}/approve", access=Permission.MANAGE_SOURCES, page=source)
def approve(visit: CurrentVisit, name: str, form: Form) -> RedirectResponse:
    """Approve what somebody else drafted, with the document that permits it if the draft has none."""
    return redirect(source_address(visit.desk.sources.approve(name, sent_permission(form)).name))


@pages.act("/sources/{name}/decline", access=Permission.MANAGE_SOURCES, page=source)
def decline(visit: CurrentVisit, name: str, form: Form) -> RedirectResponse:
    """Decline what somebody else drafted, with the reason; its key and its document are destroyed."""
    visit.desk.erase.decline(name, form.text("reason"))
    return redirect(source_address(name))


@pages.act("/sources/{name}/blur", access=Permission.MANAGE_SOURCES, page=source)
def set_blur(visit: CurrentVisit, name: str, form: Form) -> RedirectResponse:
    """Say whether the pictures of a source are distressing, and so blurred until pointed at."""
    return redirect(source_address(visit.desk.sources.set_distressing(name, bool(form.text("distressing"))).name))


@pages.act("/sources/{name}/{event}", access=Permission.MANAGE_SOURCES, page=source)
def change(visit: CurrentVisit, name: str, event: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Suspend a source from every search, or resume it."""
    register = visit.desk.sources
    changes = {"suspend": register.suspend, "resume": register.resume}
    if event not in changes:
        raise NotFound(what="step", name=event, hint=", ".join(changes))
    return redirect(source_address(changes[event](name).name))
