"""Pictures that a manifest lists: a table of addresses, or of files beside it, with their provenance."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from lineament.errors import FileTooLarge, LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import SourcePath, locate, printable
from lineament.sources.base import Item, Refusal, number_in
from lineament.sources.beside import Entry, inside, read_beside, with_cursors
from lineament.sources.manifest.fetching import Fetcher
from lineament.sources.manifest.rows import ManifestRow, manifest_rows
from lineament.sources.provenance import Unusable, provenance_from
from lineament.sources.registry import BesideFile

CONNECTOR = "manifest 1"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # one letter is a drive
_DRIVE = re.compile(rb"[a-z]:[\\/]", re.IGNORECASE)
_LONGEST_SHOWN = 100  # characters of an address in a message
_OUTSIDE = "it points outside the folder of the manifest; put the manifest into a folder above both"


class ManifestConnector:
    """Yields the pictures of a manifest, row by row; a row that cannot be used is refused by its number."""

    def __init__(
        self,
        path: Path,
        fetcher: Fetcher | None,
        max_bytes: int,
        find: Callable[[str], BesideFile | None] | None = None,
    ) -> None:
        """Without a ``fetcher``, only files beside the manifest are read; ``find`` finds them if they are not on disk.

        Pictures over ``max_bytes`` are refused. Raises NoSuchFile if ``path`` does not exist.
        """
        self._place = locate(path)[0]
        self._fetcher = fetcher
        self._max_bytes = max_bytes
        self._find = find

    def count(self) -> None:
        """Return None: the number is unknown before reading all of it."""

    def items(self) -> Iterator[Item | Refusal]:
        """Yield every picture, in the order of the rows."""
        for found, _ in self.items_from(None):
            yield found

    def items_from(self, cursor: str | None) -> Generator[tuple[Item | Refusal, str], None, None]:
        """Yield the pictures after a row, each with its row number. Raises InvalidValue for another ``cursor``."""
        row_number = number_in(cursor, "the number of a row")
        try:
            with closing(manifest_rows(self._place, row_number)) as found:
                for row_number, row in found:
                    yield from with_cursors(row_number, self._read_row(row_number, row))
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(self._place.name, error), str(row_number)
        except Unusable as error:
            why = NotRead(why=f"{error}; nothing after row {row_number} is read")
            yield Refusal(name=self._place.name, why=why), str(row_number)
        finally:
            if self._fetcher is not None:
                self._fetcher.close()

    def _read_row(self, number: int, row: ManifestRow) -> Entry:
        """Return the picture or the frames of the video that a row names, or why it is refused."""
        name = f"{self._place.name} row {number}"
        try:
            if isinstance(row, Unusable):
                raise row
            uri = row.get("uri")
            if not isinstance(uri, str) or not uri.strip():
                raise Unusable("it names no picture")
            uri = uri.strip()
            name = f"{name}: {printable(uri[:_LONGEST_SHOWN])}"
            scheme = _SCHEME.match(uri)
            if scheme is None or scheme[0].lower() == "file:" or self._is_file(uri):
                return self._from_disk(name, uri, row)
            item = self._fetch(name, uri, row)
        except Unusable as error:
            return Refusal(name=name, why=NotRead(why=f"row {number} cannot be used: {error}"))
        except (LineamentError, OSError) as error:
            return Refusal.from_error(name, error)
        return replace(item, provenance=replace(item.provenance, connector=CONNECTOR))

    def _fetch(self, name: str, uri: str, row: ManifestRow) -> Item:
        provenance = provenance_from(_fields(row), Provenance(uri=uri))
        if urlsplit(uri).scheme not in {"http", "https"}:
            raise NotRead(why="only addresses that begin with http:// or https:// are fetched")
        if self._fetcher is None:
            raise NotRead(why="nothing is fetched: the source lists no hosts; use one that was added with --host")
        untrusted = self._fetcher.fetch(uri)
        if len(untrusted) > self._max_bytes:
            raise FileTooLarge(size=len(untrusted), limit=self._max_bytes)
        return Item(name=name, untrusted=untrusted, provenance=provenance)

    def _from_disk(self, name: str, below: str, row: ManifestRow) -> Item | Iterator[Item | Refusal]:
        file = self._beside(below) if self._find is None else _dropped(below, self._find)
        fields = {key: value for key, value in _fields(row).items() if key != "uri"}
        provenance = replace(provenance_from(fields, Provenance(uri=file.uri)), connector=CONNECTOR)
        return read_beside(name, provenance, file, self._max_bytes)

    def _is_file(self, uri: str) -> bool:
        """Return whether it is the name of a file beside the manifest, although it begins like an address."""
        if uri.lower().startswith(("http:", "https:")) or "\0" in uri or self._find is not None:
            return False
        return os.path.lexists(self._place.parent.child(uri.encode("utf-8", "replace")).path)

    def _beside(self, below: str) -> SourcePath:
        """Return a file in the manifest's folder or below it, links followed. Raises NotRead if it is outside, OSError.

        The path is relative to the folder, or leads from the root of the disk into it; “..” may stay inside.
        """
        found = inside(self._place.parent, path := _path(below), _OUTSIDE)
        if found is not None:
            return found
        if b"\\" in path:  # written on Windows
            return self._beside(below.replace("\\", "/"))
        raise NotRead(why="there is no such file in the folder of the manifest")


def _dropped(below: str, find: Callable[[str], BesideFile | None]) -> BesideFile:
    """Return the file that a row names and ``find`` finds. Raises NotRead."""
    from lineament.sources.archive.connector import normal

    path = normal(_path(below).replace(b"\\", b"/"))
    if path is None:
        raise NotRead(why="its path leads out of what was dropped")
    file = find(path.decode("utf-8", "replace"))
    if file is None:
        raise NotRead(why="there is no such file in what was dropped with the manifest")
    return file


def _path(below: str) -> bytes:
    """Return the path of a file as a row states it. Raises NotRead if it can be none."""
    if below.lower().startswith("file:"):
        parts = urlsplit(below)
        if parts.netloc not in {"", "localhost"}:
            raise NotRead(why="it is a file of another machine; copy it into the folder of the manifest")
        path = unquote_to_bytes(parts.path)
    else:
        path = below.encode("utf-8", "replace")
    if b"\0" in path:
        raise NotRead(why="its path contains a NUL")
    if _DRIVE.match(path):
        raise NotRead(why="it is on a drive of Windows; write its path as it is from the folder of the manifest")
    return path


def _fields(row: ManifestRow) -> dict[str, object]:
    assert not isinstance(row, Unusable)  # noqa: S101 - such a row was refused
    return dict(row)
