"""Pictures near a listed PDQ hash: in an ingest, and among those that are in the gallery already (R52)."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from lineament.model.faces import CaptureId, Pixels
from lineament.model.known import LEAST_QUALITY
from lineament.services.keyholder import source_key
from lineament.services.record import Record
from lineament.store.blobs import Blobs
from lineament.store.captures import HashedCapture
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing
from lineament.vision.near_hashes import NearHashes

_AT_ONCE = 10_000


class KnownHashes:
    """The listed hashes in the memory of this process, for all its ingests: they are opened and sorted once."""

    def __init__(self) -> None:
        self._seen = 0
        self._hashes: list[bytes] = []
        self._near = NearHashes([])
        self._lock = threading.Lock()  # of those that read the list; whoever compares takes the set as it is

    def refresh(self, tx: Tx) -> int:
        """Read what was listed since, and return the number of the newest part of the list in ``tx``."""
        with self._lock:
            newest = tx.abuse.hashes.newest()
            if newest > self._seen:
                self._hashes = [*self._hashes, *tx.abuse.hashes.after(self._seen)]
                self._near, self._seen = NearHashes(self._hashes), newest
            return newest

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def near(self, hash_: bytes) -> bool:
        """Return whether a hash is near a listed one; that of a plain picture may be by chance."""
        return self._near.distance(hash_) is not None

    def knows(self, hash_: bytes, pixels: Pixels) -> bool:
        """Return whether a picture counts as known: its hash is near a listed one, and it is no plain picture."""
        from lineament.vision.derive import hash_quality

        return self.near(hash_) and hash_quality(pixels) >= LEAST_QUALITY


def is_plain(blobs: Blobs, key: DataKey, thumbnail: str | None) -> bool:
    """Return whether a picture changes so little that its hash says little, by its thumbnail; False without one."""
    from lineament.vision.derive import hash_quality, pixels_of_jpeg

    return thumbnail is not None and hash_quality(pixels_of_jpeg(blobs.get(key, thumbnail))) < LEAST_QUALITY


def find_near(record: Record, keys: KeyRing, blobs: Blobs, hashes: Sequence[bytes]) -> list[CaptureId]:
    """Return the captures of the gallery that are near one of the hashes, except plain pictures and barred ones."""
    listed, found, after = NearHashes(hashes), list[CaptureId](), 0
    while True:
        with record.read() as tx:
            batch = tx.captures.hashed_after(after, _AT_ONCE)
            if not batch:
                return found
            near = [capture for capture in batch if listed.distance(capture.phash) is not None]
            found += [capture.id for capture in near if not _is_plain(tx, keys, blobs, capture)]
        after = int(batch[-1].id)


def _is_plain(tx: Tx, keys: KeyRing, blobs: Blobs, capture: HashedCapture) -> bool:
    return is_plain(blobs, source_key(tx, keys, tx.sources.by_id(capture.source_id)), capture.thumbnail)
