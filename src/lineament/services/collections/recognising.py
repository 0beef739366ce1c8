"""Every face of a picture, searched for in a collection; and faces of a picture compared with one of a collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lineament.errors import InvalidValue, MixedModels, NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.collections import CollectionFace, KnownCollection
from lineament.model.events.searches import PicturesCompared
from lineament.model.faces import Face, Vector
from lineament.model.reasons import ReasonCode
from lineament.model.scores import score
from lineament.model.search import ProbeKind
from lineament.services.collections.faces import CollectionFaces
from lineament.services.collections.searching import CollectionSearch, FoundInCollection, ProgramSearch
from lineament.services.keyholder import source_key
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for
from lineament.services.probes import Probes, face_of
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.ring import KeyRing
from lineament.vision.analyse import Analyser

MOST_RECOGNISED = 50
"""Most faces of a picture that are searched for in one request: each is a search of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFaces:
    """Which faces of a picture a program means."""

    most: int = 0  # the largest; 0: all
    least_score: float = 0.0  # of the detector, 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisedFace:
    """A face of a picture, and what a search found for it."""

    face: Face
    found: FoundInCollection


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisedPicture:
    """The faces of a picture, largest first, each with its search."""

    width: int  # pixels, upright
    height: int
    faces: tuple[RecognisedFace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedPicture:
    """The faces of a picture, largest first, each with its score (cosine) with a face of a collection."""

    width: int  # pixels, upright
    height: int
    faces: tuple[tuple[Face, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisingServices:
    """The services that recognising is made of."""

    probes: Probes
    searching: CollectionSearch
    faces: CollectionFaces
    keys: KeyRing
    analyser: Callable[[], Analyser]


class Recognise:
    """Searches for every face of a picture, in an official's name; each search is an entry of its own."""

    def __init__(self, record: Record, services: RecognisingServices) -> None:
        self._record = record
        self._services = services

    @needs(Permission.SEARCH, in_case=True)
    def each_face(
        self, collection: KnownCollection, untrusted: bytes, wanted: ProgramSearch, which: WantedFaces
    ) -> RecognisedPicture:
        """Search for each face of a picture, which becomes a photograph of the case.

        Raises NoFace, and keeps nothing then; InvalidValue if more than ``MOST_RECOGNISED`` are meant, and keeps the
        photograph; Refused by the gate; ReviewedBlind, whose search is on record.
        """
        self._services.searching.admit(collection, wanted)
        probe = self._services.probes.take_face(wanted.case, untrusted, ProbeKind.OTHER, which.least_score)
        chosen = chosen_faces(probe.faces, which, (probe.width, probe.height))
        numbers = {id(face): number for number, face in enumerate(probe.faces, 1)}
        if len(chosen) > MOST_RECOGNISED:
            why = f"at most {MOST_RECOGNISED} are searched for at once; name a limit, or send a part of the picture"
            raise InvalidValue(what="The number of faces", value=len(chosen), why=why, field="limit")
        return RecognisedPicture(
            width=probe.width,
            height=probe.height,
            faces=tuple(
                RecognisedFace(
                    face=face,
                    found=self._services.searching.by_probe(collection, probe, numbers[id(face)], wanted),
                )
                for face in chosen
            ),
        )

    @needs(Permission.SEARCH, in_case=True)
    def verify(
        self, collection: KnownCollection, key: str, untrusted: bytes, wanted: ProgramSearch, which: WantedFaces
    ) -> VerifiedPicture:
        """Compare each face of a picture with an enrolled face; the comparison is recorded, and nothing kept.

        The gate is asked as for a search, because it tells as much. Raises NotFound for the face, NoFace, or Refused,
        also if lists are reviewed blind.
        """
        self._services.searching.admit(collection, wanted)
        enrolled = self._services.faces.get(collection, key)
        analyser = self._services.analyser()
        seen = analyser.analyse(untrusted)
        size = seen.picture.width, seen.picture.height
        faces = chosen_faces(seen.faces, which, size)
        with self._record.change() as change:
            case = change.tx.cases.find(wanted.case, self._record.sight)
            if policy_for(change.tx, case.agency_id).blind_review:
                raise Refused(ReasonCode.COMPARED_BLIND.reason())
            vector = self._vector(change.tx, enrolled, analyser.model)
            scores = tuple((face, score(face.template.vector, vector)) for face in faces)
            change.concerns(case)
            pictures = (seen.sha256, change.tx.captures.get(enrolled.capture_id).sha256)
            change.record(PicturesCompared(pictures=pictures, score=max(close for _, close in scores)))
        return VerifiedPicture(width=size[0], height=size[1], faces=scores)

    def _vector(self, tx: Tx, enrolled: CollectionFace, model: str) -> Vector:
        import numpy as np

        face = tx.faces.get(enrolled.id)
        if face.model != model:
            raise MixedModels(first=face.model, second=model)
        key = source_key(tx, self._services.keys, tx.sources.by_id(face.source_id))
        _, vectors = tx.faces.vectors(np.array([int(face.id)], dtype=np.int64), key)
        if not len(vectors):
            raise NotFound(what="face that can be compared", name=enrolled.key, hint="the list of the faces")
        found: Vector = vectors[0]
        return found


def chosen_faces(faces: Sequence[Face], which: WantedFaces, size: tuple[int, int]) -> tuple[Face, ...]:
    """Return the faces that a program means, of a picture of this size (width, height). Raises NoFace for none."""
    sure = tuple(face for face in faces if face.quality.detector_score >= which.least_score)
    face_of(sure, 1 if sure else None, width=size[0], height=size[1])
    return sure[: which.most or None]
