"""What a search compared before it is recorded, and the list that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from lineament.errors import MixedModels
from lineament.model.arranging import arrange, arrange_pictures
from lineament.model.faces import Face, FaceId, Template
from lineament.model.fusion import damping, fuse
from lineament.model.proposals import Threshold
from lineament.model.rates import ErrorRates
from lineament.model.search import Candidate, Hit, Mode, Probe
from lineament.model.sources import Source
from lineament.model.together import EnrolledSince, OtherPerson, Together, assigned
from lineament.services.gallery.answers import GallerySearch
from lineament.services.probes import chosen_face
from lineament.store.db import Tx
from lineament.store.faces import DescribedFace


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedPerson:
    """A person who is searched, with the photographs of them."""

    probes: tuple[Probe, ...]  # the first, then those that are fused with it
    face: int  # of the first, from 1
    template: Template
    grade: int  # of the strongest of their templates
    damping: float  # factor for scores before false match rates are looked up

    @classmethod
    def of(cls, probes: Sequence[Probe], faces: Sequence[int | None], model: str, *, damped: bool) -> SearchedPerson:
        """Return a person whose faces these are. Raises NoFace, SeveralFaces, NotFound or MixedModels."""
        chosen = [chosen_face(probe, face) for probe, face in zip(probes, faces, strict=True)]
        for face in chosen:
            if face.template.model != model:
                raise MixedModels(first=model, second=face.template.model)
        vectors = [face.template.vector for face in chosen]
        return cls(
            probes=tuple(probes),
            face=probes[0].faces.index(chosen[0]) + 1,
            template=Template(model, fuse(vectors)),
            grade=max(face.quality.grade for face in chosen),
            damping=damping(vectors) if damped else 1.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPerson:
    """The faces that may show one person."""

    probes: tuple[Probe, ...]  # of this person
    face: int  # of the first, from 1
    grade: int  # of the strongest of their templates
    damping: float  # factor for scores before false match rates are looked up
    compared: GallerySearch
    threshold: float  # the score below which nothing is listed
    groups: Mapping[FaceId, int]  # of the faces that reach it, by how alike they are; erased faces are left out

    @property
    def chosen(self) -> Face:
        """The face in the first photograph."""
        return self.probes[0].faces[self.face - 1]

    @property
    def above(self) -> list[Hit]:
        """The faces that reach the threshold, best first."""
        return [hit for hit in self.compared.hits if hit.face_id in self.groups]

    def missed(self, rates: ErrorRates, mode: Mode) -> float | None:
        """Return the share of mated faces below the threshold, for one probe of this grade."""
        if mode is Mode.INVESTIGATION or len(self.probes) > 1 or not self.compared.faces:
            return None
        return rates.missed(self.threshold, self.grade)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(FoundPerson):
    """The result of a comparison that is not recorded yet: the first person's answer, and those of the others."""

    sources: tuple[Source, ...]
    in_force: Threshold | None  # if the list is cut by it
    seconds: float
    people: tuple[FoundPerson, ...] = ()  # the others
    together: Together | None = None  # with others: whether pictures of all of them are wanted, or of any
    captures: Mapping[FaceId, int] = field(default_factory=dict)  # of the faces, if pictures of all are wanted
    newest_face: FaceId | None = None  # the highest number that a face had when it began
    after: EnrolledSince | None = None
    watch: str | None = None  # that compared what it had not compared yet

    @property
    def answers(self) -> tuple[FoundPerson, ...]:
        """One answer for each person."""
        return (self, *self.people)

    @property
    def every_probe(self) -> list[Probe]:
        """Every photograph that it was made with."""
        return [probe for answer in self.answers for probe in answer.probes]

    @property
    def faces(self) -> int:
        """How many faces were compared with every person; more may have been enrolled meanwhile."""
        return min(answer.compared.faces for answer in self.answers)

    @property
    def uncompared(self) -> int:
        """How many enrolled faces were not compared with somebody."""
        return max(answer.compared.uncompared for answer in self.answers)

    @property
    def altered(self) -> tuple[str, ...]:
        """The sources whose stored faces are not those that were enrolled."""
        return tuple(dict.fromkeys(name for answer in self.answers for name in answer.compared.altered))

    def others(self, rates: ErrorRates, mode: Mode) -> tuple[OtherPerson, ...]:
        """Return everybody but the first person, as they are stored."""
        return tuple(
            OtherPerson(
                number=number,
                probe_id=answer.probes[0].id,
                face=answer.face,
                sha256=answer.probes[0].sha256,
                face_box=answer.chosen.box,
                quality=answer.chosen.quality,
                threshold=answer.threshold,
                missed=answer.missed(rates, mode),
            )
            for number, answer in enumerate(self.people, 2)
        )

    def candidates(self, tx: Tx, limit: int, rates: ErrorRates, known: Known) -> tuple[Candidate, ...]:
        """Return the list. ``known`` is told which faces it needs and which are there, and may end the search."""
        describe = _Describer(tx, self, rates, known)
        if self.together is Together.ALL:
            pictures = _pictures(self)
            faces = iter(describe([face for picture in pictures for face in picture]))
            return arrange_pictures([[next(faces) for _ in picture] for picture in pictures], limit)
        best: dict[FaceId, tuple[Hit, int]] = {}
        for number, answer in enumerate(self.answers):
            for hit in answer.above:
                if hit.face_id not in best or hit.score > best[hit.face_id][0].score:
                    best[hit.face_id] = (hit, number)
        listed = sorted(best.values(), key=lambda item: (-item[0].score, item[0].face_id))
        groups = {hit.face_id: (number, self.answers[number].groups[hit.face_id]) for hit, number in listed}
        return arrange(describe(listed), groups, limit)


