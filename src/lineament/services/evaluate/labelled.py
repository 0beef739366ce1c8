"""The labelled pictures of an evaluation: a folder with one folder for each person, or a table."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lineament.errors import NotEvaluable, NotRead
from lineament.sandbox.files import (
    EntryType,
    SourcePath,
    list_names,
    locate,
    open_regular,
    os_reason,
    printable,
    printable_bytes,
    read_regular,
    read_start,
)
from lineament.sources.folder.captures import DELIMITERS, LONGEST_LINE
from lineament.sources.folder.connector import PICTURES
from lineament.sources.media_types import START, is_picture

MOST_PICTURES = 10_000_000
TABLE_REMEDY = "it needs a header with the columns file and person, and may have group"
SHOWN = 3
"""Missing files that an error names."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPicture:
    """A picture, and who is on it."""

    name: str  # below the folder, or as the table names it; printable
    place: SourcePath
    person: str
    group: str = ""  # empty: none
    untrusted: bytes | None = None  # its bytes, if they are in no file


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """All pictures, in the order in which they are enrolled."""

    name: str  # of the folder or table
    pictures: tuple[LabelledPicture, ...]
    skipped: int = 0  # files in folders of people that are not pictures by their names, and files beside the folders
    joined: tuple[Pair, ...] = ()  # names that mean one person; the first is kept


def read_set(path: Path, joined: Sequence[Pair] = ()) -> LabelledSet:
    """Return the pictures of a folder or a table; ``joined`` are pairs of names that mean one person.

    Raises:
        NoSuchFile: There is nothing at ``path``.
        NotEvaluable: There are no pictures of at least two people, or the table cannot be used.
    """
    place, is_folder = locate(path)
    found = _folder(path, place) if is_folder else _table(path, place)
    labelled = replace(found, name=printable_bytes(os.path.basename(place.path)))  # noqa: PTH119 - bytes
    if not labelled.pictures:
        raise NotEvaluable(path=path, why="there is no picture in it", remedy="give one folder for each person")
    labelled = _with_names_joined(labelled, path, joined)
    if len({picture.person for picture in labelled.pictures}) < 2:
        raise NotEvaluable(
            path=path, why="all pictures show one person", remedy="give pictures of at least two, better of hundreds"
        )
    return labelled


