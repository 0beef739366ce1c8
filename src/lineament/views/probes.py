"""Probes as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineament.services.probes import Replay


def replay_json(probe_id: str, replay: Replay) -> dict[str, Any]:
    """Return the steps of a probe's edits as JSON, with the digests recorded and those of now."""
    steps = [{"recorded": recorded, "now": now} for recorded, now in replay.steps]
    return {"probe": probe_id, "same": replay.same, "steps": steps}


def approvals_json(probe_id: str, names: Iterable[str]) -> dict[str, Any]:
    """Return who approved that a probe is searched, as JSON."""
    return {"probe": probe_id, "approved_by": list(names)}
