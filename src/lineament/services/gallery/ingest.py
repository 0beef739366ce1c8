"""Ingest: pictures of a registered source pass through the layers once, and are acknowledged on commit."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from lineament.errors import Interrupted, LineamentError, Refused, StorageFull, StoreUnavailable
from lineament.model.credentials import against
from lineament.model.events.sources import BatchIngested, RunEnded, RunStarted
from lineament.model.faces import ArchiveRecord, CaptureId, NewCapture
from lineament.model.runs import MOST_REFUSALS, Run, Step
from lineament.model.sources import Source
from lineament.services.gallery.abuse import AbuseList, bar
from lineament.services.gallery.footage import followed
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.items import (
    BATCH,
    Brought,
    IngestReport,
    Seen,
    Small,
    by_capture,
    chunks,
    in_batches,
    refused,
    refused_for,
    walked,
)
from lineament.services.gallery.shred import Shredder
from lineament.services.gallery.suppression import Suppression
from lineament.services.keyholder import source_key
from lineament.services.record import Change, Record
from lineament.sources.base import Connector, Item, Refusal
from lineament.sources.credentials import reader as credentials
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.keys import DataKey, KeyRing
from lineament.vision.analyse import Analyser, face_crop, thumbnail
from lineament.vision.veil import veiled

WAITING = 128 * 2**20
"""Bytes of pictures under way at most, however few they are."""
SYNC_EVERY = 50_000
"""Faces after which the index files are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be taken in, and how it is called in the list of runs."""

    connector: Connector
    kind: str = "folder"
    what: str = ""  # it was given; a run that was stopped is gone on with where both are the same
    page: Callable[[ArchiveRecord], bytes | None] = lambda _: None  # the record of a page that showed a picture
    video: bool = False  # its pictures are frames, in the order of time


@dataclass(frozen=True, slots=True)
class _Way:
    """What all steps of one ingest need."""

    source: Source
    key: DataKey
    run: Run
    task: Task


class Ingest:
    """Takes in what a connector brings."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, analyser: Analyser, gallery: Gallery) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs
        self._analyser = analyser
        self._gallery = gallery
        self._suppression = Suppression(keys)
        self._abuse = AbuseList(keys)
        self._shredder = Shredder(record, blobs)

    def run(
        self,
        source_name: str,
        given: Connector | Task,
        *,
        workers: int,
        told: Callable[[IngestReport], None] = lambda _: None,
    ) -> IngestReport:
        """Take in everything that is new; ``told`` hears of every committed batch.

        Refused where the source is not live. What was committed stays whatever happens; a later run goes on there.
        """
        task = given if isinstance(given, Task) else Task(connector=given)
        with self._record.store.read() as tx:
            source = tx.sources.get(source_name)
            self._admit(source)
            key = source_key(tx, self._keys, source)
        report = IngestReport(source_name, total=task.connector.count())
        way = _Way(source, key, self._begun(source, task), task)
        report.gone_on = way.run.cursor is not None
        began = time.monotonic()
        try:
            with ThreadPoolExecutor(workers, thread_name_prefix="analyse") as pool:
                for batch in in_batches(self._brought(pool, workers, way)):
                    self._commit(way, batch, report)
                    report.seconds = time.monotonic() - began
                    report.total = task.connector.count() if task.video else report.total
                    told(report)
        except KeyboardInterrupt:
            kept = f"{report.seen:,} pictures are dealt with and kept; the same command goes on from there"
            raise Interrupted(kept=kept) from None
        finally:
            self._gallery.sync()
        self._ended(way, report)
        report.seconds = time.monotonic() - began
        return report

    def _admit(self, source: Source) -> None:
        if (why := source.why_closed(self._record.clock().date())) is not None:
            raise Refused(why)

    def _begun(self, source: Source, task: Task) -> Run:
        with self._record.change() as change:
            run = change.tx.runs.begin(source.id, task.kind, task.what, change.at)
            change.record(RunStarted(source=source.name, run=run.id, connector=task.kind, what=task.what))
        return run

    def _ended(self, way: _Way, report: IngestReport) -> None:
        with self._record.change() as change:
            change.tx.runs.end(way.run.id, change.at)
            counts = {seen.name.lower(): many for seen, many in report.outcomes.items()}
            change.record(RunEnded(source=way.source.name, run=way.run.id, counts=counts, faces=report.faces))

    # ------------------------------------------------------------ looking at them, in threads

    def _brought(self, pool: ThreadPoolExecutor, workers: int, way: _Way) -> Iterator[Brought]:
        if not way.task.video:
            yield from self._in_order(pool, workers, way, lambda one: self._kept(way, self._looked_at(way, one)))
            return
        for one in followed(self._in_order(pool, workers, way, lambda one: self._looked_at(way, one))):
            yield self._kept(way, one)

    def _in_order(
        self, pool: ThreadPoolExecutor, workers: int, way: _Way, step: Callable[[Brought], Brought]
    ) -> Iterator[Brought]:
        """In the order of the items; enough are under way that nobody waits for a commit, and memory stays flat."""
        under_way: deque[tuple[Future[Brought], int]] = deque()
        waiting = 0  # bytes
        try:
            for known in self._sifted(way):
                size = len(known.item.untrusted)
                under_way.append((pool.submit(step, known), size))
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

    def _sifted(self, way: _Way) -> Iterator[Brought]:
        """Digest the items and mark those that need no analysis."""
        for some in chunks(walked(way.task.connector, way.run.cursor), BATCH // 4):
            found = [
                refused(one, cursor) if isinstance(one, Refusal) else self._digested(way, one, cursor)
                for one, cursor in some
            ]
            fresh = [one for one in found if one.outcome is Seen.ENROLLED]
            with self._record.store.read() as tx:
                known = self._outcomes(tx, way, fresh)
                erasures, listed = tx.suppressions.is_filled(), tx.abuse.is_filled()
            for one in found:
                if one.outcome is Seen.ENROLLED and one.pair in known:
                    yield one.without(known[one.pair])
                else:
                    yield replace(one, erasures=erasures, listed=listed)

    def _digested(self, way: _Way, item: Item, cursor: str | None) -> Brought:
        """The item with its digest, and what its source says of all its pictures where nothing is said of this one."""
        sha256 = hashlib.sha256(item.untrusted).hexdigest()
        found = item.provenance
        told = replace(
            found,
            licence=found.licence or way.source.terms.licence,
            connector=found.connector or f"{way.task.kind} 1",
            record=None if found.record is None else replace(found.record, sha256=sha256),
        )
        return Brought(replace(item, provenance=told), sha256, cursor)

    def _outcomes(self, tx: Tx, way: _Way, fresh: list[Brought]) -> dict[tuple[str, str], Seen]:
        """What becomes of those that need not be looked at, by place and digest."""
        pairs = [one.pair for one in fresh]
        known = dict.fromkeys(self._suppression.erased(tx, pairs), Seen.ERASED_BEFORE)
        if way.task.video:  # the best frame of a face can be told among all of them alone
            return known
        there = tx.places.with_bytes(way.source.id, [sha256 for _, sha256 in pairs])
        known = {pair: Seen.ANOTHER_PLACE for pair in pairs if pair[1] in there} | known
        return known | dict.fromkeys(tx.captures.known(way.source.id, pairs), Seen.ALREADY_THERE)

    def _looked_at(self, way: _Way, one: Brought) -> Brought:
        """Its faces, and the pictures that are made of it."""
        if one.outcome is not Seen.ENROLLED:
            return one
        said = credentials.read_credentials(one.item.untrusted)
        if said is not None and (why := against(said)) is not None:
            return refused_for(one, why)
        try:
            seen = self._analyser.analyse(one.item.untrusted, enrolling=True)
        except (StorageFull, StoreUnavailable):
            raise
        except LineamentError as error:
            return refused_for(one, error)
        faces = list(seen.faces)
        one, barred = replace(one, abuse=self._abuse.digests(one.item.untrusted, one.sha256)), False
        if one.listed:
            with self._record.store.read() as tx:
                barred = bool(tx.abuse.any_of(one.abuse))
        if one.erasures:
            with self._record.store.read() as tx:
                faces = self._suppression.still_wanted(tx, one.sha256, seen.faces)
        capture = NewCapture(
            source_id=way.source.id,
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
            original=None,
            thumbnail=None,
            credentials=said,
            barred=barred,
        )
        if not faces:
            ended = one.without(Seen.NO_FACE)
            return ended if way.task.video else replace(ended, capture=capture)
        crops = tuple(face_crop(seen.picture, face.box) for face in faces)
        small = Small(None, tuple(map(veiled, crops))) if barred else Small(thumbnail(seen.picture), crops)
        return replace(one, capture=capture, found=tuple(faces), small=small)

    def _kept(self, way: _Way, one: Brought) -> Brought:
        """Its pictures, and the page that showed it, put into the blob folder."""
        if one.small is None:
            return one
        key, shown = way.key, one.item.provenance.page_record
        record = None if shown is None else way.task.page(shown)
        page = None if record is None else self._blobs.put(key, record)
        original = small = None
        if one.small.thumbnail is not None:
            original = self._blobs.put(key, one.item.untrusted)
            small = self._blobs.put(key, one.small.thumbnail)
        return one.kept(original, small, [self._blobs.put(key, crop) for crop in one.small.crops], page)

    # ------------------------------------------------------------ committing

    def _commit(self, way: _Way, batch: list[Brought], report: IngestReport) -> None:
        """One transaction: captures, places, faces, templates, how far the run is, and the ledger entry."""
        if any(one.capture is not None for one in batch):
            self._blobs.flush()
        if all(one.capture is None and one.outcome is not Seen.ANOTHER_PLACE for one in batch):
            with self._record.store.begin() as tx:
                outcomes = [one.outcome for one in batch]
                tx.runs.advance(way.run.id, _step(batch, outcomes, 0), self._record.clock())
                self._unwanted(tx, way, batch, outcomes)
            enrolled = 0
        else:
            outcomes, enrolled = self._store(way, batch)
            report.batches += 1
        for one, outcome in zip(batch, outcomes, strict=True):
            report.outcomes[outcome] += 1
            if outcome is Seen.REFUSED and len(report.refusals) < MOST_REFUSALS:
                report.refusals.append((one.item.name, one.why))
        before = report.faces // SYNC_EVERY
        report.faces += enrolled
        if report.faces // SYNC_EVERY > before:
            self._gallery.open([way.source])
            self._gallery.sync()

    def _store(self, way: _Way, batch: list[Brought]) -> tuple[list[Seen], int]:
        """What became of each, now that it is certain, and how many faces were enrolled."""
        with self._record.change() as change:
            self._admit(change.tx.sources.by_id(way.source.id))
            outcomes = self._certain(change.tx, way, batch)
            new = [one for one, seen in zip(batch, outcomes, strict=True) if one.capture is not None and _taken(seen)]
            ids = change.tx.captures.add_all([one.capture for one in new if one.capture is not None])
            enrolled = change.tx.faces.add_all(way.source.id, by_capture(ids, new), way.key)
            grouped = {id_: one.capture.phash for id_, one in zip(ids, new, strict=True) if one.capture and one.faces}
            change.tx.places.group(way.source.id, grouped)
            again = [one for one, seen in zip(batch, outcomes, strict=True) if seen is Seen.ANOTHER_PLACE]
            places = self._placed(change, way, again)
            barred = self._barred(change.tx, way, ids, new)
            change.tx.runs.advance(way.run.id, _step(batch, outcomes, len(enrolled)), change.at)
            self._unwanted(change.tx, way, batch, outcomes)
            change.record(
                BatchIngested(
                    source=way.source.name,
                    run=way.run.id,
                    captures=(int(ids[0]), int(ids[-1])) if ids else (),
                    faces=(int(enrolled[0]), int(enrolled[-1])) if len(enrolled) else (),
                    places=places,
                    barred=barred,
                    digest=hashlib.sha256("".join(one.sha256 for one in (*new, *again)).encode()).hexdigest(),
                )
            )
        if barred:
            self._shredder.finish()
        return outcomes, len(enrolled)

    def _barred(self, tx: Tx, way: _Way, ids: list[CaptureId], new: list[Brought]) -> int:
        """Bar what came onto the list of known abuse since it was looked at, and how many are barred now."""
        on_list = tx.abuse.any_of([digest for one in new for digest in one.abuse])
        listed = [(id_, one) for id_, one in zip(ids, new, strict=True) if on_list.intersection(one.abuse)]
        for id_, one in listed:
            if one.capture is not None and not one.capture.barred:
                bar(tx, self._blobs, way.key, id_)
        return len(listed)

    def _certain(self, tx: Tx, way: _Way, batch: list[Brought]) -> list[Seen]:
        """The outcomes, with what others committed or erased since they were sifted; each picture and place once."""
        open_ = [one for one in batch if one.capture is not None or one.outcome is Seen.ANOTHER_PLACE]
        pairs = [one.pair for one in open_]
        erased = self._suppression.erased(tx, pairs)
        known = tx.captures.known(way.source.id, pairs)
        there: dict[str, CaptureId | None] = {**tx.places.with_bytes(way.source.id, [one.sha256 for one in open_])}
        erasures = tx.suppressions.is_filled()
        outcomes: list[Seen] = []
        for one in batch:
            outcome = one.outcome
            if one.capture is not None or outcome is Seen.ANOTHER_PLACE:
                if one.pair in erased:
                    outcome = Seen.ERASED_BEFORE
                elif one.pair in known:
                    outcome = Seen.ALREADY_THERE
                elif one.sha256 in there:
                    outcome = Seen.ANOTHER_PLACE
                elif one.capture is None or self._lost(tx, one, erasures):
                    outcome = Seen.ALREADY_THERE if one.capture is not None else Seen.ERASED_BEFORE
                known.add(one.pair)
                if _taken(outcome):
                    there.setdefault(one.sha256, None)
            outcomes.append(outcome)
        return outcomes

    def _unwanted(self, tx: Tx, way: _Way, batch: list[Brought], outcomes: list[Seen]) -> None:
        """Note what a crawl may not keep either: what was erased before, and pictures that are not kept."""
        if way.task.kind != "site":
            return
        erased = [one.sha256 for one, seen in zip(batch, outcomes, strict=True) if seen is Seen.ERASED_BEFORE]
        there = tx.places.with_bytes(way.source.id, erased)
        lost = tx.captures.without_picture(way.source.id, [one.sha256 for one in batch if one.sha256])
        tx.deletions.add_crawled(way.source.id, [*(one for one in erased if one not in there), *lost])

    def _lost(self, tx: Tx, one: Brought, erasures: bool) -> bool:
        """Whether one of its pictures, or one of its faces, was erased since it was looked at."""
        if not all(address in self._blobs for address in one.addresses):
            return True
        faces = [new.face for new in one.faces]
        return erasures and len(self._suppression.still_wanted(tx, one.sha256, faces)) < len(faces)

    def _placed(self, change: Change, way: _Way, again: list[Brought]) -> int:
        """Put down further places of pictures that are there."""
        there = change.tx.places.with_bytes(way.source.id, [one.sha256 for one in again])
        new = [(there[one.sha256], one.sha256, one.item.provenance) for one in again]
        change.tx.places.add_all(way.source.id, new)
        return len(new)


def _taken(outcome: Seen) -> bool:
    return outcome in {Seen.ENROLLED, Seen.NO_FACE}


def _step(batch: list[Brought], outcomes: list[Seen], faces: int) -> Step:
    return Step(
        counts=Counter(outcome.name.lower() for outcome in outcomes),
        faces=faces,
        cursor=next((one.cursor for one in reversed(batch) if one.cursor is not None), None),
        refused=[(one.item.name, one.why) for one in batch if one.outcome is Seen.REFUSED],
    )
