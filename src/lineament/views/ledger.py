"""The ledger as JSON: its verification, its exports and its key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineament.ledger.verify import Verification


def verification_json(found: Verification) -> dict[str, Any]:
    """Return a verification that found nothing wrong as JSON."""
    return {
        "sound": True,
        "entries": found.entries,
        "root": found.root.hex(),
        "opened": found.opened,
        "erased": found.erased,
        "anchored": found.anchored,
        "rows": found.rows,
    }


def export_json(file: Path, entries: int, key: str) -> dict[str, Any]:
    """Return an export of the ledger as JSON: its file, its length, and the public key that checks it."""
    return {"file": str(file), "entries": entries, "key": key}


def key_json(key: str) -> dict[str, Any]:
    """Return the public key of the ledger as JSON."""
    return {"key": key}
