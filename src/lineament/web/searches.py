"""A search: its candidate list, and a candidate beside the probe."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import CandidateErased
from lineament.model.accounts import Permission
from lineament.model.cases import Case, CaseState
from lineament.model.faces import DRAWN, CaptureId
from lineament.model.search import missed_words, uncompared_words
from lineament.sources.html.inert import inert
from lineament.sources.webarchive.archived import html_of
from lineament.store.searches import StoredSearch
from lineament.vision.level import level
from lineament.web.addresses import probe_address
from lineament.web.lists import cards
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, image, redirect
from lineament.web.phrases import distressing
from lineament.web.security import POLICY

pages = Pages()

_SHOWN_BY_BROWSERS = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"})
_ORIGINAL_POLICY = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""For untrusted bytes: nothing may run. The style is the browser's own, around a picture shown by itself."""

_ARCHIVED_POLICY = POLICY + "; frame-src 'none'"
"""Around an archived page in its sandboxed frame, which inherits it. There is nothing in the page for it to stop."""
_BEFORE_PAGE = (
    '<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    "<meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; form-action 'none'; base-uri 'none'\">"
)
"""Before the archived page itself: its addresses are not requested from this server either."""


@pages.page("/searches/{search_id}", access=Permission.READ_CASES)
def result(visit: CurrentVisit, search_id: str) -> HTMLResponse:
    """The candidate list, or that there is no candidate."""
    stored = visit.desk.search.read(search_id)
    case = visit.desk.casework.get(stored.result.case_key)
    listed = cards(stored, visit.desk.pictures.reliable(search_id))
    sources = sorted({card.entry.candidate.source for card in listed if card.entry is not None})
    return visit.page(
        "result.html",
        case=case,
        search=stored.result,
        probe=visit.desk.probes.get(stored.result.probe_id),
        examiner_then=stored.examiner,
        commitment=stored.commitment,
        cards=listed,
        sources=sources,
        blurred=visit.desk.sources.blurred(sources),
        missed=missed_words(stored.result),
        uncompared=uncompared_words(stored.result),
        veiled=distressing(case),
    )


@pages.page("/searches/{search_id}/candidates/{rank}", access=Permission.READ_CASES)
def candidate(visit: CurrentVisit, search_id: str, rank: int) -> HTMLResponse:
    """A candidate beside the probe, with where its picture was found."""
    stored = visit.desk.search.stored(search_id)
    search = stored.result
    case = visit.desk.casework.get(search.case_key)
    try:
        shown = visit.desk.pictures.beside_probe(search_id, rank)
    except CandidateErased as error:
        return _erased(visit, case, stored, error)
    found = next(candidate for candidate in search.candidates if candidate.rank == rank)
    asked = search.asked(found.person)
    probe = visit.desk.probes.get(asked.probe_id)
    probe_face, face = probe.faces[asked.face - 1], shown.face
    others = [other.rank for other in search.candidates]
    alike = next(entry for entry in search.entries if found in (entry.candidate, *entry.further))
    blurred = visit.desk.sources.blurred(other.source for other in (alike.candidate, *alike.further))
    return visit.page(
        "compare.html",
        case=case,
        search=search,
        candidate=found,
        asked=asked,
        probe=probe,
        listed=len(search.candidates) + len(stored.erased),
        capture=shown.capture,
        facts=shown.facts,
        quality=face.quality,
        elsewhere=visit.desk.pictures.elsewhere(search_id, rank),
        levels=(level(probe_face.box, probe_face.landmarks), level(face.box, face.landmarks)),
        earlier=max((other for other in others if other < rank), default=None),
        alike=[other for other in (alike.candidate, *alike.further) if other.rank != rank],
        unlisted=alike.unlisted,
        missed=missed_words(search),
        drawn=DRAWN if face.drawn else "",
        later=min((other for other in others if other > rank), default=None),
        blurred=blurred,
        may_copy=case.state is CaseState.OPEN and visit.desk.copies.may(search_id, rank),
        why_no_copy=visit.desk.copies.why_not(search_id, rank),
        veiled=distressing(case) or found.source in blurred,
    )


def _erased(visit: Visit, case: Case, stored: StoredSearch, error: CandidateErased) -> HTMLResponse:
    """Return the page of a candidate that was erased since: what is left of it, and when that happened."""
    rank = error.details["rank"]
    page = visit.page(
        "erased.html",
        case=case,
        search=stored.result,
        erased=next(erased for erased in stored.erased if erased.rank == rank),
        erased_at=error.details["at"],
    )
    page.status_code = 410
    return page


@pages.page("/searches/{search_id}/candidates/{rank}/crop", access=Permission.READ_CASES)
def candidate_crop(visit: CurrentVisit, search_id: str, rank: int) -> Response:
    """The candidate's face."""
    return image(visit.desk.pictures.crop(search_id, rank))


@pages.page("/searches/{search_id}/candidates/{rank}/thumbnail", access=Permission.READ_CASES)
def candidate_thumbnail(visit: CurrentVisit, search_id: str, rank: int) -> Response:
    """The whole picture, small, without metadata."""
    return image(visit.desk.pictures.thumbnail(search_id, rank))


@pages.act("/searches/{search_id}/candidates/{rank}/probe", access=Permission.OPEN_CASES, page=candidate)
def search_with(visit: CurrentVisit, search_id: str, rank: int, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Make a photograph of the candidate's picture, to search with this face."""
    copy = visit.desk.copies.take(search_id, rank)
    return redirect(f"{probe_address(copy.probe.id)}?face={copy.face}")


@pages.act("/searches/{search_id}/candidates/{rank}/original", access=Permission.READ_CASES, page=None)
def candidate_original(visit: CurrentVisit, search_id: str, rank: int, form: Form) -> Response:  # noqa: ARG001
    """Open the original as found, in a new tab; the opening is recorded before a byte is sent."""
    untrusted, media_type = visit.desk.pictures.original(search_id, rank)
    shown = media_type in _SHOWN_BY_BROWSERS
    return Response(
        untrusted,
        media_type=media_type if shown else "application/octet-stream",
        headers={
            "content-disposition": "inline" if shown else 'attachment; filename="original"',
            "content-security-policy": _ORIGINAL_POLICY,
        },
    )


@pages.act("/searches/{search_id}/candidates/{rank}/page", access=Permission.READ_CASES, page=None)
def candidate_page(visit: CurrentVisit, search_id: str, rank: int, form: Form) -> Response:
    """Open the page that showed the picture, as it was captured: inert in a frame, or as a WARC record to save."""
    alike = CaptureId(form.whole("alike")) if form.text("alike") else None
    record = visit.desk.pictures.page(search_id, rank, alike)
    if form.text("as") == "record":
        headers = {
            "content-disposition": f'attachment; filename="{search_id}-{rank}.warc"',
            "content-security-policy": _ORIGINAL_POLICY,
        }
        return Response(record, media_type="application/octet-stream", headers=headers)
    page = inert(html_of(record))
    shown = visit.page(
        "archived.html",
        case=visit.desk.casework.get(visit.desk.search.stored(search_id).result.case_key),
        search_id=search_id,
        rank=rank,
        alike=alike,
        capture=visit.desk.pictures.capture(search_id, rank, alike),
        html=_BEFORE_PAGE + page.html,
        whole=page.whole,
    )
    shown.headers["content-security-policy"] = _ARCHIVED_POLICY
    shown.headers["x-dns-prefetch-control"] = "off"
    return shown
