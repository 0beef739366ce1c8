"""The side-cars and tables of an archive, which may come after the pictures that they are about."""

from __future__ import annotations

import io
import posixpath
import sqlite3
from collections.abc import Iterator

from lineament.errors import BadSideCar, LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.model.regions import RegionHints
from lineament.sandbox.files import printable_bytes
from lineament.sources.folder.captures import Captures
from lineament.sources.folder.connector import TABLE, hints_beside, side_car_names, stated_provenance
from lineament.sources.provenance import Unusable, parse_side_car

MOST_TABLES = 64
"""Tables in one archive; each is a small database while the archive is read."""


class Statements:
    """The side-cars and tables of one archive, in a temporary database on disk, because there may be millions."""

    def __init__(self) -> None:
        self.why: NotRead | None = None  # why not all could be read
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.executescript(_SCHEMA)
        self._tables: dict[bytes, Captures] = {}  # by folder; why others are refused is among the rows

    def add(self, path: bytes, content: bytes | None, why: str | None) -> None:
        """Add an entry with its content or why it cannot be read; neither if it is not a side-car."""
        self._rows.execute(_INSERT, (path, content, why))

    def add_table(self, path: bytes, content: bytes | LineamentError) -> None:
        """Add a captures.csv, or why it is refused."""
        folder = posixpath.dirname(path)
        first = self._tables.pop(folder, None)
        if first is not None:
            first.close()
        if first is not None or self._refused_table(folder) is not None or len(self._tables) >= MOST_TABLES:
            self.add(path, None, f"it is there twice, or there are more than {MOST_TABLES} in the archive")
            return
        try:
            if isinstance(content, LineamentError):
                raise Unusable(str(content))
            self._tables[folder] = Captures(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""))
        except Unusable as error:
            self.add(path, None, str(error))

    def is_repeated(self, path: bytes) -> bool:
        """Return whether two entries have this name."""
        return self._rows.execute("SELECT 1 FROM side_cars WHERE path = ? AND twice", (path,)).fetchone() is not None

    def of(self, path: bytes, default: Provenance, folder_name: str) -> Provenance:
        """Return what is stated of a picture. Raises BadSideCar if that cannot be used."""
        folder, base = posixpath.split(path)
        try:
            table = self._tables.get(folder) or self._refused_table(folder)
            provenance = stated_provenance(base, table, lambda: self._side_car(path, default), default)
        except Unusable as error:
            raise BadSideCar(name=f"{folder_name}/{TABLE.decode()}", why=error) from None
        if provenance is default and self.why is not None:
            raise NotRead(
                why="the archive is incomplete, so the metadata of this picture may be missing; repair it first"
            )
        return provenance

    def _refused_table(self, folder: bytes) -> BadSideCar | None:
        path = posixpath.join(folder, TABLE)
        found = self._rows.execute(_SELECT, (path,)).fetchone()
        return None if found is None else BadSideCar(name=printable_bytes(path), why=found[1])

    def _side_car(self, path: bytes, default: Provenance) -> Provenance | None:
        folder, base = posixpath.split(path)
        for name in side_car_names(base):
            try:
                if (content := self._content(posixpath.join(folder, name))) is not None:
                    return parse_side_car(content, default)
            except NotRead as error:
                raise BadSideCar(name=printable_bytes(name), why=error.details["why"]) from None
            except Unusable as error:
                raise BadSideCar(name=printable_bytes(name), why=error) from None
        return None

    def _content(self, path: bytes) -> bytes | None:
        """Return the content of a side-car; None if there is none. Raises NotRead if it cannot be read."""
        found = self._rows.execute(_SELECT, (path,)).fetchone()
        if found is None:
            return None
        content, why, twice = found
        if why is not None or twice:
            raise NotRead(why=why or "two entries of the archive have this name")
        return bytes(content)

    def hints_of(self, path: bytes) -> RegionHints | None:
        """Return what the XMP side-car of a picture says of the faces in it; None if there is none."""
        folder, base = posixpath.split(path)
        return hints_beside(base, lambda name: self._content(posixpath.join(folder, name)))

    def missing(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield folder and name of the pictures that a table names and that are missing."""
        for folder, table in self._tables.items():
            for name in table.missing():
                yield folder, name.encode("utf-8", "replace")

    def close(self) -> None:
        """Delete the temporary databases."""
        self._rows.close()
        for table in self._tables.values():
            table.close()


_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE side_cars (path BLOB PRIMARY KEY, content BLOB, why TEXT, twice INTEGER DEFAULT 0) WITHOUT ROWID;
BEGIN;
"""
_INSERT = "INSERT INTO side_cars (path, content, why) VALUES (?, ?, ?) ON CONFLICT (path) DO UPDATE SET twice = 1"
_SELECT = "SELECT content, why, twice FROM side_cars WHERE path = ?"
