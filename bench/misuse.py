"""Counts what the weekly report finds of planted misuse, and its false alarms, over made-up years of an agency's work.

    python -m bench.misuse [--years 6] [--seed N] [--entries 1000000] [--faces 13000]

Each run makes up other years, and prints their seeds; ``--seed`` repeats those from that one on. One line for each kind
that is planted (found, missed, and in which years), one for each kind of false alarm (a week, in an agency of 27
people), and the worst of them. Then how long a report takes over a ledger of a million entries, and how long it takes
to tell which of the faces of half a year are the same.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, timedelta
from statistics import mean

import numpy as np
import sqlalchemy as sa
from tests.support.misuse_plants import PLANTS, judge, plant_all
from tests.support.misuse_year import BEGIN, PEOPLE, YEAR, Year

from bench import machine
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.misuse.faces import alike
from lineament.model.misuse.facts import WEEKS, Actor, Facts
from lineament.model.misuse.find import find_misuse
from lineament.store.db import Store
from lineament.store.ledger_tables import ledger_details, ledger_entries
from lineament.testing import VAULT

DIGEST = bytes(32)


def main() -> int:
    """Print the tables; return 1 if something that was planted was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=6)
    parser.add_argument("--seed", type=int, help="of the first year; drawn unless it is given")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--faces", type=int, default=13_000)
    options = parser.parse_args()
    print(machine.line("sqlalchemy", "numpy"))
    first = random.SystemRandom().randrange(10, 10**6) if options.seed is None else options.seed
    missed = count_misuse(range(first, first + options.years)) if options.years else 0
    if options.entries:
        measure_ledger(options.entries)
    if options.faces:
        measure_faces(options.faces)
    return 1 if missed else 0


def count_misuse(seeds: Sequence[int]) -> int:
    """Print what was found and what was a false alarm; return how much was missed."""
    found, missed, alarms = Counter[str](), defaultdict[str, list[int]](list), Counter[str]()
    a_week, worst_person, seconds = [], 0.0, []
    for seed in seeds:
        year = Year(seed)
        began = time.perf_counter()
        judged = judge(year.reports())
        seconds.append((time.perf_counter() - began) / judged.weeks)
        a_week.append(judged.a_week)
        alarms.update(finding.kind.value for _, finding in judged.false_alarms)
        about = Counter(who for _, finding in judged.false_alarms for who in finding.who)
        worst_person = max(worst_person, max(about.values(), default=0) / judged.weeks)
        planted = plant_all(year)
        for name, seen in judge(year.reports(range(27, YEAR)), planted).found.items():
            if seen:
                found[name] += 1
            else:
                missed[name].append(seed)
    print(f"{len(seeds)} years, seeds {' '.join(map(str, seeds))}, {mean(seconds):.2f} s a weekly report")
    print(f"{'planted':<22}{'found':>8}{'missed':>8}")
    for name in PLANTS:
        print(f"{name:<22}{found[name]:>8}{len(missed[name]):>8}  {' '.join(map(str, missed[name]))}".rstrip())
    print(f"{'all':<22}{sum(found.values()):>8}{sum(map(len, missed.values())):>8}")
    print(f"{'false alarms':<22}{'a week':>8}")
    weeks = len(seeds) * (YEAR - 1)
    for kind, many in alarms.most_common():
        print(f"{kind:<22}{many / weeks:>8.3f}")
    print(f"{'all':<22}{mean(a_week):>8.3f}   in the worst year {max(a_week):.3f}")
    worst = f"in the worst year {max(a_week) / PEOPLE:.4f}, worst person {worst_person:.3f}"
    print(f"{'of one person':<22}{mean(a_week) / PEOPLE:>8.4f}   {worst}")
    return sum(map(len, missed.values()))


def measure_ledger(entries: int) -> None:
    """Print how long a report takes of a ledger of three years, all of one agency, and of one of half a year."""
    for weeks in (156, WEEKS + 1):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            store = Store.create(f"sqlite:///{folder}/store.db", VAULT)
            fill(store, entries, weeks)
            began = time.perf_counter()
            with store.read() as tx:
                first, stop = tx.ledger.between(
                    BEGIN + timedelta(weeks=weeks - WEEKS - 1), BEGIN + timedelta(weeks=weeks)
                )
                acts = sorted(tx.misuse.acts(HOME_AGENCY, first, stop), key=lambda act: act.at)
            read = time.perf_counter() - began
            week = BEGIN + timedelta(weeks=weeks - 1)
            actors = {
                who: Actor(id=who, name=who, roles=frozenset({Role.EXAMINER})) for who in {act.who for act in acts}
            }
            find_misuse(Facts(week=week, zone=UTC, actors=actors, cases={}, acts=acts, searches=()))
            whole = time.perf_counter() - began
            store.close()
        print(f"{entries:,} entries in {weeks} weeks: {len(acts):,} read in {read:.1f} s, report in {whole:.1f} s")


def fill(store: Store, entries: int, weeks: int) -> None:
    """Fill the ledger's tables in bulk; what is filed beside an entry is all that a report reads of it."""
    random_ = random.Random(0)
    actions = ["search"] * 2 + ["list_read"] * 3 + ["candidate_read"] * 8 + ["case_read"] * 5 + ["paper_added"]
    step = timedelta(weeks=weeks) / entries
    with store.begin() as tx:
        connection = tx.connection
        for start in range(0, entries, 50_000):
            seqs = range(start, min(start + 50_000, entries))
            chosen = [random_.choice(actions) for _ in seqs]
            connection.execute(
                sa.insert(ledger_entries),
                [
                    {
                        "seq": seq,
                        "at": (BEGIN + seq * step).isoformat(),
                        "action": action,
                        "commitment": DIGEST,
                        "leaf": DIGEST,
                    }
                    for seq, action in zip(seqs, chosen, strict=True)
                ],
            )
            filed = {"salt": DIGEST, "sealed": bytes(120), "agency_id": HOME_AGENCY, "host_id": None}
            connection.execute(
                sa.insert(ledger_details),
                [
                    filed
                    | {
                        "seq": seq,
                        "case_id": random_.randrange(5000),
                        "account_id": f"account-{random_.randrange(60)}",
                        "entry_action": action,
                    }
                    for seq, action in zip(seqs, chosen, strict=True)
                ],
            )


def measure_faces(faces: int) -> None:
    """Print how long it takes to tell which of so many faces are the same."""
    vectors = np.random.default_rng(0).normal(size=(faces, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    began = time.perf_counter()
    alike(vectors, np.zeros(faces, np.int64), np.array([[0.6]]))
    print(f"{faces:,} faces compared with each other in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
