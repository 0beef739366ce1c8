"""A drop as the connector for uploads reads it, and its end once everything of it is ingested."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lineament.model.drops import Drop, DroppedFile
from lineament.model.sources import Source
from lineament.services.gallery.drops import OPENED, seal_of
from lineament.services.keyholder import source_key
from lineament.services.record import Record
from lineament.sources.folder.connector import is_side_car
from lineament.sources.upload.arrivals import ArrivalStanding
from lineament.sources.upload.registration import KIND
from lineament.store.faults import of_system

if TYPE_CHECKING:
    from lineament.services.collect import CollectedFiles
    from lineament.sources.crawl.sealed import Seal

AT_ONCE = 200
"""Files of the list that are read at once."""


class DroppedFiles:
    """The files of one drop (``sources.upload.arrivals.Arrivals``)."""

    def __init__(self, record: Record, files: CollectedFiles, drop: Drop, source: Source) -> None:
        """Delete the copies that a killed process left of the drop's files."""
        self._record, self._keys, self._folders = record, files.keys, files.drops
        self._drop, self._source = drop, source
        self._last = drop.done  # the number of the last file that was read
        self._copies: dict[str, Path] = {}
        self._seal: Seal | None = None
        shutil.rmtree(files.drops.folder(drop) / OPENED, ignore_errors=True)

    @property
    def id(self) -> str:
        """See Arrivals."""
        return self._drop.id

    @property
    def done(self) -> int:
        """See Arrivals."""
        return self._drop.done

    def standing(self) -> ArrivalStanding:
        """See Arrivals."""
        with self._record.read() as tx:
            drop = tx.drops.get(self._drop.id)
        quiet = (self._record.clock() - drop.seen_at).total_seconds()
        return ArrivalStanding(
            files=drop.files, listed=drop.listed, over=drop.ended_at is not None, quiet=max(quiet, 0)
        )

    def after(self, number: int) -> Sequence[DroppedFile]:
        """See Arrivals."""
        self._last = max(self._last, number)
        with self._record.read() as tx:
            return tx.drops.after(self._drop.id, number, AT_ONCE)

    def side_cars(self) -> Sequence[DroppedFile]:
        """See Arrivals."""
        with self._record.read() as tx:
            found = tx.drops.ending_in(self._drop.id, ".json", ".xmp", "captures.csv")
        return [file for file in found if file.why is None and is_side_car(file.path.encode())]

    def find(self, path: str) -> DroppedFile | None:
        """See Arrivals."""
        with self._record.read() as tx:
            return tx.drops.find(self._drop.id, path)

    def parts(self, file: DroppedFile) -> Iterator[bytes]:
        """See Arrivals."""
        if self._seal is None:  # while a drop is under way, nobody gives its source another key
            with self._record.read() as tx:
                self._seal = seal_of(self._drop, source_key(tx, self._keys, self._source))
        yield from self._folders.read(self._drop, self._seal, file)

    def as_file(self, file: DroppedFile, suffix: str) -> Path:
        """See Arrivals."""
        folder = self._folders.folder(self._drop) / OPENED / str(file.number)
        self._folders.require_room(file.size)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = folder / f"{file.number}{suffix}"
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as copy:
                for part in self.parts(file):
                    copy.write(part)
        except OSError as error:
            raise of_system(error, folder) from error
        self._copies[file.path] = place
        return place

    def forget_copy(self, file: DroppedFile) -> None:
        """See Arrivals."""
        self._copies.pop(file.path, None)
        shutil.rmtree(self._folders.folder(self._drop) / OPENED / str(file.number), ignore_errors=True)

    def copy_of(self, path: str) -> Path | None:
        """See Arrivals."""
        return self._copies.get(path)

    # ------------------------------------------------------------ what is ingested

    def forget_ingested(self) -> None:
        """Delete the files that the run has committed, except side-cars, which further pictures may need."""
        with self._record.read() as tx:
            drop, run = tx.drops.get(self._drop.id), tx.runs.newest_of(self._source.id, KIND, self._drop.what)
            number = int((run.cursor or "0").partition("+")[0]) if run is not None else 0
            committed = tx.drops.between(drop.id, drop.done, number)
        if number > drop.done and drop.ended_at is None:
            with self._record.begin() as tx:
                tx.drops.note(drop.id, done=number)
            pictures = [file.number for file in committed if not is_side_car(file.path.encode())]
            self._folders.delete_files(drop, pictures)

    def end(self) -> bool:
        """End the drop once its run has ended; return False if more was added to its list since it was read."""
        with self._record.begin() as tx:
            drop = tx.drops.get(self._drop.id)
            if drop.ended_at is None:
                tx.drops.note(drop.id, done=self._last)
                if drop.files > self._last or not drop.listed:
                    return False
                tx.drops.end(drop.id, self._record.clock())
        self._folders.destroy(drop)
        return True
