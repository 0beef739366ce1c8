"""Pictures in web archives (WARC, WACZ), each with the page that showed it and its alternative text.

An archive is read once, from beginning to end. Pages go into an index on disk. A picture that an earlier page showed,
which is the order in which crawlers write, is yielded at once; the others are yielded after all pages have been read.
The first page in the order of the archives is a picture's page, but the reservation of any page counts.

What a record holds is decided by its first bytes; its type and status only say why it is not taken. Records without a
picture are counted, archive by archive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from lineament.errors import NotRead
from lineament.sandbox.files import SourcePath, list_names, locate
from lineament.sources.base import Found, LeftOut, LeftOutKind, Refusal
from lineament.sources.folder.connector import is_hidden
from lineament.sources.registry import OnReserved
from lineament.sources.webarchive.index import PageIndex
from lineament.sources.webarchive.position import position_of
from lineament.sources.webarchive.reading import Reading
from lineament.sources.webarchive.registration import WACZ_SUFFIX, WARC_SUFFIXES
from lineament.sources.webarchive.wacz import WarcFile, warc_files

MOST_FOLDERS = 100_000
"""Nested folders that are searched."""
_ENDINGS = tuple(ending.encode() for ending in (*WARC_SUFFIXES, WACZ_SUFFIX))
_NO_ARCHIVE = f"its name does not end as that of a web archive ({', '.join((*WARC_SUFFIXES, WACZ_SUFFIX))})"


class WarcConnector:
    """Yields the pictures of WARC and WACZ files, and of all such files in folders."""

    def __init__(
        self,
        paths: Sequence[Path],
        max_bytes: int,
        on_reserved: OnReserved | None = None,
        *,
        skip_hidden: bool = False,
    ) -> None:
        """Pictures over ``max_bytes`` are refused unread. Raises NoSuchFile if one of ``paths`` does not exist.

        ``on_reserved`` is called, when everything has been read, for each picture that a later page or a later answer
        at its address reserved, with its address and the reservation; what was taken of it must be erased (R4).
        ``skip_hidden`` leaves out archives that are hidden in the folders, and counts them.
        """
        self._given = list({place.path: (place, is_folder) for place, is_folder in map(locate, paths)}.values())
        self._max_bytes = max_bytes
        self._on_reserved = on_reserved
        self._skip_hidden = skip_hidden

    def count(self) -> int | None:
        """Return None: the number is unknown before everything has been read."""
        return None

    def items(self) -> Iterator[Found]:
        """Yield everything: pictures whose page came earlier, then the others, each in the order of the archives."""
        for found, _ in self.items_from(None):
            yield found

    def items_from(self, cursor: str | None) -> Iterator[tuple[Found, str]]:
        """Yield what comes after ``cursor``. The archives are still read from the beginning, for their pages."""
        after = position_of(cursor)
        with closing(PageIndex()) as index:
            for found, position in Reading(index, self._max_bytes, after).everything(self._archives()):
                yield found, str(position)
            if self._on_reserved is not None:
                for uri, reservation in index.reserved_since():
                    self._on_reserved(uri, reservation)

    def _archives(self) -> Iterator[WarcFile | Refusal | LeftOut]:
        for place, is_folder in self._given:
            for found in _in_folder(place, skip_hidden=self._skip_hidden) if is_folder else [place]:
                if isinstance(found, SourcePath):
                    yield from warc_files(found)
                else:
                    yield found


def _in_folder(given: SourcePath, *, skip_hidden: bool) -> Iterator[SourcePath | Refusal | LeftOut]:
    """Yield the web archives in a folder and its subfolders, each folder in the byte order of its names.

    Other files are refused.
    """
    waiting = [given]
    for _ in range(MOST_FOLDERS):
        if not waiting:
            return
        folder = waiting.pop()
        try:
            for name, _ in list_names(folder, folders=False):
                place = folder.child(name)
                if skip_hidden and is_hidden(place.below):
                    yield LeftOut(kind=LeftOutKind.HIDDEN)
                elif name.lower().endswith(_ENDINGS):
                    yield place
                else:
                    yield Refusal(name=place.name, why=NotRead(why=_NO_ARCHIVE))
            inner = [folder.child(name) for name, _ in list_names(folder, folders=True)]
        except OSError as error:
            yield Refusal.from_error(folder.name, error)
        else:
            waiting += reversed(inner)
    if waiting:
        why = NotRead(why=f"it holds more than {MOST_FOLDERS} folders; the rest was skipped")
        yield Refusal(name=given.name, why=why)
