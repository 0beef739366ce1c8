"""Changes of the threshold of identification and of the model pack: proposed by one person, approved by another (R28).

The threshold is not a score but the number of strangers that are expected above it in the gallery searched; the score
follows from that for each search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import Any, Self

from lineament.errors import InvalidValue
from lineament.model.events.base import JSON
from lineament.model.search import EXPECTED_FALSE

LEAST_STRANGERS, MOST_STRANGERS = 0.001, 10.0
"""The range of the setting."""


class ProposalKind(StrEnum):
    """What would change."""

    THRESHOLD = "threshold"
    PACK = "pack"


class ProposalState(StrEnum):
    """The state of a proposal."""

    PENDING = "pending"
    APPROVED = "approved"  # a pack that was not taken over yet
    MADE = "made"  # the change took effect
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"  # what it was measured against has changed since


class ProposalEvent(StrEnum):
    """An event in the life of a proposal; the value completes “it cannot be …”."""

    APPROVED = "approved"
    MADE = "made"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


NEXT = {
    ProposalState.PENDING: {
        ProposalEvent.APPROVED: ProposalState.APPROVED,
        ProposalEvent.MADE: ProposalState.MADE,
        ProposalEvent.DECLINED: ProposalState.DECLINED,
        ProposalEvent.WITHDRAWN: ProposalState.WITHDRAWN,
    },
    ProposalState.APPROVED: {
        ProposalEvent.MADE: ProposalState.MADE,
        ProposalEvent.WITHDRAWN: ProposalState.WITHDRAWN,
    },
    ProposalState.MADE: {},
    ProposalState.DECLINED: {},
    ProposalState.WITHDRAWN: {},
    ProposalState.EXPIRED: {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Who proposed or decided something, and when."""

    name: str
    account_id: str | None  # None: the one person of a solo workspace
    at: datetime

    def to_json(self) -> dict[str, JSON]:
        """Return the signatory for storage."""
        return {"name": self.name, "account_id": self.account_id, "at": self.at.isoformat()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return a stored signatory."""
        return cls(name=stored["name"], account_id=stored["account_id"], at=datetime.fromisoformat(stored["at"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided about a proposal."""

    state: ProposalState  # approved, made, declined or withdrawn
    by: Signatory
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that somebody proposes."""

    number: int  # from 1
    kind: ProposalKind
    strangers: float  # expected above the threshold once the change is made
    pack: str  # the pack in use then
    model: str  # of that pack
    against: str  # the model in use when it was proposed
    based_on: int | None  # the number of the change in force then; None: the default of the product
    reason: str
    by: Signatory
    evidence: Mapping[str, JSON] | None  # the error rates before and after; None: nothing was measured
    note: str  # the statement of all this, signed
    decision: Decision | None = None
    made: str | None = None  # the signed statement that it took effect
    made_at: datetime | None = None
    entry: int | None = None  # the ledger entry of that
    state: ProposalState = ProposalState.PENDING

    def seen_from(self, model: str, in_force: int | None) -> Proposal:
        """Return the proposal as expired if the workspace uses another model or another setting by now."""
        if self.waits and (model != self.against or in_force != self.based_on):
            return replace(self, state=ProposalState.EXPIRED)
        return self

    @property
    def waits(self) -> bool:
        """Whether it waits for a decision, or for the move to its pack."""
        return bool(NEXT[self.state])


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The threshold in force, verified."""

    strangers: float = EXPECTED_FALSE
    number: int | None = None  # of the change that set it; None: the default of the product
    model: str | None = None  # that it was set for
    proposed: Signatory | None = None
    approved: Signatory | None = None  # None: made by one person, or the default
    made_at: datetime | None = None
    reason: str = ""

    @classmethod
    def set_by(cls, change: Proposal) -> Self:
        """Return the threshold that is in force once a change took effect."""
        return cls(
            strangers=change.strangers,
            number=change.number,
            model=change.model,
            proposed=change.by,
            approved=None if change.decision is None else change.decision.by,
            made_at=change.made_at,
            reason=change.reason,
        )

    @property
    def alone(self) -> bool:
        """Whether one person made the change."""
        return self.number is not None and self.approved is None


def checked_strangers(value: float) -> float:
    """Return the value of the setting. Raises InvalidValue outside its range."""
    if not isfinite(value) or not LEAST_STRANGERS <= value <= MOST_STRANGERS:
        why = f"it is {LEAST_STRANGERS:g} to {MOST_STRANGERS:g}"
        raise InvalidValue(what="The number of strangers expected", value=value, why=why, field="strangers")
    return float(value)
