"""A new search: the photograph, the face in it, and why it is searched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import InvalidValue, NotFound
from lineament.model.accounts import Permission
from lineament.model.cases import Case, CaseState
from lineament.model.edits import face_at, moved
from lineament.model.search import (
    DECLARED,
    NO_PROBES,
    USUAL_CANDIDATES,
    Edit,
    EditKind,
    Mode,
    Probe,
    ProbeFace,
    ProbeKind,
    SearchRequest,
    SearchResult,
)
from lineament.model.together import Together
from lineament.services.fusion import measured_gains
from lineament.services.probes import Replay
from lineament.web.addresses import new_search_address, probe_address, search_address
from lineament.web.casewords import what_is_next
from lineament.web.forms import SentForm
from lineament.web.obstacles import obstacles, only_for_others, uncovered
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, image, redirect
from lineament.web.phrases import distressing
from lineament.web.scripted import draft_tag

pages = Pages()
MOST_CASES = 200
"""Most open cases to choose from, if a search does not start from its case."""
MOST_FURTHER = 24
"""Most faces in other photographs of the case that are offered."""
_MODES = (Mode.IDENTIFICATION, Mode.INVESTIGATION)


# ---------------------------------------------------------------- 1: the photograph


@pages.page("/search", access=Permission.OPEN_CASES)
def new_search(visit: CurrentVisit, case: str = "") -> HTMLResponse:
    """The form that adds a photograph to a case."""
    chosen, cases = _open_case(visit, visit.typed("case", case)), []
    if chosen is None:
        cases = visit.desk.casework.page(states=(CaseState.OPEN,), limit=MOST_CASES)
        chosen = cases[0] if len(cases) == 1 else None
    key = None if chosen is None else chosen.key
    against = obstacles(visit.desk, key, back=new_search_address(key))
    return visit.page(
        "search_photograph.html",
        cases=cases,
        case=chosen,
        **({} if chosen is None else _what_is_next(visit, chosen)),
        against=against,
        inert=bool(against) and not only_for_others(against),
        uncovered=uncovered(visit.desk, cases),
        kinds=[kind.value for kind in DECLARED],
        refused=[(kind.value, why) for kind, why in NO_PROBES.items()],
        usual_kind=ProbeKind.OTHER.value if visit.desk.official.solo else "",
        most=visit.desk.settings.max_file_bytes,
    )


@pages.act("/search", access=Permission.OPEN_CASES, page=new_search)
def add_photograph(visit: CurrentVisit, form: Form) -> RedirectResponse:
    """Keep the photograph with its case and find the faces in it."""
    ref, untrusted = form.text("case"), form.files.get("photograph", b"")
    if not ref:
        why = "choose the case that the photograph belongs to"
        raise InvalidValue(what="The case", value="", why=why, field="case")
    kind = form.choice("kind", ProbeKind) if form.text("kind") else None  # the policy says whether it may be left out
    return redirect(probe_address(visit.desk.probes.take(ref, untrusted, kind=kind).id))


def _what_is_next(visit: Visit, case: Case) -> dict[str, Any]:
    return what_is_next(case, visit.desk.casework.outlook(case.key), visit.desk.clock())


def _open_case(visit: Visit, ref: str) -> Case | None:
    """Return the case named, if the visitor may see it and it is open."""
    try:
        case = visit.desk.casework.get(ref) if ref else None
    except (NotFound, InvalidValue):
        return None
    return case if case is not None and case.state is CaseState.OPEN else None


# ---------------------------------------------------------------- 2: the face


@pages.page("/probes/{probe_id}", access=Permission.READ_CASES)
def probe(visit: CurrentVisit, probe_id: str, face: int | None = None, again: str = "", mode: str = "") -> HTMLResponse:
    """The faces of the photograph, and the form that says why one of them is searched.

    ``face`` is the number of the one that was chosen, 0 if it was not found again after an edit. ``again`` names an
    earlier search, with whose answers the form is filled in.
    """
    found = visit.desk.probes.get(probe_id)
    draft = _from_earlier(visit.desk.search.get(again)) if again else _empty_draft(found, face)
    if mode in _MODES:
        draft = replace(draft, mode=mode)
    return _probe_page(visit, found, draft, chosen=None if again else face)


@pages.page("/probes/{probe_id}/picture", access=Permission.READ_CASES)
def probe_picture(visit: CurrentVisit, probe_id: str) -> Response:
    """The photograph with its edits applied, for the screen."""
    return image(visit.desk.probes.picture(probe_id))


@pages.page("/probes/{probe_id}/faces/{face}", access=Permission.READ_CASES)
def probe_crop(visit: CurrentVisit, probe_id: str, face: int) -> Response:
    """One face of the photograph, counted from 1."""
    return image(visit.desk.probes.crop(probe_id, face))


@pages.act("/probes/{probe_id}/page", access=Permission.OPEN_CASES, page=probe)
def turn_to_page(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:
    """Show another page or frame of the same file, without edits."""
    part, parts = form.whole("part"), visit.desk.probes.get(probe_id).parts
    if not 1 <= part <= parts:
        raise InvalidValue(what="The page", value=part, why=f"the file holds {parts:,}", field="part")
    return redirect(probe_address(visit.desk.probes.turn_to(probe_id, part).id))


@pages.act("/probes/{probe_id}/turn", access=Permission.OPEN_CASES, page=probe)
def turn(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:
    """Edit the photograph: turn it clockwise. The original is kept."""
    return _edit(visit, probe_id, Edit(kind=EditKind.ROTATE, degrees=form.whole("degrees")), form)


@pages.act("/probes/{probe_id}/crop", access=Permission.OPEN_CASES, page=probe)
def crop(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:
    """Edit the photograph: crop it. The original is kept."""
    return _edit(visit, probe_id, Edit(kind=EditKind.CROP, box=form.region()), form)


@pages.act("/probes/{probe_id}/expose", access=Permission.OPEN_CASES, page=probe)
def expose(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:
    """Edit the photograph: make all of it lighter or darker. The original is kept."""
    return _edit(visit, probe_id, Edit(kind=EditKind.EXPOSURE, stops=form.number("stops")), form)


@pages.act("/probes/{probe_id}/undo", access=Permission.OPEN_CASES, page=probe)
def undo(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:
    """Undo the last edit."""
    before = visit.desk.probes.get(probe_id)
    after = visit.desk.probes.edit(probe_id, before.edits[:-1])
    if not before.edits:
        return redirect(probe_address(after.id))
    return _redirect_with_face(before, after, form, undone=True)


@pages.act("/probes/{probe_id}/replay", access=Permission.READ_CASES, page=probe)
def replay(visit: CurrentVisit, probe_id: str, form: Form) -> HTMLResponse:  # noqa: ARG001
    """Repeat the edits from the original, and compare the pixels after each with what was recorded."""
    replayed = visit.desk.probes.replay(probe_id)
    found = visit.desk.probes.get(probe_id)
    return _probe_page(visit, found, _empty_draft(found, None), replayed=replayed)


@pages.act("/probes/{probe_id}/remove", access=Permission.OPEN_CASES, page=probe)
def remove(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Remove a photograph that was the wrong one, and that no search used: it is destroyed."""
    case_key = visit.desk.probes.get(probe_id).case_key
    visit.desk.probes.remove(probe_id)
    return redirect(new_search_address(case_key))


