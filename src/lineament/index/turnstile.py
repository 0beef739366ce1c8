"""A lock for many readers or one writer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager


class Turnstile:
    """Admits any number of readers together, or one writer alone. A waiting writer goes before new readers.

    It is not reentrant for either.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._readers = 0
        self._writers_waiting = 0
        self._writing = False
        self._reading = _Reading(self)

    def reading(self) -> AbstractContextManager[None]:
        """Hold it as a reader, once no writer is in or waiting."""
        return self._reading

    def enter(self) -> None:
        """Begin to hold it as a reader."""
        with self._lock:
            while self._writing or self._writers_waiting:
                self._changed.wait()
            self._readers += 1

    def leave(self) -> None:
        """Hold it as a reader no more."""
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold it as the only writer, once no one else is in."""
        with self._changed:
            self._writers_waiting += 1
            try:
                self._changed.wait_for(lambda: not self._writing and not self._readers)
            finally:
                self._writers_waiting -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()


class _Reading(AbstractContextManager[None]):
    """Holds a turnstile as a reader; a search of many sources does so once for each."""

    def __init__(self, turnstile: Turnstile) -> None:
        self._turnstile = turnstile

    def __enter__(self) -> None:
        self._turnstile.enter()

    def __exit__(self, *error: object) -> None:
        self._turnstile.leave()
