"""From untrusted bytes to faces with templates: the only door of this room that the services use."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from lineament.errors import NoFace
from lineament.model.faces import Box, Face, Landmarks, Quality, Template
from lineament.model.search import Edit
from lineament.vision import quality
from lineament.vision.align import aligned
from lineament.vision.decode import DecodedPicture, Decoder
from lineament.vision.derive import digest, edited, face_crop, perceptual_hash, screen_picture, thumbnail
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
    digests: tuple[str, ...] = ()  # of the picture as decoded, then after each edit (R14); if asked for


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
        # between them: half of an ingest's processor time before this line was here.
        threadpool_limits(1, user_api="blas")
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

    def replayed(self, untrusted: bytes, edits: Sequence[Edit] = ()) -> tuple[str, ...]:
        """The digests of the edits anew: of the picture as decoded, then after each edit; compare them one by one.

        They depend on the bytes and the edits, on the sizes to which large pictures are reduced
        (``decode_protocol``), and on the decoder: the standards of JPEG, WebP and HEIC leave the last bit open, so
        another version of Pillow or pillow-heif may give other pixels. Where the first digest differs from the one
        on record although the SHA-256 of the bytes does not, the decoder has changed and not the original. Settings,
        the number of processes and earlier pictures play no part.

        Raises:
            BadPicture: Of one kind or another.
            InvalidValue: An edit that cannot be made.
        """
        return self._staged(untrusted, edits)[1]

    def analyse(
        self, untrusted: bytes, *, enrolling: bool = False, edits: Sequence[Edit] = (), digests: bool = False
    ) -> Analysis:
        """All faces of a picture; there may be none.

        Args:
            untrusted: A picture file.
            enrolling: Take only what the detector is sure of (a score of at least 0.8, else 0.6).
            edits: Applied first.
            digests: Compute ``Analysis.digests``: for probes. What is enrolled is never edited and needs none.

        Raises:
            BadPicture: Of one kind or another.
        """
        picture, made = self._staged(untrusted, edits) if digests else (self.decoded(untrusted, edits), ())
        found = self._detector.find(picture.pixels, ENROLLED if enrolling else SEARCHED)
        return self._analysis(untrusted, picture, found, made)

    def analyse_region(
        self, untrusted: bytes, box: Box, *, edits: Sequence[Edit] = (), digests: bool = False
    ) -> Analysis:
        """The face in a region that somebody drew, in pixels of the upright original after the edits.

        Raises:
            NoFace: There is none in it.
            BadPicture: Of one kind or another.
        """
        picture, made = self._staged(untrusted, edits) if digests else (self.decoded(untrusted, edits), ())
        seen = box.scaled(picture.pixels.shape[1] / picture.width, picture.pixels.shape[0] / picture.height)
        drawn = np.array([seen.x, seen.y, seen.width, seen.height], np.float32)
        found = self._detector.find_within(picture.pixels, drawn)
        if not len(found):
            raise NoFace(looked="the region that was drawn was looked through")
        return self._analysis(untrusted, picture, found, made)

    def close(self) -> None:
        """End the decoding processes."""
        self._preparing.shutdown()
        self._decoder.close()

    def _staged(self, untrusted: bytes, edits: Sequence[Edit]) -> tuple[DecodedPicture, tuple[str, ...]]:
        """The picture after the edits, and its digests before, between and after them."""
        picture = self._decoder.decode(untrusted)
        made = [digest(picture)]
        for edit in edits:
            picture = edited(picture, [edit])
            made.append(digest(picture))
        return picture, tuple(made)

    def _analysis(
        self, untrusted: bytes, picture: DecodedPicture, found: Detections, digests: tuple[str, ...]
    ) -> Analysis:
        largest_first = np.argsort(-found.boxes[:, 2] * found.boxes[:, 3], kind="stable")
        return Analysis(
            picture=picture,
            sha256=hashlib.sha256(untrusted).hexdigest(),
            phash=perceptual_hash(picture.pixels),
            faces=tuple(self._face(picture, found, int(at)) for at in largest_first),
            digests=digests,
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