def picture_bytes(picture: LabelledPicture, most: int) -> bytes:
    """Return the untrusted bytes of a picture, at most so many. Raises BadPicture, NotRead or OSError."""
    return read_regular(picture.place, most) if picture.untrusted is None else picture.untrusted


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Return pairs of names from a table with two columns and no header. Raises NoSuchFile or NotEvaluable."""
    place, _ = locate(path)
    rows = [row for _, row in _rows(path, place)]
    if any(len(row) != 2 or not all(cell.strip() for cell in row) for row in rows):
        raise NotEvaluable(path=path, why="each line has to hold two names", remedy="write them as: name,other name")
    return tuple((printable(row[0].strip()), printable(row[1].strip())) for row in rows)


# ---------------------------------------------------------------- folders


def _folder(path: Path, root: SourcePath) -> LabelledSet:
    pictures: list[LabelledPicture] = []
    try:
        skipped = sum(1 for _ in list_names(root, folders=False))
        for name, _ in list_names(root, folders=True):
            if not name.startswith(b"."):
                skipped += _person(root, name, pictures)
    except OSError as error:
        raise NotEvaluable(path=path, why=os_reason(error), remedy="check its permissions") from error
    if not pictures and skipped:
        why = "its files are in no folder of a person"
        raise NotEvaluable(path=path, why=why, remedy="give one folder for each person")
    return LabelledSet(name="", pictures=tuple(pictures), skipped=skipped)


def _person(root: SourcePath, person: bytes, pictures: list[LabelledPicture]) -> int:
    """Add the pictures in the folder of a person, however deep; return how many other files there are."""
    skipped = 0
    waiting = [root.child(person)]
    while waiting:
        folder = waiting.pop()
        for name, kind in list_names(folder, folders=False):
            place = folder.child(name)
            if kind is EntryType.OTHER or not _is_picture(place):
                skipped += 1
                continue
            pictures.append(
                LabelledPicture(name=printable_bytes(place.below), place=place, person=printable_bytes(person))
            )
        inner = [folder.child(name) for name, _ in list_names(folder, folders=True) if not name.startswith(b".")]
        waiting += reversed(inner)
    return skipped


def _is_picture(place: SourcePath) -> bool:
    """Return whether a file has the suffix of a picture, or begins as one; an ingest decides in the same way."""
    if os.path.splitext(place.base)[1].lower() in PICTURES:  # noqa: PTH122 - pathlib has no bytes
        return True
    try:
        return is_picture(read_start(place, START))
    except (NotRead, OSError):
        return False


# ---------------------------------------------------------------- tables


def _table(path: Path, place: SourcePath) -> LabelledSet:
    rows = _rows(path, place)
    header = next(iter(rows), (0, []))[1]
    columns = [name.strip().lower() for name in header]
    for name in ("file", "person"):
        if columns.count(name) != 1:
            how = "no column" if name not in columns else "more than one column"
            raise NotEvaluable(path=path, why=f"it has {how} “{name}”", remedy=TABLE_REMEDY)
    root = replace(place, root=b"/")  # a table may name pictures anywhere on this machine
    pictures, missing = [], []
    for line, row in rows[1:]:
        if len(row) != len(columns):
            why = f"line {line:,} has {len(row)} columns instead of {len(columns)}"
            raise NotEvaluable(path=path, why=why, remedy="correct it and run again")
        cells = dict(zip(columns, (cell.strip() for cell in row), strict=True))
        if not cells["file"] or not cells["person"]:
            raise NotEvaluable(path=path, why=f"line {line:,} has no file or no person", remedy=TABLE_REMEDY)
        below = os.fsencode(cells["file"])
        name = printable_bytes(below)
        picture = replace(root.parent.child(below), below=below)
        if b"\0" in below or not _is_file(picture):
            missing.append(f"line {line:,}: {name}")
        pictures.append(
            LabelledPicture(
                name=name, place=picture, person=printable(cells["person"]), group=printable(cells.get("group", ""))
            )
        )
    if missing:
        more = f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
        why = f"it names files that are not there ({'; '.join(missing[:SHOWN])}{more})"
        raise NotEvaluable(path=path, why=why, remedy="file names are relative to the table; correct it")
    pictures.sort(key=lambda picture: (picture.person, picture.place.below))
    return LabelledSet(name="", pictures=tuple(pictures))


def _is_file(place: SourcePath) -> bool:
    try:
        return os.path.isfile(os.fsdecode(place.path))  # noqa: PTH113
    except (OSError, ValueError):
        return False


def _rows(path: Path, place: SourcePath) -> list[tuple[int, list[str]]]:
    """Return the rows of a CSV file that are not empty, each with its line."""
    try:
        with os.fdopen(open_regular(place), encoding="utf-8-sig", newline="") as file:
            header = file.readline(LONGEST_LINE)
            file.seek(0)
            reader = csv.reader(file, delimiter=max(DELIMITERS, key=header.count), strict=True)
            rows = []
            for row in reader:
                if row:
                    rows.append((reader.line_num, row))
                if len(rows) > MOST_PICTURES:
                    raise NotEvaluable(path=path, why=f"it has more than {MOST_PICTURES:,} lines", remedy="divide it")
            return rows
    except UnicodeDecodeError:
        raise NotEvaluable(path=path, why="it is not text in UTF-8", remedy=TABLE_REMEDY) from None
    except csv.Error as error:
        raise NotEvaluable(path=path, why=f"it is no table ({error})", remedy=TABLE_REMEDY) from error
    except OSError as error:
        raise NotEvaluable(path=path, why=os_reason(error), remedy="check its permissions") from error


# ---------------------------------------------------------------- names


def _with_names_joined(labelled: LabelledSet, path: Path, joined: Sequence[Pair]) -> LabelledSet:
    known = {picture.person for picture in labelled.pictures}
    kept = join_names(known, joined, path)
    pictures = tuple(replace(picture, person=kept.get(picture.person, picture.person)) for picture in labelled.pictures)
    return replace(labelled, pictures=pictures, joined=tuple(joined))


def join_names(known: Iterable[str], joined: Sequence[Pair], path: Path) -> dict[str, str]:
    """Return the kept name of each name in ``joined``. Raises NotEvaluable if nobody has a name."""
    names = set(known)
    strange = [name for pair in joined for name in pair if name not in names]
    if strange:
        why = f"nobody is called “{strange[0]}”"
        raise NotEvaluable(path=path, why=why, remedy="correct the pairs of names given with --join")
    kept: dict[str, str] = {}

    def root(name: str) -> str:
        while (other := kept.get(name, name)) != name:
            name = other
        return name

    for first, second in joined:
        if root(first) != root(second):
            kept[root(second)] = root(first)
    return {name: root(name) for name in kept}
