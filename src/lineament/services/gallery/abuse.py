"""Known-abuse material (R52), recognised by digests and near PDQ hashes. No picture is kept; its faces are, on a blur.

Digests are stored keyed and cannot be read back. Near hashes can be found by their bits only, so that these are sealed
(docs/guide/formats.md says what that is worth).
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.events.sources import KnownAbuseLoaded
from lineament.model.faces import CaptureId
from lineament.model.known import ListedFile, ListEntryRead, ListKind, ListOrigin, NotListed
from lineament.model.sources import Source
from lineament.services.copying import forget_copies
from lineament.services.gallery.crawls import Crawls
from lineament.services.gallery.embedding import forget_embedding_pages
from lineament.services.gallery.known_hashes import find_near
from lineament.services.gallery.shred import Shredder
from lineament.services.keyholder import source_key
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.sources.known.lists import digest_entries
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing
from lineament.vision.veil import veil

_KINDS = {64: "sha256", 40: "sha1", 32: "md5"}
"""The kind of a digest, by its length in hexadecimal digits."""
_AT_ONCE = 10_000
_BARRED_AT_ONCE = 200


@dataclass(slots=True)
class LoadReport:
    """Counts of what was loaded from a list."""

    kind: ListKind = ListKind.DIGESTS
    digests: int = 0  # digests in the file
    new: int = 0
    hashes: int = 0  # PDQ hashes in the file
    new_hashes: int = 0
    left_out: Counter[NotListed] = field(default_factory=Counter)  # entries that were not taken
    barred: int = 0  # captures in the gallery whose pictures were deleted


class AbuseList:
    """Computes the keyed digests under which a file would be on the list."""

    def __init__(self, keys: KeyRing) -> None:
        self._key = keys.derive("known abuse")

    def digests(self, untrusted: bytes, sha256: str) -> tuple[bytes, ...]:
        """Return the keyed digests of a file: of its SHA-256 (given), SHA-1 and MD5."""
        others = (hashlib.sha1(untrusted, usedforsecurity=False), hashlib.md5(untrusted, usedforsecurity=False))
        return tuple(map(self.keyed_digest, (sha256, *(digest.hexdigest() for digest in others))))

    def keyed_digest(self, digest: str) -> bytes:
        """Return a digest as stored, which is useless without the workspace's key."""
        return self._keyed(f"{_KINDS[len(digest)]}/{digest.lower()}")

    def keyed_hash(self, hash_: bytes) -> bytes:
        """Return the keyed digest of a PDQ hash, by which it is told whether it is listed already."""
        return self._keyed(f"pdq/{hash_.hex()}")

    def _keyed(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")


class KnownAbuse:
    """Loads lists of known-abuse material, which can never be read out again."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, crawls: Crawls) -> None:
        self._record = record
        self._crawls = crawls
        self._keys = keys
        self._blobs = blobs
        self._list = AbuseList(keys)
        self._shredder = Shredder(record, blobs)

    @needs(Permission.MANAGE_SOURCES)
    def load(self, lines: Iterable[str]) -> LoadReport:
        """Add the first digest of each line (SHA-256, SHA-1 or MD5) to the list; see ``load_entries``."""
        return self.load_entries(digest_entries(lines), ListOrigin())

    @needs(Permission.MANAGE_SOURCES)
    def load_entries(self, entries: Iterable[ListEntryRead], origin: ListOrigin) -> LoadReport:
        """Add what a list holds.

        Captures with one of the SHA-256, or near one of the PDQ hashes, lose their pictures immediately; the other
        kinds apply to later ingests. If ``entries`` raises an error, what came before it is loaded.
        """
        loaded = LoadReport(kind=origin.kind)
        some: list[ListedFile] = []
        hashes: dict[bytes, None] = {}
        try:
            for entry in entries:
                if isinstance(entry, NotListed):
                    loaded.left_out[entry] += 1
                    continue
                some.append(entry)
                hashes.update(dict.fromkeys(entry.hashes))
                if len(some) == _AT_ONCE:
                    self._load(some, loaded, origin)
                    some = []
        finally:
            if some:
                self._load(some, loaded, origin)
            if hashes:
                self._bar_near(list(hashes), loaded, origin)
        return loaded

    def _load(self, some: Sequence[ListedFile], loaded: LoadReport, origin: ListOrigin) -> None:
        digests = [digest for listed in some for digest in listed.digests]
        hashes = [hash_ for listed in some for hash_ in listed.hashes]
        with self._record.change() as change:
            new = change.tx.abuse.add(map(self._list.keyed_digest, digests), change.at)
            new_hashes = self._add_hashes(change, hashes)
            stored = [
                (source, capture_id)
                for source in change.tx.sources.all()
                for parts in change.tx.places.parts_with_bytes(
                    source.id, [digest for digest in digests if len(digest) == 64]
                ).values()
                for capture_id in (part.capture_id for part in parts)
                if not change.tx.captures.get(capture_id).barred
            ]
            self._bar(change, stored)
            barred = tuple(int(capture_id) for _, capture_id in stored)
            change.record(
                KnownAbuseLoaded(
                    digests=len(digests),
                    new=new,
                    barred=barred,
                    list=origin.kind.value,
                    categories=origin.categories,
                    hashes=len(hashes),
                    new_hashes=new_hashes,
                )
            )
        self._finish()
        loaded.digests += len(digests)
        loaded.new += new
        loaded.hashes += len(hashes)
        loaded.new_hashes += new_hashes
        loaded.barred += len(stored)

    def _add_hashes(self, change: Change, hashes: Sequence[bytes]) -> int:
        """Add the hashes that are not listed yet; return how many."""
        keyed = {self._list.keyed_hash(hash_): hash_ for hash_ in hashes}
        listed = change.tx.abuse.any_of(keyed)
        new = [hash_ for digest, hash_ in keyed.items() if digest not in listed]
        change.tx.abuse.add([digest for digest in keyed if digest not in listed], change.at)
        change.tx.abuse.hashes.add(new, change.at)
        return len(new)

    def _bar_near(self, hashes: Sequence[bytes], loaded: LoadReport, origin: ListOrigin) -> None:
        """Bar the pictures of the gallery near one of these hashes; each batch is recorded."""
        near = find_near(self._record, self._keys, self._blobs, hashes)
        for at in range(0, len(near), _BARRED_AT_ONCE):
            with self._record.change() as change:
                kept = list(_still_kept(change.tx, near[at : at + _BARRED_AT_ONCE]))
                self._bar(change, kept)
                barred = tuple(int(capture_id) for _, capture_id in kept)
                change.record(
                    KnownAbuseLoaded(
                        digests=0, new=0, barred=barred, list=origin.kind.value, categories=origin.categories
                    )
                )
            self._finish()
            loaded.barred += len(kept)

    def _bar(self, change: Change, stored: Sequence[tuple[Source, CaptureId]]) -> None:
        forget_copies(change, [part for _, id_ in stored for part in (id_, *_other_parts(change.tx, id_))])
        for source, capture_id in stored:
            bar(change.tx, self._blobs, source_key(change.tx, self._keys, source), capture_id)

    def _finish(self) -> None:
        self._crawls.finish()
        self._shredder.finish()


def _still_kept(tx: Tx, ids: Iterable[CaptureId]) -> Iterator[tuple[Source, CaptureId]]:
    """Yield those of the captures that were not barred or erased meanwhile, with their sources."""
    for capture_id in ids:
        with suppress(NotFound):
            capture = tx.captures.get(capture_id)
            if not capture.barred:
                yield tx.sources.by_id(capture.source_id), capture_id


def bar(tx: Tx, blobs: Blobs, key: DataKey, capture_id: CaptureId) -> None:
    """Delete the pictures of a capture, and veil its faces; ``key`` is that of its source.

    Other pictures of its file lose the original, which holds it too.
    """
    tx.captures.forget_originals(_other_parts(tx, capture_id))
    capture, faces = tx.captures.get(capture_id), tx.faces.of_capture(capture_id)
    deleted = [capture.original, capture.thumbnail, *(face.crop for face in faces)]
    for face in faces:
        tx.faces.set_crop(face.id, blobs.put(key, veil(blobs.get(key, face.crop))))
    blobs.flush()
    deleted += forget_embedding_pages(tx, capture, tx.places.of_capture(capture_id))
    tx.captures.bar(capture_id)
    unused = [address for address in deleted if address is not None and tx.captures.references(address) == 0]
    tx.deletions.add(unused)
    tx.deletions.add_crawl_records(capture.source_id, [capture.sha256])


def _other_parts(tx: Tx, capture_id: CaptureId) -> list[CaptureId]:
    """Return the captures that are further pictures of the file of one."""
    capture = tx.captures.get(capture_id)
    parts = tx.places.parts_with_bytes(capture.source_id, [capture.sha256]).get(capture.sha256, [])
    return [part.capture_id for part in parts if part.capture_id != capture_id]
