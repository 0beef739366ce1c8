"""The stages of the work that are timed, and what is counted: the port that services call.

Nothing is recorded unless an observer was installed; without one a stage costs a look at an empty tuple. A stage and a
count say what was done, never in which case, by whom or with whom.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, Protocol, TypeVar

from lineament.errors import LineamentError

P = ParamSpec("P")
R = TypeVar("R")

UNFORESEEN = "unforeseen"
"""The code of an error that is none of ours."""
INTERRUPTED = "interrupted"
"""The code of an interruption."""
NO_ROUTE = "none"
"""What stands for the template of a request that was refused at the door, or leads nowhere."""


class Stage(StrEnum):
    """A stage that is timed; the value is its name in metrics and traces."""

    REQUEST = "request"
    SEARCH = "search"
    GATE = "gate"
    ANALYSE = "analyse"
    SCAN = "scan"
    SCORE = "score"
    COMMIT = "commit"
    DECODE = "decode"
    DETECT = "detect"
    EMBED = "embed"
    INGEST = "ingest"
    PREPARE = "prepare"
    SEAL = "seal"
    STORE = "store"
    JOB = "job"
    FOLLOW = "follow"  # an index catches up with its store, or is compared with it


class Fact(StrEnum):
    """What may be told of a stage besides its duration: the whole list of attributes."""

    ROUTE = "route"  # the template, never the address
    METHOD = "method"
    STATUS = "status"
    KIND = "kind"  # of a job
    ERROR = "error"  # a code


class Total(StrEnum):
    """What is counted."""

    COMPARED = "faces compared"
    PHOTOGRAPHS = "photographs by outcome"
    ENROLLED = "faces enrolled"
    REFUSED = "photographs refused by code"
    DECODERS = "decoding processes replaced"


class Level(StrEnum):
    """What goes up and down in this process."""

    INGEST_WAITING = "photographs in progress"


class Observer(Protocol):
    """Receives what happens. Its methods are called from any thread, and never raise."""

    def began(self, stage: Stage) -> Any:
        """Note that a stage began; what is returned comes back when it ends."""

    def ended(self, stage: Stage, begun: Any, seconds: float, facts: dict[Fact, str]) -> None:
        """Note that a stage ended; ``facts`` has an error code if it failed."""

    def counted(self, tally: Total, by: int, label: str) -> None:
        """Note a count."""

    def level(self, level: Level, value: int) -> None:
        """Note how high something stands."""


_installed: tuple[Observer, ...] = ()
_NOTHING: AbstractContextManager[None] = nullcontext()


def install(observer: Observer) -> Callable[[], None]:
    """Add an observer of this process; return the function that removes it."""
    global _installed  # noqa: PLW0603 - one process, one list of observers
    _installed = (*_installed, observer)

    def remove() -> None:
        global _installed  # noqa: PLW0603 - as above
        _installed = tuple(other for other in _installed if other is not observer)

    return remove


def observed() -> bool:
    """Return whether anybody observes this process."""
    return bool(_installed)


def stage(which: Stage, facts: dict[Fact, str] | None = None) -> AbstractContextManager[object]:
    """Time a block; ``facts`` may be filled until it ends."""
    return _Timed(which, {} if facts is None else facts) if _installed else _NOTHING


def timed(which: Stage) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Time every call of a function."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if not _installed:
                return function(*args, **kwargs)
            with _Timed(which, {}):
                return function(*args, **kwargs)

        return call

    return decorate


def count(tally: Total, by: int = 1, label: str = "") -> None:
    """Count something."""
    for observer in _installed:
        observer.counted(tally, by, label)


def level(which: Level, value: int) -> None:
    """Say how high something stands."""
    for observer in _installed:
        observer.level(which, value)


def carried(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function for other threads, whose stages belong to the stage that is under way here."""
    if not _installed:
        return function
    here = contextvars.copy_context()

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return here.copy().run(function, *args, **kwargs)

    return call


def error_code(error: BaseException) -> str:
    """Return the code of an error, which says nothing of what it was about."""
    if isinstance(error, LineamentError):
        return error.code
    return UNFORESEEN if isinstance(error, Exception) else INTERRUPTED


class _Timed:
    __slots__ = ("_begun", "_facts", "_observers", "_stage", "_started")

    def __init__(self, which: Stage, facts: dict[Fact, str]) -> None:
        self._stage = which
        self._facts = facts
        self._observers = _installed

    def __enter__(self) -> None:
        self._begun = [observer.began(self._stage) for observer in self._observers]
        self._started = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._started
        if error is not None:
            self._facts[Fact.ERROR] = error_code(error)
        for observer, begun in zip(reversed(self._observers), reversed(self._begun), strict=True):
            observer.ended(self._stage, begun, seconds, self._facts)
