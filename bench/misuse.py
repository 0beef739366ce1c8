"""Counts what the weekly report finds of planted misuse, and its false alarms, over made-up years of an agency's work.

One line for each kind that is planted (found and missed), one for each kind of false alarm (a week, in an agency of
27 people). ``--years 3`` is quicker. The years are those of the tests (tests/support/misuse_year.py).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.support.misuse_year import PLANTS, YEAR, Year, judge, plant


def main() -> int:
    """Print the tables; return 1 if something that was planted was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=10)
    years = parser.parse_args().years
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
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