@pages.act("/probes/{probe_id}/approve", access=Permission.APPROVE, page=probe)
def approve(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Approve that somebody else searches with the photograph."""
    visit.desk.probes.approve(probe_id)
    return redirect(probe_address(probe_id))


@pages.act("/probes/{probe_id}/draw", access=Permission.OPEN_CASES, page=probe)
def draw(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:
    """Look for a face that was not found by itself, in the region drawn."""
    found = visit.desk.probes.draw(probe_id, form.region())
    return redirect(f"{probe_address(found.id)}?face={len(found.faces)}")


def _edit(visit: Visit, probe_id: str, edit: Edit, form: SentForm) -> RedirectResponse:
    before = visit.desk.probes.get(probe_id)
    after = visit.desk.probes.edit(probe_id, (*before.edits, edit))
    return _redirect_with_face(before, after, form)


def _redirect_with_face(before: Probe, after: Probe, form: SentForm, *, undone: bool = False) -> RedirectResponse:
    """Redirect to a photograph after its last edit was made or undone, with the face that was chosen before.

    The face is 0 if it was not found again.
    """
    chosen = form.text("face")
    if not (chosen.isascii() and chosen.isdecimal() and 1 <= int(chosen) <= len(before.faces)):
        return redirect(probe_address(after.id))
    edit = (before if undone else after).edits[-1]
    box = moved(before.faces[int(chosen) - 1].box, edit, (before.width, before.height), undone=undone)
    face = face_at([face.box for face in after.faces], box)
    return redirect(f"{probe_address(after.id)}?face={face}")


# ---------------------------------------------------------------- 3: why


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchDraft:
    """The initial values of the form of a search."""

    face: str
    reason: str
    sources: tuple[str, ...] | None  # None: not chosen yet, so all of them
    since: str
    until: str
    mode: str
    limit: str
    others: tuple[str, ...] = ()  # probe:face, of the same person
    people: tuple[str, ...] = ()  # probe:face, of other people
    together: str = Together.ANY.value


def _empty_draft(found: Probe, face: int | None) -> SearchDraft:
    """Return the values of an empty form; without a face that was chosen, the only one is."""
    if face is None and len(found.faces) == 1:
        face = 1
    return SearchDraft(
        face=str(face) if face is not None and 1 <= face <= len(found.faces) else "",
        reason="",
        sources=None,
        since="",
        until="",
        mode=Mode.IDENTIFICATION.value,
        limit=str(USUAL_CANDIDATES),
    )


def _from_earlier(earlier: SearchResult) -> SearchDraft:
    return SearchDraft(
        face=str(earlier.face),
        reason=earlier.reason,
        sources=earlier.sources,
        since=_day_text(earlier.since),
        until=_day_text(earlier.until),
        mode=earlier.mode.value,
        limit=str(earlier.limit),
        others=tuple(f"{other.probe_id}:{other.face}" for other in earlier.others),
        people=tuple(f"{person.probe_id}:{person.face}" for person in earlier.people),
        together=(earlier.together or Together.ANY).value,
    )


def _day_text(day: date | None) -> str:
    return "" if day is None else day.isoformat()


@pages.act("/probes/{probe_id}/search", access=Permission.SEARCH, page=probe)
def search(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:
    """Search the chosen sources; the result is recorded before it is shown."""
    found = visit.desk.probes.get(probe_id)
    result = visit.desk.search.run(probe_id, _request(found, form), face=_face(found, form))
    return redirect(search_address(result.search_id))


def _face(found: Probe, form: SentForm) -> int:
    if not form.text("face"):
        why = "choose which face of the photograph is searched"
        raise InvalidValue(what="The face", value="", why=why, field="face")
    face = form.whole("face")
    if not 1 <= face <= len(found.faces):
        raise InvalidValue(what="The face", value=face, why=f"the photograph shows {len(found.faces)}", field="face")
    return face


def _request(found: Probe, form: SentForm) -> SearchRequest:
    if not form.text("reason"):
        why = "say why this face is searched; the reason is recorded"
        raise InvalidValue(what="The reason", value="", why=why, field="reason")
    if not form.all("source"):
        raise InvalidValue(what="The choice of sources", value="", why="choose at least one", field="source")
    mode = form.choice("mode", Mode)
    if mode not in _MODES:
        raise InvalidValue(what="The kind of list", value=mode.value, why="choose one of the two", field="mode")
    people = tuple(_other(untrusted, "person") for untrusted in form.all("person"))
    return SearchRequest(
        case=found.case_key,
        reason=form.text("reason"),
        sources=form.all("source"),
        since=form.day("since"),
        until=form.day("until"),
        limit=form.whole("limit"),
        mode=mode,
        others=tuple(_other(untrusted, "other") for untrusted in form.all("other")),
        people=people,
        together=form.choice("together", Together) if people else None,
    )


def _other(untrusted: str, field: str) -> ProbeFace:
    probe_id, _, face = untrusted.partition(":")
    if not face.isascii() or not face.isdecimal() or len(face) > 4:
        label = "A further photograph" if field == "other" else "Another person"
        raise InvalidValue(what=label, value=untrusted[:40], why="choose it from the list", field=field)
    return ProbeFace(probe_id=probe_id, face=int(face))


def _further(visit: Visit, found: Probe) -> list[tuple[Probe, int]]:
    """Return faces in other photographs of the case, which may show the same person; the newest first."""
    others = [other for other in visit.desk.casework.probes(found.case_key) if other.sha256 != found.sha256]
    return [(other, face) for other in others for face in range(1, len(other.faces) + 1)][:MOST_FURTHER]


def _probe_page(
    visit: Visit, found: Probe, draft: SearchDraft, *, chosen: int | None = None, replayed: Replay | None = None
) -> HTMLResponse:
    today = visit.desk.clock().date()
    sources = visit.desk.sources.list()
    casework = visit.desk.casework
    case, outlook = casework.get(found.case_key), casework.outlook(found.case_key)
    return visit.page(
        "search_face.html",
        case=case,
        probe=found,
        draft=draft,
        chosen=chosen,
        draft_name=draft_tag(visit.desk, "search", found.sha256),
        today=today,
        sources=[source for source in sources if source.why_closed(today) is None],
        closed=[reason for source in sources if (reason := source.why_closed(today)) is not None],
        against=obstacles(visit.desk, case.key, back=probe_address(found.id), probe_id=found.id),
        filling=visit.desk.search.filling(),
        further=(further := _further(visit, found)),
        faces_of_others=[*((found, face) for face in range(1, len(found.faces) + 1) if len(found.faces) > 1), *further],
        gains=measured_gains(),
        wanted=casework.policy(found.case_key).further_approvals,
        approvers=visit.desk.probes.approvers(found.id),
        may_approve=Permission.APPROVE in outlook.may and visit.desk.official.account_id is not None,
        may_edit=Permission.OPEN_CASES in outlook.may and case.state is CaseState.OPEN,
        why_kept=visit.desk.probes.why_kept(found.id),
        replayed=replayed,
        veiled=distressing(case),
    )
