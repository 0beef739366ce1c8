"""The tables of an evaluation, the same for terminal, page and PDF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lineament.model.evaluation.identification import AtRate, AtThreshold
from lineament.model.evaluation.resampling import Insufficient, Measured
from lineament.views.values import counted, hundredths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lineament.model.evaluation.groups import Spread
    from lineament.model.evaluation.measure import Column
    from lineament.model.evaluation.verification import AtFalseMatchRate, AtScore
    from lineament.services.evaluate.evaluate import Evaluation

RANKS = (1, 2, 5, 10, 20, 50)
"""Ranks of the table of the investigation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationTable:
    """Rows under a header."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str  # what was counted, in a sentence or two


def tables(evaluation: Evaluation) -> Iterator[EvaluationTable]:
    """Yield the tables."""
    yield _investigation(evaluation)
    yield _identification(evaluation)
    yield _verification(evaluation)
    yield from _groups(evaluation)
    if evaluation.columns:
        yield _degradations(evaluation)


def _investigation(evaluation: Evaluation) -> EvaluationTable:
    measured = evaluation.measured
    return EvaluationTable(
        title="Investigation: FNIR(N, R, no threshold)",
        columns=("rank R", "FNIR"),
        rows=tuple((str(rank), rate_words(measured.rank_curve[rank - 1])) for rank in RANKS),
        note=(
            f"N = {measured.everybody:,} people, everybody enrolled. {len(measured.investigated.probes):,} mated "
            "searches; a search misses if the person is not among the first R."
        ),
    )


def _identification(evaluation: Evaluation) -> EvaluationTable:
    measured = evaluation.measured
    rows = [_at_rate_row(rate) for rate in measured.at_rates]
    if measured.in_use is not None:
        rows.append(("in use", *_threshold_row(measured.in_use)))
    rows += [("given", *_threshold_row(at)) for at in measured.at_thresholds]
    note = (
        f"N = {measured.gallery_people:,} people. {len(measured.mated.probes):,} mated and "
        f"{int(measured.nonmated.answered.sum()):,} non-mated searches. FNIR with R = 1: the person has to come first "
        "and reach the threshold."
    )
    if measured.in_use is not None:
        note += f" The threshold in use: {evaluation.in_use_from}."
    return EvaluationTable(
        title="Identification: FNIR(N, R, T) at a false positive identification rate",
        columns=("FPIR", "threshold T", "FPIR found", "FNIR, R = 1", "FNIR, R = 50"),
        rows=tuple(rows),
        note=note,
    )


def _verification(evaluation: Evaluation) -> EvaluationTable:
    measured = evaluation.measured
    rows = [_pairs_row(rate) for rate in measured.pairs_at_rates]
    rows += [("at threshold", *_score_row(at)) for at in measured.pairs_at_thresholds]
    return EvaluationTable(
        title="Comparison, 1:1: FNMR at a false match rate",
        columns=("FMR", "threshold", "FMR found", "FNMR"),
        rows=tuple(rows),
        note=(
            f"{len(measured.pairs.mated):,} mated and {int(measured.pairs.nonmated.sum()):,} non-mated pairs of "
            f"{measured.pairs.pictures:,} pictures of {measured.pairs.people:,} people. In FNMR each person has the "
            "same weight."
        ),
    )


def _groups(evaluation: Evaluation) -> Iterator[EvaluationTable]:
    measured = evaluation.measured
    if not measured.groups or measured.fpir_spread is None or measured.fnir_spread is None:
        return
    yield EvaluationTable(
        title="Groups at the threshold in use",
        columns=("group", "FPIR", "FNIR, R = 1"),
        rows=tuple((rates.group, rate_words(rates.fpir), rate_words(rates.fnir)) for rates in measured.groups),
        note="A search belongs to the group of its probe. Groups of few people have insufficient data.",
    )
    yield EvaluationTable(
        title="How far groups differ (ISO/IEC 19795-10)",
        columns=("rate", "worst / best", "worst / geometric mean", "Gini coefficient"),
        rows=(_spread_row("FPIR", measured.fpir_spread), _spread_row("FNIR", measured.fnir_spread)),
        note="Among the groups with sufficient data. The Gini coefficient is corrected for few groups, n / (n − 1).",
    )


def _degradations(evaluation: Evaluation) -> EvaluationTable:
    return EvaluationTable(
        title="Degraded probes; the gallery is unchanged",
        columns=(
            "probes",
            "no face",
            "FNIR, R = 1, no threshold",
            "FNIR, FPIR 0.01",
            "FPIR, same threshold",
            "FNIR, same threshold",
        ),
        rows=tuple(map(_column_row, evaluation.columns)),
        note=(
            "No face: of all probes, mated and non-mated. FNIR at FPIR 0.01: at the threshold that the degraded "
            "non-mated searches need. Same threshold: that of FPIR 0.01 without degradation."
        ),
    )


def rate_words(rate: Measured) -> str:
    """Return a rate with its interval as “2.37 % (1.62 to 3.21)”, or why it is not given."""
    if isinstance(rate, Insufficient):
        return str(rate)
    return f"{hundredths(rate.value)} % ({hundredths(rate.low)} to {hundredths(rate.high)})"


def false_match_words(rate: Measured) -> str:
    """Return a false match rate as “1.0e-05 (8.1e-06 to 1.2e-05)”, or why it is not given."""
    if isinstance(rate, Insufficient):
        return str(rate)
    return f"{rate.value:.1e} ({rate.low:.1e} to {rate.high:.1e})"


def _at_rate_row(rate: AtRate) -> tuple[str, ...]:
    """Return one row of the table of FNIR by FPIR: target, threshold, FPIR, FNIR with R = 1 and with R = 50."""
    if isinstance(rate.at, Insufficient):
        return f"{rate.target:g}", "", "", str(rate.at), ""
    return (f"{rate.target:g}", *_threshold_row(rate.at))


def _threshold_row(at: AtThreshold) -> tuple[str, ...]:
    """Return threshold, FPIR, FNIR with R = 1 and with R = 50."""
    return f"{at.threshold:.4f}", rate_words(at.fpir), rate_words(at.fnir), rate_words(at.fnir_listed)


def _pairs_row(rate: AtFalseMatchRate) -> tuple[str, ...]:
    """Return one row of the table of FNMR by FMR: target, threshold, FMR, FNMR."""
    if isinstance(rate.at, Insufficient):
        return f"{rate.target:.0e}", "", "", str(rate.at)
    return (f"{rate.target:.0e}", *_score_row(rate.at))


def _score_row(at: AtScore) -> tuple[str, ...]:
    """Return threshold, FMR and FNMR."""
    return f"{at.threshold:.4f}", false_match_words(at.fmr), rate_words(at.fnmr)


def _column_row(column: Column) -> tuple[str, ...]:
    """Return one row of the table of degradations.

    These are: probes without a template, misses at rank 1, FNIR at FPIR 0.01 with a threshold of its own, then FPIR
    and FNIR at the threshold of the undegraded probes.
    """
    at = column.at_rate.at
    own = str(at) if isinstance(at, Insufficient) else rate_words(at.fnir)
    fixed = (
        ("", "") if column.unchanged is None else (rate_words(column.unchanged.fpir), rate_words(column.unchanged.fnir))
    )
    return column.name, f"{column.failed:,}", rate_words(column.rank_1), own, *fixed


def _spread_row(name: str, spread: Spread) -> tuple[str, ...]:
    """Return one row of the table of how far rates differ."""
    numbers = (spread.worst_over_best, spread.worst_over_geometric_mean, spread.gini)
    why = "fewer than two groups have sufficient data" if spread.groups < 2 else "undefined: a group has none"
    return name, *(why if number is None else f"{number:.3g}" for number in numbers)


def set_words(evaluation: Evaluation) -> list[str]:
    """Return what was evaluated and on how many, in lines."""
    measured = evaluation.measured
    first = (
        f"{evaluation.name}: {counted(measured.pictures, 'picture')} of {counted(measured.people, 'person', 'people')}"
    )
    failed = f"{counted(measured.failed, 'picture')} without a face that can be compared, each a miss"
    searched = (
        f"{len(measured.mated.probes):,} mated searches"
        f"{_of(len(measured.mated.probes), measured.division.mated_of)}, "
        f"{int(measured.nonmated.answered.sum()):,} non-mated searches"
        f"{_of(len(measured.nonmated.probes), measured.division.nonmated_of)}; "
        f"{len(measured.pairs.mated):,} mated and {int(measured.pairs.nonmated.sum()):,} non-mated pairs."
    )
    lines = [f"{first}; {failed}.", searched]
    lines += [f"  {counted(count, 'picture')}: {why}" for why, count in evaluation.reasons[:5]]
    return lines


def _of(drawn: int, possible: int) -> str:
    return "" if drawn == possible else f" drawn from {possible:,}"
