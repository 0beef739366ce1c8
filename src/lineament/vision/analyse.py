"""From untrusted bytes to faces with templates; the only module of ``vision`` that the services use."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lineament.errors import NoFace
from lineament.model.edits import SAME_FACE
from lineament.model.faces import Box, Face, Landmarks, Quality, QualityReason, Template
from lineament.model.regions import RegionHints
from lineament.model.search import Edit
from lineament.observe.stages import Stage, timed
from lineament.vision import quality
from lineament.vision.decode import DecodedPicture, Decoder, RefusedPart
from lineament.vision.derive import (
    apply_edits,
    digest,
    face_crop,
    lossless_picture,
    perceptual_hash,
    screen_picture,
    thumbnail,
)
from lineament.vision.detect import FACE_SCORE, Detector
from lineament.vision.detections import Detections
from lineament.vision.embed import Embedder
from lineament.vision.packs import Pack
from lineament.vision.runtime import sessions
from lineament.vision.spare import Spare

WEAK_SCORE = 0.88
"""The detector score from which something is a face however weak its template is: folds of cloth seen sideways reach
0.85, with norms of 3 to 7.7."""
MOST_HINTS = 32
"""Most places of one picture that are looked at closely because its metadata mark a face there."""
TURNED = 45.0
"""Degrees of tilt beyond which a face needs that score, or a template that is not of the weakest grade."""

_USUAL_POINTS = np.array([[0.27, 0.385], [0.73, 0.385], [0.5, 0.58], [0.29, 0.72], [0.71, 0.72]], np.float32)
"""Where the landmarks are in upright frontal faces, as shares of the detector's box."""

