"""The template of the face that each labelled picture is about."""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lineament.errors import MACHINE_FAULTS, BadPicture, LineamentError, NotRead
from lineament.model.evaluation.samples import NO_GROUP, Rows, Samples
from lineament.model.faces import Face
from lineament.sandbox.files import os_reason
from lineament.services.evaluate.cache import FoundTemplate, TemplateCache
from lineament.services.evaluate.degrade import Degradation
from lineament.services.evaluate.labelled import LabelledPicture, LabelledSet, picture_bytes
from lineament.vision.analyse import Analyser, Analysis, face_crop

NO_FACE = "no face was found"


class FaceChoice(StrEnum):
    """Which face of a picture its label is about."""

    MIDDLE = "middle"  # the one nearest to the middle of the picture, as in LFW
    LARGEST = "largest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the pictures are."""

    done: int
    total: int
    seconds: float
    cached: int  # of those done


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Templates:
    """What was found in each picture of a set."""

    found: tuple[FoundTemplate, ...]
    sha256: tuple[str, ...]  # of the bytes of each picture, hexadecimal; empty if it could not be read


class Extractor:
    """Finds the faces of pictures, several at once; keeps their templates in a cache."""

    def __init__(
        self, analyser: Analyser, cache: TemplateCache, *, choice: FaceChoice, most: int, workers: int
    ) -> None:
        """Prepare.

        Args:
            analyser: The nets and the decoders.
            cache: Read first, and filled.
            choice: Which face of a picture counts.
            most: Bytes of the largest picture.
            workers: Pictures in progress at once.
        """
        self.analyser = analyser
        self._cache = cache
        self._choice = choice
        self._most = most
        self._workers = workers

    def run(
        self, pictures: Sequence[LabelledPicture], report: Report, degradation: Degradation | None = None
    ) -> Templates:
        """Return the templates of the pictures, each degraded first if ``degradation`` is given.

        A picture that cannot be read or shows no face has none. What was found before an interruption is kept.
        """
        found: list[FoundTemplate] = []
        digests: list[str] = []
        began, cached = time.monotonic(), 0
        try:
            with closing(self._in_order(pictures, degradation)) as results:
                for digest, template, was_cached in results:
                    digests.append(digest)
                    found.append(template)
                    cached += was_cached
                    seconds = time.monotonic() - began
                    report(Progress(done=len(found), total=len(pictures), seconds=seconds, cached=cached))
        finally:
            self._cache.save()
        return Templates(found=tuple(found), sha256=tuple(digests))

    def crops(self, pictures: Sequence[LabelledPicture]) -> list[bytes | None]:
        """Return a JPEG of the face that counts in each picture, or None if there is none."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="evaluate") as pool:
            return list(pool.map(self._crop, pictures))

    def _crop(self, picture: LabelledPicture) -> bytes | None:
        try:
            seen = self.analyser.analyse(picture_bytes(picture, self._most))
        except MACHINE_FAULTS:
            raise
        except (LineamentError, OSError):
            return None
        face = chosen_face(seen, self._choice)
        return None if face is None else face_crop(seen.picture, face.box, face.quality.quarters)

    def _in_order(
        self, pictures: Sequence[LabelledPicture], degradation: Degradation | None
    ) -> Generator[tuple[str, FoundTemplate, bool], None, None]:
        under_way: deque[Future[tuple[str, FoundTemplate, bool]]] = deque()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="evaluate") as pool:
            try:
                for picture in pictures:
                    under_way.append(pool.submit(self._template, picture, degradation))
                    if len(under_way) > 4 * self._workers:
                        yield self._kept(under_way.popleft().result(), degradation)
                while under_way:
                    yield self._kept(under_way.popleft().result(), degradation)
            finally:
                for future in under_way:
                    future.cancel()

    def _kept(
        self, result: tuple[str, FoundTemplate, bool], degradation: Degradation | None
    ) -> tuple[str, FoundTemplate, bool]:
        digest, template, was_cached = result
        if digest and not was_cached:
            self._cache.put((digest, _name(degradation)), template)
        return result

    def _template(self, picture: LabelledPicture, degradation: Degradation | None) -> tuple[str, FoundTemplate, bool]:
        try:
            untrusted = picture_bytes(picture, self._most)
        except (BadPicture, NotRead) as error:
            return "", FoundTemplate(None, why=str(error)), False
        except OSError as error:
            return "", FoundTemplate(None, why=f"it was not read: {os_reason(error)}"), False
        digest = hashlib.sha256(untrusted).hexdigest()
        if (kept := self._cache.get((digest, _name(degradation)))) is not None:
            return digest, kept, True
        try:
            if degradation is not None:
                untrusted = self._degraded(untrusted, degradation)
            seen = self.analyser.analyse(untrusted)
        except BadPicture as error:  # anything else is no fault of the picture, and ends the run
            return digest, FoundTemplate(None, why=str(error)), False
        face = chosen_face(seen, self._choice)
        if face is None:
            return digest, FoundTemplate(None, why=NO_FACE), False
        return digest, FoundTemplate(face.template.vector, face.comparable, norm=face.quality.norm), False

    def _degraded(self, untrusted: bytes, degradation: Degradation) -> bytes:
        """Return the picture degraded; where the face is, is found in the original."""
        if not degradation.at_face:
            return degradation.apply(self.analyser.decode(untrusted).pixels, None)
        seen = self.analyser.analyse(untrusted)
        face = chosen_face(seen, self._choice)
        down, across = seen.picture.pixels.shape[:2]
        scales = across / seen.picture.width, down / seen.picture.height
        return degradation.apply(seen.picture.pixels, None if face is None else face.box.scaled(*scales))


def chosen_face(seen: Analysis, choice: FaceChoice) -> Face | None:
    """Return the face that a label is about; the faces of an analysis come largest first."""
    if not seen.faces or choice is FaceChoice.LARGEST:
        return next(iter(seen.faces), None)
    across, down = seen.picture.width / 2, seen.picture.height / 2
    return min(
        seen.faces,
        key=lambda face: math.hypot(face.box.x + face.box.width / 2 - across, face.box.y + face.box.height / 2 - down),
    )


def samples_of(
    labelled: LabelledSet, templates: Templates, dimension: int
) -> tuple[Samples, tuple[str, ...], tuple[str, ...]]:
    """Return the templates as arrays, the people's names and the groups' names, both by number."""
    people, whose = np.unique([picture.person for picture in labelled.pictures], return_inverse=True)
    groups, of_group = group_numbers([picture.group for picture in labelled.pictures])
    empty = np.zeros(dimension, np.float32)
    vectors = [empty if found.vector is None else found.vector for found in templates.found]
    samples = Samples(
        vectors=np.array(vectors, np.float32),
        people=whose.astype(np.int64),
        failed=np.array([found.vector is None for found in templates.found], np.bool_),
        unenrolled=np.array([found.vector is None or not found.enrollable for found in templates.found], np.bool_),
        groups=of_group if groups else None,
        norms=np.array([found.norm for found in templates.found], np.float32),
    )
    return samples, tuple(map(str, people)), groups


def group_numbers(names: Sequence[str]) -> tuple[tuple[str, ...], Rows]:
    """Return the names of the groups, and the number of each row's group; NO_GROUP if it has none."""
    known = tuple(sorted({name for name in names if name}))
    numbers = {name: at for at, name in enumerate(known)}
    of_group: NDArray[np.int64] = np.array([numbers.get(name, NO_GROUP) for name in names], np.int64)
    return known, of_group


def _name(degradation: Degradation | None) -> str:
    return "" if degradation is None else degradation.name
