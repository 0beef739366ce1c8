"""The ledger: one entry for each event, in the transaction of the event."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from lineament.errors import AnchorMissing, ClockBehind, InvalidValue, LedgerBroken
from lineament.ledger.anchor import read_anchor, write_anchor
from lineament.ledger.checkpoint import Checkpoint, PublicKey, SigningKey
from lineament.ledger.entries import SALT_BYTES, LeafStore, canonical, commitment_to, leaf_bytes
from lineament.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
)
from lineament.model.actions import Action
from lineament.model.events.base import JSON
from lineament.model.events.ledger import DetailsErased

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a clock may be behind the newest entry: those of several machines differ a little."""


def require_not_behind(at: datetime, newest: datetime | None) -> None:
    """Raise ClockBehind if a time is more than the tolerance before that of the newest entry."""
    if newest is not None and newest - at > CLOCK_TOLERANCE:
        raise ClockBehind(now=f"{at:%Y-%m-%d %H:%M} UTC", newest=f"{newest:%Y-%m-%d %H:%M} UTC")


def ranges(numbers: Collection[int]) -> tuple[tuple[int, int], ...]:
    """Return numbers as ranges (first, last), ascending."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return tuple(ranges)


class Ledger:
    """Records entries and proves them. It has a key but no state: any number of processes may use one."""

    def __init__(self, *, origin: str, signing_seed: bytes) -> None:
        """``origin`` names this ledger in every checkpoint; the seed of its Ed25519 key has 32 bytes."""
        self._key = SigningKey(name=origin, seed=signing_seed)

    @property
    def origin(self) -> str:
        """The name of this ledger."""
        return self.public_key.name

    @property
    def public_key(self) -> PublicKey:
        """The key for whoever verifies; ``str`` of it is the C2SP verifier key."""
        return self._key.public

    def record(self, rows: LeafStore, action: Action, details: Mapping[str, JSON], *, actor: str, at: datetime) -> int:
        """Append an entry inside the caller's transaction, sign the new checkpoint and return its number, from 0.

        Takes O(log n) reads and writes. The time of an entry is never before that of the entry before it, so that no
        clock is set back in steps that are each tolerated.

        Raises:
            LedgerBroken: The right edge of the tree differs from what was signed last; nothing is signed on top of a
                tampered tree.
            ClockBehind: ``at`` is before the newest entry, and the entry does not accept just that.
        """
        if "actor" in details:
            raise InvalidValue(what="A detail of an entry", value="actor", why="it is given by itself")
        newest = rows.newest_at()
        if newest is not None and action is not Action.CLOCK_ACCEPTED:
            require_not_behind(at, newest)
            at = max(at, newest)
        frontier = self._edge(rows)
        seq, salt = frontier.size, os.urandom(SALT_BYTES)
        text = canonical({"actor": actor, **details})
        commitment = commitment_to(salt, text)
        leaf = leaf_hash(leaf_bytes(seq, at, action.value, commitment))
        nodes = frontier.append(leaf)
        rows.append(seq, at, action.value, commitment, leaf, salt, text, nodes)
        head = Checkpoint(origin=self.origin, size=frontier.size, root=frontier.root())
        rows.set_checkpoint(head.size, head.root, head.sign(self._key))
        return seq

    def attest(self, text: str) -> str:
        """Return a signed note of any other text, whose first line must differ from a checkpoint's origin."""
        return self._key.sign(text)

    def erase_details(  # noqa: PLR0913 - an entry, and what it says
        self,
        rows: LeafStore,
        entries: Collection[int],
        *,
        reason: str,
        actor: str,
        at: datetime,
        carried: Mapping[str, JSON] | None = None,
    ) -> int:
        """Erase the details of ``entries``, record that, and return the record's number. Every proof stays valid.

        Always erase with this: an erasure that no entry announces is an error to the verifier. ``carried`` is what the
        erased details said that is still needed.
        """
        size = rows.size()
        wrong = [seq for seq in entries if not 0 <= seq < size]
        if wrong:
            raise InvalidValue(what="An entry", value=wrong[0], why=f"the ledger has {size} entries")
        erasure = DetailsErased(entries=ranges(entries), reason=reason)
        seq = self.record(rows, erasure.action, {**erasure.details(), **(carried or {})}, actor=actor, at=at)
        for erased in entries:
            rows.forget_details(erased)
        return seq

    def head(self, rows: LeafStore) -> Checkpoint:
        """Return the verified newest checkpoint. Raises LedgerBroken if it is missing or of another ledger."""
        note, size = rows.checkpoint(), rows.size()
        if note is None and size == 0:
            return Checkpoint(origin=self.origin, size=0, root=Frontier().root())
        if note is None:
            raise LedgerBroken(why="the checkpoint is gone", entry=0)
        try:
            head = Checkpoint.parse(note, self.public_key)
        except InvalidValue as error:
            raise LedgerBroken(why=f"the checkpoint cannot be trusted: {error}", entry=0) from error
        if head.size != size:
            why = f"there are {size} entries, but {head.size} were signed"
            raise LedgerBroken(why=why, entry=min(size, head.size))
        return head

    def _edge(self, rows: LeafStore) -> Frontier:
        """Return the right edge of the tree, as it was signed."""
        head = self.head(rows)
        try:
            frontier = Frontier.read(head.size, rows.node)
        except KeyError as error:
            raise LedgerBroken(why="a node of its tree is gone", entry=max(0, head.size - 1)) from error
        if frontier.root() != head.root:
            raise LedgerBroken(why="its tree is not the one that was signed", entry=max(0, head.size - 1))
        return frontier

    def anchor(self, path: Path, note: str) -> None:
        """Keep the newest checkpoint in a file outside the database, after the commit (see ``anchor.py``)."""
        write_anchor(path, note, self.public_key)

    def first_anchor(self, path: Path) -> None:
        """Keep the checkpoint of the empty ledger in ``path``, before the first entry: from then on it must exist."""
        empty = Checkpoint(origin=self.origin, size=0, root=EMPTY_ROOT)
        write_anchor(path, empty.sign(self._key), self.public_key)

    def check_anchor(self, rows: LeafStore, path: Path, *, begun: bool = False) -> None:
        """Raise LedgerBroken if the ledger does not continue from the checkpoint in ``path``; O(log n) reads.

        It detects a database rolled back or exchanged without reading the ledger. Call it where nobody else can append
        meanwhile, or see ``check_kept``. Raises AnchorMissing if the file is gone, unless the ledger is empty and has
        not ``begun``, as far as other rows show.
        """
        note = read_anchor(path)
        if note is not None:
            self.check_kept(rows, note)
        elif begun or self.head(rows).size:
            raise AnchorMissing(path=path, entry=self.head(rows).size)

    def check_kept(self, rows: LeafStore, note: str) -> None:
        """Raise LedgerBroken if the ledger does not continue from a checkpoint; read it before ``rows`` are opened."""
        head = self.head(rows)
        try:
            kept = Checkpoint.parse(note, self.public_key)
        except InvalidValue as error:
            raise LedgerBroken(why=f"the anchored checkpoint cannot be trusted: {error}", entry=0) from error
        if kept.size > head.size:
            why = f"there are {head.size} entries, but {kept.size} were anchored"
            raise LedgerBroken(why=why, entry=head.size)
        if not self.extends(rows, kept, head):
            why = f"the first {kept.size} entries are not those that were anchored"
            raise LedgerBroken(why=why, entry=f"any from 0 to {kept.size - 1}")

    def check_witnessed(self, rows: LeafStore, note: str) -> None:
        """Raise LedgerBroken if this ledger signed a checkpoint that it does not begin with; others are ignored."""
        try:
            seen = Checkpoint.parse(note, self.public_key)
        except InvalidValue:
            return
        if not self.extends(rows, seen):
            why = f"it does not begin with the {seen.size} entries that others saw; see: lineament verify"
            raise LedgerBroken(why=why, entry=f"any from 0 to {seen.size - 1}")

    def extends(self, rows: LeafStore, old: Checkpoint, head: Checkpoint | None = None) -> bool:
        """Return whether the ledger begins with the entries of a checkpoint; O(log n) reads.

        ``head`` is the verified newest checkpoint, for a caller who has it. Raises what ``head`` raises.
        """
        head = head or self.head(rows)
        if old.size == 0 or old.size > head.size:
            return old.size == 0
        try:
            path = consistency_proof(old.size, head.size, rows.node)
        except KeyError:
            return False
        return verify_consistency(old.size, head.size, path, (old.root, head.root))

    def checkpoint_of(self, rows: LeafStore, size: int) -> str:
        """Return the signed checkpoint of the first ``size`` entries: the same text each time.

        Raises LedgerBroken if they are not those that were signed since.
        """
        self._check_size(rows, size)
        try:
            old = Checkpoint(origin=self.origin, size=size, root=Frontier.read(size, rows.node).root())
        except KeyError as error:
            raise LedgerBroken(why="a node of its tree is gone", entry=size - 1) from error
        if not self.extends(rows, old):
            raise LedgerBroken(why="its tree is not the one that was signed", entry=size - 1)
        return old.sign(self._key)

    def prove(self, rows: LeafStore, seq: int, size: int) -> list[bytes]:
        """Return the inclusion proof of entry ``seq`` in the tree of ``size`` entries, in O(log n) reads."""
        self._check_size(rows, size)
        return inclusion_proof(seq, size, rows.node)

    def prove_consistency(self, rows: LeafStore, old: int, size: int) -> list[bytes]:
        """Return the proof that the tree of ``size`` entries begins with that of ``old``, in O(log n) reads."""
        self._check_size(rows, size)
        return consistency_proof(old, size, rows.node)

    def _check_size(self, rows: LeafStore, size: int) -> None:
        stored = rows.size()
        if not 0 < size <= stored:
            raise InvalidValue(what="The size of a tree", value=size, why=f"the ledger has {stored} entries")
