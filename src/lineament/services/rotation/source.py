"""Rotates the key of a source: its pictures, templates and records are sealed again, and its index is built again.

First the source gets a new key, in one transaction, with what it vouches for of its faces; the one before stays in its
row and opens whatever is not sealed again yet. Then its captures follow, some in each transaction, which also notes how
far they are: whoever starts the rotation again resumes it. The key before leaves the row at the end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineament.errors import DropUnderWay, KeyRotated
from lineament.model.events.keys import KeyRotationBegun, KeyRotationEnded
from lineament.model.sources import Source
from lineament.services.gallery.crawls import Crawls
from lineament.services.gallery.shred import Shredder
from lineament.services.keyholder import about_source, require_current_source, source_key
from lineament.services.record import Record
from lineament.services.rotation.pictures import seal_again
from lineament.services.rotation.report import OnProgress, RotationReport
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.keys import KEY_BYTES, DataKey
from lineament.store.ring import KeyRing

if TYPE_CHECKING:
    from lineament.services.gallery.indexes import Gallery

BATCH = 100
"""Captures in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFiles:
    """Where what the key of a source seals is, apart from the database."""

    blobs: Blobs
    crawls: Crawls
    gallery: Callable[[], Gallery]


class SourceRotation:
    """One rotation of the key of a source, or the rest of one."""

    def __init__(self, record: Record, keys: KeyRing, files: SourceFiles, on_progress: OnProgress) -> None:
        self._record, self._keys, self._files, self._on_progress = record, keys, files, on_progress
        self._report = RotationReport(of="source")
        self._began = time.monotonic()

    def run(self, name: str) -> RotationReport:
        """Begin or resume, and finish.

        Raises Refused if the key was destroyed, Damaged if the faces of the source are not those that it vouches for,
        WorkspaceBusy if a crawl into it is under way, DropUnderWay if files that were dropped into it are yet to be
        ingested. Whatever ends it, run it again.
        """
        self._report.name = name
        source = self._begin(name)
        while self._move_permission(source):
            pass
        while self._reseal_some(source):
            self._tell()
        for counts in self._files.crawls.reseal(source):
            self._count(counts)
            self._tell()
        self._tell("building the index")
        self._files.gallery().forget(source)  # and its files that were written under the key before
        self._end(source)
        Shredder(self._record, self._files.blobs).finish()
        return self._report

    def _begin(self, name: str) -> Source:
        with self._record.read() as tx:
            source = tx.sources.get(name)
            source_key(tx, self._keys, source)
            self._report.total = 2 * (source.captures + source.faces)
            if tx.sources.rotated_up_to(source.id) is not None:
                return source
        with self._record.change() as change:
            if change.tx.drops.under_way(source.id):
                raise DropUnderWay(source=name)
            if change.tx.sources.rotated_up_to(source.id) is None:  # else another process was faster
                old, secret = source_key(change.tx, self._keys, source), os.urandom(KEY_BYTES)
                change.tx.sources.begin_rotation(source.id, self._keys.wrap(secret, about_source(name)))
                change.tx.tallies.carry_over(source.id, old, DataKey(secret))
            change.record(KeyRotationBegun(of="source", name=name))
        return source

    # ------------------------------------------------------------ sealing again

    def _move_permission(self, source: Source) -> bool:
        """Seal the document that grants permission again; return False unless it is to be tried again."""
        with self._record.read() as tx:
            address, key = tx.sources.permission(source.id), source_key(tx, self._keys, source)
        if address is None:
            return False
        moved = self._seal_again(key, [address])
        with self._record.begin() as tx:
            if not self._are_there(moved) or tx.sources.permission(source.id) != address:
                return True
            require_current_source(tx, self._keys, source, key)
            if moved:
                tx.sources.move_permission(source.id, moved[address])
            self._delete_unused(tx, moved)
        self._count_pictures(moved, lost=int(not moved))
        return False

    def _reseal_some(self, source: Source) -> bool:
        """Seal the next captures again; return False if there are none, or the rotation was ended meanwhile."""
        with self._record.read() as tx:
            after = tx.sources.rotated_up_to(source.id)
            ids = [] if after is None else tx.source_reseal.captures(source.id, after, BATCH)
            if not ids:
                return False
            key, addresses = source_key(tx, self._keys, source), tx.source_reseal.addresses(ids)
        moved = self._seal_again(key, addresses)
        with self._record.begin() as tx:
            if not self._are_there(moved) or tx.sources.rotated_up_to(source.id) != after:
                return True  # another process deleted them, or did this
            require_current_source(tx, self._keys, source, key)
            lost = set(addresses).difference(moved).intersection(tx.source_reseal.addresses(ids))
            counts = tx.source_reseal.reseal(source.id, ids, key, moved)
            self._delete_unused(tx, moved)
            tx.sources.set_rotated(source.id, ids[-1])
        self._count(counts)
        self._count_pictures(moved, len(lost))
        return True

    def _seal_again(self, key: DataKey, addresses: Iterable[str]) -> dict[str, str]:
        """Seal pictures under the new key; return old and new addresses, without those that do not open.

        The new ones are to be deleted until rows refer to them: if this is killed first, they may be erased before it
        is resumed.
        """
        moved = seal_again(self._files.blobs, key, key, addresses)
        with self._record.begin() as tx:
            tx.deletions.add([new for address, new in moved.items() if new != address])
        self._files.blobs.flush()
        return moved

    def _are_there(self, moved: dict[str, str]) -> bool:
        return not self._files.blobs.missing(moved.values())

    def _delete_unused(self, tx: Tx, moved: dict[str, str]) -> None:
        """Have the old pictures deleted, and new ones whose captures were erased meanwhile; the others stay."""
        old = [address for address, new in moved.items() if new != address]
        tx.deletions.mark_deleted(list(moved.values()))
        tx.deletions.add([*old, *tx.deletions.unused(moved.values())])

    # ------------------------------------------------------------ ending

    def _end(self, source: Source) -> None:
        with self._record.change() as change:
            if change.tx.sources.rotated_up_to(source.id) is None:
                raise KeyRotated(what="source", name=source.name)
            change.tx.sources.end_rotation(source.id)
            change.tx.deletions.note_erased()  # the key before
            resealed, damaged = self._report.resealed, self._report.damaged
            change.record(KeyRotationEnded(of="source", name=source.name, resealed=resealed, damaged=damaged))
        self._tell()

    def _count(self, counts: tuple[int, int]) -> None:
        self._report.resealed += counts[0]
        self._report.damaged += counts[1]

    def _count_pictures(self, moved: dict[str, str], lost: int) -> None:
        self._count((sum(old != new for old, new in moved.items()), lost))

    def _tell(self, doing: str = "sealing again") -> None:
        self._report.doing = doing
        self._report.seconds = time.monotonic() - self._began
        self._on_progress(self._report)
