"""Evidence that is independent of a search; without it no lead leaves (R21)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from lineament.errors import InvalidValue
from lineament.model.texts import require_said, require_short

MOST_LETTERS = 4000
"""Most letters of what a piece of evidence is, and of why it is replaced."""
MOST_OF_REFERENCE = 300


class EvidenceKind(StrEnum):
    """The kind of a piece of evidence. The value is its name on the page and in the record."""

    DOCUMENT = "document"
    FORENSIC = "device or forensic trace"
    LOCATION = "location"
    STATEMENT = "statement"
    WITNESS = "witness, who was not shown this picture"
    OTHER = "other"


class LeadState(StrEnum):
    """What may be done with a lead."""

    AWAITING = "awaiting evidence"  # it does not leave
    READY = "may be disclosed"
    REPORTED = "reported on"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDraft:
    """A piece of evidence as somebody states it."""

    kind: EvidenceKind
    text: str  # what it is
    reference: str  # where it is filed
    independent: bool  # whoever records it says that it was found without this search, and not by showing this picture
    replaces: str | None = None  # the id of an earlier piece
    because: str = ""  # why that is replaced

    def require_complete(self) -> None:
        """Raise InvalidValue unless it says what it is, where it is filed, and that it is independent."""
        require_said(self.text, "The evidence", "text", "say what it is, and what it shows")
        require_said(self.reference, "The reference", "reference", "say where it is filed, so that others find it")
        require_short(self.text, MOST_LETTERS, "text")
        require_short(self.reference, MOST_OF_REFERENCE, "reference")
        require_short(self.because, MOST_LETTERS, "because")
        if not self.independent:
            why = "evidence that came from this search, or from showing this picture to somebody, does not count"
            raise InvalidValue(what="The evidence", value="not independent", why=why, field="independent")
        if self.replaces is not None:
            require_said(self.because, "The reason", "because", "say why the earlier evidence is replaced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A piece of evidence as it was recorded. It never changes; a later one may replace it."""

    id: str
    search_id: str
    entry: int  # of the candidate list, as in ``review.CandidateDecision``
    kind: EvidenceKind
    text: str
    reference: str
    recorded_by: str
    account_id: str | None
    agency_id: str
    at: datetime
    replaces: str | None = None
    because: str = ""


class Replaceable(Protocol):
    """A record that a later one may replace."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def replaces(self) -> str | None:
        """The id of the record that it replaces."""


AnyRecord = TypeVar("AnyRecord", bound=Replaceable)


def require_stands(replaces: str | None, stands: Iterable[Replaceable], what: str) -> None:
    """Raise InvalidValue unless the record that is to be replaced, if any, is among those that nothing replaced."""
    if replaces is not None and replaces not in {record.id for record in stands}:
        why = "it is not there, or was replaced before"
        raise InvalidValue(what=f"The {what} to replace", value=replaces[:32], why=why, field="replaces")


def standing(recorded: Iterable[AnyRecord]) -> tuple[AnyRecord, ...]:
    """Return the records that nothing replaced, in their order."""
    every = tuple(recorded)
    replaced = {record.replaces for record in every}
    return tuple(record for record in every if record.id not in replaced)
