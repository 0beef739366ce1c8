"""The figures of this process, and what of them is told.

What people do is told as it stood when the number of searches was last a multiple of ten, all of it at one moment:
whoever watches the figures learns no smaller number of searches, from none of them and from no two together (R46,
docs/adr/0044).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from lineament.observe.catalogue import (
    BUCKETS,
    FAILED_REQUESTS,
    FAILED_STAGES,
    OF_LEVEL,
    OF_TALLY,
    OTHER,
    REQUESTS,
    STAGES,
    Allowed,
    Metric,
    Told,
)
from lineament.observe.stages import Fact, Level, Stage, Total

TENS = 10
"""What people do moves with every so many searches."""

Labels = tuple[str, ...]


@dataclass(slots=True)
class Durations:
    """How often something took how long."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Add one duration."""
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


@dataclass(slots=True)
class SeriesValues:
    """The values of every series, by metric and labels."""

    counters: dict[tuple[str, Labels], int] = field(default_factory=dict)
    durations: dict[tuple[str, Labels], Durations] = field(default_factory=dict)

    def copy(self) -> SeriesValues:
        """Return what stands here now."""
        durations = {key: Durations(list(kept.buckets), kept.seconds) for key, kept in self.durations.items()}
        return SeriesValues(dict(self.counters), durations)


class RunningFigures:
    """An observer that keeps figures; threads share it."""

    def __init__(self, values: Allowed) -> None:
        """``values``: those that labels may have; any other value is told as “other”."""
        self._values = values
        self._lock = threading.Lock()
        self._searches = 0
        self._work = SeriesValues()  # moves with every search
        self._told = SeriesValues()  # as it stood at the last multiple of ten
        self._at_once = SeriesValues()
        self._levels: dict[str, int] = {}

    # ------------------------------------------------------------ observing

    def began(self, stage: Stage) -> None:
        """Do nothing."""

    def ended(self, stage: Stage, _begun: object, seconds: float, facts: dict[Fact, str]) -> None:
        """Count a stage and its duration; the tenth search lets everything be told."""
        with self._lock:
            if stage is Stage.REQUEST:
                self._request(seconds, facts)
                return
            labels = self._checked(STAGES, stage)
            self._work.durations.setdefault((STAGES.name, labels), Durations()).add(seconds)
            if Fact.ERROR in facts:
                self._add(FAILED_STAGES, 1, stage, facts[Fact.ERROR])
            if stage is Stage.SEARCH:
                self._searches += 1
                self._tell()

    def counted(self, tally: Total, by: int, label: str) -> None:
        """Add to a counter."""
        metric = OF_TALLY[tally]
        with self._lock:
            self._add(metric, by, *([label] if metric.labels else []))

    def level(self, level: Level, value: int) -> None:
        """Set a gauge."""
        with self._lock:
            self._levels[OF_LEVEL[level].name] = value

    def _request(self, seconds: float, facts: Mapping[Fact, str]) -> None:
        route, method, status = (facts.get(fact, OTHER) for fact in (Fact.ROUTE, Fact.METHOD, Fact.STATUS))
        if status >= "500":
            self._add(FAILED_REQUESTS, 1, route, status)
            return
        labels = self._checked(REQUESTS, route, method, status)
        self._work.durations.setdefault((REQUESTS.name, labels), Durations()).add(seconds)

    def _add(self, metric: Metric, by: int, *labels: str) -> None:
        counters = (self._work if metric.told is Told.BY_TENS else self._at_once).counters
        key = (metric.name, self._checked(metric, *labels))
        counters[key] = counters.get(key, 0) + by

    def _checked(self, metric: Metric, *values: str) -> Labels:
        named = zip(metric.labels, values, strict=True)
        return tuple(value if value in self._values[label] else OTHER for label, value in named)

    def _tell(self) -> None:
        if self._searches % TENS == 0:
            self._told = self._work.copy()

    # ------------------------------------------------------------ telling

    def told(self) -> tuple[SeriesValues, dict[str, int]]:
        """Return the counters and durations that may be told now, and the gauges."""
        with self._lock:
            self._tell()
            told = self._told.copy()
            told.counters |= self._at_once.counters
            return told, dict(self._levels)
