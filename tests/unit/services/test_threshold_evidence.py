"""The error rates before and after a change of the threshold, for everybody and by group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lineament.model.evaluation.measure import OpenSetTest, Protocol
from lineament.model.evaluation.samples import Samples
from lineament.model.rates import ErrorRates, FalseMatchCurve
from lineament.services.threshold.evidence import rates_expecting

PEOPLE, STRANGERS = 40, 40
"""People of each of two groups who have two pictures, and who have one."""
CURVE = FalseMatchCurve(comparisons=10**6, measured_to=0.9, scores=(0.0, 0.9), rates=(0.1, 1e-6), slope=-10.0)
RATES = ErrorRates(model="m", origin="a test", grades=(0.0,), false_matches=((CURVE,),), misses=())


def samples() -> Samples:
    """Return templates of two groups: mates of the first score 0.8, those of the second 0.55; strangers nearly 0."""
    chance = np.random.default_rng(5)
    vectors, people, groups = [], [], []
    for group, score in enumerate((0.8, 0.55)):
        for person in range(PEOPLE + STRANGERS):
            first = chance.standard_normal(2048)
            first /= np.linalg.norm(first)
            vectors.append(first)
            if person < PEOPLE:
                other = chance.standard_normal(2048)
                other -= other @ first * first
                other /= np.linalg.norm(other)
                vectors.append(score * first + np.sqrt(1 - score**2) * other)
            whose = group * (PEOPLE + STRANGERS) + person
            people += [whose] * (2 if person < PEOPLE else 1)
            groups += [group] * (2 if person < PEOPLE else 1)
    count = len(vectors)
    return Samples(
        vectors=np.array(vectors, np.float32),
        people=np.array(people, np.int64),
        failed=np.zeros(count, np.bool_),
        unenrolled=np.zeros(count, np.bool_),
        groups=np.array(groups, np.int64),
        norms=np.ones(count, np.float32),
    )


def rate(measured: object) -> float:
    assert isinstance(measured, dict)
    return float(measured["value"])


def groups_of(side: dict[str, Any]) -> dict[str, Any]:
    return {rates["group"]: rates for rates in side["groups"]}


def test_a_lower_number_raises_the_score_and_the_misses_of_the_group_that_scores_low() -> None:
    test = OpenSetTest.of(samples(), Protocol())
    lax, counts = rates_expecting(1.0, test, ("near", "far"), RATES)
    strict, _ = rates_expecting(0.001, test, ("near", "far"), RATES)
    assert counts == {"gallery_people": 2 * PEOPLE, "mated_searches": 2 * PEOPLE, "non_mated_searches": 2 * STRANGERS}
    assert isinstance(lax["threshold"], float)
    assert isinstance(strict["threshold"], float)
    assert lax["threshold"] < 0.55 < strict["threshold"] < 0.8
    assert (rate(lax["fnir"]), rate(strict["fnir"])) == (0, 0.5)
    by_group = [{name: rate(rates["fnir"]) for name, rates in groups_of(side).items()} for side in (lax, strict)]
    assert by_group == [{"near": 0, "far": 0}, {"near": 0, "far": 1}]


def test_a_group_of_few_people_has_insufficient_data() -> None:
    some = samples()
    groups = np.where(some.people < 29, 1, 0).astype(np.int64)
    rates, _ = rates_expecting(0.1, OpenSetTest.of(replace(some, groups=groups), Protocol()), ("many", "few"), RATES)
    found = groups_of(rates)
    assert "value" in found["many"]["fnir"]
    assert found["few"]["fnir"] == {"insufficient": "insufficient data: 29 people who are enrolled, 30 needed"}


def test_without_norms_there_is_no_threshold_of_the_product() -> None:
    plain = Samples.of_vectors(samples().vectors, samples().people)
    with pytest.raises(ValueError, match="how strong"):
        rates_expecting(0.1, OpenSetTest.of(plain, Protocol()), (), RATES)
