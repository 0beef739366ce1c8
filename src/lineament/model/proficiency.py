"""Proficiency: how often reviewers are right about pairs of faces whose truth is known (R23).

A supervisor records of a list which of its candidates are the person of the probe and which are not. The list waits
among the real ones, and whoever reviews it cannot tell. What each person decided first counts: that they decided blind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lineament.errors import InvalidValue
from lineament.model.rates import wilson
from lineament.model.review import CandidateDecision, ReviewOutcome

LEAST_PAIRS = 20
"""Least pairs of a kind for which a rate is told: of fewer, the 95 % interval may span more than 40 points."""

TRUTHS: Mapping[str, bool] = {"same": True, "other": False}
"""What may be true of a known pair, as it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPair:
    """A candidate of which it is known whether it is the person of the probe."""

    id: str
    search_id: str
    entry: int  # of the list: ``ListEntry.number``
    account_id: str | None  # whoever knows
    agency_id: str
    at: datetime
    same: bool  # the same person
    said_by: str  # name


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """How one person decided about the known pairs of one kind: of one person, or of two."""

    pairs: int = 0
    right: int = 0
    wrong: int = 0  # a false exclusion, or a false lead

    @property
    def open(self) -> int:
        """Pairs that they could not tell: inconclusive, or not comparable."""
        return self.pairs - self.right - self.wrong

    @property
    def rate(self) -> float | None:
        """The share that was wrong; None if there are too few pairs to tell one."""
        return self.wrong / self.pairs if self.pairs >= LEAST_PAIRS else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends of the 95 % interval of the rate (Wilson); None if there is none."""
        return None if self.rate is None else wilson(self.rate, self.pairs)

    def plus(self, outcome: ReviewOutcome, right: ReviewOutcome, wrong: ReviewOutcome) -> Decided:
        """Return this with one more pair."""
        return Decided(
            pairs=self.pairs + 1, right=self.right + (outcome is right), wrong=self.wrong + (outcome is wrong)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proficiency:
    """How often one reviewer was right about known pairs."""

    account_id: str | None
    reviewer: str  # name
    mated: Decided = Decided()  # pairs of one person; wrong: a false exclusion
    others: Decided = Decided()  # pairs of two people; wrong: a false lead
    last_at: datetime  # when they last decided about one


def read_truth(text: str) -> tuple[str, bool]:
    """Return the name of a candidate and its truth, written as ``NAME=same`` or ``NAME=other``. Raises InvalidValue."""
    name, _, truth = text.partition("=")
    if truth.strip() not in TRUTHS:
        why = f"write a candidate, = and one of: {', '.join(TRUTHS)}"
        raise InvalidValue(what="The truth", value=text[:60], why=why, field="truth")
    return name.strip(), TRUTHS[truth.strip()]


def proficiency_of(pairs: Iterable[KnownPair], decisions: Iterable[CandidateDecision]) -> list[Proficiency]:
    """Return how often each reviewer was right, by name.

    The first decision of each person about a pair counts, if they made it blind and after its truth was on record.
    """
    known = {(pair.search_id, pair.entry): pair for pair in pairs}
    found: dict[str | None, Proficiency] = {}
    for decision in decisions:
        pair = known.get((decision.search_id, decision.entry))
        if pair is None or decision.number != 1 or decision.informed or decision.at < pair.at:
            continue
        before = found.get(decision.account_id)
        mated, others = (Decided(), Decided()) if before is None else (before.mated, before.others)
        if pair.same:
            mated = mated.plus(decision.outcome, ReviewOutcome.LEAD, ReviewOutcome.EXCLUDED)
        else:
            others = others.plus(decision.outcome, ReviewOutcome.EXCLUDED, ReviewOutcome.LEAD)
        found[decision.account_id] = Proficiency(
            account_id=decision.account_id,
            reviewer=decision.reviewer,
            mated=mated,
            others=others,
            last_at=decision.at if before is None else max(before.last_at, decision.at),
        )
    return sorted(found.values(), key=lambda each: (each.reviewer, each.account_id or ""))
