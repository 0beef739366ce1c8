"""Comparison of two pictures, 1:1."""

from __future__ import annotations

from dataclasses import dataclass

from lineament.model.accounts import Permission
from lineament.model.events.searches import PicturesCompared
from lineament.model.faces import Face, Quality
from lineament.model.scores import score
from lineament.services.needs import needs
from lineament.services.probes import face_of
from lineament.services.record import Record
from lineament.vision.analyse import Analyser, Analysis, face_crop


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of comparing two faces."""

    score: float  # cosine similarity, -1 to 1, higher is closer
    false_match_rate: float  # share of pairs of strangers that reach this score
    model: str
    crops: tuple[bytes, bytes]  # JPEG
    qualities: tuple[Quality, Quality]
    sha256: tuple[str, str]
    ledger_entry: int


class Compare:
    """Compares the faces of two pictures; neither is stored, the comparison is recorded."""

    def __init__(self, record: Record, analyser: Analyser) -> None:
        self._record = record
        self._analyser = analyser

    @needs(Permission.SEARCH)
    def run(
        self, first: bytes, second: bytes, face_first: int | None = None, face_second: int | None = None
    ) -> Comparison:
        """Compare face ``face_first`` (from 1) of the first picture with face ``face_second`` of the second.

        Raises NoFace, SeveralFaces if a picture shows several and no number is given, or NotFound if it has no face of
        that number.
        """
        seen = self._analyser.analyse(first), self._analyser.analyse(second)
        faces = _chosen(seen[0], face_first), _chosen(seen[1], face_second)
        close = score(faces[0].template.vector, faces[1].template.vector)
        grades = (faces[0].quality.grade, faces[1].quality.grade)
        rate = self._analyser.rates.rate_at(close, *grades)
        digests = seen[0].sha256, seen[1].sha256
        with self._record.change() as change:
            entry = change.record(PicturesCompared(pictures=digests, score=close))
        return Comparison(
            score=close,
            false_match_rate=rate,
            model=self._analyser.model,
            crops=(_crop(seen[0], faces[0]), _crop(seen[1], faces[1])),
            qualities=(faces[0].quality, faces[1].quality),
            sha256=digests,
            ledger_entry=entry,
        )


def _crop(seen: Analysis, face: Face) -> bytes:
    return face_crop(seen.picture, face.box, face.quality.quarters)


def _chosen(seen: Analysis, number: int | None) -> Face:
    return face_of(seen.faces, number, width=seen.picture.width, height=seen.picture.height)
