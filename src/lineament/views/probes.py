"""Probes as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineament.services.probes import Replay


def replay_json(probe_id: str, replay: Replay) -> dict[str, Any]:
    """Return the steps of a probe's edits as JSON, with the digests recorded and those of now."""
    steps = [{"recorded": recorded, "now": now} for recorded, now in replay.steps]
    return {"probe": probe_id, "same": replay.same, "steps": steps}
