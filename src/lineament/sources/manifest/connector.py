"""Pictures that a manifest lists: a table of addresses, or of files beside it, with their provenance."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from lineament.errors import FileTooLarge, LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import SourcePath, locate, printable, read_regular
from lineament.sources.archive.connector import normal
from lineament.sources.base import Item, Refusal, number_in
from lineament.sources.manifest.fetching import Fetcher
from lineament.sources.manifest.rows import ManifestRow, manifest_rows
from lineament.sources.provenance import Unusable, provenance_from

CONNECTOR = "manifest 1"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LONGEST_SHOWN = 100  # characters of an address in a message


class ManifestConnector:
    """Yields the pictures of a manifest, row by row; a row that cannot be used is refused by its number."""

    def __init__(self, path: Path, fetcher: Fetcher | None, max_bytes: int) -> None:
        """Without a ``fetcher``, only files beside the manifest are read.

        Pictures over ``max_bytes`` are refused. Raises NoSuchFile if ``path`` does not exist.
        """
        self._place = locate(path)[0]
        self._fetcher = fetcher
        self._max_bytes = max_bytes

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
                    yield self._read_row(row_number, row), str(row_number)
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(self._place.name, error), str(row_number)
        except Unusable as error:
            why = NotRead(why=f"{error}; nothing after row {row_number} is read")
            yield Refusal(name=self._place.name, why=why), str(row_number)
        finally:
            if self._fetcher is not None:
                self._fetcher.close()

    def _read_row(self, number: int, row: ManifestRow) -> Item | Refusal:
        name = f"{self._place.name} row {number}"
        try:
            if isinstance(row, Unusable):
                raise row
            uri = row.get("uri")
            if not isinstance(uri, str) or not uri.strip():
                raise Unusable("it names no picture")
            uri = uri.strip()
            name = f"{name}: {printable(uri[:_LONGEST_SHOWN])}"
            is_file = _SCHEME.match(uri) is None
            item = self._from_disk(name, uri, row) if is_file else self._fetch(name, uri, row)
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
            raise NotRead(why="nothing is fetched; the source must list the hosts that may be contacted")
        untrusted = self._fetcher.fetch(uri)
        if len(untrusted) > self._max_bytes:
            raise FileTooLarge(size=len(untrusted), limit=self._max_bytes)
        return Item(name=name, untrusted=untrusted, provenance=provenance)

    def _from_disk(self, name: str, below: str, row: ManifestRow) -> Item:
        place = self._beside(below)
        fields = {key: value for key, value in _fields(row).items() if key != "uri"}
        provenance = provenance_from(fields, Provenance(uri=place.uri))
        return Item(name=name, untrusted=read_regular(place, self._max_bytes), provenance=provenance)

    def _beside(self, below: str) -> SourcePath:
        """Return a file below the manifest's folder, links followed. Raises NotRead if it is outside, OSError."""
        folder = self._place.parent
        path = normal(below.encode("utf-8", "replace"))
        if path is None:
            raise NotRead(why="it points outside the folder of the manifest")
        real = os.path.realpath(folder.child(path).path, strict=True)
        if os.path.commonpath([real, folder.path]) != folder.path:
            raise NotRead(why="it points outside the folder of the manifest")
        return SourcePath(path=real, shown=folder.child(path).shown, below=path, root=folder.path)


def _fields(row: ManifestRow) -> dict[str, object]:
    assert not isinstance(row, Unusable)  # noqa: S101 - such a row was refused
    return dict(row)
