"""Ingest: pictures of a registered source go down the house once, and are acknowledged when they are committed."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from lineament.errors import Interrupted, LineamentError, Refused, StorageFull, StoreUnavailable
from lineament.ledger.log import Action
from lineament.model.faces import CaptureId, NewCapture, Provenance
from lineament.model.sources import Source
from lineament.services.gallery import EPOCH, Gallery
from lineament.services.keyholder import source_key
from lineament.services.record import Record
from lineament.services.suppression import Suppression
from lineament.sources.base import Connector, Item, Refusal
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.faces import NewFace
from lineament.store.keys import DataKey, KeyRing
from lineament.vision.analyse import Analyser, face_crop, thumbnail

BATCH = 64
"""Pictures a transaction; one ledger entry each."""
WAITING = 128 * 2**20
"""Bytes of pictures under way at most, however few they are."""
PATIENCE = 2.0
"""Seconds after which a smaller batch is committed too."""
SYNC_EVERY = 50_000
"""Faces after which the index files are written."""


class Seen(StrEnum):
    """What became of a picture; the value is what a person reads."""

    ENROLLED = "enrolled"
    NO_FACE = "no face"
    ALREADY_THERE = "already there"
    ERASED_BEFORE = "erased before, so not taken again"
    REFUSED = "refused"


@dataclass(slots=True)
class IngestReport:
    """What an ingest did, and while it runs, how far it is."""

    source: str
    total: int | None = None  # pictures expected
    outcomes: Counter[Seen] = field(default_factory=Counter)
    faces: int = 0
    batches: int = 0
    seconds: float = 0.0
    refusals: list[tuple[str, str]] = field(default_factory=list)  # name and reason

    @property
    def seen(self) -> int:
        """Pictures dealt with."""
        return self.outcomes.total()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A picture that has been analysed, its blobs written, ready to be committed."""

    item: Item
    sha256: str
    capture: NewCapture | None = None
    faces: tuple[NewFace, ...] = ()
    outcome: Seen = Seen.ENROLLED
    why: str = ""
    erasures: bool = False  # whether anything had been erased when it was sifted


