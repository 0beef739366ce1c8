"""Faces and their landmarks in a picture, by YuNet, however the faces are turned.

W. Wu, H. Peng, S. Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 20 (2023).

YuNet sees upright faces best, and faces in any turn well enough to notice them: upside down they score 0.85 instead of
0.93, on their side 0.78. So whatever scores lower than an upright face is looked at closely in several turns, and the
turn in which the detector is surest of it is taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import atan2, ceil, degrees
from typing import cast

import cv2
import numpy as np

from lineament.model.faces import Pixels
from lineament.observe.stages import Stage, timed
from lineament.vision.align import Surroundings, Transform, resize, rotate_counterclockwise, window_around
from lineament.vision.detections import (
    Detections,
    Floats,
    average_detections,
    decode_outputs,
    joined,
    merged,
    overlaps,
    suppress_overlaps,
)
from lineament.vision.runtime import InferenceSession
from lineament.vision.spare import Spare

SIDES = (128, 160, 192, 224, 320, 384, 448, 480, 512, 640, 768, 896, 960, 1024, 1152, 1280)
"""Sides of the net's input in pixels, multiples of 32; few, because each size is compiled. Pictures of 2:1, 16:9, 3:2,
4:3, 5:4 and 1:1 need little padding."""
FACE_SCORE = 0.6
"""The lowest detector score of a face. How well it compares, the norm of its template says better: of degraded LFW
faces with a norm above 9, a quarter is missed whether the detector was sure or not."""
SURE = 0.8
"""The detector score from which something is a face even if its template is too weak to compare."""
SUSPECTED = 0.4
"""The lowest score in the first look of what is looked at closely."""
UPRIGHT = 0.92
"""The score in a close look from which a face is taken to be in the turn of that look: upright LFW faces score 0.94,
3 % of them less than this. Of 400 LFW faces that are not upright, none upside down or on its side reaches it in an
upright look, and 3 % of those tilted by 45° do, whose landmarks tell the tilt."""

LONG_SIDE = 512
"""Pixels of the longer side of the coarsest look at a picture, at most; a smaller picture is not enlarged."""
FINEST = 0.8
"""Scale of the finest look: faces of 32 pixels are 26 pixels high in it. At 0.625, a fifth of them was missed."""
TILE = 1280
"""Pixels of the longer side of a tile; a larger look is taken in tiles."""
TILES_OVERLAP = 64
"""Pixels that two tiles have in common: a higher face is whole in the next coarser look."""
ENLARGED = 640
"""Pixels of the longer side to which a smaller picture is enlarged if nothing in it is surely a face."""
LARGE = 400.0
"""Height in pixels of the net's input above which faces are missed: 1.00 found at 385, 0.97 at 510, 0.60 at 640; at
half the size all are found again (close-ups cut from LFW)."""
SIDEWAYS = 3
"""How many times smaller than each look is the one at the picture turned by a quarter, if that is over LOOK_SIZE."""
GLIMPSED = 0.3
"""The lowest score of what is looked at closely in the looks at the turned picture, where faces are small."""
GAP = 16
"""Pixels between two turned pictures that are looked at side by side: faces at a seam are missed."""

LOOK_ENLARGED = 1.6
"""Side of the square of a close look, in longer sides of the face."""
LOOK_SIZE = 320
"""Pixels of a close look. On LFW it raises d' of the scores from 5.8 to 6.1; 160 pixels raise it to 5.9, and 640
no further (docs/adr/0005-models-and-runtimes.md)."""
LARGE_ENOUGH = LOOK_SIZE / LOOK_ENLARGED
"""Height in pixels of the net's input from which a close look shows a face no larger."""
LOOK_FLOOR = 0.3
"""The lowest score of the detections that are averaged in a close look."""
TURN_SIZE = LOOK_SIZE // 2
"""Pixels of the looks that find out how far a face is turned, four of them side by side."""
QUARTERS = (0.0, 90.0, 180.0, 270.0)
"""The turns that are tried, in degrees clockwise."""
BETWEEN = (45.0, 135.0, 225.0, 315.0)
"""The turns that are also tried for what scores at least FACE_SCORE in the first look; tilted faces do."""
TILTED = 10.0
"""Degrees of tilt from which a face is looked at again, levelled: landmarks of tilted faces are less exact."""
SMALL = 64.0
"""Height in pixels of a face below which its landmarks are averaged over the last look and a mirrored one."""
UNSURE = 0.93
"""The score of a face below which they are too: 8 % of LFW faces score less, of those blurred by 3 px 69 %. Landmarks
of small, blurred and compressed faces vary; with the mean fewer of them are missed."""
DRAWN_ENLARGED = (1.0, 1.6, 3.0)
"""Sides of the squares searched around a box that somebody drew, in its longer sides."""


