"""No cell of the published figures can be computed from the others, from margins, or from another quarter's page.

The attacks know everything that is published, the rule itself, and more than anybody should: the exact total of the
searches, or all counts of one's own agency.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import permutations, product

import pytest

from lineament.model.figures import (
    BASE,
    HIDDEN,
    OTHERS,
    Figures,
    QuarterCounts,
    Table,
    figures_of_agency,
    figures_of_all,
    next_quarter,
    quarter_of,
    told,
)

QUARTER = date(2026, 7, 1)
CELLS = {"purpose": ("suspect", "missing", "victim", "initial"), "outcome": ("candidates", "none", "stopped")}


def divided(random_: random.Random, total: int, cells: Sequence[str]) -> Table:
    """Divide a total into cells."""
    cuts = sorted(random_.randint(0, total) for _ in cells[1:])
    return dict(zip(cells, (b - a for a, b in zip((0, *cuts), (*cuts, total), strict=True)), strict=True))


def counts_of(random_: random.Random, most: int = 120) -> QuarterCounts:
    total = random_.randint(0, most)
    tables = {name: divided(random_, total, cells) for name, cells in CELLS.items()}
    return QuarterCounts(tables=tables, single={"erasures": random_.randint(0, most)})


def feasible(table: Table, total: int) -> dict[str, tuple[int, int]]:
    """Return the least and the largest value of each cell that fit what is told and the exact total, by trying all."""
    ranges = [range(low, low + BASE) for low in table.values()]
    fits = [values for values in product(*ranges) if sum(values) == total]
    return {
        cell: (min(values[place] for values in fits), max(values[place] for values in fits))
        for place, cell in enumerate(table)
    }


@pytest.mark.parametrize("seed", range(60))
def test_whoever_knows_the_exact_total_learns_no_cell_beyond_its_ten(seed: int) -> None:
    counts = counts_of(random.Random(seed))
    figures = figures_of_agency(QUARTER, counts)
    for name, table in figures.tables.items():
        total = sum(counts.tables[name].values())
        assert feasible(table, total) == {cell: (low, low + HIDDEN) for cell, low in table.items()}
    assert set(figures.tables) | set(figures.withheld) == set(counts.tables)


@pytest.mark.parametrize("seed", range(60))
def test_two_tables_of_the_same_searches_tell_no_more_than_each(seed: int) -> None:
    """Whatever total fits one table, the other cannot narrow a cell of it."""
    figures = figures_of_agency(QUARTER, counts_of(random.Random(1000 + seed)))
    sums = [(sum(table.values()), sum(table.values()) + HIDDEN * len(table)) for table in figures.tables.values()]
    low, high = max((low for low, _ in sums), default=0), min((high for _, high in sums), default=0)
    for table in figures.tables.values():
        for cell, least in table.items():
            rest = sum(table.values()) - least
            others = HIDDEN * (len(table) - 1)
            assert max(least, low - rest - others) == least, cell
            assert min(least + HIDDEN, high - rest) == least + HIDDEN, cell


def test_a_table_that_would_tell_is_withheld() -> None:
    nines = QuarterCounts(tables={"purpose": {"a": 9, "b": 19, "c": 29}}, single={})
    assert figures_of_agency(QUARTER, nines).withheld == ("purpose",)
    tens = QuarterCounts(tables={"purpose": {"a": 10, "b": 20, "c": 30}}, single={})
    assert figures_of_agency(QUARTER, tens).withheld == ("purpose",)
    some = QuarterCounts(tables={"purpose": {"a": 14, "b": 23, "c": 38}}, single={"erasures": 7})
    assert figures_of_agency(QUARTER, some).tables == {"purpose": {"a": 10, "b": 20, "c": 30}}
    assert figures_of_agency(QUARTER, some).single == {"erasures": 0}


def test_nothing_and_nine_look_the_same() -> None:
    for count in (0, 9):
        counts = QuarterCounts(tables={}, single={"erasures": count})
        assert figures_of_agency(QUARTER, counts).single == {"erasures": 0}
    assert told(0) == "fewer than 10"
    assert told(1230) == "1,230 to 1,239"


# ---------------------------------------------------------------- several agencies


def shares(counts: Mapping[str, QuarterCounts], name: str, cells: Sequence[str]) -> list[int]:
    """Return what each agency has in some cells of a table."""
    return sorted((sum(its.tables[name][cell] for cell in cells) for its in counts.values()), reverse=True)


@pytest.mark.parametrize("seed", range(80))
def test_an_agency_that_takes_away_its_own_cannot_tell_another_to_the_ten(seed: int) -> None:
    random_ = random.Random(seed)
    counts = {str(agency): counts_of(random_, 300) for agency in range(random_.randint(1, 6))}
    figures = figures_of_all(QUARTER, counts)
    for name, table in figures.tables.items():
        parts = cells_of(name, table)
        for cell in table:
            its = shares(counts, name, parts[cell])
            for insider in range(len(its)):
                left = its[:insider] + its[insider + 1 :]
                # what is known of the largest of the rest: the sum to the ten, less nothing at all of the others
                assert sum(left[1:]) >= BASE, (name, cell)
    for name in figures.single:
        each = sorted((its.single[name] for its in counts.values()), reverse=True)
        assert sum(1 for count in each if count) >= 3
        assert sum(each[2:]) >= BASE


@pytest.mark.parametrize("seed", range(80))
@pytest.mark.parametrize("most", [12, 40, 300])
def test_what_an_agency_can_compute_of_another_is_never_narrower_than_ten(seed: int, most: int) -> None:
    """It knows its own counts exactly, and to the ten those of the agencies that tell their own."""
    random_ = random.Random(seed)
    counts = {str(agency): counts_of(random_, most) for agency in range(random_.randint(2, 7))}
    known = frozenset(random_.sample(list(counts), random_.randint(0, 2)))
    figures = figures_of_all(QUARTER, counts, known)
    every = [
        (low, {agency: sum(its.tables[name][part] for part in parts[cell]) for agency, its in counts.items()})
        for name, table in figures.tables.items()
        for parts in [cells_of(name, table)]
        for cell, low in table.items()
    ]
    every += [
        (low, {agency: its.single[name] for agency, its in counts.items()}) for name, low in figures.single.items()
    ]
    for low, its in every:
        for insider, other in permutations(counts, 2):
            rest = set(counts) - {insider, other}
            floors = {agency: its[agency] - its[agency] % BASE for agency in rest & known}
            most = low + HIDDEN - its[insider] - sum(floors.values())
            unknown = rest - known  # any of them may have all that is left
            least = 0 if unknown else low - its[insider] - sum(floors.values()) - HIDDEN * len(floors)
            assert other in known or most - max(least, 0) >= HIDDEN, (low, its)
    assert len(figures.tables) + len(figures.single) + len(figures.withheld) == len(CELLS) + 1


def test_a_sum_below_ten_is_not_told_because_who_has_nine_of_it_would_know_that_others_have_none() -> None:
    few = {name: QuarterCounts(tables={}, single={"erasures": 9 if name == "A" else 0}) for name in "ABCD"}
    assert figures_of_all(QUARTER, few).single == {}
    none = {name: QuarterCounts(tables={}, single={"erasures": 0}) for name in "ABCD"}
    assert figures_of_all(QUARTER, none) == figures_of_all(QUARTER, few), "nothing and nine look the same"


def cells_of(name: str, table: Table) -> dict[str, list[str]]:
    """Return the cells that each told cell is made of."""
    rest = [cell for cell in CELLS[name] if cell not in table]
    return {cell: rest if cell == OTHERS else [cell] for cell in table}


@pytest.mark.parametrize("seed", range(60))
def test_taking_away_the_agencies_that_tell_their_own_leaves_nobody_alone(seed: int) -> None:
    random_ = random.Random(seed)
    counts = {str(agency): counts_of(random_, 300) for agency in range(5)}
    known = frozenset(random_.sample(list(counts), random_.randint(1, 4)))
    figures = figures_of_all(QUARTER, counts, known)
    unknown = {agency: its for agency, its in counts.items() if agency not in known}
    for name, table in figures.tables.items():
        parts = cells_of(name, table)
        for cell in table:
            its = shares(unknown, name, parts[cell])
            assert sum(1 for share in its if share) >= 3
            assert sum(its[2:]) >= BASE


def test_of_one_or_two_agencies_together_nothing_above_ten_is_told() -> None:
    one = QuarterCounts(tables={"purpose": {"a": 44, "b": 57, "c": 38}}, single={"erasures": 40})
    for counts in ({"A": one}, {"A": one, "B": one}):
        figures = figures_of_all(QUARTER, counts)
        assert (figures.tables, figures.single) == ({}, {})
        assert set(figures.withheld) == {"purpose", "erasures"}
    assert figures_of_all(QUARTER, {}) == Figures(quarter=QUARTER)


def test_a_cell_that_one_agency_has_alone_goes_into_all_others() -> None:
    three = {
        "A": QuarterCounts(tables={"purpose": {"a": 44, "b": 50, "c": 21}}, single={}),
        "B": QuarterCounts(tables={"purpose": {"a": 38, "b": 0, "c": 24}}, single={}),
        "C": QuarterCounts(tables={"purpose": {"a": 34, "b": 0, "c": 18}}, single={}),
    }
    (table,) = figures_of_all(QUARTER, three).tables.values()
    assert table == {"a": 110, OTHERS: 110}


# ---------------------------------------------------------------- months and pages


def test_pages_of_two_quarters_share_no_search() -> None:
    """A page tells disjoint quarters, each frozen: the difference of two pages is a whole quarter, told to the ten."""
    day, seen = date(2025, 11, 15), []
    for _ in range(6):
        quarter = quarter_of(day)
        seen.append(quarter)
        day = next_quarter(quarter)
    assert seen == [date(2025, 10, 1), *(date(2026, month, 1) for month in (1, 4, 7, 10)), date(2027, 1, 1)]


def test_figures_are_stored_as_they_are_told() -> None:
    figures = figures_of_agency(QUARTER, counts_of(random.Random(5)))
    assert Figures.from_json(figures.to_json()) == figures
