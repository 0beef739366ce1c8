"""Reads the regions of faces in XMP: MWG's (Lightroom, digiKam, Immich) and Microsoft's.

XMP is XML. Expat reads it here as a stream, without a document type, so without entities, and nothing is fetched; a
packet that names neither vocabulary is not parsed at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from xml.parsers import expat

from lineament.model.faces import Provenance
from lineament.model.regions import MOST_REGIONS, FaceRegion, RegionHints
from lineament.sources.provenance import one_line
from lineament.sources.xmp.packets import LARGEST_PACKET, packets_in

DEEPEST = 64
"""Most elements within each other."""
MOST_ELEMENTS = 200_000
"""Most elements of a packet."""
MOST_NAMES = 20
"""Most names of one picture that are kept with its provenance."""
LONGEST_NAME = 100
"""Most characters of a name."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_MWG = "http://www.metadataworkinggroup.com/schemas/regions/"
_AREA = "http://ns.adobe.com/xmp/sType/Area#"
_SIZE = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_MICROSOFT = "http://ns.microsoft.com/photo/1.2/t/Region#"
_LISTS = frozenset({f"{_MWG} RegionList", "http://ns.microsoft.com/photo/1.2/t/RegionInfo# Regions"})
_BOUNDS = f"{_MWG} AppliedToDimensions"
_EXTENSIONS = f"{_MWG} Extensions"
_ITEM = f"{_RDF} li"
_VALUES = frozenset({
    f"{_MWG} Type", f"{_MWG} Name", f"{_AREA} x", f"{_AREA} y", f"{_AREA} w", f"{_AREA} h",
    f"{_AREA} unit", f"{_SIZE} w", f"{_SIZE} h", f"{_MICROSOFT} Rectangle", f"{_MICROSOFT} PersonDisplayName",
})  # fmt: skip
_VOCABULARIES = (_MWG, _MICROSOFT)
_LONGEST_VALUE = 1000
_LEAST = 1e-4
"""The least side of a region, as a share: in no picture that is read it has a pixel."""


class _NotXmpError(ValueError):
    """It is not XMP that is read."""


def read_hints(untrusted: bytes) -> RegionHints | None:
    """Return what the XMP in a picture says of the faces in it; None if it says nothing."""
    hints = None
    for packet in packets_in(untrusted):
        found = parse_hints(packet)
        if found is not None:
            hints = found if hints is None else hints.joined(found)
    return hints


def parse_hints(untrusted: bytes) -> RegionHints | None:
    """Return what an XMP packet or side-car says of the faces in its picture; None if it says nothing.

    What cannot be read counts as one that is left out.
    """
    try:
        text = _text(untrusted)
        if not any(vocabulary in text for vocabulary in _VOCABULARIES):
            return None
        regions = _Regions()
        regions.read(text)
    except (_NotXmpError, expat.ExpatError):
        return RegionHints(left_out=1)
    return regions.hints


def with_names(provenance: Provenance, hints: RegionHints) -> str | None:
    """Return the words of a picture with the names of the people marked in it after those it has."""
    known = provenance.words or ""
    wanted = [f"subject: {name}" for name in hints.names[:MOST_NAMES]]
    fresh = [words for words in wanted if f"; {words}; " not in f"; {known}; "]
    return one_line("; ".join([known, *fresh] if known else fresh))


def _text(untrusted: bytes) -> str:
    if len(untrusted) > LARGEST_PACKET:
        raise _NotXmpError
    with suppress(UnicodeDecodeError):
        if untrusted.startswith((b"\xff\xfe", b"\xfe\xff")):
            return untrusted.decode("utf-16")
        return untrusted.decode("utf-8-sig")
    raise _NotXmpError


