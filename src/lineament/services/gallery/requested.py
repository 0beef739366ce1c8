"""Erasures that somebody asks for and a job does: on the record at once, done even if the worker is killed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from lineament.errors import NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.actions import Action
from lineament.model.events.jobs import JobStopped
from lineament.model.events.sources import CaptureErased, ErasureRequested, FaceErased, SourceSuspended
from lineament.model.faces import CaptureId, FaceId
from lineament.model.jobs import Job, JobProgress, JobRequest
from lineament.model.lifecycle import advance
from lineament.model.reasons import ReasonCode
from lineament.model.sources import NEXT, Source, SourceEvent, SourceState
from lineament.model.texts import checked_reason
from lineament.services.gallery.erase import Erase
from lineament.services.jobs.kinds import ERASURE, WITHDRAWAL, JobKind, Report, kind_of
from lineament.services.needs import needs
from lineament.services.record import Change, Record
from lineament.store.db import Tx


class RequestedErasures:
    """Asks for erasures, and does them as jobs (ADR 0031).

    The reason stands sealed in the ledger. The job names the entry, because its arguments are stored in the clear.
    """

    def __init__(self, record: Record, erase: Callable[[], Erase]) -> None:
        self._record, self._erase = record, erase

    # ------------------------------------------------------------ asking

    @needs(Permission.MANAGE_SOURCES)
    def withdraw(self, name: str, reason: str) -> Job:
        """Ask for a source to be withdrawn. From now on it is in no search, and its other jobs stop.

        Raises InvalidValue, NotFound, WrongState, or Refused if that was asked before.
        """
        asked = ErasureRequested(source=name, reason=checked_reason(reason))
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            advance(NEXT, source.state, SourceEvent.WITHDRAWN, what="source", name=name)
            if any(job.request.kind == WITHDRAWAL.name for job in _open(change.tx, name)):
                raise Refused(ReasonCode.WITHDRAWAL_WAITS.reason(name=name))
            self._stop_jobs(change, source)
            if source.state is SourceState.LIVE:
                change.tx.sources.set_state(source.id, SourceState.SUSPENDED)
                change.record(SourceSuspended(source=name))
            return self._add(change, WITHDRAWAL, asked)

    @needs(Permission.MANAGE_SOURCES)
    def face(self, name: str, face_id: FaceId, reason: str) -> Job:
        """Ask for a face of a source to be erased. Raises InvalidValue, or NotFound if the source has no such face."""
        asked = ErasureRequested(source=name, face=face_id, reason=checked_reason(reason))
        with self._record.change() as change:
            if change.tx.faces.get(face_id).source_id != change.tx.sources.get(name).id:
                raise NotFound(what="face", name=face_id, hint=f"lineament source show {name}")
            return self._add(change, ERASURE, asked)

    @needs(Permission.MANAGE_SOURCES)
    def capture(self, name: str, capture_id: CaptureId, reason: str) -> Job:
        """Ask for a picture with all its faces. Raises InvalidValue, or NotFound if the source has no such picture."""
        asked = ErasureRequested(source=name, capture=capture_id, reason=checked_reason(reason))
        with self._record.change() as change:
            if change.tx.captures.get(capture_id, to_erase=True).source_id != change.tx.sources.get(name).id:
                raise NotFound(what="capture", name=capture_id, hint=f"lineament source show {name}")
            return self._add(change, ERASURE, asked)

    @needs(Permission.MANAGE_SOURCES)
    def under_way(self, name: str) -> list[Job]:
        """Return the erasures from a source that the agency asked for and that have not ended, oldest first."""
        with self._record.read() as tx:
            return [job for job in _open(tx, name) if job.request.agency_id == self._record.official.agency_id]

    def _stop_jobs(self, change: Change, source: Source) -> None:
        """Stop what runs or waits for a source, so that its withdrawal does not wait behind hours of ingesting."""
        for job in change.tx.jobs.open_of_source(source.id):
            if kind_of(job).can_stop and not job.stopping:
                change.record(JobStopped(job=job.id, kind=job.request.kind, source=source.name))
                change.tx.jobs.request_stop(job.id, change.at)

    def _add(self, change: Change, kind: JobKind, asked: ErasureRequested) -> Job:
        official, entry = self._record.official, change.record(asked)
        request = JobRequest(
            kind=kind.name,
            arguments={"source": asked.source, "entry": entry},
            agency_id=official.agency_id,
            account_id=official.account_id,
            requested_by=official.name,
        )  # without source_id: the jobs of a source are deleted with it
        return change.tx.jobs.add(request, change.at)

    # ------------------------------------------------------------ the job

    @needs(Permission.MANAGE_SOURCES)
    def job(self, arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        """Do what was asked for, or complete what a killed worker began; return what was erased, in counts.

        Raises NotFound if no entry of the ledger asks for it.
        """
        entry = int(arguments["entry"])
        asked = self._asked(entry)
        report(JobProgress(words="destroying rows, pictures and codes"))
        if not self._do(asked):
            self._erase().finish_job(report)
        report(JobProgress())
        return self._done(asked, entry)

    def _asked(self, entry: int) -> ErasureRequested:
        with self._record.read() as tx:
            row = next(iter(tx.ledger.entries(entry, entry + 1)), None)
        if row is None or row.action != Action.ERASURE_REQUESTED.value or row.details is None:
            raise NotFound(what="request of an erasure", name=entry, hint="lineament ledger list")
        return ErasureRequested.read(json.loads(row.details))

    def _do(self, asked: ErasureRequested) -> bool:
        """Erase it unless that is done; return whether nothing of it is left in the files of the database."""
        erase = self._erase()
        try:
            if asked.face is not None:
                return erase.face(FaceId(asked.face), asked.reason).scrubbed
            if asked.capture is not None:
                return erase.capture(CaptureId(asked.capture), asked.reason).scrubbed
        except NotFound:
            return erase.finish(asked.source)
        with self._record.read() as tx:
            state = tx.sources.get(asked.source).state
        if state is SourceState.WITHDRAWN:
            return erase.finish(asked.source)
        return erase.source(asked.source, asked.reason).scrubbed

    def _done(self, asked: ErasureRequested, entry: int) -> Mapping[str, Any]:
        """Return what was erased, as the record tells it; 0 of what somebody else had erased before."""
        with self._record.read() as tx:
            if asked.face is None and asked.capture is None:
                gone = tx.sources.destroyed(tx.sources.get(asked.source).id) or {}
                counts = gone.get("destroyed", {})
                return {"pictures": counts.get("captures", 0), "faces": counts.get("faces", 0)}
            for row in tx.ledger.of_actions((Action.FACE_ERASED.value, Action.CAPTURE_ERASED.value), entry):
                details = json.loads(row.details or "{}")
                if row.action == Action.FACE_ERASED.value and FaceErased.read(details).face == asked.face:
                    return {"faces": 1}
                if row.action == Action.CAPTURE_ERASED.value and details.get("capture") == asked.capture:
                    return {"pictures": 1, "faces": len(CaptureErased.read(details).faces)}
        return {"pictures": 0, "faces": 0}


def _open(tx: Tx, name: str) -> list[Job]:
    """Return the erasures from a source that have not ended, of every agency, oldest first."""
    found = tx.jobs.open_of_kinds((WITHDRAWAL.name, ERASURE.name))
    return [job for job in found if job.request.arguments.get("source") == name]