@dataclass(frozen=True, slots=True, eq=False)
class CloseLook:
    """A face as a close look shows it, in pixels of the picture."""

    box: Floats  # (4,): x, y, width, height
    points: Floats  # (5, 2)
    score: float  # 0 to 1
    roll: float  # degrees clockwise


def levels(pixels: Pixels) -> list[int]:
    """Return the longer side in pixels of each look at a picture, from the finest to the coarsest."""
    longer = max(pixels.shape[:2])
    sizes = [min(longer, max(LONG_SIDE, round(FINEST * longer)))]
    while sizes[-1] > LONG_SIDE:
        sizes.append(sizes[-1] // 2)
    return sizes


def tiles(side: int, scale: float) -> Iterator[tuple[int, int]]:
    """Yield where each tile along a side of the picture begins and ends, in pixels of the picture.

    Scaled, none is longer than TILE, and two neighbours have at least TILES_OVERLAP pixels in common.
    """
    length = side * scale
    count = 1 if length <= TILE else ceil((length - TILES_OVERLAP) / (TILE - TILES_OVERLAP))
    extent = (length + (count - 1) * TILES_OVERLAP) / count
    for at in range(count):
        begin = at * (extent - TILES_OVERLAP)
        yield int(begin / scale), side if at == count - 1 else int((begin + extent) / scale)


Glance = Callable[[], list[Detections]]
"""A part of a look, to be taken by whichever thread; what it shows, in each turn."""


class Detector:
    """Finds faces; safe to use from several threads."""

    def __init__(self, session: InferenceSession, spare: Spare | None = None) -> None:
        self._session = session
        self._spare = spare or Spare(1)

    def prepare(self) -> None:
        """Prepare the net before the first picture."""
        self._session.prepare((1, LOOK_SIZE, LOOK_SIZE, 3))

    def find(self, pixels: Pixels, floor: float) -> Detections:
        """Return the faces of at least that score (0 to 1), however turned, with landmarks from a close look."""
        return self.find_all(pixels).of_score(floor)

    @timed(Stage.DETECT)
    def find_all(self, pixels: Pixels) -> Detections:
        """Return whatever a close look does not rule out as a face; see ``find``."""
        found = self.refine(pixels, *self.first_look(pixels))
        turns = self._sideways(found)
        if turns:
            looks = self._together([self._tiles(pixels, size, SUSPECTED, turns) for size in levels(pixels)])
            found = merged([found, self.refine(pixels, merged(looks))])
        return found

    def _sideways(self, found: Detections) -> list[int]:
        """Return in which quarter turns to look at the whole picture: those of its faces, or both if none is sure."""
        if not (found.scores >= UPRIGHT).any():
            return [90, 270]
        rolls = found.rolls()[found.scores >= SURE] % 360
        return sorted(set((np.round(rolls / 90) * 90).astype(int).tolist()) & {90, 270})

    def first_look(self, pixels: Pixels) -> tuple[Detections, float]:
        """Return whatever may be a face, from the finest look at the whole picture to the coarsest.

        With it comes the scale of the look, or 0 if there were several upright ones.

        In the finest a face of 32 pixels is 26 pixels high. Without a sure face, a picture is also looked at enlarged
        and half as large, for very small and very large faces. Smaller looks at the picture turned by a quarter
        either way show faces that lie on their side; upside down, those that are not small are seen without.
        """
        sizes = levels(pixels)
        smaller = [size // SIDEWAYS for size in sizes if size // SIDEWAYS > LOOK_SIZE]
        looks = self._together(
            [
                *(self._tiles(pixels, size, SUSPECTED) for size in sizes),
                *(self._tiles(pixels, size, GLIMPSED, (90, 270)) for size in smaller),
                [lambda: [self._glimpse(pixels)]],
            ]
        )
        none = not any((look.scores >= SURE).any() for look in looks[: len(sizes)])
        longer = max(pixels.shape[:2])
        if none and longer <= ENLARGED:
            looks.append(self.look(pixels, max(ENLARGED, 2 * longer), SUSPECTED))
        highest = max((float(look.boxes[:, 3].max()) for look in looks if len(look)), default=0.0)
        halved = none or highest * sizes[-1] / longer > LARGE
        if halved:
            looks.append(self.look(pixels, max(sizes[-1] // 2, 1), SUSPECTED))
        return merged(looks), 0.0 if halved or len(sizes) > 1 else sizes[0] / longer

    def find_within(self, pixels: Pixels, box: Floats) -> Detections:
        """Return the face whose centre lies in ``box`` (x, y, width, height) and that fits it best, or none.

        Somebody has seen a face there, so a low score is enough. Boxes are drawn tight or wide, so the surroundings are
        searched in several sizes.
        """
        looks = []
        for enlarged in DRAWN_ENLARGED:
            window = window_around(box, enlarged)
            seen = self._detections(window.cut(pixels, LOOK_SIZE), LOOK_FLOOR)
            looks.append(seen.transformed(window.side / LOOK_SIZE, window.x, window.y))
        found = merged(looks)
        middles = found.boxes[:, :2] + found.boxes[:, 2:] / 2 - box[:2]
        inside = np.flatnonzero(((middles >= 0) & (middles <= box[2:])).all(axis=1))
        fits = found.scores[inside] * overlaps(found.boxes[inside], box)
        best = inside[np.argsort(-fits, kind="stable")[:1]]
        return self.refine(pixels, found.select(best))

    def look(self, pixels: Pixels, long_side: int, floor: float, turns: Sequence[int] = (0,)) -> Detections:
        """Return what reaches that score in the picture scaled to ``long_side``, tile by tile if that is large.

        The picture is turned counterclockwise by each of ``turns`` first: 0, 90 or 270 degrees.
        """
        return self._together([self._tiles(pixels, long_side, floor, turns)])[0]

    def _together(self, looks: Sequence[Sequence[Glance]]) -> list[Detections]:
        """Return what each look shows, all its glances merged; idle processors take some of the glances."""
        seen = iter(self._spare.map(lambda glance: glance(), [glance for look in looks for glance in look]))
        parts = [list(itertools.chain.from_iterable(itertools.islice(seen, len(look)))) for look in looks]
        return [found[0] if len(found) == 1 else merged(found) for found in parts]

    def _tiles(self, pixels: Pixels, long_side: int, floor: float, turns: Sequence[int] = (0,)) -> list[Glance]:
        """Return the glances of a look: one at each part of the picture."""
        scale = long_side / max(pixels.shape[:2])
        places = itertools.product(tiles(pixels.shape[0], scale), tiles(pixels.shape[1], scale))
        return [partial(self._tile, pixels, rows, columns, scale, floor, turns) for rows, columns in places]

    def _tile(  # noqa: PLR0913, PLR0917 - what a glance is at
        self,
        pixels: Pixels,
        rows: tuple[int, int],
        columns: tuple[int, int],
        scale: float,
        floor: float,
        turns: Sequence[int],
    ) -> list[Detections]:
        """Return what a part of the picture shows, scaled, in each turn."""
        (top, bottom), (left, right) = rows, columns
        width, height = (max(round(side * scale), 1) for side in (right - left, bottom - top))
        tile = resize(pixels[top:bottom, left:right], width, height)
        looks = []
        for turn in turns:
            every = self._detections(rotate_counterclockwise(tile, turn // 90), floor)
            found = _averaged(suppress_overlaps(every), every)
            if turn:
                found = found.turned_back(turn, width, height)
            looks.append(found.transformed(1 / scale, left, top))
        return looks

    def _glimpse(self, pixels: Pixels) -> Detections:
        """Return what reaches GLIMPSED in the picture turned by a quarter, both ways side by side in one small look."""
        across, down = pixels.shape[1::-1]
        scale = min((LOOK_SIZE - GAP) / (2 * min(across, down)), LOOK_SIZE / max(across, down), 1.0)
        width, height = (max(int(side * scale), 1) for side in (across, down))
        small = resize(pixels, width, height)
        turned = [rotate_counterclockwise(small, turn // 90) for turn in (90, 270)]
        seen = zip((90, 270), self._side_by_side(turned, GLIMPSED), strict=True)
        return merged([found.turned_back(turn, width, height) for turn, found in seen]).transformed(across / width)

    def refine(self, pixels: Pixels, found: Detections, scale: float = 0.0) -> Detections:
        """Return what a close look shows where something was found: the faces, with boxes, landmarks and scores.

        ``scale`` is that of the look in which they were found, 0 if each is to be looked at closely. A face that is as
        large in it as in a close look is returned as it is, if it is sure and level.
        """
        clear = (found.boxes[:, 3] * scale >= LARGE_ENOUGH) & (found.scores >= UNSURE)
        clear &= np.abs(found.rolls()) <= TILTED
        as_they_are, others = found.select(np.flatnonzero(clear)), found.select(np.flatnonzero(~clear))
        looks = self._spare.map(
            lambda at: self._close_look(pixels, others.boxes[at], float(others.scores[at])), range(len(others))
        )
        faces = [look for look in looks if look is not None]
        if not faces:
            return as_they_are
        boxes, points = np.stack([face.box for face in faces]), np.stack([face.points for face in faces])
        refined = Detections(boxes, points, np.array([face.score for face in faces], np.float32))
        return joined([as_they_are, refined])

    def _close_look(self, pixels: Pixels, box: Floats, score: float) -> CloseLook | None:
        """Look closely at what scored ``score`` in the first look: upright, turned if it may be, and levelled."""
        around = Surroundings(pixels, box, LOOK_ENLARGED)
        roll = 0.0
        found = self._look_at(around, roll) if score >= FACE_SCORE else None
        if found is None or found.score < UPRIGHT:
            turn = self._roll(around, between=score >= FACE_SCORE)
            if turn is not None and (found is None or turn):
                roll = turn
                found = self._look_at(around, roll)
        for _ in range(2):
            if found is None or abs(found.roll - roll) <= TILTED:
                break
            around = Surroundings(pixels, found.box, LOOK_ENLARGED)
            again = self._look_at(around, found.roll)
            if again is None or again.score < found.score:
                break
            found, roll = again, found.roll
        if found is not None and (max(found.box[2:]) < SMALL or found.score < UNSURE):
            found = self._steadied(found, around, roll)
        return found

    def _steadied(self, found: CloseLook, around: Surroundings, roll: float) -> CloseLook:
        """Return a face with its landmarks averaged over the last look and a mirrored one."""
        square, back = around.close_up(LOOK_SIZE, roll)
        seen = self._detections(cast("Pixels", cv2.flip(square, 1)), LOOK_FLOOR).mirrored(LOOK_SIZE)
        again = _face_in(seen, around, LOOK_SIZE, roll, back)
        return found if again is None else replace(found, points=cast("Floats", (found.points + again.points) / 2))

    def _roll(self, around: Surroundings, *, between: bool) -> float | None:
        """Return how far a face is tilted clockwise, in degrees: the turn in which the detector is surest of it.

        None if it is seen in no turn.
        """
        looks = self._turned_looks(around, QUARTERS)
        if between:
            looks += self._turned_looks(around, BETWEEN)
        if not looks:
            return None
        turn, surest = max(looks, key=lambda look: look[1].score)
        return turn if abs(surest.roll - turn) <= TILTED else surest.roll

    def _turned_looks(self, around: Surroundings, turns: Sequence[float]) -> list[tuple[float, CloseLook]]:
        """Return the turns, in degrees, in which a face is seen, and how."""
        shown = [around.close_up(TURN_SIZE, turn) for turn in turns]
        seen = self._side_by_side([square for square, _ in shown], LOOK_FLOOR)
        looks = []
        for turn, (_, back), found in zip(turns, shown, seen, strict=True):
            face = _face_in(found, around, TURN_SIZE, turn, back)
            if face is not None:
                looks.append((turn, face))
        return looks

    def _look_at(self, around: Surroundings, roll: float) -> CloseLook | None:
        """Look at a face, turned back by ``roll`` degrees."""
        square, back = around.close_up(LOOK_SIZE, roll)
        return _face_in(self._detections(square, LOOK_FLOOR), around, LOOK_SIZE, roll, back)

    def _side_by_side(self, pictures: Sequence[Pixels], floor: float) -> list[Detections]:
        """Return every detection in each of two or four pictures of one size, put into the corners of one close look.

        One inference of a size that is in use anyway takes less time than one for each.
        """
        height, width = pictures[0].shape[:2]
        across = LOOK_SIZE // width
        corners = [
            (at % across * (LOOK_SIZE - width), at // across * (LOOK_SIZE - height)) for at in range(len(pictures))
        ]
        square = np.zeros((LOOK_SIZE, LOOK_SIZE, 3), np.uint8)
        for picture, (x, y) in zip(pictures, corners, strict=True):
            square[y : y + height, x : x + width] = picture
        every = self._detections(square, floor)
        at = every.boxes[:, :2] + every.boxes[:, 2:] / 2
        places = [((at >= (x, y)) & (at < (x + width, y + height))).all(axis=1) for x, y in corners]
        return [
            every.select(np.flatnonzero(here)).transformed(1, -x, -y)
            for here, (x, y) in zip(places, corners, strict=True)
        ]

    def _detections(self, pixels: Pixels, floor: float) -> Detections:
        """Return every detection, in pixels of the net's input; pictures are padded to the next of SIDES."""
        down, across = (next(side for side in SIDES if side >= extent) - extent for extent in pixels.shape[:2])
        if down or across:
            pixels = cast("Pixels", cv2.copyMakeBorder(pixels, 0, down, 0, across, cv2.BORDER_CONSTANT))
        return decode_outputs(self._session.run(pixels[None]), pixels.shape[0], pixels.shape[1], floor)


def _averaged(found: Detections, every: Detections) -> Detections:
    """Return detections, those of large faces averaged over all detections of each, as a close look does."""
    boxes, points = found.boxes.copy(), found.points.copy()
    for at in np.flatnonzero(boxes[:, 3] >= LARGE_ENOUGH):
        mean = average_detections(every, found.boxes[at])
        if mean is not None:
            boxes[at], points[at] = mean[:2]
    return Detections(boxes, points, found.scores)


def _face_in(seen: Detections, around: Surroundings, size: int, roll: float, back: Transform) -> CloseLook | None:
    """Return the face that a close look shows, in pixels of the picture; None if it shows none where one is expected.

    Args:
        seen: The detections in the close look.
        around: What it shows.
        size: Its side, in pixels.
        roll: How many degrees it was turned back by.
        back: The transform from it to the picture.
    """
    sides = around.box[2:] * np.float32(size / (LOOK_ENLARGED * float(max(around.box[2:]))))
    expected = sides[::-1] if round(roll / 90) % 2 else sides
    mean = average_detections(seen, np.concatenate([(size - expected) / 2, expected]).astype(np.float32))
    if mean is None:
        return None
    inner, points, score = mean
    points = points @ back[:, :2].T + back[:, 2]
    across = points[1] - points[0]
    tilt = degrees(atan2(float(across[1]), float(across[0])))
    tilt += 360 * round((roll - tilt) / 360)
    sides = inner[2:] * np.hypot(back[0, 0], back[1, 0])
    sides = sides[::-1] if round(tilt / 90) % 2 else sides
    corner = back[:, :2] @ (inner[:2] + inner[2:] / 2) + back[:, 2] - sides / 2
    return CloseLook(np.concatenate([corner, sides]).astype(np.float32), points.astype(np.float32), score, tilt)
