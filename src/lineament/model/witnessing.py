"""Who witnesses the ledger from outside, how many of them are needed, and how old what they saw may be (R42)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from lineament.model.proposals import Signatory

LONGEST_HOURS = 24 * 30
MOST_WITNESSES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessAddress:
    """A witness."""

    key: str  # its public key, a C2SP vkey of type 4
    url: str  # the prefix of its service

    @property
    def name(self) -> str:
        """The name in its key."""
        return self.key.partition("+")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class StampAuthority:
    """A time-stamp authority (RFC 3161)."""

    name: str
    url: str
    roots: str  # the certificates that its tokens must lead to, PEM


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessPolicy:
    """How the ledger is witnessed. Without a witness and an authority nothing is asked for."""

    witnesses: tuple[WitnessAddress, ...] = ()
    witnesses_needed: int = 0
    authorities: tuple[StampAuthority, ...] = ()
    stamps_needed: int = 0
    stale_after_hours: int = 24  # what they saw may be that old before a search

    @property
    def asks(self) -> bool:
        """Whether anything is needed."""
        return bool(self.witnesses_needed or self.stamps_needed)

    @property
    def stale_after(self) -> timedelta:
        """How old what they saw may be."""
        return timedelta(hours=self.stale_after_hours)

    def to_json(self) -> dict[str, Any]:
        """Return the policy for storage and for the record."""
        lists = {"witnesses": [asdict(each) for each in self.witnesses]}
        return asdict(self) | lists | {"authorities": [asdict(each) for each in self.authorities]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return a stored policy."""
        witnesses = tuple(WitnessAddress(**each) for each in stored["witnesses"])
        authorities = tuple(StampAuthority(**each) for each in stored["authorities"])
        return cls(**{**stored, "witnesses": witnesses, "authorities": authorities})


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessChange:
    """A change of the policy: proposed, and in force once it has an entry."""

    number: int  # from 1
    policy: WitnessPolicy
    reason: str
    by: Signatory
    approved: Signatory | None = None  # None: it waits, or one person made it
    made_at: datetime | None = None
    entry: int | None = None  # the ledger entry that records that it took effect
