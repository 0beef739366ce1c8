"""Findings of the weekly report: what was found, with the numbers behind it, and what was found ordinary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
