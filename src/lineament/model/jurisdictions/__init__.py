"""What the law of a jurisdiction adds, as packs of plain data; first drafts, which counsel has to check.

A pack is a TOML file beside this one. Each line of it says, in words of our own, what one section of an act asks for,
where it stands and on which day it was read. What a line makes Lineament do stands in the same line: which offences are
searched for, who is not searched for without an authorisation, how long a closed case is kept, and the warnings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from lineament.errors import NotFound
from lineament.model.folding import folded, pattern, words_found
from lineament.model.reasons import Reason, ReasonCode

NOTICE = "To be checked by counsel"
"""Stands with everything that is shown of a pack."""
SECOND_HAND = "read second-hand"
COMMON = "common"
"""The pack of cases whose jurisdiction has none."""


class Topic(StrEnum):
    """What a line is about; the value is its heading."""

    OFFENCES = "Offences that are searched for"
    AUTHORISATION = "Warrant or authorisation"
    WARNING = "Warnings"
    NOTICE = "Notice to the defence"
    RETENTION = "Retention"
    REPORT = "Annual report"
    DUTY = "Further duties"


class Warned(StrEnum):
    """What a warning is about. Of each of these every result and report prints one."""

    BASIS = "not the sole basis"
    LINE_UP = "line-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one section of an act asks for."""

    about: Topic
    words: str  # short, and our own
    act: str
    section: str
    url: str
    read_on: date
    second_hand: bool = False  # what somebody else wrote about it was read, and not the act
    offences: tuple[str, ...] = ()  # what names an offence that is searched for, in folded words
    seeks: tuple[str, ...] = ()  # whom it concerns (``cases.Seeks``); of offences: who is sought whatever the offence
    days: int | None = None  # of retention
    warns: Warned | None = None
    due: str = ""  # of a notice or an annual report: by when, in words; empty if what was read names no time
    to_write: str = ""  # of the annual report: what it asks for that only the controller knows

    @property
    def time_limit(self) -> str:
        """By when it is due, in words."""
        return f"Due {self.due}" if self.due else "What was read of it names no time"

    @property
    def source(self) -> str:
        """Where it stands, and when it was read."""
        read = SECOND_HAND if self.second_hand else "read"
        return f"{self.act}, {self.section} ({read} on {self.read_on})"


@dataclass(frozen=True, slots=True)
class UnlistedOffence:
    """An offence that none of the words of a pack names; a doubt about the searches of a case."""

    law: str  # its name
    section: str

    @property
    def name(self) -> str:
        """What is in doubt, in words."""
        return f"the offence, in {self.law}"

    @property
    def doubtful(self) -> str:
        """What words in doubt may do, completing “the words …”."""
        return f"names none of the offences for which faces are searched in {self.law} ({self.section})"

    def in_doubt(self, words: str, ref: str) -> Reason:
        """Return the reason against searches until a supervisor states which listed offence it is."""
        return ReasonCode.OFFENCE_IN_DOUBT.reason(law=self.law, section=self.section, words=words, ref=ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    """A pack."""

    code: str  # ISO 3166, EU, or ``COMMON``
    name: str
    covers: tuple[str, ...]  # codes of the countries or of the parts of one that it is for
    lines: tuple[Line, ...]
    not_found: tuple[str, ...] = ()  # what was looked for and could not be read

    def about(self, topic: Topic) -> tuple[Line, ...]:
        """Return the lines on a topic."""
        return tuple(line for line in self.lines if line.about is topic)

    @property
    def warnings(self) -> tuple[Line, ...]:
        """The warnings, one of each kind: its own, or else the common one."""
        own = {line.warns: line for line in self.about(Topic.WARNING)}
        usual = own if self.code == COMMON else {line.warns: line for line in packs()[COMMON].warnings}
        return tuple(own.get(kind) or usual[kind] for kind in Warned)

    @property
    def retention_days(self) -> int | None:
        """Days after which a closed case is destroyed at the latest; None if it names none."""
        return min((line.days for line in self.about(Topic.RETENTION) if line.days is not None), default=None)

    def asks_authorisation(self, seeks: str) -> Line | None:
        """Return the line that asks for an authorisation whatever the policy says; None if there is none."""
        return next((line for line in self.about(Topic.AUTHORISATION) if seeks in line.seeks), None)

    def offence_in_doubt(self, offence: str, seeks: str) -> tuple[UnlistedOffence, str] | None:
        """Return the doubt about an offence that no listed word names, with its folded words; None if there is none."""
        listing = self.about(Topic.OFFENCES)
        if not any(line.offences for line in listing) or any(seeks in line.seeks for line in listing):
            return None
        readings = folded(offence)
        if any(True for reading in readings for _ in words_found(_listed(self.code), reading)):
            return None
        return UnlistedOffence(self.name, f"{listing[0].act}, {listing[0].section}"), readings[0]


@cache
def packs() -> Mapping[str, Jurisdiction]:
    """Return every pack by its code, in the order of the codes."""
    found = [read_pack(entry.read_text("utf-8")) for entry in files(__name__).iterdir() if entry.name.endswith(".toml")]
    return {pack.code: pack for pack in sorted(found, key=lambda pack: pack.code)}


@cache
def law_of(code: str) -> Jurisdiction:
    """Return the pack for the code of a country or of a part of one: one that covers it, or the common one."""
    for pack in packs().values():
        if code in pack.covers:
            return pack
    country, _, part = code.partition("-")
    return law_of(country) if part else packs()[COMMON]


def pack_named(code: str) -> Jurisdiction:
    """Return the pack of that code, in any letters. Raises NotFound if there is none."""
    found = {known.casefold(): pack for known, pack in packs().items()}.get(code.strip().casefold())
    if found is None:
        raise NotFound(what="jurisdiction", name=code[:20], hint="lineament jurisdiction list")
    return found


def shortest_retention() -> int | None:
    """Return the fewest days after which any pack has a closed case destroyed; None if none does."""
    return min((pack.retention_days for pack in packs().values() if pack.retention_days is not None), default=None)


def read_pack(text: str) -> Jurisdiction:
    """Return the pack that a TOML file holds. Raises ValueError, KeyError or TypeError if it is not whole."""
    stored = tomllib.loads(text)
    lines = tuple(_line(**line) for line in stored.pop("line"))
    for name in ("covers", "not_found"):
        stored[name] = tuple(stored.get(name, ()))
    return Jurisdiction(lines=lines, **stored)


def _line(*, about: str, read: date, warns: str | None = None, **facts: Any) -> Line:
    for name in ("offences", "seeks"):
        facts[name] = tuple(facts.get(name, ()))
    said = " ".join(facts.pop("words").split())
    return Line(about=Topic[about], read_on=read, words=said, warns=None if warns is None else Warned[warns], **facts)


@cache
def _listed(code: str) -> Any:
    named: Iterable[str] = (words for line in packs()[code].about(Topic.OFFENCES) for words in line.offences)
    return pattern("|".join(named))
