"""Measures a change before it is proposed: the error rates before and after, for everybody and by group (R27, R28)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import lineament
from lineament.errors import NotEvaluable
from lineament.model.evaluation.groups import GroupRates, rates_by_group
from lineament.model.evaluation.measure import OpenSetTest, Protocol
from lineament.model.evaluation.resampling import DIGITS, measured_json
from lineament.model.events.base import JSON
from lineament.model.rates import ErrorRates
from lineament.services.evaluate.evaluate import (
    EvaluationOptions,
    digest_of_pictures,
    digest_of_settings,
    thresholds_in_use,
)
from lineament.services.evaluate.labelled import LabelledSet
from lineament.services.evaluate.templates import Extractor, Progress, Templates, samples_of

if TYPE_CHECKING:
    from lineament.vision.packs import Pack

Report = Callable[[str, Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredSide:
    """One side of a change: the pack, what finds templates with it, and the strangers expected."""

    strangers: float
    pack: Pack
    extractor: Extractor


def measure_change(
    labelled: LabelledSet,
    options: EvaluationOptions,
    before: MeasuredSide,
    after: MeasuredSide,
    report: Report = lambda *_: None,
) -> dict[str, JSON]:
    """Return FNIR and FPIR before and after a change, as JSON. Both sides search the same pictures.

    If the sides share their extractor, each picture is analysed once.

    Args:
        labelled: Pictures of known people.
        options: How they are used; thresholds and degradations are ignored.
        before: What is in use.
        after: What is proposed.
        report: Is called as pictures are analysed.

    Raises:
        NotEvaluable: No picture shows a face.
        InvalidValue: The protocol leaves no mated search.
    """
    templates = before.extractor.run(labelled.pictures, partial(report, "Analysing"))
    first, counts = _side(labelled, templates, options.protocol, before)
    if after.extractor is not before.extractor:
        templates = after.extractor.run(labelled.pictures, partial(report, f"Analysing with {after.pack.name}"))
    second, _ = _side(labelled, templates, options.protocol, after)
    return {
        "set": labelled.name,
        **counts,
        "before": first,
        "after": second,
        "depends_on": {
            "lineament": lineament.__version__,
            "data_sha256": digest_of_pictures(labelled, templates),
            "settings_sha256": digest_of_settings(options, labelled.joined),
            "seed": options.protocol.seed,
        },
    }


def _side(
    labelled: LabelledSet, templates: Templates, protocol: Protocol, side: MeasuredSide
) -> tuple[dict[str, JSON], dict[str, JSON]]:
    """Return the error rates of one side, and what was counted."""
    analyser, pack = side.extractor.analyser, side.pack
    samples, people, groups = samples_of(labelled, templates, analyser.dimension)
    if samples.failed.all():
        why = f"no picture shows a face ({templates.found[0].why})"
        raise NotEvaluable(path=labelled.name, why=why, remedy="give other pictures")
    rates, counts = rates_expecting(side.strangers, OpenSetTest.of(samples, protocol), groups, analyser.rates)
    facts: dict[str, JSON] = {
        "strangers": side.strangers,
        "pack": pack.name,
        "model": analyser.model,
        "precision": analyser.precision,
        "weights_sha256": [net.sha256 for net in (pack.detector, *(each.net for each in pack.recognisers))],
    }
    return {**facts, **rates}, {"pictures": len(samples), "people": len(people), **counts}


def rates_expecting(
    strangers: float, test: OpenSetTest, groups: Sequence[str], rates: ErrorRates
) -> tuple[dict[str, JSON], dict[str, JSON]]:
    """Return the error rates where so many strangers are expected, and how many people and searches there were.

    Args:
        strangers: Expected above the threshold, which each probe has by its grade.
        test: The pictures and the protocol; the norms of the pictures must be known.
        groups: The names of the groups, by number; may be empty.
        rates: Of the model that made the templates.
    """
    samples, division = test.samples, test.division
    found = test.searched(samples, division.mated, division.nonmated)
    threshold = thresholds_in_use(rates, test, strangers)
    at = found.at_threshold(threshold)
    by_group: tuple[GroupRates, ...] = ()
    if groups and samples.groups is not None:
        by_group = rates_by_group(found, groups, samples.groups, threshold)
    measured: dict[str, JSON] = {
        "without_a_template": int(samples.failed.sum()),
        "threshold": round(at.threshold, DIGITS),
        "fnir": measured_json(at.fnir),
        "fpir": measured_json(at.fpir),
        "groups": [
            {"group": each.group, "fnir": measured_json(each.fnir), "fpir": measured_json(each.fpir)}
            for each in by_group
        ],
    }
    counts: dict[str, JSON] = {
        "gallery_people": test.gallery_people,
        "mated_searches": len(found.mated.probes),
        "non_mated_searches": int(found.nonmated.answered.sum()),
    }
    return measured, counts
