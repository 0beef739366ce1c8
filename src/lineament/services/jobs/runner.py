"""Runs a claimed job in this process: renews its lease, writes its progress, and interrupts it on request."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from types import FrameType
from typing import Any, TypeVar

from lineament.errors import Interrupted, LineamentError
from lineament.model.jobs import LEASE, Job, JobError, JobProgress
from lineament.services.jobs.ended import tell_ended
from lineament.services.jobs.kinds import Report
from lineament.services.record import Record
from lineament.store.db import Tx

T = TypeVar("T")

CHECK_EVERY = 1.0
"""Seconds between two checks for a request to stop."""
WRITE_EVERY = 2.0
"""Least seconds between two writes of the progress."""
RENEW_EVERY = LEASE.total_seconds() / 4
"""Seconds after which a lease is renewed even without new progress."""


class Supervision:
    """Watches one running job from its own thread."""

    def __init__(self, record: Record, job: Job) -> None:
        assert job.worker is not None  # noqa: S101 - it was claimed
        self._record, self._job, self._worker = record, job, job.worker
        self._progress = self._written = job.progress
        self._written_at = time.monotonic()
        self._over = threading.Event()
        self._failure: Exception | None = None
        self._interrupting = _Interruption()
        self.stopping = False  # a stop was requested
        self.lost = False  # another worker holds the job, or it no longer exists

    def report(self, progress: JobProgress) -> None:
        """Note the progress of the job. Raises KeyboardInterrupt if a stop was requested and not raised yet."""
        self._progress = progress
        if self.stopping or self.lost:
            raise KeyboardInterrupt

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the job during the block; afterwards nothing of it uses the store any more.

        Raises what ended the watch early: without it nobody renews the lease, so the work was interrupted.
        """
        thread = threading.Thread(target=self._watch, name=f"job {self._job.id}", daemon=True)
        thread.start()
        try:
            with self._interrupting:
                yield
        finally:
            self._over.set()
            thread.join()
            if self._failure is not None:
                raise self._failure

    def _watch(self) -> None:
        while not self._over.wait(CHECK_EVERY):
            try:
                wanted = self._check()
            except LineamentError:  # the database is busy or unreachable; the lease outlasts that
                continue
            except Exception as error:  # noqa: BLE001 - raised by watching()
                self._failure, self.lost, wanted = error, True, False
            if not wanted:
                self._interrupting.interrupt()
                return

    def _check(self) -> bool:
        """Renew the lease if it is due; return whether the job should continue."""
        silence = time.monotonic() - self._written_at
        if silence >= RENEW_EVERY or (silence >= WRITE_EVERY and self._progress != self._written):
            self._renew()
        with self._record.read() as tx:
            stop = tx.jobs.stop_requested(self._job.id, self._worker)
        self.stopping, self.lost = stop is True, stop is None
        return stop is False

    def _renew(self) -> None:
        progress = self._progress
        with self._record.begin() as tx:
            tx.jobs.renew(self._job.id, self._worker, progress, self._record.clock())
        self._written, self._written_at = progress, time.monotonic()

    def end(self, write: Callable[[Tx, str, datetime], bool]) -> None:
        """Write the last progress and the outcome, unless the job was lost."""
        at = self._record.clock()
        with self._record.begin() as tx:
            if tx.jobs.renew(self._job.id, self._worker, self._progress, at):
                write(tx, self._worker, at)
                tell_ended(tx, self._job.id, at)


class _Interruption:
    """Raises KeyboardInterrupt in the main thread, like Ctrl-C, but only during the block.

    The handler stays installed afterwards and does nothing: a late signal must not end the process.
    """

    def __init__(self) -> None:
        self._open = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGUSR1, self._raise)
            self._open = True

    def __exit__(self, *error: object) -> None:
        self._open = False

    def interrupt(self) -> None:
        """Interrupt the main thread, whatever it waits for; a job in another thread ends at its next report."""
        main = threading.main_thread().ident
        if self._open and main is not None:
            signal.pthread_kill(main, signal.SIGUSR1)

    def _raise(self, _number: int, _frame: FrameType | None) -> None:
        if self._open:
            self._open = False
            raise KeyboardInterrupt


def run(
    record: Record,
    job: Job,
    act: Callable[[Report], T],
    result: Callable[[T], Mapping[str, Any]],
    *,
    hands_back: Callable[[], bool] = lambda: False,
) -> T:
    """Run a job that this process claimed, and record how it ended.

    Args:
        record: The record in the name of the job's official.
        job: The claimed job.
        act: Does the work; takes the function that receives its progress.
        result: Turns the value of ``act`` into the stored result.
        hands_back: Whether an interruption hands the job to another worker instead of stopping it.

    Raises:
        KeyboardInterrupt or Interrupted: It was interrupted or stopped. What it committed is kept.
        Exception: Whatever ``act`` raised; the job has failed.
    """
    watch = Supervision(record, job)
    try:
        with watch.watching():
            answer = act(watch.report)
        watch.end(lambda tx, worker, at: tx.jobs.finish(job.id, worker, result(answer), at))
    except (KeyboardInterrupt, Interrupted):
        if watch.stopping or not hands_back():
            watch.end(lambda tx, worker, at: tx.jobs.stop(job.id, worker, at))
        else:
            watch.end(lambda tx, worker, _: tx.jobs.hand_back(job.id, worker))
        raise
    except Exception as error:
        why = _reason(error)
        with suppress(LineamentError):  # the first error matters more; the lease expires by itself
            watch.end(lambda tx, worker, at: tx.jobs.fail(job.id, worker, why, at))
        raise
    return answer


def _reason(error: Exception) -> JobError:
    """Return what is stored of an error: no traceback, and only the class name of an unforeseen one."""
    known = error if isinstance(error, LineamentError) else LineamentError(detail=type(error).__name__)
    return JobError(code=known.code, message=str(known))
