"""What became of the pictures that a program sent, and of its uploads, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lineament.views.searches import enrolled_quality_json
from lineament.views.values import iso, sides

if TYPE_CHECKING:
    from lineament.model.drops import DroppedFile
    from lineament.model.faces import EnrolledFace
    from lineament.services.gallery.enrol import EnrolledPicture
    from lineament.services.gallery.take_in import DropStanding


def enrolled_face_json(face: EnrolledFace) -> dict[str, Any]:
    """Return a face of the gallery as JSON, without its template."""
    return {
        "face": face.id,
        "box": sides(face.box),
        "comparable": face.comparable,
        "drawn": face.drawn,
        "model": face.model,
        "quality": enrolled_quality_json(face),
    }


def enrolled_json(picture: EnrolledPicture) -> dict[str, Any]:
    """Return what became of a picture as JSON."""
    return {
        "name": picture.name,
        "sha256": picture.sha256,
        "outcome": picture.outcome.name.lower(),
        "words": picture.outcome.value,
        "why": picture.why or None,
        "faces": [enrolled_face_json(face) for face in picture.faces],
    }


def upload_json(standing: DropStanding) -> dict[str, Any]:
    """Return how far an upload is as JSON."""
    drop, run, job = standing.drop, standing.run, standing.job
    return {
        "upload": drop.id,
        "begun_at": iso(drop.begun_at),
        "ended_at": iso(drop.ended_at),
        "files": drop.files,
        "bytes": drop.bytes,
        "listed": drop.listed,
        "arrived": {
            "files": standing.arrived.files,
            "bytes": standing.arrived.bytes,
            "refused": standing.arrived.refused,
        },
        "job": None if job is None else job.id,
        "run": None if run is None else run.number,
        "counts": {} if run is None else dict(run.counts),
        "faces": 0 if run is None else run.faces,
        "refused_first": [{"name": name, "why": why} for name, why in standing.refusals],
    }


def files_json(files: Iterable[DroppedFile]) -> dict[str, Any]:
    """Return files of an upload as JSON."""
    return {
        "files": [
            {"file": file.number, "path": file.path, "size": file.size, "received": file.received, "why": file.why}
            for file in files
        ]
    }
