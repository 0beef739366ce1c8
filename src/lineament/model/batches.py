"""Photographs that are searched one after another: what a table of them may say."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lineament.errors import InvalidValue
from lineament.model.search import DECLARED, ProbeKind

COLUMNS = ("file", "face", "page", "kind", "reason")
"""The columns of a table of photographs; only the first is required."""
MOST_LINES = 10_000
"""Most photographs of a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """One photograph of a batch; what is None is as for all of them."""

    file: str
    face: int | None = None  # from 1
    page: int | None = None  # which picture of the file, from 1
    kind: ProbeKind | None = None
    reason: str | None = None
    line: int | None = None  # of the table, from 1; None: it comes from a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongLine:
    """A line of a table that cannot be used, and why."""

    line: int
    why: str


def read_table(untrusted: str) -> tuple[Sequence[BatchLine], Sequence[WrongLine]]:
    """Return the lines of a CSV table, and those that are wrong. Raises InvalidValue if it is no such table."""
    rows = csv.reader(io.StringIO(untrusted.removeprefix("\ufeff"), newline=""), strict=True)
    lines: list[BatchLine] = []
    wrong: list[WrongLine] = []
    try:
        columns = _columns(next(rows, []))
        for row in rows:
            if not any(map(str.strip, row)):
                continue
            try:
                lines.append(_line(row, columns, rows.line_num))
            except ValueError as error:
                wrong.append(WrongLine(line=rows.line_num, why=str(error)))
            if len(lines) + len(wrong) > MOST_LINES:
                raise _no_table(f"it has more than {MOST_LINES:,} lines")
    except csv.Error as error:
        raise _no_table(f"line {rows.line_num} cannot be read ({error})") from None
    if not lines and not wrong:
        raise _no_table("it names no photograph")
    return lines, wrong


def _columns(header: Sequence[str]) -> list[str]:
    names = [name.strip().lower() for name in header]
    if unknown := [name for name in names if name not in COLUMNS]:
        raise _no_table(f"the column “{unknown[0][:40]}” is not known; known are {', '.join(COLUMNS)}")
    if "file" not in names or len(set(names)) < len(names):
        raise _no_table("it needs the column file, and no column twice")
    return names


def _line(row: Sequence[str], columns: Sequence[str], number: int) -> BatchLine:
    """Return one line. Raises ValueError, which says what is wrong with it."""
    if len(row) != len(columns):
        raise ValueError(f"it has {len(row)} columns instead of {len(columns)}")
    said = {name: text.strip() for name, text in zip(columns, row, strict=True) if text.strip()}
    if "file" not in said or "\0" in said["file"]:
        raise ValueError("it names no file")
    kind = said.get("kind")
    if kind is not None and kind not in DECLARED:
        raise ValueError(f"the kind “{kind[:40]}” is none of {', '.join(DECLARED)}")
    return BatchLine(
        file=said["file"],
        face=_whole(said, "face"),
        page=_whole(said, "page"),
        kind=None if kind is None else ProbeKind(kind),
        reason=said.get("reason"),
        line=number,
    )


def _whole(said: dict[str, str], name: str) -> int | None:
    text = said.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) >= 1):
        raise ValueError(f"the {name} “{text[:20]}” is no whole number from 1")
    return int(text)


def _no_table(why: str) -> InvalidValue:
    return InvalidValue(what="The table of photographs", value="…", why=why, field="batch")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBatch:
    """Photographs of a case that are sent together and searched one after another."""

    id: str
    case: str
    case_key: str
    made_at: datetime
    kind: ProbeKind | None
    reason: str | None = None  # this and the rest are None until it is searched
    settings: Mapping[str, Any] | None = None  # JSON: sources, since, until, limit, mode
    started_at: datetime | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchedPhotograph:
    """One photograph of a batch, and what became of it."""

    id: str
    position: int  # from 1
    name: str  # of the file
    why: str  # why it is not searched; empty: nothing is against it
    probe_id: str | None  # None: it could not be read
    face: int | None  # from 1; None: not chosen yet
    search_id: str | None

    @property
    def waits(self) -> bool:
        """Whether it can be searched and was not yet."""
        return self.probe_id is not None and self.face is not None and self.search_id is None
