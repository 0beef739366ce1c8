"""Deletes the blobs that committed erasures left, and scrubs the files of the database."""

from __future__ import annotations

import time

from lineament.errors import PicturesNotDeleted, PicturesUnavailable
from lineament.services.jobs import deletions
from lineament.services.record import Record
from lineament.store.blobs import Blobs
from lineament.store.raw import batched

AT_ONCE = 2_000
"""Most blobs deleted in one transaction."""
TOGETHER = 500
"""Most blobs deleted in one call."""
LONGEST = 0.25
"""Seconds after which a transaction deletes no further blobs, because everybody else who writes waits for it."""
PAUSE = 0.12
"""Seconds between two transactions, so that whoever waits gets its turn: SQLite tries again every 0.1 s."""


class Shredder:
    """Deletes blobs that nothing refers to any more."""

    def __init__(self, record: Record, blobs: Blobs) -> None:
        self._record = record
        self._blobs = blobs

    def finish(self) -> int:
        """Delete the blobs that are marked for deletion, also by a process that was killed; return how many.

        Raises PicturesNotDeleted if the server that keeps them does not delete them; they stay marked.
        """
        done = 0
        while self._is_any_left():
            if done:
                time.sleep(PAUSE)
            done += self._delete_some()
        if done or not self._record.store.is_scrubbed():
            self._record.store.scrub()
        deletions.settle(self._record.store, self._record.clock())
        return done

    def _is_any_left(self) -> bool:
        with self._record.read() as tx:
            return bool(tx.deletions.all(most=1))

    def _delete_some(self) -> int:
        """Delete while nobody else commits; an ingest of the same picture checks again in its own transaction."""
        deleted = 0
        with self._record.begin() as tx:
            began = time.monotonic()
            for addresses in batched(tx.deletions.all(most=AT_ONCE), TOGETHER):
                try:
                    self._blobs.delete(addresses)
                except PicturesUnavailable as error:
                    raise PicturesNotDeleted(why=error.why) from error
                tx.deletions.mark_deleted(addresses)
                deleted += len(addresses)
                if time.monotonic() - began > LONGEST:
                    break
        return deleted
