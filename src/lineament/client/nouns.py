"""Methods that are written once, as requests or as steps, and serve both clients."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from lineament.client.requests import Request
from lineament.client.steps import Steps, Telling, result
from lineament.client.transports import AwaitingTransport, WaitingTransport

P = ParamSpec("P")
T = TypeVar("T")
Transport = TypeVar("Transport", bound=WaitingTransport | AwaitingTransport)


class Noun(Generic[Transport]):
    """A kind of thing that a server has, such as cases.

    Its methods return values in a ``Client``, and awaitables in an ``AsyncClient``.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport: Transport = transport


class Walked(Generic[P, T]):
    """A method that is written as steps to a result."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        self._steps = steps
        self.__doc__ = steps.__doc__

    @overload
    def __get__(self, noun: Noun[WaitingTransport], owner: object = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, noun: Noun[AwaitingTransport], owner: object = None) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, noun: None, owner: object = None) -> Walked[P, T]: ...
    def __get__(self, noun: Any, owner: object = None) -> Any:
        if noun is None:
            return self

        @functools.wraps(self._steps)
        def method(*arguments: P.args, **named: P.kwargs) -> Any:
            return noun._transport.perform(self._steps(noun, *arguments, **named))  # noqa: SLF001 - of this module

        return method


class Iterated(Generic[P, T]):
    """A method that is written as steps that tell items."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Telling[T]]) -> None:
        self._steps = steps
        self.__doc__ = steps.__doc__

    @overload
    def __get__(self, noun: Noun[WaitingTransport], owner: object = None) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, noun: Noun[AwaitingTransport], owner: object = None) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, noun: None, owner: object = None) -> Iterated[P, T]: ...
    def __get__(self, noun: Any, owner: object = None) -> Any:
        if noun is None:
            return self

        @functools.wraps(self._steps)
        def method(*arguments: P.args, **named: P.kwargs) -> Any:
            return noun._transport.iterate(self._steps(noun, *arguments, **named))  # noqa: SLF001 - of this module

        return method


def asked(request: Callable[Concatenate[Any, P], Request[T]]) -> Walked[P, T]:
    """Make a method that sends one request and returns what the answer says. It raises Problem."""

    def steps(noun: Any, /, *arguments: P.args, **named: P.kwargs) -> Steps[T]:
        return (yield from result(request(noun, *arguments, **named)))

    functools.update_wrapper(steps, request)
    return Walked(steps)


def walked(steps: Callable[Concatenate[Any, P], Steps[T]]) -> Walked[P, T]:
    """Make a method that takes several steps to its result."""
    return Walked(steps)


def told(steps: Callable[Concatenate[Any, P], Telling[T]]) -> Iterated[P, T]:
    """Make a method that yields items as they come."""
    return Iterated(steps)
