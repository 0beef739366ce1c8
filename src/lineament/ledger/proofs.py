"""Proofs as files: that the ledger has an entry (c2sp.org/tlog-proof), and that it continues from an older checkpoint.

Both can be checked with the ledger's public key alone; docs/reference/ledger-format.md has everything needed to write
another checker.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lineament.errors import InvalidValue
from lineament.ledger.checkpoint import LONGEST_NOTE, Checkpoint, PublicKey, decode_base64, encode_base64
from lineament.ledger.entries import StoredEntry, canonical, commitment_to, leaf_bytes, timestamp
from lineament.ledger.merkle import HASH_BYTES, leaf_hash, verify_consistency, verify_inclusion
from lineament.ledger.seen import KeptCheckpoint, Seen, Trusted, seen_in

ENTRY = "c2sp.org/tlog-proof@v1"
"""The first line of the proof of an entry."""
CONSISTENCY = "lineament-consistency/1"
LONGEST_PROOF = 2**20
"""The most characters that are read of a proof."""
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_ACTION = re.compile(r"[a-z_]{1,64}")
_AT = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
_WHAT = "A proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenEntry:
    """An entry that a ledger is proven to have."""

    seq: int
    at: str  # as in the leaf
    action: str
    details: str | None  # canonical JSON; None if the proof leaves them out
    checkpoint: Checkpoint
    seen: tuple[Seen, ...]  # by those who are trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenConsistency:
    """A ledger that is proven to begin with an older one."""

    old: Checkpoint
    new: Checkpoint
    seen: tuple[Seen, ...]  # of either, by those who are trusted


def entry_proof(entry: StoredEntry, path: Sequence[bytes], note: str) -> str:
    """Return the proof that the ledger of a checkpoint has an entry, with its details if they are there."""
    extra = {
        "action": entry.action,
        "at": timestamp(entry.at),
        "commitment": entry.commitment.hex(),
        "salt": None if entry.salt is None else entry.salt.hex(),
        "details": entry.details,
    }
    lines = [ENTRY, f"extra {encode_base64(canonical(extra).encode())}", f"index {entry.seq}"]
    return "\n".join([*lines, *map(encode_base64, path)]) + f"\n\n{note}"


def verify_entry_proof(untrusted: str, key: PublicKey, trusted: Trusted | None = None) -> ProvenEntry:
    """Return the entry that a file proves. Raises InvalidValue with the reason if it proves none."""
    head, blank, note = untrusted.partition("\n\n")
    first, extra, index, *hashes = [*head.split("\n"), "", "", ""][: max(3, head.count("\n") + 1)]
    number = _INDEX.fullmatch(index)
    if len(untrusted) > LONGEST_PROOF or first != ENTRY or not extra.startswith("extra ") or not blank or not number:
        raise InvalidValue(what=_WHAT, value=untrusted[:40], why=f"it is not a {ENTRY} of Lineament")
    seq, path = int(number[1]), [decode_base64(line, "A hash") for line in hashes]
    checkpoint = Checkpoint.parse(note, key)
    action, at, details, leaf = _entry(extra.removeprefix("extra "), seq)
    if any(len(hash_) != HASH_BYTES for hash_ in path):
        raise InvalidValue(what=_WHAT, value=str(seq), why="one of its lines is not a hash")
    if not verify_inclusion(seq, checkpoint.size, leaf, path, checkpoint.root):
        raise InvalidValue(what=_WHAT, value=str(seq), why="the ledger does not hold this entry")
    seen = tuple(seen_in(KeptCheckpoint(note=note), key, trusted or Trusted()))
    return ProvenEntry(seq=seq, at=at, action=action, details=details, checkpoint=checkpoint, seen=seen)


def consistency_file(old: str, new: str, path: Sequence[bytes]) -> str:
    """Return the proof that the ledger of the checkpoint ``new`` begins with that of ``old``, as JSON."""
    whole = {"format": CONSISTENCY, "old": old, "new": new, "path": [hash_.hex() for hash_ in path]}
    return json.dumps(whole, indent=2, ensure_ascii=True) + "\n"


def verify_consistency_file(untrusted: str, key: PublicKey, trusted: Trusted | None = None) -> ProvenConsistency:
    """Return what a file proves. Raises InvalidValue with the reason if it proves nothing."""
    try:
        whole: Any = json.loads(untrusted) if len(untrusted) <= LONGEST_PROOF else None
        form, notes = whole["format"], (whole["old"], whole["new"])
        path = [bytes.fromhex(hash_) for hash_ in whole["path"]]
        if form != CONSISTENCY or not all(isinstance(note, str) and len(note) <= LONGEST_NOTE for note in notes):
            raise ValueError(form)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidValue(what=_WHAT, value=untrusted[:40], why=f"its format is not {CONSISTENCY}") from None
    old, new = (Checkpoint.parse(note, key) for note in notes)
    if old.size and not verify_consistency(old.size, new.size, path, (old.root, new.root)):
        why = f"the ledger of {new.size} entries does not begin with that of {old.size}"
        raise InvalidValue(what=_WHAT, value=f"{old.size}, {new.size}", why=why)
    seen = tuple(each for note in notes for each in seen_in(KeptCheckpoint(note=note), key, trusted or Trusted()))
    return ProvenConsistency(old=old, new=new, seen=seen)


def _entry(encoded: str, seq: int) -> tuple[str, str, str | None, bytes]:
    """Return action, time, details and leaf hash. Raises InvalidValue if they do not fit each other."""
    try:
        extra: Any = json.loads(base64.b64decode(encoded, validate=True))
        action, at, details = extra["action"], extra["at"], extra["details"]
        commitment = bytes.fromhex(extra["commitment"])
        salt = None if extra["salt"] is None else bytes.fromhex(extra["salt"])
        if not _ACTION.fullmatch(action) or not _AT.fullmatch(at) or len(commitment) != HASH_BYTES:
            raise ValueError(action)
        if (salt is None) != (details is None):
            raise ValueError(details)
        bound = None if salt is None else commitment_to(salt, details)
        leaf = leaf_hash(leaf_bytes(seq, datetime.fromisoformat(at), action, commitment))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InvalidValue(what=_WHAT, value=str(seq), why="its entry is malformed") from None
    if bound is not None and bound != commitment:
        raise InvalidValue(what=_WHAT, value=str(seq), why="the details do not fit their commitment")
    return action, at, details, leaf
