"""Registering a source: who supplies its pictures, on what legal basis, and until when."""

from __future__ import annotations

from datetime import date

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import AlreadyThere, HostRefused, InvalidValue, NotFound
from lineament.model.accounts import Permission
from lineament.model.sources import SourceTerms, read_share
from lineament.services.gallery.register import PermissionDocument
from lineament.web.addresses import source_address
from lineament.web.forms import SentForm
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect

pages = Pages()


@pages.page("/register-source", access=Permission.MANAGE_SOURCES)
def new_source(visit: CurrentVisit) -> HTMLResponse:
    """The form that registers a source; if there is one of that name, with the way to it."""
    approval = visit.desk.sources.needs_approval()
    return visit.page("source_new.html", approval=approval, problem_link=_existing(visit))


def _existing(visit: Visit) -> tuple[str, str] | None:
    """Return the words and the address of the source whose name was typed again; None if it is not visible."""
    if visit.rejected is None or not isinstance(visit.rejected.error, AlreadyThere):
        return None
    try:
        found = visit.desk.sources.get(visit.typed("name").strip())
    except NotFound:
        return None
    registered = found.registered_at.astimezone().date()
    return f"The source {found.name}, registered on {registered}", source_address(found.name)


@pages.act("/register-source", access=Permission.MANAGE_SOURCES, page=new_source)
def register(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Register a source. In an agency it is a draft until somebody else approves it."""
    terms = _terms(form)
    if terms.expires_on is not None and terms.expires_on < visit.desk.clock().date():
        raise InvalidValue(what="The last day", value=terms.expires_on, why="it is in the past", field="expires")
    try:
        found = visit.desk.sources.add(terms, sent_permission(form), _shares(form))
    except HostRefused as error:
        host, why = error.details["host"], error.details["why"]
        raise InvalidValue(what="A host", value=host, why=why, field="hosts") from None
    except NotFound as error:
        why = "there is no such agency; write its name as it is registered"
        raise InvalidValue(what="An agency", value=error.details["name"], why=why, field="shares") from None
    return redirect(source_address(found.name))


def sent_permission(form: SentForm) -> PermissionDocument | None:
    """Return the document that was chosen in the form; None if none was."""
    untrusted = form.files.get("permission") or None
    if untrusted is None:
        return None
    return PermissionDocument(name=form.file_names.get("permission", ""), untrusted=untrusted)


def _terms(form: SentForm) -> SourceTerms:
    return SourceTerms(
        name=form.text("name"),
        controller=form.text("controller"),
        basis=form.text("basis"),
        jurisdiction=form.text("jurisdiction").upper(),
        expires_on=form.day("expires"),
        retention_days=form.whole("retention-days") if form.text("retention-days") else None,
        page_base=form.text("page-base") or None,
        hosts=tuple(form.text("hosts").split()),
        licence=form.text("licence") or None,
        contact=form.text("contact") or None,
    )


def _shares(form: SentForm) -> dict[str, date | None]:
    """Return the agencies that alone may search it, one on each line; empty if every agency may."""
    lines = [line.strip() for line in form.text("shares").splitlines()]
    return dict(read_share(line) for line in lines if line)