class _Regions:
    """What is collected while a packet is read."""

    def __init__(self) -> None:
        self.hints: RegionHints | None = None
        self._path: list[str] = []
        self._elements = 0
        self._lists = 0  # lists of regions that are open
        self._item: dict[str, str] | None = None  # of the region that is open
        self._item_depth = 0
        self._size: dict[str, str] = {}
        self._value: list[str] | None = None
        self._found: list[FaceRegion] = []
        self._left_out = 0

    def read(self, text: str) -> None:
        """Read a packet. Raises _NotXmpError or ExpatError."""
        parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text
        parser.Parse(text.encode(), True)
        if self._found or self._left_out:
            self.hints = RegionHints(regions=tuple(self._found), size=_size(self._size), left_out=self._left_out)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._path.append(name)
        self._elements += 1
        if len(self._path) > DEEPEST or self._elements > MOST_ELEMENTS:
            raise _NotXmpError
        self._lists += name in _LISTS
        if name == _ITEM and self._lists and self._item is None:
            self._item, self._item_depth = {}, len(self._path)
        for key, value in attributes.items():
            self._put(key, value)
        self._value = [] if name in _VALUES else None

    def _add_text(self, text: str) -> None:
        if self._value is not None and len(self._value) < _LONGEST_VALUE:
            self._value.append(text)

    def _end(self, name: str) -> None:
        if self._value is not None:
            self._put(name, "".join(self._value))
            self._value = None
        if self._item is not None and self._item_depth == len(self._path):
            self._add(self._item)
            self._item = None
        self._lists -= name in _LISTS
        self._path.pop()

    def _put(self, key: str, value: str) -> None:
        """Keep the first value of a field of the region, or of the dimensions, that is open."""
        if key not in _VALUES or _EXTENSIONS in self._path:
            return
        if self._item is not None:
            self._item.setdefault(key, value[:_LONGEST_VALUE].strip())
        elif _BOUNDS in self._path:
            self._size.setdefault(key, value[:_LONGEST_VALUE].strip())

    def _add(self, fields: Mapping[str, str]) -> None:
        """Add the region with these fields if it is of a face."""
        if f"{_MICROSOFT} Rectangle" not in fields and fields.get(f"{_MWG} Type", "").lower() != "face":
            return
        region = _region(fields)
        if region is None or len(self._found) >= MOST_REGIONS:
            self._left_out += 1
        else:
            self._found.append(region)


def _refuse(*_: object) -> None:
    raise _NotXmpError


def _region(fields: Mapping[str, str]) -> FaceRegion | None:
    """Return the region with these fields; None if its middle lies outside the picture, or it has no area."""
    if (rectangle := fields.get(f"{_MICROSOFT} Rectangle")) is not None:
        parts = _numbers(rectangle.split(","))
        name = fields.get(f"{_MICROSOFT} PersonDisplayName")
        return None if len(parts) != 4 else _checked(parts[0], parts[1], parts[2], parts[3], name)
    if fields.get(f"{_AREA} unit", "normalized") != "normalized":
        return None
    parts = _numbers([fields.get(f"{_AREA} {side}", "") for side in "xywh"])  # a circle has a diameter instead
    if len(parts) != 4:
        return None
    x, y, width, height = parts
    return _checked(x - width / 2, y - height / 2, width, height, fields.get(f"{_MWG} Name"))


def _checked(left: float, top: float, width: float, height: float, name: str | None) -> FaceRegion | None:
    inside = 0 <= left + width / 2 <= 1 and 0 <= top + height / 2 <= 1
    if not (inside and _LEAST <= width <= 1 and _LEAST <= height <= 1):
        return None
    known = one_line(name)
    return FaceRegion(
        left=left, top=top, width=width, height=height, name=None if known is None else known[:LONGEST_NAME].rstrip()
    )


def _size(fields: Mapping[str, str]) -> tuple[float, float] | None:
    """Return the size of the picture in which the regions were marked; None if it is not said."""
    sides = _numbers([fields.get(f"{_SIZE} w", ""), fields.get(f"{_SIZE} h", "")])
    return (sides[0], sides[1]) if len(sides) == 2 and min(sides) > 0 else None


def _numbers(texts: Sequence[str]) -> list[float]:
    """Return the numbers; none if one of the texts is no finite number."""
    try:
        numbers = [float(text) for text in texts if len(text) <= 40]
    except ValueError:
        return []
    return numbers if len(numbers) == len(texts) and all(map(math.isfinite, numbers)) else []
