"""Counts what the weekly report finds of planted misuse, and its false alarms, over made-up years of an agency's work.

    python -m bench.misuse [--years 6] [--entries 1000000] [--faces 13000]

One line for each kind that is planted (found and missed), one for each kind of false alarm (a week, in an agency of
27 people). The years are those of the tests (tests/support/misuse_year.py). Then how long a report takes over a ledger
of a million entries, and how long it takes to tell which of the faces of half a year are the same.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, timedelta

import numpy as np
import sqlalchemy as sa
from tests.support.misuse_year import BEGIN, PLANTS, YEAR, Year, judge, plant

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
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--faces", type=int, default=13_000)
    options = parser.parse_args()
    print(machine.line("sqlalchemy", "numpy"))
    missed = count_misuse(options.years) if options.years else 0
    if options.entries:
        measure_ledger(options.entries)
    if options.faces:
        measure_faces(options.faces)
    return 1 if missed else 0


def count_misuse(years: int) -> int:
    """Print what was found and what was a false alarm; return how much was missed."""
    found, missed, alarms = Counter[str](), Counter[str](), Counter[str]()
    weeks, seconds = 0, []
    for seed in range(years):
        ordinary = Year(seed)
        began = time.perf_counter()
        judged = judge(ordinary, ordinary.reports())
        seconds.append((time.perf_counter() - began) / judged.weeks)
        weeks += judged.weeks
        alarms.update(finding.kind.value for _, finding in judged.false_alarms)
        for number, name in enumerate(PLANTS):
            plant(ordinary, name, 27 if name == "drip" else 30 + number)
        for name, seen in judge(ordinary, ordinary.reports(range(28, YEAR))).found.items():
            (found if seen else missed)[name] += 1
    print(f"{years} years, {weeks} weekly reports, {sum(seconds) / years:.2f} s each")
    print(f"{'planted':<20}{'found':>8}{'missed':>8}")
    for name in PLANTS:
        print(f"{name:<20}{found[name]:>8}{missed[name]:>8}")
    print(f"{'false alarms':<20}{'a week':>8}")
    for kind, many in alarms.most_common():
        print(f"{kind:<20}{many / weeks:>8.3f}")
    print(f"{'all':<20}{sum(alarms.values()) / weeks:>8.3f}")
    return sum(missed.values())


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
