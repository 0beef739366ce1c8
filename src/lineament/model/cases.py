"""Cases: why a search is made, and by whose authority."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lineament.errors import InvalidValue


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLOSED = "closed"


class CaseEvent(StrEnum):
    """What happens to a case."""

    CLOSED = "closed"


NEXT = {CaseState.OPEN: {CaseEvent.CLOSED: CaseState.CLOSED}, CaseState.CLOSED: {}}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTerms:
    """What is known when a case is opened (R7)."""

    ref: str  # the agency's own reference
    offence: str
    purpose: str
    basis: str
    authorised_by: str | None = None

    def __post_init__(self) -> None:
        if len(self.ref) > 100 or self.ref != self.ref.strip() or not self.ref.isprintable():
            why = "use at most 100 printable characters, without blanks at the ends"
            raise InvalidValue(what="The reference of a case", value=self.ref[:100], why=why)
        texts = {
            "reference": self.ref,
            "offence": self.offence,
            "purpose": self.purpose,
            "legal basis": self.basis,
        }
        for what, text in texts.items():
            if not text.strip():
                raise InvalidValue(what=f"The {what} of a case", value=text, why="it must say something")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case of the agency."""

    id: int
    terms: CaseTerms
    state: CaseState
    opened_at: datetime
    closed_at: datetime | None
    searches: int

    @property
    def ref(self) -> str:
        """The agency's own reference."""
        return self.terms.ref
