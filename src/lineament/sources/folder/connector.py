"""Pictures in files and folders, each with its provenance, or refused with a reason.

Nothing that is found can end the walk, and memory does not grow with the folder.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from lineament.errors import BadSideCar, FileTooLarge, LineamentError, NotAPicture, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import (
    EntryType,
    SourcePath,
    list_names,
    locate,
    open_regular,
    os_reason,
    read_regular,
    regular_path,
)
from lineament.sandbox.unpack import SUFFIXES, decompress
from lineament.sources.base import Item, Refusal
from lineament.sources.folder.captures import Captures
from lineament.sources.provenance import Unusable, parse_side_car

_USUAL = b".jpg .jpeg .jpe .jfif .png .webp .heic .heif .hif .tif .tiff .bmp .dib .gif"
PICTURES = frozenset(_USUAL.split() + b".jp2 .j2k .j2c .jpc .jpx .jpf".split())
"""Suffixes of pictures, in lower case."""
SIDE_CARS = (b".json", b".JSON")
"""Suffixes of side-cars; PHOTO.jpg.json takes precedence over PHOTO.json."""
TABLE = b"captures.csv"
LARGEST_SIDE_CAR = 2**20
"""Most bytes of a side-car."""


class _Folder(NamedTuple):
    """A folder, or some files of it."""

    place: SourcePath
    found: Iterator[SourcePath | Refusal]  # must be consumed before the next folder
    whole: bool


class FolderConnector:
    """Yields the pictures of files, and of folders with everything in them.

    Hidden files and folders and side-cars are skipped. A file that was named itself is read whatever its suffix; in
    folders only files with the suffix of a picture are. A compressed picture (photograph.jpg.gz) is decompressed;
    side-cars and tables use its whole name.
    """

    def __init__(self, paths: Sequence[Path], page_base: str | None, max_bytes: int) -> None:
        """``page_base`` is the URL below which a picture's page has the picture's path.

        Files over ``max_bytes`` are refused unread. Raises NoSuchFile if one of ``paths`` does not exist.
        """
        self._page_base = None if page_base is None else page_base.rstrip("/")
        self._max_bytes = max_bytes
        self._given = {place.path: (place, is_folder) for place, is_folder in map(locate, paths)}

    def count(self) -> int:
        """Return how many items and refusals there will be. Nothing is opened, so this is fast."""
        return sum(1 for folder in self._folders() for _ in folder.found)

    def items(self) -> Iterator[Item | Refusal]:
        """Yield every picture: those of a folder in the byte order of their names, then those of its subfolders."""
        for folder in self._folders():
            with table_of(folder.place) as table:
                for found in folder.found:
                    yield found if isinstance(found, Refusal) else self._read(found, table)
                if folder.whole and isinstance(table, Captures):
                    yield from _missing(folder.place, table)

    def _folders(self) -> Iterator[_Folder]:
        for (is_folder, _), together in groupby(self._given.values(), key=_grouping):
            places = (place for place, _ in together)
            if is_folder:
                yield from _all_folders(next(places))
            else:
                first = next(places)
                yield _Folder(first.parent, chain([first], places), whole=False)

    def _read(self, place: SourcePath, table: Captures | BadSideCar | None) -> Item | Refusal:
        """Return the picture with its provenance, or why it is refused."""
        try:
            provenance = provenance_of(place, table, self._default(place))
            untrusted = read_regular(place, self._max_bytes)
            if compressed(place.base):
                untrusted = decompress(untrusted, self._max_bytes)
        except (LineamentError, OSError) as error:
            return Refusal.from_error(place.name, error)
        return Item(name=place.name, untrusted=untrusted, provenance=provenance)

    def _default(self, place: SourcePath) -> Provenance:
        """Return the provenance of a picture without a side-car."""
        page = None if self._page_base is None else f"{self._page_base}/{quote_from_bytes(place.below)}"
        return Provenance(uri=place.uri, page_uri=page)


def compressed(name: bytes) -> bool:
    """Return whether it is the name of a compressed picture, as photograph.jpg.gz."""
    stem, suffix = os.path.splitext(name.lower())  # noqa: PTH122 - pathlib has no bytes
    return suffix in SUFFIXES and os.path.splitext(stem)[1] in PICTURES  # noqa: PTH122


def _grouping(given: tuple[SourcePath, bool]) -> tuple[bool, bytes]:
    """Group the files of one folder, as a shell lists them for “*”."""
    place, is_folder = given
    return is_folder, place.path if is_folder else place.parent.path


def _all_folders(root: SourcePath) -> Iterator[_Folder]:
    """Yield a folder, then those in it, however deep."""
    waiting = [iter([root])]
    while waiting:
        place = next(waiting[-1], None)
        if place is None:
            waiting.pop()
        else:
            yield _Folder(place, _files(place), whole=True)
            waiting.append(_folders_in(place))


def _files(folder: SourcePath) -> Iterator[SourcePath | Refusal]:
    """Yield the pictures directly in a folder, and refusals of what is not one."""
    try:
        for name, kind in list_names(folder, folders=False):
            suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - pathlib has no bytes
            if name.startswith(b".") or suffix == b".json" or name == TABLE:
                continue
            place = folder.child(name)
            is_picture = suffix in PICTURES or compressed(name)
            yield place if is_picture and kind is not EntryType.OTHER else Refusal(name=place.name, why=_why_not(place))
    except OSError as error:
        yield Refusal.from_error(folder.name, error)


def _why_not(place: SourcePath) -> LineamentError:
    """Return why something that is not a file with the suffix of a picture is refused."""
    try:
        regular_path(place)
    except LineamentError as error:
        return error
    except OSError as error:
        return NotRead(why=os_reason(error))
    return NotAPicture()


def _folders_in(folder: SourcePath) -> Iterator[SourcePath]:
    """Yield the subfolders of a folder in the byte order of their names."""
    with suppress(OSError):  # reported with its files already
        for name, _ in list_names(folder, folders=True):
            if not name.startswith(b"."):
                yield folder.child(name)


# ---------------------------------------------------------------- provenance


def stated_provenance(
    base: bytes, table: Captures | BadSideCar | None, side_car: Callable[[], Provenance | None], default: Provenance
) -> Provenance:
    """Return what the side-car, or else the table, states of the picture ``base``; ``default`` if neither does.

    Raises:
        BadSideCar: ``side_car`` raises it, or ``table`` is one.
        Unusable: The row of the table cannot be used.
    """
    in_table = None
    why: BadSideCar | Unusable | None = None
    try:
        if isinstance(table, Captures):
            in_table = table.of(base, default)
        else:
            why = table
    except Unusable as error:
        why = error
    beside = side_car()
    if beside is None and why is not None:
        raise why
    return beside or in_table or default


def side_car_names(base: bytes) -> list[bytes]:
    """Return the possible names of the side-car of the picture ``base``; the first that exists counts."""
    stem = os.path.splitext(base)[0]  # noqa: PTH122 - pathlib has no bytes
    return list(dict.fromkeys(start + suffix for start in (base, stem) for suffix in SIDE_CARS))


def provenance_of(place: SourcePath, table: Captures | BadSideCar | None, default: Provenance) -> Provenance:
    """Return what the side-car, or else the table, states of a picture. Raises BadSideCar if that cannot be used."""
    try:
        return stated_provenance(place.base, table, lambda: _side_car(place, default), default)
    except Unusable as error:
        raise BadSideCar(name=place.parent.child(TABLE).name, why=error) from error


def _side_car(place: SourcePath, default: Provenance) -> Provenance | None:
    """Return what a picture's own side-car states, or None. Raises BadSideCar if it cannot be used."""
    folder = place.parent
    for name in side_car_names(place.base):
        beside = folder.child(name)
        try:
            return parse_side_car(read_regular(beside, LARGEST_SIDE_CAR), default)
        except FileNotFoundError:
            continue
        except FileTooLarge:
            raise BadSideCar(name=beside.name, why=f"it has more than {LARGEST_SIDE_CAR} bytes") from None
        except NotRead as error:
            raise BadSideCar(name=beside.name, why=error.details["why"]) from error
        except Unusable as error:
            raise BadSideCar(name=beside.name, why=error) from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # the picture's name may have the greatest length
                raise BadSideCar(name=beside.name, why=os_reason(error)) from error
    return None


@contextmanager
def table_of(folder: SourcePath) -> Iterator[Captures | BadSideCar | None]:
    """Open the captures.csv of a folder: None if there is none, BadSideCar if it cannot be used."""
    try:
        table = _read_table(folder.child(TABLE))
    except FileNotFoundError:
        yield None
    except BadSideCar as error:
        yield error
    else:
        try:
            yield table
        finally:
            table.close()


def _read_table(place: SourcePath) -> Captures:
    try:
        with os.fdopen(open_regular(place), encoding="utf-8-sig", newline="") as file:
            return Captures(file)
    except FileNotFoundError:
        raise
    except NotRead as error:
        raise BadSideCar(name=place.name, why=error.details["why"]) from error
    except OSError as error:
        raise BadSideCar(name=place.name, why=os_reason(error)) from error
    except Unusable as error:
        raise BadSideCar(name=place.name, why=error) from error


def _missing(folder: SourcePath, table: Captures) -> Iterator[Refusal]:
    """Refuse the pictures that a table names and that do not exist: a misspelt name would lose provenance."""
    for name in table.missing():
        shown = folder.child(name.encode("utf-8", "replace"))
        yield Refusal(name=shown.name, why=NotRead(why="captures.csv names it, but there is no such picture here"))
