"""The base class of events: their action, and their details, which the ledger stores as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import Any, ClassVar, Self, dataclass_transform, get_args, get_type_hints

from lineament.model.actions import Action

JSON = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Event:
    """An event that the ledger records.

    A subclass names its action (``class CaseClosed(Event, action=Action.CASE_CLOSED)``) and is a frozen, keyword-only
    dataclass. Its fields are the keys of the stored details, so their names never change. A field without a default
    is always stored, None too; one with a default is stored only if it differs from that.
    """

    action: ClassVar[Action]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls, action: Action) -> None:
        cls.action = action
        dataclass(frozen=True, kw_only=True)(cls)

    def details(self) -> dict[str, JSON]:
        """Return what the ledger stores of it: dates in ISO 8601, tuples as lists."""
        values = [(field, getattr(self, field.name)) for field in fields(self)]
        return {field.name: _to_json(value) for field, value in values if value != field.default}

    @classmethod
    def read(cls, details: Mapping[str, object]) -> Self:
        """Return the event of stored details; keys of other versions are ignored.

        Raises ValueError if a key is missing that is never None, or if a value is not of its kind.
        """
        hints = _hints(cls)  # type: ignore[arg-type]  # a class is hashable, whatever its instances are
        values: dict[str, Any] = {}
        for field in fields(cls):
            if field.name in details:
                values[field.name] = _read(hints[field.name], details[field.name])
            elif field.default is MISSING and type(None) not in get_args(hints[field.name]):
                raise ValueError(f"{cls.__name__} without {field.name}")
            elif field.default is MISSING:
                values[field.name] = None
        return cls(**values)


@cache
def _hints(kind: type[Event]) -> dict[str, Any]:
    return get_type_hints(kind)


def _to_json(value: Any) -> JSON:
    if isinstance(value, date):  # a datetime is a date too
        return value.isoformat()
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    return value  # type: ignore[no-any-return]  # the fields of events hold nothing else but JSON


def _read(hint: Any, value: Any) -> Any:
    kinds = get_args(hint) or (hint,)
    if value is None or isinstance(value, Mapping):
        return value
    if datetime in kinds or date in kinds:
        if not isinstance(value, str):
            raise ValueError(f"no date: {value!r}")
        return datetime.fromisoformat(value) if datetime in kinds else date.fromisoformat(value)
    return _to_tuples(value)


def _to_tuples(value: Any) -> Any:
    return tuple(_to_tuples(item) for item in value) if isinstance(value, list) else value
