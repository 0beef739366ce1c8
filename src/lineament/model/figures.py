"""Figures for everybody: counts of a quarter, rounded and withheld so that nobody can be told from them (R37, R46).

docs/reference/figures.md states the rule and why nothing more can be computed. In short: a count is told to the ten;
every quarter is told once and never again; there are no totals; a table whose remainders, which the rounding hides, are
too few or too many is withheld; and of several agencies together a cell is told only if three of them share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

BASE = 10
"""Counts are told to this."""
HIDDEN = BASE - 1
"""What rounding hides of one count at most."""
LEAST_AGENCIES = 3
"""Agencies that must share a cell of ten or more."""
OTHERS = "all others"
"""The cell into which those go that are not told by themselves."""

Table = Mapping[str, int]
"""Counts by cell; the cells are always the same, so that none is missing because it is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterCounts:
    """The true counts of one agency in a quarter. They leave the service only rounded."""

    tables: Mapping[str, Table]  # each divides the same searches
    single: Mapping[str, int]  # counts that are no part of another


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is told of a quarter: each number is the ten below the true count."""

    quarter: date  # its first day
    tables: Mapping[str, Table] = field(default_factory=dict)
    single: Table = field(default_factory=dict)
    withheld: tuple[str, ...] = ()  # names of tables and counts that are not told

    def to_json(self) -> dict[str, Any]:
        """Return the figures as they are stored, and as anybody may have them."""
        return {
            "quarter": self.quarter.isoformat(),
            "tables": {name: dict(table) for name, table in self.tables.items()},
            "single": dict(self.single),
            "withheld": list(self.withheld),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Figures:
        """Return the figures that were stored."""
        return cls(
            quarter=date.fromisoformat(stored["quarter"]),
            tables=stored["tables"],
            single=stored["single"],
            withheld=tuple(stored["withheld"]),
        )


def told(count: int) -> str:
    """Return a number of the figures in words."""
    return f"{count:,} to {count + HIDDEN:,}" if count else f"fewer than {BASE}"


def quarter_of(day: date) -> date:
    """Return the first day of the quarter of a day."""
    return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)


def next_quarter(quarter: date) -> date:
    """Return the first day of the quarter that follows."""
    return quarter_of(date(quarter.year + quarter.month // 10, (quarter.month + 2) % 12 + 1, 1))


def figures_of_agency(quarter: date, counts: QuarterCounts) -> Figures:
    """Return what an agency tells of its own quarter."""
    tables = {name: _rounded(table) for name, table in counts.tables.items() if _hides_enough(table)}
    withheld = tuple(name for name in counts.tables if name not in tables)
    return Figures(quarter=quarter, tables=tables, single=_rounded(counts.single), withheld=withheld)


def figures_of_all(quarter: date, counts: Mapping[str, QuarterCounts], known: frozenset[str] = frozenset()) -> Figures:
    """Return what is told of several agencies together, so that no agency's own counts can be told from it.

    ``known`` are the agencies that tell their own figures of this quarter: what they add can be taken away again.
    """
    every, unknown = list(counts.values()), [its for agency, its in counts.items() if agency not in known]
    tables, withheld = {}, []
    for name in every[0].tables if every else ():
        cells = list(every[0].tables[name])
        joined = _joined(cells, [its.tables[name] for its in unknown])
        if joined is None:
            withheld.append(name)
            continue
        table = {cell: sum(its.tables[name][part] for its in every for part in parts) for cell, parts in joined.items()}
        if _hides_enough(table):
            tables[name] = _rounded(table)
        else:
            withheld.append(name)
    single = {}
    for name in every[0].single if every else ():
        if _shared([its.single[name] for its in unknown]):
            single[name] = sum(its.single[name] for its in every)
        else:
            withheld.append(name)
    return Figures(quarter=quarter, tables=tables, single=_rounded(single), withheld=tuple(withheld))


def _rounded(table: Table) -> Table:
    return {cell: count - count % BASE for cell, count in table.items()}


def _hides_enough(table: Table) -> bool:
    """Return whether even somebody who knows the exact total learns nothing about a cell beyond its ten.

    The remainders add up to R. A cell can have any remainder from 0 to 9 exactly if the others can make up the rest:
    if 9 <= R <= 9 (n - 1) for n cells.
    """
    hidden = sum(count % BASE for count in table.values())
    return HIDDEN <= hidden <= HIDDEN * (len(table) - 1)


def _shared(counts: Sequence[int]) -> bool:
    """Return whether a sum of the counts of agencies can be told: three share it.

    Without the two largest ten must be left, so that the second, who knows its own, cannot tell the largest to the ten.
    A sum below ten is never told: whoever has nine of it would know that the others have none.
    """
    by_size = sorted(counts, reverse=True)
    return sum(1 for count in counts if count) >= LEAST_AGENCIES and sum(by_size[2:]) >= BASE


def _joined(cells: Sequence[str], tables: Sequence[Table]) -> Mapping[str, Sequence[str]] | None:
    """Return which cells are told, each with the cells that it is made of; None if too little is left to be told.

    Those that cannot be told by themselves go into one for all others; while that one cannot be told either, the
    smallest of the rest joins it.
    """
    alone = [cell for cell in cells if _shared([table[cell] for table in tables])]
    together = [cell for cell in cells if cell not in alone]
    alone.sort(key=lambda cell: sum(table[cell] for table in tables), reverse=True)
    while together and not _shared([sum(table[cell] for cell in together) for table in tables]):
        if not alone:
            return None
        together.append(alone.pop())
    if len(alone) + bool(together) < 2:
        return None
    told_alone = {cell: [cell] for cell in cells if cell in alone}
    return told_alone | ({OTHERS: together} if together else {})
