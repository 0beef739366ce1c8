"""Kinds of files that other programs write: read right, as far as they go, and with all their pictures."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from lineament.errors import FormatNotRead
from lineament.testing import CHART, chart, encoded, png
from lineament.testing.rare_pictures import swapped_profile
from lineament.vision.decode import DecodedPicture, Decoder, RefusedPart

PLACES = ([16, 16, 48, 48], [24, 72, 24, 72])
"""The middle of each quarter of the chart."""


ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMU"
    "FRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU"
    "FBQUFBQUFBT/yQARCABAAGADAREAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/ANIOpeCKw2w9si1t7uSEU37oR35k"
    "1tLatZtX5mo8zrzGhuaYhvy9RbuP3Or6zKLCDfOn7zmsNG4D0qJCNWw683OywHXRKgnWPE6LAOPbidHmK9JDFTkG/bJMUz+Dq9gQ"
    "/9k="
)
"""The chart, coded by libjpeg-turbo's cjpeg -arithmetic."""


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(workers=1, max_pixels=50_000_000, max_bytes=2**26, memory=2**31, seconds=30.0) as decoder:
        yield decoder


def pictures(decoder: Decoder, data: bytes) -> list[DecodedPicture]:
    found = list(decoder.pictures(data))
    assert not any(isinstance(part, RefusedPart) for part in found)
    return [part for part in found if isinstance(part, DecodedPicture)]


def difference(picture: DecodedPicture, image: Image.Image) -> float:
    return float(np.abs(np.asarray(picture.pixels).astype(int) - np.asarray(image.convert("RGB"))).mean())


def photograph(size: tuple[int, int] = (320, 240), seed: int = 1) -> Image.Image:
    """Return smooth noise in colour, which is coded as a photograph is."""
    values = np.random.default_rng(seed).integers(0, 255, (size[1] // 8, size[0] // 8, 3), np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)


# ---------------------------------------------------------------- JPEG


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("twelve bits", imagecodecs.jpeg_encode(np.asarray(chart()).astype("u2") * 16, level=95, bitspersample=12)),
        ("JPEG-LS", imagecodecs.jpegls_encode(np.asarray(chart()))),
        ("without loss", imagecodecs.jpeg_encode(np.asarray(chart()), lossless=True, predictor=1)),
    ],
)
def test_jpegs_that_pillow_does_not_read(decoder: Decoder, name: str, data: bytes) -> None:
    picture = decoder.decode(bytes(data))
    assert picture.media_type == "image/jpeg", name
    shown = np.asarray(picture.pixels)[PLACES].astype(int)
    assert np.abs(shown - np.array(CHART)).max() <= 8
    assert not picture.incomplete


def test_a_jpeg_of_sixteen_bits_in_grey(decoder: Decoder) -> None:
    light = np.asarray(chart("L"))
    picture = decoder.decode(bytes(imagecodecs.ljpeg_encode(light.astype("u2") * 257, bitspersample=16)))
    assert np.abs(np.asarray(picture.pixels)[..., 0].astype(int) - light).max() <= 1


def test_arithmetic_coding_is_read(decoder: Decoder) -> None:
    picture = decoder.decode(ARITHMETIC)
    assert np.abs(np.asarray(picture.pixels)[PLACES].astype(int) - np.array(CHART)).max() <= 8
    assert not picture.incomplete


def test_a_full_picture_behind_the_end_of_another_is_taken(decoder: Decoder) -> None:
    """Telephones with two cameras append the second picture after blocks of their own."""
    first, second = photograph(seed=1), photograph(seed=2)
    trailer = b"\0\0\x01\x0aImage_UTC_Data1700000000000"
    data = encoded(first, "JPEG", quality=95) + trailer + encoded(second, "JPEG", quality=95) + b"SEFT"
    found = pictures(decoder, data)
    assert [(picture.part, picture.parts) for picture in found] == [(1, 2), (2, 2)]
    assert difference(found[1], second) < 3
    thumbnail = encoded(first.resize((80, 60)), "JPEG")
    grey = encoded(second.convert("L"), "JPEG")
    assert len(pictures(decoder, encoded(first, "JPEG") + trailer + thumbnail + grey + b"\xff\xd8\xff")) == 1


