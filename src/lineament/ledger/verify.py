"""Checks a ledger from its bytes, and names the first entry that is wrong.

This is the code a defence lawyer runs: it trusts neither the database nor ``log.py``, and recomputes every
commitment, every leaf and every node of the tree itself (docs/reference/ledger-format.md has everything needed to
write another verifier). It reads the store (``verify``) or an export (``verify_export``); an export also from the
command line:

    python -m lineament.ledger.verify EXPORT.jsonl --key KEY [--checkpoint FILE] [--witness KEY …] [--tsa FILE …]
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lineament.errors import Damaged, InvalidValue, LedgerBroken, NoSuchFile
from lineament.ledger.checkpoint import LARGEST_SIZE, Checkpoint, PublicKey
from lineament.ledger.entries import DETAILS_DOMAIN, LeafStore, StoredEntry
from lineament.ledger.seen import (
    Asked,
    KeptCheckpoint,
    Seen,
    compare_seen,
    require_enough,
    seen_in_export,
    words_of,
)

FORMAT = "lineament-ledger/1"
"""The format named in the first line of an export."""
BLOCK = 8192
"""Entries read from a store at a time; a power of two, so that a block is one complete subtree."""
LONGEST_LINE = 64 * 2**20
"""The most bytes in a line of an export."""

Reader = Callable[[int, str, str | None], None]
"""Takes number, action and details of an entry that was checked."""

_AT = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
_ACTION = re.compile(r"[a-z_]{1,64}")
_ANNOUNCEMENT = "details_erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result for a ledger that verifies: counts of what was checked."""

    origin: str
    entries: int  # all of which the checkpoint covers
    root: bytes  # 32 bytes, over all entries
    opened: int  # entries whose details are there and fit their commitment
    erased: int  # entries whose details were erased; their action and time are still proven
    withheld: int  # entries whose details this export leaves out
    hidden: int  # entries of which this export gives the leaf hash only: they concern others
    anchored: int | None  # how many entries the checkpoint kept outside covers, None without one
    rows: int | None = None  # rows of the database that are as the entries recorded them; None for an export
    witnessed: tuple[str, ...] = ()  # what each witness and time-stamp authority saw last, in words


class _LeafEntry(NamedTuple):
    """An entry, from the store or from an export."""

    seq: int
    at: str
    action: str
    commitment: bytes
    leaf: bytes
    salt: bytes | None
    details: str | None
    withheld: bool = False
    hidden: bool = False


@dataclass(slots=True)
class _TreeWalk:
    """The state of recomputing the tree from the first entry on."""

    marks: dict[int, bytes | None] = field(default_factory=dict)  # sizes at which to remember the root
    read: Reader | None = None
    size: int = 0
    opened: int = 0
    withheld: int = 0
    hidden: int = 0
    erased: list[int] = field(default_factory=list)
    announced: list[tuple[int, int]] = field(default_factory=list)  # first and last entry of each erasure
    edge: list[bytes] = field(default_factory=list)  # the largest complete subtrees, left to right
    completed: list[list[tuple[int, bytes]]] = field(default_factory=lambda: [[]])  # by level: nodes not yet compared

    def take(self, entries: Iterable[_LeafEntry]) -> None:
        """Check entries against their own bytes and add them to the tree."""
        for entry in entries:
            if entry.seq != self.size:
                raise LedgerBroken(why=f"entry {self.size} is missing or out of order", entry=self.size)
            if entry.hidden:
                self.hidden += 1
                self._append(_withheld_leaf(entry))
            else:
                self._check_details(entry)
                self._append(_leaf(entry))
            if self.read is not None:
                self.read(entry.seq, entry.action, entry.details)
            if self.size in self.marks:
                self.marks[self.size] = self.root()

    def _check_details(self, entry: _LeafEntry) -> None:
        if entry.salt is not None and entry.details is not None:
            if sha256(DETAILS_DOMAIN + entry.salt + entry.details.encode()).digest() != entry.commitment:
                raise LedgerBroken(why="the details do not match their commitment", entry=entry.seq)
            self.opened += 1
            if entry.action == _ANNOUNCEMENT:
                self.announced += _erased_ranges(entry.details)
        elif entry.salt is not None or entry.details is not None:
            raise LedgerBroken(why="some of the details are missing", entry=entry.seq)
        elif entry.withheld:
            self.withheld += 1
        else:
            self.erased.append(entry.seq)

    def _append(self, leaf: bytes) -> None:
        edge, completed, position, level = self.edge, self.completed, self.size, 0
        edge.append(leaf)
        completed[0].append((position, leaf))
        while position & 1:
            right = edge.pop()
            edge[-1] = node = sha256(b"\x01" + edge[-1] + right).digest()
            level, position = level + 1, position >> 1
            if level == len(completed):
                completed.append([])
            completed[level].append((position, node))
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all entries so far."""
        if not self.edge:
            return sha256(b"").digest()
        root = self.edge[-1]
        for left in self.edge[-2::-1]:
            root = sha256(b"\x01" + left + root).digest()
        return root

    def check_erasures(self) -> None:
        """Raise LedgerBroken if details are gone and no announcement covers that."""
        covered = sorted(self.announced)
        at, until = 0, -1
        for seq in self.erased:  # ascending, like the ranges by their first entry
            while at < len(covered) and covered[at][0] <= seq:
                until = max(until, covered[at][1])
                at += 1
            if seq > until:
                raise LedgerBroken(why="the details of an entry were deleted, and no entry says why", entry=seq)


def _withheld_leaf(entry: _LeafEntry) -> bytes:
    """Return the leaf hash of an entry of which the export gives nothing else."""
    if len(entry.leaf) != 32:
        raise LedgerBroken(why="an entry is malformed", entry=entry.seq)
    return entry.leaf


def _leaf(entry: _LeafEntry) -> bytes:
    """Recompute and return the leaf hash. Raises LedgerBroken if the entry has another."""
    if not _AT.fullmatch(entry.at) or not _ACTION.fullmatch(entry.action) or len(entry.commitment) != 32:
        raise LedgerBroken(why="an entry is malformed", entry=entry.seq)
    commitment = entry.commitment.hex()
    text = f'{{"action":"{entry.action}","at":"{entry.at}","commitment":"{commitment}","seq":{entry.seq}}}'
    leaf = sha256(b"\x00" + text.encode()).digest()
    if leaf != entry.leaf:
        raise LedgerBroken(why="an entry does not match its leaf hash", entry=entry.seq)
    return leaf


def _erased_ranges(details: str) -> list[tuple[int, int]]:
    """Return the ranges (first, last) of entries whose erasure an entry announces; none if it is malformed."""
    try:
        return [(int(first), int(last)) for first, last in json.loads(details)["entries"]]
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return []


@contextmanager
def _readable(walk: _TreeWalk, label: str = "an entry", at: int | None = None) -> Iterator[None]:
    """Turn errors of reading into LedgerBroken at the next entry, or at the entry ``at``."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        entry = walk.size if at is None else at
        raise LedgerBroken(why=f"{label} cannot be read ({type(error).__name__})", entry=entry) from error


