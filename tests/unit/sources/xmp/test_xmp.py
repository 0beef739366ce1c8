"""Regions of faces in XMP: every shape in which programs write them, and whatever a stranger may send instead."""

from __future__ import annotations

import struct

import pytest
from tests.support.xmp import Centred, in_elements, marked, of_microsoft, picture_with

from lineament.model.faces import Provenance
from lineament.model.regions import MOST_REGIONS, FaceRegion, RegionHints
from lineament.sources.xmp.packets import LARGEST_PACKET, packets_in
from lineament.sources.xmp.reader import DEEPEST, parse_hints, read_hints, with_names
from lineament.testing import chart, encoded

REGION: Centred = (0.5, 0.4, 0.2, 0.3)
SIZE = (400, 300)
KINDS = ("JPEG", "PNG", "TIFF", "WEBP", "HEIF")


def the_region(hints: RegionHints | None) -> FaceRegion:
    assert hints is not None
    (region,) = hints.regions
    return region


def is_there(region: FaceRegion) -> bool:
    found = (region.left, region.top, region.width, region.height)
    return found == pytest.approx((0.4, 0.25, 0.2, 0.3))


@pytest.mark.parametrize(
    "packet", [marked([(REGION, "Ada")], SIZE), in_elements(REGION, "Ada", SIZE)], ids=["attributes", "elements"]
)
def test_regions_of_faces_are_read(packet: bytes) -> None:
    hints = parse_hints(packet)
    region = the_region(hints)
    assert is_there(region)
    assert region.name == "Ada"
    assert hints == RegionHints(regions=(region,), size=(400.0, 300.0))


def test_regions_of_microsoft_are_read() -> None:
    hints = parse_hints(of_microsoft("0.4, 0.25, 0.2, 0.3", "Ada"))
    assert is_there(the_region(hints))
    assert hints is not None
    assert (hints.names, hints.size) == (("Ada",), None)


@pytest.mark.parametrize("kind", KINDS)
def test_the_packet_of_each_format_is_found(kind: str) -> None:
    packet = marked([(REGION, "Ada")], SIZE)
    assert is_there(the_region(read_hints(picture_with(chart(size=SIZE), kind, packet))))


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_without_regions_say_nothing(kind: str) -> None:
    assert read_hints(encoded(chart(), kind)) is None
    other = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a/></x:xmpmeta>'
    assert read_hints(picture_with(chart(), kind, other)) is None


