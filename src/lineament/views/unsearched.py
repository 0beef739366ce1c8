"""Pictures without a face, and faces that no search finds, as JSON."""

from __future__ import annotations

from typing import Any

from lineament.services.gallery.unsearched import UnsearchedPage, UnsearchedPicture
from lineament.views.values import iso


def unsearched_json(page: UnsearchedPage) -> dict[str, Any]:
    """Return a page of the list as JSON; ``after`` continues it, null at its end."""
    return {
        "source": page.source.name,
        "which": page.which.value,
        "total": page.total,
        "pictures": [_picture_json(picture) for picture in page.pictures],
        "after": page.later,
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
        "sha256": capture.sha256,
        "width": capture.width,
        "height": capture.height,
        "captured_at": iso(capture.provenance.captured_at),
        "enrolled_at": iso(capture.enrolled_at),
        "looked_at_by": capture.looked_at_by,
        "kept": capture.original is not None,
    }
