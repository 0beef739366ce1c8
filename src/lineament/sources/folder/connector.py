"""Pictures in files and folders, each with its provenance, or refused with a reason; everything else is counted.

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

from lineament.errors import MACHINE_FAULTS, BadSideCar, FileTooLarge, LineamentError, NotAPicture, NotRead
from lineament.model.faces import Provenance
from lineament.model.regions import RegionHints
from lineament.sandbox.files import (
    EntryType,
    SourcePath,
    list_names,
    locate,
    open_regular,
    os_reason,
    read_regular,
    read_start,
    regular_path,
)
from lineament.sandbox.unpack import SUFFIXES, decompress
from lineament.sources.base import Found, Item, LeftOut, LeftOutKind, Refusal
from lineament.sources.folder.captures import Captures
from lineament.sources.media_types import START, is_picture, is_video, not_a_picture
from lineament.sources.provenance import Unusable, parse_side_car
from lineament.sources.xmp.reader import parse_hints

_USUAL = b".jpg .jpeg .jpe .jfif .png .webp .heic .heif .hif .tif .tiff .bmp .dib .gif"
PICTURES = frozenset(_USUAL.split() + b".jp2 .j2k .j2c .jpc .jpx .jpf".split())
"""Suffixes of pictures, in lower case."""
SIDE_CARS = (b".json", b".JSON")
"""Suffixes of side-cars; PHOTO.jpg.json takes precedence over PHOTO.json."""
XMP = (b".xmp", b".XMP")
"""Suffixes of side-cars that mark the faces of a picture; PHOTO.jpg.xmp takes precedence over PHOTO.xmp."""
TABLE = b"captures.csv"
LARGEST_SIDE_CAR = 2**20
"""Most bytes of a side-car."""


class _Folder(NamedTuple):
    """A folder, or some files of it."""

    place: SourcePath
    found: Iterator[SourcePath | Refusal | LeftOut]  # must be consumed before the next folder
    whole: bool


class FolderConnector:
    """Yields the pictures of files, and of folders with everything in them, hidden or not.

    A file that was named itself is read whatever it is. In folders a file with the suffix of a picture is read; the
    first bytes of any other file decide whether it is a picture, a video, whose frames are yielded, or refused.
    Side-cars are counted. A compressed picture (photograph.jpg.gz) is decompressed; side-cars and tables use its whole
    name.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        page_base: str | None,
        max_bytes: int,
        *,
        skip_hidden: bool = False,
        left_out: bool = False,
    ) -> None:
        """``page_base`` is the URL below which a picture's page has the picture's path.

        Files over ``max_bytes`` are refused unread. ``skip_hidden`` leaves out what begins with a dot in the folders,
        and counts it; ``left_out`` does so with everything in them. Raises NoSuchFile if one of ``paths`` is missing.
        """
        self._page_base = None if page_base is None else page_base.rstrip("/")
        self._max_bytes = max_bytes
        self._skip_hidden, self._left_out = skip_hidden, left_out
        self._given = {place.path: (place, is_folder) for place, is_folder in map(locate, paths)}

    def count(self) -> int:
        """Return how many pictures, videos and refusals there will be. Nothing is opened, so this is fast."""
        return sum(is_counted(found) for folder in self._folders() for found in folder.found)

    def items(self) -> Iterator[Found]:
        """Yield everything: what is in a folder in the byte order of the names, then what is in its subfolders."""
        for folder in self._folders():
            with table_of(folder.place) as table:
                for found in folder.found:
                    if isinstance(found, SourcePath):
                        yield from self._read(found, table, named=not folder.whole)
                    else:
                        yield found
                if folder.whole and isinstance(table, Captures):
                    yield from self._missing(folder.place, table)

    def _folders(self) -> Iterator[_Folder]:
        for (is_folder, _), together in groupby(self._given.values(), key=_grouping):
            places = (place for place, _ in together)
            if is_folder:
                yield from _all_folders(next(places), skip_hidden=self._skip_hidden, left_out=self._left_out)
            else:
                first = next(places)
                yield _Folder(first.parent, chain([first], places), whole=False)

    def _read(self, place: SourcePath, table: Captures | BadSideCar | None, *, named: bool) -> Iterator[Item | Refusal]:
        """Yield the picture with its provenance, or the frames of a video, or why it is refused."""
        try:
            if not has_picture_suffix(place.base):
                start = read_start(place, START)
                if is_video(start):
                    yield from self._frames(place, provenance_of(place, table, self._default(place)))
                    return
                if not (named or is_picture(start)):
                    raise NotAPicture(why=_what_it_is(place.base, start))
            provenance = provenance_of(place, table, self._default(place))
            untrusted = read_regular(place, self._max_bytes)
            if compressed(place.base):
                untrusted = decompress(untrusted, self._max_bytes)
        except (LineamentError, OSError) as error:
            yield Refusal.from_error(place.name, error)
        else:
            hints = hints_beside(place.base, lambda name: _content_beside(place, name))
            yield Item(name=place.name, untrusted=untrusted, provenance=provenance, hints=hints)

    def _frames(self, place: SourcePath, whole: Provenance) -> Iterator[Item | Refusal]:
        from lineament.sources.video.sampled import frame_items

        yield from frame_items(place.name, whole, open_regular(place), self._max_bytes)

    def _missing(self, folder: SourcePath, table: Captures) -> Iterator[Refusal]:
        """Refuse the pictures that a table names and that do not exist: a misspelt name would lose provenance."""
        for name in table.missing():
            shown = folder.child(name.encode("utf-8", "replace"))
            if not (self._skip_hidden and name.startswith(".")):
                yield Refusal(
                    name=shown.name, why=NotRead(why="captures.csv names it, but there is no such picture here")
                )

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


