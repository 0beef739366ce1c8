"""What was measured in an evaluation, as JSON (docs/reference/evaluation-json.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineament.model.evaluation.identification import AtRate, AtThreshold
from lineament.model.evaluation.resampling import DIGITS, Insufficient, measured_json

if TYPE_CHECKING:
    from lineament.model.evaluation.groups import GroupRates, Spread
    from lineament.model.evaluation.measure import Column, Curve
    from lineament.model.evaluation.verification import AtFalseMatchRate, AtScore
    from lineament.services.evaluate.evaluate import Evaluation, ShownError

BIN = 0.02
"""Width of a bar of the histograms, a score."""


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything that was measured, with what it depends on."""
    measured, binding = evaluation.measured, evaluation.binding
    return {
        "set": evaluation.name,
        "date": evaluation.date or None,
        "depends_on": {
            "lineament": binding.version,
            "model": binding.model,
            "weights_sha256": dict(binding.weights),
            "precision": binding.precision,
            "data_sha256": binding.data_sha256,
            "settings_sha256": binding.settings_sha256,
            "seed": binding.seed,
        },
        "protocol": protocol_json(evaluation),
        "counts": {
            "people": measured.people,
            "pictures": measured.pictures,
            "without_a_template": measured.failed,
            "failed_to_enrol": measured.unenrolled,
            "same_bytes_as_another": evaluation.twice,
            "skipped_files": evaluation.skipped,
        },
        "investigation": {
            "people": measured.everybody,
            "searches": len(measured.investigated.probes),
            "searches_possible": measured.division.mated_of,
            "fnir_by_rank": [measured_json(rate) for rate in measured.rank_curve],
        },
        "identification": {
            "people": measured.gallery_people,
            "faces": measured.gallery_faces,
            "mated_searches": len(measured.mated.probes),
            "mated_searches_possible": measured.division.mated_of,
            "non_mated_searches": int(measured.nonmated.answered.sum()),
            "non_mated_searches_possible": measured.division.nonmated_of,
            "at_fpir": [_at_rate(rate) for rate in measured.at_rates],
            "in_use_from": evaluation.in_use_from if measured.in_use else None,
            "in_use": None if measured.in_use is None else _at_threshold(measured.in_use),
            "at_thresholds": [_at_threshold(at) for at in measured.at_thresholds],
            "det": _curve(measured.searches_curve, "fpir", "fnir"),
        },
        "verification": {
            "people": measured.pairs.people,
            "pictures": measured.pairs.pictures,
            "mated_pairs": len(measured.pairs.mated),
            "non_mated_pairs": int(measured.pairs.nonmated.sum()),
            "at_fmr": [_at_false_match_rate(rate) for rate in measured.pairs_at_rates],
            "at_thresholds": [_at_score(at) for at in measured.pairs_at_thresholds],
            "det": _curve(measured.pairs_curve, "fmr", "fnmr"),
        },
        "histograms": histograms(evaluation),
        "groups": {
            "rates": [_group(rates) for rates in measured.groups],
            "fpir_differs": _spread(measured.fpir_spread),
            "fnir_differs": _spread(measured.fnir_spread),
        },
        "degradations": [_column(column) for column in evaluation.columns],
        "joined": [list(pair) for pair in evaluation.joined],
        "failures": {
            "by_reason": dict(evaluation.reasons),
            "first": [{"file": name, "why": why} for name, why in evaluation.failures],
        },
        "alike": {
            "from_score": _round(measured.pairs.alike_from),
            "pairs": [
                {
                    "score": _round(pair.score),
                    "first": _picture(evaluation, pair.first),
                    "second": _picture(evaluation, pair.second),
                }
                for pair in measured.pairs.alike
            ],
        },
        "worst": {
            "missed": [_shown(evaluation, each) for each in evaluation.worst.missed],
            "false": [_shown(evaluation, each) for each in evaluation.worst.false],
        },
    }


