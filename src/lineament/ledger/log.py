"""The ledger: one entry for everything that happens, in the transaction in which it happens."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from lineament.errors import InvalidValue, LedgerBroken
from lineament.ledger.anchor import read_anchor, write_anchor
from lineament.ledger.checkpoint import Checkpoint, PublicKey, SigningKey
from lineament.ledger.merkle import (
    Frontier,
    Node,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
)

JSON = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]

DETAILS_DOMAIN = b"lineament.ledger.details.v1\x00"
"""Goes before salt and details, so that a commitment can never be read as any other hash of ours."""
SALT_BYTES = 32
"""As long as the hash, so that a commitment tells nothing about short or guessable details (R43)."""


class Action(StrEnum):
    """What was done (R39). The value goes into the leaf: lower-case letters and underscores, for good."""

    WORKSPACE_CREATED = "workspace_created"
    SOURCE_REGISTERED = "source_registered"
    SOURCE_APPROVED = "source_approved"
    SOURCE_SHARED = "source_shared"
    SOURCE_UNSHARED = "source_unshared"
    PERMISSION_OPENED = "permission_opened"
    SOURCE_SUSPENDED = "source_suspended"
    SOURCE_RESUMED = "source_resumed"
    SOURCE_WITHDRAWN = "source_withdrawn"
    KNOWN_ABUSE_LOADED = "known_abuse_loaded"
    WARC_TAKEN_OUT = "warc_taken_out"
    RUN_BEGUN = "run_begun"
    RUN_ENDED = "run_ended"
    BATCH_INGESTED = "batch_ingested"
    CASE_OPENED = "case_opened"
    CASE_CLOSED = "case_closed"
    PROBE_ADDED = "probe_added"
    SEARCH = "search"
    COMPARED = "compared"
    PAGE_OPENED = "page_opened"
    ORIGINAL_VIEWED = "original_viewed"
    REPORT_WRITTEN = "report_written"
    FACE_ERASED = "face_erased"
    CAPTURE_ERASED = "capture_erased"
    DETAILS_ERASED = "details_erased"
    LEDGER_READ = "ledger_read"
    LEDGER_EXPORTED = "ledger_exported"
    CASE_READ = "case_read"
    LIST_READ = "list_read"
    CANDIDATE_READ = "candidate_read"
    PROBE_APPROVED = "probe_approved"
    PROBE_REPLAYED = "probe_replayed"
    PROBES_DESTROYED = "probes_destroyed"
    CASE_AUTHORISED = "case_authorised"
    CASE_REFUSED = "case_refused"
    CASE_URGENT = "case_urgent"
    CASE_HELD = "case_held"
    CASE_RELEASED = "case_released"
    CASE_DESTROYED = "case_destroyed"
    MEMBER_ADDED = "member_added"
    MEMBER_REMOVED = "member_removed"
    MEMBER_INVITED = "member_invited"
    MEMBER_JOINED = "member_joined"
    INVITATION_WITHDRAWN = "invitation_withdrawn"
    PAPER_ADDED = "paper_added"
    PAPER_OPENED = "paper_opened"
    AGENCY_REGISTERED = "agency_registered"
    AGENCY_RENAMED = "agency_renamed"
    AGENCY_VETTED = "agency_vetted"
    AGENCY_LICENSED = "agency_licensed"
    AGENCY_STOPPED = "agency_stopped"
    AGENCY_RESUMED = "agency_resumed"
    ALL_STOPPED = "all_stopped"
    ALL_RESUMED = "all_resumed"
    POLICY_CHANGED = "policy_changed"
    ACCOUNT_INVITED = "account_invited"
    ACCOUNT_JOINED = "account_joined"
    ACCOUNT_ROLES_CHANGED = "account_roles_changed"
    ACCOUNT_TRAINED = "account_trained"
    ACCOUNT_SUSPENDED = "account_suspended"
    ACCOUNT_RESTORED = "account_restored"
    ACCOUNT_RESET = "account_reset"
    ACCOUNT_CLOSED = "account_closed"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    FACTOR_SHOWN = "factor_shown"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - what was done, not the password
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_LOCKED = "sign_in_locked"
    SIGN_IN_UNLOCKED = "sign_in_unlocked"
    SESSION_ENDED = "session_ended"


class StoredEntry(Protocol):
    """An entry as the store gives it back."""

    @property
    def seq(self) -> int:
        """Its place, from 0."""

    @property
    def at(self) -> datetime:
        """When, in UTC, to the microsecond."""

    @property
    def action(self) -> str:
        """What was done."""

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
    """Where the entries live. Everything happens inside the caller's transaction; nothing here commits."""

    def size(self) -> int:
        """How many entries there are."""

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
        """Add the entry ``seq``, its details, and the tree nodes that it made (level 0 too)."""

    def node(self, level: int, position: int) -> bytes:
        """The hash of one complete subtree; KeyError where it is not stored."""

    def nodes(self, level: int, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Position and hash of the stored nodes of one level, start to stop (exclusive), ascending."""

    def entries(self, start: int, stop: int) -> Iterator[StoredEntry]:
        """The stored entries from ``start`` to ``stop`` (exclusive), ascending."""

    def checkpoint(self) -> str | None:
        """The newest signed checkpoint, None before the first entry."""

    def set_checkpoint(self, size: int, root: bytes, note: str) -> None:
        """Put a newer checkpoint in place of the last."""

    def forget_details(self, seq: int) -> None:
        """Erase salt and details of one entry; its commitment stays. Nothing to do where they are gone."""


def canonical(value: Mapping[str, JSON]) -> str:
    """JSON with sorted keys, without blanks, in ASCII: the same value always gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def timestamp(at: datetime) -> str:
    """``at`` as in the leaf, for example 2026-01-31T23:59:59.000001Z; ValueError where it is not in UTC."""
    if at.utcoffset() != timedelta(0):
        raise ValueError(f"the time of an entry is in UTC, not {at!r}")
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def committed(salt: bytes, details: str) -> bytes:
    """The commitment to details: SHA-256(domain || salt || details)."""
    return sha256(DETAILS_DOMAIN + salt + details.encode()).digest()


def leaf_bytes(seq: int, at: datetime, action: str, commitment: bytes) -> bytes:
    """What the leaf hash is taken over: the entry without salt and details, as canonical JSON."""
    entry: dict[str, JSON] = {
        "action": action,
        "at": timestamp(at),
        "commitment": commitment.hex(),
        "seq": seq,
    }
    return canonical(entry).encode()


def _ranges(numbers: Collection[int]) -> list[list[int]]:
    """Numbers as ranges [first, last], ascending."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


class Ledger:
    """Records entries and proves them. It has a key and no state: any number of processes may have one."""

    def __init__(self, *, origin: str, signing_seed: bytes) -> None:
        """``origin`` names this ledger in every checkpoint; the seed of its Ed25519 key has 32 bytes."""
        self._key = SigningKey(name=origin, seed=signing_seed)

    @property
    def origin(self) -> str:
        """The name of this ledger."""
        return self.public_key.name

    @property
    def public_key(self) -> PublicKey:
        """What to give to whoever is to verify; ``str`` of it is the C2SP verifier key."""
        return self._key.public

    def record(self, rows: LeafStore, action: Action, details: Mapping[str, JSON], *, actor: str, at: datetime) -> int:
        """Append one entry inside the caller's transaction and sign the new checkpoint; its place, from 0.

        O(log n) reads and writes. LedgerBroken where the right edge of the tree is not what was signed last:
        nothing is ever signed on top of what was tampered with there.
        """
        if "actor" in details:
            raise InvalidValue(what="A detail of an entry", value="actor", why="it is given by itself")
        frontier = self._edge(rows)
        seq, salt = frontier.size, os.urandom(SALT_BYTES)
        text = canonical({"actor": actor, **details})
        commitment = committed(salt, text)
        leaf = leaf_hash(leaf_bytes(seq, at, action.value, commitment))
        nodes = frontier.append(leaf)
        rows.append(seq, at, action.value, commitment, leaf, salt, text, nodes)
        head = Checkpoint(origin=self.origin, size=frontier.size, root=frontier.root())
        rows.set_checkpoint(head.size, head.root, head.signed(self._key))
        return seq

    def attest(self, text: str) -> str:
        """A signed note of any other text, whose first line has to tell it from a checkpoint's origin."""
        return self._key.sign(text)

    def erase_details(self, rows: LeafStore, entries: Collection[int], *, reason: str, actor: str, at: datetime) -> int:
        """Erase the details of ``entries`` and record that; the place of the record. Every proof stays valid.

        The verifier counts an erasure that no entry announces as unexplained, so this is the way to erase.
        """
        size = rows.size()
        wrong = [seq for seq in entries if not 0 <= seq < size]
        if wrong:
            raise InvalidValue(what="An entry", value=wrong[0], why=f"the ledger has {size} entries")
        announced: Mapping[str, JSON] = {"entries": _ranges(entries), "reason": reason}
        seq = self.record(rows, Action.DETAILS_ERASED, announced, actor=actor, at=at)
        for erased in entries:
            rows.forget_details(erased)
        return seq

    def head(self, rows: LeafStore) -> Checkpoint:
        """The newest checkpoint, with its signature checked; LedgerBroken where it is missing or not ours."""
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
            why = f"there are {size} entries where {head.size} were signed"
            raise LedgerBroken(why=why, entry=min(size, head.size))
        return head

    def _edge(self, rows: LeafStore) -> Frontier:
        """The right edge of the tree as signed."""
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

    def check_anchor(self, rows: LeafStore, path: Path) -> None:
        """LedgerBroken where the ledger does not go on from the checkpoint in ``path``; O(log n) reads.

        It is what to do on opening a workspace: it finds a database put back to an older state, or another
        one, without reading the ledger. Nothing kept yet is in order.
        """
        note = read_anchor(path)
        if note is None:
            return
        head = self.head(rows)
        try:
            kept = Checkpoint.parse(note, self.public_key)
        except InvalidValue as error:
            raise LedgerBroken(why=f"the anchored checkpoint cannot be trusted: {error}", entry=0) from error
        if kept.size > head.size:
            why = f"there are {head.size} entries where {kept.size} were anchored"
            raise LedgerBroken(why=why, entry=head.size)
        if kept.size and not self._goes_on(rows, kept, head):
            why = f"the first {kept.size} entries are not those that were anchored"
            raise LedgerBroken(why=why, entry=f"any from 0 to {kept.size - 1}")

    def _goes_on(self, rows: LeafStore, old: Checkpoint, new: Checkpoint) -> bool:
        try:
            path = consistency_proof(old.size, new.size, rows.node)
        except KeyError:
            return False
        return verify_consistency(old.size, new.size, path, (old.root, new.root))

    def prove(self, rows: LeafStore, seq: int, size: int) -> list[bytes]:
        """The inclusion proof of entry ``seq`` in the tree of ``size`` entries, in O(log n) reads."""
        self._check_size(rows, size)
        return inclusion_proof(seq, size, rows.node)

    def prove_consistency(self, rows: LeafStore, old: int, size: int) -> list[bytes]:
        """The proof that the tree of ``size`` entries begins with that of ``old``, in O(log n) reads."""
        self._check_size(rows, size)
        return consistency_proof(old, size, rows.node)

    def _check_size(self, rows: LeafStore, size: int) -> None:
        there = rows.size()
        if not 0 < size <= there:
            raise InvalidValue(what="The size of a tree", value=size, why=f"the ledger has {there} entries")
