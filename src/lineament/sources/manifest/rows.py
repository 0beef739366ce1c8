"""The rows of a manifest: CSV, JSON lines or Parquet. A row that cannot be read does not affect the next.

If the beginning of the next row is unclear, as after a quotation mark that is never closed, the manifest ends.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import IO, TextIO

from lineament.errors import NotRead
from lineament.sandbox.files import SourcePath, open_regular
from lineament.sandbox.process import WorkerLimits, messages_about
from lineament.sources.folder.captures import DELIMITERS, LONGEST_LINE, text_lines
from lineament.sources.provenance import FIELDS, Unusable

NAMES = {
    "uri": ("uri", "image_url"),
    "page_uri": ("page_uri", "page_url"),
    "page_title": ("page_title", "title"),
    "captured_at": ("captured_at", "date"),
    "licence": ("licence",),
}
"""The possible names of each column, in any case; the first that exists counts."""
MOST_COLUMNS = 1000

ManifestRow = Mapping[str, object] | Unusable
_PARQUET = WorkerLimits(message=2**20, patience=60, seconds=24 * 3600)


def manifest_rows(place: SourcePath, after: int) -> Generator[tuple[int, ManifestRow], None, None]:
    """Yield the rows after the row ``after``, each with its number, from 1.

    Raises:
        Unusable: It is not a manifest, or not from the row after the last one on.
        NotRead: It cannot be read.
        OSError: The operating system refuses.
    """
    suffix = os.path.splitext(place.path)[1].lower()  # noqa: PTH122 - pathlib has no bytes
    found = READERS.get(suffix)
    if found is None:
        raise NotRead(why="the name of a manifest ends in .csv, .tsv, .jsonl, .ndjson or .parquet")
    yield from found(place, after)


def columns(names: list[str]) -> list[str | None]:
    """Return the field of each column, None for other columns. Raises Unusable if no column names pictures."""
    if len(names) > MOST_COLUMNS:
        raise Unusable(f"it has more than {MOST_COLUMNS} columns")
    plain = [name.strip().lower() for name in names]
    fields: list[str | None] = [None] * len(names)
    for name in FIELDS:
        called = next((alias for alias in NAMES[name] if alias in plain), None)
        if called is None:
            continue
        if plain.count(called) > 1:
            raise Unusable(f"it names the column {called} twice")
        fields[plain.index(called)] = name
    if "uri" not in fields:
        raise Unusable("it names no column “uri” or “image_url”")
    return fields


# ---------------------------------------------------------------- CSV


def _csv(place: SourcePath, after: int) -> Iterator[tuple[int, ManifestRow]]:
    with os.fdopen(open_regular(place), encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        yield from csv_rows(file, after)


def csv_rows(file: TextIO, after: int) -> Iterator[tuple[int, ManifestRow]]:
    """Do as ``manifest_rows`` for CSV text, in which invalid UTF-8 was decoded to surrogates."""
    lines = text_lines(file)
    header = next(lines, "")
    delimiter = max(DELIMITERS, key=header.count)
    try:
        fields = columns(next(csv.reader([header], delimiter=delimiter, strict=True), []))
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        number = 0
        for row in reader:
            if not row:
                continue
            number += 1
            if number > after:
                yield number, _csv_row(row, fields)
    except csv.Error as error:
        raise Unusable(f"it is no table ({error})") from None


def _csv_row(row: list[str], fields: list[str | None]) -> ManifestRow:
    if len(row) != len(fields):
        return Unusable(f"it has {len(row)} columns instead of {len(fields)}")
    values = {field: text for field, text in zip(fields, row, strict=True) if field is not None}
    return Unusable("it is not in UTF-8") if any(map(_has_surrogates, values.values())) else values


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


# ---------------------------------------------------------------- JSON lines


def _json(place: SourcePath, after: int) -> Iterator[tuple[int, ManifestRow]]:
    with os.fdopen(open_regular(place), "rb") as file:
        yield from json_rows(file, after)


def json_rows(file: IO[bytes], after: int) -> Iterator[tuple[int, ManifestRow]]:
    """Do as ``manifest_rows`` for JSON lines; empty lines do not count."""
    number = 0
    for line in _byte_lines(file):
        if line is not None and not line.strip():
            continue
        number += 1
        if number > after:
            yield number, json_row(line)


def json_row(line: bytes | None) -> ManifestRow:
    """Parse one row; None stands for a line that was too long."""
    if line is None:
        return Unusable(f"it is longer than {LONGEST_LINE} bytes")
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Unusable("it is not in UTF-8")
    except (ValueError, RecursionError):
        return Unusable("it is not JSON")
    if not isinstance(values, dict):
        return Unusable("it is not a JSON object")
    try:
        fields = columns(list(values))
    except Unusable as error:
        return error
    return {field: value for field, value in zip(fields, values.values(), strict=True) if field is not None}


def _byte_lines(file: IO[bytes]) -> Iterator[bytes | None]:
    """Yield the lines; None for one that is too long."""
    while line := file.readline(LONGEST_LINE):
        if len(line) < LONGEST_LINE or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)
        yield None


# ---------------------------------------------------------------- Parquet


def _parquet(place: SourcePath, after: int) -> Iterator[tuple[int, ManifestRow]]:
    """Yield the rows that the worker sends as JSON lines."""
    number = after
    for _, line in messages_about("lineament.sources.manifest.parquet_worker", place, _PARQUET, after):
        number += 1
        yield number, json_row(line)


READERS: dict[bytes, Callable[[SourcePath, int], Iterator[tuple[int, ManifestRow]]]] = {
    b".csv": _csv,
    b".tsv": _csv,
    b".jsonl": _json,
    b".ndjson": _json,
    b".parquet": _parquet,
}
"""By suffix, in lower case."""
