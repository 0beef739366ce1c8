"""Runs a claimed job in this process: renews its lease, shows its progress, and interrupts it when it is to stop."""

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
from lineament.services.jobs.kinds import Report
from lineament.services.record import Record
from lineament.store.db import Tx

T = TypeVar("T")

LOOKS = 1.0
"""Seconds between two looks whether the job is to stop."""
TELLS = 2.0
"""Seconds after which progress is written again."""
RENEWS = LEASE.total_seconds() / 4
"""Seconds after which a lease is renewed even if nothing new is to be told."""


class Watch:
    """Stands by one running job, in a thread of its own."""

    def __init__(self, record: Record, job: Job) -> None:
        assert job.worker is not None  # noqa: S101 - it was claimed
        self._record, self._job, self._worker = record, job, job.worker
        self._progress = self._told = job.progress
        self._told_at = time.monotonic()
        self._over = threading.Event()
        self._interrupting = _Interruption()
        self.stopping = False  # somebody asked for it
        self.lost = False  # another worker has it, or it is gone

    def report(self, progress: JobProgress) -> None:
        """Note how far the job is. KeyboardInterrupt if it is to stop and has not been interrupted yet."""
        self._progress = progress
        if self.stopping or self.lost:
            raise KeyboardInterrupt

    @contextmanager
    def standing_by(self) -> Iterator[None]:
        """Watch over the job as long as the block lasts."""
        thread = threading.Thread(target=self._watch, name=f"job {self._job.id}", daemon=True)
        with self._interrupting:
            thread.start()
            try:
                yield
            finally:
                self._over.set()
        thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOKS):
            try:
                wanted = self._look()
            except LineamentError:  # the database is busy or away; the lease lasts longer than that
                continue
            if not wanted:
                self._interrupting.interrupt()
                return

    def _look(self) -> bool:
        """Renew the lease if it is time; whether the job is to go on."""
        silence = time.monotonic() - self._told_at
        if silence >= RENEWS or (silence >= TELLS and self._progress != self._told):
            self._renew()
        with self._record.read() as tx:
            stop = tx.jobs.stop_requested(self._job.id, self._worker)
        self.stopping, self.lost = stop is True, stop is None
        return stop is False

    def _renew(self) -> None:
        progress = self._progress
        with self._record.store.begin() as tx:
            tx.jobs.renew(self._job.id, self._worker, progress, self._record.clock())
        self._told, self._told_at = progress, time.monotonic()

    def end(self, write: Callable[[Tx, str, datetime], bool]) -> None:
        """Write the last progress and how the job ended, unless it was lost."""
        at = self._record.clock()
        with self._record.store.begin() as tx:
            if tx.jobs.renew(self._job.id, self._worker, self._progress, at):
                write(tx, self._worker, at)


class _Interruption:
    """Raises KeyboardInterrupt in the main thread, as Ctrl-C would, and only as long as the block lasts.

    The handler stays installed afterwards and does nothing: a signal that comes late must not end the process.
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
        """Wake the main thread, whatever it waits for; in another thread the next report does it."""
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
    """Run a job that this process claimed, and write down how it ended.

    Args:
        record: In whose name.
        job: As it was claimed.
        act: Does the work; is given what hears of its progress.
        result: What is kept of the answer.
        hands_back: Whether an interruption means that another worker is to go on, and not that the job is stopped.

    Raises:
        KeyboardInterrupt or Interrupted: It was interrupted, or asked to stop. What it committed is kept.
        Exception: Whatever the work raised; the job has failed.
    """
    watch = Watch(record, job)
    try:
        with watch.standing_by():
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
        with suppress(LineamentError):  # the first error says more; the lease runs out by itself
            watch.end(lambda tx, worker, at: tx.jobs.fail(job.id, worker, why, at))
        raise
    return answer


def _reason(error: Exception) -> JobError:
    """What is kept of an error: no traceback, and nothing of one that nobody foresaw but its name."""
    known = error if isinstance(error, LineamentError) else LineamentError(detail=type(error).__name__)
    return JobError(code=known.code, message=str(known))
