"""The directories of a TIFF, and its pages. This runs inside the confined process only (``decode_worker``).

The directories are read here and not by a library, because a library stops without a word at the first that it cannot
read: the pages after it would be passed over.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from PIL import Image, ImageFile, TiffImagePlugin

from lineament.vision.decode_facts import ExifFacts, exif_facts
from lineament.vision.decode_formats import NotDecodedError
from lineament.vision.decode_pillow import Loaded, PagedFile
from lineament.vision.decode_protocol import MOST_PARTS, TIFF, Status

WIDTH, HEIGHT, BITS, COMPRESSION, COLOURS, ORIENTATION, SAMPLES, PLANES, PREDICTOR, PALETTE, EXTRA, FORMAT, PROFILE = (
    *(256, 257, 258, 259, 262, 274, 277, 284, 317, 320, 338, 339),
    34675,
)
WHITE_IS_ZERO, PALETTED, INKS, YCBCR, CIE_LAB, ICC_LAB = 0, 3, 5, 6, 8, 9
UNSIGNED, SIGNED, FLOATING = 1, 2, 3
_KIND, _OLD_KIND, _FURTHER = 254, 255, 330
_REDUCED, _MASK = 1, 4  # NewSubfileType
_OLD_REDUCED = 2  # SubfileType
_DATA = ((273, 279), (324, 325), (513, 514))
"""Where the strips, the tiles or the JPEG of a page begin, and how long they are."""
_FORMATS = {1: "B", 2: "c", 3: "H", 4: "I", 6: "b", 7: "c", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q"}
_SIZES = {5: 8, 10: 8, 17: 8, 18: 8}
_MOST_TAGS = 1000
_MOST_VALUES = 2**20
_MOST_PADDED = 2**28


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A directory of a TIFF, which describes one picture."""

    at: int  # its first byte in the file
    tags: dict[int, tuple[float, ...] | bytes]
    cut: bool  # some of it, or of what it refers to, lies beyond the end of the file
    end: int  # where the last of its data end

    def number(self, tag: int, otherwise: int = 0) -> int:
        """Return the first value of a tag."""
        values = self.tags.get(tag)
        return int(values[0]) if isinstance(values, tuple) and values else otherwise

    @property
    def is_picture(self) -> bool:
        """Return whether it is a picture of its own: no smaller version of another, and no mask."""
        return not (self.number(_KIND) & (_REDUCED | _MASK) or self.number(_OLD_KIND) == _OLD_REDUCED)

    @property
    def read_wrongly(self) -> bool:
        """Return whether Pillow opens it and makes a wrong picture of it."""
        bits, kind = self.number(BITS, 1), self.number(FORMAT, UNSIGNED)
        return (
            (self.number(COLOURS) == WHITE_IS_ZERO and bits > 8)
            or (kind == UNSIGNED and bits == 32)
            or kind == SIGNED
            or (kind == FLOATING and self.number(PREDICTOR, 1) != 1)
        )


class Directories:
    """The directories of a TIFF with one offset in its header, classic or large, in either byte order."""

    def __init__(self, untrusted: bytes) -> None:
        self._untrusted = untrusted
        self._copy: bytearray | None = None
        self.order = "<" if untrusted[:2] == b"II" else ">"
        self.large = untrusted[2:4] in {b"+\0", b"\0+"}
        self.found: list[Directory] = []
        self.broken: Status | None = None  # why there are further directories that cannot be read
        first = self._unpack("Q" if self.large else "I", 8 if self.large else 4)
        if first is None:
            self.broken = Status.TRUNCATED
        else:
            self._follow(first, set(), nested=False)

    def beginning_at(self, directory: Directory) -> bytearray:
        """Return the file with ``directory`` as its first, until the next call.

        Data that break off are filled in with zeros: libtiff reads nothing of a strip that is not all there.
        """
        if self._copy is None:
            self._copy = bytearray(self._untrusted)
        if directory.cut:
            self._copy.extend(bytes(max(16, min(_MOST_PADDED, directory.end) - len(self._copy))))
        header = self.header(directory)
        self._copy[: len(header)] = header
        return self._copy

    def header(self, directory: Directory) -> bytes:
        """Return the header of a file that begins with ``directory``."""
        start = 8 if self.large else 4
        return self._untrusted[:start] + struct.pack(f"{self.order}{'Q' if self.large else 'I'}", directory.at)

    def _follow(self, at: int, seen: set[int], *, nested: bool) -> None:
        """Read a chain of directories, each with those within it."""
        while at and at not in seen and len(self.found) < MOST_PARTS:
            seen.add(at)
            read = self._directory(at)
            if read is None:
                if not nested:
                    cut = at >= len(self._untrusted) - 2
                    self.broken = Status.TRUNCATED if cut else Status.DAMAGED
                return
            directory, at = read
            if not nested or (directory.is_picture and WIDTH in directory.tags):
                self.found.append(directory)
            further = directory.tags.get(_FURTHER, ())
            for inner in further if isinstance(further, tuple) and not nested else ():
                self._follow(int(inner), seen, nested=True)

    def _directory(self, at: int) -> tuple[Directory, int] | None:
        """Return the directory at an offset, and the offset of the next one; None if there is none."""
        many = self._unpack("Q" if self.large else "H", at)
        if many is None or not 0 < many <= _MOST_TAGS:
            return None
        head, size = (8, 20) if self.large else (2, 12)
        tags: dict[int, tuple[float, ...] | bytes] = {}
        cut = False
        for entry in range(at + head, at + head + size * many, size):
            tag = self._unpack("H", entry)
            values = self._values(entry)
            if tag is None or values is None:
                cut = True
            else:
                tags[tag] = values
        end = _end_of_data(tags)
        cut = cut or end > len(self._untrusted)
        after = self._unpack("Q" if self.large else "I", at + head + size * many)
        return Directory(at=at, tags=tags, cut=cut or after is None, end=end), after or 0

    def _values(self, entry: int) -> tuple[float, ...] | bytes | None:
        """Return the values of a tag; None if they lie beyond the end of the file."""
        kind, many = self._unpack("H", entry + 2), self._unpack("Q" if self.large else "I", entry + 4)
        if kind is None or many is None:
            return None
        form = _FORMATS.get(kind)
        width = _SIZES.get(kind, 0) if form is None else struct.calcsize(f"={form}")
        room, at = (8, entry + 12) if self.large else (4, entry + 8)
        if width * many > room:
            place = self._unpack("Q" if self.large else "I", at)
            if place is None or place + width * many > len(self._untrusted):
                return None
            at = place
        if form == "c":
            return self._untrusted[at : at + many]
        if form is None or many > _MOST_VALUES:
            return ()
        if at + width * many > len(self._untrusted):
            return None
        return struct.unpack_from(f"{self.order}{many}{form}", self._untrusted, at)

    def _unpack(self, form: str, at: int) -> int | None:
        if at + struct.calcsize(f"={form}") > len(self._untrusted):
            return None
        return cast("int", struct.unpack_from(f"{self.order}{form}", self._untrusted, at)[0])