def _checkpoint(untrusted_note: str, key: PublicKey, label: str) -> Checkpoint:
    try:
        return Checkpoint.parse(untrusted_note, key)
    except InvalidValue as error:
        raise LedgerBroken(why=f"{label} cannot be trusted: {error}", entry=0) from error


# ---------------------------------------------------------------- the ledger in the store


def verify(
    rows: LeafStore,
    key: PublicKey,
    anchored: str | None = None,
    read: Reader | None = None,
    seen: Sequence[Seen] = (),
) -> Verification:
    """Recompute the whole ledger in the store. Raises LedgerBroken, which names the first entry that is wrong.

    ``anchored`` is a checkpoint kept outside the database, and ``seen`` is what others saw: only with them can the
    check detect a ledger that was cut short, or rewritten by someone who holds the signing key. Memory grows only with
    the number of erased entries. ``read`` is called with number, action and details of each entry once they were
    checked.
    """
    kept = None if anchored is None else _checkpoint(anchored, key, "the anchored checkpoint")
    walk = _TreeWalk(_marks(kept, seen), read)
    start = 0
    while start == walk.size:
        with _readable(walk):
            walk.take(map(_from_store, rows.entries(start, start + BLOCK)))
        with _readable(walk, "a stored node of the tree", at=start):
            _compare_nodes(rows, walk.completed)
        start += BLOCK
    _look_for_more(rows, walk.size)
    note = rows.checkpoint()
    if note is None and walk.size:
        raise LedgerBroken(why="the checkpoint is gone", entry=0)
    compare_seen(walk.marks, walk.size, seen)
    found = _compare_heads(walk, None if note is None else _checkpoint(note, key, "the checkpoint"), kept, key)
    return replace(found, witnessed=words_of(seen))


def _from_store(row: StoredEntry) -> _LeafEntry:
    at = row.at.isoformat(timespec="microseconds")
    if at.endswith("+00:00"):  # another zone, or none, is malformed
        at = f"{at[:-6]}Z"
    return _LeafEntry(row.seq, at, row.action, row.commitment, row.leaf, row.salt, row.details)


def _compare_nodes(rows: LeafStore, completed: Sequence[list[tuple[int, bytes]]]) -> None:
    """Compare the stored nodes of the tree with those just computed, and drop the computed ones."""
    first: list[int] = []  # the first entries below wrong nodes
    above: set[int] = set()  # positions above wrong nodes, which are wrong for that reason already
    for level, nodes in enumerate(completed):
        stored = dict(rows.nodes(level, nodes[0][0], nodes[-1][0] + 1)) if nodes else {}
        wrong = {position for position, node in nodes if stored.get(position) != node}
        first += [position << level for position in wrong - above]
        above = {position >> 1 for position in wrong | above}
        nodes.clear()
    if first:
        raise LedgerBroken(why="a stored node of the tree does not match its entries", entry=min(first))


