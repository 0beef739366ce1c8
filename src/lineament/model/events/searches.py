"""Events of probes, searches, candidates and reports. ``case`` is the agency's own reference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from lineament.model.actions import Action
from lineament.model.events.base import JSON, Event


class ProbeAdded(Event, action=Action.PROBE_ADDED):
    """A photograph was added to a case."""

    case: str
    probe: str
    sha256: str
    kind: str
    faces: int
    part: int = 1  # which picture of the file, from 1
    digests: tuple[str, ...]  # SHA-256 of the pixels: as decoded, then after each edit
    edits: tuple[Mapping[str, JSON], ...]
    search: str | None = None  # whose candidate it is a copy of; None: somebody added it
    candidate: int | None = None  # the face of that candidate
    capture: int | None = None
    source: str | None = None


class ProbeReplayed(Event, action=Action.PROBE_REPLAYED):
    """The edits of a photograph were replayed."""

    case: str
    probe: str
    same: bool  # the pixels of every step


class ProbeApproved(Event, action=Action.PROBE_APPROVED):
    """Somebody approved searches with a photograph."""

    case: str
    probe: str


class ProbeRemoved(Event, action=Action.PROBE_REMOVED):
    """A photograph that no search used was destroyed, because it was the wrong one."""

    case: str
    probe: str
    sha256: str
    probes: int  # of the same photograph: as it was added, and with its edits and pages


class ProbesDestroyed(Event, action=Action.PROBES_DESTROYED):
    """Photographs that nobody searched with were destroyed at the end of their retention period."""

    photographs: int
    days: int  # of retention


class CopiesErased(Event, action=Action.COPIES_ERASED):
    """Photographs were erased because they were copies of pictures of the gallery that were erased."""

    photographs: int
    emptied: tuple[str, ...]  # searches made with them: of their lists only ranks and scores are left


class BatchBegun(Event, action=Action.BATCH_BEGUN):
    """Somebody began to send photographs that are searched one after another."""

    case: str
    batch: str


class BatchSearched(Event, action=Action.BATCH_SEARCHED):
    """Somebody had the photographs of a batch searched; each search has an entry of its own."""

    case: str
    batch: str
    reason: str
    photographs: int


class SearchRun(Event, action=Action.SEARCH):
    """A search was run."""

    search: str
    case: str
    reason: str
    probe: str  # SHA-256
    kind: str
    face: int  # of the probe, from 1
    others: tuple[tuple[str, int], ...]  # probes and their faces, fused with it
    together: str | None = None  # how several people were searched: "all" or "any"
    people: tuple[tuple[int, str, int, float], ...] = ()  # number from 2, probe, its face, threshold
    after: str | None = None  # the search since which the faces compared were enrolled; None: every face
    after_face: int | None = None  # the highest number that a face had by then
    newest_face: int | None = None  # the highest number that a face had by now
    model: str
    sources: tuple[str, ...]
    since: date | None
    until: date | None
    mode: str
    threshold: float
    damping: float
    limit: int
    gallery_faces: int
    candidates: tuple[tuple[int, int, float], ...]  # rank, face, score
    strangers: float | None = None  # expected above the threshold; None: it was not set by that
    change: int | None = None  # the signed change that set it; None: the default of the product
    uncompared: int = 0  # faces that are enrolled and were not compared
    altered: tuple[str, ...] = ()  # sources whose stored faces are not those that were enrolled
    shown: tuple[tuple[int, str | None, int | None, str | None], ...] = ()  # rank, digest, face, source
    persons: tuple[int, ...] = ()  # whom each candidate is compared with, if several people were searched
    twins: tuple[tuple[int, int, int], ...] = ()  # rank, position and face of each near-identical picture
    nth: int = 0  # which search of its case, from 1, so that none can be left out between two
    version: str = ""  # of Lineament
    watch: str | None = None  # that fired; only faces that it had not compared were compared
    whole_faces: int | None = None  # among which strangers are counted, if only new ones were compared


class PicturesCompared(Event, action=Action.COMPARED):
    """Two pictures were compared; neither was stored."""

    pictures: tuple[str, ...]  # SHA-256 of both
    score: float


class ListRead(Event, action=Action.LIST_READ):
    """Somebody read a candidate list."""

    case: str
    search: str


class CandidateRead(Event, action=Action.CANDIDATE_READ):
    """Somebody compared a candidate with the probe."""

    case: str
    search: str
    rank: int
    face: int


class OriginalViewed(Event, action=Action.ORIGINAL_VIEWED):
    """Somebody opened the original picture of a candidate."""

    search: str
    rank: int
    face: int
    capture: int


class PageOpened(Event, action=Action.PAGE_OPENED):
    """Somebody opened the archived page that showed the picture of a candidate."""

    search: str
    rank: int
    face: int
    capture: int


class ReportWritten(Event, action=Action.REPORT_WRITTEN):
    """The report of a search was written."""

    case: str
    search: str
