from __future__ import annotations

import io
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from PIL import Image, ImageOps

from lineament.errors import DecoderDied, FileTooLarge, PictureTooLarge, PictureTruncated, UnknownFormat
from lineament.model.faces import Place
from lineament.testing import bad_pictures, chart, encoded, png
from lineament.vision.decode import Decoder
from lineament.vision.decode_checks import checked_place, checked_time
from lineament.vision.decode_protocol import DecodeReply, Status

MAX_BYTES = 64 * 2**20


def open_decoder(memory: int = 2**31) -> Decoder:
    return Decoder(workers=1, max_pixels=200_000_000, max_bytes=MAX_BYTES, memory=memory, seconds=20.0)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with open_decoder() as decoder:
        yield decoder


def test_a_jpeg_has_the_pixels_that_pillow_reads(decoder: Decoder) -> None:
    noise = Image.effect_noise((640, 480), 60).convert("RGB")
    data = encoded(noise, "JPEG", quality=90)
    picture = decoder.decode(data)
    assert (picture.width, picture.height, picture.media_type) == (640, 480, "image/jpeg")
    assert np.array_equal(picture.pixels, np.asarray(Image.open(io.BytesIO(data))))
    assert picture.pixels.flags.c_contiguous
    assert picture.taken_at is None
    assert picture.place is None


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("HEIF", "image/heic"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("GIF", "image/gif"),
        ("JPEG2000", "image/jp2"),
    ],
)
def test_the_format_is_detected_by_the_bytes(decoder: Decoder, kind: str, media_type: str) -> None:
    assert decoder.decode(encoded(chart(), kind)).media_type == media_type


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_large_pictures_are_decoded_whole(decoder: Decoder, kind: str) -> None:
    small = Image.effect_noise((600, 400) if kind != "HEIF" else (300, 200), 60).convert("RGB")
    large = small.resize((10 * small.width, 10 * small.height), Image.Resampling.NEAREST)
    by_kind: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 95},
        "WEBP": {"quality": 90, "method": 0},
        "PNG": {"compress_level": 1},
        "TIFF": {"compression": "tiff_lzw"},
    }
    options = by_kind.get(kind, {})
    picture = decoder.decode(encoded(large, kind, **options))
    assert (picture.width, picture.height) == large.size
    assert picture.pixels.shape == (large.height, large.width, 3)
    middles = picture.pixels[5::10, 5::10].astype(np.int16)
    assert np.abs(middles - np.asarray(small)).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(3000, 2101), (700, 6001)])
