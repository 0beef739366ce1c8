"""Receipts: what was destroyed, signed with the ledger's key, with the proof that the ledger recorded it.

A receipt is one JSON object that anyone can check with the ledger's public key; docs/reference/ledger-format.md has
everything needed to write another checker.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lineament.errors import InvalidValue
from lineament.ledger.checkpoint import Checkpoint, PublicKey, open_note
from lineament.ledger.entries import StoredEntry, canonical, leaf_bytes
from lineament.ledger.log import Ledger
from lineament.ledger.merkle import leaf_hash, verify_inclusion
from lineament.model.events.base import JSON

FORMAT = "lineament-receipt/1"
"""The first line of the signed text, so that a receipt can never be taken for a checkpoint."""
LARGEST = 2**16
"""The most characters that are read of a receipt."""
_WHAT = "A receipt"


def sign_receipt(ledger: Ledger, statement: Mapping[str, JSON]) -> str:
    """Return a statement as a receipt: JSON for a file."""
    note = ledger.attest(_text(statement))
    whole = {"format": FORMAT, "statement": statement, "signature": note.rpartition("\n\n")[2].rstrip("\n")}
    return json.dumps(whole, indent=2, ensure_ascii=True) + "\n"


def proof(entry: StoredEntry, path: Sequence[bytes], checkpoint: str) -> dict[str, JSON]:
    """Return the proof that an entry is in the ledger, for a statement."""
    return {
        "entry": entry.seq,
        "at": entry.at.isoformat(),
        "action": entry.action,
        "commitment": entry.commitment.hex(),
        "path": [hash_.hex() for hash_ in path],
        "checkpoint": checkpoint,
    }


def verify_receipt(untrusted: str, key: PublicKey) -> dict[str, Any]:
    """Return the statement of a receipt. Raises InvalidValue unless ``key`` signed it and its entry is proven."""
    try:
        whole: Any = json.loads(untrusted) if len(untrusted) <= LARGEST else None
        form, statement, signature = whole["format"], whole["statement"], whole["signature"]
        ledger = statement["ledger"]
        text = _text(statement)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidValue(what=_WHAT, value=untrusted[:40], why="it is not a receipt of Lineament") from None
    if form != FORMAT or not isinstance(signature, str):
        raise InvalidValue(what=_WHAT, value=str(form)[:40], why=f"its format is not {FORMAT}")
    open_note(f"{text}\n{signature}\n", key)
    _check_entry(ledger, key)
    found: dict[str, Any] = statement
    return found


def _text(statement: Mapping[str, JSON]) -> str:
    return f"{FORMAT}\n{canonical(statement)}\n"


def _check_entry(ledger: Mapping[str, Any], key: PublicKey) -> None:
    try:
        head = Checkpoint.parse(ledger["checkpoint"], key)
        at, commitment = datetime.fromisoformat(ledger["at"]), bytes.fromhex(ledger["commitment"])
        leaf = leaf_hash(leaf_bytes(ledger["entry"], at, ledger["action"], commitment))
        path = [bytes.fromhex(hash_) for hash_ in ledger["path"]]
        included = verify_inclusion(ledger["entry"], head.size, leaf, path, head.root)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidValue(what=_WHAT, value="", why="its data about the ledger are malformed") from None
    if not included:
        raise InvalidValue(what=_WHAT, value=str(ledger["entry"]), why="the ledger does not hold its entry")
