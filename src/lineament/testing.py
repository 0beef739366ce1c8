"""Fakes that pass the same contract tests as the real things; shipped, so that nobody mocks our code."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime


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
    """A ledger's rows in memory (ledger/log.py, LeafStore). Its rows are open, so that a test can tamper."""

    rows: dict[int, MemoryEntry] = field(default_factory=dict)
    tree: dict[tuple[int, int], bytes] = field(default_factory=dict)
    note: str | None = None

    def size(self) -> int:
        """How many entries there are."""
        return len(self.rows)

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
        """Add an entry and the tree nodes it made; ValueError where it is there already."""
        if seq in self.rows or any((level, position) in self.tree for level, position, _ in nodes):
            raise ValueError(f"entry {seq} is already there")
        self.rows[seq] = MemoryEntry(
            seq=seq, at=at, action=action, commitment=commitment, leaf=leaf, salt=salt, details=details
        )
        self.tree.update({(level, position): node for level, position, node in nodes})

    def node(self, level: int, position: int) -> bytes:
        """The hash of one complete subtree; KeyError where it is not stored."""
        return self.tree[level, position]

    def nodes(self, level: int, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Position and hash of the stored nodes of one level, ascending."""
        if stop - start > len(self.tree):
            positions = sorted(at for its_level, at in self.tree if its_level == level and start <= at < stop)
        else:
            positions = [at for at in range(start, stop) if (level, at) in self.tree]
        return ((position, self.tree[level, position]) for position in positions)

    def entries(self, start: int, stop: int) -> Iterator[MemoryEntry]:
        """The stored entries from ``start`` to ``stop`` (exclusive), ascending."""
        return (self.rows[seq] for seq in sorted(self.rows) if start <= seq < stop)

    def checkpoint(self) -> str | None:
        """The newest signed checkpoint."""
        return self.note

    def set_checkpoint(self, size: int, root: bytes, note: str) -> None:  # noqa: ARG002 - columns of the real one
        """Put a newer checkpoint in place of the last."""
        self.note = note

    def forget_details(self, seq: int) -> None:
        """Erase salt and details of one entry."""
        self.rows[seq] = replace(self.rows[seq], salt=None, details=None)
