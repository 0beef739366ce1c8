"""Entries of the ledger as pages show them: a sentence each, grouped by day, with the recorded fields below it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from markupsafe import Markup

from lineament.model.actions import VIEWS
from lineament.model.cases import TimelineEntry
from lineament.model.events.catalogue import read_event
from lineament.services.audit import LedgerEntry
from lineament.web.phrases import short
from lineament.web.sentences import Names, sentence_of
from lineament.web.sentences.base import plain_action

_MAX_SHOWN = 120
_DIGEST = re.compile(r"[0-9a-f]{32,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """An entry as a page shows it."""

    seq: int
    at: datetime
    who: str  # empty if the details were erased
    words: Markup  # after the name of whoever did it
    reading: bool  # somebody only looked
    erased: bool
    fields: tuple[tuple[str, str, str], ...]  # name, value as shown, whole value
    commitment: str  # of the entry, hexadecimal


def ledger_line(entry: LedgerEntry, names: Names) -> EntryLine:
    """Return an entry of the ledger."""
    details: dict[str, Any] = {} if entry.details is None else json.loads(entry.details)
    who = str(details.pop("actor", ""))
    event = None if entry.details is None else read_event(entry.action, details)
    return EntryLine(
        seq=entry.seq,
        at=entry.at,
        who=who,
        words=plain_action(entry.action) if event is None else sentence_of(event, names),
        reading=entry.action in VIEWS,
        erased=entry.details is None,
        fields=_fields(details),
        commitment=entry.commitment.hex(),
    )


def timeline_line(entry: TimelineEntry, names: Names) -> EntryLine:
    """Return a line of a case's timeline."""
    return EntryLine(
        seq=entry.seq,
        at=entry.at,
        who=entry.actor,
        words=plain_action(entry.action) if entry.event is None else sentence_of(entry.event, names),
        reading=entry.action in VIEWS,
        erased=entry.event is None and not entry.details,
        fields=_fields(entry.details),
        commitment=entry.commitment,
    )


def by_day(lines: Iterable[EntryLine]) -> list[tuple[str, list[EntryLine]]]:
    """Return lines by the day of this machine's time zone, as they come."""
    return [(day, list(of_day)) for day, of_day in groupby(lines, lambda line: f"{line.at.astimezone():%Y-%m-%d}")]


# ---------------------------------------------------------------- the recorded fields


def _fields(details: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    names = [name for name, value in details.items() if value not in (None, "", [], {})]
    shown = [(name.replace("_", " "), _value_text(name, details[name])) for name in names]
    return tuple((name, _shorten(whole), whole) for name, whole in shown)


def _value_text(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return _list_text(name, value)
    if isinstance(value, dict):
        return _dict_text(name, value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _list_text(name: str, value: list[Any]) -> str:
    lengths = {len(item) if isinstance(item, list) else 0 for item in value}
    if name == "candidates" and lengths == {3}:
        return "; ".join(f"rank {rank} face {face} score {score:.3f}" for rank, face, score in value)
    if name == "shown" and lengths == {4}:
        return "; ".join(f"rank {rank} {short(digest or 'erased')} {source or ''}" for rank, digest, _, source in value)
    if all(isinstance(item, str | int) for item in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def _dict_text(name: str, value: dict[str, Any]) -> str:
    if name in {"rows", "lists"}:
        return ", ".join(value)
    if all(isinstance(item, int) for item in value.values()):
        return ", ".join(f"{count} {counted.replace('_', ' ')}" for counted, count in value.items())
    return json.dumps(value, ensure_ascii=False)


def _shorten(whole: str) -> str:
    if _DIGEST.fullmatch(whole):
        return short(whole)
    return whole if len(whole) <= _MAX_SHOWN else f"{whole[:_MAX_SHOWN]}…"
