from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path

import cv2
import numpy as np
import pdqhash
import pytest
from PIL import Image, ImageFilter

import lineament
from lineament.errors import InvalidValue
from lineament.model.arranging import NEAR_DUPLICATE_BITS, differing_bits
from lineament.model.faces import Box, Pixels
from lineament.model.search import Edit, EditKind
from lineament.testing import CHART, chart
from lineament.vision.align import rotate_counterclockwise
from lineament.vision.decode import DecodedPicture
from lineament.vision.derive import (
    CROP_SIDE,
    apply_edits,
    digest,
    exposure_table,
    face_crop,
    hash_quality,
    perceptual_hash,
    thumbnail,
    without_grey,
)

PORTRAITS = sorted((Path(lineament.__file__).parent / "demo").glob("*.jpg"))
TURN = Edit(kind=EditKind.ROTATE, degrees=90)


def picture(pixels: Pixels, *, width: int = 0, height: int = 0) -> DecodedPicture:
    """Return a decoded picture; width and height are given if the original was larger."""
    down, across = pixels.shape[:2]
    return DecodedPicture(
        pixels=pixels,
        width=width or across,
        height=height or down,
        media_type="image/jpeg",
        taken_at=None,
        place=None,
    )


def pixels_of(jpeg: bytes) -> Pixels:
    image = Image.open(io.BytesIO(jpeg))
    assert image.format == "JPEG"
    assert not image.getexif()
    return np.asarray(image.convert("RGB"))


def disc(radius: int = 50) -> Pixels:
    """Return a white disc on black, 400 × 300, centred at (200, 150)."""
    down, across = np.mgrid[0:300, 0:400]
    inside = (across + 0.5 - 200) ** 2 + (down + 0.5 - 150) ** 2 < radius**2
    return np.repeat(np.where(inside, 255, 0).astype(np.uint8)[:, :, None], 3, axis=2)


def crop(x: float, y: float, width: float, height: float) -> Edit:
    return Edit(kind=EditKind.CROP, box=Box(x=x, y=y, width=width, height=height))


@pytest.mark.parametrize("scale", [1, 4])
def test_a_crop_is_square_and_centred_also_at_reduced_scale(scale: int) -> None:
    reduced = picture(disc(), width=400 * scale, height=300 * scale)
    box = Box(x=150 * scale, y=110 * scale, width=100 * scale, height=80 * scale)
    crop = pixels_of(face_crop(reduced, box))[:, :, 0] > 127
    assert crop.shape == (CROP_SIDE, CROP_SIDE)
    down, across = np.nonzero(crop)
    assert (across.mean() + 0.5, down.mean() + 0.5) == pytest.approx((128, 128), abs=1)
    expected = 100 / 180 * CROP_SIDE  # the disc fills the box, with 40 % of the longer side around it
    assert np.ptp(across) + 1 == pytest.approx(expected, abs=2)
    assert np.ptp(down) + 1 == pytest.approx(expected, abs=2)


CORNERS = [(-10, -10), (76, -10), (-10, 44), (76, 44)]


@pytest.mark.parametrize(("x", "y"), CORNERS)
def test_a_crop_continues_the_edge_of_the_picture_softly(x: float, y: float) -> None:
    colours = np.zeros((64, 96, 3), np.uint8)
    colours[:, :48] = (200, 40, 40)
    colours[:, 48:] = (40, 40, 200)
    crop = pixels_of(face_crop(picture(colours), Box(x=x, y=y, width=30, height=30)))
    corner = (0 if y < 0 else -1, 0 if x < 0 else -1)
    assert crop[corner].tolist() == pytest.approx((200, 40, 40) if x < 0 else (40, 40, 200), abs=6)
    striped = np.zeros((64, 96, 3), np.uint8)
    striped[:, ::2] = 255
    crop = pixels_of(face_crop(picture(striped), Box(x=30, y=-20, width=30, height=30)))[:, :, 0].astype(float)
    assert crop[2].std() < crop[-20].std() / 4  # what was not photographed has no detail


