"""A new search: the photograph, the face in it, and why it is searched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from lineament.errors import BadPicture, InvalidValue, LineamentError, NoFace, NotAllowed, NotFound
from lineament.model.accounts import Permission
from lineament.model.cases import Case, CaseState
from lineament.model.faces import Box
from lineament.model.search import (
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
from lineament.services.fusion import measured
from lineament.services.probes import Replay
from lineament.web import failures
from lineament.web.addresses import case_address, probe_address, search_address
from lineament.web.casewords import remedy_link
from lineament.web.forms import Sent
from lineament.web.pages import Form, Here, Pages, Visit, go_on_to, picture
from lineament.web.phrases import distressing

pages = Pages()
CHOICE = 200
"""Open cases to choose from, where a search does not begin at its case."""
FURTHER = 24
"""Faces of other photographs of the case that are offered."""


# ---------------------------------------------------------------- 1: the photograph


@pages.page("/search", access=Permission.OPEN_CASES)
def new_search(here: Here, case: str = "") -> HTMLResponse:
    """The form that takes a photograph into a case."""
    return _photograph(here, case)


@pages.act("/search", access=Permission.OPEN_CASES)
def take(here: Here, sent: Form) -> HTMLResponse | RedirectResponse:
    """Keeps the photograph with its case and looks for the faces in it."""
    ref, untrusted = sent.text("case"), sent.files.get("photograph", b"")
    try:
        if not ref:
            raise InvalidValue(what="The case", value="", why="choose the case that the photograph belongs to")
        probe = here.desk.probes.take(ref, untrusted, kind=_kind(sent))
    except LineamentError as wrong:
        status = failures.answer_for(wrong).status
        if status >= 500 or isinstance(wrong, NotAllowed):
            raise
        return _photograph(here, ref, kind=sent.text("kind"), wrong=str(wrong), status=status)
    return go_on_to(probe_address(probe.id))


def _kind(sent: Sent) -> ProbeKind | None:
    """The kind declared; None where none is, which the policy may not allow."""
    declared = sent.text("kind")
    if not declared:
        return None
    if declared not in {one.value for one in ProbeKind}:
        raise InvalidValue(what="The kind of photograph", value=declared[:40], why="choose one of the list")
    return ProbeKind(declared)


def _photograph(here: Visit, ref: str, *, kind: str = "", wrong: str = "", status: int = 200) -> HTMLResponse:
    case, cases = _case(here, ref), []
    if case is None:
        cases = here.desk.casework.page(states=(CaseState.OPEN,), limit=CHOICE)
        case = cases[0] if len(cases) == 1 else None
    usual = ProbeKind.OTHER.value if here.desk.official.solo else ""
    return here.page(
        "search_photograph.html",
        status=status,
        cases=cases,
        case=case,
        kinds=[one.value for one in ProbeKind if one not in NO_PROBES],
        refused=[(one.value, why) for one, why in NO_PROBES.items()],
        kind=kind or usual,
        wrong=wrong,
        most=here.desk.settings.max_file_bytes,
    )


def _case(here: Visit, ref: str) -> Case | None:
    """The case named, if it is seen and open."""
    try:
        case = here.desk.casework.get(ref) if ref else None
    except (NotFound, InvalidValue):
        return None
    return case if case is not None and case.state is CaseState.OPEN else None


# ---------------------------------------------------------------- 2: the face


@pages.page("/probes/{probe_id}", access=Permission.READ_CASES)
def probe(here: Here, probe_id: str, face: int = 0, again: str = "", mode: str = "") -> HTMLResponse:
    """The faces of the photograph, and the form that says why one of them is searched.

    ``again`` names an earlier search whose answers the form begins with.
    """
    found = here.desk.probes.get(probe_id)
    wish = _first_wish(found, face)
    if again:
        wish = _as_before(here.desk.search.get(again))
    if mode in {Mode.IDENTIFICATION.value, Mode.INVESTIGATION.value}:
        wish = replace(wish, mode=mode)
    return _faces(here, found, wish)


@pages.page("/probes/{probe_id}/picture", access=Permission.READ_CASES)
def probe_picture(here: Here, probe_id: str) -> Response:
    """The photograph with its steps applied, for the screen."""
    return picture(here.desk.probes.picture(probe_id))


@pages.page("/probes/{probe_id}/faces/{face}", access=Permission.READ_CASES)
def probe_crop(here: Here, probe_id: str, face: int) -> Response:
    """One face of it, counted from 1."""
    return picture(here.desk.probes.crop(probe_id, face))


@pages.act("/probes/{probe_id}/turn", access=Permission.OPEN_CASES)
def turn(here: Here, probe_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """One more step: turned clockwise. The original is kept."""
    return _step(here, probe_id, lambda: Edit(kind=EditKind.ROTATE, degrees=sent.whole("degrees")))


@pages.act("/probes/{probe_id}/crop", access=Permission.OPEN_CASES)
def crop(here: Here, probe_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """One more step: cropped. The original is kept."""
    return _step(here, probe_id, lambda: Edit(kind=EditKind.CROP, box=_region(sent)))


@pages.act("/probes/{probe_id}/expose", access=Permission.OPEN_CASES)
def expose(here: Here, probe_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """One more step: lighter or darker, evenly. The original is kept."""
    return _step(here, probe_id, lambda: Edit(kind=EditKind.EXPOSURE, stops=sent.number("stops")))


@pages.act("/probes/{probe_id}/replay", access=Permission.READ_CASES)
def replay(here: Here, probe_id: str, sent: Form) -> HTMLResponse:  # noqa: ARG001 - the form is checked
    """Makes the steps again from the original and holds the pixels of each against what was recorded."""
    made = here.desk.probes.replay(probe_id)
    found = here.desk.probes.get(probe_id)
    return _faces(here, found, _first_wish(found, 0), replayed=made)


@pages.act("/probes/{probe_id}/approve", access=Permission.APPROVE)
def approve(here: Here, probe_id: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - the form is checked
    """Approves that the photograph is searched by somebody else."""
    here.desk.probes.approve(probe_id)
    return go_on_to(probe_address(probe_id))


@pages.act("/probes/{probe_id}/undo", access=Permission.OPEN_CASES)
def undo(here: Here, probe_id: str, sent: Form) -> RedirectResponse:  # noqa: ARG001 - the form is checked
    """The last step taken back."""
    edits = here.desk.probes.get(probe_id).edits[:-1]
    return go_on_to(probe_address(here.desk.probes.edit(probe_id, edits).id))


@pages.act("/probes/{probe_id}/draw", access=Permission.OPEN_CASES)
def draw(here: Here, probe_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """A face that was not found by itself: looked for in the region drawn."""

    def drawn(found: Probe) -> str:
        probe = here.desk.probes.draw(found.id, _region(sent))
        return f"{probe_address(probe.id)}?face={len(probe.faces)}"

    return _tried(here, probe_id, drawn)


def _step(here: Visit, probe_id: str, step: Callable[[], Edit]) -> HTMLResponse | RedirectResponse:
    def edited(found: Probe) -> str:
        return probe_address(here.desk.probes.edit(found.id, (*found.edits, step())).id)

    return _tried(here, probe_id, edited)


def _tried(here: Visit, probe_id: str, act: Callable[[Probe], str]) -> HTMLResponse | RedirectResponse:
    """On to the address that ``act`` gives, or the photograph as it was with what is wrong."""
    found = here.desk.probes.get(probe_id)
    try:
        return go_on_to(act(found))
    except (InvalidValue, BadPicture, NoFace) as wrong:
        return _faces(here, found, _first_wish(found, 0), wrong)


def _region(sent: Sent) -> Box:
    box = Box(x=sent.number("x"), y=sent.number("y"), width=sent.number("width"), height=sent.number("height"))
    if box.width < 1 or box.height < 1:
        size = f"{box.width:.0f} × {box.height:.0f}"
        raise InvalidValue(what="The region", value=size, why="draw it at least one pixel wide and high")
    return box


# ---------------------------------------------------------------- 3: why


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the form says, right or wrong, so that it can be shown again."""

    face: str
    reason: str
    sources: tuple[str, ...] | None  # None: nobody chose yet, so all
    since: str
    until: str
    mode: str
    limit: str
    others: tuple[str, ...] = ()  # probe:face, of the same person