def segment(body: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def test_the_extension_of_a_jpeg_is_joined() -> None:
    packet = marked([(REGION, f"Person {number}") for number in range(500)], SIZE)
    digest = b"0123456789ABCDEF0123456789ABCDEF"
    standard = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><a>" + digest + b"</a></x:xmpmeta>"
    parts = [packet[at : at + 60_000] for at in range(0, len(packet), 60_000)]
    heads = [
        b"http://ns.adobe.com/xmp/extension/\0" + struct.pack(">32sII", digest, len(packet), 60_000 * number)
        for number in range(len(parts))
    ]
    segments = [segment(head + part) for head, part in zip(heads, parts, strict=True)]
    jpeg = encoded(chart(), "JPEG")
    hints = read_hints(jpeg[:2] + segment(standard) + b"".join(reversed(segments)) + jpeg[2:])
    assert len(parts) > 1
    assert hints is not None
    assert len(hints.regions) == 500


def test_what_is_no_face_is_passed_over() -> None:
    assert parse_hints(marked([(REGION, "Rex")], SIZE, kind="Pet")) is None
    assert parse_hints(marked([], SIZE)) is None


@pytest.mark.parametrize(
    "region",
    [
        (1.4, 0.4, 0.2, 0.3),
        (0.5, -0.2, 0.2, 0.3),
        (0.5, 0.4, 0.0, 0.3),
        (0.5, 0.4, 0.2, -0.3),
        (0.5, 0.4, 3.0, 0.3),
        (float("nan"), 0.4, 0.2, 0.3),
        (0.5, 0.4, float("inf"), 0.3),
        (0.5, 0.4, 1e-9, 0.3),
    ],
)
def test_regions_that_cannot_be_are_counted(region: Centred) -> None:
    assert parse_hints(marked([(region, "Ada")], SIZE)) == RegionHints(left_out=1, size=(400.0, 300.0))


def test_a_region_in_another_unit_is_counted() -> None:
    assert parse_hints(marked([((200, 120, 80, 90), "Ada")], unit="pixel")) == RegionHints(left_out=1)


def test_a_rectangle_that_is_none_is_counted() -> None:
    assert parse_hints(of_microsoft("0.4, 0.25, 0.2", "Ada")) == RegionHints(left_out=1)


def test_thousands_of_regions_are_bounded() -> None:
    hints = parse_hints(marked([(REGION, "")] * (MOST_REGIONS + 7)))
    assert hints is not None
    assert (len(hints.regions), hints.left_out) == (MOST_REGIONS, 7)


@pytest.mark.parametrize("size", ["wide", "0", "-400", "inf"])
def test_a_size_that_is_none_is_no_size(size: str) -> None:
    packet = marked([(REGION, "Ada")], SIZE).replace(b'stDim:w="400"', f'stDim:w="{size}"'.encode())
    hints = parse_hints(packet)
    assert hints is not None
    assert hints.size is None


ENTITY = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    "packet",
    [
        ENTITY + marked([(REGION, "Ada")]).replace(b"Ada", b"&amp;b;"),
        ENTITY + marked([(REGION, "Ada")]),
        marked([(REGION, "Ada")])[:-20],
        marked([(REGION, "Ada")]).replace(b"Ada", b"&b;"),
        b"<a>" * (DEEPEST + 1) + marked([(REGION, "Ada")]) + b"</a>" * (DEEPEST + 1),
        marked([(REGION, "Ada")]) + b" " * LARGEST_PACKET,
        b"\xff\xfe" + marked([(REGION, "Ada")]).decode().encode("utf-16-le")[:-1],
        marked([(REGION, "Ada")]).replace(b"Ada", b"\xff"),
        marked([(REGION, "Ada")]).replace(b"Ada", b"\0"),
        marked([(REGION, "Ada")]).replace(b' stArea:y="', b' stArea:x="'),
    ],
)
def test_xml_that_is_not_read_counts_as_one(packet: bytes) -> None:
    assert parse_hints(packet) == RegionHints(left_out=1)


def test_a_side_car_in_utf_16_is_read() -> None:
    assert is_there(the_region(parse_hints(marked([(REGION, "Ada")]).decode().encode("utf-16"))))


def test_names_are_one_line_and_bounded() -> None:
    hints = parse_hints(marked([(REGION, "Ada\n\tLovelace\u202e" + "x" * 500)]))
    (name,) = hints.names if hints is not None else ()
    assert name.startswith("Ada Lovelace x")
    assert len(name) == 100


def test_names_are_claims_beside_the_words_of_a_picture() -> None:
    hints = RegionHints(
        regions=tuple(
            FaceRegion(left=0, top=0, width=1, height=1, name=name) for name in ("Ada", None, "Ada", "Charles")
        )
    )
    plain = Provenance(uri="file:///a.jpg")
    assert with_names(plain, hints) == "subject: Ada; subject: Charles"
    beside = Provenance(uri="file:///a.jpg", words="subject: Ada")
    assert with_names(beside, hints) == "subject: Ada; subject: Charles"
    page = Provenance(uri="file:///a.jpg", words="at the harbour")
    assert with_names(page, hints) == "at the harbour; subject: Ada; subject: Charles"
    longer = Provenance(uri="file:///a.jpg", words="subject: Adam; subject: Charles; taken at noon")
    assert with_names(longer, hints) == "subject: Adam; subject: Charles; taken at noon; subject: Ada"


def test_only_the_first_packet_of_a_jpeg_counts() -> None:
    jpeg = picture_with(chart(), "JPEG", marked([(REGION, "Ada")]))
    second = picture_with(chart(), "JPEG", marked([(REGION, "Charles")]))
    assert len(packets_in(jpeg + second)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_break_off_raise_nothing(kind: str) -> None:
    whole = picture_with(chart(), kind, marked([(REGION, "Ada")]))
    ends = range(0, len(whole), max(1, len(whole) // 200))
    assert all(read_hints(whole[:end]) is None or end > 100 for end in ends)
