"""Long work on indexes, in a thread of its own, so that no search waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lineament.model.sources import Source
from lineament.observe.logs import facts
from lineament.observe.stages import Stage, error_code, stage

log = logging.getLogger(__name__)

Asked = tuple[Source, str]
"""A source and a model: their index."""


class Beside:
    """Works on one index after another, each of which is asked for as often as anybody likes."""

    def __init__(self, work: Callable[[Asked, threading.Event], None]) -> None:
        """``work`` ends early once the event is set."""
        self._work = work
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="indexes")
        self._waiting: set[tuple[int, str]] = set()
        self._lock = threading.Lock()
        self._leave = threading.Event()

    def ask(self, asked: Asked) -> None:
        """Have an index worked on, unless it is waiting for that already."""
        source, model = asked
        with self._lock:
            if (source.id, model) not in self._waiting and not self._leave.is_set():
                self._waiting.add((source.id, model))
                self._threads.submit(self._do, asked)

    def close(self) -> None:
        """End the work, and what waits for it."""
        with self._lock:
            self._leave.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _do(self, asked: Asked) -> None:
        source, model = asked
        try:
            if not self._leave.is_set():
                with stage(Stage.FOLLOW):
                    self._work(asked, self._leave)
        except Exception as error:  # noqa: BLE001 - the next search asks again, and says what it did not compare
            log.log(logging.ERROR, "an index could not catch up", extra=facts(code=error_code(error)))
        finally:
            with self._lock:
                self._waiting.discard((source.id, model))
