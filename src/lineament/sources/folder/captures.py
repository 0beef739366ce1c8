"""The captures.csv of a folder: the provenance of many pictures in one table (docs/reference/side-cars.md)."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from typing import TextIO

from lineament.model.faces import Provenance
from lineament.sources.provenance import FIELDS, Unusable, provenance_from

DELIMITERS = ",;\t"
"""Possible separators of columns; the header decides."""
LONGEST_LINE = 2**18
"""Most characters of a line of CSV, and most bytes of a line of JSON in a manifest."""


class Captures:
    """The rows of a captures.csv; each is checked when its picture is read.

    The rows are kept in a temporary SQLite database on disk, so that a table of millions of rows takes no memory.
    """

    def __init__(self, file: TextIO) -> None:
        """Read the whole table. Raises Unusable if it is not one."""
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.executescript(_SCHEMA)
        try:
            self._rows.execute("BEGIN")
            self._rows.executemany(_INSERT, _rows(file))
            self._rows.execute("COMMIT")
        except (Unusable, UnicodeDecodeError, csv.Error, sqlite3.Error) as error:
            self.close()
            why = "it is not in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise Unusable(why) from None

    def of(self, name: bytes, fallback: Provenance) -> Provenance | None:
        """Return what the table says of the picture ``name``, or None. Raises Unusable if that cannot be used."""
        try:
            key = name.decode()
        except UnicodeDecodeError:
            return None  # a table is text, so it cannot contain this name
        found = self._rows.execute("SELECT fields, why FROM captures WHERE name = ?", (key,)).fetchone()
        if found is None:
            return None
        self._rows.execute("UPDATE captures SET asked = 1 WHERE name = ?", (key,))
        fields, why = found
        if why is not None:
            raise Unusable(why)
        return provenance_from(dict(zip(FIELDS, json.loads(fields), strict=True)), fallback)

    def missing(self) -> Iterator[str]:
        """Yield the names of pictures that were not asked for."""
        for (name,) in self._rows.execute("SELECT name FROM captures WHERE NOT asked ORDER BY name"):
            yield name

    def close(self) -> None:
        """Delete the temporary database."""
        self._rows.close()


_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE captures (name TEXT PRIMARY KEY, fields TEXT, why TEXT, asked INTEGER DEFAULT 0) WITHOUT ROWID;
"""
_INSERT = """
INSERT INTO captures (name, fields, why) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET why = coalesce(why, excluded.why, 'two of its rows contradict each other')
WHERE fields IS NOT excluded.fields
"""


def _rows(file: TextIO) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield for each row the file name, the fields as JSON, and what is wrong with it."""
    lines = text_lines(file)
    header = next(lines, "")
    delimiter = max(DELIMITERS, key=header.count)
    columns = [column.strip().lower() for column in next(csv.reader([header], delimiter=delimiter), [])]
    if columns.count("file") != 1:
        raise Unusable("its first line does not name one column “file”")
    if any(columns.count(name) > 1 for name in FIELDS):
        raise Unusable("its first line names a column twice")
    file_at = columns.index("file")
    order = [columns.index(name) if name in columns else None for name in FIELDS]
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    for row in reader:
        name = row[file_at].strip() if len(row) > file_at else ""
        if not name:
            continue
        if len(row) == len(columns):
            yield name, json.dumps([None if at is None else row[at] for at in order]), None
        else:
            line = reader.line_num + 1
            yield name, None, f"its line {line} has {len(row)} columns instead of {len(columns)}"


def text_lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a table. Raises Unusable if one has LONGEST_LINE characters or more."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise Unusable(f"one of its lines is longer than {LONGEST_LINE} characters")
        yield line