def _end_of_data(tags: dict[int, tuple[float, ...] | bytes]) -> int:
    ends = [0]
    for starts, sizes in _DATA:
        ends += [int(a) + int(b) for a, b in zip(tags.get(starts, ()), tags.get(sizes, ()), strict=False)]
    return max(ends)


PageReader = Callable[[bytearray, Directory], tuple[Image.Image, bool]]
"""Reads the first page of a TIFF in another way than Pillow, given the file and the page's directory; returns it with
whether it is damaged."""


class TiffFile(PagedFile):
    """The pages of a TIFF, without smaller versions of others, and also those that are not in its main chain."""

    def __init__(self, untrusted: bytes, read_page: PageReader | None) -> None:
        """``read_page`` is None in the workers that have only Pillow."""
        self._directories = Directories(untrusted)
        pages = self._directories.found
        self._pages = [page for page in pages if page.is_picture] or pages[:1]
        self._read_page = read_page
        self._media, self._data, self._cut, self._broken_off = TIFF, untrusted, False, b""
        self.animated = False
        self.count = min(MOST_PARTS, len(self._pages) + (self._directories.broken is not None))
        if not self._pages:
            raise NotDecodedError(self._directories.broken or Status.DAMAGED)

    def size(self, index: int) -> tuple[int, int]:
        """Return the size of the page at ``index`` as its directory states it."""
        page = self._page(index)
        return page.number(WIDTH), page.number(HEIGHT)

    def load(self, index: int) -> Loaded:
        """Decode the page at ``index`` as far as it goes."""
        page = self._page(index)
        if not page.read_wrongly:
            try:
                self._image = self._again(index)
                loaded = super().load(index)
                return replace(loaded, incomplete=loaded.incomplete or page.cut)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - as everywhere here
                if "memory" in str(error):
                    raise MemoryError from None
        if self._read_page is None:
            raise NotDecodedError(Status.ELSEWHERE, TIFF)
        try:
            image, damaged = self._read_page(self._directories.beginning_at(page), page)
        except (NotDecodedError, MemoryError):
            raise
        except Exception as error:
            if page.cut and "memory" not in str(error):
                raise NotDecodedError(Status.TRUNCATED, TIFF) from None
            raise
        return Loaded(image=image, facts=self._facts(index), incomplete=damaged or page.cut)

    def _page(self, index: int) -> Directory:
        if index >= len(self._pages):
            raise NotDecodedError(self._directories.broken or Status.DAMAGED)
        return self._pages[index]

    def _seek(self, index: int) -> None:
        """Each page is opened by itself."""

    def _again(self, index: int) -> ImageFile.ImageFile:
        page = self._page(index)
        data = self._data + bytes(16) if page.cut else self._data  # only the bytes that end a directory may be missing
        return TiffImagePlugin.TiffImageFile(_Beginning(data, self._directories.header(page)))

    def _facts(self, index: int) -> ExifFacts:
        turn = self._page(index).number(ORIENTATION, 1)
        try:
            return exif_facts(self._again(index))._replace(orientation=turn)
        except Exception:  # noqa: BLE001 - Pillow does not open it
            return ExifFacts(orientation=turn)


class _Beginning(io.BytesIO):
    """A file that is read with another header; it shares the bytes of the original."""

    def __init__(self, data: bytes, header: bytes) -> None:
        super().__init__(data)
        self._header = header

    def read(self, size: int | None = -1, /) -> bytes:
        at, content = self.tell(), super().read(size)
        if at >= len(self._header):
            return content
        return self._header[at : at + len(content)] + content[max(0, len(self._header) - at) :]
