"""The ledger as JSON: its entries and their proofs, its verification, its exports and its key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineament.views.values import iso
from lineament.views.witnesses import standing_json

if TYPE_CHECKING:
    from lineament.ledger.verify import Verification
    from lineament.services.audit import EntryProof, LedgerEntry
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


def entry_json(entry: LedgerEntry) -> dict[str, Any]:
    """Return an entry of the ledger as JSON, with its details if they were not erased."""
    return {
        "entry": entry.seq,
        "at": iso(entry.at),
        "action": entry.action,
        "case": None if entry.case is None else entry.case.ref,
        "commitment": entry.commitment.hex(),
        "details": None if entry.details is None else json.loads(entry.details),
    }


def entry_proof_json(proof: EntryProof) -> dict[str, Any]:
    """Return the proof that the ledger has an entry as JSON; its file can be checked without Lineament."""
    return {
        "entry": entry_json(proof.entry),
        "leaf": proof.leaf.hex(),
        "path": [node.hex() for node in proof.path],
        "checkpoint": proof.note,
        "file": proof.file,
    }
