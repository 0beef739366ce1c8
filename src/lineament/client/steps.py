"""What a client does, step by step and without doing it: generators that both transports follow in their own way.

A generator yields a step, is sent what came of it, and returns its result. So each call is written once, whether
those who use it wait for it or await it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from lineament.client.parsing import parsed
from lineament.client.problems import ClientError, UnexpectedAnswer, Unreachable
from lineament.client.requests import Answer, Request

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MOST_AT_ONCE = 200
"""Items that are asked for at once when a list is read."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request, again if it makes sense; gives the Answer."""

    request: Request[Any]


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request once; gives the Answer, or fails with Unreachable."""

    request: Request[Any]


@dataclass(frozen=True, slots=True)
class Listen:
    """Send a request whose answer goes on and on; gives an Answer without a body, or with it if it is no success."""

    request: Request[Any]


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait for more of an answer that goes on; gives bytes, or None at its end."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Aside:
    """Do something that blocks, such as reading a file; gives what it returns."""

    act: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Tell(Generic[T_co]):
    """Hand an item to whoever iterates."""

    item: T_co


Step: TypeAlias = Ask | Send | Listen | Hear | Pause | Aside
Steps: TypeAlias = Generator[Step, Any, T]
"""Steps to a result."""
Telling: TypeAlias = Generator[Step | Tell[T], Any, None]
"""Steps that hand out items on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPart:
    """A part of a list."""

    items: tuple[Any, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often, and how slowly, a request is repeated that was not answered or was put off."""

    repeats: int = 4
    """Most times that a request is sent again."""
    first: float = 0.5
    """Seconds before the first repetition; they double each time, and vary so that clients do not come together."""
    longest: float = 60.0
    """Most seconds before one; a server that wants more is not asked again, and its problem is raised."""

    def pause(self, repeated: int, asked: float | None) -> float | None:
        """Return the seconds to wait before the next repetition; None if there is none."""
        if repeated >= self.repeats or (asked is not None and asked > self.longest):
            return None
        grown: float = min(self.longest, self.first * 2**repeated) * (0.5 + secrets.randbelow(1001) / 2000)
        return max(asked or 0.0, grown)


_UNDER_WAY = 409
"""With Retry-After: the request was sent before, its answer was lost, and the server is still at it."""
_MOST_WAITS = 300
_PUT_OFF = frozenset({429, 502, 503, 504})


def exchange(request: Request[Any], patience: Patience) -> Steps[Answer]:
    """Send a request until it is answered for good."""
    if not request.may_be_repeated:
        patience = replace(patience, repeats=0)
    repeated = waited = 0
    while True:
        try:
            answer: Answer = yield Send(request)
        except Unreachable:
            pause = patience.pause(repeated, None)
            if pause is None:
                raise
        else:
            asked = answer.retry_after
            if answer.is_success or (asked is None and answer.status not in _PUT_OFF):
                return answer
            if answer.status == _UNDER_WAY and waited < _MOST_WAITS and asked is not None and asked <= patience.longest:
                waited += 1
                yield Pause(asked)
                continue
            pause = patience.pause(repeated, asked)
            if pause is None:
                return answer
        yield Pause(pause)
        repeated += 1


def result(request: Request[T]) -> Steps[T]:
    """Ask, and return what the answer says. Raises Problem."""
    answer: Answer = yield Ask(request)
    answer.check()
    return request.read(answer)


def pages(item: Request[T]) -> Telling[T]:
    """Tell every item of a list, however many parts it has; ``item`` is a request whose answer would be one of them."""
    after: str | None = ""
    while after is not None:
        more = {"limit": str(MOST_AT_ONCE)} | ({"after": after} if after else {})
        asked = replace(item, query={**item.query, **more})
        answer: Answer = yield Ask(asked)
        answer.check()
        part = parsed(ListPart, answer.json())
        for each in part.items:
            yield Tell(parsed(item.kind, each))
        if part.next == after:
            raise UnexpectedAnswer("a list goes round in a circle")
        after = part.next


class Walk(Generic[T]):
    """A generator of steps on its way: ``step`` is what to do next, None once there is a result."""

    def __init__(self, steps: Generator[Step | Tell[Any], Any, T]) -> None:
        self._steps = steps
        self.step: Step | Tell[Any] | None = None
        self._result: list[T] = []
        self.give(None)

    @property
    def result(self) -> T:
        """What it came to."""
        return self._result[0]

    def give(self, came: Any) -> None:
        """Go on with what came of a step."""
        self._advance(lambda: self._steps.send(came))

    def fail(self, error: ClientError) -> None:
        """Go on with what went wrong in a step."""
        self._advance(lambda: self._steps.throw(error))

    def _advance(self, onward: Callable[[], Step | Tell[Any]]) -> None:
        try:
            self.step = onward()
        except StopIteration as ended:
            self.step = None
            self._result.append(ended.value)


def last_of(telling: Telling[T]) -> Steps[T]:
    """Follow steps that tell at least one item, and return the last."""
    walk, found = Walk(telling), list[T]()
    while (step := walk.step) is not None:
        if isinstance(step, Tell):
            found = [step.item]
            walk.give(None)
            continue
        try:
            came = yield step
        except ClientError as error:
            walk.fail(error)
        else:
            walk.give(came)
    return found[0]