def test_a_large_turned_picture_is_upright(decoder: Decoder, orientation: int, size: tuple[int, int]) -> None:
    """It is written in bands."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.effect_noise(size, 60).convert("RGB")
    picture = decoder.decode(encoded(stored, "PNG", exif=exif, compress_level=1))
    upright = ImageOps.exif_transpose(stored_with(stored, exif))
    assert (picture.width, picture.height) == upright.size
    assert np.array_equal(picture.pixels, np.asarray(upright))


def stored_with(image: Image.Image, exif: Image.Exif) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, "PNG", exif=exif, compress_level=1)))


@pytest.mark.parametrize("size", [(4095, 64), (4096, 64), (64, 8193), (16385, 400), (5200, 2000)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_old_reductions_can_be_repeated(decoder: Decoder, kind: str, size: tuple[int, int]) -> None:
    """Up to version 0.2 a JPEG was decoded at 1/2, 1/4 or 1/8 if 2048 pixels were left, the rest reduced to 2560."""
    picture = decoder.decode(encoded(chart("RGB", size), kind), as_before=True)
    longest = max(size)
    if kind == "JPEG":
        scale = next((scale for scale in (8, 4, 2) if longest // scale >= 2048), 1)
        expected = tuple(-(-side // scale) for side in size)
    else:
        expected = tuple(max(1, round(side * min(1, 2560 / longest))) for side in size)
    assert (picture.width, picture.height) == size
    assert picture.pixels.shape == (expected[1], expected[0], 3)


def test_large_pictures_wait_for_room_but_not_for_their_own_thread() -> None:
    data = encoded(Image.new("RGB", (5000, 4000), (10, 20, 30)), "JPEG")
    with Decoder(workers=2, max_pixels=30_000_000, max_bytes=MAX_BYTES, memory=2**30, seconds=20.0) as small:
        first, second = small.decode(data), small.decode(data)  # 40 million pixels of one thread
        with ThreadPoolExecutor(1) as other:
            waiting = other.submit(small.decode, data)
            with pytest.raises(TimeoutError):
                waiting.result(1)
            del first, second
            assert waiting.result(20).width == 5000
            del waiting


def test_a_refused_large_picture_gives_its_room_back() -> None:
    half = encoded(Image.effect_noise((5000, 4000), 50), "JPEG")
    refused = half[: len(half) // 1000]
    with Decoder(workers=1, max_pixels=30_000_000, max_bytes=MAX_BYTES, memory=2**30, seconds=20.0) as small:
        for _ in range(3):
            with pytest.raises(PictureTruncated):
                small.decode(refused)
        with ThreadPoolExecutor(1) as other:
            assert other.submit(small.decode, half).result(20).width == 5000


def test_limits_are_checked_before_decoding(decoder: Decoder) -> None:
    with pytest.raises(FileTooLarge):
        decoder.decode(bytes(MAX_BYTES + 1))
    with pytest.raises(PictureTooLarge, match="14143 × 14143"):
        decoder.decode(png((14143, 14143), 8, 2, b"\0"))
    with pytest.raises(PictureTooLarge, match="65536 × 40"):
        decoder.decode(encoded(Image.new("L", (65_536, 40)), "PNG"))


def test_jpeg_2000_has_a_limit_of_its_own_and_kinds_by_its_first_bytes(decoder: Decoder) -> None:
    jp2 = encoded(chart(), "JPEG2000")
    large = bad_pictures()["jpeg 2000 of 14000 × 14000"][0]
    with pytest.raises(PictureTooLarge, match="14000 × 14000 pixels, more than the limit of 50,000,000"):
        decoder.decode(large)
    assert decoder.decode(jp2.replace(b"ftypjp2 ", b"ftypjpx ")).media_type == "image/jpx"
    assert decoder.decode(encoded(chart(), "JPEG2000", no_jp2=True)).media_type == "image/j2c"
    assert np.array_equal(decoder.decode(jp2).pixels, np.asarray(chart())), "it is without loss"


def test_a_picture_that_needs_too_much_memory_fails_alone() -> None:
    huge = encoded(Image.new("P", (14_000, 14_000)), "GIF")
    with open_decoder(256 * 2**20) as small:
        with pytest.raises(DecoderDied, match="256 MiB"):
            small.decode(huge)
        assert small.decode(encoded(chart(), "PNG")).width == 96


def test_only_pictures_are_read(decoder: Decoder) -> None:
    with pytest.raises(UnknownFormat):
        decoder.decode(encoded(chart(), "PPM"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
def test_time_and_place_come_from_the_exif(decoder: Decoder, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0x9003: "2024:05:31 13:14:15", 0x9011: "+02:00"})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 52.0, 7.5), 3: "E", 4: (151.0, 12.0, 36.0)})
    picture = decoder.decode(encoded(chart(), kind, exif=exif.tobytes()))
    assert (picture.width, picture.height) == (64, 96)
    assert picture.taken_at == datetime(2024, 5, 31, 13, 14, 15, tzinfo=timezone(timedelta(hours=2)))
    assert picture.place is not None
    assert (picture.place.latitude, picture.place.longitude) == pytest.approx((-33.86875, 151.21))


@pytest.mark.parametrize(
    ("untrusted", "expected"),
    [
        (b"2024:05:31 12:00:00+00:00", datetime(2024, 5, 31, 12, tzinfo=UTC)),
        (b"2024:05:31 12:00:00\0\0\0", datetime(2024, 5, 31, 12)),  # noqa: DTZ001 - no zone is known
        (b"0000:00:00 00:00:00", None),
        (b"0001:01:01 00:00:00", None),
        (b"2024:02:30 12:00:00", None),
        (b"2024:05:31 12:00:00+99:99", None),
        (b"    :  :     :  :  ", None),
        (b"\xff\xfe", None),
        (b"", None),
    ],
)
def test_absurd_times_are_no_times(untrusted: bytes, expected: datetime | None) -> None:
    assert checked_time(untrusted) == expected


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        (48.1, 11.5, Place(latitude=48.1, longitude=11.5)),
        (90.1, 0.0, None),
        (0.0, -180.5, None),
        (math.nan, 10.0, None),
        (math.inf, 10.0, None),
        (0.0, 0.0, None),
    ],
)
def test_absurd_places_are_no_places(latitude: float, longitude: float, expected: Place | None) -> None:
    reply = DecodeReply(Status.DECODED, has_place=True, latitude=latitude, longitude=longitude)
    assert checked_place(reply) == expected
    assert checked_place(reply._replace(has_place=False)) is None
