"""The pictures in what an official sends through the browser, while it is still arriving.

A file of a folder is read as the connector for folders reads it; one that was dropped by itself may also be an archive,
a web archive, a manifest or a transaction, and is read by the connector of its kind. A case export of Project VIC is
read record by record wherever it lies, and the files that its records name are not read again. Files come in the order
of the list, and a picture waits for its side-car. The address of a picture is ``upload:DROP/PATH``.
"""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from lineament.errors import BadSideCar, Damaged, FileTooLarge, LineamentError, NotAPicture, NotRead
from lineament.model.drops import DroppedFile
from lineament.model.faces import ArchiveRecord, Provenance
from lineament.sandbox.files import locate, printable
from lineament.sandbox.unpack import decompress
from lineament.sources.base import Found, Item, LeftOut, LeftOutKind, Refusal, number_in
from lineament.sources.choose import FALLBACK, choose, kind_of
from lineament.sources.folder.captures import Captures
from lineament.sources.folder.connector import (
    LARGEST_SIDE_CAR,
    TABLE,
    compressed,
    has_picture_suffix,
    hints_beside,
    is_hidden,
    is_side_car,
    side_car_names,
    stated_provenance,
)
from lineament.sources.media_types import START, is_picture, is_video, not_a_picture
from lineament.sources.provenance import Unusable, parse_side_car
from lineament.sources.registry import BesideFile, Terms, registrations
from lineament.sources.upload.arrivals import Arrivals, ArrivalStanding
from lineament.sources.upload.exports import begins_as_export, media_paths
from lineament.sources.video.sampled import frames_of

CONNECTOR = "upload 1"
PATIENCE = 20.0
"""Seconds without anything arriving after which the connector ends, to be resumed when more has arrived."""
LOOK_EVERY = 0.2
"""Seconds between two looks for a file that has not arrived."""
LARGEST_TABLE = 2**26
"""Most bytes of a captures.csv."""
_OPENED = frozenset({"archive", "warc", "manifest", "itl"})
"""Kinds whose connectors read a file by its path."""
_EXPORT = "vics"
"""The kind of a case export."""


class _Waiting(Exception):
    """Something that is needed has not arrived."""