@pytest.mark.parametrize("quarters", [0, 1])
@pytest.mark.parametrize(("x", "y"), CORNERS)
def test_an_older_crop_loses_its_grey(x: float, y: float, quarters: int) -> None:
    pixels = np.full((64, 96, 3), 220, np.uint8)
    box = Box(x=x, y=y, width=30, height=30)
    now = pixels_of(face_crop(picture(pixels), box, quarters))
    assert now.min() > 210
    left, top, side = round(x - 12), round(y - 12), 54
    older = np.full((side, side, 3), 128, np.uint8)
    columns, rows = slice(max(0, left), min(96, left + side)), slice(max(0, top), min(64, top + side))
    older[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = 220
    enlarged = cv2.resize(older, (CROP_SIDE, CROP_SIDE), interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    large = rotate_counterclockwise(enlarged, quarters)
    stored = cv2.imencode(".jpg", large)[1].tobytes()
    assert pixels_of(stored).min() < 140
    shown = pixels_of(without_grey(stored, box, (96, 64), quarters))
    assert shown.shape == (CROP_SIDE, CROP_SIDE, 3)
    assert shown.min() > 200


def test_a_crop_without_grey_stays_as_it_is() -> None:
    box = Box(x=-10, y=-10, width=30, height=30)
    made = face_crop(picture(np.asarray(chart())), box)
    assert without_grey(made, box, (96, 64)) == made
    inside = Box(x=40, y=20, width=20, height=20)
    made = face_crop(picture(np.full((64, 96, 3), 128, np.uint8)), inside)
    assert without_grey(made, inside, (96, 64)) == made
    assert without_grey(b"no picture", box, (96, 64)) == b"no picture"


@pytest.mark.parametrize(
    "box",
    [
        Box(x=0.2, y=0.1, width=95.9, height=63.9),
        Box(x=-500, y=-500, width=2000, height=2000),
        Box(x=95.6, y=63.7, width=0.3, height=0.2),
        Box(x=-3e9, y=10, width=6e9, height=5),
    ],
)
def test_a_crop_of_any_box_that_touches_the_picture_is_made(box: Box) -> None:
    assert pixels_of(face_crop(picture(np.asarray(chart())), box)).shape == (CROP_SIDE, CROP_SIDE, 3)


@pytest.mark.parametrize(
    "box",
    [
        Box(x=500, y=0, width=10, height=10),
        Box(x=0, y=-90, width=10, height=10),
        Box(x=5, y=5, width=0, height=10),
        Box(x=math.nan, y=5, width=10, height=10),
        Box(x=5, y=5, width=math.inf, height=10),
    ],
)
def test_a_box_elsewhere_is_refused(box: Box) -> None:
    with pytest.raises(InvalidValue):
        face_crop(picture(np.asarray(chart())), box)


@pytest.mark.parametrize(
    ("size", "expected"), [((960, 640), (320, 213)), ((96, 64), (96, 64)), ((80, 2000), (13, 320))]
)
def test_a_thumbnail_is_small_and_shows_the_whole(size: tuple[int, int], expected: tuple[int, int]) -> None:
    shown = pixels_of(thumbnail(picture(np.asarray(chart("RGB", size)))))
    assert shown.shape == (expected[1], expected[0], 3)
    assert shown[1, 1].tolist() == pytest.approx(CHART[0], abs=6)
    assert shown[-2, -2].tolist() == pytest.approx(CHART[3], abs=6)


def test_four_quarter_turns_change_nothing() -> None:
    original = picture(np.asarray(chart()), width=960, height=640)
    turned = apply_edits(original, [TURN])
    assert (turned.width, turned.height) == (640, 960)
    assert turned.pixels[2, 2].tolist() == list(CHART[2])  # what was at the bottom left is at the top left
    assert np.array_equal(apply_edits(original, [TURN] * 4).pixels, original.pixels)
    half, back = Edit(kind=EditKind.ROTATE, degrees=180), Edit(kind=EditKind.ROTATE, degrees=270)
    assert np.array_equal(apply_edits(original, [half, TURN, TURN]).pixels, original.pixels)
    assert np.array_equal(apply_edits(original, [TURN, back]).pixels, original.pixels)


def test_a_crop_is_in_pixels_of_the_original_as_the_edits_before_left_it() -> None:
    original = picture(np.asarray(chart("RGB", (480, 320))), width=960, height=640)
    lower = apply_edits(original, [crop(0, 320, 960, 320)])
    assert (lower.width, lower.height) == (960, 320)
    assert lower.pixels.shape == (160, 480, 3)
    assert lower.pixels[0, 0].tolist() == list(CHART[2])
    corner = apply_edits(original, [crop(0, 320, 960, 320), TURN, crop(-50, 480.5, 400.2, 480)])
    assert (corner.width, corner.height) == (320, 480)
    assert np.all(corner.pixels[1:] == CHART[3])


def test_the_same_edits_give_the_same_pixels() -> None:
    original = picture(np.random.default_rng(7).integers(0, 256, (300, 401, 3), np.uint8), width=1203, height=900)
    edits = [crop(10.4, 20.6, 700.3, 500.1), TURN, crop(33.3, 44.4, 300, 200)]
    once, again = apply_edits(original, edits), apply_edits(original, edits)
    assert once.pixels.tobytes() == again.pixels.tobytes()
    stepwise = original
    for edit in edits:
        stepwise = apply_edits(stepwise, [edit])
    assert stepwise.pixels.tobytes() == once.pixels.tobytes()
    assert apply_edits(original, []) is original


@pytest.mark.parametrize(
    "edit",
    [
        Edit(kind=EditKind.ROTATE, degrees=45),
        Edit(kind=EditKind.ROTATE),
        Edit(kind=EditKind.CROP),
        Edit(kind=EditKind.EXPOSURE, stops=3.01),
        Edit(kind=EditKind.EXPOSURE, stops=-4),
        Edit(kind=EditKind.EXPOSURE, stops=math.nan),
        Edit(kind=EditKind.EXPOSURE, stops=math.inf),
        crop(0, 0, 31, 60),
        crop(80, 0, 60, 60),
        crop(1000, 0, 60, 60),
        crop(math.nan, 0, 60, 60),
    ],
)
def test_other_edits_are_refused(edit: Edit) -> None:
    with pytest.raises(InvalidValue):
        apply_edits(picture(np.asarray(chart())), [edit])


def exposed(stops: float) -> Edit:
    return Edit(kind=EditKind.EXPOSURE, stops=stops)


def test_a_stop_doubles_the_light() -> None:
    """Two greys of IEC 61966-2-1: 188 is half of the light, 137 a quarter, as in any table of sRGB."""
    assert exposure_table(-1)[255] == 188
    assert exposure_table(-2)[255] == 137
    assert exposure_table(1)[137] == 188
    assert exposure_table(3)[[0, 1, 5]].tolist() == [0, 8, 29]  # the straight part of the curve, and its end
    assert exposure_table(3)[99:].tolist() == [255] * 157  # more than an eighth of the light
    assert exposure_table(0).tolist() == list(range(256))


@pytest.mark.parametrize("stops", [-3, -0.7, 0.3, 1.5, 3])
def test_exposure_is_monotonic_and_equal_for_all_channels(stops: float) -> None:
    table = exposure_table(stops).astype(int)
    assert np.all(np.diff(table) >= 0)
    assert np.all((table >= np.arange(256)) == (stops > 0) | (table == np.arange(256)))
    original = picture(np.asarray(chart("RGB", (480, 320))), width=960, height=640)
    exposed_picture = apply_edits(original, [exposed(stops)])
    assert (exposed_picture.width, exposed_picture.height, exposed_picture.pixels.shape) == (960, 640, (320, 480, 3))
    assert np.array_equal(exposed_picture.pixels, table[original.pixels])


def test_no_machine_rounds_a_tenth_of_a_stop_otherwise() -> None:
    """No entry is so close to a half that the last bit of a power decides.

    Except the darkest at whole stops, which exact arithmetic halves.
    """
    tables = np.array([exposure_table(tenth / 10) for tenth in range(-30, 31)])
    for nudge in (1 - 1e-11, 1 + 1e-11):
        nudged = np.array([exposure_table(tenth / 10 * nudge) for tenth in range(-29, 30)])
        stops, values = np.nonzero(tables[1:-1] != nudged)
        assert set(stops - 29) <= {-20, -10}
        assert np.all(values <= 10)
    assert hashlib.sha256(tables.tobytes()).hexdigest() == TABLES


TABLES = "e81b0e3c0019e48763e26ddfa34d4f8ec19879693a68857dd4f6581edb1d1f4a"


def test_an_edit_leaves_its_original_alone() -> None:
    original = picture(np.asarray(chart()).copy())
    before = digest(original)
    apply_edits(original, [exposed(2), TURN, crop(0, 0, 40, 40)])
    assert digest(original) == before


def test_the_digest_covers_what_its_docstring_says() -> None:
    shown = picture(np.asarray(chart("RGB", (48, 32))), width=96, height=64)
    numbers = b"\x60\0\0\0\x40\0\0\0\x30\0\0\0\x20\0\0\0"
    assert digest(shown) == hashlib.sha256(numbers + shown.pixels.tobytes()).hexdigest()
    upside_down = picture(shown.pixels[::-1], width=96, height=64)  # not contiguous
    assert digest(upside_down) == hashlib.sha256(numbers + upside_down.pixels.tobytes()).hexdigest()


def test_different_pictures_have_different_digests() -> None:
    pixels = np.asarray(chart("RGB", (48, 32)))
    touched = pixels.copy()
    touched[31, 47, 2] ^= 1
    pictures = [
        picture(pixels),
        picture(touched),
        picture(pixels, width=96, height=64),
        picture(pixels.reshape(48, 32, 3)),
    ]
    assert len({digest(each) for each in pictures}) == len(pictures)


def reference(pixels: Pixels) -> bytes:
    return np.packbits(pdqhash.compute(pixels)[0].astype(bool)).tobytes()


@pytest.mark.parametrize("file", PORTRAITS[:4], ids=lambda file: file.stem)
@pytest.mark.parametrize("softness", [0, 8, 40])
def test_the_quality_is_about_that_of_the_library(file: Path, softness: int) -> None:
    image = Image.open(file).convert("RGB").resize((512, 512)).filter(ImageFilter.GaussianBlur(softness))
    pixels = np.asarray(image)
    assert abs(hash_quality(pixels) - pdqhash.compute(pixels)[1]) <= 3


def test_a_plain_picture_has_no_quality() -> None:
    assert hash_quality(np.full((90, 120, 3), 77, np.uint8)) == 0
    assert hash_quality(np.random.default_rng(0).integers(0, 2, (64, 64, 1), np.uint8).repeat(3, 2) * 255) == 100


@pytest.mark.parametrize("file", PORTRAITS, ids=lambda file: file.stem)
@pytest.mark.parametrize("longest", [100, 250, 640, 900, 2000])
def test_the_hash_is_the_one_of_the_library(file: Path, longest: int) -> None:
    image = Image.open(file).convert("RGB")
    scale = longest / max(image.size)
    pixels = np.asarray(image.resize((round(image.width * scale), round(image.height * scale))))
    assert len(perceptual_hash(pixels)) == 32
    assert differing_bits(perceptual_hash(pixels), reference(pixels)) <= 10


def test_the_hash_outlives_scaling_and_compression_and_tells_pictures_apart() -> None:
    hashes = []
    for file in PORTRAITS:
        image = Image.open(file).convert("RGB")
        again = io.BytesIO()
        image.resize((image.width * 2 // 3, image.height * 2 // 3)).save(again, "JPEG", quality=60)
        hashes.append(perceptual_hash(np.asarray(image)))
        assert differing_bits(hashes[-1], perceptual_hash(pixels_of(again.getvalue()))) <= NEAR_DUPLICATE_BITS
    apart = [differing_bits(first, second) for first in hashes for second in hashes if first is not second]
    assert min(apart) > 2 * NEAR_DUPLICATE_BITS
