"""The handlers of the kinds of jobs, in the name of the official at a desk."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lineament.services.jobs import kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lineament.model.jobs import Job, JobProgress
    from lineament.services.jobs.ended import OnEnd
    from lineament.services.jobs.kinds import Handler, Report
    from lineament.workspace import Workspace
    from lineament.workspace.desk import Desk


def _as_proved(desk: Desk, arguments: Mapping[str, Any]) -> Desk:
    """Return a desk of the official, whose second factor was shown when the job was asked for.

    The arguments of a job carry a MAC, so nobody without the key can put another time there. What a program asked for
    is done within the bounds of its key, and not once that is revoked.
    """
    if (key_id := arguments.get("key")) is not None:
        from lineament.services.people.api_keys import KeyEntrance

        acting = KeyEntrance(desk.record.everywhere).acting(desk.official.account_id, key_id)
        return desk.workspace.desk(acting)
    proved = arguments.get("proved_at")
    if proved is None:
        return desk
    return desk.workspace.desk(replace(desk.official, proved_at=datetime.fromisoformat(proved)))


def _while_key_opens(desk: Desk, arguments: Mapping[str, Any], report: Report) -> Report:
    """Return what receives the progress of a job, and raises KeyRefused once the key that asked for it opens nothing.

    ``report`` itself if a person asked.
    """
    if (key_id := arguments.get("key")) is None:
        return report
    from lineament.services.people.api_keys import KeyEntrance

    entrance = KeyEntrance(desk.record.everywhere)

    def checked(progress: JobProgress) -> None:
        entrance.acting(desk.official.account_id, key_id)
        report(progress)

    return checked


def _as_asked(desk: Desk, handler_of: Callable[[Desk], Handler]) -> Handler:
    """Return the handler of a kind that is asked for with a second factor or the key of a program."""

    def run(arguments: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        handler = handler_of(_as_proved(desk, arguments))
        return handler(arguments, _while_key_opens(desk, arguments, report))

    return run


def settling(workspace: Workspace) -> OnEnd:
    """Return what forgets what was sent for a job once that has ended."""

    def settle(job: Job) -> None:
        if job.request.kind == kinds.EVALUATION.name:
            from lineament.workspace.measuring import ended_evaluations

            ended_evaluations(workspace).settle()

    return settle


def handlers_of(desk: Desk) -> Mapping[str, Handler]:
    """Return the handler of each kind of job."""
    workers = desk.workspace.workers
    return {
        kinds.INGEST.name: desk.collect.job,
        kinds.LOOK_AGAIN.name: lambda arguments, report: desk.look_again.job(arguments, report, workers),
        kinds.SWEEP.name: lambda _arguments, _report: asdict(desk.retain.sweep()),
        kinds.ROTATE_KEY.name: desk.key_rotation.job,
        kinds.WITHDRAWAL.name: desk.requested_erasures.job,
        kinds.ERASURE.name: desk.requested_erasures.job,
        kinds.DISCLOSURE.name: desk.disclosure.job,
        kinds.MISUSE.name: lambda _arguments, report: desk.misuse.make(report),
        kinds.FIGURES.name: lambda _arguments, report: desk.publications.make(report),
        kinds.BATCH.name: _as_asked(desk, lambda asking: asking.batches.job),
        kinds.EVALUATION.name: _as_asked(desk, lambda asking: asking.evaluations.job),
        kinds.DELETIONS.name: lambda _arguments, report: desk.erase.finish_job(report),
        kinds.WATCHES.name: desk.compare_watched.job,
        kinds.NOTICES.name: desk.notify.job,
    }
