"""Witnesses as JSON, for those who run one and for those who have their ledger witnessed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineament.ledger.cosignature import WitnessKey
    from lineament.ledger.seen import Seen
    from lineament.model.witnessing import WitnessChange
    from lineament.services.witnessing.policy import WitnessStanding
    from lineament.services.witnessing.submit import Submitted
    from lineament.witness.folder import WatchedLog, WitnessFolder


def witness_json(folder: WitnessFolder) -> dict[str, Any]:
    """Return a witness as JSON: its key, and of each ledger what was cosigned last."""
    return {"key": str(folder.public_key), "logs": [_log_json(log, folder.public_key) for log in folder.logs()]}


def _log_json(log: WatchedLog, witness: WitnessKey) -> dict[str, Any]:
    from lineament.ledger.checkpoint import Checkpoint
    from lineament.witness.folder import newest_cosigned

    key, note, forks = log.key, log.newest(), log.forks
    if note is None:
        return {"origin": key.name, "entries": 0, "root": None, "at": None, "forks": forks}
    newest = Checkpoint.parse(note, key)
    at = newest_cosigned(note, witness)
    return {
        "origin": key.name,
        "entries": newest.size,
        "root": newest.root.hex(),
        "at": at.isoformat(),
        "forks": forks,
    }


def standing_json(standing: WitnessStanding) -> dict[str, Any]:
    """Return how the ledger is witnessed as JSON."""
    in_force, waiting = standing.in_force, standing.waiting
    return {
        "asked": standing.policy.asks,
        "policy": standing.policy.to_json(),
        "change": None if in_force is None else in_force.number,
        "entry": None if in_force is None else in_force.entry,
        "waiting": None if waiting is None else waiting.number,
        "seen": [seen_json(each) for each in standing.seen],
        "since": None if standing.since is None else standing.since.isoformat(),
        "against": None if standing.against is None else str(standing.against),
    }


def seen_json(seen: Seen) -> dict[str, Any]:
    """Return what somebody saw as JSON."""
    checkpoint = seen.checkpoint
    return {
        "who": seen.who,
        "how": seen.how,
        "at": seen.at.isoformat(),
        "entries": checkpoint.size,
        "root": checkpoint.root.hex(),
    }


def submitted_json(done: Iterable[Submitted]) -> dict[str, Any]:
    """Return what became of a submission as JSON."""
    return {"submitted": [{"who": each.who, "entries": each.size, "why_not": each.why or None} for each in done]}


def witness_change_json(change: WitnessChange) -> dict[str, Any]:
    """Return a policy that was proposed or took effect as JSON."""
    return {"change": change.number, "entry": change.entry, "policy": change.policy.to_json()}


def proof_json(file: Path, key: str) -> dict[str, Any]:
    """Return where a proof was written, and the key that checks it, as JSON."""
    return {"file": str(file), "key": key}
