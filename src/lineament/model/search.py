"""Probes, searches and candidates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from math import floor, log10

from lineament.errors import InvalidValue
from lineament.model.blind import HiddenEntry
from lineament.model.faces import ArchiveRecord, Box, CaptureId, Face, FaceId, Quality
from lineament.model.together import MOST_PEOPLE, EnrolledSince, OtherPerson, Together

EXPECTED_FALSE = 0.1
"""Strangers expected above the default threshold, in the gallery searched."""
MOST_CANDIDATES = 50
"""Most entries in a list (R16): the pictures of a face that are alike are one."""
USUAL_CANDIDATES = 20


class Mode(StrEnum):
    """How the list is cut."""

    IDENTIFICATION = "identification"  # above the score at which as many strangers are expected as the threshold says
    INVESTIGATION = "investigation"  # the best, whatever their score
    MANUAL = "manual"  # above a score set by hand


class Outcome(StrEnum):
    """The outcome of a search; “no candidate” is an answer."""

    CANDIDATES = "candidates"
    NO_CANDIDATE = "no_candidate"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFace:
    """One face of one probe."""

    probe_id: str
    face: int  # from 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """The request of an examiner, without the probe."""

    case: str
    reason: str
    sources: tuple[str, ...] = ()  # empty: every permitted source
    since: date | None = None  # first day of capture
    until: date | None = None  # last day of capture
    limit: int = USUAL_CANDIDATES  # entries; alike faces of one source share one
    mode: Mode = Mode.IDENTIFICATION
    min_score: float | None = None  # only with MANUAL
    others: tuple[ProbeFace, ...] = ()  # faces of the same person, whose templates are fused with the probe's
    people: tuple[ProbeFace, ...] = ()  # one face of each other person who is searched as well
    together: Together | None = None  # only with ``people``: pictures that show all of them, or any
    after: str | None = None  # an earlier search of the case: only faces that were enrolled since then

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_CANDIDATES:
            why = f"a list holds 1 to {MOST_CANDIDATES} candidates"
            raise InvalidValue(what="The limit", value=self.limit, why=why, field="limit")
        if (self.mode is Mode.MANUAL) != (self.min_score is not None):
            raise InvalidValue(what="The score", value=self.min_score, why="only the manual threshold takes it")
        if self.min_score is not None and not -1 <= self.min_score <= 1:
            raise InvalidValue(what="The score", value=self.min_score, why="it must be between -1 and 1")
        if self.since and self.until and self.since > self.until:
            why = f"it comes after the last, {self.until}"
            raise InvalidValue(what="The first day", value=self.since, why=why, field="since")
        if len(self.people) >= MOST_PEOPLE:
            why = f"at most {MOST_PEOPLE} people are searched together"
            raise InvalidValue(what="The number of people", value=len(self.people) + 1, why=why, field="person")
        if bool(self.people) != (self.together is not None):
            why = "with several people, say whether all of them are wanted in one picture, or any; with one, neither"
            raise InvalidValue(what="The choice of people", value=len(self.people) + 1, why=why, field="together")
        if self.together is Together.ALL and self.mode is Mode.INVESTIGATION:
            why = "pictures that show all of them need a threshold that each of them reaches; choose identification"
            raise InvalidValue(what="The kind of list", value=self.mode.value, why=why, field="mode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A face of an index and its exact score."""

    face_id: FaceId
    score: float  # cosine similarity, -1 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A face of the gallery that the examiner should look at."""

    rank: int  # from 1
    score: float  # cosine similarity, -1 to 1, higher is closer
    expected_false: float  # strangers expected to reach this score in the gallery searched
    face_id: FaceId
    capture_id: CaptureId
    source: str
    uri: str
    page_uri: str | None
    page_title: str | None
    captured_at: datetime | None
    sha256: str
    phash: bytes
    box: Box
    width: int  # of the picture, pixels
    height: int
    near_duplicates: tuple[FaceId, ...] = ()  # faces of near-identical pictures, folded into this one
    connector: str | None = None  # with its version
    words: str | None = None  # around it on its page
    record: ArchiveRecord | None = None  # of the picture, in a web archive
    page_record: ArchiveRecord | None = None
    time_code: float | None = None  # seconds into the video or animation that it is a frame of
    part: int | None = None  # which picture of its file, from 1; None: the file holds only one
    parts: int | None = None  # pictures in the file, if there are several
    incomplete: bool = False  # the file is damaged
    missing: float | None = None  # the share of its rows that is missing at the bottom, 0 to 1; None: unknown
    drawn: bool = False  # somebody drew the box of the face, because the detector had missed it
    group: int | None = None  # of alike faces of one source, from 1 in the order of the list; None: never grouped
    unlisted: int = 0  # further pictures of its group, at least, that the list leaves out
    extrapolated: tuple[float, float] | None = None  # 95 % interval of the strangers expected; None: they were counted
    person: int | None = None  # whom it is compared with, from 1, if several people are searched


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """The best picture of a group of alike faces, and further pictures of the group, best first."""

    candidate: Candidate
    further: tuple[Candidate, ...] = ()

    @property
    def number(self) -> int:
        """The number of the entry: that of its group, or of its only picture. An erasure does not change it."""
        return entry_number(self.candidate)

    @property
    def unlisted(self) -> int:
        """How many more pictures of the group, at least, the list leaves out."""
        return self.candidate.unlisted