Known = Callable[[Sequence[FaceId], Collection[FaceId]], None]
"""Is told which faces are needed and which are there; may raise ChangedMeanwhileError."""


def _pictures(found: Compared) -> list[list[tuple[Hit, int]]]:
    """Return the pictures that show all people, best first, each as the face of every person."""
    scored: dict[int, list[dict[FaceId, float]]] = {}
    for number, answer in enumerate(found.answers):
        for hit in answer.above:
            capture = found.captures[hit.face_id]
            scored.setdefault(capture, [{} for _ in found.answers])[number][hit.face_id] = hit.score
    pictures = []
    for people in scored.values():
        if (faces := assigned(people)) is not None:
            hits = [Hit(face_id=face, score=people[number][face]) for number, face in enumerate(faces)]
            pictures.append([(hit, number) for number, hit in enumerate(hits)])
    return sorted(pictures, key=_by_weakest)


def _by_weakest(picture: Sequence[tuple[Hit, int]]) -> tuple[float, int]:
    return -min(hit.score for hit, _ in picture), int(picture[0][0].face_id)


@dataclass(frozen=True, slots=True)
class _Describer:
    """Describes faces as candidates."""

    tx: Tx
    found: Compared
    rates: ErrorRates
    known: Known

    def __call__(self, listed: Sequence[tuple[Hit, int]]) -> list[Candidate]:
        """Return the faces as candidates in this order; each comes with the place of its person."""
        names = {source.id: source.name for source in self.found.sources}
        ids = [hit.face_id for hit, _ in listed]
        described = self.tx.faces.describe(ids)
        there = {face_id: known for face_id, known in described.items() if known.capture.source_id in names}
        self.known(ids, there)
        return [
            self._candidate(rank, hit, number, there[hit.face_id], names[there[hit.face_id].capture.source_id])
            for rank, (hit, number) in enumerate(listed, 1)
        ]

    def _candidate(self, rank: int, hit: Hit, number: int, known: DescribedFace, source: str) -> Candidate:
        answer = self.found.answers[number]
        gallery, grade = answer.compared.compared_by_grade, answer.grade
        damped = hit.score * answer.damping
        capture, provenance = known.capture, known.capture.provenance
        return Candidate(
            rank=rank,
            score=hit.score,
            expected_false=self.rates.expected_false(damped, grade, gallery),
            extrapolated=self.rates.extrapolated_false(damped, grade, gallery),
            face_id=hit.face_id,
            capture_id=capture.id,
            source=source,
            uri=provenance.uri,
            page_uri=provenance.page_uri,
            page_title=provenance.page_title,
            captured_at=provenance.captured_at,
            connector=provenance.connector,
            words=provenance.words,
            record=provenance.record,
            page_record=provenance.page_record,
            time_code=provenance.time_code,
            part=provenance.part,
            parts=provenance.parts,
            incomplete=capture.incomplete,
            missing=capture.missing,
            sha256=capture.sha256,
            phash=capture.phash,
            box=known.face.box,
            drawn=known.face.drawn,
            width=capture.width,
            height=capture.height,
            person=None if self.found.together is None else number + 1,
        )
