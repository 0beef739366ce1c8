"""Batches of photographs: sent one by one, searched by a job, each with its list and its entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from lineament.errors import InvalidValue, LineamentError, NotAllowed, Refused
from lineament.model.accounts import Permission
from lineament.model.batches import BatchedPhotograph, SearchBatch
from lineament.model.cases import Case
from lineament.model.events.searches import BatchBegun, BatchSearched
from lineament.model.jobs import Job, JobProgress, JobRequest
from lineament.model.reasons import ReasonCode
from lineament.model.search import Mode, Probe, ProbeKind, SearchRequest
from lineament.services.cases.access import case_for, may_in, require_open
from lineament.services.jobs.ended import wanting_notice
from lineament.services.jobs.kinds import BATCH, Report, by_program
from lineament.services.needs import needs
from lineament.services.probes import Probes
from lineament.services.record import Record
from lineament.services.search import Search
from lineament.store.batches import no_batch
from lineament.store.db import Tx

MOST_SENT = 200
"""Most photographs of a batch."""
NEWEST = 5
"""Most batches that the page of a case shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A photograph of a batch, with what was found in it."""

    photograph: BatchedPhotograph
    probe: Probe | None  # None: it could not be read
    candidates: int | None  # entries of its list; None: not searched, or hidden from the reader

    @property
    def state(self) -> str:
        """What becomes of it, in a word or two."""
        if self.photograph.search_id is not None:
            return "searched"
        if self.photograph.why:
            return "not searched"
        if self.probe is None or not self.probe.faces:
            return "no face"
        return "waits" if self.photograph.face is not None else "choose a face"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBatch:
    """A batch with its photographs."""

    batch: SearchBatch
    case: Case
    rows: tuple[BatchRow, ...]


class Batches:
    """Takes photographs for a batch, and searches them."""

    def __init__(self, record: Record, probes: Callable[[], Probes], search: Callable[[], Search]) -> None:
        self._record, self._probes, self._search = record, probes, search

    # ------------------------------------------------------------ sending

    @needs(Permission.OPEN_CASES, in_case=True)
    def begin(self, case_name: str, kind: ProbeKind | None) -> SearchBatch:
        """Begin a batch in a case. Raises as ``Probes.take`` for the kind."""
        self._probes().require_kind(case_name, kind)
        with self._record.change() as change:
            case = case_for(change.tx, self._record, case_name, Permission.OPEN_CASES)
            require_open(case)
            change.concerns(case)
            batch = change.tx.batches.add(case.id, kind, change.at)
            change.record(BatchBegun(case=case.ref, batch=batch.id))
            return batch

    @needs(Permission.OPEN_CASES, in_case=True)
    def add(self, batch_id: str, name: str, untrusted: bytes) -> BatchRow:
        """Keep a photograph with the case and find its faces; one that cannot be read is listed with the reason.

        Raises InvalidValue if the batch is full or was begun to be searched.
        """
        with self._record.read() as tx:
            batch, case = self._find(tx, batch_id, Permission.OPEN_CASES)
            sent = len(tx.batches.photographs(batch_id))
        if sent >= MOST_SENT:
            why = f"a batch holds {MOST_SENT}; begin another"
            raise InvalidValue(what="The number of photographs", value=sent + 1, why=why, field="photograph")
        probe, why = None, ""
        try:
            probe = self._probes().take(case.key, untrusted, kind=batch.kind)
        except Refused:
            raise
        except LineamentError as error:
            why = str(error)
        with self._record.begin() as tx:
            face = 1 if probe is not None and len(probe.faces) == 1 else None
            photograph = tx.batches.add_photograph(batch_id, name, None if probe is None else probe.id, face, why)
        return BatchRow(photograph=photograph, probe=probe, candidates=self._listed(photograph))

    # ------------------------------------------------------------ reading

    @needs(Permission.READ_CASES, in_case=True)
    def get(self, batch_id: str) -> SearchBatch:
        """Return a batch without its photographs. Raises NotFound."""
        with self._record.read() as tx:
            return self._find(tx, batch_id, Permission.READ_CASES)[0]

    @needs(Permission.READ_CASES, in_case=True)
    def show(self, batch_id: str) -> ShownBatch:
        """Return a batch with its photographs."""
        with self._record.read() as tx:
            batch, case = self._find(tx, batch_id, Permission.READ_CASES)
            found = tx.batches.photographs(batch_id)
        return ShownBatch(batch=batch, case=case, rows=tuple(map(self._row, found)))

    @needs(Permission.READ_CASES, in_case=True)
    def of_case(self, case_name: str) -> list[SearchBatch]:
        """Return the newest batches of a case."""
        with self._record.read() as tx:
            return tx.batches.of_case(case_for(tx, self._record, case_name, Permission.READ_CASES).id, NEWEST)

    def _row(self, photograph: BatchedPhotograph) -> BatchRow:
        probe = None if photograph.probe_id is None else self._probes().get(photograph.probe_id)
        return BatchRow(photograph=photograph, probe=probe, candidates=self._listed(photograph))

    def _listed(self, photograph: BatchedPhotograph) -> int | None:
        if photograph.search_id is None:
            return None
        return self._search().get(photograph.search_id).listed

    # ------------------------------------------------------------ searching

    @needs(Permission.SEARCH, in_case=True)
    def start(self, batch_id: str, faces: Mapping[str, int], request: SearchRequest, *, notify: bool = False) -> Job:
        """Search the photographs of a batch that have a face chosen, as a job; ``faces``: by photograph.

        ``notify``: whether the web hooks of the agency are told when it has ended.

        Raises Refused if the gate would stop them all or they are being searched, or InvalidValue if there is nothing
        to search.
        """
        self._search().admit(request)
        with self._record.change() as change:
            batch, case = self._find(change.tx, batch_id, Permission.SEARCH)
            if batch.job_id in {job.id for job in change.tx.jobs.open_of_kinds([BATCH.name])}:
                raise Refused(ReasonCode.BATCH_RUNS.reason())
            for photograph in change.tx.batches.photographs(batch_id):
                if photograph.id in faces and photograph.search_id is None:
                    change.tx.batches.choose(photograph.id, faces[photograph.id])
            waiting = [one for one in change.tx.batches.photographs(batch_id) if one.waits]
            if not waiting:
                why = "no photograph with a chosen face waits to be searched"
                raise InvalidValue(what="The batch", value=batch.id, why=why, field="face")
            official = self._record.official
            proved = None if official.proved_at is None else official.proved_at.isoformat()
            arguments = {"batch": batch.id, "proved_at": proved, **by_program(official)}
            asked = JobRequest(
                kind=BATCH.name,
                arguments=wanting_notice(arguments, notify=notify),
                agency_id=official.agency_id,
                account_id=official.account_id,
                requested_by=official.name,
            )
            job = change.tx.jobs.add(asked, change.at)
            change.tx.batches.start(batch.id, request.reason, _settings(request), change.at, job.id)
            change.concerns(case)
            change.record(BatchSearched(case=case.ref, batch=batch.id, reason=request.reason, photographs=len(waiting)))
            return job

    @needs(Permission.SEARCH, in_case=True)
    def job(self, arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        """Search what waits; the gate is asked before each, and when it refuses the rest keeps waiting.

        A photograph whose search was committed before a worker was killed is not searched again.
        """
        batch_id = str(arguments.get("batch", ""))
        with self._record.read() as tx:
            batch, _ = self._find(tx, batch_id, Permission.SEARCH)
            waiting = [one for one in tx.batches.photographs(batch_id) if one.waits]
        request = _request(batch)
        counts = {"searched": 0, "failed": 0}
        for done, photograph in enumerate(waiting):
            report(JobProgress(done=done, total=len(waiting), words=f"{counts['searched']:,} searched"))
            counts["searched" if self._search_one(batch, photograph, request) else "failed"] += 1
        report(JobProgress(done=len(waiting), total=len(waiting)))
        return counts

    def _search_one(self, batch: SearchBatch, photograph: BatchedPhotograph, request: SearchRequest) -> bool:
        assert photograph.probe_id is not None  # noqa: S101 - it waits
        made = self._search().made_since(photograph.probe_id, request, photograph.face, batch.started_at)
        why = ""
        if made is None:
            try:
                made = self._search().run(photograph.probe_id, request, photograph.face).search_id
            except Refused:
                raise
            except LineamentError as error:
                why = str(error)
        with self._record.begin() as tx:
            if made is not None:
                tx.batches.searched(photograph.id, made)
            if why != photograph.why:
                tx.batches.failed(photograph, why)
        return made is not None

    def _find(self, tx: Tx, batch_id: str, permission: Permission) -> tuple[SearchBatch, Case]:
        """Return a batch with its case. Raises the same NotFound if there is no such batch or its case is not seen."""
        case = tx.cases.of_batch(batch_id, self._record.sight)
        if case is None:
            raise no_batch(batch_id)
        if not may_in(tx, self._record, case, permission):
            raise NotAllowed(what=f"{permission.value}, in this case")
        return tx.batches.get(batch_id), case


def _settings(request: SearchRequest) -> dict[str, Any]:
    return {
        "sources": list(request.sources),
        "since": None if request.since is None else request.since.isoformat(),
        "until": None if request.until is None else request.until.isoformat(),
        "limit": request.limit,
        "mode": request.mode.value,
    }


def _request(batch: SearchBatch) -> SearchRequest:
    """Return how the photographs of a batch are searched. Raises InvalidValue if nobody has said that yet."""
    if batch.settings is None or batch.reason is None:
        raise InvalidValue(what="The batch", value=batch.id, why="it was not begun to be searched")
    said = batch.settings
    return SearchRequest(
        case=batch.case_key,
        reason=batch.reason,
        sources=tuple(said["sources"]),
        since=None if said["since"] is None else date.fromisoformat(said["since"]),
        until=None if said["until"] is None else date.fromisoformat(said["until"]),
        limit=said["limit"],
        mode=Mode(said["mode"]),
    )
