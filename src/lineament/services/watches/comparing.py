"""Compares what is on watch with the faces enrolled since it was compared last: one matrix product for many watches.

Each watch that comes close to a new face is a search in the name of whoever began it, committed with its ledger entry,
its finding and its notices in one transaction. How far the watch is, is committed with them, so that after a kill no
face is passed over and none is compared twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from lineament.errors import Interrupted, NotFound, Refused, ThresholdUntrusted, WorkspaceBusy
from lineament.model.accounts import Official
from lineament.model.events.watches import WatchesCompared, WatchFired, WatchHeld
from lineament.model.faces import SourceId
from lineament.model.jobs import JobProgress
from lineament.model.proposals import Threshold
from lineament.model.rates import ErrorRates
from lineament.model.scores import scores
from lineament.model.search import Hit, Mode, SearchRequest, SearchResult
from lineament.model.sources import Source
from lineament.model.watches import NoticeKind, ProbeWatch, WatchProgress, WatchStanding
from lineament.services.compared import Compared
from lineament.services.gallery.answers import GallerySearch
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.model_in_use import require_model
from lineament.services.jobs.kinds import Report
from lineament.services.keyholder import source_keys
from lineament.services.listing import ChangedMeanwhileError, Listing
from lineament.services.needs import open_to_all
from lineament.services.record import Change, Record
from lineament.services.search import faces_for
from lineament.services.watches.acting import WatchReader, told_to
from lineament.services.watches.asking import AGAIN, ask_to_compare, ask_to_notify
from lineament.services.watches.rounds import ReadyWatch, Refusal, Round, codes_of, is_behind, refused_now, require_same
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing

AT_ONCE = 4096
"""Faces in one matrix product."""
MOST_AT_ONCE = 50_000
"""Faces of a source that are compared before it is noted how far the watches are."""
MOST_ROUNDS = 20
"""Rounds in which no watch came any further because something was changed meanwhile; then the job fails."""
MACHINE_NAME = "Lineament"
"""Who records what is done for a whole agency, and in nobody's name."""


