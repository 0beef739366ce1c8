"""A search: its candidate list, and a candidate beside the probe."""

from __future__ import annotations

from collections.abc import Collection

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import CandidateErased
from lineament.model.accounts import Permission
from lineament.model.ages import words_of_age
from lineament.model.blind import HiddenFace
from lineament.model.cases import CaseState
from lineament.model.faces import DRAWN, CaptureId
from lineament.model.review import Assessment, Feature, ReviewOutcome
from lineament.model.search import Candidate, SearchResult, missed_words, uncompared_words
from lineament.sources.html.inert import inert
from lineament.sources.webarchive.archived import html_of
from lineament.store.searches import StoredSearch
from lineament.vision.level import level
from lineament.web.addresses import candidate_address, probe_address
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
    search = stored.result
    review = visit.desk.reviews.of_search(search_id)
    case = review.case
    listed = cards(review, visit.desk.pictures.reliable(search_id))
    again = [card for card in listed if card.standing is not None and card.standing.excluded is not None]
    sources = sorted({*(entry.candidate.source for entry in search.entries), *_hidden_sources(stored)})
    may_ask = review.may_decide and not visit.desk.official.solo
    return visit.page(
        "result.html",
        case=case,
        search=search,
        probe=visit.desk.probes.get(search.probe_id),
        examiner_then=stored.examiner,
        commitment=stored.commitment,
        listed=listed,
        cards=[card for card in listed if card not in again],
        again=again,
        gone=stored.gone,
        review=review,
        colleagues=visit.desk.reviews.colleagues(search_id) if may_ask else [],
        sources=sources,
        blurred=visit.desk.sources.blurred(sources),
        missed=missed_words(search),
        uncompared=uncompared_words(search),
        of_age=words_of_age(visit.desk.rates_of_age),
        veiled=distressing(case),
    )


def _hidden_sources(stored: StoredSearch) -> set[str]:
    return {face.source for entry in stored.result.hidden for face in entry.faces}


@pages.page("/searches/{search_id}/candidates/{picture}", access=Permission.READ_CASES)
def candidate(visit: CurrentVisit, search_id: str, picture: str) -> HTMLResponse:
    """A candidate beside the probe, with the checklist of its review and, once it may be known, where it was found."""
    try:
        shown = visit.desk.pictures.beside_probe(search_id, picture)
    except CandidateErased as error:
        return _erased(visit, search_id, error)
    review = visit.desk.reviews.of_search(search_id)  # after that, so that it counts as compared
    case, stored = review.case, review.stored
    search = stored.result
    address = candidate_address(search_id, picture)
    picture, standing = review.name_now(picture), review.of(picture)
    asked = search.asked(shown.person)
    probe = visit.desk.probes.get(asked.probe_id)
    probe_face, face = probe.faces[asked.face - 1], shown.face
    names = [other for entry in review.entries for other in ((entry.name,) if review.hidden else entry.names)]
    here = names.index(picture if picture in names else standing.name)
    alike, unlisted = _alike(search, standing.names, picture)
    blurred = visit.desk.sources.blurred([shown.source, *(picture.source for picture in alike)])
    return visit.page(
        "compare.html",
        case=case,
        search=search,
        address=address,
        name=picture,
        shown=shown,
        found=shown.found,
        review=review,
        standing=standing,
        features=Feature,
        assessments=Assessment,
        outcomes=ReviewOutcome,
        asked=asked,
        probe=probe,
        position=here + 1,
        listed=len(names) + (0 if review.hidden else len(stored.erased)),
        quality=face.quality,
        levels=(level(probe_face.box, probe_face.landmarks), level(face.box, face.landmarks)),
        earlier=names[here - 1] if here else None,
        later=names[here + 1] if here + 1 < len(names) else None,
        alike=alike,
        unlisted=unlisted,
        missed="" if review.hidden else missed_words(search),
        drawn=DRAWN if face.drawn else "",
        of_age=words_of_age(visit.desk.rates_of_age),
        blurred=blurred,
        may_copy=shown.found and shown.may_copy and case.state is CaseState.OPEN,
        veiled=distressing(case) or shown.source in blurred,
    )


