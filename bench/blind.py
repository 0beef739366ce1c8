"""Measures whether the time or the size of an answer tells the rank of a candidate whose rank is hidden (R17).

    python -m bench.blind [--rounds 30]

A reviewer of an agency asks for the face of each of twenty candidates, and for what is shown beside the probe, in an
order that is drawn anew in every round. It prints the correlation of the candidates' median times, and of their sizes,
with their true ranks (Spearman), and how often ranks that were shuffled correlate as much: what chance gives.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tests.support.clock import TICK, Clock
from tests.support.many_faces import add_many_faces
from tests.support.squad import REASON, Squad, build_portraits, squad
from tests.support.world import opened

from bench import machine
from lineament.model.search import Mode, SearchRequest
from lineament.services.review.seen import seen_search

SHUFFLES = 2000
LEAST = 0.05
"""Least share of shuffled ranks that have to correlate as much."""


def main() -> int:
    """Print the table; return 1 if times or sizes tell more than chance would."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        built = build_portraits(Path(folder))
        with opened(built, Clock(tick=TICK)) as world:
            add_many_faces(world.workspace, Path(folder) / "more")
        with squad(built, Path(folder) / "agency") as team:
            figures = measure(team, rounds)
    print(f"{machine.line()}; {rounds} rounds, 20 candidates")
    print("| what | correlation with the rank | chance gives as much |\n| --- | --- | --- |")
    told = False
    for name, ranks, values in figures:
        found = abs(correlation(ranks, values))
        chance = as_much_by_chance(ranks, values, found)
        told = told or (found > 0 and chance < LEAST / len(figures))
        print(f"| {name} | {found:.2f} | {chance:.0%} |")
    return int(told)


def measure(team: Squad, rounds: int) -> list[tuple[str, Sequence[int], Sequence[float]]]:
    """Return for each measure the ranks of the candidates and the values found."""
    case = team.open_case()
    desk = team.fresh_desk(team.examiner)
    request = SearchRequest(
        case=case.key, reason=REASON, mode=Mode.INVESTIGATION, sources=tuple(f"archive-{n}" for n in range(1, 6))
    )
    search = desk.search.run(team.take_probe(case).id, request)
    with team.workspace.store.read() as tx:
        seen = seen_search(tx, desk.record, search.search_id)
        ranks = {seen.name(entry.candidate.rank): entry.candidate.rank for entry in seen.entries}
    asks: dict[str, Callable[[str], object]] = {
        "time of the face": lambda name: desk.pictures.crop(search.search_id, name),
        "time beside the probe": lambda name: desk.pictures.beside_probe(search.search_id, name),
    }
    names, chance = list(ranks), random.Random(7)
    times: dict[str, dict[str, list[float]]] = {what: {name: [] for name in names} for what in asks}
    for _ in range(rounds):
        chance.shuffle(names)
        for what, ask in asks.items():
            for name in names:
                began = time.perf_counter()
                ask(name)
                times[what][name].append(time.perf_counter() - began)
    order = list(ranks.values())
    figures = [(what, order, [statistics.median(of_name[name]) for name in ranks]) for what, of_name in times.items()]
    sizes = [float(len(desk.pictures.crop(search.search_id, name))) for name in ranks]
    return [*figures, ("size of the face", order, sizes)]


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rank correlation; 0 if all values of one are equal."""
    if len(set(first)) == 1 or len(set(second)) == 1:
        return 0.0
    one, other = (np.argsort(np.argsort(np.array(values))) for values in (first, second))
    return float(np.corrcoef(one, other)[0, 1])


def as_much_by_chance(ranks: Sequence[int], values: Sequence[float], found: float) -> float:
    """Return the share of shuffled ranks that correlate with the values as much as the true ones."""
    if found == 0:
        return 1.0
    chance, shuffled = random.Random(11), list(ranks)
    as_much = 0
    for _ in range(SHUFFLES):
        chance.shuffle(shuffled)
        as_much += abs(correlation(shuffled, values)) >= found
    return as_much / SHUFFLES


if __name__ == "__main__":
    sys.exit(main())