class CompareWatched:
    """Runs the job that compares what is on watch. It acts in nobody's name but that of whoever began each watch."""

    def __init__(
        self,
        record: Record,
        keys: KeyRing,
        gallery: Callable[[], Gallery],
        rates: Callable[[], ErrorRates],
        *,
        mails: Callable[[], bool],
    ) -> None:
        """``mails``: whether a mail server is configured."""
        self._record = record
        self._keys = keys
        self._open_gallery = gallery
        self._read_rates = rates
        self._mails = mails

    @cached_property
    def _gallery(self) -> Gallery:
        return self._open_gallery()

    @cached_property
    def _rates(self) -> ErrorRates:
        return self._read_rates()

    @open_to_all("it does only what those who began the watches may do, and asks the gate about each")
    def job(self, _arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        """Compare until nothing new is left; return how many faces were compared, and nothing of any case.

        If it fails, the job says why, and another compares an hour later, whether anything is ingested or not.
        """
        try:
            return self._compare_all(report)
        except Interrupted:
            raise
        except Exception:
            with self._record.begin() as tx:
                ask_to_compare(tx, self._record.official, self._record.clock(), AGAIN)
            raise

    def _compare_all(self, report: Report) -> Mapping[str, Any]:
        faces, redone = 0, 0
        while (done := self._compare()) is not None:
            faces += done.faces
            report(JobProgress(done=faces, words="faces compared with what is on watch"))
            if not done.redo:
                break
            redone = 0 if done.advanced else redone + 1
            if redone > MOST_ROUNDS:
                raise WorkspaceBusy(what=f"the faces or the watches were changed {MOST_ROUNDS} times meanwhile")
        return {"faces": faces}

    # ------------------------------------------------------------ one round

    def _compare(self) -> Round | None:
        """Compare the next faces with every watch that may; None if there is nothing new."""
        with self._record.read() as tx:
            require_model(tx, self._rates.model)
            found = self._begin(tx)
        if found is None:
            return None
        for source in found.sources.values():
            self._compare_source(found, source)
        fired = [ready for ready in found.ready if ready.hits]
        for ready in fired:
            self._fire(found, ready)
        self._note(found, [ready for ready in found.ready if not ready.hits])
        return found

    def _begin(self, tx: Tx) -> Round | None:
        """Return the watches with something new to compare, each with the answer of the gate."""
        on = tx.watches.on(self._record.today)
        progress = tx.watches.progress([watch.id for watch in on])
        newest = {source.id: source.last_face_id for source in tx.sources.all()}
        pending = [watch for watch in on if is_behind(progress.get(watch.id), newest)]
        reader = WatchReader(tx, self._record, self._keys, pending, self._rates.model)
        ready: list[ReadyWatch] = []
        refused: list[Refusal] = []
        sources: dict[SourceId, Source] = {}
        counted: dict[tuple[SourceId, ...], GallerySearch] = {}
        thresholds: dict[tuple[int, int], float] = {}
        for watch in pending:
            reading = reader.read(watch)
            before = progress.get(watch.id, WatchProgress(watch_id=watch.id))
            fresh = [source for source in reading.sources if source.last_face_id > before.faces.get(source.id, 0)]
            if reading.against:
                refused.append((reading, before))
            elif fresh and reading.face is not None and reader.in_force is not None:
                census = self._census(counted, reading.sources)
                threshold = self._threshold(thresholds, reader.in_force, census, reading.face.quality.grade)
                ready.append(ReadyWatch(reading=reading, before=before, census=census, threshold=threshold))
                sources |= {source.id: source for source in fresh}
        if not ready and not refused:
            return None
        return Round(ready=ready, refused=refused, sources=sources, in_force=reader.in_force)

    def _threshold(
        self, known: dict[tuple[int, int], float], in_force: Threshold, census: GallerySearch, grade: int
    ) -> float:
        """Return the score that as many strangers are expected to reach in the whole gallery as the threshold says."""
        key = (id(census), grade)
        if key not in known:
            score = self._rates.score_for(in_force.strangers, grade, census.compared_by_grade)
            known[key] = min(1.0, score)
        return known[key]

    def _census(self, counted: dict[tuple[SourceId, ...], GallerySearch], sources: Sequence[Source]) -> GallerySearch:
        key = tuple(source.id for source in sources)
        if key not in counted:
            counted[key] = self._gallery.census(sources, self._rates.model, self._record.today)
        return counted[key]

    def _compare_source(self, found: Round, source: Source) -> None:
        """Compare the new faces of a source with every watch that searches it."""
        ready = [each for each in found.ready if any(mine.id == source.id for mine in each.reading.sources)]
        templates = np.stack([each.reading.face.template.vector for each in ready if each.reading.face is not None])
        thresholds = np.array([each.threshold for each in ready], dtype=np.float32)
        after = np.array([each.after(source) for each in ready], dtype=np.int64)
        last, done = int(after.min()), 0
        with self._record.read() as tx:
            key = source_keys(tx, self._keys, [source])[source.id]
            end = tx.sources.by_id(source.id).last_face_id
            while done < MOST_AT_ONCE:
                ids, _ = tx.watches.new_faces(
                    source.id, self._rates.model, last, source.kept_since(self._record.today), AT_ONCE
                )
                if not len(ids):
                    last = max(last, end)
                    break
                self._compare_faces(tx, source, key, ids, ready, templates, thresholds, after)
                first, _ = found.seen.get(source.id, (int(ids[0]), 0))
                last, done = int(ids[-1]), done + len(ids)
                found.seen[source.id] = (first, last)
        found.faces += done
        found.redo |= last < end
        for each in ready:
            each.passed[source.id] = max(last, each.after(source))

    def _compare_faces(  # noqa: PLR0913, PLR0917 - what one product consists of
        self,
        tx: Tx,
        source: Source,
        key: DataKey,
        ids: np.ndarray[Any, np.dtype[np.int64]],
        ready: Sequence[ReadyWatch],
        templates: np.ndarray[Any, np.dtype[np.float32]],
        thresholds: np.ndarray[Any, np.dtype[np.float32]],
        after: np.ndarray[Any, np.dtype[np.int64]],
    ) -> None:
        """Compare some faces with all templates, and keep the pairs that reach the threshold of their watch."""
        opened, vectors = tx.faces.intact(ids, source.id, self._rates.model, key)
        lost = np.setdiff1d(ids, opened)
        for each, passed in zip(ready, after.tolist(), strict=True):
            each.compared += int((opened > passed).sum())
            each.uncompared += int((lost > passed).sum())
        if not len(opened):
            return
        close = vectors @ templates.T >= thresholds - _ROUNDING
        for row, column in zip(*np.nonzero(close & (opened[:, np.newaxis] > after)), strict=True):
            each = ready[column]
            score = float(scores(templates[column], vectors[row : row + 1])[0])
            if score >= each.threshold:
                each.hits.append(Hit(face_id=_face_id(opened[row]), score=score))

    # ------------------------------------------------------------ what came of it

    def _fire(self, found: Round, ready: ReadyWatch) -> None:
        """Record what a watch found as a search, with the finding and the notices of it."""
        reading = ready.reading
        assert reading.probe is not None and reading.face is not None  # noqa: S101, PT018 - it is ready
        began = time.perf_counter()
        listing = Listing(reading.record, self._keys, lambda: self._gallery, lambda: self._rates)
        hits = sorted(ready.hits, key=lambda hit: (-hit.score, hit.face_id))
        altered = tuple(name for name in ready.census.altered)
        whole = not ready.uncompared and not altered
        terms = ready.watch.terms
        request = SearchRequest(
            case=ready.watch.case_key,
            reason=terms.reason,
            sources=terms.sources,
            mode=Mode.IDENTIFICATION if whole else Mode.MANUAL,  # else it would promise what it does not keep
            min_score=None if whole else ready.threshold,
        )
        census, most = ready.census, faces_for(request.limit)
        compared = GallerySearch(
            hits=hits[:most],
            faces=ready.compared,
            grades=census.grades,
            uncompared=ready.uncompared,
            altered=altered,
            older=max(0, census.gallery - ready.compared),
        )
        try:
            groups = listing.group(compared.hits, ready.threshold)
            listing.require_known([hit.face_id for hit in compared.hits], groups)
            listing.record(
                request,
                Compared(
                    probes=(reading.probe,),
                    face=ready.watch.face,
                    grade=reading.face.quality.grade,
                    damping=1.0,
                    sources=tuple(reading.sources),
                    compared=compared,
                    in_force=found.in_force if whole else None,
                    threshold=ready.threshold,
                    groups=groups,
                    seconds=time.perf_counter() - began,
                    watch=ready.watch.id,
                ),
                lambda change, result: self._tell(change, result, ready),
            )
        except (ChangedMeanwhileError, NotFound, Refused, ThresholdUntrusted):  # the next round says why
            found.redo = True
        else:
            found.advanced += 1

    def _tell(self, change: Change, result: SearchResult, ready: ReadyWatch) -> None:
        """Note what a watch found, how far it is, and who is told, in the transaction of the search."""
        tx, watch = change.tx, ready.watch
        require_same(tx, [ready])
        if tx.watches.get(watch.id).standing(change.at.date()) is not WatchStanding.ON:
            raise ChangedMeanwhileError
        listed = len(result.entries)
        finding = tx.watches.add_finding(watch.id, result.search_id, listed, change.at)
        tx.watches.put_progress([ready.progress(change.at)])
        case = tx.cases.by_id(watch.case_id)
        hooks = tx.notices.hooks_of(case.agency_id)
        for hook in hooks:
            tx.notices.add(case.agency_id, NoticeKind.WATCH_FIRED, change.at, hook_id=hook.id, finding_id=finding)
        mailed = self._mails() and watch.account_id is not None
        if mailed:
            tx.notices.add(
                watch.agency_id,
                NoticeKind.WATCH_FIRED,
                change.at,
                account_id=watch.account_id,
                finding_id=finding,
            )
        if hooks or mailed:
            ask_to_notify(tx, self._record.official, change.at)
        told = len(hooks) + mailed
        if ready.before.against:
            self._record_one(change, watch, ())
        change.record(WatchFired(case=result.case, watch=watch.id, search=result.search_id, listed=listed, told=told))

    def _note(self, found: Round, quiet: Sequence[ReadyWatch]) -> None:
        """Note how far the watches are that found nothing, agency by agency, and which may not compare."""
        names = {source.id: source.name for source in found.sources.values()}
        faces = tuple((names[id_], first, last) for id_, (first, last) in sorted(found.seen.items()))
        agencies = {each.watch.agency_id for each in found.ready} | {
            reading.watch.agency_id for reading, _ in found.refused
        }
        for agency_id in sorted(agencies):
            mine = [each for each in quiet if each.watch.agency_id == agency_id]
            all_of = [each.watch.id for each in found.ready if each.watch.agency_id == agency_id]
            refused = [each for each in found.refused if each[0].watch.agency_id == agency_id]
            held = [each for each in refused if codes_of(each[0]) != each[1].against]
            machine = replace(self._record, official=Official(name=MACHINE_NAME, agency_id=agency_id))
            if not all_of and not held:
                with machine.store.begin() as tx:  # nothing was compared, and it is on record why
                    self._put(tx, machine.clock(), mine, refused)
                continue
            try:
                with machine.change() as change:
                    change.in_agency(agency_id)
                    require_same(change.tx, mine)
                    self._put(change.tx, change.at, mine, refused)
                    change.record(WatchesCompared(watches=tuple(all_of), faces=faces, refused=len(refused)))
                    self._record_held(change, mine, held)
            except ChangedMeanwhileError:
                found.redo = True
            else:
                found.advanced += len(mine)

    def _put(self, tx: Tx, at: datetime, compared: Sequence[ReadyWatch], refused: Sequence[Refusal]) -> None:
        """Store how far watches are; those that were refused are tried again, even if nothing more is enrolled."""
        tx.watches.put_progress([each.progress(at) for each in compared])
        tx.watches.put_progress([refused_now(reading, before, at) for reading, before in refused])
        if refused:
            ask_to_compare(tx, self._record.official, at, AGAIN)

    def _record_held(
        self,
        change: Change,
        compared: Iterable[ReadyWatch],
        held: Iterable[Refusal],
    ) -> None:
        """Record which watches may not compare any more, and which may again."""
        for each in compared:
            if each.before.against:
                self._record_one(change, each.watch, ())
        for reading, _ in held:
            case = change.tx.cases.by_id(reading.watch.case_id)
            told = told_to(case.agency_id, reading.watch, reading.against)
            self._record_one(change, reading.watch, tuple(sorted({reason.code.value for reason in told})))

    @staticmethod
    def _record_one(change: Change, watch: ProbeWatch, against: tuple[str, ...]) -> None:
        change.concerns(change.tx.cases.by_id(watch.case_id))
        change.record(WatchHeld(case=watch.case, watch=watch.id, against=against))


_ROUNDING = 1e-3
"""How far a score of the matrix product may be from the exact one."""


def _face_id(number: np.int64) -> Any:
    return int(number)
