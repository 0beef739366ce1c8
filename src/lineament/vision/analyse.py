"""From untrusted bytes to faces with templates: the only door of this room that the services use."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from lineament.errors import NoFace
from lineament.model.faces import Box, Face, Landmarks, Quality, Template
from lineament.model.search import Edit
from lineament.vision import quality
from lineament.vision.align import aligned
from lineament.vision.decode import DecodedPicture, Decoder
from lineament.vision.derive import edited, face_crop, perceptual_hash, screen_picture, thumbnail
from lineament.vision.detect import ENROLLED, SEARCHED, Detections, Detector
from lineament.vision.embed import Embedder
from lineament.vision.packs import Pack
from lineament.vision.runtime import sessions

__all__ = ["Analyser", "Analysis", "face_crop", "screen_picture", "thumbnail"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """A picture with its faces, the largest first."""

    picture: DecodedPicture  # after the edits, if any
    sha256: str  # of the bytes as they came, hexadecimal
    phash: bytes  # of the picture after the edits, 32 bytes (PDQ)
    faces: tuple[Face, ...]


class Analyser:
    """The nets and the decoders; safe to use from several threads. The same bytes always give the same templates."""

    def __init__(self, *, pack: Pack, decoder: Decoder, runtime: str, precision: str, threads: int) -> None:
        """Open the nets of ``pack``; they and a decoding process get ready in the background.

        Args:
            pack: The models.
            decoder: Closed with the analyser.
            runtime: ``openvino`` or ``onnxruntime``.
            precision: ``auto``, ``f32`` or ``bf16``.
            threads: Inferences run at once, each on one thread.

        Raises:
            PrecisionUnavailable: bf16 is asked for where it cannot be had.
        """
        # Small products gain nothing from more threads, and those of OpenBLAS (NumPy has one, OpenCV another) spin
        # between them: half of an ingest's processor time before this line was here. OpenCV's own wait for processors
        # that are busy with other pictures.
        threadpool_limits(1, user_api="blas")
        cv2.setNumThreads(1)
        open_session = sessions(runtime, precision, threads)
        decoder.start()
        recogniser = open_session(pack.recogniser)
        self._detector = Detector(open_session(pack.detector))
        self._embedder = Embedder(recogniser, side=pack.side, mirrored=pack.mirrored)
        self._decoder = decoder
        self._pack = pack
        self._template_points = np.array(pack.points, np.float32)
        self.precision = recogniser.precision
        self.model = pack.model
        self.dimension = pack.dimension
        self.false_matches = pack.false_matches
        self._preparing = ThreadPoolExecutor(2, thread_name_prefix="prepare")
        for net in (self._embedder, self._detector):
            self._preparing.submit(net.prepare)  # should it fail, the first picture will say why

    @property
    def confinement(self) -> tuple[str, ...]:
        """What confines the decoding processes."""
        return tuple(guard.what for guard in self._decoder.confinement if guard.in_force)

    def decoded(self, untrusted: bytes, edits: Sequence[Edit] = ()) -> DecodedPicture:
        """The picture with its edits applied; raises BadPicture of one kind or another."""
        return edited(self._decoder.decode(untrusted), edits)

    def analyse(self, untrusted: bytes, *, enrolling: bool = False, edits: Sequence[Edit] = ()) -> Analysis:
        """All faces of a picture; there may be none.

        Args:
            untrusted: A picture file.
            enrolling: Take only what the detector is sure of (a score of at least 0.8, else 0.6).
            edits: Applied first.

        Raises:
            BadPicture: Of one kind or another.
        """
        picture = self.decoded(untrusted, edits)
        phash = perceptual_hash(picture.pixels)  # now: a net drives the pixels out of the processor's cache
        found = self._detector.find(picture.pixels, ENROLLED if enrolling else SEARCHED)
        return self._analysis(untrusted, picture, phash, found)

    def analyse_region(self, untrusted: bytes, box: Box, *, edits: Sequence[Edit] = ()) -> Analysis:
        """The face in a region that somebody drew, in pixels of the upright original after the edits.

        Raises:
            NoFace: There is none in it.
            BadPicture: Of one kind or another.
        """
        picture = self.decoded(untrusted, edits)
        phash = perceptual_hash(picture.pixels)
        seen = box.scaled(picture.pixels.shape[1] / picture.width, picture.pixels.shape[0] / picture.height)
        drawn = np.array([seen.x, seen.y, seen.width, seen.height], np.float32)
        found = self._detector.find_within(picture.pixels, drawn)
        if not len(found):
            raise NoFace(looked="the region that was drawn was looked through")
        return self._analysis(untrusted, picture, phash, found)

    def close(self) -> None:
        """End the decoding processes."""
        self._preparing.shutdown()
        self._decoder.close()

    def _analysis(self, untrusted: bytes, picture: DecodedPicture, phash: bytes, found: Detections) -> Analysis:
        largest_first = np.argsort(-found.boxes[:, 2] * found.boxes[:, 3], kind="stable")
        return Analysis(
            picture=picture,
            sha256=hashlib.sha256(untrusted).hexdigest(),
            phash=phash,
            faces=tuple(self._face(picture, found, int(at)) for at in largest_first),
        )

    def _face(self, picture: DecodedPicture, found: Detections, at: int) -> Face:
        points = found.points[at]
        small = aligned(picture.pixels, points, self._template_points, self._pack.side)
        embedding = self._embedder.embed(small)
        down, across = picture.height / picture.pixels.shape[0], picture.width / picture.pixels.shape[1]
        x, y, width, height = map(float, found.boxes[at])
        box = Box(x=x, y=y, width=width, height=height).scaled(across, down)
        sharpness, exposure = quality.sharpness_and_exposure(small)
        measures = Quality(
            face_height=box.height,
            detector_score=float(found.scores[at]),
            norm=embedding.norm,
            sharpness=sharpness,
            exposure=exposure,
            yaw=quality.yaw(points),
            cropped=quality.cropped(box, picture.width, picture.height),
        )
        named = [(float(x) * across, float(y) * down) for x, y in points]
        return Face(
            box=box,
            landmarks=Landmarks(
                left_eye=named[0], right_eye=named[1], nose=named[2], left_mouth=named[3], right_mouth=named[4]
            ),
            quality=quality.reasoned(measures),
            template=Template(self.model, embedding.vector),
        )
