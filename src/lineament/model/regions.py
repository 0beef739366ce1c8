"""Regions of faces that another program marked in a picture, and where they are once it is turned upright.

The Metadata Working Group measures them in the picture as it is stored, before its EXIF orientation is applied
(Guidelines for Handling Image Metadata 2.0, 2010, section 5.9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineament.model.faces import Box

if TYPE_CHECKING:
    from lineament.model.search import Edit

MOST_REGIONS = 1000
"""Most regions of one picture that are kept; the others are counted."""
LEAST_SIDE = 8.0
"""Pixels of a region that are needed at least."""
SAME_SHAPE = 0.02
"""By how much the ratio of the sides may differ from that of the picture in which the regions were marked."""
SIDEWAYS = frozenset({5, 6, 7, 8})
"""EXIF orientations in which width and height change places."""

_BACK = {6: 8, 8: 6}
"""The orientation that undoes another; the others undo themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRegion:
    """A face that another program marked, in shares of the sides of a picture; its middle lies in the picture."""

    left: float
    top: float
    width: float  # above 0, at most 1
    height: float
    name: str | None = None  # whom it shows, as that program says; one line

    def turned(self, orientation: int) -> FaceRegion:
        """Return the region in the upright picture, given the EXIF orientation (1 to 8) of the stored one."""
        right, bottom = 1 - self.left - self.width, 1 - self.top - self.height
        left, top = {
            2: (right, self.top),
            3: (right, bottom),
            4: (self.left, bottom),
            5: (self.top, self.left),
            6: (bottom, self.left),
            7: (bottom, right),
            8: (self.top, right),
        }.get(orientation, (self.left, self.top))
        sides = (self.height, self.width) if orientation in SIDEWAYS else (self.width, self.height)
        return FaceRegion(left=left, top=top, width=sides[0], height=sides[1], name=self.name)

    def turned_back(self, orientation: int) -> FaceRegion:
        """Return the region in the stored picture, given where it is in the upright one."""
        return self.turned(_BACK.get(orientation, orientation))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionHints:
    """What the metadata of a picture say of the faces in it; a stranger wrote them."""

    regions: tuple[FaceRegion, ...] = ()
    size: tuple[float, float] | None = None  # width and height of the picture in which they were marked; None: unknown
    left_out: int = 0  # regions, or whole packets, that cannot be used

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the people marked, each once, in the order of the regions."""
        return tuple(dict.fromkeys(region.name for region in self.regions if region.name))

    def joined(self, other: RegionHints) -> RegionHints:
        """Return both lists as one; of two sizes the first counts."""
        return RegionHints(
            regions=(self.regions + other.regions)[:MOST_REGIONS],
            size=self.size or other.size,
            left_out=self.left_out + other.left_out + max(0, len(self.regions + other.regions) - MOST_REGIONS),
        )

    def boxes(self, width: int, height: int, orientation: int) -> list[Box]:
        """Return where the faces are in the upright picture, the largest first; those that cannot be are left out.

        ``width`` and ``height``: of the upright picture, in pixels; ``orientation``: of the stored one, as EXIF has it.
        If the regions were marked in a picture of another shape, it was cropped or turned since, and none is returned.
        """
        stored = (height, width) if orientation in SIDEWAYS else (width, height)
        if self.size is not None and not _is_of_shape(self.size, stored):
            return []
        turned = [region.turned(orientation) for region in self.regions]
        boxes = [_box(region, width, height) for region in turned]
        large = [box for box in boxes if min(box.width, box.height) >= LEAST_SIDE]
        return sorted(large, key=lambda box: -box.width * box.height)


def region_of(box: Box, size: tuple[int, int], name: str | None = None) -> FaceRegion | None:
    """Return the part of a box that lies in a picture of that width and height, as a region; None if none does."""
    width, height = size
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(float(width), box.x + box.width), min(float(height), box.y + box.height)
    if right <= left or bottom <= top:
        return None
    return FaceRegion(
        left=left / width, top=top / height, width=(right - left) / width, height=(bottom - top) / height, name=name
    )


def before_edits(box: Box, edits: Sequence[Edit], size: tuple[int, int]) -> Box:
    """Return where a region was before the edits of a picture; ``size``: the picture's before them, in pixels."""
    from lineament.model.edits import moved
    from lineament.model.search import EditKind

    sizes = [size]
    for edit in edits:
        across, down = sizes[-1]
        if edit.kind is EditKind.CROP and edit.box is not None:
            across, down = round(edit.box.width), round(edit.box.height)
        elif edit.kind is EditKind.ROTATE and edit.degrees % 180:
            across, down = down, across
        sizes.append((across, down))
    for edit, after in zip(reversed(edits), reversed(sizes[1:]), strict=True):
        box = moved(box, edit, after, undone=True)
    return box


def _box(region: FaceRegion, width: int, height: int) -> Box:
    return Box(x=region.left * width, y=region.top * height, width=region.width * width, height=region.height * height)


def _is_of_shape(marked: tuple[float, float], stored: tuple[int, int]) -> bool:
    """Return whether two pictures have sides of one ratio."""
    return abs(marked[0] * stored[1] - marked[1] * stored[0]) <= SAME_SHAPE * marked[1] * stored[0]
