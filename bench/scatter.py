"""Simulates one search of many shards: every shard is asked, slow ones twice, and the slowest answer counts.

The times of an answer are drawn from measured ones. All of the rest is an assumption that its caller names.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lineament.index.ray_search import HEDGE

Times = NDArray[np.float64]
"""Seconds, or multiples of a median."""
_AT_ONCE = 2_000_000
"""Answers drawn at a time."""
_POOL = 5_000
"""Different scans that answers are drawn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is assumed of the machines and of the network between them."""

    delay: float = 0.0005  # median of the way there and back, in seconds
    delay_spread: float = 0.5  # standard deviation of its logarithm
    slow: float = 0.001  # share of answers that are late: another process, a lost packet, an interrupt
    slower: float = 10.0  # how many times as long those take
    deadline: float = 2.0  # LINEAMENT_CLUSTER_DEADLINE, in seconds
    call: float = 0.0003  # seconds of the process that searches for each shard, one after the other
    load: float = 0.5  # share of the time in which the machines compare other probes


@dataclass(frozen=True, slots=True)
class Gathered:
    """What became of many searches."""

    seconds: Times  # of each search
    asked_twice: float  # share of the searches that asked a second copy of some shard
    incomplete: float  # share of the searches that lack the answer of some shard
    uncovered: float  # mean share of the gallery that was not compared

    def at(self, percent: float) -> float:
        """Return a percentile of the seconds."""
        return float(np.percentile(self.seconds, percent))


def gather(
    scan: float, spread: Times, shards: int, copies: int, searches: int, given: Circumstances, *, lost: float = 0.0
) -> Gathered:
    """Simulate searches of all shards.

    Args:
        scan: Median seconds in which a machine compares one probe with its part.
        spread: By what the seconds of a scan are multiplied: any of these.
        shards: How many are asked.
        copies: Of each shard, on different machines.
        searches: How many to simulate.
        given: What is assumed.
        lost: Share of the shards whose first copy never answers.
    """
    random = np.random.default_rng(50)
    hedge = HEDGE * given.deadline
    seconds, twice, short = np.empty(searches), np.empty(searches, bool), np.empty(searches)
    for start in range(0, searches, max(1, _AT_ONCE // shards)):
        some = slice(start, min(searches, start + max(1, _AT_ONCE // shards)))
        shape = (some.stop - start, shards)
        # a probe that comes while others are compared waits until they are (index/joining.py), on all machines alike
        waits = (random.random((shape[0], 1)) < given.load) * random.random((shape[0], 1)) * scan
        first = waits + _answers(random, shape, scan, spread, given) + given.call * np.arange(shards)
        first[:, : round(lost * shards)] = np.inf
        late = first > hedge
        if copies > 1 and late.any():
            second = hedge + _answers(random, (int(late.sum()), 1), scan, spread, given)[:, 0]
            first[late] = np.minimum(first[late], second)
        missing = first > given.deadline
        seconds[some] = np.minimum(first.max(axis=1), given.deadline)
        twice[some] = late.any(axis=1) & (copies > 1)
        short[some] = missing.mean(axis=1)
    return Gathered(seconds, float(twice.mean()), float((short > 0).mean()), float(short.mean()))


def stretched(measured: Times) -> Times:
    """Return the spread of scans if a longer one is delayed by as many times its length as a short one at worst."""
    return measured / np.median(measured)


def joined(measured: Times, scan: float) -> Times:
    """Return the spread of scans if one is as many measured ones in a row as fit into it, each delayed on its own."""
    median = float(np.median(measured))
    many = max(1, min(200, round(scan / median)))
    drawn = np.random.default_rng(51).choice(measured, (_POOL, many))
    return np.asarray(drawn.mean(axis=1) / median)


def _answers(
    random: np.random.Generator, shape: tuple[int, int], scan: float, spread: Times, given: Circumstances
) -> Times:
    """Return the seconds of answers that do not wait."""
    work = scan * random.choice(spread, shape)
    work[random.random(shape) < given.slow] *= given.slower
    way: Times = given.delay * np.exp(given.delay_spread * random.standard_normal(shape))
    return work + way


def uncovered(machines: int, copies: int, lost: int) -> float:
    """Return the share of the gallery that no machine has when so many are lost at once, copies being spread evenly."""
    if copies > lost:
        return 0.0
    share = 1.0
    for number in range(copies):
        share *= (lost - number) / (machines - number)
    return share
