"""Pictures without a face, and faces that no search finds, as JSON."""

from __future__ import annotations

from typing import Any

from lineament.services.gallery.draw import DrawnFace
from lineament.services.gallery.unsearched import UnsearchedPage, UnsearchedPicture
from lineament.views.searches import quality_json
from lineament.views.values import iso, sides


def unsearched_json(page: UnsearchedPage) -> dict[str, Any]:
    """Return a page of the list as JSON; ``after`` continues it, null at its end."""
    return {
        "source": page.source.name,
        "which": page.which.value,
        "total": page.total,
        "pictures": [_picture_json(picture) for picture in page.pictures],
        "after": page.later,
    }


def drawn_face_json(drawn: DrawnFace) -> dict[str, Any]:
    """Return a face that was enrolled from a drawn box as JSON."""
    face = drawn.face
    return {
        "source": drawn.source,
        "capture": int(face.capture_id),
        "face": int(face.id),
        "box": sides(face.box),
        "drawn": face.drawn,
        "estimated": drawn.estimated,
        "comparable": face.comparable,
        "quality": quality_json(face.quality),
    }


def _picture_json(picture: UnsearchedPicture) -> dict[str, Any]:
    capture, face = picture.capture, picture.face
    return {
        "capture": int(capture.id),
        "face": None if face is None else int(face.id),
        "why": picture.why,
        "uri": capture.provenance.uri,
        "page_uri": capture.provenance.page_uri,
        "part": capture.part,
        "parts": capture.provenance.parts,
        "sha256": capture.sha256,
        "width": capture.width,
        "height": capture.height,
        "captured_at": iso(capture.provenance.captured_at),
        "enrolled_at": iso(capture.enrolled_at),
        "looked_at_by": capture.looked_at_by,
        "kept": capture.original is not None,
    }
