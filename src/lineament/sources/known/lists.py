"""Reads lists of known-abuse material: digests, VICS hash sets, ICSE tables and PDQ hashes.

What is on a list is not read back: an entry is what a file is compared by, and nothing else of it is taken.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TextIO

from lineament.errors import NotRead
from lineament.model.known import LEAST_QUALITY, ListedFile, ListEntryRead, ListKind, NotListed
from lineament.sandbox.files import SourcePath, locate, open_regular
from lineament.sources.folder.captures import LONGEST_LINE, text_lines
from lineament.sources.provenance import Unusable
from lineament.sources.vics.records import VicsMedia, media_records

ICSE_COLUMNS = ("md5", "sha1", "image id", "series name", "number of submissions")
"""Columns by which an ICSE table is told from others, in lower case."""

_DIGEST = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?![0-9A-Za-z])")
_PDQ = re.compile(r"[0-9A-Fa-f]{64}")
_EMPTY_FILE = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)
_MOST_COLUMNS = 1000


def read_list(
    path: Path, kind: ListKind | None, categories: frozenset[int]
) -> tuple[ListKind, Iterator[ListEntryRead]]:
    """Return how a list is written, unless that is given, and its entries; ``categories`` are those of VICS.

    Raises NoSuchFile, NotRead or OSError; so does the iterator, after what could be read.
    """
    place, is_folder = locate(path)
    if is_folder:
        raise NotRead(why="it is a folder; name the file of the list")
    kind = kind or kind_of_list(place)
    if kind is ListKind.VICS:
        return kind, vics_entries(place, categories)
    return kind, _table(place, _READERS[kind])


def kind_of_list(place: SourcePath) -> ListKind:
    """Return how a list is written, by its name and its first line. A plain list of PDQ hashes has to be named so."""
    if place.base.lower().endswith(b".json"):
        return ListKind.VICS
    with _opened(place) as file:
        names = _names(file.readline(LONGEST_LINE))
    if set(ICSE_COLUMNS) <= set(names):
        return ListKind.ICSE
    return ListKind.PDQ if any("pdq" in name for name in names) else ListKind.DIGESTS


def _opened(place: SourcePath) -> TextIO:
    return os.fdopen(open_regular(place), encoding="utf-8-sig", errors="replace", newline="")


def _table(place: SourcePath, read: Callable[[Iterator[str]], Iterator[ListEntryRead]]) -> Iterator[ListEntryRead]:
    try:
        with _opened(place) as file:
            yield from read(text_lines(file))
    except Unusable as error:
        raise NotRead(why=f"{error}; nothing after that is read") from None


# ---------------------------------------------------------------- digests


def digest_entries(lines: Iterable[str]) -> Iterator[ListEntryRead]:
    """Yield the first digest of each line that is not blank: SHA-256, SHA-1 or MD5."""
    for line in lines:
        if found := _DIGEST.search(line):
            yield _listed([found[0]])
        elif line.strip():
            yield NotListed.NO_DIGEST


def _listed(digests: Iterable[str], hashes: tuple[bytes, ...] = ()) -> ListEntryRead:
    """Return an entry, without the digests of the empty file, which every device holds."""
    given = [digest.lower() for digest in digests]
    kept = tuple(digest for digest in given if digest not in _EMPTY_FILE)
    if kept or hashes:
        return ListedFile(digests=kept, hashes=hashes)
    return NotListed.EMPTY_FILE if given else NotListed.NO_DIGEST


# ---------------------------------------------------------------- VICS


def vics_entries(place: SourcePath, categories: frozenset[int]) -> Iterator[ListEntryRead]:
    """Yield the records of a VICS hash set. Raises NotRead, after those before it, if it cannot be read to its end."""
    number = 0
    try:
        with closing(media_records(place, 0)) as records:
            for at, media in records:
                number = at
                yield NotListed.UNUSABLE if isinstance(media, Unusable) else vics_entry(media, categories)
    except NotRead as error:
        if not number:
            raise
        raise NotRead(why=f"{error.details['why']}; nothing after record {number} is read") from None


def vics_entry(media: VicsMedia, categories: frozenset[int]) -> ListEntryRead:
    """Return what is listed of a media record. What has no category is never taken, whatever ``categories`` says."""
    if not media.category:
        return NotListed.UNCATEGORISED
    if media.category not in categories:
        return NotListed.OTHER_CATEGORY
    hashes = tuple(bytes.fromhex(text) for kind, text in media.digests.items() if kind == "pdq")
    entry = _listed((text for kind, text in media.digests.items() if kind != "pdq"), hashes)
    return NotListed.UNUSABLE if entry is NotListed.NO_DIGEST and media.malformed else entry


# ---------------------------------------------------------------- ICSE


def icse_entries(lines: Iterator[str]) -> Iterator[ListEntryRead]:
    """Yield the rows of an ICSE table: MD5 and SHA-1 of each; all of it is known material, by what ICSE is.

    Rows may have more or fewer columns than the header. Raises Unusable if it is no such table.
    """
    names = _names(next(lines, ""))
    if not {"md5", "sha1"} & set(names):
        raise Unusable("its first line names no column “MD5” or “SHA1”; an ICSE table begins with the names")
    places = [names.index(name) for name in ("md5", "sha1") if name in names]
    try:
        for row in csv.reader(lines, delimiter=";"):
            if not any(cell.strip() for cell in row):
                continue
            cells = [row[at].strip() for at in places if at < len(row) and row[at].strip()]
            digests = [cell for cell in cells if _DIGEST.fullmatch(cell)]
            yield _listed(digests) if digests or not cells else NotListed.UNUSABLE
    except csv.Error as error:
        raise Unusable(f"it is no table ({error})") from None


def _names(header: str) -> list[str]:
    """Return the names in a first line, in lower case, whatever separates them; at most _MOST_COLUMNS."""
    delimiter = max(";,\t", key=header.count)
    return [name.strip().strip('"').lower() for name in header.split(delimiter)[:_MOST_COLUMNS]]


# ---------------------------------------------------------------- PDQ


def pdq_entries(lines: Iterable[str]) -> Iterator[ListEntryRead]:
    """Yield the PDQ hash of each line that is neither blank nor a comment (#): 64 hexadecimal digits.

    A whole number from 0 to 100 is its quality: in the column of that name if the first line names one, else right
    after the hash.
    """
    column: int | None = None
    is_first = True
    for line in lines:
        plain = line.replace('"', "").strip()
        if not plain or plain.startswith("#"):
            continue
        separator = next((each for each in ",;\t" if each in plain), None)
        cells = [cell.strip() for cell in plain.split(separator)]
        at = next((at for at, cell in enumerate(cells) if _PDQ.fullmatch(cell)), None)
        if at is None:
            names = [cell.lower() for cell in cells]
            if is_first and ("quality" in names or any("pdq" in name or name == "hash" for name in names)):
                column = names.index("quality") if "quality" in names else None
            else:
                yield NotListed.NO_DIGEST
        else:
            yield _pdq_entry(cells, at, column)
        is_first = False


def _pdq_entry(cells: list[str], at: int, column: int | None) -> ListEntryRead:
    """Return the hash at a place of a row, unless its quality is too low; a hash of one value only is no picture's."""
    quality = _quality(cells, at + 1 if column is None else column)
    if quality is not None and quality < LEAST_QUALITY:
        return NotListed.LOW_QUALITY
    if len(set(cells[at].lower())) == 1:
        return NotListed.UNUSABLE
    return ListedFile(hashes=(bytes.fromhex(cells[at]),))


def _quality(cells: list[str], at: int) -> int | None:
    text = cells[at] if at < len(cells) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100 else None


_READERS: Mapping[ListKind, Callable[[Iterator[str]], Iterator[ListEntryRead]]] = {
    ListKind.DIGESTS: digest_entries,
    ListKind.ICSE: icse_entries,
    ListKind.PDQ: pdq_entries,
}
