"""Odd and hostile files through real decoders: the right pixels or the right error, and always an answer (R50)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

import lineament
from lineament.errors import BadPicture, LineamentError, PictureTooLarge
from lineament.model.faces import Box
from lineament.testing import CHART, CHART_SIZE, PAYLOAD, bad_pictures, camera_raw, chart, damaged_pictures, encoded
from lineament.vision.decode import DecodedPicture, Decoder
from lineament.vision.derive import apply_edits, face_crop, perceptual_hash, thumbnail

PORTRAITS = sorted((Path(lineament.__file__).parent / "demo").glob("*.jpg"))
CORPUS = bad_pictures()
READABLE = [name for name, (_, error) in CORPUS.items() if error is None]
REFUSED = [name for name, (_, error) in CORPUS.items() if error is not None]
DAMAGED = damaged_pictures()
GREY = {name for name in READABLE if ", grey" in name}
BLACK_AND_WHITE = {"png, two colours"}
WEB_PALETTE = {"polyglot, gif and script"}


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(workers=2, max_pixels=200_000_000, max_bytes=64 * 2**20, memory=1536 * 2**20, seconds=20.0) as decoder:
        yield decoder


@pytest.mark.parametrize("name", REFUSED)
def test_an_unusable_picture_is_refused_with_the_right_error(decoder: Decoder, name: str) -> None:
    data, error = CORPUS[name]
    with pytest.raises(LineamentError) as raised:
        decoder.decode(data)
    assert type(raised.value) is error
    assert raised.value.exit_code == 5


@pytest.mark.parametrize("name", READABLE)
def test_a_readable_picture_shows_the_chart_upright(decoder: Decoder, name: str) -> None:
    picture = decoder.decode(CORPUS[name][0])
    assert (picture.width, picture.height) == CHART_SIZE
    assert picture.pixels.shape == (CHART_SIZE[1], CHART_SIZE[0], 3)
    expected = np.asarray([_expected(colour, name) for colour in CHART])
    quarters = [picture.pixels[y, x] for y in (16, 48) for x in (24, 72)]
    assert np.abs(np.asarray(quarters) - expected).max() <= (25 if name in WEB_PALETTE else 4)
    assert picture.taken_at is None
    assert picture.place is None


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_a_picture_that_breaks_off_is_read_as_far_as_it_goes(decoder: Decoder, name: str) -> None:
    data, whole, least, most = DAMAGED[name]
    picture = decoder.decode(data)
    assert picture.incomplete
    missing = picture.missing or 0.0
    assert least <= missing <= most
    assert (picture.width, picture.height) == whole.size
    kept = picture.pixels[: round(picture.height * (1 - missing)) - 20]
    if name.startswith("bmp"):  # stored from the bottom
        kept = picture.pixels[round(picture.height * missing) + 20 :]
        expected = np.asarray(whole.convert("RGB"))[-len(kept) :]
    else:
        expected = np.asarray(whole.convert("RGB"))[: len(kept)]
    alike = np.corrcoef(kept[: len(kept) // 2].ravel(), expected[: len(kept) // 2].ravel())[0, 1]
    assert alike > 0.7
    assert not decoder.decode(encoded(whole, "PNG")).incomplete


@pytest.mark.parametrize("share", [0.95, 0.7, 0.4])
def test_missing_tiles_of_a_photograph_of_a_telephone_are_grey_not_green(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """They store a HEIC as a grid of tiles; where one is missing the library leaves green, and reports nothing."""
    import pillow_heif

    monkeypatch.setattr(pillow_heif.options, "GRID_TILE_SIZE", 256)
    image = Image.effect_noise((100, 100), 60).resize((768, 768), Image.Resampling.BICUBIC).convert("RGB")
    whole = encoded(image, "HEIF")
    assert not decoder.decode(whole).incomplete
    picture = decoder.decode(whole[: round(len(whole) * share)])
    assert picture.incomplete
    assert picture.missing == pytest.approx(1 - share, abs=0.25)
    assert not (picture.pixels == (0, 136, 0)).all(axis=2).any()
    assert (picture.pixels[-1] == 128).all()


def _expected(colour: tuple[int, int, int], name: str) -> tuple[int, int, int]:
    light = round(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2])
    if name in GREY:
        return light, light, light
    if name in BLACK_AND_WHITE:
        return (255, 255, 255) if light > 127 else (0, 0, 0)
    return colour


def test_the_corpus_contains_the_required_kinds() -> None:
    assert {"empty", "text named jpg", "jpeg cut in its header", "png of 30000 × 30000", "one pixel"} <= set(REFUSED)
    assert {"gif, animated", "jpeg, cmyk", "png, 16 bit", "png, palette with transparency"} <= set(READABLE)
    assert sum(name.startswith("polyglot") for name in READABLE) >= 5
    assert all(f"jpeg, orientation {orientation}" in READABLE for orientation in range(1, 9))


def test_the_message_names_the_size_and_the_limit(decoder: Decoder) -> None:
    with pytest.raises(PictureTooLarge, match="30000 × 30000 pixels, more than the limit of 200,000,000"):
        decoder.decode(CORPUS["png of 30000 × 30000"][0])


@pytest.mark.parametrize("name", [name for name in READABLE if name.startswith("polyglot")])
def test_derived_pictures_contain_nothing_of_a_polyglot(decoder: Decoder, name: str) -> None:
    data = CORPUS[name][0]
    assert PAYLOAD in data
    picture = decoder.decode(data)
    for derived in (thumbnail(picture), face_crop(picture, Box(x=0, y=0, width=60, height=60))):
        assert PAYLOAD[8:20] not in derived
        assert b"PK" not in derived[-64:]
        assert derived.endswith(b"\xff\xd9")


def test_derived_pictures_contain_no_exif(decoder: Decoder) -> None:
    picture = decoder.decode(CORPUS["jpeg, orientation 6"][0])
    for derived in (thumbnail(picture), face_crop(picture, Box(x=0, y=0, width=60, height=60))):
        assert b"Exif" not in derived
        assert derived[:4] == b"\xff\xd8\xff\xe0"  # JFIF, followed by tables


@pytest.mark.parametrize("seed", range(4))
def test_mutated_pictures_get_an_answer_and_the_next_picture_is_read(decoder: Decoder, seed: int) -> None:
    """One hundred mutations for each seed, of small files in all formats."""
    chance = random.Random(seed)
    pictures = [file.read_bytes() for file in PORTRAITS if file.stat().st_size < 50_000]
    kinds = ("JPEG", "PNG", "WEBP", "HEIF", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000")
    pictures += [encoded(chart(), kind) for kind in kinds]
    pictures += [camera_raw(chart()), bytes(imagecodecs.jpegxl_encode(np.asarray(chart())))]
    several = {"save_all": True, "append_images": [chart().rotate(180), chart("RGB", CHART_SIZE)]}
    pictures += [encoded(chart(), kind, **several) for kind in ("GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO")]
    pictures += [CORPUS[name][0] for name in READABLE if name.startswith(("exif", "tiff", "gif", "heic"))]
    read = 0
    for _ in range(100):
        data = _mutate(chance.choice(pictures), chance)
        try:
            found = [picture for picture in decoder.pictures(data) if isinstance(picture, DecodedPicture)]
        except BadPicture:
            continue
        read += bool(found)
        for picture in found:
            assert picture.pixels.shape[2] == 3
            assert len(perceptual_hash(picture.pixels)) == 32
            assert thumbnail(apply_edits(picture, ()))
    assert 0 < read < 100  # otherwise the mutations are too strong or too weak
    for file in PORTRAITS:
        assert decoder.decode(file.read_bytes()).media_type == "image/jpeg"


def _mutate(data: bytes, chance: random.Random) -> bytes:
    """Return a copy with a few bytes changed, removed, inserted or repeated, more often near the headers."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = int(len(changed) * chance.random() ** 3)
        match chance.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"))
            case 2:
                del changed[at : at + chance.randrange(1, 200)]
            case 3:
                changed[at:at] = chance.randbytes(chance.randrange(1, 50))
            case _:
                changed[at:at] = changed[at : at + chance.randrange(1, 300)]
    return bytes(changed)
