"""JSON becomes frozen values: fields of a later server are left out, and what a value needs must be there."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from lineament.client.problems import UnexpectedAnswer

T = TypeVar("T")


def parsed(kind: type[T], value: object) -> T:
    """Return a value of a kind: a dataclass, ``tuple[X, ...]``, ``dict[str, X]``, ``X | None``, a moment or plain JSON.

    Raises UnexpectedAnswer if the JSON is of another form.
    """
    return cast("T", _value(kind, value, kind.__name__ if isinstance(kind, type) else str(kind)))


def loaded(content: str | bytes, message: str) -> Any:
    """Return what JSON says. Raises UnexpectedAnswer with this message if it is not JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise UnexpectedAnswer(message) from None


def _value(kind: Any, value: Any, place: str) -> Any:
    if is_dataclass(kind):
        return _dataclass(kind, value, place)
    origin = get_origin(kind)
    if origin is not None:
        return _of_several(origin, get_args(kind), value, place)
    if kind in {datetime, date}:
        return _moment(kind, value, place)
    if kind is float and type(value) is int:
        return float(value)
    return value if kind is Any else _checked(kind, value, place)


def _of_several(origin: Any, inner: tuple[Any, ...], value: Any, place: str) -> Any:
    if origin is tuple:
        return tuple(_value(inner[0], each, place) for each in _checked(list, value, place))
    if origin is dict:
        return {name: _value(inner[1], each, place) for name, each in _checked(dict, value, place).items()}
    return _of_union(inner, value, place)


def _of_union(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    (kind,) = (kind for kind in kinds if kind is not type(None))
    return _value(kind, value, place)


def _dataclass(kind: Any, value: Any, place: str) -> Any:
    known = _checked(dict, value, place)
    given = {}
    for name, (of_field, is_needed) in _fields(kind).items():
        if name in known:
            given[name] = _value(of_field, known[name], f"{place}.{name}")
        elif is_needed:
            raise UnexpectedAnswer(f"{place} has no “{name}”; is this client older or newer than the server?")
    return kind(**given)


@cache
def _fields(kind: type[Any]) -> dict[str, tuple[Any, bool]]:
    """Return the type of each field of a dataclass, and whether it has to be there."""
    hints = get_type_hints(kind)
    needed = {each.name: each.default is MISSING and each.default_factory is MISSING for each in fields(kind)}
    return {name: (hints[name], is_needed) for name, is_needed in needed.items()}


def _moment(kind: type[date], value: Any, place: str) -> date:
    try:
        return kind.fromisoformat(_checked(str, value, place))
    except ValueError:
        raise UnexpectedAnswer(f"{place} is no moment in ISO 8601") from None


def _checked(kind: Any, value: Any, place: str) -> Any:
    if type(value) is not kind:
        raise UnexpectedAnswer(f"{place} is of another form than this client knows")
    return value
