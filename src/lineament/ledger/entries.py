"""An entry of the ledger: its bytes, its commitment and where it is stored. The stand-alone verifier needs no more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from lineament.ledger.merkle import Node

if TYPE_CHECKING:  # the verifier loads nothing but the ledger and the errors
    from lineament.model.events.base import JSON

DETAILS_DOMAIN = b"lineament.ledger.details.v1\x00"
"""Precedes salt and details, so that a commitment can never be taken for another kind of hash."""
SALT_BYTES = 32
"""As long as the hash, so that a commitment reveals nothing about short or guessable details (R43)."""


class StoredEntry(Protocol):
    """An entry as the store returns it."""

    @property
    def seq(self) -> int:
        """The number of the entry, from 0."""

    @property
    def at(self) -> datetime:
        """When, in UTC, to the microsecond."""

    @property
    def action(self) -> str:
        """The recorded action."""

    @property
    def commitment(self) -> bytes:
        """32 bytes that bind salt and details."""

    @property
    def leaf(self) -> bytes:
        """The leaf hash, 32 bytes."""

    @property
    def salt(self) -> bytes | None:
        """32 bytes, or None once the details are erased."""

    @property
    def details(self) -> str | None:
        """Canonical JSON, or None once erased."""


class LeafStore(Protocol):
    """The store of the entries. Everything happens inside the caller's transaction; nothing here commits."""

    def size(self) -> int:
        """Return how many entries there are."""

    def newest_at(self) -> datetime | None:
        """Return when the newest entry was recorded, UTC; None if there is no entry."""

    def append(  # noqa: PLR0913, PLR0917 - one row, column by column
        self,
        seq: int,
        at: datetime,
        action: str,
        commitment: bytes,
        leaf: bytes,
        salt: bytes,
        details: str,
        nodes: Sequence[Node],
    ) -> None:
        """Append the entry ``seq``, its details, and the tree nodes that it completes (including level 0)."""

    def node(self, level: int, position: int) -> bytes:
        """Return the hash of a complete subtree. Raises KeyError if it is not stored."""

    def nodes(self, level: int, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Yield position and hash of the stored nodes of one level, start to stop (exclusive), ascending."""

    def entries(self, start: int, stop: int) -> Iterator[StoredEntry]:
        """Yield the stored entries from ``start`` to ``stop`` (exclusive), ascending."""

    def checkpoint(self) -> str | None:
        """Return the newest signed checkpoint, None before the first entry."""

    def set_checkpoint(self, size: int, root: bytes, note: str) -> None:
        """Replace the checkpoint with a newer one."""

    def forget_details(self, seq: int) -> None:
        """Erase salt and details of an entry, if they are there; its commitment stays."""


def canonical(value: Mapping[str, JSON]) -> str:
    """Return JSON with sorted keys, without blanks, in ASCII: the same value always gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def timestamp(at: datetime) -> str:
    """Return ``at`` as in the leaf, for example 2026-01-31T23:59:59.000001Z. Raises ValueError if it is not in UTC."""
    if at.utcoffset() != timedelta(0):
        raise ValueError(f"the time of an entry is in UTC, not {at!r}")
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def commitment_to(salt: bytes, details: str) -> bytes:
    """Return the commitment to details: SHA-256(domain || salt || details)."""
    return sha256(DETAILS_DOMAIN + salt + details.encode()).digest()


def leaf_bytes(seq: int, at: datetime, action: str, commitment: bytes) -> bytes:
    """Return the input of the leaf hash: the entry without salt and details, as canonical JSON."""
    entry: dict[str, JSON] = {
        "action": action,
        "at": timestamp(at),
        "commitment": commitment.hex(),
        "seq": seq,
    }
    return canonical(entry).encode()