# ---------------------------------------------------------------- colours and transparency


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_picture_that_is_transparent_everywhere_is_shown(decoder: Decoder, kind: str) -> None:
    clear = chart()
    clear.putalpha(0)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    picture = decoder.decode(encoded(clear, kind, **options))
    assert np.array_equal(np.asarray(picture.pixels)[PLACES], np.array(CHART))


@pytest.mark.parametrize("opaque", [4095, 65535])
def test_twelve_bits_in_sixteen_beside_transparency(decoder: Decoder, opaque: int) -> None:
    deep = np.dstack([np.asarray(chart()).astype(">u2") * 16, np.full((64, 96), opaque, ">u2")]).astype(">u2")
    picture = decoder.decode(png((96, 64), 16, 6, b"".join(b"\0" + row.tobytes() for row in deep)))
    assert np.abs(np.asarray(picture.pixels)[PLACES].astype(int) - np.array(CHART)).max() <= 2


def test_the_profile_of_a_jpeg_2000_is_applied(decoder: Decoder) -> None:
    red, green, blue = chart().split()
    data = encoded(Image.merge("RGB", (blue, green, red)), "JPEG2000")
    profile = swapped_profile()
    header, colours = data.index(b"jp2h") - 4, data.index(b"colr") - 4
    (length,), (old,) = struct.unpack_from(">I", data, header), struct.unpack_from(">I", data, colours)
    box = struct.pack(">I", 11 + len(profile)) + b"colr\2\0\0" + profile
    changed = data[:header] + struct.pack(">I", length + len(box) - old) + data[header + 4 : colours] + box
    picture = decoder.decode(changed + data[colours + old :])
    assert np.abs(np.asarray(picture.pixels)[PLACES].astype(int) - np.array(CHART)).max() <= 4


def test_the_gamma_of_a_png_is_applied(decoder: Decoder) -> None:
    linear = np.rint((np.asarray(chart()) / 255) ** 2.2 * 65535).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in linear)
    gamma = (b"gAMA", struct.pack(">I", 100_000))
    for extra, tolerance in (((gamma,), 4), ((gamma, (b"sRGB", b"\0")), 255)):
        picture = decoder.decode(png((96, 64), 16, 2, rows, *extra))
        shown = np.asarray(picture.pixels)[PLACES].astype(int)
        assert np.abs(shown - np.array(CHART)).max() <= tolerance
    assert np.abs(shown - np.array(CHART)).max() > 40  # a file that says it is sRGB is taken at its word


# ---------------------------------------------------------------- AVIF


def collection(*images: Image.Image) -> bytes:
    """Return an AVIF of several still pictures: the boxes of each in one file."""
    files = [encoded(image, "AVIF", quality=90) for image in images]
    payloads, properties, associations, items = [], list[bytes](), [], []
    for number, data in enumerate(files, 1):
        found = _boxes(data)
        inside = _boxes(found[b"meta"][4:])
        payloads.append(found[b"mdat"])
        kinds = _boxes(inside[b"iprp"])
        own = _listed(kinds[b"ipco"])
        associations.append((number, [len(properties) + at + 1 for at in range(len(own))]))
        properties += own
        items.append(_box(b"infe", b"\2\0\0\0" + struct.pack(">HH", number, 0) + b"av01\0"))
    size = len(_collection_head(items, properties, associations, [(0, 0)] * len(files)))
    places = [(size + 8 + sum(map(len, payloads[:at])), len(payload)) for at, payload in enumerate(payloads)]
    return _collection_head(items, properties, associations, places) + _box(b"mdat", b"".join(payloads))


