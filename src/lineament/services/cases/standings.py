"""The current state of a case for an official, and the decision of an authority that changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from lineament.model.accounts import Permission
from lineament.model.cases import AuthorisationOutcome, CaseStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The decision of an authority, as a supervisor records it."""

    authority: str
    decided_at: datetime
    outcome: AuthorisationOutcome
    scope: str
    expires_on: date | None = None
    document: bytes | None = None  # the untrusted document of the decision
    document_name: str = "decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The current state of a case, and what the official may do in it."""

    standing: CaseStanding
    locks_at: datetime | None  # for an urgent case, also after the time is over
    urgent_hours: int
    destroyed_on: date | None
    may: frozenset[Permission]