class UploadConnector:
    """Yields the pictures of a drop in the order of its list, and waits for those that are still to come."""

    def __init__(self, arrivals: Arrivals, terms: Terms) -> None:
        """Take what the terms say of a source, as other connectors do."""
        self._arrivals, self._terms = arrivals, terms
        self._waiting = False
        self._side_cars: dict[str, DroppedFile] = {}
        self._listed = -1  # how many files were in the list when the side-cars were read
        self._complete = False  # the list was complete then
        self._folder: str | None = None  # whose table is read
        self._table: Captures | BadSideCar | None = None
        self._exports: set[str] = set()  # paths of JSON files that are case exports
        self._named: set[int] = set()  # numbers of the files that records of those name

    def count(self) -> int | None:
        """Return how many files are in the list, without side-cars."""
        standing = self._arrivals.standing()
        return standing.files - len(self._side_cars_of(standing)) if standing.files else None

    def is_waiting(self) -> bool:
        """See Arriving."""
        return self._waiting

    def items(self) -> Iterator[Found]:
        """Yield everything that arrives before nothing more does."""
        for found, _ in self.items_from(None):
            yield found

    def items_from(self, cursor: str | None) -> Iterator[tuple[Found, str]]:
        """Yield what comes after ``cursor``: the number of a file, or that of the one before it, + and a count."""
        self._waiting = self._complete = False
        before, _, inner = (cursor or "0").partition("+")
        number = max(number_in(before, "the number of a file"), self._arrivals.done)
        skip = number_in(inner or None, "a count") if str(number) == before else 0
        try:
            self._recall_exports(number)
            for file in self._arriving(number):
                for missing in self._enter_folder(file):
                    yield missing, str(number)
                yield from self._numbered(file, skip)
                number, skip = file.number, 0
            for missing in self._end_folder():
                yield missing, str(number)
        except _Waiting:
            self._waiting = not self._arrivals.standing().over
        finally:
            self._close_table()

    # ------------------------------------------------------------ waiting

    def _arriving(self, number: int) -> Iterator[DroppedFile]:
        """Yield the files after ``number``, each once it has arrived. Raises _Waiting if nothing does any more."""
        while True:
            files, standing = self._arrivals.after(number), self._arrivals.standing()
            self._side_cars_of(standing)
            for file in files:
                yield self._arrived(file)
                number = file.number
            if not files:
                if standing.over or (standing.listed and standing.files <= number):
                    return
                self._wait()

    def _arrived(self, file: DroppedFile) -> DroppedFile:
        """Return a file once it has arrived. Raises _Waiting."""
        while not file.has_arrived:
            self._wait()
            files = self._arrivals.after(file.number - 1)
            if not files:
                raise _Waiting
            file = files[0]
        return file

    def _wait(self) -> None:
        """Wait a moment for more. Raises _Waiting if nothing has arrived for PATIENCE, or the drop is over."""
        standing = self._arrivals.standing()
        if standing.over or standing.quiet > PATIENCE:
            raise _Waiting
        time.sleep(LOOK_EVERY)

    # ------------------------------------------------------------ one file

    def _numbered(self, file: DroppedFile, skip: int) -> Iterator[tuple[Found, str]]:
        """Yield what a file gives after ``skip`` of it; only the last has the number of the file as its cursor."""
        found = itertools.islice(self._of_file(file), skip, None)
        last, given = next(found, None), skip
        for following in found:
            given += 1
            assert last is not None  # noqa: S101 - something follows it
            yield last, f"{file.number - 1}+{given}"
            last = following
        if last is not None:
            yield last, str(file.number)

    def _of_file(self, file: DroppedFile) -> Iterator[Found]:
        """Yield everything of one file; nothing if it was read with the record of an export that names it."""
        name = printable(file.path)
        if file.why is not None:
            yield Refusal(name=name, why=NotRead(why=file.why))
            return
        if self._terms.skip_hidden and is_hidden(file.path.encode()):
            yield LeftOut(kind=LeftOutKind.HIDDEN)
        elif is_side_car(file.path.encode()) and not self._is_export(file):
            yield LeftOut(kind=LeftOutKind.SIDE_CAR)
        elif file.number not in self._named:
            try:
                yield from self._exported(file, name) if file.path in self._exports else self._read(file, name)
            except (LineamentError, OSError) as error:
                yield Refusal.from_error(name, error)

    def _read(self, file: DroppedFile, name: str) -> Iterator[Found]:
        folder, _, base = file.path.rpartition("/")
        if not has_picture_suffix(base.encode()):
            by_itself, kind = not folder, kind_of(base)
            if by_itself and kind in _OPENED:
                yield from self._opened(file, name, kind, self._file_beside)
                return
            start = self._start(file)
            if is_video(start):
                yield from frames_of(name, self._arrivals.parts(file), self._provenance(file), self._terms.max_bytes)
                return
            if not (by_itself or is_picture(start)):
                raise NotAPicture(why=_what_it_is(kind, start))
        provenance = self._provenance(file)
        untrusted = self._content(file, self._terms.max_bytes)
        if compressed(base.encode()):
            untrusted = decompress(untrusted, self._terms.max_bytes)
        hints = hints_beside(file.path.rpartition("/")[2].encode(), self._content_beside)
        yield Item(name=name, untrusted=untrusted, provenance=provenance, hints=hints)

    def _start(self, file: DroppedFile) -> bytes:
        return next(self._arrivals.parts(file), b"")[:START]

    def _content(self, file: DroppedFile, limit: int) -> bytes:
        if file.size > limit:
            raise FileTooLarge(size=file.size, limit=limit)
        parts = list(self._arrivals.parts(file))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    # ------------------------------------------------------------ files of other connectors

    def _opened(
        self, file: DroppedFile, name: str, kind: str, beside: Callable[[str], BesideFile | None]
    ) -> Iterator[Found]:
        """Yield what the connector of its kind finds in a file, and in those beside it, under the names of the drop."""
        endings = registrations()[kind].recognised_by.split(", ")
        suffix = max((ending for ending in endings if file.path.lower().endswith(ending)), key=len, default="")
        place = self._arrivals.as_file(file, suffix)
        (chosen,) = choose([str(place)], replace(self._terms, beside=beside), kind)
        is_empty = True
        for found in chosen.connector.items():
            is_empty = False
            if isinstance(found, Item):
                provenance = self._renamed(found.provenance, place, file)
                yield replace(found, name=found.name.replace(str(place), name), provenance=provenance)
            elif isinstance(found, Refusal):
                yield replace(found, name=found.name.replace(str(place), name))
            else:
                yield found
        if is_empty:
            yield Refusal(name=name, why=NotRead(why="there is no picture in it"))

    def _file_beside(self, path: str) -> BesideFile | None:
        """Return a file of the drop that another one names, once it has arrived; None if there is none."""
        return self._beside_file(self._arrivals.find(path))

    def _beside_file(self, found: DroppedFile | None) -> BesideFile | None:
        if found is None or found.why is not None:
            return None
        arrived = self._arrived(found)
        return BesideFile(uri=self._uri(arrived), size=arrived.size, parts=lambda: self._arrivals.parts(arrived))

    def _renamed(self, found: Provenance, place: Path, file: DroppedFile) -> Provenance:
        """Return a provenance that names the file of the drop instead of its copy on disk."""
        here = locate(place)[0].uri
        uri = self._uri(file) + found.uri[len(here) :] if found.uri.startswith(here) else found.uri

        def renamed(record: ArchiveRecord | None) -> ArchiveRecord | None:
            if record is None or not record.archive.startswith(place.name):
                return record
            return replace(record, archive=file.path + record.archive[len(place.name) :])

        return replace(found, uri=uri, record=renamed(found.record), page_record=renamed(found.page_record))

    # ------------------------------------------------------------ case exports

    def _is_export(self, file: DroppedFile) -> bool:
        """Return whether a file that has arrived is a case export, and note it; what cannot be read is none."""
        if not file.path.lower().endswith(".json"):
            return False
        try:
            untrusted = next(self._arrivals.parts(file), b"")
        except (NotRead, Damaged, OSError):
            return False
        if begins_as_export(untrusted):
            self._exports.add(file.path)
        return file.path in self._exports

    def _exported(self, file: DroppedFile, name: str) -> Iterator[Found]:
        """Yield what the records of an export name, and note those files: their own turn comes later."""
        try:
            yield from self._opened(file, name, _EXPORT, partial(self._media_beside, _folder_of(file)))
        finally:
            self._arrivals.forget_copy(file)

    def _media_beside(self, folder: str, path: str) -> BesideFile | None:
        """Return the file that a record of an export in ``folder`` names, as ``_file_beside`` does, and note it."""
        return self._beside_file(self._find_named(folder, path))

    def _find_named(self, folder: str, path: str) -> DroppedFile | None:
        found = self._arrivals.find(folder + path)
        if found is not None:
            self._named.add(found.number)
        return found

    def _recall_exports(self, number: int) -> None:
        """Note the files that the exports up to a number name: an earlier run has read them."""
        if not number:
            return
        cars = [car for car in self._all_side_cars().values() if car.number <= number]
        for export in filter(self._is_export, cars):
            try:
                for paths in media_paths(self._arrivals.as_file(export, "")):
                    found = (self._find_named(_folder_of(export), path) for path in paths)
                    next(filter(None, found), None)  # the first that there is, as the connector reads it
            finally:
                self._arrivals.forget_copy(export)

    # ------------------------------------------------------------ provenance

    def _uri(self, file: DroppedFile) -> str:
        return f"upload:{self._arrivals.id}/{quote(file.path)}"

    def _default(self, file: DroppedFile) -> Provenance:
        """Return the provenance of a picture without a side-car."""
        base = self._terms.page_base
        page = None if base is None else f"{base.rstrip('/')}/{quote(file.path)}"
        return Provenance(uri=self._uri(file), page_uri=page, connector=CONNECTOR)

    def _provenance(self, file: DroppedFile) -> Provenance:
        """Return what the side-car, or else the table, states of a picture. Raises BadSideCar."""
        base = file.path.rpartition("/")[2].encode()
        default = self._default(file)
        try:
            found = stated_provenance(base, self._table, lambda: self._side_car(file, default), default)
        except Unusable as error:
            raise BadSideCar(name=self._beside(TABLE), why=error) from error
        return replace(found, connector=CONNECTOR)

    def _side_car(self, file: DroppedFile, default: Provenance) -> Provenance | None:
        base = file.path.rpartition("/")[2].encode()
        beside = (self._all_side_cars().get(self._beside(name)) for name in side_car_names(base))
        found = next((car for car in beside if car is not None and car.path not in self._exports), None)
        if found is None:
            return None
        try:
            return parse_side_car(self._content(self._arrived(found), LARGEST_SIDE_CAR), default)
        except FileTooLarge:
            why = f"it has more than {LARGEST_SIDE_CAR} bytes"
        except NotRead as error:
            why = str(error.details["why"])
        except Unusable as error:
            why = str(error)
        raise BadSideCar(name=printable(found.path), why=why)

    def _content_beside(self, name: bytes) -> bytes | None:
        found = self._all_side_cars().get(self._beside(name))
        return None if found is None else self._content(self._arrived(found), LARGEST_SIDE_CAR)

    def _beside(self, name: bytes) -> str:
        return f"{self._folder}/{name.decode()}" if self._folder else name.decode()

    def _all_side_cars(self) -> dict[str, DroppedFile]:
        """Return the side-cars of the drop by their paths, as of its list now if that may name further ones."""
        return self._side_cars if self._complete else self._side_cars_of(self._arrivals.standing())

    def _side_cars_of(self, standing: ArrivalStanding) -> dict[str, DroppedFile]:
        """Return the side-cars in the list as it stands; if it is complete, so are they for every file in it."""
        if standing.files != self._listed:
            self._side_cars = {car.path: car for car in self._arrivals.side_cars()}
        self._listed, self._complete = standing.files, standing.listed
        return self._side_cars

    # ------------------------------------------------------------ the table of a folder

    def _enter_folder(self, file: DroppedFile) -> Iterator[Refusal]:
        """Read the table of a file's folder unless it is the one before; yield what is missing of the one before."""
        folder = file.path.rpartition("/")[0]
        if file.why is not None or folder == self._folder:
            return
        yield from self._end_folder()
        self._folder = folder
        found = self._all_side_cars().get(self._beside(TABLE))
        if found is None:
            return
        try:
            content = self._content(self._arrived(found), LARGEST_TABLE)
            self._table = Captures(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""))
        except (LineamentError, Unusable) as error:
            self._table = BadSideCar(name=printable(found.path), why=error)

    def _end_folder(self) -> Iterator[Refusal]:
        """Refuse the pictures that a table names and that are not there: a misspelt name would lose provenance."""
        if isinstance(self._table, Captures):
            for name in self._table.missing():
                path = f"{self._folder}/{name}" if self._folder else name
                if self._arrivals.find(path) is None and not (self._terms.skip_hidden and name.startswith(".")):
                    why = NotRead(why="captures.csv names it, but there is no such picture here")
                    yield Refusal(name=printable(path), why=why)
        self._close_table()

    def _close_table(self) -> None:
        if isinstance(self._table, Captures):
            self._table.close()
        self._table, self._folder = None, None


def _folder_of(file: DroppedFile) -> str:
    """Return the folder of a file, with a slash at its end; nothing if it was dropped by itself."""
    return "".join(file.path.rpartition("/")[:2])


def _what_it_is(kind: str, start: bytes) -> str:
    """Return what a file in a folder is, and how to have it read if that is possible."""
    if kind == FALLBACK or not start:
        return not_a_picture(start)
    return f"its name is that of the kind “{kind}”, which is read only if it is dropped by itself, outside a folder"