def entry_number(candidate: Candidate) -> int:
    """Return the number of the entry that a candidate belongs to."""
    return candidate.rank if candidate.group is None else candidate.group


class ProbeKind(StrEnum):
    """What kind of picture a probe is, as the examiner declares (R13)."""

    CCTV = "cctv"
    SOCIAL_MEDIA = "social media"
    IDENTITY_DOCUMENT = "identity document"
    SEIZED_DEVICE = "seized device"
    OTHER = "other photograph"
    GALLERY = "gallery"  # a copy of a candidate's picture; never declared by hand
    SKETCH = "sketch"
    COMPOSITE = "composite"
    LOOK_ALIKE = "look-alike"
    GENERATED = "generated or altered"


NO_PROBES = {
    ProbeKind.SKETCH: "a drawing shows what a witness remembers, not a face; its score would mean nothing",
    ProbeKind.COMPOSITE: "a composite is put together from several faces; its score would mean nothing",
    ProbeKind.LOOK_ALIKE: "a look-alike is somebody else, and so would be whoever is found",
    ProbeKind.GENERATED: "a face that a program made or changed is nobody's; its score would mean nothing",
}
"""Refused kinds of probes, and why (Georgetown, Garbage In, 2019)."""

DECLARED = tuple(kind for kind in ProbeKind if kind not in NO_PROBES and kind is not ProbeKind.GALLERY)
"""The kinds that somebody who adds a photograph can declare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOrigin:
    """The face whose picture a probe is a copy of; only the search is left once that picture is erased."""

    search_id: str | None  # whose candidate it was; None: a program named the face
    face_id: FaceId | None
    capture_id: CaptureId | None
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The image asked about, as stored with its case."""

    id: str
    case: str
    sha256: str
    media_type: str
    width: int
    height: int
    faces: tuple[Face, ...]
    made_at: datetime
    edits: tuple[Edit, ...] = ()
    digests: tuple[str, ...] = ()  # SHA-256 of the pixels: as decoded, then after each edit (R14)
    kind: ProbeKind = ProbeKind.OTHER
    case_key: str = ""  # the name of its case in addresses
    part: int = 1  # which picture of its file, from 1: a page, a frame
    parts: int = 1  # pictures in the file
    incomplete: bool = False  # the file is damaged; what could be read of the picture is there
    missing: float | None = None  # the share of its rows that is missing at the bottom, 0 to 1; None: unknown
    origin: CopyOrigin | None = None  # None: somebody added it
    erased_at: datetime | None = None  # when the picture that it copied was erased, and it with it


