"""Shows a picture upright once its faces are known to be turned: by a second look, or by one that somebody drew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lineament.model.faces import Capture, EnrolledFace, Face, FaceId
from lineament.services.record import Change


def is_turned(before: EnrolledFace, now: Face) -> bool:
    """Return whether a face is turned otherwise than it was thought to be, so that its crop has to be turned."""
    return before.quality.quarters != now.quality.quarters


def show_upright(
    change: Change, capture: Capture, left: Sequence[tuple[FaceId, Face]], shown: Mapping[FaceId | None, str]
) -> None:
    """Let a capture and those of its faces that are left have new pictures.

    ``shown``: the addresses of the crops by their faces, and that of the thumbnail by None. What they replace, and what
    is of no use because its face was erased meanwhile, is deleted.
    """
    before = {face.id: face.crop for face in change.tx.faces.of_capture(capture.id)}
    replaced = [before[face_id] for face_id, _ in left if face_id in shown]
    for face_id, _ in left:
        if face_id in shown:
            change.tx.faces.set_crop(face_id, shown[face_id])
    if None in shown and capture.thumbnail is not None:
        change.tx.captures.set_thumbnail(capture.id, shown[None])
        replaced.append(capture.thumbnail)
    delete_unused(change, [*replaced, *shown.values()])


def delete_unused(change: Change, addresses: Iterable[str]) -> None:
    """Delete pictures that nothing refers to."""
    change.tx.deletions.add([address for address in addresses if change.tx.captures.references(address) == 0])
