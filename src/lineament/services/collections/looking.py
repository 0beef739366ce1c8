"""Pictures that programs look at: their faces are found and compared, recorded, and nothing of them is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lineament.errors import NoFace
from lineament.model.accounts import Permission
from lineament.model.events.collections import FacesDetected
from lineament.model.events.searches import PicturesCompared
from lineament.model.faces import Face
from lineament.model.scores import score
from lineament.services.needs import needs
from lineament.services.probes import face_of
from lineament.services.record import Change, Record
from lineament.vision.analyse import Analyser

WEAK = -1.0
"""The score of a face that is too weak to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPicture:
    """The faces of a picture, largest first."""

    sha256: str
    width: int  # pixels, upright
    height: int
    faces: tuple[Face, ...]
    parts: int  # pictures of its file, of which this is the first that shows a face


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPictures:
    """The largest face of one picture, and each face of another with its score (cosine, higher is closer)."""

    first: SeenPicture
    second: SeenPicture
    face: Face
    scores: tuple[tuple[Face, float], ...]  # best first


class LookAtPictures:
    """Finds and compares faces for a program, in an official's name."""

    def __init__(self, record: Record, analyser: Callable[[], Analyser]) -> None:
        self._record = record
        self._analyser = analyser

    @needs(Permission.SEARCH, Permission.MANAGE_SOURCES)
    def detect(self, untrusted: bytes) -> SeenPicture:
        """Find the faces of a picture; there may be none."""
        seen = self._seen(untrusted)
        with self._record.change() as change:
            self._file(change)
            change.record(FacesDetected(picture=seen.sha256, faces=len(seen.faces)))
        return seen

    @needs(Permission.SEARCH)
    def compare(self, first: bytes, second: bytes) -> ComparedPictures:
        """Compare the largest face of the first picture with each face of the second. Raises NoFace."""
        seen, other = self._seen(first), self._seen(second)
        face = face_of(seen.faces, 1 if seen.faces else None, width=seen.width, height=seen.height)
        face_of(other.faces, 1 if other.faces else None, width=other.width, height=other.height)
        if not face.comparable:
            raise NoFace(looked="the largest face of the first picture is too weak to compare")
        scored = [(each, _score(face, each)) for each in other.faces]
        scored.sort(key=lambda pair: -pair[1])
        with self._record.change() as change:
            self._file(change)
            change.record(PicturesCompared(pictures=(seen.sha256, other.sha256), score=scored[0][1]))
        return ComparedPictures(first=seen, second=other, face=face, scores=tuple(scored))

    def _seen(self, untrusted: bytes) -> SeenPicture:
        seen = self._analyser().analyse(untrusted)
        picture = seen.picture
        return SeenPicture(
            sha256=seen.sha256, width=picture.width, height=picture.height, faces=seen.faces, parts=picture.parts
        )

    def _file(self, change: Change) -> None:
        """File the entry under the case to which the key is bound, if it is."""
        key = self._record.official.key
        if key is not None and key.case_id is not None:
            change.concerns(change.tx.cases.by_id(key.case_id))


def _score(first: Face, second: Face) -> float:
    return score(first.template.vector, second.template.vector) if second.comparable else WEAK
