"""Ingests the pictures of a registered source, and acknowledges each once it is committed."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC

from lineament.errors import (
    Interrupted,
    NotRead,
    Refused,
)
from lineament.model.accounts import Permission
from lineament.model.events.sources import BatchIngested, RunEnded, RunStarted
from lineament.model.faces import CaptureId, NewCapture, Provenance
from lineament.model.runs import MOST_REFUSALS, Run, Step
from lineament.model.sources import Source
from lineament.observe.stages import Level, Stage, Total, carried, count, level, timed
from lineament.services.gallery.abuse import bar
from lineament.services.gallery.footage import follow
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.items import (
    BATCH,
    IngestItem,
    IngestOutcome,
    IngestReport,
    RunContext,
    Task,
    by_capture,
    chunks,
    in_batches,
    left_out_item,
    refused_for,
    refused_item,
    walk,
)
from lineament.services.gallery.known_hashes import is_plain
from lineament.services.gallery.model_in_use import require_model
from lineament.services.gallery.parts import places_of
from lineament.services.gallery.prepare import Preparation
from lineament.services.gallery.shred import Shredder
from lineament.services.gallery.suppression import Suppression
from lineament.services.keyholder import require_current_source, source_key
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.services.watches.asking import GATHERED, ask_to_compare
from lineament.sources.base import Arriving, Connector, Item, LeftOut, Refusal
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.ring import KeyRing
from lineament.vision.analyse import Analyser

WAITING = 128 * 2**20
"""The most bytes of pictures being analysed at once, however few the pictures are."""
SYNC_EVERY = 50_000
"""Faces after which the index files are written."""


class Ingest:
    """Ingests what a connector yields."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, analyser: Analyser, gallery: Gallery) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs
        self._gallery = gallery
        self._suppression = Suppression(keys)
        self._model = analyser.model
        self._known = gallery.known
        self._preparation = Preparation(record, keys, blobs, analyser, self._known)
        self._shredder = Shredder(record, blobs)

    @needs(Permission.MANAGE_SOURCES)
    @timed(Stage.INGEST)
    def run(
        self,
        source_name: str,
        given: Connector | Task,
        *,
        workers: int,
        on_progress: Callable[[IngestReport], None] = lambda _: None,
    ) -> IngestReport:
        """Ingest everything that is new; ``on_progress`` is called after each committed batch.

        What is committed stays, whatever happens; a later run resumes there. Raises Refused if the source is not live,
        KeyRotated if its key was rotated meanwhile, or Interrupted by Ctrl-C.
        """
        task = given if isinstance(given, Task) else Task(connector=given)
        with self._record.read() as tx:
            source = tx.sources.get(source_name)
            self._require_open(source)
            key = source_key(tx, self._keys, source)
        report = IngestReport(source_name, total=task.connector.count())
        context = RunContext(source, key, self._start(source, task), task)
        report.resumed, report.run = context.run.cursor is not None, context.run.number
        began = time.monotonic()
        try:
            with ThreadPoolExecutor(workers, thread_name_prefix="analyse") as pool:
                for batch in in_batches(self._items(pool, workers, context)):
                    self._commit(context, batch, report)
                    report.seconds = time.monotonic() - began
                    report.total = task.connector.count() if task.kind in {"video", "upload"} else report.total
                    on_progress(report)
        except KeyboardInterrupt:
            kept = f"{report.seen:,} pictures are done and kept; the same command resumes from there"
            raise Interrupted(kept=kept) from None
        finally:
            self._gallery.sync()
        if isinstance(task.connector, Arriving) and task.connector.is_waiting():
            kept = f"{report.seen:,} pictures are done and kept; it is resumed when more has arrived"
            raise Interrupted(kept=kept)
        self._end(context, report)
        report.seconds = time.monotonic() - began
        return report

    def _require_open(self, source: Source) -> None:
        if (why := source.why_closed(self._record.clock().date())) is not None:
            raise Refused(why)

    def _start(self, source: Source, task: Task) -> Run:
        with self._record.change() as change:
            run = change.tx.runs.begin(source.id, task.kind, task.what, change.at)
            change.record(RunStarted(source=source.name, run=run.id, connector=task.kind, what=task.what))
        return run

    def _end(self, context: RunContext, report: IngestReport) -> None:
        with self._record.change() as change:
            change.tx.runs.end(context.run.id, change.at)
            if report.faces:
                ask_to_compare(change.tx, self._record.official, change.at)
            counts = {seen.name.lower(): many for seen, many in report.outcomes.items()}
            change.record(RunEnded(source=context.source.name, run=context.run.id, counts=counts, faces=report.faces))

    # ------------------------------------------------------------ analysing, in threads

    def _items(self, pool: ThreadPoolExecutor, workers: int, context: RunContext) -> Iterator[IngestItem]:
        prepare = carried(self._preparation.prepare)
        prepared = self._in_order(pool, workers, context, lambda item: prepare(context, item))
        for item in follow(itertools.chain.from_iterable(prepared)):
            yield self._preparation.store_pictures(context, item)

    def _in_order(
        self,
        pool: ThreadPoolExecutor,
        workers: int,
        context: RunContext,
        step: Callable[[IngestItem], list[IngestItem]],
    ) -> Iterator[list[IngestItem]]:
        """Yield the pictures of each file, in order; enough are in progress to keep all threads busy."""
        under_way: deque[tuple[Future[list[IngestItem]], int]] = deque()
        waiting = 0  # bytes
        try:
            for known in self._sift(context):
                size = len(known.collected.untrusted)
                under_way.append((pool.submit(step, known), size))
                waiting += size
                level(Level.INGEST_WAITING, len(under_way))
                while len(under_way) > max(BATCH, 4 * workers) or (waiting > WAITING and len(under_way) > workers):
                    future, size = under_way.popleft()
                    waiting -= size
                    yield future.result()
            while under_way:
                yield under_way.popleft()[0].result()
        finally:
            for future, _ in under_way:
                future.cancel()
            level(Level.INGEST_WAITING, 0)

    def _sift(self, context: RunContext) -> Iterator[IngestItem]:
        """Hash the pictures and mark those that need no analysis."""
        for some in chunks(walk(context.task.connector, context.run.cursor), BATCH // 4):
            found = [
                self._digest(context, item, cursor) if isinstance(item, Item) else _not_taken(item, cursor)
                for item, cursor in some
            ]
            fresh = [item for item in found if item.outcome is IngestOutcome.ENROLLED]
            with self._record.read() as tx:
                known = self._outcomes(tx, context, fresh)
                erasures, listed = tx.suppressions.is_filled(), tx.abuse.is_filled()
                upto = self._known.refresh(tx)
            for item in found:
                if item.outcome is IngestOutcome.ENROLLED and item.pair in known:
                    yield item.without(known[item.pair])
                elif item.outcome is IngestOutcome.ENROLLED and self._is_past_retention(context.source, item):
                    yield item.without(IngestOutcome.PAST_RETENTION)
                else:
                    yield replace(item, erasures=erasures, listed=listed, hashes_upto=upto)

    def _digest(self, context: RunContext, item: Item, cursor: str | None) -> IngestItem:
        """Return the item with its digest, and with its source's licence if it states none."""
        sha256 = hashlib.sha256(item.untrusted).hexdigest()
        found = item.provenance
        provenance = replace(
            found,
            licence=found.licence or context.source.terms.licence,
            connector=found.connector or f"{context.task.kind} 1",
            record=None if found.record is None else replace(found.record, sha256=sha256),
        )
        return IngestItem(replace(item, provenance=provenance), sha256, cursor)

    def _is_past_retention(self, source: Source, item: IngestItem) -> bool:
        """Return whether the picture was captured so long ago that the next sweep would erase it."""
        since, at = source.kept_since(self._record.today), item.collected.provenance.captured_at
        return since is not None and at is not None and at.astimezone(UTC).date() < since

    def _outcomes(self, tx: Tx, context: RunContext, fresh: list[IngestItem]) -> dict[tuple[str, str], IngestOutcome]:
        """Return the outcomes of the pictures that need no analysis, by URI and digest."""
        erased = self._suppression.find_erased(tx, [item.pair for item in fresh])
        known = dict.fromkeys(erased, IngestOutcome.ERASED_BEFORE)
        # Frames are always analysed: the best of a face is chosen among all of them.
        pairs = [item.pair for item in fresh if not item.is_frame]
        unkept = tx.captures.unkept(context.source.id, [sha256 for _, sha256 in pairs])
        pairs = [pair for pair in pairs if pair[1] not in unkept]
        stored = tx.places.with_bytes(context.source.id, [sha256 for _, sha256 in pairs])
        known = {pair: IngestOutcome.ANOTHER_PLACE for pair in pairs if pair[1] in stored} | known
        return known | dict.fromkeys(tx.captures.known(context.source.id, pairs), IngestOutcome.ALREADY_THERE)

    # ------------------------------------------------------------ committing

    @timed(Stage.STORE)
    def _commit(self, context: RunContext, batch: list[IngestItem], report: IngestReport) -> None:
        """Commit captures, places, faces, templates, the run's progress and the ledger entry in one transaction."""
        if any(item.capture is not None for item in batch):
            self._blobs.flush()
        if not any(map(_is_undecided, batch)):
            with self._record.begin() as tx:
                require_current_source(tx, self._keys, context.source, context.key)
                tx.runs.advance(context.run.id, _step(batch, 0), self._record.clock())
                self._note_unwanted(tx, context, batch)
            enrolled = 0
        else:
            batch, enrolled = self._store(context, batch)
            report.batches += 1
        for item in batch:
            context.task.tell(item)
            for outcome, many in item.counts.items():
                report.outcomes[outcome] += many
                count(Total.PHOTOGRAPHS, many, outcome.name.lower())
            if item.outcome is IngestOutcome.REFUSED and len(report.refusals) < MOST_REFUSALS:
                report.refusals.append((item.collected.name, item.why))
        before = report.faces // SYNC_EVERY
        report.faces += enrolled
        count(Total.ENROLLED, enrolled)
        if report.faces // SYNC_EVERY > before:
            self._gallery.open([context.source])
            self._gallery.sync()

    def _store(self, context: RunContext, batch: list[IngestItem]) -> tuple[list[IngestItem], int]:
        """Store the batch; return its pictures with their final outcomes, and how many faces were enrolled."""
        with self._record.change() as change:
            self._require_open(change.tx.sources.by_id(context.source.id))
            require_current_source(change.tx, self._keys, context.source, context.key)
            require_model(change.tx, self._model)
            before = self._forget_unkept(change.tx, context, batch)
            batch = self._with_final_outcomes(change.tx, context, batch)
            new = [item for item in batch if item.capture is not None and _is_kept(item.outcome)]
            ids = change.tx.captures.add_all([item.capture for item in new if item.capture is not None])
            enrolled = change.tx.faces.add_all(context.source.id, by_capture(ids, new), context.key)
            comparable = sum(face.comparable for item in new for face in item.faces)
            grouped = {
                id_: item.capture.phash for id_, item in zip(ids, new, strict=True) if item.capture and item.faces
            }
            change.tx.places.group(context.source.id, grouped)
            self._remember_places(change.tx, context, dict(zip(ids, new, strict=True)), before)
            again = [item for item in batch if item.outcome is IngestOutcome.ANOTHER_PLACE]
            places = self._add_places(change, context, again)
            barred = self._bar(change.tx, context, ids, new)
            change.tx.runs.advance(context.run.id, _step(batch, comparable), change.at)
            self._note_unwanted(change.tx, context, batch)
            if comparable:
                ask_to_compare(change.tx, self._record.official, change.at, GATHERED)
            change.record(
                BatchIngested(
                    source=context.source.name,
                    run=context.run.id,
                    captures=(int(ids[0]), int(ids[-1])) if ids else (),
                    faces=(int(enrolled[0]), int(enrolled[-1])) if len(enrolled) else (),
                    places=places,
                    barred=barred,
                    digest=hashlib.sha256("".join(item.sha256 for item in (*new, *again)).encode()).hexdigest(),
                )
            )
        if barred:
            self._shredder.finish()
        return batch, comparable

    def _forget_unkept(self, tx: Tx, context: RunContext, batch: list[IngestItem]) -> dict[str, list[Provenance]]:
        """Forget what a version before 0.3 noted of pictures that are kept now; return where they were found."""
        digests = {item.sha256 for item in batch if item.capture is not None}
        found = {}
        for sha256, capture_id in tx.captures.unkept(context.source.id, digests).items():
            found[sha256] = [tx.captures.get(capture_id).provenance, *tx.places.of_capture(capture_id)]
            tx.captures.erase(capture_id, context.key)
        return found

    def _remember_places(
        self, tx: Tx, context: RunContext, new: dict[CaptureId, IngestItem], before: dict[str, list[Provenance]]
    ) -> None:
        """Add where pictures were found before as further places of their captures."""
        for capture_id, item in new.items():
            places = before.pop(item.sha256, [])
            known = tx.captures.known(context.source.id, [(place.uri, item.sha256) for place in places])
            fresh = [place for place in places if (place.uri, item.sha256) not in known]
            tx.places.add_all(context.source.id, [(capture_id, item.sha256, place) for place in fresh])

    def _bar(self, tx: Tx, context: RunContext, ids: list[CaptureId], new: list[IngestItem]) -> int:
        """Bar pictures listed as known abuse since their analysis; return the number of all barred pictures."""
        on_list = tx.abuse.any_of([digest for item in new for digest in item.abuse])
        newest, barred = self._known.refresh(tx), 0
        for id_, item in zip(ids, new, strict=True):
            capture = item.capture
            if capture is None or capture.barred:
                barred += capture is not None
            elif on_list.intersection(item.abuse) or (item.hashes_upto < newest and self._is_near(context, capture)):
                bar(tx, self._blobs, context.key, id_)
                barred += 1
        return barred

    def _is_near(self, context: RunContext, capture: NewCapture) -> bool:
        """Return whether a picture whose pixels are gone is near a listed one, and no plain one."""
        return self._known.near(capture.phash) and not is_plain(self._blobs, context.key, capture.thumbnail)

    def _with_final_outcomes(self, tx: Tx, context: RunContext, batch: list[IngestItem]) -> list[IngestItem]:
        """Return the batch after what other processes committed or erased meanwhile; each picture counts once."""
        undecided = [item for item in batch if _is_undecided(item)]
        pairs = [item.pair for item in undecided]
        erased = self._suppression.find_erased(tx, pairs)
        known = tx.captures.known(context.source.id, pairs)
        files = tx.places.parts_with_bytes(context.source.id, [item.sha256 for item in undecided])
        stored = {(sha256, part.number) for sha256, parts in files.items() for part in parts}
        erasures = tx.suppressions.is_filled()
        gone = self._blobs.missing({address for item in undecided for address in item.addresses})
        decided: list[IngestItem] = []
        for item in batch:
            final = item
            if _is_undecided(item):
                if item.pair in erased:
                    final = replace(item, outcome=IngestOutcome.ERASED_BEFORE)
                elif item.pair in known:
                    final = replace(item, outcome=IngestOutcome.ALREADY_THERE)
                elif (item.sha256, item.part) in stored or (item.capture is None and item.sha256 in files):
                    final = replace(item, outcome=IngestOutcome.ANOTHER_PLACE)
                elif item.capture is None:
                    final = replace(item, outcome=IngestOutcome.ERASED_BEFORE)
                elif not gone.isdisjoint(item.addresses) or self._is_unwanted(tx, item, erasures):
                    final = refused_for(item, NotRead(why="something of it was erased meanwhile; ingest it again"))
                known.add(item.pair)
                if _is_kept(final.outcome):
                    stored.add((item.sha256, item.part))
            decided.append(final)
        return decided

    def _note_unwanted(self, tx: Tx, context: RunContext, batch: list[IngestItem]) -> None:
        """Mark the records that the crawl must not keep: of pictures erased before, and of pictures not stored."""
        if context.task.kind != "site":
            return
        erased = [item.sha256 for item in batch if item.outcome is IngestOutcome.ERASED_BEFORE]
        stored = tx.places.with_bytes(context.source.id, erased)
        lost = tx.captures.without_picture(context.source.id, [item.sha256 for item in batch if item.sha256])
        tx.deletions.add_crawl_records(
            context.source.id, [*(digest for digest in erased if digest not in stored), *lost]
        )

    def _is_unwanted(self, tx: Tx, item: IngestItem, erasures: bool) -> bool:
        """Return whether a face of the item was erased since its analysis."""
        faces = [new.face for new in item.faces]
        return erasures and len(self._suppression.still_wanted(tx, item.sha256, faces, item.part)) < len(faces)

    def _add_places(self, change: Change, context: RunContext, again: list[IngestItem]) -> int:
        """Store further places of files that are already stored, for each of their pictures; return how many."""
        stored = change.tx.places.parts_with_bytes(context.source.id, [item.sha256 for item in again])
        new = [
            (part.capture_id, item.sha256, replace(item.collected.provenance, uri=uri))
            for item in again
            for part, uri in places_of(item, stored[item.sha256])
        ]
        change.tx.places.add_all(context.source.id, new)
        return len(new)


def _is_undecided(item: IngestItem) -> bool:
    """Return whether the commit decides on the item, because it would add a capture, or a place of one."""
    return item.capture is not None or item.outcome is IngestOutcome.ANOTHER_PLACE


def _is_kept(outcome: IngestOutcome) -> bool:
    return outcome in {IngestOutcome.ENROLLED, IngestOutcome.TOO_WEAK, IngestOutcome.NO_FACE}


def _not_taken(found: Refusal | LeftOut, cursor: str | None) -> IngestItem:
    return refused_item(found, cursor) if isinstance(found, Refusal) else left_out_item(found, cursor)


def _step(batch: list[IngestItem], faces: int) -> Step:
    counts: Counter[str] = Counter()
    for item in batch:
        counts.update({outcome.name.lower(): many for outcome, many in item.counts.items()})
    return Step(
        counts=counts,
        faces=faces,
        cursor=next((item.cursor for item in reversed(batch) if item.cursor is not None), None),
        refused=[(item.collected.name, item.why) for item in batch if item.outcome is IngestOutcome.REFUSED],
    )
