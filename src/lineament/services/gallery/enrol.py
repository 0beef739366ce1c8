"""Enrols pictures that a program sends in one request, and says of each what became of it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from lineament.errors import BadSideCar, FileTooLarge
from lineament.model.accounts import Permission
from lineament.model.faces import EnrolledFace, Face, Provenance
from lineament.sandbox.files import printable
from lineament.services.gallery.ingest import Ingest
from lineament.services.gallery.items import IngestItem, IngestOutcome, Task
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.sources.base import Found, Item, Refusal
from lineament.sources.provenance import Unusable, provenance_from

KIND = "api"
"""The kind of a run that enrols what a program sent."""
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SentPicture:
    """A picture that a program sends; nothing of it was examined."""

    name: str  # as the program calls it
    untrusted: bytes
    provenance: Provenance | None = None  # None: its address is that name
    stated: Mapping[str, object] | None = None  # the untrusted fields of a side-car, which complete it


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledPicture:
    """What became of a picture, and the faces of it that are in the gallery."""

    name: str
    sha256: str
    outcome: IngestOutcome
    why: str  # it was refused; empty otherwise
    faces: tuple[EnrolledFace, ...]
    left_out: tuple[Face, ...] = ()  # beyond the most that were wanted


@dataclass(frozen=True, slots=True)
class _SentPictures:
    """The connector of what was sent."""

    pictures: Sequence[SentPicture]
    max_bytes: int

    def count(self) -> int:
        """Return how many there are."""
        return len(self.pictures)

    def items(self) -> Iterator[Found]:
        """Yield them in their order."""
        for number, picture in enumerate(self.pictures):
            size = len(picture.untrusted)
            if size > self.max_bytes:
                yield Refusal(name=str(number), why=FileTooLarge(size=size, limit=self.max_bytes))
            else:
                yield _found(str(number), picture)


class Enrol:
    """Enrols pictures into sources, in an official's name."""

    def __init__(self, record: Record, ingest: Callable[[], Ingest], max_bytes: int) -> None:
        """``ingest`` is called when there is something to analyse, because it loads the nets."""
        self._record = record
        self._ingest = ingest
        self._max_bytes = max_bytes

    @needs(Permission.MANAGE_SOURCES)
    def run(self, source: str, pictures: Sequence[SentPicture], most_faces: int | None = None) -> list[EnrolledPicture]:
        """Enrol pictures, and return what became of each, in their order. Raises as ``Ingest.run``.

        ``most_faces``: only so many faces of a picture are enrolled, the largest; None: all.
        """
        told: dict[int, IngestItem] = {}

        def tell(item: IngestItem) -> None:
            told.setdefault(int(item.collected.name), item)

        task = Task(
            connector=_SentPictures(pictures, self._max_bytes),
            kind=KIND,
            what=secrets.token_hex(8),  # no run resumes another
            most_faces=most_faces,
            tell=tell,
        )
        self._ingest().run(source, task, workers=min(_AT_ONCE, max(1, len(pictures))))
        digests = [hashlib.sha256(picture.untrusted).hexdigest() for picture in pictures]
        faces = self._faces(source, digests)
        return [
            EnrolledPicture(
                name=printable(picture.name[:200]),
                sha256=sha256,
                outcome=told[number].outcome,
                why=told[number].why,
                faces=tuple(faces.get(sha256, ())),
                left_out=told[number].left_out,
            )
            for number, (picture, sha256) in enumerate(zip(pictures, digests, strict=True))
        ]

    def _faces(self, source: str, digests: Sequence[str]) -> dict[str, list[EnrolledFace]]:
        """Return the faces that the gallery has of these files, by their digests."""
        with self._record.read() as tx:
            stored = tx.places.parts_with_bytes(tx.sources.get(source).id, digests)
            return {
                sha256: [face for part in parts for face in tx.faces.of_capture(part.capture_id)]
                for sha256, parts in stored.items()
            }


def _found(number: str, picture: SentPicture) -> Found:
    """Return a picture with its provenance, or its refusal if what was stated of it cannot be used."""
    provenance = picture.provenance or Provenance(uri=f"{KIND}:{quote(picture.name)}")
    try:
        provenance = provenance if picture.stated is None else provenance_from(picture.stated, provenance)
    except Unusable as error:
        return Refusal(name=number, why=BadSideCar(name="in the request", why=str(error)))
    return Item(name=number, untrusted=picture.untrusted, provenance=provenance)
