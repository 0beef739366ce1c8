"""Findings of the weekly report: what was found, with the numbers behind it, and what was found ordinary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lineament.model.misuse.facts import SearchFacts


class FindingKind(StrEnum):
    """The kinds of findings, in the order of the page. The value is stored."""

    GUARDED = "guarded face"
    SAME_FACE = "same face"
    REPEATED = "repeated face"
    MANY_FACES = "many faces"
    VOLUME = "volume"
    HOURS = "hours"
    READING = "reading"
    PROBE_KIND = "probe kind"
    REFUSED = "refused purpose"
    LOOSENED = "loosened"
    REVIVED = "revived"
    UNREVIEWED = "unreviewed"


KIND_WORDS: Mapping[FindingKind, str] = {
    FindingKind.GUARDED: "A face on your list was searched",
    FindingKind.SAME_FACE: "The same face in unrelated cases",
    FindingKind.REPEATED: "The same face again and again",
    FindingKind.MANY_FACES: "Many faces in one case by one person",
    FindingKind.VOLUME: "Far more than usual",
    FindingKind.HOURS: "At unusual hours",
    FindingKind.READING: "Looking without taking part",
    FindingKind.PROBE_KIND: "Photographs out of line with the case",
    FindingKind.REFUSED: "A refused purpose was attempted",
    FindingKind.LOOSENED: "Looser and looser after “no candidate”",
    FindingKind.REVIVED: "An old case revived for a search alone",
    FindingKind.UNREVIEWED: "Searches that nobody reviewed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that needs an explanation; it is not yet a reproach. Nothing in it shows or describes a face."""

    kind: FindingKind
    who: tuple[str, ...]  # ids of accounts, the most involved first
    cases: tuple[int, ...] = ()
    searches: tuple[str, ...] = ()
    since: datetime
    until: datetime
    what: str  # one sentence that continues a name: “searched 41 times …”
    why: str  # why it stands out
    ordinary: str  # what ordinary looks like
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """What was looked at for one kind of finding, so that silence can be told from absence."""

    kind: FindingKind
    of: str  # what was counted, in the plural
    looked_at: int
    ordinary: int
    too_little: int = 0  # too little is known of them to say anything
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The outcome for one kind."""

    looked_at: LookedAt
    findings: tuple[Finding, ...] = ()


def words(searches: Sequence[SearchFacts]) -> str:
    """Return how many searches and watches there were, as “3 searches and 1 watch”."""
    watches = sum(1 for search in searches if search.watch)
    made = len(searches) - watches
    counts = ((made, "search", "searches"), (watches, "watch", "watches"))
    return " and ".join(f"{count} {one if count == 1 else several}" for count, one, several in counts if count)


def ids(searches: Iterable[SearchFacts]) -> tuple[str, ...]:
    """Return the ids of searches; a watch has no page of its own."""
    return tuple(search.id for search in searches if not search.watch)


def outcome(  # noqa: PLR0913, PLR0917 - what a line says
    kind: FindingKind, of: str, looked_at: int, findings: Sequence[Finding], too_little: int, note: str
) -> Found:
    """Return the outcome for one kind, with how many were ordinary."""
    left = max(0, looked_at - too_little - len(findings))
    line = LookedAt(kind=kind, of=of, looked_at=looked_at, ordinary=left, too_little=too_little, note=note)
    return Found(looked_at=line, findings=tuple(findings))
