"""Formats that only the workers with their libraries read, and files that hold too much."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from lineament.errors import BadPicture, FormatNotRead, PictureTooLarge, PictureTruncated
from lineament.testing import CHART, CHART_SIZE, camera_raw, chart, encoded
from lineament.vision import decode
from lineament.vision.decode import DecodedPicture, Decoder, RefusedPart


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(workers=1, max_pixels=40_000_000, max_bytes=2**26, memory=2**31, seconds=30.0) as decoder:
        yield decoder


def quarters(picture: DecodedPicture) -> list[list[int]]:
    down, across = picture.height, picture.width
    return [picture.pixels[y, x].tolist() for y in (down // 4, 3 * down // 4) for x in (across // 4, 3 * across // 4)]


def test_ordinary_pictures_start_no_worker_for_rare_formats(decoder: Decoder) -> None:
    with Decoder(workers=1, max_pixels=10**6, max_bytes=10**6, memory=2**30, seconds=20.0) as fresh:
        fresh.decode(encoded(chart(), "JPEG"))
        assert list(fresh._slots[0].processes) == ["common"]
        fresh.decode(bytes(imagecodecs.jpegxl_encode(np.asarray(chart()))))
        assert sorted(fresh._slots[0].processes) == ["common", "rare"]


@pytest.mark.parametrize("size", [CHART_SIZE, (1000, 40), (333, 257), (4096, 2160)])
def test_jpeg_xl(decoder: Decoder, size: tuple[int, int]) -> None:
    picture = decoder.decode(bytes(imagecodecs.jpegxl_encode(np.asarray(chart("RGB", size)), lossless=True)))
    assert (picture.width, picture.height, picture.media_type) == (*size, "image/jxl")
    assert quarters(picture) == [list(colour) for colour in CHART]


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_jpeg_xl_of_more_bits_and_in_grey(decoder: Decoder, bits: int) -> None:
    """The encoder says of more than eight bits that they are linear."""
    shares = np.asarray(chart("L")).astype(np.float64) / 255
    if bits > 8:
        shares = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    deep = np.rint(shares * (2**bits - 1))
    data = imagecodecs.jpegxl_encode(deep.astype(np.uint16 if bits > 8 else np.uint8), lossless=True)
    light = np.asarray(chart("L"))[[16, 16, 48, 48], [24, 72, 24, 72]]
    assert np.abs(np.array(quarters(decoder.decode(bytes(data))))[:, 0].astype(int) - light).max() <= 4


def test_the_colour_space_of_a_jpeg_xl_is_respected(decoder: Decoder) -> None:
    """Linear light in floating point: without its profile the picture would be dark."""
    shares = np.asarray(chart()).astype(np.float64) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4).astype(np.float32)
    for options in ({"lossless": True}, {"level": 95}):
        picture = decoder.decode(bytes(imagecodecs.jpegxl_encode(linear, photometric="rgb", **options)))
        assert np.abs(np.array(quarters(picture)).astype(int) - np.array(CHART)).max() <= 10


def test_jpeg_xl_is_checked_before_it_is_decoded(decoder: Decoder) -> None:
    data = bytes(imagecodecs.jpegxl_encode(np.zeros((7000, 7000), np.uint8), effort=1))
    with pytest.raises(PictureTooLarge, match="7000 × 7000"):
        decoder.decode(data)
    with pytest.raises(BadPicture):
        decoder.decode(data[:40])


def test_the_frames_of_a_jpeg_xl(decoder: Decoder) -> None:
    frames = np.stack([np.full((64, 64, 3), shade, np.uint8) for shade in (0, 120, 240)])
    data = bytes(imagecodecs.jpegxl_encode(frames, photometric="rgb", lossless=True))
    found = [picture for picture in decoder.pictures(data) if isinstance(picture, DecodedPicture)]
    assert [(picture.part, picture.parts) for picture in found] == [(1, 3), (2, 3), (3, 3)]
    assert [int(picture.pixels[0, 0, 0]) for picture in found] == [0, 120, 240]
    assert [picture.seconds for picture in found] == [0.0, 0.1, 0.2]  # of which the file states nothing


def test_the_frames_of_a_jpeg_xl_are_checked_before_they_are_decoded(decoder: Decoder) -> None:
    """The second half of the file is missing: nothing of it could be decoded."""
    frames = np.random.default_rng(1).integers(0, 255, (2, 400, 300, 3), np.uint8)
    data = bytes(imagecodecs.jpegxl_encode(frames, photometric="rgb", effort=1))
    small = Decoder(workers=1, max_pixels=100_000, max_bytes=2**26, memory=2**31, seconds=30.0)
    with small, pytest.raises(PictureTooLarge, match="300 × 400"):
        small.decode(data[: len(data) // 2])
    assert decoder.decode(data[: len(data) // 2]).incomplete


@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_jpeg_xl_is_read_as_far_as_it_goes(decoder: Decoder, share: float, *, container: bool) -> None:
    image = Image.effect_noise((40, 30), 90).convert("RGB").resize((800, 600), Image.Resampling.BICUBIC)
    data = bytes(imagecodecs.jpegxl_encode(np.asarray(image), level=90, usecontainer=container))
    whole = decoder.decode(data)
    assert not whole.incomplete
    picture = decoder.decode(data[: int(share * len(data))])
    assert picture.incomplete
    assert (picture.width, picture.height) == image.size
    assert np.abs(picture.pixels.astype(int) - whole.pixels).mean() < 20
    damaged = bytearray(data)
    damaged[len(data) * 2 // 3 : len(data) * 2 // 3 + 64] = bytes(64)
    assert decoder.decode(bytes(damaged)).incomplete


@pytest.mark.parametrize("container", [False, True])
def test_a_jpeg_xl_that_breaks_off_in_its_headers_is_refused_for_that(decoder: Decoder, *, container: bool) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)
    data = bytes(imagecodecs.jpegxl_encode(pixels, level=90, usecontainer=container))
    with pytest.raises(PictureTruncated, match="breaks off too early"):
        decoder.decode(data[:60])


def test_camera_raw_is_developed(decoder: Decoder) -> None:
    picture = decoder.decode(camera_raw(chart("RGB", (384, 256))))
    assert (picture.width, picture.height, picture.media_type) == (384, 256, "image/x-dcraw")
    *coloured, white = quarters(picture)
    assert [int(np.argmax(found)) for found in coloured] == [int(np.argmax(colour)) for colour in CHART[:3]]
    assert min(white) > 220


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("preview", [(0, 0), (96, 64), (384, 256)])
def test_camera_raw_is_upright_and_its_full_size_preview_is_taken(
    decoder: Decoder, preview: tuple[int, int], orientation: int
) -> None:
    """The preview is in other colours here, to tell it apart."""
    grey = encoded(Image.new("RGB", preview, (90, 90, 90)), "JPEG") if preview[0] else b""
    degrees = {1: 0, 3: 180, 6: 90, 8: 270}[orientation]
    size = (384, 256) if orientation in {1, 3} else (256, 384)
    lying = chart("RGB", size).rotate(degrees, expand=True)
    picture = decoder.decode(camera_raw(lying, grey, orientation))
    assert (picture.width, picture.height) == size
    colours = np.array(quarters(picture)).astype(int)
    full = preview == (384, 256)
    assert (np.abs(colours - 90).max() < 3) == full
    assert (colours[:3].argmax(axis=1).tolist() == [0, 1, 2]) or full


def test_the_preview_stands_in_for_values_that_cannot_be_developed(decoder: Decoder) -> None:
    raw = bytearray(camera_raw(chart("RGB", (384, 256)), encoded(chart(), "JPEG", quality=95)))
    at = raw.rindex(struct.pack("<HHI", 259, 3, 1)) + 8  # the compression of the sensor's values
    raw[at : at + 2] = struct.pack("<H", 34892)
    picture = decoder.decode(bytes(raw))
    assert (picture.width, picture.height) == CHART_SIZE
    assert np.abs(np.array(quarters(picture)) - np.array(CHART)).max() < 8


def test_a_large_webp_needs_little_memory(decoder: Decoder) -> None:
    data = bytes(imagecodecs.webp_encode(np.asarray(chart("RGB", (5000, 4000))), level=80, method=0))
    picture = decoder.decode(data)
    assert (picture.width, picture.height, picture.media_type) == (5000, 4000, "image/webp")
    assert np.abs(np.array(quarters(picture)) - np.array(CHART)).max() < 8


def test_a_variant_that_no_library_reads_is_not_called_damaged(decoder: Decoder) -> None:
    tiff = bytearray(encoded(chart("L"), "TIFF"))
    with Image.open(io.BytesIO(tiff)) as image:
        assert image.tag_v2[262] == 1  # type: ignore[attr-defined]
    at = tiff.index(struct.pack("<HHI", 262, 3, 1)) + 8
    tiff[at : at + 2] = struct.pack("<H", 10)  # the colours of ITU's Lab
    with pytest.raises(BadPicture, match="a variant of its format"):
        decoder.decode(bytes(tiff))


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"8BPS\0\x01", "PSD"),
        (b"\0\0\x01\0\x01\0", "ICO"),
        (b"%PDF-1.7", "PDF"),
        (b"P6\n4 4\n255\n", "PPM"),
        (b"v/1\x01", "OpenEXR"),
        (b"Pf\n4 4\n-1.0\n", "PFM"),
        (b"\x01\xda\x01\x01", "SGI"),
        (b"\x59\xa6\x6a\x95", "Sun raster"),
        (b"XPDS", "DPX"),
        (b"#define face_width 64\n", "XBM"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"\0\0\0\x18ftypisom", "a video"),
        (b"\0\0\0\x18ftypvvic", "HEIF"),
    ],
)
def test_a_format_that_is_not_read_is_named(decoder: Decoder, start: bytes, name: str) -> None:
    with pytest.raises(FormatNotRead, match=rf"does not read this format: .*{name}"):
        decoder.decode(start + bytes(200))


# ---------------------------------------------------------------- files that hold much


def tiff_of(count: int, size: tuple[int, int] = (40, 40)) -> bytes:
    """Return a TIFF of many pages, written by hand: each directory refers to the same strip."""
    strip, parts = bytes(size[0] * size[1]), [b"II*\0" + struct.pack("<I", 8)]
    entry = 2 + 12 * 8 + 4
    data = 8 + count * entry
    for number in range(count):
        tags = (
            (256, size[0]),
            (257, size[1]),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, data),
            (278, size[1]),
            (279, len(strip)),
        )
        after = 0 if number == count - 1 else 8 + (number + 1) * entry
        parts.append(struct.pack("<H", 8) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags))
        parts.append(struct.pack("<I", after))
    return b"".join(parts) + strip


def test_every_page_of_a_long_scan_is_read(decoder: Decoder) -> None:
    found = list(decoder.pictures(tiff_of(300)))
    assert [picture.part for picture in found] == list(range(1, 301))
    assert {picture.parts for picture in found} == {300}
    assert all(isinstance(picture, DecodedPicture) for picture in found)


def test_a_file_of_too_many_pixels_is_read_in_part_and_the_rest_is_refused(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MOST_PIXELS", 0.0001)  # of the largest picture: 4000 pixels
    found = list(decoder.pictures(tiff_of(30)))
    assert [isinstance(picture, DecodedPicture) for picture in found] == [True] * 3 + [False]
    last = found[-1]
    assert isinstance(last, RefusedPart)
    assert "picture 4 of 30 and those after it were not read: the file holds too many pixels" in str(last.why)


def test_at_most_so_many_pages_are_read(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MOST_PARTS", 30)
    found = list(decoder.pictures(tiff_of(30)))
    assert len(found) == 31
    assert isinstance(found[-1], RefusedPart)
    assert "at most 30 pictures of a file are read" in str(found[-1].why)


def test_a_directory_that_leads_back_to_itself_ends(decoder: Decoder) -> None:
    endless = bytearray(tiff_of(2))
    endless[8 + 2 * (2 + 12 * 8 + 4) - 4 : 8 + 2 * (2 + 12 * 8 + 4)] = struct.pack("<I", 8)
    assert len(list(decoder.pictures(bytes(endless)))) == 2


def test_a_single_picture_reserves_no_process_while_it_is_used(decoder: Decoder) -> None:
    picture = decoder.pictures(encoded(chart(), "JPEG"))
    next(picture)
    assert decoder.decode(encoded(chart(), "PNG")).parts == 1, "there is one process, and it is free"


def test_a_file_is_given_up_if_nobody_wants_the_rest(decoder: Decoder) -> None:
    pictures = decoder.pictures(tiff_of(5))
    next(pictures)
    pictures.close()
    assert decoder.decode(encoded(chart(), "PNG")).parts == 1
