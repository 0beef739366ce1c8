"""Measures whether the time or the size of an answer tells the rank of a candidate whose rank is hidden (R17).

    python -m bench.blind [--rounds 30]

Two searches with different people list the same faces in different orders, and a reviewer of an agency asks for each
face, and for what is shown beside the probe, in an order that is drawn anew in every round. A picture takes as long as
it is large, so each face is compared with itself: the bench prints the correlation (Spearman) of how much longer a face
takes in the one list than in the other with how much lower it ranks there, that of the sizes in one list with its
ranks, and how often ranks that were shuffled correlate as much: what chance gives.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.support.clock import TICK, Clock
from tests.support.many_faces import add_many_faces
from tests.support.squad import OTHER_PHOTOGRAPH, PHOTOGRAPH, REASON, Squad, build_portraits, squad
from tests.support.world import opened

from bench import machine
from lineament.model.cases import Case
from lineament.model.faces import FaceId
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
    print(f"{machine.line()}; {rounds} rounds, {len(figures[0][1])} candidates of two lists")
    print("| what | correlation with the rank | chance gives as much |\n| --- | --- | --- |")
    told = False
    for name, ranks, values in figures:
        found = abs(correlation(ranks, values))
        chance = as_much_by_chance(ranks, values, found)
        told = told or (found > 0 and chance < LEAST / len(figures))
        print(f"| {name} | {found:.2f} | {chance:.0%} |")
    return int(told)


@dataclass(slots=True)
class Listed:
    """A list as a reviewer sees it, and what is hidden from them: the rank of each face."""

    search: str
    names: dict[FaceId, str]
    ranks: dict[FaceId, int]


def list_faces(team: Squad, case: Case, photograph: bytes) -> Listed:
    """Search with a photograph as the examiner, who has yet to review the list."""
    desk = team.fresh_desk(team.examiner)
    archives = tuple(f"archive-{number}" for number in range(1, 6))
    request = SearchRequest(case=case.key, reason=REASON, mode=Mode.INVESTIGATION, sources=archives)
    search = desk.search.run(team.take_probe(case, photograph).id, request)
    with team.workspace.store.read() as tx:
        seen = seen_search(tx, desk.record, search.search_id)
        found = [entry.candidate for entry in seen.entries]
        names = {candidate.face_id: seen.name(candidate.rank) for candidate in found}
    return Listed(search.search_id, names, {candidate.face_id: candidate.rank for candidate in found})


def measure(team: Squad, rounds: int) -> list[tuple[str, Sequence[float], Sequence[float]]]:
    """Return for each measure how ranks differ between two lists, and how the values found do, face by face."""
    case = team.open_case()
    lists = [list_faces(team, case, photograph) for photograph in (PHOTOGRAPH, OTHER_PHOTOGRAPH)]
    faces = sorted(lists[0].ranks.keys() & lists[1].ranks.keys())
    pictures = team.fresh_desk(team.examiner).pictures
    asks: dict[str, Callable[[str, str], object]] = {
        "time of the face": pictures.crop,
        "time beside the probe": pictures.beside_probe,
    }
    asked = [(place, face) for place in range(len(lists)) for face in faces]
    times: dict[str, dict[tuple[int, FaceId], list[float]]] = {what: {each: [] for each in asked} for what in asks}
    chance = random.Random(7)
    for _ in range(rounds):
        chance.shuffle(asked)
        for what, ask in asks.items():
            for place, face in asked:
                began = time.perf_counter()
                ask(lists[place].search, lists[place].names[face])
                times[what][place, face].append(time.perf_counter() - began)
    by = [float(lists[0].ranks[face] - lists[1].ranks[face]) for face in faces]
    figures = [
        (what, by, [statistics.median(of[0, face]) - statistics.median(of[1, face]) for face in faces])
        for what, of in times.items()
    ]
    sizes = [float(len(pictures.crop(lists[0].search, lists[0].names[face]))) for face in faces]
    return [*figures, ("size of the face", [float(lists[0].ranks[face]) for face in faces], sizes)]


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rank correlation; 0 if all values of one are equal."""
    if len(set(first)) == 1 or len(set(second)) == 1:
        return 0.0
    one, other = (np.argsort(np.argsort(np.array(values))) for values in (first, second))
    return float(np.corrcoef(one, other)[0, 1])


def as_much_by_chance(ranks: Sequence[float], values: Sequence[float], found: float) -> float:
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
