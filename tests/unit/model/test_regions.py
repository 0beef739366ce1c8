"""Where regions that were marked in a stored picture are in the upright one, in all eight orientations."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from lineament.model.faces import Box
from lineament.model.regions import FaceRegion, RegionHints, before_edits, region_of
from lineament.model.search import Edit, EditKind

REGION = FaceRegion(left=0.1, top=0.25, width=0.2, height=0.5, name="Ada")
SIZE = (40, 20)  # of the stored picture


def upright(orientation: int) -> Image.Image:
    """Return a stored picture that is white where the region is, turned upright as Pillow turns it."""
    pixels = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    pixels[5:15, 4:12] = 255
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    with Image.open(io.BytesIO(file.getvalue())) as image:
        return ImageOps.exif_transpose(image)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_region_is_where_the_picture_shows_it(orientation: int) -> None:
    shown = upright(orientation)
    left, top, right, bottom = shown.getbbox() or (0, 0, 0, 0)
    hints = RegionHints(regions=(REGION,), size=(4000, 2000))
    (box,) = hints.boxes(*shown.size, orientation)
    assert (box.x, box.y, box.width, box.height) == pytest.approx((left, top, right - left, bottom - top))
    back = REGION.turned(orientation).turned_back(orientation)
    assert (back.left, back.top, back.width, back.height) == pytest.approx((0.1, 0.25, 0.2, 0.5))
    assert back.name == "Ada"


@pytest.mark.parametrize(
    ("size", "orientation", "fits"),
    [
        (None, 1, True),
        ((400, 200), 1, True),  # scaled since
        ((403, 200), 1, True),  # rounded
        ((200, 400), 1, False),  # turned since
        ((400, 260), 1, False),  # cropped since
        ((400, 200), 6, True),
        ((200, 400), 6, False),  # the size of the upright picture
    ],
)
def test_regions_of_a_picture_of_another_shape_are_not_used(
    size: tuple[float, float] | None, orientation: int, fits: bool
) -> None:
    across, down = (4000, 2000) if orientation == 1 else (2000, 4000)
    hints = RegionHints(regions=(REGION,), size=size)
    assert len(hints.boxes(across, down, orientation)) == fits


def test_boxes_come_with_the_largest_first_and_without_the_smallest() -> None:
    sides = (0.05, 0.4, 0.004)
    regions = tuple(FaceRegion(left=0.1, top=0.1, width=side, height=side) for side in sides)
    boxes = RegionHints(regions=regions).boxes(1000, 1000, 1)
    assert [round(box.width) for box in boxes] == [400, 50]


def test_a_box_beyond_the_edge_becomes_what_is_in_the_picture() -> None:
    region = region_of(Box(x=-10, y=50, width=30, height=100), (100, 100), "face 1")
    assert region == FaceRegion(left=0, top=0.5, width=0.2, height=0.5, name="face 1")
    assert region_of(Box(x=120, y=0, width=30, height=30), (100, 100)) is None


def test_a_box_is_led_back_through_the_edits() -> None:
    crop = Edit(kind=EditKind.CROP, box=Box(x=20, y=10, width=60, height=30))
    edits = (crop, Edit(kind=EditKind.EXPOSURE, stops=1), Edit(kind=EditKind.ROTATE, degrees=90))
    # The crop is 60 × 30; turned by 90° clockwise, what was 5 from its left and 4 from its top is 4 from the right.
    box = before_edits(Box(x=30 - 4 - 8, y=5, width=8, height=10), edits, (100, 50))
    assert box == Box(x=25, y=14, width=10, height=8)
