"""Withdrawing a source, and erasing a face or a picture of it: confirmed by typing its name, done by a job."""

from __future__ import annotations

from enum import StrEnum

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue, NotFound, WrongState
from lineament.model.accounts import Permission
from lineament.model.faces import CaptureId, FaceId
from lineament.model.jobs import Job
from lineament.model.sources import SourceState
from lineament.web.forms import SentForm
from lineament.web.pages import CurrentVisit, Form, Pages, redirect

pages = Pages()

LARGEST_NUMBER = 2**63 - 1


class Erased(StrEnum):
    """What the form erases."""

    FACE = "face"
    PICTURE = "picture"


@pages.page("/sources/{name}/withdraw", access=Permission.MANAGE_SOURCES)
def withdrawal(visit: CurrentVisit, name: str) -> HTMLResponse:
    """The form that withdraws a source for good, with what would be destroyed."""
    found = visit.desk.sources.get(name)
    if found.state is SourceState.WITHDRAWN:
        raise WrongState(what="source", name=name, state=found.state.value, event="withdrawn")
    return visit.page("source_withdraw.html", source=found, under_way=visit.desk.requested_erasures.under_way(name))


@pages.act("/sources/{name}/withdraw", access=Permission.MANAGE_SOURCES, page=withdrawal)
def withdraw(visit: CurrentVisit, name: str, form: Form) -> RedirectResponse:
    """Take a source out of every search at once, and queue the job that destroys everything of it."""
    _require_typed(form, visit.desk.sources.get(name).name)
    return _to(visit.desk.requested_erasures.withdraw(name, form.text("reason")))


@pages.page("/sources/{name}/erase", access=Permission.MANAGE_SOURCES)
def erasure(visit: CurrentVisit, name: str, face: int = 0, picture: int = 0) -> HTMLResponse:
    """The form that erases a face or a picture of a source; a link to it may name which."""
    found = visit.desk.sources.get(name)
    if found.state is SourceState.WITHDRAWN:
        raise WrongState(what="source", name=name, state=found.state.value, event="erased from")
    return visit.page("source_erase.html", source=found, of="face" if face else "picture", number=face or picture)


@pages.act("/sources/{name}/erase", access=Permission.MANAGE_SOURCES, page=erasure)
def erase(visit: CurrentVisit, name: str, form: Form) -> RedirectResponse:
    """Queue the job that erases a face or a picture of a source."""
    of, number = form.choice("of", Erased), form.whole("number")
    found = visit.desk.sources.get(name)
    _require_typed(form, found.name)
    erasures, reason = visit.desk.requested_erasures, form.text("reason")
    try:
        if not 0 < number <= LARGEST_NUMBER:
            raise NotFound(what=of.value, name=number, hint="")
        if of is Erased.FACE:
            return _to(erasures.face(found.name, FaceId(number), reason))
        return _to(erasures.capture(found.name, CaptureId(number), reason))
    except NotFound:
        why = f"{found.name} has no such {of.value}"
        raise InvalidValue(what="The number", value=number, why=why, field="number") from None


def _require_typed(form: SentForm, name: str) -> None:
    """Raise InvalidValue unless the name of the source was typed to confirm."""
    typed = form.text("confirm")
    if typed != name:
        raise InvalidValue(what="The confirmation", value=typed[:80], why=f"type {name}", field="confirm")


def _to(job: Job) -> RedirectResponse:
    return redirect(f"/jobs/{job.id}")