def has_picture_suffix(name: bytes) -> bool:
    """Return whether a file is read as a picture by its name alone."""
    return os.path.splitext(name)[1].lower() in PICTURES or compressed(name)  # noqa: PTH122 - pathlib has no bytes


def is_counted(found: SourcePath | Refusal | LeftOut) -> bool:
    """Return whether it counts among the pictures: it is one, or might be if it were not refused or left out."""
    return not isinstance(found, LeftOut) or found.kind is LeftOutKind.HIDDEN


def _all_folders(root: SourcePath, *, skip_hidden: bool, left_out: bool) -> Iterator[_Folder]:
    """Yield a folder, then those in it, however deep."""
    waiting = [iter([(root, left_out)])]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        place, is_left_out = found
        files = _left_out_files(place) if is_left_out else _files(place, skip_hidden=skip_hidden)
        yield _Folder(place, files, whole=not is_left_out)
        waiting.append(_folders_in(place, skip_hidden=skip_hidden, left_out=is_left_out))


def _files(folder: SourcePath, *, skip_hidden: bool) -> Iterator[SourcePath | Refusal | LeftOut]:
    """Yield what is directly in a folder, except its folders."""
    try:
        for name, kind in list_names(folder, folders=False):
            place = folder.child(name)
            if skip_hidden and is_hidden(name):
                yield LeftOut(kind=LeftOutKind.HIDDEN)
            elif is_side_car(name):
                yield LeftOut(kind=LeftOutKind.SIDE_CAR)
            elif kind is EntryType.OTHER or (kind is EntryType.LINK and not has_picture_suffix(name)):
                why = why_not_regular(place)
                yield place if why is None else Refusal(name=place.name, why=why)
            else:
                yield place
    except OSError as error:
        yield Refusal.from_error(folder.name, error)


def _left_out_files(folder: SourcePath) -> Iterator[Refusal | LeftOut]:
    """Count the files directly in a folder that is left out."""
    try:
        for _ in list_names(folder, folders=False):
            yield LeftOut(kind=LeftOutKind.HIDDEN)
    except OSError as error:
        yield Refusal.from_error(folder.name, error)


