"""Rates with 95 % intervals by resampling people (ISO/IEC 19795-1), and what too few data cannot give (R26)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lineament.model.evaluation.samples import Rows

if TYPE_CHECKING:
    from lineament.model.events.base import JSON

DIGITS = 6
"""Decimals of rates and scores in JSON."""
TIMES = 1000
"""How often people are resampled."""
LEVELS = (0.025, 0.975)
NONE_SEEN = 3.0
"""If n people show no error, the rate may be up to NONE_SEEN / n with 95 % probability (the “rule of 3”)."""

Floats = NDArray[np.float64]
Weights = NDArray[np.float32]
"""How often each person was drawn in each resampling, shape (TIMES, people)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A rate, 0 to 1, with its 95 % interval."""

    value: float
    low: float
    high: float
    trials: int  # searches or comparisons
    people: int  # who were resampled


@dataclass(frozen=True, slots=True, kw_only=True)
class Insufficient:
    """Why a rate is not given."""

    what: str  # non-mated searches
    found: int
    needed: int

    def __str__(self) -> str:
        return f"insufficient data: {self.found:,} {self.what}, {self.needed:,} needed"


Measured = Estimate | Insufficient


def measured_json(rate: Measured) -> dict[str, JSON]:
    """Return a rate with its interval, or why it is not given."""
    if isinstance(rate, Insufficient):
        return {"insufficient": str(rate)}
    return {
        "value": round(rate.value, DIGITS),
        "low": round(rate.low, DIGITS),
        "high": round(rate.high, DIGITS),
        "trials": rate.trials,
        "people": rate.people,
    }


def draw_people(count: int, seed: int, purpose: int) -> Weights:
    """Draw ``count`` people with replacement, TIMES times; ``purpose`` keeps the draws of one seed apart."""
    random = np.random.default_rng([seed, purpose])
    drawn = random.integers(0, count, (TIMES, count))
    drawn += count * np.arange(TIMES)[:, None]
    return np.bincount(drawn.ravel(), minlength=TIMES * count).reshape(TIMES, count).astype(np.float32)


def share(errors: NDArray[np.bool_], whose: Rows, weights: Weights) -> Estimate:
    """Return the share of errors among trials.

    Args:
        errors: Whether each trial failed, shape (trials,), at least one.
        whose: The person of each trial, as a column of ``weights``.
        weights: From ``draw_people``.
    """
    people = weights.shape[1]
    failed = np.bincount(whose, errors, minlength=people)
    tried = np.bincount(whose, minlength=people)
    drawn = (weights @ failed.astype(np.float32)) / np.maximum(weights @ tried.astype(np.float32), 1)
    return with_interval(float(errors.mean()), drawn, len(errors), int((tried > 0).sum()))


def with_interval(value: float, drawn: NDArray[np.floating], trials: int, people: int) -> Estimate:
    """Return a rate with the interval of its values in the resamplings; the rule of 3 applies to 0 and 1."""
    low, high = (float(level) for level in np.quantile(drawn, LEVELS))
    if value == 0:
        low, high = 0.0, min(1.0, NONE_SEEN / people)
    elif value == 1:
        low, high = max(0.0, 1 - NONE_SEEN / people), 1.0
    return Estimate(value=value, low=min(low, value), high=max(high, value), trials=trials, people=people)
