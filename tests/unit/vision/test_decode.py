from __future__ import annotations

import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from PIL import Image

from lineament.errors import DecoderDied, FileTooLarge, PictureTooLarge, UnknownFormat
from lineament.model.faces import Place
from lineament.testing import bad_pictures, chart, encoded, png
from lineament.vision.decode import Decoder, checked_place, checked_time
from lineament.vision.decode_protocol import DecodeReply, Status

MAX_BYTES = 64 * 2**20


def open_decoder(memory: int = 1536 * 2**20) -> Decoder:
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


@pytest.mark.parametrize(
    ("size", "decoded"),
    [
        ((4095, 64), (4095, 64)),  # half would be 2047, not sharp enough
        ((4096, 64), (2048, 32)),
        ((64, 8193), (16, 2049)),
        ((16385, 400), (2049, 50)),
    ],
)
def test_large_jpegs_are_decoded_at_reduced_scale(
    decoder: Decoder, size: tuple[int, int], decoded: tuple[int, int]
) -> None:
    picture = decoder.decode(encoded(chart("RGB", size), "JPEG"))
    assert (picture.width, picture.height) == size
    assert picture.pixels.shape == (decoded[1], decoded[0], 3)


@pytest.mark.parametrize(
    ("size", "decoded"),
    [((2560, 64), (2560, 64)), ((2561, 200), (2560, 200)), ((5200, 2000), (2560, 985)), ((640, 20_001), (82, 2560))],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_other_large_pictures_are_averaged_down(
    decoder: Decoder, mode: str, size: tuple[int, int], decoded: tuple[int, int]
) -> None:
    image = chart("RGB", size)
    image = image.quantize(8) if mode == "P" else image.convert(mode)
    picture = decoder.decode(encoded(image, "PNG", compress_level=1))
    assert (picture.width, picture.height) == size
    assert picture.pixels.shape == (decoded[1], decoded[0], 3)
    expected = np.asarray(image.convert("RGB").resize(decoded, Image.Resampling.BOX), np.int16)
    wrong = np.abs(picture.pixels - expected).max(axis=2) > 8
    rows, columns = np.nonzero(wrong)  # rounding may differ where the quarters meet, but not within them
    assert np.all((np.abs(rows - decoded[1] / 2) < 3) | (np.abs(columns - decoded[0] / 2) < 3))


def test_a_large_turned_picture_is_upright_in_pixels_of_the_original(decoder: Decoder) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = chart("RGB", (4000, 6000)).transpose(Image.Transpose.ROTATE_90)
    picture = decoder.decode(encoded(lying, "JPEG", exif=exif))
    assert (picture.width, picture.height) == (4000, 6000)
    assert picture.pixels.shape == (3000, 2000, 3)
    assert picture.pixels[10, 10].tolist() == pytest.approx([200, 40, 40], abs=3)


def test_limits_are_checked_before_decoding(decoder: Decoder) -> None:
    with pytest.raises(FileTooLarge):
        decoder.decode(bytes(MAX_BYTES + 1))
    with pytest.raises(PictureTooLarge, match="14143 × 14143"):
        decoder.decode(png((14143, 14143), 8, 2, b"\0"))
    with pytest.raises(PictureTooLarge, match="24001 × 40"):
        decoder.decode(encoded(Image.new("L", (24_001, 40)), "JPEG"))


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
