"""Probes with the faces found in them, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lineament.views.probes import edit_json
from lineament.views.searches import quality_json
from lineament.views.values import iso, sides

if TYPE_CHECKING:
    from lineament.model.faces import Face, Landmarks
    from lineament.model.search import Probe


def probe_json(probe: Probe) -> dict[str, Any]:
    """Return a probe as JSON, with the faces found in it, the largest first."""
    return {
        "id": probe.id,
        "case": probe.case,
        "kind": probe.kind.value,
        "sha256": probe.sha256,
        "media_type": probe.media_type,
        "width": probe.width,
        "height": probe.height,
        "part": probe.part,
        "parts": probe.parts,
        "incomplete": probe.incomplete,
        "missing": probe.missing,
        "edits": [edit_json(edit) for edit in probe.edits],
        "origin": None if probe.origin is None else asdict(probe.origin),
        "added_at": iso(probe.made_at),
        "erased_at": iso(probe.erased_at),
        "faces": [probe_face_json(number, face) for number, face in enumerate(probe.faces, start=1)],
    }


def probe_face_json(number: int, face: Face) -> dict[str, Any]:
    """Return a face of a probe as JSON; ``number`` is from 1."""
    return {
        "face": number,
        "box": sides(face.box),
        "landmarks": landmarks_json(face.landmarks),
        "quality": quality_json(face.quality, face.landmarks),
        "comparable": face.comparable,
    }


def landmarks_json(landmarks: Landmarks) -> dict[str, list[float]]:
    """Return the landmarks of a face as JSON: five points (x, y), in pixels."""
    return {name: list(point) for name, point in asdict(landmarks).items()}
