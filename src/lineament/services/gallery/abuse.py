"""Known-abuse material (R52), recognised by digest alone. The picture is not kept; its faces are, on a blur."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from lineament.model.accounts import Permission
from lineament.model.events.sources import KnownAbuseLoaded
from lineament.model.faces import CaptureId
from lineament.services.copying import forget_copies
from lineament.services.gallery.crawls import Crawls
from lineament.services.gallery.embedding import forget_embedding_pages
from lineament.services.gallery.shred import Shredder
from lineament.services.keyholder import source_key
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing
from lineament.vision.veil import veil

_KINDS = {64: "sha256", 40: "sha1", 32: "md5"}
"""The kind of a digest, by its length in hexadecimal digits."""
_DIGEST = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?![0-9A-Za-z])")
_AT_ONCE = 10_000


@dataclass(slots=True)
class LoadReport:
    """Counts of what was loaded from a list."""

    digests: int = 0  # digests in the file
    new: int = 0
    empty_lines: int = 0  # lines without a digest
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
        kind = _KINDS[len(digest)]
        return hmac.digest(self._key, f"{kind}/{digest.lower()}".encode(), "sha256")


class KnownAbuse:
    """Loads lists of digests, which can never be read out again."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, crawls: Crawls) -> None:
        self._record = record
        self._crawls = crawls
        self._keys = keys
        self._blobs = blobs
        self._list = AbuseList(keys)
        self._shredder = Shredder(record, blobs)

    @needs(Permission.MANAGE_SOURCES)
    def load(self, lines: Iterable[str]) -> LoadReport:
        """Add the first digest of each line (SHA-256, SHA-1 or MD5) to the list.

        Captures with one of the SHA-256 lose their pictures immediately; the other kinds apply to later ingests.
        """
        loaded = LoadReport()
        some: list[str] = []
        for line in lines:
            if (found := _DIGEST.search(line)) is None:
                loaded.empty_lines += bool(line.strip())
                continue
            some.append(found[0].lower())
            if len(some) == _AT_ONCE:
                self._load(some, loaded)
                some = []
        if some:
            self._load(some, loaded)
        return loaded

    def _load(self, digests: list[str], loaded: LoadReport) -> None:
        with self._record.change() as change:
            new = change.tx.abuse.add(map(self._list.keyed_digest, digests), change.at)
            stored = [
                (source, capture_id)
                for source in change.tx.sources.all()
                for parts in change.tx.places.parts_with_bytes(
                    source.id, [digest for digest in digests if len(digest) == 64]
                ).values()
                for capture_id in (part.capture_id for part in parts)
                if not change.tx.captures.get(capture_id).barred
            ]
            forget_copies(change, [capture_id for _, capture_id in stored])
            for source, capture_id in stored:
                bar(change.tx, self._blobs, source_key(change.tx, self._keys, source), capture_id)
            barred = tuple(int(capture_id) for _, capture_id in stored)
            change.record(KnownAbuseLoaded(digests=len(digests), new=new, barred=barred))
        self._crawls.finish()
        self._shredder.finish()
        loaded.digests += len(digests)
        loaded.new += new
        loaded.barred += len(stored)


def bar(tx: Tx, blobs: Blobs, key: DataKey, capture_id: CaptureId) -> None:
    """Delete the pictures of a capture, and veil its faces; ``key`` is that of its source."""
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
