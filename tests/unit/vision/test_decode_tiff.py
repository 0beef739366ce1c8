"""TIFF in the variants that programs write: what Pillow reads wrongly or not at all, and pages that cannot be read."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from lineament.errors import BadPicture, PictureTruncated
from lineament.testing import CHART, chart, encoded
from lineament.testing.rare_pictures import tiff
from lineament.vision.decode import DecodedPicture, Decoder, RefusedPart

SIZE = (96, 64)
SHORT, LONG = 3, 4
UNSIGNED, SIGNED, FLOATING = 1, 2, 3


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(workers=1, max_pixels=50_000_000, max_bytes=2**26, memory=2**31, seconds=30.0) as decoder:
        yield decoder


def page(values: np.ndarray, colours: int, *, kind: int = UNSIGNED, order: str = "<", **more: int | bytes) -> bytes:
    """Return a TIFF of one strip with these values, uncompressed unless ``strip`` gives it packed."""
    values = np.ascontiguousarray(values)
    samples = 1 if values.ndim == 2 else values.shape[2]
    packed = more.pop("strip", (values if order == "<" else values.byteswap()).tobytes())
    shorts = {258: [8 * values.itemsize] * samples, 259: [1], 262: [colours], 277: [samples], 339: [kind] * samples}
    shorts |= {int(tag.removeprefix("tag")): [value] for tag, value in more.items() if isinstance(value, int)}
    entries = [(tag, SHORT, struct.pack(f"{order}{len(found)}H", *found)) for tag, found in shorts.items()]
    sides = ((256, values.shape[1]), (257, values.shape[0]), (278, values.shape[0]))
    entries += [(tag, LONG, struct.pack(f"{order}I", side)) for tag, side in sides]
    return tiff(entries, bytes(packed), order)


def grey() -> np.ndarray:
    return np.asarray(chart("L"))


def colours() -> np.ndarray:
    return np.asarray(chart())


def lab() -> np.ndarray:
    """Return the chart in Lab, with signs."""
    profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    converted = ImageCms.applyTransform(chart(), ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    assert converted is not None
    return np.asarray(converted)


VARIANTS = {
    "white is zero, 16 bit": page(65535 - grey().astype("u2") * 257, 0),
    "32 bit": page(grey().astype("u4") * 16843009, 1),
    "32 bit, big-endian": page(grey().astype("u4") * 16843009, 1, order=">"),
    "signed, 16 bit": page(grey().astype("i2") * 128, 1, kind=SIGNED),
    "signed, 8 bit": page(grey().astype("u1") // 2, 1, kind=SIGNED),
    "floating, 64 bit": page(grey() / 255, 1, kind=FLOATING),
    "with transparency, 16 bit": page(
        np.dstack([grey().astype("u2") * 257, np.full_like(grey(), 65535, "u2")]), 1, tag338=2
    ),
    "colours, floating": page((colours() / 255).astype("f4"), 2, kind=FLOATING),
    "colours, floating, 16 bit, big-endian": page((colours() / 255).astype("f2"), 2, kind=FLOATING, order=">"),
    "colours, 32 bit": page(colours().astype("u4") * 16843009, 2),
    "colours, WebP": page(colours(), 2, tag259=50001, strip=bytes(imagecodecs.webp_encode(colours(), lossless=True))),
    "Lab of ICC": page(lab() ^ np.array([0, 128, 128], "u1"), 9),
    "Lab of CIE, 16 bit": page(
        np.dstack([lab()[..., 0].astype("u2") * 257, (lab().view("i1")[..., 1:].astype("i2") * 256).view("u2")]), 8
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_have_the_right_colours(decoder: Decoder, name: str) -> None:
    picture = decoder.decode(VARIANTS[name])
    assert (picture.width, picture.height, picture.incomplete) == (*SIZE, False)
    shown = np.asarray(picture.pixels)[[16, 16, 48, 48], [24, 72, 24, 72]].astype(int)
    in_colour = "colours" in name or "Lab" in name
    wanted = (
        np.array(CHART)
        if in_colour
        else np.array([[light] * 3 for light in grey()[[16, 16, 48, 48], [24, 72, 24, 72]]])
    )
    assert np.abs(shown - wanted).max() <= 6


def three_pages() -> tuple[bytearray, list[int]]:
    """Return a TIFF of three pages, and where their directories begin."""
    pages = [chart().rotate(180 * number) for number in range(3)]
    data = bytearray(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw"))
    places, at = [], struct.unpack_from("<I", data, 4)[0]
    while at:
        places.append(at)
        at = struct.unpack_from("<I", data, at + 2 + 12 * struct.unpack_from("<H", data, at)[0])[0]
    return data, places


def changed(data: bytearray, directory: int, tag: int, value: int) -> bytes:
    (many,) = struct.unpack_from("<H", data, directory)
    entries = range(directory + 2, directory + 2 + 12 * many, 12)
    at = next(at for at in entries if struct.unpack_from("<H", data, at)[0] == tag)
    struct.pack_into("<I", data, at + 8, value)
    return bytes(data)


def outcomes(decoder: Decoder, data: bytes) -> list[str]:
    return [
        str(part.why) if isinstance(part, RefusedPart) else f"{part.part} of {part.parts}"
        for part in decoder.pictures(data)
    ]


def test_a_page_that_cannot_be_read_is_refused_and_those_after_it_are_taken(decoder: Decoder) -> None:
    data, directories = three_pages()
    first, second, third = outcomes(decoder, changed(data, directories[1], 259, 34712))  # JPEG 2000
    assert (first, third) == ("1 of 3", "3 of 3")
    assert "a variant of its format" in second


def test_a_page_that_only_libtiff_reads_stands_among_the_others(decoder: Decoder) -> None:
    data, directories = three_pages()
    changed(data, directories[1], 262, 9)
    assert outcomes(decoder, bytes(data)) == ["1 of 3", "2 of 3", "3 of 3"]


def test_pages_that_the_file_breaks_off_before_are_not_passed_over(decoder: Decoder) -> None:
    data, directories = three_pages()
    first, second = outcomes(decoder, bytes(data[: directories[1]]))
    assert first == "1 of 2"
    assert "breaks off" in second
    with pytest.raises(PictureTruncated):
        decoder.decode(bytes(data[: directories[1]]), 2)


def test_a_chain_that_leads_into_other_bytes_is_told(decoder: Decoder) -> None:
    data, directories = three_pages()
    end = directories[0] + 2 + 12 * struct.unpack_from("<H", data, directories[0])[0]
    struct.pack_into("<I", data, end, 4)  # where no directory is
    data[4:6] = struct.pack("<H", directories[0])
    first, second = outcomes(decoder, bytes(data))
    assert first == "1 of 2"
    assert "breaks off" in second or "damaged" in second


def test_a_page_whose_data_break_off_is_incomplete(decoder: Decoder) -> None:
    noise = Image.effect_noise((200, 200), 90).convert("RGB")
    jpeg = encoded(noise, "JPEG", quality=95)
    whole = page(np.asarray(noise), 6, tag259=7, strip=jpeg)
    assert not decoder.decode(whole).incomplete
    assert decoder.decode(whole[:-2]).incomplete
    assert decoder.decode(whole[: len(whole) * 9 // 10]).incomplete


def test_a_hole_in_a_packed_page_leaves_what_is_before_it(decoder: Decoder) -> None:
    noise = np.asarray(Image.effect_noise((300, 400), 60).convert("RGB"))
    packed = bytes(imagecodecs.lzw_encode(noise.tobytes()))
    half = packed[: len(packed) // 2]
    picture = decoder.decode(page(noise, 2, tag259=5, strip=half + b"\xff" * (len(packed) - len(half))))
    assert picture.incomplete
    assert np.array_equal(picture.pixels[:150], noise[:150])


def test_a_picture_that_another_directory_holds_is_taken(decoder: Decoder) -> None:
    """Some cameras leave a thumbnail in the first directory, and the picture in one below it."""
    data, directories = three_pages()
    (many,) = struct.unpack_from("<H", data, directories[0])
    entries = data[directories[0] + 2 : directories[0] + 2 + 12 * many]
    kind = struct.pack("<HHII", 254, LONG, 1, 1)
    further = struct.pack("<HHII", 330, LONG, 1, directories[2])
    at = len(data) + len(data) % 2
    shown = data.ljust(at, b"\0") + struct.pack("<H", many + 2) + kind + entries + further + bytes(4)
    shown[4:8] = struct.pack("<I", at)
    (found,) = decoder.pictures(bytes(shown))
    assert isinstance(found, DecodedPicture)
    assert np.array_equal(found.pixels, colours())


def test_a_large_tiff_in_the_other_byte_order(decoder: Decoder) -> None:
    rows = colours().tobytes()
    tags = [(256, 96), (257, 64), (258, 8), (259, 1), (262, 2), (273, 0), (277, 3), (278, 64), (279, len(rows))]
    start = 16 + 8 + 20 * len(tags) + 8
    entries = b"".join(
        struct.pack(">HHQQ", tag, LONG, 1, (start if tag == 273 else value) << 32) for tag, value in tags if tag != 258
    )
    bits = struct.pack(">HHQ", 258, SHORT, 3) + struct.pack(">4H", 8, 8, 8, 0)
    data = b"MM\0+\0\x08\0\0" + struct.pack(">QQ", 16, len(tags)) + entries[:40] + bits + entries[40:] + bytes(8) + rows
    picture = decoder.decode(data)
    assert np.array_equal(picture.pixels, colours())


def test_a_variant_that_libtiff_does_not_read_is_not_called_damaged(decoder: Decoder) -> None:
    with pytest.raises(BadPicture, match="a variant of its format"):
        decoder.decode(page(colours(), 2, tag259=50002))  # JPEG XL
