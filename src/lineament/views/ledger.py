"""The ledger as JSON: its verification, its exports and its key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineament.views.witnesses import standing_json

if TYPE_CHECKING:
    from lineament.ledger.verify import Verification
    from lineament.services.witnessing.policy import WitnessStanding


def verification_json(found: Verification, standing: WitnessStanding | None = None) -> dict[str, Any]:
    """Return a verification that found nothing wrong as JSON."""
    return {
        "sound": True,
        "entries": found.entries,
        "root": found.root.hex(),
        "opened": found.opened,
        "erased": found.erased,
        "anchored": found.anchored,
        "rows": found.rows,
        "witnessed": list(found.witnessed),
        **({} if standing is None else {"witnesses": standing_json(standing)}),
    }


def export_json(file: Path, entries: int, key: str) -> dict[str, Any]:
    """Return an export of the ledger as JSON: its file, its length, and the public key that checks it."""
    return {"file": str(file), "entries": entries, "key": key}


def key_json(key: str) -> dict[str, Any]:
    """Return the public key of the ledger as JSON."""
    return {"key": key}


def restored_json(entry: int, *, stopped: bool) -> dict[str, Any]:
    """Return the acceptance of a restored database as JSON: its entry, and whether searching is stopped."""
    return {"entry": entry, "searching_stopped": stopped}
