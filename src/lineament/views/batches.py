"""Batches of photographs as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.model.batches import SearchBatch
    from lineament.services.batches import BatchRow, ShownBatch


def batch_json(batch: SearchBatch) -> dict[str, Any]:
    """Return a batch as JSON, without its photographs."""
    return {
        "batch": batch.id,
        "case": batch.case,
        "kind": None if batch.kind is None else batch.kind.value,
        "begun_at": iso(batch.made_at),
        "started_at": iso(batch.started_at),
        "reason": batch.reason,
        "job": batch.job_id,
    }


def shown_batch_json(shown: ShownBatch) -> dict[str, Any]:
    """Return a batch as JSON, with what became of each photograph."""
    return batch_json(shown.batch) | {"photographs": [batch_row_json(row) for row in shown.rows]}


def batch_row_json(row: BatchRow) -> dict[str, Any]:
    """Return a photograph of a batch as JSON; the number of its candidates is None until it was searched."""
    photograph = row.photograph
    return {
        "photograph": photograph.id,
        "name": photograph.name,
        "state": row.state,
        "why": photograph.why or None,
        "probe": photograph.probe_id,
        "faces": None if row.probe is None else len(row.probe.faces),
        "face": photograph.face,
        "search": photograph.search_id,
        "candidates": row.candidates,
    }