def _collection_head(
    items: list[bytes],
    properties: list[bytes],
    associations: list[tuple[int, list[int]]],
    places: list[tuple[int, int]],
) -> bytes:
    located = b"".join(struct.pack(">HHHII", number, 0, 1, *place) for number, place in enumerate(places, 1))
    associated = b"".join(struct.pack(">HB", number, len(own)) + bytes(own) for number, own in associations)
    many = struct.pack(">H", len(items))
    meta = bytes(4) + _box(b"hdlr", bytes(8) + b"pict" + bytes(13)) + _box(b"pitm", bytes(4) + b"\0\1")
    meta += _box(b"iloc", bytes(4) + b"\x44\0" + many + located)
    meta += _box(b"iinf", bytes(4) + many + b"".join(items))
    ipma = _box(b"ipma", bytes(4) + bytes(2) + many + associated)
    meta += _box(b"iprp", _box(b"ipco", b"".join(properties)) + ipma)
    return _box(b"ftyp", b"avif\0\0\0\0avifmif1miaf") + _box(b"meta", meta)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def _listed(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found.append(data[at : at + size])
        at += size
    return found


def _boxes(data: bytes) -> dict[bytes, bytes]:
    return {box[4:8]: box[8:] for box in _listed(data)}


def test_each_picture_of_an_avif_is_read(decoder: Decoder) -> None:
    images = [photograph(seed=seed) for seed in (1, 2, 3)]
    found = pictures(decoder, collection(*images))
    assert [(picture.part, picture.parts, picture.seconds) for picture in found] == [
        (1, 3, None),
        (2, 3, None),
        (3, 3, None),
    ]
    assert max(difference(picture, image) for picture, image in zip(found, images, strict=True)) < 8


@pytest.mark.parametrize("missing", [1, 2, 3, 20, 100, 400])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_avif_without_its_last_bytes_is_read(decoder: Decoder, missing: int, seed: int) -> None:
    image = photograph((640, 480), seed)
    picture = decoder.decode(encoded(image, "AVIF", quality=80)[:-missing])
    assert picture.incomplete
    assert difference(picture, image) < 30


# ---------------------------------------------------------------- files that break off, and files that do not


def test_the_frames_before_the_break_of_a_webp_are_read(decoder: Decoder) -> None:
    frames = [photograph(seed=seed) for seed in (1, 2, 3, 4)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=600, quality=90)
    found = pictures(decoder, data[: len(data) * 6 // 10])
    assert len(found) == 3
    assert difference(found[1], frames[1]) < 8
    assert found[2].incomplete


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_run_length_coded_bitmap_is_read_as_far_as_it_goes(decoder: Decoder, share: float) -> None:
    width, height = 96, 64
    rows = b"".join(bytes((width, 1 + row % 2)) + b"\0\0" for row in range(height)) + b"\0\1"
    palette = b"\0\0\0\0" + b"\x20\x40\xc0\0" + b"\xc0\x40\x20\0" + bytes(4 * 253)
    start = 14 + 40 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 0, 0, 256, 256)
    data = b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + palette + rows
    whole = decoder.decode(data)
    assert not whole.incomplete
    picture = decoder.decode(data[: start + int(share * len(rows))])
    assert picture.incomplete
    kept = int(share * height) - 1
    assert np.array_equal(picture.pixels[-kept:], whole.pixels[-kept:])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "GIF", "BMP", "JPEG2000"])
def test_other_bytes_behind_a_whole_picture_do_not_make_it_incomplete(decoder: Decoder, kind: str) -> None:
    rest = np.random.default_rng(7).integers(0, 256, 3000, np.uint8).tobytes()
    assert not decoder.decode(encoded(photograph(), kind) + rest).incomplete


def test_zeros_in_place_of_the_end_of_a_jpeg_2000(decoder: Decoder) -> None:
    image = photograph()
    data = encoded(image, "JPEG2000")
    kept = len(data) * 2 // 3
    picture = decoder.decode(data[:kept] + bytes(len(data) - kept))
    assert picture.incomplete


# ---------------------------------------------------------------- names of formats that are not read


@pytest.mark.parametrize("options", [{}, {"compression": "tga_rle"}])
@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_a_tga_is_called_one(decoder: Decoder, mode: str, options: dict[str, str]) -> None:
    data = encoded(chart(mode), "TGA", **options).replace(b"TRUEVISION-XFILE.\0", b"")
    with pytest.raises(FormatNotRead, match="TGA"):
        decoder.decode(data)


def test_an_icon_is_called_one(decoder: Decoder) -> None:
    with pytest.raises(FormatNotRead, match="ICO"):
        decoder.decode(encoded(chart(), "ICO"))