def protocol_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return how the pictures were used."""
    protocol = evaluation.protocol
    return {
        "face": None if evaluation.choice is None else evaluation.choice.value,
        "enrolled_of_each_person": protocol.enrol,
        "several_enrolled": protocol.enrolment.value,
        "left_out": _round(evaluation.measured.left_out),
        "most_searches": protocol.searches,
        "thresholds": list(protocol.thresholds),
        "resampled": "people, 1000 times; 95 % intervals",
    }


def histograms(evaluation: Evaluation) -> dict[str, Any]:
    """Return how many pairs and searches have which score, in bars of BIN from −1 to 1."""
    import numpy as np

    measured = evaluation.measured
    bars = round(2 / BIN)
    edges = np.linspace(-1, 1, bars + 1)

    def counts(scores: Any) -> list[int]:
        seen = scores[np.isfinite(scores)]
        return [int(count) for count in np.histogram(np.clip(seen, -1, 1), edges)[0]]

    steps = measured.pairs.nonmated[:-1].reshape(bars, -1).sum(axis=1)
    steps[-1] += measured.pairs.nonmated[-1]
    return {
        "width": BIN,
        "from": -1,
        "mated_pairs": counts(measured.pairs.mated),
        "non_mated_pairs": [int(count) for count in steps],
        "mates_in_mated_searches": counts(measured.mated.own),
        "best_in_non_mated_searches": counts(measured.nonmated.best),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _at_threshold(at: AtThreshold) -> dict[str, Any]:
    return {
        "threshold": _round(at.threshold),
        "fpir": measured_json(at.fpir),
        "fnir": measured_json(at.fnir),
        "fnir_rank_50": measured_json(at.fnir_listed),
    }


def _at_rate(rate: AtRate) -> dict[str, Any]:
    at = {"insufficient": str(rate.at)} if isinstance(rate.at, Insufficient) else _at_threshold(rate.at)
    return {"target": rate.target} | at


def _at_score(at: AtScore) -> dict[str, Any]:
    return {"threshold": _round(at.threshold), "fmr": measured_json(at.fmr), "fnmr": measured_json(at.fnmr)}


def _at_false_match_rate(rate: AtFalseMatchRate) -> dict[str, Any]:
    at = {"insufficient": str(rate.at)} if isinstance(rate.at, Insufficient) else _at_score(rate.at)
    return {"target": rate.target} | at


def _curve(curve: Curve, false: str, missed: str) -> list[dict[str, float]]:
    names = ("score", false, missed)
    return [dict(zip(names, (round(value, DIGITS + 2) for value in point), strict=True)) for point in curve]


def _group(rates: GroupRates) -> dict[str, Any]:
    return {"group": rates.group, "fpir": measured_json(rates.fpir), "fnir": measured_json(rates.fnir)}


def _spread(spread: Spread | None) -> dict[str, Any] | None:
    if spread is None:
        return None
    return {
        "groups": spread.groups,
        "worst_over_best": _round(spread.worst_over_best),
        "worst_over_geometric_mean": _round(spread.worst_over_geometric_mean),
        "gini": _round(spread.gini),
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "probes": column.name,
        "without_a_template": column.failed,
        "fnir_rank_1": measured_json(column.rank_1),
        "at_fpir": _at_rate(column.at_rate),
        "at_threshold_of_undegraded": None if column.unchanged is None else _at_threshold(column.unchanged),
    }


def _picture(evaluation: Evaluation, row: int) -> dict[str, Any] | None:
    if row < 0:
        return None
    return {
        "row": row,
        "file": evaluation.files[row] if evaluation.files else None,
        "person": person_of(evaluation, row),
    }


def _shown(evaluation: Evaluation, each: ShownError) -> dict[str, Any]:
    return {
        "probe": _picture(evaluation, each.probe),
        "other": _picture(evaluation, each.other),
        "score": _round(each.score),
        "mate": _picture(evaluation, each.mate),
        "mate_score": _round(each.mate_score),
    }


def person_of(evaluation: Evaluation, row: int) -> str:
    """Return the name of the person on a picture."""
    return evaluation.people[int(evaluation.whose[row])]


def json_file(evaluation: Evaluation) -> bytes:
    """Return the JSON as the bytes of a file."""
    import json

    text = json.dumps(evaluation_json(evaluation), ensure_ascii=False, indent=1)
    return text.encode(errors="backslashreplace") + b"\n"
