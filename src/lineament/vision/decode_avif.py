"""AVIF of one or several still pictures. This runs inside the confined process only (``decode_worker``).

Pillow opens the primary picture alone, so each other picture is opened from a file that calls it the primary one.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from PIL import ImageFile

from lineament.vision.decode_formats import boxes
from lineament.vision.decode_pillow import OPENERS, PagedFile
from lineament.vision.decode_protocol import AVIF, MOST_PARTS

_PICTURES = frozenset({b"av01", b"grid"})
_HELPERS = frozenset({b"thmb", b"auxl"})
"""References from a thumbnail, or from transparency, depth and the like, to its picture."""
_PART = b"dimg"
"""The reference from a picture to those that it is made of: tiles, or a picture and its map of brightness."""
_HIDDEN = 1


class AvifFile(PagedFile):
    """An AVIF: the primary picture first, then the others in the order of the file."""

    def __init__(self, untrusted: bytes) -> None:
        super().__init__(untrusted, AVIF)
        self._primary, self._others = (-1, 0), list[int]()
        self._at = 0
        if self.count == 1:
            self._primary, self._others = _other_pictures(untrusted)
            self.count += len(self._others)

    def _seek(self, index: int) -> None:
        if self.animated:
            super()._seek(index)
        elif index != self._at:
            self._image = self._again(index)
            self._at = index

    def _again(self, index: int) -> ImageFile.ImageFile:
        if self.animated or not index:
            return super()._again(index)
        at, size = self._primary
        number = self._others[index - 1].to_bytes(size, "big")
        return OPENERS[AVIF](io.BytesIO(self._data[:at] + number + self._data[at + size :]))


def _other_pictures(untrusted: bytes) -> tuple[tuple[int, int], list[int]]:
    """Return where the number of the primary picture is, with its bytes, and the numbers of the other pictures."""
    try:
        return _parsed(untrusted)
    except (struct.error, IndexError):
        return (-1, 0), []


def _parsed(untrusted: bytes) -> tuple[tuple[int, int], list[int]]:
    meta = next((part for part in boxes(untrusted, 0, len(untrusted)) if part.name == b"meta"), None)
    if meta is None:
        return (-1, 0), []
    primary, pictures, no_pictures = (-1, 0), list[int](), set[int]()
    for part in boxes(untrusted, meta.start + 4, meta.end):
        wide = untrusted[part.start] > 0
        if part.name == b"pitm":
            primary = (part.start + 4, 4 if wide else 2)
            no_pictures.add(int.from_bytes(untrusted[primary[0] :][: primary[1]], "big"))
        elif part.name == b"iinf":
            pictures = list(_items(untrusted, part.start + (8 if wide else 6), part.end))
        elif part.name == b"iref":
            no_pictures |= set(_referring(untrusted, part.start + 4, part.end, 4 if wide else 2))
    found = [number for number in pictures if number not in no_pictures]
    return primary, found[: MOST_PARTS - 1] if primary[1] else []


def _items(untrusted: bytes, start: int, end: int) -> Iterator[int]:
    """Yield the numbers of the items that are pictures."""
    for part in boxes(untrusted, start, end):
        wide = untrusted[part.start] > 2
        at = part.start + (8 if wide else 6)
        number = int.from_bytes(untrusted[part.start + 4 : at], "big")
        if part.name == b"infe" and untrusted[at + 2 : at + 6] in _PICTURES and not untrusted[part.start + 3] & _HIDDEN:
            yield number


def _referring(untrusted: bytes, start: int, end: int, size: int) -> Iterator[int]:
    """Yield the numbers of the items that only serve another."""
    for part in boxes(untrusted, start, end):
        source = int.from_bytes(untrusted[part.start : part.start + size], "big")
        at = part.start + size + 2
        if part.name in _HELPERS:
            yield source
        elif part.name == _PART:
            for place in range(at, part.end, size):
                yield int.from_bytes(untrusted[place : place + size], "big")
