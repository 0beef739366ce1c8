"""Processors that are idle help with a picture.

A single search is done sooner; an ingest leaves none idle, and takes no longer. Only whole inferences are shared
out, so a result never depends on whether anybody helped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from lineament.observe.stages import carried

T = TypeVar("T")
R = TypeVar("R")


class Spare:
    """Counts the threads at work, and lends threads while there are fewer than processors. Thread-safe."""

    def __init__(self, processors: int) -> None:
        """Start no thread yet; with one processor nobody ever helps."""
        self._processors = processors
        self._at_work = 0
        self._lock = Lock()
        self._helpers = ThreadPoolExecutor(max(1, processors - 1), thread_name_prefix="help")

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count this thread as one at work."""
        with self._lock:
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Return the function of each item, in order; the calls run at once as far as processors are idle."""
        lent = self._lend(len(items) - 1)
        if not lent:
            return [function(item) for item in items]
        results: dict[int, R] = {}
        left = iter(range(len(items)))

        def work() -> None:
            for at in left:
                results[at] = function(items[at])

        def help_out() -> None:
            try:
                work()
            finally:
                self._return(1)

        helped = carried(help_out)
        helpers = [self._helpers.submit(helped) for _ in range(lent)]
        try:
            work()
        finally:
            for helper in helpers:
                helper.result()
        return [results[at] for at in range(len(items))]

    def is_any(self) -> bool:
        """Return whether somebody could help now."""
        return self._at_work < self._processors

    def submit(self, function: Callable[[], object]) -> None:
        """Let a helper do something for later, whose errors nobody waits for."""
        self._helpers.submit(function)

    def close(self) -> None:
        """Wait for the helpers, then end their threads; nobody helps any more."""
        with self._lock:
            self._processors = 0
        self._helpers.shutdown()

    def _lend(self, wanted: int) -> int:
        """Return how many helpers may be had, at most as many as wanted; they count as at work."""
        with self._lock:
            lent = max(0, min(wanted, self._processors - self._at_work))
            self._at_work += lent
        return lent

    def _return(self, helpers: int) -> None:
        with self._lock:
            self._at_work -= helpers
