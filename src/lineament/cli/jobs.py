"""``lineament job list``, ``show`` and ``stop``, and ``lineament worker``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from lineament.cli.beside import WitnessingBeside
from lineament.cli.terminal import (
    AsJson,
    needs,
    print_facts,
    print_json,
    print_table,
    say,
    settings_for,
    table,
    when,
    workspace,
)
from lineament.model.accounts import Permission
from lineament.priority import give_way

if TYPE_CHECKING:
    from lineament.model.jobs import Awaited, Job
    from lineament.services.jobs.worker import Worker
    from lineament.settings import Settings
    from lineament.workspace.observing import Observing

app = typer.Typer(help="Long work: list, follow and stop jobs.", no_args_is_help=True)

JobName = Annotated[str, typer.Argument(metavar="JOB", help="The id of the job.")]
POLL = 2.0
"""Seconds between two polls of the queue, by default."""


def register(root: typer.Typer) -> None:
    """Add the commands to ``root``."""
    root.add_typer(app, name="job")
    root.command("worker")(worker)


@app.command("list")
@needs(Permission.OWN_ACCOUNT)
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the newest jobs."""
    from lineament.views import jobs as job_views

    with workspace(context) as desk:
        found = desk.jobs.newest()
        awaited = desk.jobs.awaited(found)
    if as_json:
        print_json(job_views.jobs_json(found))
        return
    if not found:
        say("There is no job. Work that runs in the background begins with: lineament ingest NAME PATH --background")
        return
    shown = table("job", "work", "requested", "progress", "state")
    for job in found:
        progress = job_views.progress_line(job)
        state = job_views.standing(job) + (f", {awaited[job.id].value} needed" if job.id in awaited else "")
        shown.add_row(job.id, job_views.title(job), when(job.requested_at), progress, state)
    print_table(shown)


@app.command()
@needs(Permission.OWN_ACCOUNT)
def show(context: typer.Context, job: JobName, as_json: AsJson = False) -> None:
    """Show one job: what was requested, its progress, and how it ended."""
    from lineament.views import jobs as job_views

    with workspace(context) as desk:
        found = desk.jobs.show(job)
        awaited = desk.jobs.awaited([found]).get(found.id)
    if as_json:
        print_json(job_views.job_json(found))
        return
    print_facts(_facts(found, awaited))


@app.command()
@needs(Permission.OWN_ACCOUNT)
def stop(context: typer.Context, job: JobName, as_json: AsJson = False) -> None:
    """Stop a job; what it has done is kept, and the same work resumes from there later."""
    from lineament.views import jobs as job_views

    with workspace(context) as desk:
        found = desk.jobs.stop(job)
    if as_json:
        print_json(job_views.job_json(found))
        return
    say(f"{job_views.title(found)}: {'it stops within seconds' if found.stopping else 'stopped'}.")


@needs(Permission.MACHINE)
def worker(
    context: typer.Context,
    poll: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds between two polls of the queue.")] = POLL,
    drain: Annotated[bool, typer.Option("--drain", help="End when no job is left.")] = False,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", help="End when the process that started it is gone.")
    ] = False,
) -> None:
    """Run queued jobs, each in the name of the official who queued it. When stopped, hand back the running job."""
    from lineament.workspace.observing import Observing

    if with_parent:
        give_way()
    parent = os.getppid()
    end_request = EndRequest()
    settings = settings_for(context)
    observing = Observing(settings, "worker", settings.worker_metrics)
    with observing, end_request.handled(), nullcontext() if drain else WitnessingBeside(settings):
        _serve_queue(settings, end_request, poll, lambda: drain or (with_parent and os.getppid() != parent), observing)


def print_queued(job: Job, *, as_json: bool) -> None:
    """Print that a job was queued, and how to follow it."""
    from lineament.views import jobs as job_views

    if as_json:
        print_json(job_views.job_json(job))
    else:
        say(f"Queued as job {job.id}; a worker takes it up. Follow it with: lineament job show {job.id}")


class EndRequest:
    """The first SIGTERM or SIGINT raises KeyboardInterrupt, and the running job is handed back meanwhile.

    A second SIGTERM ends the process at once; another worker takes its job over. A second SIGINT is ignored.
    """

    def __init__(self) -> None:
        self.requested = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals during the block; the first one ends it."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        except KeyboardInterrupt:
            if not self.requested:
                raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: object) -> None:
        if not self.requested:
            self.requested = True
            raise KeyboardInterrupt
        if number == signal.SIGTERM:
            os._exit(128 + number)


def _serve_queue(
    settings: Settings, end_request: EndRequest, poll: float, leaves: Callable[[], bool], observing: Observing
) -> None:
    """Open the workspace again for each batch of jobs, so that the memory of the models is freed after it."""
    from lineament.observe.notify import Notifier
    from lineament.settings import LogFormat, service_manager
    from lineament.workspace import Workspace

    notifier = Notifier(*service_manager())
    try:
        while True:
            with Workspace.open(settings) as opened:
                observing.workspace = opened
                notifier.ready()
                if not _wait_for_job(opened.worker, poll, leaves):
                    return
                _work(opened.worker, end_request, as_json=settings.log is LogFormat.JSON)
                observing.workspace = None
    finally:
        observing.workspace = None
        notifier.stopping()


def _facts(job: Job, awaited: Awaited | None) -> dict[str, object]:
    from lineament.views import jobs as job_views

    return {
        "job": job.id,
        "state": job_views.standing(job),
        "work": job_views.title(job),
        "from": ", ".join(job.request.arguments.get("what", ())),
        "requested": when(job.requested_at),
        "by": job.request.requested_by,
        "started": when(job.started_at),
        "ended": when(job.ended_at),
        "progress": job_views.progress_line(job),
        "now": job.progress.words,
        "attempts": job.attempts,
        **job_views.outcome(job),
        "awaited": job_views.awaited_words(job, awaited),
        "error": None if job.error is None else f"{job.error.message} ({job.error.code})",
    }


def _wait_for_job(worker: Worker, poll: float, leaves: Callable[[], bool]) -> bool:
    """Wait for a job; return False if there is none and the worker should end."""
    while not worker.waiting():
        if leaves():
            return False
        time.sleep(poll)
    return True


def _work(worker: Worker, end_request: EndRequest, *, as_json: bool = False) -> None:
    """Run all jobs in the queue, and report how each ended."""
    from lineament.views import jobs as job_views

    worker.ending = lambda: end_request.requested
    while (job := worker.run_one()) is not None:
        if as_json:
            _log_end(job)
            continue
        error = f": {job.error.message}" if job.error is not None else ""
        say(f"{job_views.title(job)} ({job.id}): {job_views.standing(job)}{error}", err=True)


def _log_end(job: Job) -> None:
    """Write how a job ended as one event, without what it was about."""
    import logging

    from lineament.observe.logs import facts

    known = facts(job=job.id, kind=job.request.kind, status=job.state.value)
    known |= {} if job.error is None else facts(code=job.error.code)
    logging.getLogger(__name__).log(logging.INFO if job.error is None else logging.ERROR, "a job ended", extra=known)