def _first_wish(found: Probe, face: int) -> Wish:
    only = "1" if len(found.faces) == 1 else ""
    return Wish(
        face=str(face) if 1 <= face <= len(found.faces) else only,
        reason="",
        sources=None,
        since="",
        until="",
        mode=Mode.IDENTIFICATION.value,
        limit=str(USUAL_CANDIDATES),
    )


def _as_before(earlier: SearchResult) -> Wish:
    return Wish(
        face=str(earlier.face),
        reason=earlier.reason,
        sources=earlier.sources,
        since=_day(earlier.since),
        until=_day(earlier.until),
        mode=earlier.mode.value,
        limit=str(earlier.limit),
        others=tuple(f"{one.probe_id}:{one.face}" for one in earlier.others),
    )


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _typed(sent: Sent) -> Wish:
    return Wish(
        face=sent.text("face"),
        reason=sent.text("reason"),
        sources=sent.all("source"),
        since=sent.text("since"),
        until=sent.text("until"),
        mode=sent.text("mode"),
        limit=sent.text("limit"),
        others=sent.all("other"),
    )


@pages.act("/probes/{probe_id}/search", access=Permission.SEARCH)
def search(here: Here, probe_id: str, sent: Form) -> HTMLResponse | RedirectResponse:
    """Searches the sources chosen; the answer is on the ledger before it is shown."""
    found = here.desk.probes.get(probe_id)
    try:
        result = here.desk.search.run(probe_id, _request(found, sent), face=_face(found, sent))
    except LineamentError as wrong:
        status = failures.answer_for(wrong).status
        if status >= 500 or isinstance(wrong, NotAllowed):
            raise
        return _faces(here, found, _typed(sent), wrong)
    return go_on_to(search_address(result.search_id))


