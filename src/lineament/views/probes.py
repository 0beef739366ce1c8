"""Probes as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lineament.views.values import sides

if TYPE_CHECKING:
    from lineament.model.search import Edit
    from lineament.services.probes import Replay


def edit_json(edit: Edit) -> dict[str, Any]:
    """Return an edit of a probe as JSON."""
    return {
        "kind": edit.kind.value,
        "degrees": edit.degrees,
        "box": None if edit.box is None else sides(edit.box),
        "stops": edit.stops,
        "automatic": edit.automatic,
    }


def turned_words(edits: Iterable[Edit]) -> str:
    """Return how far the photograph was turned automatically, a sentence without its full stop; empty if it was not."""
    degrees = next((edit.degrees for edit in edits if edit.automatic), None)
    return "" if degrees is None else f"The photograph was turned {degrees}° clockwise to show its faces upright"


def replay_json(probe_id: str, replay: Replay) -> dict[str, Any]:
    """Return the steps of a probe's edits as JSON, with the digests recorded and those of now."""
    steps = [{"recorded": recorded, "now": now} for recorded, now in replay.steps]
    return {
        "probe": probe_id,
        "same": replay.same,
        "steps": steps,
        "as_before": replay.as_before,
        "decoded_otherwise": replay.decoded_otherwise,
    }


def replay_words(replay: Replay) -> str:
    """Return the outcome of a replay for people."""
    if replay.same and replay.as_before:
        return (
            "Every step gave the same pixels, decoded as versions up to 0.2 did it; this version reads the picture "
            "in full size and in its own colours."
        )
    if replay.same:
        return "Every step gave the same pixels."
    if replay.decoded_otherwise:
        return (
            "The original is unchanged, but as it is decoded now it has other pixels than were recorded: another "
            "version of the decoder read it then, or the record was changed. The edits could not be compared."
        )
    return "The edits gave other pixels than were recorded, although the original is decoded to the same pixels."


def approvals_json(probe_id: str, names: Iterable[str]) -> dict[str, Any]:
    """Return who approved that a probe is searched, as JSON."""
    return {"probe": probe_id, "approved_by": list(names)}
