"""The figures in the text format of Prometheus."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from lineament.observe.catalogue import BUCKETS, CATALOGUE, MEMORY, OTHER, Allowed, Metric
from lineament.observe.figures import Labels, RunningFigures, SeriesValues

Standing = Mapping[str, Mapping[Labels, float]]
"""The gauges that are read when somebody asks: by the name of the metric, and by labels."""

_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Exposition(Collector):
    """Collects what may be told, and nothing of the process or its libraries besides."""

    def __init__(self, figures: RunningFigures, values: Allowed, standing: Callable[[], Standing]) -> None:
        """``standing`` reads what is in the store; it does not raise, and leaves out what it cannot read."""
        self._figures = figures
        self._values = values
        self._standing = standing
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return every metric in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[_Family]:
        """Return nothing: the registry need not collect in order to register."""
        return []

    def collect(self) -> Iterator[_Family]:
        """Yield every metric of the catalogue that has a value."""
        kept, levels = self._figures.told()
        standing: dict[str, dict[Labels, float]] = {name: {(): float(value)} for name, value in levels.items()}
        standing |= {name: dict(series) for name, series in self._standing().items()}
        standing[MEMORY.name] = {(): _resident_bytes()}
        for metric in CATALOGUE:
            if metric.kind == "histogram":
                yield _histogram(metric, kept)
            elif metric.kind == "counter":
                yield _counter(metric, kept)
            else:
                yield self._gauge(metric, standing.get(metric.name, {}))

    def _gauge(self, metric: Metric, series: Mapping[Labels, float]) -> GaugeMetricFamily:
        family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        summed: defaultdict[Labels, float] = defaultdict(float)
        for labels, value in series.items():
            named = zip(metric.labels, labels, strict=True)
            summed[tuple(text if text in self._values[label] else OTHER for label, text in named)] += value
        for labels, value in sorted(summed.items()):
            family.add_metric(labels, value)
        return family


def _histogram(metric: Metric, kept: SeriesValues) -> HistogramMetricFamily:
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    limits = [f"{limit:g}" for limit in BUCKETS] + ["+Inf"]
    for (name, labels), durations in sorted(kept.durations.items()):
        if name == metric.name:
            counts = accumulate(durations.buckets)
            family.add_metric(labels, list(zip(limits, counts, strict=True)), durations.seconds)
    return family


def _counter(metric: Metric, kept: SeriesValues) -> CounterMetricFamily:
    family = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for (name, labels), value in sorted(kept.counters.items()):
        if name == metric.name:
            family.add_metric(labels, value)
    return family


def _resident_bytes() -> float:
    """Return what Linux says of this process."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return float(int(pages) * os.sysconf("SC_PAGE_SIZE"))
