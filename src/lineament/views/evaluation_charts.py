"""The charts of an evaluation as shapes, which the page draws as SVG and the PDF with its own lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from lineament.model.evaluation.identification import MOST_RANKS, AtThreshold
from lineament.views.evaluations import BIN, histograms

if TYPE_CHECKING:
    from lineament.services.evaluate.evaluate import Evaluation

WIDTH, HEIGHT = 480, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 464, 16, 272
"""The frame of the axes."""

Place = tuple[float, float]
"""x to the right and y down, from 0 to WIDTH and HEIGHT."""


class Ink(StrEnum):
    """What a shape is drawn in; the value is its class in the page's style sheet."""

    GRID = "grid"
    AXIS = "axis"
    MAIN = "main"
    OTHER = "other"
    BAND = "band"  # an interval
    LABEL = "label"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLine:
    """A line through points; ``dashed`` tells it apart without colour."""

    points: tuple[Place, ...]
    ink: Ink
    dashed: bool = False
    filled: bool = False  # the area inside, without an outline


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartDot:
    """A point that is marked."""

    at: Place
    ink: Ink


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartText:
    """A text, 12 units high."""

    at: Place  # of its base line
    text: str
    anchor: str = "start"  # start, middle or end
    upright: bool = False  # read from below


Shape = ChartLine | ChartDot | ChartText


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart, WIDTH × HEIGHT."""

    title: str
    words: str  # what it shows, for those who cannot see it
    shapes: tuple[Shape, ...]


def charts(evaluation: Evaluation) -> tuple[Chart, ...]:
    """Return every chart for which there are data."""
    drawn = [_ranks(evaluation), _searches(evaluation), _pairs(evaluation), *_histograms(evaluation)]
    return tuple(chart for chart in drawn if chart is not None)


# ---------------------------------------------------------------- axes

Scale = Callable[[float], float]
"""Maps a value to a coordinate."""


def _log_scale(low: float, high: float, begin: float, end: float) -> Scale:
    span = math.log10(high / low)
    return lambda value: begin + (end - begin) * math.log10(min(max(value, low), high) / low) / span


def _linear_scale(low: float, high: float, begin: float, end: float) -> Scale:
    return lambda value: begin + (end - begin) * (min(max(value, low), high) - low) / (high - low)


def _decade_below(value: float) -> float:
    return float(10.0 ** math.floor(math.log10(value) + 1e-9))


def _decades(low: float, high: float) -> list[float]:
    first, last = round(math.log10(low)), round(math.log10(high))
    return [10.0**exponent for exponent in range(first, last + 1)]


def _frame(
    x_name: str, y_name: str, x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]]
) -> list[Shape]:
    """Return grid lines, axes and their labels; ticks are coordinates with texts."""
    shapes: list[Shape] = []
    for x, text in x_ticks:
        shapes.append(ChartLine(points=((x, TOP), (x, BOTTOM)), ink=Ink.GRID))
        shapes.append(ChartText(at=(x, BOTTOM + 18), text=text, anchor="middle"))
    for y, text in y_ticks:
        shapes.append(ChartLine(points=((LEFT, y), (RIGHT, y)), ink=Ink.GRID))
        shapes.append(ChartText(at=(LEFT - 6, y + 4), text=text, anchor="end"))
    shapes.append(ChartLine(points=((LEFT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)), ink=Ink.AXIS))
    shapes.append(ChartText(at=((LEFT + RIGHT) / 2, HEIGHT - 10), text=x_name, anchor="middle"))
    shapes.append(ChartText(at=(14, (TOP + BOTTOM) / 2), text=y_name, anchor="middle", upright=True))
    return shapes


def _number(value: float) -> str:
    return f"{value:g}" if value >= 1e-3 else f"1e{round(math.log10(value))}"


# ---------------------------------------------------------------- DET


def _det(
    points: Sequence[tuple[float, float]],
    names: tuple[str, str],
    mated: int,
    dots: Sequence[tuple[float, float]] = (),
) -> tuple[Shape, ...]:
    """Return the shapes of a DET plot, both axes logarithmic; no misses among ``mated`` are drawn at its foot."""
    low_x, low_y = min(_decade_below(points[0][0]), 0.1), min(_decade_below(1 / mated), 0.1)
    across = _log_scale(low_x, 1, LEFT, RIGHT)
    down = _log_scale(low_y, 1, BOTTOM, TOP)
    x_ticks = [(across(value), _number(value)) for value in _decades(low_x, 1)]
    y_ticks = [(down(value), _number(value)) for value in _decades(low_y, 1)]
    line = ChartLine(points=tuple((across(x), down(y)) for x, y in points), ink=Ink.MAIN)
    marks = [ChartDot(at=(across(x), down(y)), ink=Ink.OTHER) for x, y in dots]
    return (*_frame(*names, x_ticks, y_ticks), line, *marks)


def _searches(evaluation: Evaluation) -> Chart | None:
    measured = evaluation.measured
    points = [(fpir, fnir) for _, fpir, fnir in measured.searches_curve if fpir > 0]
    if len(points) < 2:
        return None
    dots = [(rate.target, rate.at.fnir.value) for rate in measured.at_rates if isinstance(rate.at, AtThreshold)]
    return Chart(
        title=f"DET of the identification, N = {measured.gallery_people:,}",
        words="FNIR falls as FPIR rises; the dots are the rates of the table.",
        shapes=_det(points, ("FPIR(N, T)", "FNIR(N, 1, T)"), len(measured.mated.probes), dots),
    )


def _pairs(evaluation: Evaluation) -> Chart | None:
    measured = evaluation.measured
    points = [(fmr, fnmr) for _, fmr, fnmr in measured.pairs_curve if fmr > 0]
    if len(points) < 2:
        return None
    return Chart(
        title="DET of the comparison, 1:1",
        words="FNMR falls as FMR rises.",
        shapes=_det(points, ("FMR(T)", "FNMR(T)"), len(measured.pairs.mated)),
    )


# ---------------------------------------------------------------- ranks


def _ranks(evaluation: Evaluation) -> Chart:
    rates = evaluation.measured.rank_curve
    most = max(rate.high for rate in rates)
    step = next(step for step in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if most / step <= 6)
    top = step * max(1, math.ceil(most / step - 1e-9))
    across = _log_scale(1, MOST_RANKS, LEFT, RIGHT)
    down = _linear_scale(0, top, BOTTOM, TOP)
    x_ticks = [(across(rank), str(rank)) for rank in (1, 2, 5, 10, 20, 50)]
    y_ticks = [(down(count * step), f"{count * step:g}") for count in range(round(top / step) + 1)]
    places = [across(rank) for rank in range(1, len(rates) + 1)]
    above = [(x, down(rate.high)) for x, rate in zip(places, rates, strict=True)]
    below = [(x, down(rate.low)) for x, rate in zip(places, rates, strict=True)]
    line = [(x, down(rate.value)) for x, rate in zip(places, rates, strict=True)]
    return Chart(
        title=f"Misses by rank, N = {evaluation.measured.everybody:,}",
        words="How often the person is not among the first R, with the 95 % interval as a band.",
        shapes=(
            ChartLine(points=(*above, *reversed(below)), ink=Ink.BAND, filled=True),
            *_frame("rank R", "FNIR(N, R, no threshold)", x_ticks, y_ticks),
            ChartLine(points=tuple(line), ink=Ink.MAIN),
        ),
    )


# ---------------------------------------------------------------- histograms


def _histograms(evaluation: Evaluation) -> list[Chart | None]:
    bars = histograms(evaluation)
    in_use = evaluation.measured.in_use
    threshold = None if in_use is None else in_use.threshold
    return [
        _histogram(
            "Scores of pairs",
            ("one person", bars["mated_pairs"]),
            ("different people", bars["non_mated_pairs"]),
            threshold,
        ),
        _histogram(
            "Scores of searches",
            ("own person", bars["mates_in_mated_searches"]),
            ("best of others", bars["best_in_non_mated_searches"]),
            threshold,
        ),
    ]


def _histogram(
    title: str, mated: tuple[str, Sequence[int]], other: tuple[str, Sequence[int]], threshold: float | None
) -> Chart | None:
    """Return how often each score occurs, as a share of all of a kind; the dashed line is that of other people."""
    shares = [[count / max(1, sum(counts)) for count in counts] for _, counts in (mated, other)]
    seen = [at for at in range(len(shares[0])) if shares[0][at] or shares[1][at]]
    if not seen:
        return None
    low = min(-0.2, math.floor((seen[0] * BIN - 1) * 5) / 5)
    most = max(max(share) for share in shares)
    across, down = _linear_scale(low, 1, LEFT, RIGHT), _linear_scale(0, most, BOTTOM, TOP + 24)
    ticks = [(across(low + 0.2 * at), f"{low + 0.2 * at:.1f}") for at in range(round((1 - low) / 0.2) + 1)]
    shapes = _frame("score", "share", ticks, [(down(0), "0"), (down(most), f"{most:.2g}")])
    for (name, _), share, ink in zip((mated, other), shares, (Ink.MAIN, Ink.OTHER), strict=True):
        steps = [(across(at * BIN - 1 + side * BIN), down(value)) for at, value in enumerate(share) for side in (0, 1)]
        inside = tuple(step for step in steps if step[0] > LEFT)
        shapes.append(ChartLine(points=inside, ink=ink, dashed=ink is Ink.OTHER))
        peak = max(range(len(share)), key=share.__getitem__)
        x = min(max(across((peak + 0.5) * BIN - 1), LEFT + 48), RIGHT - 40)
        shapes.append(ChartText(at=(x, max(down(share[peak]) - 6, TOP + 10)), text=name, anchor="middle"))
    if threshold is not None and threshold > low:
        x = across(threshold)
        shapes.append(ChartLine(points=((x, TOP), (x, BOTTOM)), ink=Ink.AXIS, dashed=True))
        shapes.append(ChartText(at=(x + 4, TOP + 8), text=f"in use {threshold:.3f}"))
    words = f"{mated[0].capitalize()}: full line. {other[0].capitalize()}: dashed line."
    return Chart(title=title, words=words, shapes=tuple(shapes))


# ---------------------------------------------------------------- SVG


def svg(chart: Chart) -> str:
    """Return a chart as SVG, without style: the classes are those of ``Ink``."""
    drawn = "".join(_svg_shape(shape) for shape in chart.shapes)
    label = quoteattr(f"{chart.title}. {chart.words}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label={label}>{drawn}</svg>'


def _svg_shape(shape: Shape) -> str:
    if isinstance(shape, ChartText):
        x, y = shape.at
        turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if shape.upright else ""
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{shape.anchor}"{turned}>{escape(shape.text)}</text>'
    if isinstance(shape, ChartDot):
        return f'<circle class="{shape.ink}" cx="{shape.at[0]:.1f}" cy="{shape.at[1]:.1f}" r="3.5"/>'
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)
    if shape.filled:
        return f'<polygon class="{shape.ink}" points="{points}"/>'
    dashed = ' stroke-dasharray="5 4"' if shape.dashed else ""
    return f'<polyline class="{shape.ink}" fill="none"{dashed} points="{points}"/>'
