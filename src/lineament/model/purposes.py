"""Purposes for which nobody may be searched (R10), as a table that can be read and discussed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Final

from lineament.model.folding import UNKNOWN, alike, folded, pattern, words_found
from lineament.model.jurisdictions import UnlistedOffence
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.refused.activity import ACTIVITY
from lineament.model.refused.immigration import IMMIGRATION
from lineament.model.refused.protected import PROTECTED
from lineament.model.refused.untargeted import UNTARGETED
from lineament.model.refused.wording import CRIMES, Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPurpose:
    """A kind of purpose that is refused."""

    name: str
    why: str
    rule: str  # the law or rule behind it
    wordings: Mapping[str, Wording]  # by language, ISO 639-1

    @property
    def reason(self) -> Reason:
        """The reason against a search for this purpose."""
        return ReasonCode.PURPOSE.reason(name=self.name, why=self.why)

    @property
    def doubtful(self) -> str:
        """What words in doubt may do, completing “the words …”."""
        return f"may name a refused purpose ({self.name})"

    def in_doubt(self, words: str, ref: str) -> Reason:
        """Return the reason against searches until a supervisor states why the words are allowed in a case."""
        return ReasonCode.PURPOSE_IN_DOUBT.reason(name=self.name, words=words, ref=ref)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Words that may name a refused purpose, or no offence that the law lists, and may be innocent."""

    purpose: RefusedPurpose | UnlistedOffence
    words: str  # folded


@dataclass(frozen=True, slots=True)
class PurposeReading:
    """What texts say about refused purposes."""

    refused: tuple[RefusedPurpose, ...]  # in the order of the table
    doubts: tuple[Doubt, ...]  # of purposes that are not refused

    def without(self, allowed: Iterable[str]) -> PurposeReading:
        """Return it without the doubts about words that were allowed, written as in ``Doubt.words``."""
        known = {alike(words) for words in allowed}
        return replace(self, doubts=tuple(doubt for doubt in self.doubts if alike(doubt.words) not in known))


REFUSED: Final = (
    RefusedPurpose(
        name="immigration enforcement",
        why="nobody is searched to enforce immigration law",
        rule="Detroit 307.5; RCW 43.386.080",
        wordings=IMMIGRATION,
    ),
    RefusedPurpose(
        name="protected activity",
        why="nobody is searched for taking part in assembly, speech, worship, journalism, union work or an election",
        rule="RCW 43.386.080(3); US First Amendment; ECHR 9 to 11",
        wordings=ACTIVITY,
    ),
    RefusedPurpose(
        name="protected class",
        why="nobody is searched for race, ethnicity, religion, sex, orientation, disability or opinion",
        rule="RCW 43.386.080(4); EU AI Act 5(1)(g)",
        wordings=PROTECTED,
    ),
    RefusedPurpose(
        name="untargeted",
        why="a search is for one person in one case; crowds, lists and curiosity are not searched",
        rule="EU AI Act 5(1)(h), 26(10); Detroit 307.5",
        wordings=UNTARGETED,
    ),
)
"""Every refused purpose. Words cannot catch every case; what passes is on the record for the auditors."""

LANGUAGES: Final = {"en": "English", "fr": "French", "es": "Spanish", "pt": "Portuguese", "de": "German"}
"""Languages whose words are read, each in every text."""


def read_purposes(texts: Iterable[str], *, beside_crime: bool = False) -> PurposeReading:
    """Return which refused purposes the texts name, and which words leave it in doubt; each text is read alone.

    With ``beside_crime`` each is read as part of a text that names a crime, beside which some words are only in doubt.
    """
    return _read_purposes(tuple(texts), beside_crime)


@lru_cache(maxsize=1024)
def _read_purposes(texts: tuple[str, ...], beside_crime: bool) -> PurposeReading:
    refused: list[RefusedPurpose] = []
    doubts: dict[tuple[str, str], Doubt] = {}
    for text in texts:
        readings = dict.fromkeys(folded(text))
        crime = beside_crime or any(_names_crime(reading) for reading in readings)
        against = ["always"] if crime else ["always", "unless_crime"]
        for purpose in REFUSED:
            if any(True for part in against for _ in _named(purpose.name, part, readings)):
                refused.append(purpose)
                continue
            for part in ("unless_crime", "doubtful"):
                for words in _named(purpose.name, part, readings):
                    doubts.setdefault((purpose.name, alike(words)), Doubt(purpose, words))
    named = tuple(purpose for purpose in REFUSED if purpose in refused)
    return PurposeReading(named, tuple(doubt for doubt in doubts.values() if doubt.purpose not in named))


def refused_purposes(texts: Iterable[str]) -> list[RefusedPurpose]:
    """Return the refused purposes that any of the texts names beyond doubt, in the order of the table."""
    return list(read_purposes(texts).refused)


def _named(name: str, part: str, readings: Iterable[str]) -> Iterator[str]:
    """Yield the whole words of the readings that a part of the table finds."""
    for reading in readings:
        yield from words_found(_compiled(name, part, UNKNOWN in reading), reading)


def _names_crime(reading: str) -> bool:
    """Return whether a reading names a crime; an unreadable letter names none, as that would excuse a purpose."""
    return any(True for _ in words_found(_compiled("crimes", "", unknown=False), reading))


@cache
def _compiled(name: str, part: str, unknown: bool) -> re.Pattern[str]:
    if name == "crimes":
        return pattern("|".join(CRIMES), unknown=unknown)
    (purpose,) = (purpose for purpose in REFUSED if purpose.name == name)
    wordings = purpose.wordings.values()
    return pattern("|".join(words for wording in wordings for words in getattr(wording, part)), unknown=unknown)
