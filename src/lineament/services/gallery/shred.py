"""Deletes the blobs that committed erasures left, and scrubs the files of the database."""

from __future__ import annotations

from lineament.services.jobs import deletions
from lineament.services.record import Record
from lineament.store.blobs import Blobs

AT_ONCE = 10_000
"""Blobs deleted in one transaction."""


class Shredder:
    """Deletes blobs that nothing refers to any more."""

    def __init__(self, record: Record, blobs: Blobs) -> None:
        self._record = record
        self._blobs = blobs

    def finish(self) -> int:
        """Delete the blobs that are marked for deletion, also by a process that was killed; return how many."""
        done = 0
        while some := self._delete_some():
            done += some
        if done or not self._record.store.is_scrubbed():
            self._record.store.scrub()
        deletions.settle(self._record.store, self._record.clock())
        return done

    def _delete_some(self) -> int:
        """Delete while nobody else commits; an ingest of the same picture checks again in its own transaction."""
        with self._record.read() as tx:
            if not tx.deletions.all(most=1):
                return 0
        with self._record.store.begin() as tx:
            addresses = tx.deletions.all(most=AT_ONCE)
            for address in addresses:
                self._blobs.delete(address)
            self._blobs.flush()
            tx.deletions.mark_deleted(addresses)
        return len(addresses)
