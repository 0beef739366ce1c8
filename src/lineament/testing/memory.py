"""Fakes that keep everything in memory; they pass the contract tests of what they replace."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from lineament.errors import Damaged
from lineament.identity.mail import message
from lineament.store.blobs import checked_address, damaged
from lineament.store.keys import DataKey, Vault

VAULT = Vault(b"\1" * 32, b"\2" * 32)
"""A vault whose keys are public."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEntry:
    """An entry of a ledger in memory."""

    seq: int
    at: datetime
    action: str
    commitment: bytes
    leaf: bytes
    salt: bytes | None
    details: str | None


@dataclass(slots=True)
class MemoryLeafStore:
    """A ledger's rows in memory (ledger/entries.py, LeafStore). The rows are public, so that a test can tamper."""

    rows: dict[int, MemoryEntry] = field(default_factory=dict)
    tree: dict[tuple[int, int], bytes] = field(default_factory=dict)
    note: str | None = None

    def size(self) -> int:
        """Return how many entries there are."""
        return len(self.rows)

    def newest_at(self) -> datetime | None:
        """Return when the newest entry was recorded; None if there is none."""
        return self.rows[max(self.rows)].at if self.rows else None

    def append(  # noqa: PLR0913, PLR0917 - one row, column by column
        self,
        seq: int,
        at: datetime,
        action: str,
        commitment: bytes,
        leaf: bytes,
        salt: bytes,
        details: str,
        nodes: Sequence[tuple[int, int, bytes]],
    ) -> None:
        """Append an entry and the tree nodes it completes. Raises ValueError if it is already there."""
        if seq in self.rows or any((level, position) in self.tree for level, position, _ in nodes):
            raise ValueError(f"entry {seq} is already there")
        self.rows[seq] = MemoryEntry(
            seq=seq, at=at, action=action, commitment=commitment, leaf=leaf, salt=salt, details=details
        )
        self.tree.update({(level, position): node for level, position, node in nodes})

    def node(self, level: int, position: int) -> bytes:
        """Return the hash of a complete subtree. Raises KeyError if it is not stored."""
        return self.tree[level, position]

    def nodes(self, level: int, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Return position and hash of the stored nodes of one level, ascending."""
        if stop - start > len(self.tree):
            positions = sorted(at for its_level, at in self.tree if its_level == level and start <= at < stop)
        else:
            positions = [at for at in range(start, stop) if (level, at) in self.tree]
        return ((position, self.tree[level, position]) for position in positions)

    def entries(self, start: int, stop: int) -> Iterator[MemoryEntry]:
        """Return the stored entries from ``start`` to ``stop`` (exclusive), ascending."""
        few = range(start, stop) if stop - start < len(self.rows) else sorted(self.rows)
        return (self.rows[seq] for seq in few if start <= seq < stop and seq in self.rows)

    def checkpoint(self) -> str | None:
        """Return the newest signed checkpoint."""
        return self.note

    def set_checkpoint(self, size: int, root: bytes, note: str) -> None:  # noqa: ARG002 - columns of the real one
        """Replace the checkpoint with a newer one."""
        self.note = note

    def forget_details(self, seq: int) -> None:
        """Erase salt and details of an entry."""
        self.rows[seq] = replace(self.rows[seq], salt=None, details=None)


@dataclass(slots=True)
class MemoryBlobs:
    """Sealed pictures in memory (store/blobs.py, Blobs)."""

    sealed: dict[str, bytes] = field(default_factory=dict)
    pending: dict[str, bytes] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)

    def put(self, key: DataKey, plain: bytes) -> str:
        """See Blobs."""
        address = key.address(hashlib.sha256(plain).hexdigest())
        self.times[address] = time.time()
        if self.missing([address]):
            self.pending[address] = key.pictures.seal(plain, address.encode())
        return address

    def flush(self) -> None:
        """See Blobs."""
        for address, sealed in list(self.pending.items()):
            self.sealed[address] = sealed
            self.pending.pop(address, None)

    def get(self, key: DataKey, address: str) -> bytes:
        """See Blobs."""
        sealed = self.pending.get(checked_address(address)) or self.sealed.get(address)
        if sealed is None:
            raise damaged(address, "its file is missing")
        try:
            return key.pictures.open(sealed, address.encode())
        except Damaged:
            raise damaged(address, "it was altered, or sealed under another key") from None

    def missing(self, addresses: Iterable[str]) -> set[str]:
        """See Blobs."""
        return {address for address in map(checked_address, addresses) if address not in self.pending | self.sealed}

    def delete(self, addresses: Iterable[str]) -> None:
        """See Blobs."""
        for address in [checked_address(address) for address in addresses]:
            self.sealed.pop(address, None)

    def addresses(self) -> Iterator[str]:
        """See Blobs."""
        return iter(sorted(self.sealed))

    def put_before(self, moment: float) -> Iterator[str]:
        """See Blobs."""
        return (address for address in self.addresses() if self.times[address] < moment)

    def examine(self) -> str:
        """See Blobs."""
        return "the memory of this process"

    def require_reachable(self) -> None:
        """See Blobs."""

    def close(self) -> None:
        """See Blobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message as it was sent."""

    to: str
    subject: str
    text: str


@dataclass(slots=True)
class MemoryOutbox:
    """An outbox that keeps its messages, and refuses what a real one refuses."""

    sent: list[SentMessage] = field(default_factory=list)

    def send(self, to: str, subject: str, text: str) -> None:
        """Keep a message. Raises InvalidValue if the address or the subject cannot be used in a header."""
        message("lineament@agency.example", to, subject, text)
        self.sent.append(SentMessage(to=to, subject=subject, text=text))