def _alike(search: SearchResult, names: Collection[str], name: str) -> tuple[list[Candidate | HiddenFace], int]:
    """Return the other pictures of an entry as the reader may see them, and how many more are not listed."""
    if search.hidden:
        hidden = next(entry for entry in search.hidden if name in {face.name for face in entry.faces})
        return [face for face in hidden.faces if face.name != name], int(hidden.more)
    entry = next(entry for entry in search.entries if str(entry.candidate.rank) in names)
    return [each for each in (entry.candidate, *entry.further) if str(each.rank) != name], entry.unlisted


def _erased(visit: Visit, search_id: str, error: CandidateErased) -> HTMLResponse:
    """Return the page of a candidate that was erased since: what is left of it, and when that happened."""
    stored = visit.desk.search.stored(search_id)
    rank = error.details["rank"]
    page = visit.page(
        "erased.html",
        case=visit.desk.casework.get(stored.result.case_key),
        search=stored.result,
        erased=next(erased for erased in stored.erased if erased.rank == rank),
        erased_at=error.details["at"],
    )
    page.status_code = 410
    return page


@pages.page("/searches/{search_id}/candidates/{picture}/crop", access=Permission.READ_CASES)
def candidate_crop(visit: CurrentVisit, search_id: str, picture: str) -> Response:
    """The candidate's face."""
    return image(visit.desk.pictures.crop(search_id, picture))


@pages.page("/searches/{search_id}/candidates/{picture}/thumbnail", access=Permission.READ_CASES)
def candidate_thumbnail(visit: CurrentVisit, search_id: str, picture: str) -> Response:
    """The whole picture, small, without metadata."""
    return image(visit.desk.pictures.thumbnail(search_id, picture))


@pages.act("/searches/{search_id}/candidates/{picture}/probe", access=Permission.OPEN_CASES, page=candidate)
def search_with(visit: CurrentVisit, search_id: str, picture: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Make a photograph of the candidate's picture, to search with this face."""
    copy = visit.desk.copies.take(search_id, picture)
    return redirect(f"{probe_address(copy.probe.id)}?face={copy.face}")


@pages.act("/searches/{search_id}/candidates/{picture}/original", access=Permission.READ_CASES, page=None)
def candidate_original(visit: CurrentVisit, search_id: str, picture: str, form: Form) -> Response:  # noqa: ARG001
    """Open the original as found, in a new tab; the opening is recorded before a byte is sent."""
    untrusted, media_type = visit.desk.pictures.original(search_id, picture)
    shown = media_type in _SHOWN_BY_BROWSERS
    return Response(
        untrusted,
        media_type=media_type if shown else "application/octet-stream",
        headers={
            "content-disposition": "inline" if shown else 'attachment; filename="original"',
            "content-security-policy": _ORIGINAL_POLICY,
        },
    )


@pages.act("/searches/{search_id}/candidates/{picture}/page", access=Permission.READ_CASES, page=None)
def candidate_page(visit: CurrentVisit, search_id: str, picture: str, form: Form) -> Response:
    """Open the page that showed the picture, as it was captured: inert in a frame, or as a WARC record to save."""
    alike = CaptureId(form.whole("alike")) if form.text("alike") else None
    record = visit.desk.pictures.page(search_id, picture, alike)
    if form.text("as") == "record":
        headers = {
            "content-disposition": f'attachment; filename="{search_id}-{picture}.warc"',
            "content-security-policy": _ORIGINAL_POLICY,
        }
        return Response(record, media_type="application/octet-stream", headers=headers)
    page = inert(html_of(record))
    shown = visit.page(
        "archived.html",
        case=visit.desk.casework.get(visit.desk.search.stored(search_id).result.case_key),
        search_id=search_id,
        name=picture,
        alike=alike,
        capture=visit.desk.pictures.capture(search_id, picture, alike),
        html=_BEFORE_PAGE + page.html,
        whole=page.whole,
    )
    shown.headers["content-security-policy"] = _ARCHIVED_POLICY
    shown.headers["x-dns-prefetch-control"] = "off"
    return shown