def why_not_regular(place: SourcePath) -> LineamentError | None:
    """Return why something that is not an ordinary file cannot be read; None if it can, as a link to one."""
    try:
        regular_path(place)
    except LineamentError as error:
        return error
    except OSError as error:
        return NotRead(why=os_reason(error))
    return None


def _folders_in(folder: SourcePath, *, skip_hidden: bool, left_out: bool) -> Iterator[tuple[SourcePath, bool]]:
    """Yield the subfolders of a folder in the byte order of their names, and whether each is left out."""
    with suppress(OSError):  # reported with its files already
        for name, _ in list_names(folder, folders=True):
            yield folder.child(name), left_out or (skip_hidden and is_hidden(name))


def is_hidden(path: bytes) -> bool:
    """Return whether a part of a relative path begins with a dot."""
    return any(part.startswith(b".") for part in path.split(b"/"))


def is_side_car(path: bytes) -> bool:
    """Return whether it is the path of a side-car or of a table of side-cars."""
    name = os.path.basename(path)  # noqa: PTH119 - pathlib has no bytes
    return os.path.splitext(name)[1].lower() in {b".json", b".xmp"} or name == TABLE  # noqa: PTH122


def _what_it_is(name: bytes, start: bytes) -> str:
    """Return what a file in a folder is, and how to have it read if that is possible."""
    from lineament.sources.choose import FALLBACK, kind_of

    kind = kind_of(os.fsdecode(name))
    if kind == FALLBACK or not start:
        return not_a_picture(start)
    return (
        f"its name is that of the kind “{kind}”, which is read only if it is named itself: lineament ingest SOURCE PATH"
    )


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
    return _names_beside(base, SIDE_CARS)


def _names_beside(base: bytes, suffixes: Sequence[bytes]) -> list[bytes]:
    stem = os.path.splitext(base)[0]  # noqa: PTH122 - pathlib has no bytes
    return list(dict.fromkeys(start + suffix for start in (base, stem) for suffix in suffixes))


def hints_beside(base: bytes, content: Callable[[bytes], bytes | None]) -> RegionHints | None:
    """Return what the XMP side-car of the picture ``base`` says of the faces in it; None if there is none.

    ``content`` returns the content of a side-car by its name, None if there is none. A side-car that cannot be read
    costs its hints, and not its picture: nothing of the provenance is in it.
    """
    try:
        found = next((text for name in _names_beside(base, XMP) if (text := content(name)) is not None), None)
    except MACHINE_FAULTS:
        raise
    except (LineamentError, OSError):
        return RegionHints(left_out=1)
    return None if found is None else parse_hints(found)


def _content_beside(place: SourcePath, name: bytes) -> bytes | None:
    """Return the content of a side-car of a picture; None if there is none. Raises FileTooLarge, NotRead or OSError."""
    try:
        return read_regular(place.parent.child(name), LARGEST_SIDE_CAR)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # the picture's name may have the greatest length
            return None
        raise


def provenance_of(place: SourcePath, table: Captures | BadSideCar | None, default: Provenance) -> Provenance:
    """Return what the side-car, or else the table, states of a picture. Raises BadSideCar if that cannot be used."""
    try:
        return stated_provenance(place.base, table, lambda: _side_car(place, default), default)
    except Unusable as error:
        raise BadSideCar(name=place.parent.child(TABLE).name, why=error) from error


def _side_car(place: SourcePath, default: Provenance) -> Provenance | None:
    """Return what a picture's own side-car states, or None. Raises BadSideCar if it cannot be used."""
    for name in side_car_names(place.base):
        shown = place.parent.child(name).name
        try:
            if (content := _content_beside(place, name)) is not None:
                return parse_side_car(content, default)
        except FileTooLarge:
            raise BadSideCar(name=shown, why=f"it has more than {LARGEST_SIDE_CAR} bytes") from None
        except NotRead as error:
            raise BadSideCar(name=shown, why=error.details["why"]) from error
        except Unusable as error:
            raise BadSideCar(name=shown, why=error) from error
        except OSError as error:
            raise BadSideCar(name=shown, why=os_reason(error)) from error
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