class EditKind(StrEnum):
    """The only edits of a probe (R14)."""

    ROTATE = "rotate"
    CROP = "crop"
    EXPOSURE = "exposure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit: rotate by ``degrees`` clockwise (90, 180, 270), crop to ``box``, or lighten by ``stops``."""

    kind: EditKind
    degrees: int = 0
    box: Box | None = None
    stops: float = 0.0  # of exposure, -3 to 3: one stop doubles the light
    automatic: bool = False  # made by Lineament, to show a turned photograph upright; it can be undone as any edit


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdOrigin:
    """Which signed change set the threshold of a search."""

    number: int  # of the change
    on: date
    alone: bool  # made by one person, not by two


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEntry:
    """The ledger entry of a search, as the reader may see it, and the warnings that are shown with its list."""

    number: int | None  # for auditors, and in a solo workspace: it would reveal how much others do
    commitment: str
    warnings: tuple[str, ...]  # in the wording of the law of the case

    def __str__(self) -> str:
        return self.commitment if self.number is None else str(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The answer to a search, as shown and as stored."""

    search_id: str
    case: str
    reason: str
    made_at: datetime
    model: str
    gallery_faces: int
    sources: tuple[str, ...]
    mode: Mode
    threshold: float
    since: date | None
    until: date | None
    limit: int
    probe_id: str
    probe_sha256: str
    face: int  # which face of the probe, from 1
    face_box: Box
    quality: Quality
    candidates: tuple[Candidate, ...]
    seconds: float  # duration of the comparison
    ledger_entry: int
    others: tuple[ProbeFace, ...] = ()  # fused with the probe's face
    case_key: str = ""  # the name of its case in addresses
    probe_part: int = 1  # which picture of the probe's file, from 1
    probe_parts: int = 1
    probe_incomplete: bool = False  # the probe's file is damaged
    probe_missing: float | None = None  # the share of the probe that is missing, 0 to 1; None: unknown
    probe_edits: tuple[Edit, ...] = ()
    probe_kind: ProbeKind = ProbeKind.OTHER
    probe_origin: CopyOrigin | None = None  # of a copy of a candidate's picture
    probe_erased: bool = False  # with the picture that it was a copy of
    strangers: float | None = None  # expected above the threshold; None: it was not set by that
    signed: ThresholdOrigin | None = None  # None: the default of the product, or not set by that
    missed: float | None = None  # share of mated faces that score below the threshold with such a probe; None: unknown
    uncompared: int = 0  # faces that are enrolled and that the search could not compare
    altered: tuple[str, ...] = ()  # sources whose stored faces are not those that were enrolled
    together: Together | None = None  # with ``people``: whether the list shows pictures of all of them, or of any
    people: tuple[OtherPerson, ...] = ()  # who was searched as well, numbered from 2; the probe shows person 1
    newest_face: FaceId | None = None  # the highest number that a face had when it was made; None: not recorded
    hidden: tuple[HiddenEntry, ...] = ()  # entries that the reader has yet to judge; then ``candidates`` is empty
    after: EnrolledSince | None = None  # only faces enrolled since that search were compared
    watch: str | None = None  # that fired, and compared only faces that it had not compared; None: somebody searched
    whole_faces: int | None = None  # of a watch: how many faces the gallery had, new or not

    def asked(self, person: int | None) -> OtherPerson:
        """Return the face that a candidate of this person is compared with; None and 1 are whom the probe shows."""
        first = OtherPerson(
            number=1,
            probe_id=self.probe_id,
            face=self.face,
            sha256=self.probe_sha256,
            face_box=self.face_box,
            quality=self.quality,
            threshold=self.threshold,
            missed=self.missed,
        )
        return next((other for other in self.people if other.number == person), first)

    @property
    def expected_among(self) -> int:
        """How many faces the strangers expected were counted for: those compared, or the whole gallery."""
        if self.whole_faces is not None:
            return self.whole_faces
        return self.gallery_faces if self.after is None else self.after.whole_faces

    @property
    def whole(self) -> bool:
        """Whether every face that is enrolled in the sources searched was compared."""
        return not self.uncompared and not self.altered

    @property
    def outcome(self) -> Outcome:
        """Whether there is any candidate."""
        return Outcome.CANDIDATES if self.candidates or self.hidden else Outcome.NO_CANDIDATE

    @property
    def listed(self) -> int:
        """How many entries the list has now, whether their numbers are shown or hidden."""
        return len(self.hidden or self.entries)

    @property
    def entries(self) -> tuple[ListEntry, ...]:
        """The list as it is shown: one entry for each group of alike faces."""
        groups: dict[int, list[Candidate]] = {}
        for candidate in self.candidates:
            groups.setdefault(entry_number(candidate), []).append(candidate)
        return tuple(ListEntry(candidate=first, further=tuple(further)) for first, *further in groups.values())


def threshold_words(result: SearchResult) -> str:
    """Return in words where the threshold of an identification comes from; empty for other searches."""
    if result.mode is not Mode.IDENTIFICATION:
        return ""
    if result.signed is None:
        return "the default of Lineament"
    who = "made by one person" if result.signed.alone else "signed by two people"
    return f"change {result.signed.number} of {result.signed.on}, {who}"


def strangers_words(result: SearchResult) -> str:
    """Return how many strangers are expected above the threshold, in words: “0.1 strangers are expected”."""
    strangers = EXPECTED_FALSE if result.strangers is None else result.strangers
    return "1 stranger is expected" if strangers == 1 else f"{strangers:g} strangers are expected"


def missed_words(result: SearchResult) -> str:
    """Return in words who may be missing from a list; empty if it is not known."""
    if result.missed is None:
        return ""
    people = "fewer than 1" if result.missed < 0.01 else f"about {100 * result.missed:.0f}"
    return f"Of 100 people in the gallery, {people} would be missing from a list for a photograph of this quality"


def uncompared_words(result: SearchResult) -> str:
    """Return in words which faces a search did not compare; empty if it compared every one."""
    if result.whole:
        return ""
    why = []
    if result.uncompared:
        were, them = ("1 face was", "it") if result.uncompared == 1 else (f"{result.uncompared:,} faces were", "them")
        why.append(
            f"{were} not compared, because what is stored of {them} is damaged or missing, the index was not complete "
            "yet, or a machine of the cluster did not answer"
        )
    if result.altered:
        named = ", ".join(result.altered)
        why.append(f"the faces stored of {named} are not those that were enrolled: they were changed outside Lineament")
    return (
        f"{'; '.join(why)}. This search is not an identification, and a person who is not in its list may be in the "
        "gallery"
    )


def expected_words(strangers: float) -> str:
    """Return the strangers expected, with two significant figures, which is as precise as the tail of the table."""
    if strangers >= 10:
        return f"{strangers:,.0f}"
    if strangers < 0.0001:
        return "<\N{NO-BREAK SPACE}0.0001"
    places = max(1, 1 - floor(log10(strangers)))
    return f"{strangers:.{places}f}"


def interval_words(candidate: Candidate) -> str:
    """Return the 95 % interval of the strangers expected beyond what was counted; empty if they were counted."""
    if candidate.extrapolated is None:
        return ""
    low, high = candidate.extrapolated
    if low == high:
        return "interval not measured"
    return " to ".join(dict.fromkeys(map(expected_words, (low, high))))