__all__ = [
    "FACE_SCORE",
    "Analyser",
    "Analysis",
    "RefusedPart",
    "face_crop",
    "lossless_picture",
    "screen_picture",
    "thumbnail",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """A picture with its faces, largest first."""

    picture: DecodedPicture  # after the edits, if any
    sha256: str  # of the original bytes, hexadecimal
    phash: bytes  # of the picture after the edits, 32 bytes (PDQ)
    faces: tuple[Face, ...]
    digests: tuple[str, ...] = ()  # of the picture as decoded, then after each edit (R14); if requested
    unused: int = 0  # marks of faces in its metadata that gave no face, of which none was found otherwise
    best: tuple[float, float] | None = None  # without a face: the best place's score, 0 to 1, and height in pixels


class Analyser:
    """The nets and the decoders; safe to use from several threads. The same bytes always give the same templates."""

    def __init__(self, *, pack: Pack, decoder: Decoder, runtime: str, precision: str, threads: int) -> None:
        """Open the nets of ``pack``; they and a decoding process are prepared in the background.

        Args:
            pack: The models.
            decoder: Closed with the analyser.
            runtime: ``openvino``, ``onnxruntime`` or ``cuda``.
            precision: ``auto``, ``f32`` or ``bf16``.
            threads: Inferences run at once, each on one thread.

        Raises:
            PrecisionUnavailable: bf16 is requested but not available.
        """
        # Small products gain nothing from more threads, and idle threads of OpenBLAS (NumPy has one, OpenCV another)
        # spin: without this line they take half of an ingest's processor time.
        threadpool_limits(1, user_api="blas")
        open_session = sessions(runtime, precision, threads)
        decoder.start()
        recognisers = [(recogniser, open_session(recogniser.net)) for recogniser in pack.recognisers]
        self._spare = Spare(threads)
        self._detector = Detector(open_session(pack.detector), self._spare)
        self._embedder = Embedder(recognisers, self._spare)
        self._decoder = decoder
        self.precision = recognisers[0][1].precision
        self.model = pack.model
        self.dimension = pack.dimension
        self.rates = pack.rates
        self._preparing = ThreadPoolExecutor(2, thread_name_prefix="prepare")
        for net in (self._embedder, self._detector):
            self._preparing.submit(net.prepare)  # if it fails, the first picture reports why

    @property
    def confinement(self) -> tuple[str, ...]:
        """The guards that confine the decoding processes. Raises GuardsMissing if one does not hold that must."""
        return self._decoder.confinement

    def decode(self, untrusted: bytes, edits: Sequence[Edit] = (), part: int = 1) -> DecodedPicture:
        """Return picture ``part`` (from 1) of a file with its edits applied. Raises BadPicture, or a subclass of it."""
        return apply_edits(self._decoder.decode(untrusted, part), edits)

    def replay_edits(
        self, untrusted: bytes, edits: Sequence[Edit] = (), part: int = 1, *, as_before: bool = False
    ) -> tuple[str, ...]:
        """Recompute the digests of the edits: of the picture as decoded, then after each edit.

        They depend on the bytes and the edits, and on the decoder: the standards of JPEG, WebP and HEIC leave the last
        bit open, so another version of Pillow or pillow-heif may give other pixels; and versions of Lineament up to
        0.2 reduced large pictures and ignored colour profiles, which ``as_before`` repeats. If the first digest
        differs from the one on record but the SHA-256 of the bytes does not, the decoder has changed, not the
        original. Settings, the number of processes and earlier pictures have no influence.

        Raises:
            BadPicture: A subclass of it.
            InvalidValue: An edit that cannot be made.
        """
        return _with_digests(self._decoder.decode(untrusted, part, as_before=as_before), edits)[1]

    @timed(Stage.ANALYSE)
    def analyse(
        self,
        untrusted: bytes,
        *,
        enrolling: bool = False,
        edits: Sequence[Edit] = (),
        digests: bool = False,
        part: int | None = None,
    ) -> Analysis:
        """Find all faces of a picture; there may be none.

        Args:
            untrusted: A picture file.
            part: Which of its pictures, from 1; None: the first that shows a face before any edit, or else the first.
            enrolling: Leave out what may be no face, an unsure detection whose template is too weak to compare, even
                if the picture shows nothing better.
            edits: Applied first.
            digests: Compute ``Analysis.digests``, for probes; enrolled pictures are never edited and need none.

        Raises:
            BadPicture: A subclass of it.
        """
        picture, digested = self._apply_edits(untrusted, edits, part or 1, digests=digests)
        with self._spare.working():
            every = self._detector.find_all(picture.pixels)
        if part is None and picture.parts > 1 and not (every.scores >= FACE_SCORE).any():
            shown = self._first_with_face(untrusted)
            if shown > 1:
                return self.analyse(untrusted, enrolling=enrolling, edits=edits, digests=digests, part=shown)
        sha256 = hashlib.sha256(untrusted).hexdigest()
        with self._spare.working():
            return self._seen(sha256, picture, every, digested, enrolling=enrolling)

    def _first_with_face(self, untrusted: bytes) -> int:
        """Return the first picture of a file that shows a face; 1 if there is none."""
        with closing(self._decoder.pictures(untrusted)) as pictures:
            for picture in pictures:
                if isinstance(picture, DecodedPicture) and len(self._detector.find(picture.pixels, FACE_SCORE)):
                    return picture.part
        return 1

    def analyse_each(
        self, untrusted: bytes, sha256: str, hints: RegionHints | None = None
    ) -> Generator[Analysis | RefusedPart, None, None]:
        """Find all faces to enrol in the pictures of a file: its pages, or the frames to look at of an animation.

        ``sha256``: of the file. ``hints``: what its metadata say of the faces in its first picture; where the detector
        missed one, it looks closely. A face that is found only so is marked (``QualityReason.HINTED``).

        While it yields several, it holds a decoder: whoever stops early closes it.

        Raises:
            BadPicture: A subclass of it; nothing of the file can be used.
        """
        with self._spare.working(), closing(self._decoder.pictures(untrusted)) as pictures:
            for picture in pictures:
                if isinstance(picture, RefusedPart):
                    yield picture
                else:
                    every = self._detector.find_all(picture.pixels)
                    seen = self._seen(sha256, picture, every, (), enrolling=True)
                    yield seen if hints is None else self._with_hinted(seen, hints)

    def analyse_region(
        self, untrusted: bytes, box: Box, *, edits: Sequence[Edit] = (), digests: bool = False, part: int = 1
    ) -> Analysis:
        """Find the face in a region that somebody drew, in pixels of the upright original after the edits.

        ``part``: which picture of the file, from 1.

        Raises:
            NoFace: There is none in it.
            BadPicture: A subclass of it.
        """
        picture, digested = self._apply_edits(untrusted, edits, part, digests=digests)
        found = self._detector.find_within(picture.pixels, _as_decoded(picture, box))
        if not len(found):
            raise NoFace(looked="the region that was drawn was looked through")
        return self._analysis(hashlib.sha256(untrusted).hexdigest(), picture, found, digested)

    def describe_region(self, untrusted: bytes, box: Box, *, part: int = 1) -> tuple[Face, DecodedPicture, bool]:
        """Return the face in a region that somebody drew, with the picture, and whether its landmarks are estimated.

        They are if no face is seen in the region: then they are where they are in most faces, and the detector's score
        is 0. ``box`` is in pixels of the upright original; ``part``: which picture of the file, from 1.

        Raises BadPicture, or a subclass of it.
        """
        picture = self.decode(untrusted, part=part)
        drawn = _as_decoded(picture, box)
        found = self._detector.find_within(picture.pixels, drawn)
        if len(found):
            return self._face(picture, found, 0), picture, False
        points = (drawn[:2] + _USUAL_POINTS * drawn[2:]).astype(np.float32)
        usual = Detections(drawn[None], points[None], np.zeros(1, np.float32))
        return self._face(picture, usual, 0), picture, True

    def describe(self, picture: DecodedPicture, box: Box, landmarks: Landmarks, score: float) -> Face:
        """Return the face at landmarks that are known, with the template of this model.

        Box and landmarks are in pixels of the upright original; ``score`` is the detector's, 0 to 1.
        """
        across, down = picture.pixels.shape[1] / picture.width, picture.pixels.shape[0] / picture.height
        points = [
            *(landmarks.left_eye, landmarks.right_eye, landmarks.nose),
            *(landmarks.left_mouth, landmarks.right_mouth),
        ]
        found = Detections(
            _as_decoded(picture, box)[None],
            np.array([points], np.float32) * np.array([across, down], np.float32),
            np.array([score], np.float32),
        )
        return self._face(picture, found, 0)

    def close(self) -> None:
        """End the decoding processes, and free the nets, whoever still has the analyser."""
        self._preparing.shutdown()
        self._spare.close()
        self._decoder.close()
        for nets in ("_detector", "_embedder"):  # hundreds of megabytes, which would wait for the garbage collector
            vars(self).pop(nets, None)

    def _apply_edits(
        self, untrusted: bytes, edits: Sequence[Edit], part: int, *, digests: bool
    ) -> tuple[DecodedPicture, tuple[str, ...]]:
        """Return the picture after the edits and, if requested, its digests before, between and after them."""
        if not digests:
            return self.decode(untrusted, edits, part), ()
        return _with_digests(self._decoder.decode(untrusted, part), edits)

    def _seen(
        self, sha256: str, picture: DecodedPicture, every: Detections, digests: tuple[str, ...], *, enrolling: bool
    ) -> Analysis:
        """Return a picture with the faces among what the detector saw, or the place that came closest."""
        analysis = self._analysis(sha256, picture, every.of_score(FACE_SCORE), digests)
        faces = _without_doubtful(analysis.faces, enrolling=enrolling)
        return replace(analysis, faces=faces, best=None if faces else _best(every, picture))

    def _with_hinted(self, seen: Analysis, hints: RegionHints) -> Analysis:
        """Return a picture with the faces that the detector sees only when it looks where its metadata mark one."""
        picture = seen.picture
        if picture.part != 1 or picture.seconds is not None:
            return seen
        boxes = hints.boxes(picture.width, picture.height, picture.orientation)
        faces, looks, unused = list(seen.faces), 0, hints.left_out + len(hints.regions) - len(boxes)
        for box in boxes:
            if any(_share_middles(face.box, box) for face in faces):
                continue
            looks += 1
            face = self._hinted(picture, box) if looks <= MOST_HINTS else None
            if face is None or any(face.box.overlap(other.box) > SAME_FACE for other in faces):
                unused += 1
            else:
                faces.append(face)
        faces.sort(key=lambda face: -face.box.width * face.box.height)
        return replace(seen, faces=tuple(faces), unused=unused, best=None if faces else seen.best)

    def _hinted(self, picture: DecodedPicture, box: Box) -> Face | None:
        """Return the face in a region that a stranger marked, None if none is surely there."""
        found = self._detector.find_within(picture.pixels, _as_decoded(picture, box))
        if not len(found):
            return None
        face = self._face(picture, found, 0)
        if not _is_face(face):
            return None
        reasons = (*face.quality.reasons, QualityReason.HINTED)
        return replace(face, quality=replace(face.quality, reasons=reasons))

    def _analysis(
        self,
        sha256: str,
        picture: DecodedPicture,
        found: Detections,
        digests: tuple[str, ...],
    ) -> Analysis:
        largest_first = np.argsort(-found.boxes[:, 2] * found.boxes[:, 3], kind="stable")
        faces = self._spare.map(lambda at: self._face(picture, found, at), largest_first.tolist())
        return Analysis(
            picture=picture,
            sha256=sha256,
            phash=perceptual_hash(picture.pixels),
            faces=tuple(faces),
            digests=digests,
        )

    def _face(self, picture: DecodedPicture, found: Detections, at: int) -> Face:
        points = found.points[at]
        embedding = self._embedder.embed(picture.pixels, points)
        down, across = picture.height / picture.pixels.shape[0], picture.width / picture.pixels.shape[1]
        x, y, width, height = map(float, found.boxes[at])
        box = Box(x=x, y=y, width=width, height=height).scaled(across, down)
        sharpness, exposure = quality.sharpness_and_exposure(embedding.aligned)
        roll = quality.roll(points)
        measures = Quality(
            face_height=box.width if round(roll / 90) % 2 else box.height,
            detector_score=float(found.scores[at]),
            norm=embedding.norm,
            sharpness=sharpness,
            exposure=exposure,
            yaw=quality.yaw(points),
            cropped=quality.cropped_share(box, picture.width, picture.height),
            roll=roll,
            grade=self.rates.grade(embedding.norm),
        )
        named = [(float(x) * across, float(y) * down) for x, y in points]
        return Face(
            box=box,
            landmarks=Landmarks(
                left_eye=named[0], right_eye=named[1], nose=named[2], left_mouth=named[3], right_mouth=named[4]
            ),
            quality=quality.with_reasons(measures),
            template=Template(self.model, embedding.vector),
        )


def _as_decoded(picture: DecodedPicture, box: Box) -> NDArray[np.float32]:
    """Return a box of the original as x, y, width and height in the decoded pixels."""
    shown = box.scaled(picture.pixels.shape[1] / picture.width, picture.pixels.shape[0] / picture.height)
    return np.array([shown.x, shown.y, shown.width, shown.height], np.float32)


def _share_middles(face: Box, region: Box) -> bool:
    """Return whether the middle of one of two boxes lies in the other: regions are drawn tight, or around a head."""
    return _has_middle_in(face, region) or _has_middle_in(region, face)


def _has_middle_in(inner: Box, outer: Box) -> bool:
    across, down = inner.x + inner.width / 2 - outer.x, inner.y + inner.height / 2 - outer.y
    return 0 <= across <= outer.width and 0 <= down <= outer.height


def _without_doubtful(faces: Sequence[Face], *, enrolling: bool) -> tuple[Face, ...]:
    """Leave out detections that may be no face; a probe that shows nothing better keeps those that are not turned."""
    sure = tuple(face for face in faces if _is_face(face))
    if sure or enrolling:
        return sure
    return tuple(face for face in faces if abs(face.quality.roll) <= TURNED)


def _best(every: Detections, picture: DecodedPicture) -> tuple[float, float] | None:
    """Return the best score of a place that may be a face, and its height in pixels of the original."""
    if not len(every):
        return None
    at = int(every.scores.argmax())
    return float(every.scores[at]), float(every.boxes[at, 3]) * picture.height / picture.pixels.shape[0]


def _is_face(face: Face) -> bool:
    """Return whether a detection is surely a face: by its score, or because its template can be compared."""
    quality = face.quality
    turned = abs(quality.roll) > TURNED
    return quality.detector_score >= WEAK_SCORE or (quality.grade > 0 if turned else face.comparable)


def _with_digests(picture: DecodedPicture, edits: Sequence[Edit]) -> tuple[DecodedPicture, tuple[str, ...]]:
    """Return the picture after the edits, and its digests before, between and after them."""
    digested = [digest(picture)]
    for edit in edits:
        picture = apply_edits(picture, [edit])
        digested.append(digest(picture))
    return picture, tuple(digested)
