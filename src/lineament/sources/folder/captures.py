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
"""What may stand between the columns; the header shows which."""
LONGEST_LINE = 2**18
"""Characters."""


class Captures:
    """What a captures.csv says of the pictures of its folder; each row is judged when its picture comes.

    The rows are kept in a temporary SQLite database that lives on the disk, so that a table of millions of
    rows takes no memory.
    """

    def __init__(self, file: TextIO) -> None:
        """Read the whole table; Unusable where it is not one."""
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
        """What is said of the picture ``name``; None where nothing is. Unusable where that cannot be used."""
        try:
            key = name.decode()
        except UnicodeDecodeError:
            return None  # a table is text, so it cannot name what is none
        found = self._rows.execute("SELECT fields, why FROM captures WHERE name = ?", (key,)).fetchone()
        if found is None:
            return None
        self._rows.execute("UPDATE captures SET asked = 1 WHERE name = ?", (key,))
        fields, why = found
        if why is not None:
            raise Unusable(why)
        return provenance_from(dict(zip(FIELDS, json.loads(fields), strict=True)), fallback)

    def never_asked(self) -> Iterator[str]:
        """The names of pictures that did not come."""
        for (name,) in self._rows.execute("SELECT name FROM captures WHERE NOT asked ORDER BY name"):
            yield name

    def close(self) -> None:
        """Give the temporary database back."""
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
    """File name, fields as JSON, and what is wrong with the row."""
    lines = _lines(file)
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


def _lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise Unusable(f"one of its lines is longer than {LONGEST_LINE} characters")
        yield line
