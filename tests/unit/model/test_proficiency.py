"""Rates of reviewers about pairs whose truth is known (R23)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lineament.errors import InvalidValue
from lineament.model.proficiency import LEAST_PAIRS, Decided, KnownPair, proficiency_of, read_truth
from lineament.model.review import Assessment, CandidateDecision, Feature, ReviewOutcome

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEAD, EXCLUDED, INCONCLUSIVE = ReviewOutcome.LEAD, ReviewOutcome.EXCLUDED, ReviewOutcome.INCONCLUSIVE


def pair(entry: int, *, same: bool, at: datetime = AT) -> KnownPair:
    return KnownPair(
        id=f"p{entry}",
        search_id="s1",
        entry=entry,
        account_id="sven",
        agency_id="a",
        at=at,
        same=same,
        said_by="Sven",
    )


def decision(entry: int, outcome: ReviewOutcome, who: str = "eva", **changes: object) -> CandidateDecision:
    made = CandidateDecision(
        id=f"{who}{entry}",
        search_id="s1",
        entry=entry,
        seat=1,
        number=1,
        account_id=who,
        agency_id="a",
        reviewer=who.title(),
        at=AT + timedelta(hours=1),
        outcome=outcome,
        checklist=dict.fromkeys(Feature, Assessment.UNCLEAR),
        grounds="the ears",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_false_exclusion_and_a_false_lead_are_wrong_and_what_is_left_open_is_neither() -> None:
    pairs = [pair(entry, same=entry <= 3) for entry in range(1, 7)]
    made = [decision(entry, (LEAD, EXCLUDED, INCONCLUSIVE)[entry % 3]) for entry in range(1, 7)]
    (found,) = proficiency_of(pairs, made)
    assert (found.mated.pairs, found.mated.right, found.mated.wrong, found.mated.open) == (3, 1, 1, 1)
    assert (found.others.pairs, found.others.right, found.others.wrong, found.others.open) == (3, 1, 1, 1)
    assert found.mated.rate is None, "three pairs tell no rate"


def test_only_the_first_decision_that_was_made_blind_after_the_truth_was_on_record_counts() -> None:
    made = [
        decision(1, LEAD, number=2),
        decision(1, LEAD, who="rita", informed=True),
        decision(1, LEAD, who="sven", at=AT - timedelta(hours=1)),
        decision(2, LEAD),
    ]
    assert proficiency_of([pair(1, same=True)], made) == []


def test_each_reviewer_stands_alone_by_name() -> None:
    made = [decision(1, LEAD, who="rita"), decision(1, EXCLUDED)]
    found = proficiency_of([pair(1, same=True)], made)
    assert [(each.reviewer, each.mated.right, each.mated.wrong) for each in found] == [("Eva", 0, 1), ("Rita", 1, 0)]


def test_a_rate_has_its_interval() -> None:
    few, enough = Decided(pairs=LEAST_PAIRS - 1, wrong=1), Decided(pairs=LEAST_PAIRS, right=18, wrong=1)
    assert few.rate is None
    assert few.interval is None
    assert enough.rate == pytest.approx(0.05)
    assert enough.interval is not None
    low, high = enough.interval
    assert (round(low, 3), round(high, 3)) == (0.009, 0.236), "Wilson, 1 of 20"


def test_a_truth_is_read() -> None:
    assert read_truth("a1b2=same") == ("a1b2", True)
    assert read_truth(" 3 = other ") == ("3", False)
    for text in ("", "a1b2", "a1b2=perhaps", "=x"):
        with pytest.raises(InvalidValue, match="same, other"):
            read_truth(text)