def _look_for_more(rows: LeafStore, size: int) -> None:
    """Look for entries or nodes beyond the end, as a deletion in the middle leaves them."""
    stored = rows.size()
    for level in range(size.bit_length() + 1):
        if stored != size or any(True for _ in rows.nodes(level, size >> level, LARGEST_SIZE)):
            raise LedgerBroken(why=f"entry {size} is missing, but later entries or nodes are there", entry=size)


# ---------------------------------------------------------------- an export


def verify_export(path: Path, key: PublicKey, anchored: str | None = None, asked: Asked | None = None) -> Verification:
    """Recompute an export (see ``export.py``). Raises LedgerBroken, Damaged or NoSuchFile if something is wrong."""
    kept = None if anchored is None else _checkpoint(anchored, key, "the anchored checkpoint")
    walk = _TreeWalk()
    try:
        with path.open("rb") as lines:
            note, witnessed = _header(lines, path)
            head = _checkpoint(note, key, "the checkpoint")
            seen = seen_in_export(witnessed, key, asked or Asked())
            walk.marks = _marks(kept, seen)
            with _readable(walk):
                walk.take(_from_export(lines, walk))
    except OSError as error:
        raise NoSuchFile(path=path) from error
    compare_seen(walk.marks, walk.size, seen)
    require_enough(seen, asked or Asked())
    return replace(_compare_heads(walk, head, kept, key), witnessed=words_of(seen))


def _header(lines: BinaryIO, path: Path) -> tuple[str, list[KeptCheckpoint]]:
    """Return the checkpoint in the header of an export, and what others saw."""
    remedy = "ask for the export again"
    try:
        fields = json.loads(lines.readline(LONGEST_LINE))
        known, checkpoint = fields["format"] == FORMAT, fields["checkpoint"]
        witnessed = [
            KeptCheckpoint(note=each["note"], stamps=tuple(map(_decoded, each["stamps"])))
            for each in fields.get("witnessed", ())
        ]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        why = "its first line is not the header of a ledger"
        raise Damaged(what=f"The export {path}", why=why, remedy=remedy) from error
    if not known or not isinstance(checkpoint, str):
        raise Damaged(what=f"The export {path}", why=f"its format is not {FORMAT}", remedy=remedy)
    return checkpoint, witnessed


def _decoded(stamp: str) -> bytes:
    return base64.b64decode(stamp, validate=True)


def _from_export(lines: BinaryIO, walk: _TreeWalk) -> Iterator[_LeafEntry]:
    while line := lines.readline(LONGEST_LINE):
        fields = json.loads(line)
        if type(fields["seq"]) is not int:
            raise TypeError("seq")
        walk.completed = [[]]  # an export stores no nodes to compare with
        if fields.get("hidden") is True:
            leaf = bytes.fromhex(fields["leaf"])
            yield _LeafEntry(fields["seq"], "", "", b"", leaf, None, None, hidden=True)
            continue
        yield _LeafEntry(
            seq=fields["seq"],
            at=fields["at"],
            action=fields["action"],
            commitment=bytes.fromhex(fields["commitment"]),
            leaf=bytes.fromhex(fields["leaf"]),
            salt=None if fields["salt"] is None else bytes.fromhex(fields["salt"]),
            details=fields["details"],
            withheld=fields.get("withheld") is True,
        )


# ---------------------------------------------------------------- both


def _marks(kept: Checkpoint | None, seen: Iterable[Seen]) -> dict[int, bytes | None]:
    """Return the sizes at which to remember the root: of the anchored checkpoint, and of those that others saw."""
    checkpoints = [each.checkpoint for each in seen] + ([kept] if kept else [])
    return {each.size: None if each.size else sha256(b"").digest() for each in checkpoints}


def _compare_heads(walk: _TreeWalk, head: Checkpoint | None, kept: Checkpoint | None, key: PublicKey) -> Verification:
    """Compare what was recomputed with the signed checkpoint and the one kept outside."""
    for label, checkpoint in (("signed", head), ("anchored", kept)):
        if checkpoint and checkpoint.size > walk.size:
            why = f"there are {walk.size} entries, but {checkpoint.size} were {label}"
            raise LedgerBroken(why=why, entry=walk.size)
    if head and head.size < walk.size:
        raise LedgerBroken(why="an entry is not covered by the checkpoint", entry=head.size)
    for label, checkpoint, root in (
        ("anchored", kept, walk.marks.get(kept.size) if kept else None),
        ("signed", head, walk.root()),
    ):
        if checkpoint and checkpoint.size and checkpoint.root != root:
            why = f"the first {checkpoint.size} entries are not those that were {label}"
            raise LedgerBroken(why=why, entry=f"any from 0 to {checkpoint.size - 1}")
    walk.check_erasures()
    return Verification(
        origin=key.name,
        entries=walk.size,
        root=walk.root(),
        opened=walk.opened,
        erased=len(walk.erased),
        withheld=walk.withheld,
        hidden=walk.hidden,
        anchored=kept.size if kept else None,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify an export or a proof from the command line; the exit code is 0 if it verifies."""
    from lineament.ledger.stand_alone import run

    return run(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
