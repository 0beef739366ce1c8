"""Keys with which programs act for officials: bound to a person, to rights, and for searching to a case."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from lineament.errors import InvalidValue
from lineament.model.accounts import KeyBounds, Permission
from lineament.model.texts import require_said

GRANTED = (
    Permission.READ_SOURCES,
    Permission.MANAGE_SOURCES,
    Permission.READ_CASES,
    Permission.TAKE_PART,
    Permission.OPEN_CASES,
    Permission.SEARCH,
    Permission.REVIEW,
    Permission.READ_LEDGER,
    Permission.READ_USAGE,
)
"""The rights that a key may have. A program never approves, stops, manages people or cases, or makes another key."""

IN_A_CASE = frozenset(
    {
        Permission.READ_SOURCES,
        Permission.MANAGE_SOURCES,
        Permission.READ_CASES,
        Permission.TAKE_PART,
        Permission.OPEN_CASES,
        Permission.SEARCH,
        Permission.REVIEW,
    }
)
"""The rights of a key that is bound to a case; the others reach beyond it."""

USUAL_DAYS = 30
"""Days for which a key is valid unless its maker chooses otherwise."""
PER_MINUTE = 600
"""Requests a minute that a key may make unless its maker chooses another rate."""
MOST_PER_MINUTE = 60_000
LONGEST_NAME = 100
_PREFIX = "lin"


class KeyStanding(StrEnum):
    """Whether a key opens anything."""

    VALID = "valid"
    ENDED = "ended"  # its end has passed
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """What somebody asks for who makes a key."""

    name: str
    rights: frozenset[Permission]
    days: int  # for which it is valid
    case: str | None = None  # key or reference of the only case that it sees; needed for searching
    reason: str = ""  # of its searches that state none; needed for searching
    sources: tuple[str, ...] = ()  # the only sources that it works with; empty: all that the official may
    per_minute: int = PER_MINUTE
    signs: bool = False  # whether a secret is made that signs requests (AWS Signature Version 4)

    def check(self, may: Collection[Permission], most_days: int) -> None:
        """Raise InvalidValue unless the official with these permissions may make such a key."""
        require_said(self.name, "The name of the key", "name")
        if len(self.name) > LONGEST_NAME or not self.name.isprintable():
            why = f"use at most {LONGEST_NAME} printable characters"
            raise _wrong("The name of the key", self.name[:LONGEST_NAME], why, "name")
        self._check_rights(may)
        if not 1 <= self.days <= most_days:
            why = f"your agency's policy allows 1 to {most_days}" if most_days else "your agency's policy allows none"
            raise _wrong("The days for which a key is valid", self.days, why, "days")
        if not 1 <= self.per_minute <= MOST_PER_MINUTE:
            why = f"choose from 1 to {MOST_PER_MINUTE:,} requests a minute"
            raise _wrong("The rate of a key", self.per_minute, why, "per_minute")
        if Permission.SEARCH in self.rights:
            if self.case is None:
                why = "a key that searches is bound to a case, whose purpose and legal basis cover it"
                raise _wrong("The case of the key", "", why, "case")
            why = "say why it searches; each of its searches records this unless it states its own reason"
            require_said(self.reason, "The reason of the key", "reason", why)

    def _check_rights(self, may: Collection[Permission]) -> None:
        if not self.rights:
            raise _wrong("The choice of rights", "", "choose at least one", "right")
        for right in sorted(self.rights):
            why = ""
            if right not in GRANTED:
                why = "no program may have it"
            elif right not in may:
                why = "your roles do not include it"
            elif self.case is not None and right not in IN_A_CASE:
                why = "it reaches beyond the case to which the key is bound"
            if why:
                raise _wrong("A right of a key", right, why, "right")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key, without its secret: the store keeps only a digest of it."""

    id: str
    agency_id: str
    account_id: str | None  # None: the person at the machine
    made_by: str
    name: str
    rights: frozenset[Permission]
    case_id: int | None
    reason: str
    sources: tuple[str, ...]
    per_minute: int
    made_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None  # to the minute
    signing_secret: str | None = field(default=None, repr=False)

    def within(self, most_days: int) -> ApiKey:
        """Return it as a policy lets it be valid, for at most so many days since it was made; 0: not at all."""
        return replace(self, ends_at=min(self.ends_at, end_of(self.made_at, most_days)))

    def standing(self, at: datetime) -> KeyStanding:
        """Return whether it opens anything at that time."""
        if self.revoked_at is not None:
            return KeyStanding.REVOKED
        return KeyStanding.VALID if at < self.ends_at else KeyStanding.ENDED

    @property
    def bounds(self) -> KeyBounds:
        """What a program may do that has it."""
        return KeyBounds(id=self.id, rights=self.rights, case_id=self.case_id, sources=self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """A key as it is shown once."""

    key: ApiKey
    case: str | None  # the reference of its case
    text: str = field(repr=False)  # what a program sends


def new_key_text(key_id: str) -> str:
    """Return the text of a new key: its id, and 256 random bits that nobody can guess."""
    return f"{_PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"


def id_in(untrusted: str) -> str | None:
    """Return the id in the text of a key; None if it cannot be one."""
    prefix, _, rest = untrusted.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != _PREFIX or len(key_id) != 16 or len(secret) != 43:
        return None
    return key_id


def end_of(made_at: datetime, days: int) -> datetime:
    """Return when a key ends that is valid for so many days."""
    return made_at + timedelta(days=days)


def _wrong(label: str, value: object, why: str, field_name: str) -> InvalidValue:
    return InvalidValue(what=label, value=value, why=why, field=field_name)