class Ingest:
    """Takes in what a connector brings."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, analyser: Analyser, gallery: Gallery) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs
        self._analyser = analyser
        self._gallery = gallery
        self._suppression = Suppression(keys)

    def run(
        self,
        source_name: str,
        connector: Connector,
        *,
        workers: int,
        told: Callable[[IngestReport], None] = lambda _: None,
    ) -> IngestReport:
        """Take in everything that is new; ``told`` hears of every committed batch.

        Refused where the source is not live. What was committed stays whatever happens; a later run goes on there.
        """
        report = IngestReport(source_name, total=connector.count())
        with self._record.store.read() as tx:
            source = tx.sources.get(source_name)
            self._admit(source)
            key = source_key(tx, self._keys, source)
        began = time.monotonic()
        try:
            with ThreadPoolExecutor(workers, thread_name_prefix="analyse") as pool:
                for batch in _batched(self._prepared(pool, workers, source, key, connector.items())):
                    self._commit(source, key, batch, report)
                    report.seconds = time.monotonic() - began
                    told(report)
        except KeyboardInterrupt:
            kept = f"{report.seen:,} pictures are dealt with and kept; the same command goes on from there"
            raise Interrupted(kept=kept) from None
        finally:
            self._gallery.sync()
        report.seconds = time.monotonic() - began
        return report

    def _admit(self, source: Source) -> None:
        if (why := source.why_closed(self._record.clock().date())) is not None:
            raise Refused(reasons=why)

    # ------------------------------------------------------------ analysing, in threads

    def _prepared(
        self,
        pool: ThreadPoolExecutor,
        workers: int,
        source: Source,
        key: DataKey,
        items: Iterator[Item | Refusal],
    ) -> Iterator[_Prepared]:
        """In the order of the items; enough are under way that nobody waits for a commit, and memory stays flat."""
        under_way: deque[tuple[Future[_Prepared], int]] = deque()
        waiting = 0  # bytes
        try:
            for known in self._sifted(source, items):
                size = len(known.item.untrusted)
                under_way.append((pool.submit(self._prepare, source, key, known), size))
                waiting += size
                while len(under_way) > max(BATCH, 4 * workers) or (waiting > WAITING and len(under_way) > workers):
                    future, size = under_way.popleft()
                    waiting -= size
                    yield future.result()
            while under_way:
                yield under_way.popleft()[0].result()
        finally:
            for future, _ in under_way:
                future.cancel()

    def _sifted(self, source: Source, items: Iterator[Item | Refusal]) -> Iterator[_Prepared]:
        """Digest the items and mark those that need no analysis."""
        for some in _chunks(items, BATCH // 4):
            fresh = [item for item in some if isinstance(item, Item)]
            pairs = [(item.provenance.uri, hashlib.sha256(item.untrusted).hexdigest()) for item in fresh]
            with self._record.store.read() as tx:
                there = tx.captures.known(source.id, pairs)
                erased = self._suppression.erased(tx, pairs)
                erasures = tx.suppressions.there_are()
            digested = iter(pairs)
            for item in some:
                if isinstance(item, Refusal):
                    yield _refused(item.name, str(item.why))
                    continue
                pair = next(digested)
                one = _Prepared(item, pair[1], erasures=erasures)
                if pair in there:
                    yield _without(one, Seen.ALREADY_THERE)
                elif pair in erased:
                    yield _without(one, Seen.ERASED_BEFORE)
                else:
                    yield one

    def _prepare(self, source: Source, key: DataKey, one: _Prepared) -> _Prepared:
        if one.outcome is not Seen.ENROLLED:
            return one
        try:
            seen = self._analyser.analyse(one.item.untrusted, enrolling=True)
        except (StorageFull, StoreUnavailable):
            raise
        except LineamentError as error:
            return _refused(one.item.name, str(error))
        kept = list(seen.faces)
        if one.erasures:
            with self._record.store.read() as tx:
                kept = self._suppression.still_wanted(tx, one.sha256, seen.faces)
        original = self._blobs.put(key, one.item.untrusted) if kept else None
        small = self._blobs.put(key, thumbnail(seen.picture)) if kept else None
        faces = tuple(NewFace(face=face, crop=self._blobs.put(key, face_crop(seen.picture, face.box))) for face in kept)
        capture = NewCapture(
            source_id=source.id,
            provenance=one.item.provenance,
            sha256=one.sha256,
            phash=seen.phash,
            media_type=seen.picture.media_type,
            size=len(one.item.untrusted),
            width=seen.picture.width,
            height=seen.picture.height,
            taken_at=seen.picture.taken_at,
            place=seen.picture.place,
            enrolled_at=self._record.clock(),
            original=original,
            thumbnail=small,
        )
        outcome = Seen.ENROLLED if faces else Seen.NO_FACE
        return _Prepared(_emptied(one.item), one.sha256, capture, faces, outcome)

    # ------------------------------------------------------------ committing

    def _commit(self, source: Source, key: DataKey, batch: list[_Prepared], report: IngestReport) -> None:
        new = [one for one in batch if one.capture is not None]
        if new:
            self._blobs.flush()
            new = self._store(source, key, new, report)
        for one in batch:
            there = one.capture is not None and one not in new
            report.outcomes[Seen.ALREADY_THERE if there else one.outcome] += 1
            if one.outcome is Seen.REFUSED:
                report.refusals.append((one.item.name, one.why))

    def _still_new(self, tx: Tx, source: Source, new: list[_Prepared]) -> list[_Prepared]:
        """Those that nobody committed, and nobody erased, since they were sifted; each once."""
        pairs = [(one.item.provenance.uri, one.sha256) for one in new]
        gone = tx.captures.known(source.id, pairs) | self._suppression.erased(tx, pairs)
        once = {pair: one for pair, one in zip(pairs, new, strict=True) if pair not in gone}
        erasures = tx.suppressions.there_are()
        return [
            one for one in once.values() if self._pictures_there(one) and not (erasures and self._face_erased(tx, one))
        ]

    def _pictures_there(self, one: _Prepared) -> bool:
        return all(address in self._blobs for address in _kept(one))

    def _face_erased(self, tx: Tx, one: _Prepared) -> bool:
        """Whether one of its faces was erased since it was prepared."""
        faces = [new.face for new in one.faces]
        return len(self._suppression.still_wanted(tx, one.sha256, faces)) < len(faces)

    def _store(self, source: Source, key: DataKey, new: list[_Prepared], report: IngestReport) -> list[_Prepared]:
        """One transaction: captures, faces, templates and the ledger entry; returns what was not there already."""
        with self._record.change() as change:
            self._admit(change.tx.sources.by_id(source.id))
            new = self._still_new(change.tx, source, new)
            ids = change.tx.captures.add_all([one.capture for one in new if one.capture is not None])
            enrolled = change.tx.faces.add_all(source.id, _by_capture(ids, new), key)
            change.record(
                Action.BATCH_INGESTED,
                source=source.name,
                captures=[int(ids[0]), int(ids[-1])] if ids else [],
                faces=[int(enrolled[0]), int(enrolled[-1])] if len(enrolled) else [],
                digest=hashlib.sha256("".join(one.sha256 for one in new).encode()).hexdigest(),
            )
        before = report.faces // SYNC_EVERY
        report.batches += 1
        report.faces += len(enrolled)
        if report.faces // SYNC_EVERY > before:
            self._gallery.open([source])
            self._gallery.sync()
        return new


def _kept(one: _Prepared) -> list[str]:
    """The addresses of its pictures."""
    if one.capture is None:
        return []
    pictures = (one.capture.original, one.capture.thumbnail, *(face.crop for face in one.faces))
    return [address for address in pictures if address is not None]


def _by_capture(ids: list[CaptureId], new: list[_Prepared]) -> list[tuple[CaptureId, int, tuple[NewFace, ...]]]:
    return [
        (capture_id, _day(one.capture), one.faces)
        for capture_id, one in zip(ids, new, strict=True)
        if one.capture is not None
    ]


def _day(capture: NewCapture) -> int:
    """The day of capture, in days since 1970-01-01 UTC."""
    at: datetime = capture.provenance.captured_at or capture.enrolled_at
    day: date = at.astimezone(UTC).date()
    return (day - EPOCH).days


def _chunks(items: Iterator[Item | Refusal], size: int) -> Iterator[list[Item | Refusal]]:
    while some := list(itertools.islice(items, size)):
        yield some


def _batched(prepared: Iterable[_Prepared]) -> Iterator[list[_Prepared]]:
    """Batches of at most BATCH pictures, cut earlier where they come slowly."""
    batch: list[_Prepared] = []
    began = time.monotonic()
    for one in prepared:
        if not batch:
            began = time.monotonic()
        batch.append(one)
        if len(batch) >= BATCH or time.monotonic() - began > PATIENCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _emptied(item: Item) -> Item:
    """The item without its bytes, which are in the blobs by now."""
    return Item(name=item.name, untrusted=b"", provenance=item.provenance)


def _without(one: _Prepared, outcome: Seen) -> _Prepared:
    return _Prepared(_emptied(one.item), one.sha256, outcome=outcome)


def _refused(name: str, why: str) -> _Prepared:
    item = Item(name=name, untrusted=b"", provenance=Provenance(uri=""))
    return _Prepared(item, "", outcome=Seen.REFUSED, why=why)
