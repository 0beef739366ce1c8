"""From untrusted bytes to faces with templates: the only door of this room that the services use."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lineament.errors import NoFace
from lineament.model.faces import Box, Face, Landmarks, Quality, Template
from lineament.model.search import Edit, EditKind
from lineament.vision import quality
from lineament.vision.align import aligned
from lineament.vision.decode import DecodedPicture, Decoder
from lineament.vision.derive import edited, face_crop, perceptual_hash, screen_picture, thumbnail
from lineament.vision.detect import LONG_SIDE, Detections, Detector
from lineament.vision.embed import Embedder
from lineament.vision.packs import Pack
from lineament.vision.runtime import sessions

__all__ = ["Analyser", "Analysis", "face_crop", "screen_picture", "thumbnail"]

ENROL_SCORE = 0.8
SEARCH_SCORE = 0.6
DRAWN_SCORE = 0.3
GROUP_SIDE = 1280
GROUP_FACE = 40


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """A picture with its faces, the largest first."""

    picture: DecodedPicture
    sha256: str  # of the bytes as they came, hexadecimal
    phash: bytes  # PDQ, 32 bytes
    faces: tuple[Face, ...]


class Analyser:
    """The nets and the decoders; safe to use from several threads."""

    def __init__(self, *, pack: Pack, decoder: Decoder, runtime: str, precision: str, threads: int) -> None:
        open_session = sessions(runtime, precision, threads)
        recogniser = open_session(pack.recogniser)
        self._detector = Detector(open_session(pack.detector))
        self._embedder = Embedder(recogniser, mirrored=pack.mirrored)
        self._decoder = decoder
        self._pack = pack
        self._points = np.array(pack.points, np.float32)
        self.precision = recogniser.precision
        self.model = pack.model
        self.dimension = pack.dimension
        self.false_matches = pack.false_matches

    @property
    def confinement(self) -> tuple[str, ...]:
        """What confines the decoding processes."""
        return tuple(guard.what for guard in self._decoder.confinement if guard.in_force)

    def decoded(self, untrusted: bytes, edits: Sequence[Edit] = ()) -> DecodedPicture:
        """The picture with its edits applied."""
        return edited(self._decoder.decode(untrusted), edits)

    def analyse(self, untrusted: bytes, *, enrolling: bool = False, edits: Sequence[Edit] = ()) -> Analysis:
        """All faces of a picture."""
        picture = self.decoded(untrusted, edits)
        found = self._found(picture, ENROL_SCORE if enrolling else SEARCH_SCORE)
        return self._analysis(untrusted, picture, found)

    def analyse_region(self, untrusted: bytes, box: Box, *, edits: Sequence[Edit] = ()) -> Analysis:
        """The best face of a region that somebody drew; NoFace where there is none."""
        picture = self.decoded(untrusted, edits)
        margin = Box(
            x=box.x - box.width / 2, y=box.y - box.height / 2, width=box.width * 2, height=box.height * 2
        )
        left, top = max(round(margin.x), 0), max(round(margin.y), 0)
        right = min(round(margin.x + margin.width), picture.width)
        low = min(round(margin.y + margin.height), picture.height)
        region = Box(x=left, y=top, width=right - left, height=low - top)
        cut = edited(picture, [Edit(kind=EditKind.CROP, box=region)])
        found = self._found(cut, DRAWN_SCORE)
        faces = self._analysis(untrusted, cut, found).faces
        if not faces:
            raise NoFace(looked="the region that was drawn was looked through")
        best = max(faces, key=lambda face: box.overlap(_moved(face, left, top).box))
        seen = self._analysis(untrusted, picture, found.taken(np.empty(0, np.intp)))
        return replace(seen, faces=(_moved(best, left, top),))

    def close(self) -> None:
        """End the decoding processes."""
        self._decoder.close()

    def _found(self, picture: DecodedPicture, floor: float) -> Detections:
        pixels = picture.pixels
        found = self._detector.look(pixels, LONG_SIDE, floor)
        shrunk = max(pixels.shape) / LONG_SIDE
        if shrunk > 1 and (not len(found) or found.boxes[:, 3].min() / shrunk < GROUP_FACE):
            found = self._detector.look(pixels, GROUP_SIDE, floor)
        return self._detector.looked_again(pixels, found)

    def _analysis(self, untrusted: bytes, picture: DecodedPicture, found: Detections) -> Analysis:
        order = np.argsort(-found.boxes[:, 2] * found.boxes[:, 3], kind="stable")
        return Analysis(
            picture=picture,
            sha256=hashlib.sha256(untrusted).hexdigest(),
            phash=perceptual_hash(picture.pixels),
            faces=tuple(self._face(picture, found, int(at)) for at in order),
        )

    def _face(self, picture: DecodedPicture, found: Detections, at: int) -> Face:
        points = found.points[at]
        small = aligned(picture.pixels, points, self._points, self._pack.side)
        embedding = self._embedder.embed(small)
        scale = picture.width / picture.pixels.shape[1]
        x, y, width, height = (float(side) * scale for side in found.boxes[at])
        box = Box(x=x, y=y, width=width, height=height)
        inside = Box(x=0, y=0, width=picture.width, height=picture.height)
        across = max(min(x + width, inside.width) - max(x, 0), 0)
        down = max(min(y + height, inside.height) - max(y, 0), 0)
        sharpness, exposure = quality.measured(small)
        measured = Quality(
            face_height=height,
            detector_score=float(found.scores[at]),
            norm=embedding.norm,
            sharpness=sharpness,
            exposure=exposure,
            yaw=quality.yaw(points),
            cropped=1 - across * down / (width * height),
        )
        named = [(float(px) * scale, float(py) * scale) for px, py in points]
        return Face(
            box=box,
            landmarks=Landmarks(
                left_eye=named[0], right_eye=named[1], nose=named[2], left_mouth=named[3], right_mouth=named[4]
            ),
            quality=replace(measured, reasons=quality.reasons(measured)),
            template=Template(self.model, embedding.vector),
        )


def _moved(face: Face, x: float, y: float) -> Face:
    """The face in a picture whose corner lies (x, y) further to the left and up."""
    points = {name: (getattr(face.landmarks, name)[0] + x, getattr(face.landmarks, name)[1] + y) for name in _POINTS}
    box = replace(face.box, x=face.box.x + x, y=face.box.y + y)
    return replace(face, box=box, landmarks=Landmarks(**points))


_POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