def _face(found: Probe, sent: Sent) -> int:
    if not sent.text("face"):
        raise InvalidValue(what="The face", value="", why="choose which face of the photograph is searched")
    face = sent.whole("face")
    if not 1 <= face <= len(found.faces):
        raise InvalidValue(what="The face", value=face, why=f"the photograph shows {len(found.faces)}")
    return face


def _request(found: Probe, sent: Sent) -> SearchRequest:
    if not sent.text("reason"):
        raise InvalidValue(what="The reason", value="", why="say why this face is searched; it goes on the record")
    if not sent.all("source"):
        raise InvalidValue(what="The choice of sources", value="", why="choose at least one")
    mode = sent.text("mode")
    if mode not in {Mode.IDENTIFICATION.value, Mode.INVESTIGATION.value}:
        raise InvalidValue(what="The kind of list", value=mode[:40], why="choose one of the two")
    return SearchRequest(
        case=found.case_key,
        reason=sent.text("reason"),
        sources=sent.all("source"),
        since=sent.day("since"),
        until=sent.day("until"),
        limit=sent.whole("limit"),
        mode=Mode(mode),
        others=tuple(_other(untrusted) for untrusted in sent.all("other")),
    )


def _other(untrusted: str) -> ProbeFace:
    probe_id, _, face = untrusted.partition(":")
    if not face.isascii() or not face.isdecimal() or len(face) > 4:
        raise InvalidValue(what="A further photograph", value=untrusted[:40], why="choose it from the list")
    return ProbeFace(probe_id=probe_id, face=int(face))


def _further(here: Visit, found: Probe) -> list[tuple[Probe, int]]:
    """Faces of other photographs of the case, which may show the same person; the newest first."""
    others = [one for one in here.desk.casework.probes(found.case_key) if one.sha256 != found.sha256]
    return [(probe, face) for probe in others for face in range(1, len(probe.faces) + 1)][:FURTHER]


def _faces(
    here: Visit, found: Probe, wish: Wish, wrong: LineamentError | None = None, *, replayed: Replay | None = None
) -> HTMLResponse:
    today = here.desk.clock().date()
    sources = here.desk.sources.list()
    casework = here.desk.casework
    case, outlook = casework.get(found.case_key), casework.outlook(found.case_key)
    why_not = here.desk.search.why_not(found.case_key, probe_id=found.id)
    return here.page(
        "search_face.html",
        status=200 if wrong is None else failures.answer_for(wrong).status,
        case=case,
        probe=found,
        wish=wish,
        wrong="" if wrong is None else str(wrong),
        today=today,
        sources=[source for source in sources if source.why_closed(today) is None],
        closed=[reason for source in sources if (reason := source.why_closed(today)) is not None],
        against=[(why, remedy_link(why.remedy, here.request.url.path, case_address(case.key))) for why in why_not],
        further=_further(here, found),
        gains=measured(),
        wanted=casework.policy(found.case_key).further_approvals,
        approvers=here.desk.probes.approvers(found.id),
        may_approve=Permission.APPROVE in outlook.may and here.desk.official.account_id is not None,
        may_edit=Permission.OPEN_CASES in outlook.may and case.state is CaseState.OPEN,
        replayed=replayed,
        veiled=distressing(case),
    )
