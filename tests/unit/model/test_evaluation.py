"""The statistics of an evaluation, against scores made by hand and against plain loops over all pairs."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineament.errors import InvalidValue
from lineament.model.evaluation import searching, verification
from lineament.model.evaluation.groups import rates_by_group, spread, spread_of
from lineament.model.evaluation.identification import AtThreshold, Identification, threshold_for
from lineament.model.evaluation.measure import COLUMN_RATE, OpenSetTest, Protocol, measure
from lineament.model.evaluation.resampling import TIMES, Estimate, Insufficient, draw_people, share
from lineament.model.evaluation.samples import NO_GROUP, Samples, divide, places_within
from lineament.model.evaluation.searching import NEVER, Enrolment, SearchScores, enrol, search
from lineament.model.evaluation.verification import PairRates, compare_pairs, sampled_rows, score_of, step_of


def samples(people: list[int], seed: int = 0, dimension: int = 8, failed: tuple[int, ...] = ()) -> Samples:
    """Return made-up templates that lie near those of their person."""
    random = np.random.default_rng(seed)
    whose = np.array(people, np.int64)
    middles = random.normal(size=(whose.max() + 1, dimension))
    vectors = middles[whose] + 0.8 * random.normal(size=(len(people), dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lost = np.isin(np.arange(len(people)), failed)
    return Samples(vectors=vectors.astype(np.float32), people=whose, failed=lost, unenrolled=lost)


def searches(
    own: list[float], best: list[float], above: list[int] | None = None, people: list[int] | None = None
) -> SearchScores:
    """Return searches with these scores; a probe whose own and best score are NEVER has no face."""
    count = len(own)
    mates, others = np.array(own, np.float32), np.array(best, np.float32)
    return SearchScores(
        probes=np.arange(count),
        people=np.array(people if people is not None else range(count), np.int64),
        own=mates,
        own_row=np.full(count, -1),
        best=others,
        best_row=np.full(count, -1),
        above=np.array(above, np.int64) if above is not None else (others >= mates).astype(np.int64),
        answered=(mates != NEVER) | (others != NEVER),
    )


NO = float("-inf")


# ---------------------------------------------------------------- dividing


def test_the_first_pictures_are_enrolled_and_people_with_one_picture_are_the_strangers() -> None:
    division = divide(np.array([0, 0, 1, 2, 2, 2, 3]), enrol=1, left_out=0, most=100, seed=1)
    assert division.enrolled.tolist() == [0, 3]
    assert division.mated.tolist() == [1, 4, 5]
    assert division.nonmated.tolist() == [2, 6]
    assert division.others.tolist() == [2, 6]


def test_several_pictures_a_person_are_enrolled_and_those_with_too_few_are_strangers() -> None:
    division = divide(np.array([0, 0, 1, 2, 2, 2, 3]), enrol=2, left_out=0, most=100, seed=1)
    assert division.enrolled.tolist() == [3, 4]
    assert division.mated.tolist() == [5]
    assert division.nonmated.tolist() == [0, 1, 2, 6]
    assert division.others.tolist() == [0, 1, 2, 6]


def test_a_share_of_people_is_left_out_by_seed() -> None:
    people = np.repeat(np.arange(30), 3)
    first, again, other = (divide(people, enrol=1, left_out=1 / 3, most=1000, seed=seed) for seed in (1, 1, 2))
    assert len(np.unique(people[first.nonmated])) == 10
    assert set(people[first.nonmated]).isdisjoint(people[first.enrolled])
    assert np.array_equal(first.nonmated, again.nonmated)
    assert not np.array_equal(first.nonmated, other.nonmated)


def test_a_sample_of_probes_is_searched_with_and_the_whole_number_is_told() -> None:
    division = divide(np.repeat(np.arange(50), 4), enrol=1, left_out=0.5, most=20, seed=1)
    assert (len(division.mated), division.mated_of) == (20, 75)
    assert (len(division.nonmated), division.nonmated_of) == (20, 100)
    assert (np.diff(division.mated) > 0).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_places_count_the_earlier_rows_of_a_person(people: list[int]) -> None:
    assert places_within(np.array(people)).tolist() == [people[:at].count(person) for at, person in enumerate(people)]


# ---------------------------------------------------------------- searching


def brute_force(of: Samples, rows: np.ndarray, probe: int) -> tuple[float, float, int]:
    """Return the score of the mate, the best of others and how many others reach the mate, by a loop."""
    best: dict[int, float] = {}
    for row in rows.tolist():
        if not of.unenrolled[row]:
            score = float(of.vectors[row] @ of.vectors[probe])
            best[int(of.people[row])] = max(score, best.get(int(of.people[row]), NO))
    own = best.pop(int(of.people[probe]), NO)
    above = sum(score >= own - 1e-6 for score in best.values()) if own > NO else 0
    return own, max(best.values(), default=NO), above


@settings(max_examples=25)
@given(
    people=st.lists(st.integers(0, 12), min_size=4, max_size=60),
    seed=st.integers(0, 99),
    failed=st.sets(st.integers(0, 59), max_size=6),
    tile=st.integers(1, 16),
    count=st.integers(1, 3),
)
def test_searches_in_blocks_find_what_a_loop_finds(
    people: list[int], seed: int, failed: set[int], tile: int, count: int
) -> None:
    of = samples(people, seed, failed=tuple(failed))
    division = divide(of.people, enrol=count, left_out=0.3, most=1000, seed=seed)
    gallery = enrol(of, division.enrolled, Enrolment.BEST)
    probes = np.r_[division.mated, division.nonmated]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "FACES_AT_ONCE", tile)
        patch.setattr(searching, "PROBES_AT_ONCE", 3)
        found = search(of, gallery, probes)
        both = search(
            of, enrol(of, division.others, Enrolment.BEST), division.mated, search(of, gallery, division.mated)
        )
    for at, probe in enumerate(probes.tolist()):
        own, best, above = (NO, NO, 0) if of.failed[probe] else brute_force(of, division.enrolled, probe)
        assert found.own[at] == pytest.approx(own, abs=1e-6)
        assert found.best[at] == pytest.approx(best, abs=1e-6)
        assert found.above[at] == above
        assert found.answered[at] != of.failed[probe]
        shown = found.best_row[at]
        assert (shown == -1) == (best == NO)
        assert of.vectors[shown] @ of.vectors[probe] == pytest.approx(best if best > NO else 0, abs=1e-6) or best == NO
    everybody = np.r_[division.enrolled, division.others]
    for at, probe in enumerate(division.mated.tolist()):
        if of.failed[probe]:
            continue
        assert both.above[at] == brute_force(of, everybody, probe)[2], "the rank among everybody"


def test_averaged_templates_are_the_unit_mean() -> None:
    of = samples([0, 0, 1, 1, 2])
    gallery = enrol(of, np.array([0, 1, 2, 3, 4]), Enrolment.MEAN)
    mean = of.vectors[0] + of.vectors[1]
    assert gallery.vectors[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert gallery.vectors[2] == pytest.approx(of.vectors[4], abs=1e-6)
    assert len(gallery.vectors) == 3


def test_a_person_who_could_not_be_enrolled_is_missed_at_every_rank() -> None:
    of = samples([0, 0, 1, 1, 2], failed=(0,))
    found = search(of, enrol(of, np.array([0, 2]), Enrolment.BEST), np.array([1, 3]))
    curve = Identification(found, searches([NO], [0.1]), 1).rank_curve()
    assert found.own[0] == NEVER
    assert curve[-1].value == 0.5


def test_equal_scores_count_against_the_person() -> None:
    twin = Samples(
        vectors=np.array([[1, 0], [1, 0], [1, 0]], np.float32),
        people=np.array([0, 1, 0]),
        failed=np.zeros(3, np.bool_),
        unenrolled=np.zeros(3, np.bool_),
    )
    found = search(twin, enrol(twin, np.array([0, 1]), Enrolment.BEST), np.array([2]))
    assert found.rank.tolist() == [2]


# ---------------------------------------------------------------- identification, by hand

HAND = Identification(
    mated=searches(
        #     first  first  second third  no face
        own=[0.90, 0.55, 0.60, 0.30, NO],
        best=[0.20, 0.50, 0.65, 0.70, NO],
        above=[0, 0, 1, 2, 0],
    ),
    nonmated=searches(own=[NO] * 10, best=[0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.58]),
    seed=1,
)


def test_the_rank_curve_counts_failures_as_misses() -> None:
    assert [round(rate.value, 6) for rate in HAND.rank_curve()[:4]] == [0.6, 0.4, 0.2, 0.2]
    assert len(HAND.rank_curve()) == 50


def test_fnir_and_fpir_at_a_threshold() -> None:
    at = HAND.at_threshold(0.5)
    assert isinstance(at.fpir, Estimate)
    assert at.fpir.value == pytest.approx(0.2)  # 0.50 and 0.58 reach it
    assert at.fnir.value == pytest.approx(0.6)  # only 0.90 and 0.55 come first and reach it
    assert at.fnir_listed.value == pytest.approx(0.4)  # 0.60 is second on the list


def test_each_probe_may_have_its_own_threshold() -> None:
    """Probes 0 to 4 are mated, 0 to 9 non-mated; the odd ones need 0.5, the others let everything through."""
    own = np.tile(np.array([-1, 0.5], np.float32), 5)
    at = HAND.at_threshold(own)
    assert isinstance(at.fpir, Estimate)
    assert at.fpir.value == pytest.approx(0.6)  # five even ones, and 0.58
    assert at.fnir.value == pytest.approx(0.6)  # 0.90 and 0.55 are first
    assert at.threshold == pytest.approx(-1)
    assert HAND.at_threshold(np.full(10, 0.5, np.float32)) == HAND.at_threshold(0.5)


def test_fnir_at_a_false_positive_rate() -> None:
    found = Identification(HAND.mated, searches([NO] * 100, [0.57, 0.56, *[0.1] * 98]), 1)
    at = found.at_rate(0.03).at
    assert isinstance(at, AtThreshold)
    assert at.threshold == pytest.approx(0.1, abs=1e-6)
    assert isinstance(at.fpir, Estimate)
    assert at.fpir.value == pytest.approx(0.02)  # the next lower score would let all through
    assert at.fnir.value == pytest.approx(0.6)
    assert found.at_rate(0.1).at != at


def test_no_rate_below_three_by_the_number_of_searches_is_given() -> None:
    found = HAND.at_rate(0.1).at
    assert str(found) == "insufficient data: 10 non-mated searches, 30 needed"
    assert isinstance(Identification(HAND.mated, searches([NO] * 30, [0.1] * 30), 1).at_rate(0.1).at, AtThreshold)
    thousand = Identification(HAND.mated, searches([NO] * 999, [0.1] * 999), 1).at_rate(0.003).at
    assert thousand == Insufficient(what="non-mated searches", found=999, needed=1000)


def test_a_probe_without_a_face_is_no_non_mated_search() -> None:
    found = Identification(HAND.mated, searches([NO] * 3, [0.9, 0.1, NO]), 1)
    assert found.fpir(0.5).value == pytest.approx(0.5)
    assert found.fpir(0.5).trials == 2


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=50), st.floats(0, 1))
def test_the_threshold_is_the_lowest_that_keeps_the_rate(scores: list[int], target: float) -> None:
    falling = np.sort(np.array(scores, np.float32) / np.float32(20))[::-1].astype(np.float32)
    threshold = np.float32(threshold_for(falling, target))
    assert (falling >= threshold).sum() <= target * len(falling) + 1e-6
    lower = falling[falling < threshold]
    assert len(lower) == 0 or (falling >= lower[0]).sum() > target * len(falling) - 1e-6


def test_the_curve_falls_from_few_false_positives_to_many() -> None:
    random = np.random.default_rng(1)
    found = Identification(
        searches(list(random.normal(0.6, 0.1, 200)), [0.0] * 200),
        searches([NO] * 300, list(random.normal(0.2, 0.1, 300))),
        1,
    )
    curve = found.curve()
    assert curve[0][1] == pytest.approx(0.01)
    assert curve[-1][1] == 1
    assert all(a[1] < b[1] and a[2] >= b[2] and a[0] > b[0] for a, b in pairwise(curve))


# ---------------------------------------------------------------- resampling


def test_people_are_resampled_not_searches() -> None:
    """One person with 90 searches that all fail weighs as one person: the interval is wide."""
    whose = np.r_[np.zeros(90, np.int64), np.arange(1, 11)]
    rate = share(whose == 0, whose, draw_people(11, 1, 1))
    assert rate.value == pytest.approx(0.9)
    assert rate.low == 0
    assert rate.high > 0.95
    assert rate.people == 11


def test_intervals_agree_with_the_binomial_for_independent_people() -> None:
    whose = np.arange(400)
    rate = share(whose < 40, whose, draw_people(400, 1, 1))
    spread_of_share = 1.96 * math.sqrt(0.1 * 0.9 / 400)
    assert rate.low == pytest.approx(0.1 - spread_of_share, abs=0.005)
    assert rate.high == pytest.approx(0.1 + spread_of_share, abs=0.005)


def test_without_an_error_the_rule_of_three_applies() -> None:
    whose = np.arange(60)
    none, every = share(whose < 0, whose, draw_people(60, 1, 1)), share(whose >= 0, whose, draw_people(60, 1, 1))
    assert (none.value, none.low, none.high) == (0, 0, 0.05)
    assert (every.value, every.low, every.high) == (1, 0.95, 1)


def test_draws_depend_on_seed_and_purpose_alone() -> None:
    assert np.array_equal(draw_people(7, 1, 1), draw_people(7, 1, 1))
    assert not np.array_equal(draw_people(7, 1, 1), draw_people(7, 1, 2))
    assert not np.array_equal(draw_people(7, 1, 1), draw_people(7, 2, 1))
    assert (draw_people(7, 1, 1).sum(axis=1) == 7).all()
    assert len(draw_people(7, 1, 1)) == TIMES


def test_the_interval_of_fnir_at_a_rate_covers_the_threshold_too() -> None:
    random = np.random.default_rng(2)
    found = Identification(
        searches(list(random.normal(0.5, 0.1, 500)), [0.0] * 500),
        searches([NO] * 300, list(random.normal(0.2, 0.1, 300))),
        1,
    )
    at = found.at_rate(0.01).at
    assert isinstance(at, AtThreshold)
    fixed = found.fnir(at.threshold, 1)
    assert at.fnir.value == pytest.approx(fixed.value)
    assert at.fnir.high - at.fnir.low > 1.5 * (fixed.high - fixed.low)


# ---------------------------------------------------------------- pairs


def loop_over_pairs(of: Samples) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], float]]:
    """Return the scores of mated and of non-mated pairs, by pair of rows."""
    mated, others = {}, {}
    for a, b in combinations(range(len(of)), 2):
        score = NO if of.failed[a] or of.failed[b] else float(of.vectors[a] @ of.vectors[b])
        if of.people[a] == of.people[b]:
            mated[a, b] = score
        elif score > NO:
            others[a, b] = score
    return mated, others


@settings(max_examples=20)
@given(
    people=st.lists(st.integers(0, 9), min_size=3, max_size=50),
    seed=st.integers(0, 99),
    failed=st.sets(st.integers(0, 49), max_size=4),
    block=st.integers(1, 20),
)
def test_pairs_in_blocks_are_those_of_a_loop(people: list[int], seed: int, failed: set[int], block: int) -> None:
    of = samples(people, seed, failed=tuple(failed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "ROWS_AT_ONCE", block)
        found = compare_pairs(of, np.arange(len(of)))
    mated, others = loop_over_pairs(of)
    assert sorted(found.mated.tolist()) == pytest.approx(sorted(mated.values()), abs=1e-6)
    assert int(found.nonmated.sum()) == len(others)
    assert sorted(found.top.tolist()) == pytest.approx(sorted(others.values()), abs=1e-6)
    for score in (-0.5, 0.0, 0.5, 0.9):
        reached = int(found.nonmated[step_of(np.float32(score)) :].sum())
        low, high = (sum(other >= score + by for other in others.values()) for by in (2e-6, -2e-6))
        assert low <= reached <= high
    alike = {(pair.first, pair.second) for pair in found.alike}
    median = np.median([score for score in mated.values() if score > NO] or [1.0])
    assert alike <= {tuple(pair) for a, b in others for pair in ((a, b), (b, a))}
    assert len(alike) == pytest.approx(sum(score >= median for score in others.values()), abs=1)


def pair_table(scores: list[float], mated: list[float], whose: list[int], people: int) -> PairRates:
    """Return pairs with these scores; all non-mated pairs are of the people 0 and 1."""
    counts = np.bincount(step_of(np.array(scores, np.float32)), minlength=2 * verification.STEPS + 1)
    pairs = verification.PairScores(
        pictures=0,
        people=people,
        mated=np.array(mated, np.float32),
        mated_people=np.array(whose, np.int64),
        mated_rows=np.zeros((len(mated), 2), np.int64),
        nonmated=counts,
        top=np.sort(np.array(scores, np.float32))[::-1],
        top_people=np.tile([0, 1], (len(scores), 1)),
        alike=(),
        alike_from=1.0,
    )
    return PairRates(pairs, 1)


def test_fmr_and_fnmr_by_hand() -> None:
    """Four mated pairs of two people: of person 0, one of three is missed at 0.4; of person 1, the only one."""
    found = pair_table([0.1, 0.2, 0.3, 0.5], [0.6, 0.7, 0.3, NO], [0, 0, 0, 1], 2)
    (at,) = found.at_thresholds([0.4])
    assert isinstance(at.fmr, Estimate)
    assert at.fmr.value == pytest.approx(0.25)
    assert isinstance(at.fnmr, Estimate)
    assert at.fnmr.value == pytest.approx((1 / 3 + 1) / 2)  # both people have the same weight
    assert at.threshold == 0.4


def test_fnmr_at_a_false_match_rate_needs_thirty_pairs_that_reach_it() -> None:
    scores = [*np.linspace(0, 0.5, 2970), *np.linspace(0.51, 0.54, 30)]
    found = pair_table(scores, [0.505, 0.52, 0.6, 0.9], [0, 1, 2, 3], 4).at_rates()
    at = found[0].at
    assert found[0].target == 0.01
    assert isinstance(at, verification.AtScore)
    assert 0.5 < at.threshold <= 0.51
    assert isinstance(at.fmr, Estimate)
    assert at.fmr.value == pytest.approx(0.01)
    assert str(found[1].at) == "insufficient data: 3,000 pairs of different people, 30,000 needed"


def test_a_sample_without_mated_pairs_has_no_fnmr() -> None:
    found = pair_table([0.1, 0.6], [], [], 2)
    (at,) = found.at_thresholds([0.5])
    assert str(at.fnmr) == "insufficient data: 0 mated pairs, 1 needed"
    assert isinstance(at.fmr, Estimate)
    assert at.fmr.value == 0.5
    assert found.curve() == ()


def test_scores_of_one_do_not_leave_the_last_step() -> None:
    found = pair_table([1.0] * 40 + [0.0] * 2960, [0.9], [0], 2)
    at = found.at_rates()[0].at
    assert isinstance(at, verification.AtScore)
    assert at.threshold > 1
    assert isinstance(at.fnmr, Estimate)
    assert at.fnmr.value == 1


@given(st.floats(-1, 1, width=32))
def test_a_score_reaches_its_own_step_and_not_the_next(score: float) -> None:
    step = int(step_of(np.float32(score)))
    assert score_of(step) - 2e-6 <= score < score_of(step + 1) + 2e-6


def test_a_sample_of_people_keeps_their_pairs_together() -> None:
    of = samples([person for person in range(40) for _ in range(5)])
    rows = sampled_rows(of, seed=1, most=52)
    assert len(rows) == 50
    assert (np.bincount(of.people[rows], minlength=40) % 5 == 0).all()
    assert np.array_equal(rows, sampled_rows(of, seed=1, most=52))


# ---------------------------------------------------------------- groups


def test_the_spread_of_rates_by_hand() -> None:
    """Rates 0.01, 0.02, 0.04: geometric mean 0.02; Gini 2 · (0.01 + 0.02 + 0.03) / (2 · 9 · 0.07 / 3) · 3 / 2."""
    found = spread([0.01, 0.02, 0.04])
    assert found.worst_over_best == pytest.approx(4)
    assert found.worst_over_geometric_mean == pytest.approx(2)
    assert found.gini == pytest.approx(3 / 7)
    assert found.groups == 3


def test_equal_rates_do_not_differ_and_one_bad_group_is_the_extreme() -> None:
    assert spread([0.2, 0.2]).gini == 0
    assert spread([0.2, 0.2]).worst_over_best == 1
    extreme = spread([0.0, 0.0, 0.3])
    assert extreme.gini == pytest.approx(1)
    assert extreme.worst_over_best is None
    assert spread([0.1]).gini is None
    assert spread([0.0, 0.0]).gini == 0


def test_groups_by_hand() -> None:
    """At 0.5: women 1 of 4 false and 2 of 4 missed, men 1 of 2 false and 1 of 4 missed; the old are too few."""
    found = Identification(
        mated=replace(searches(own=[0.9, 0.9, 0.4, 0.4, 0.9, 0.9, 0.9, 0.4, 0.9], best=[0.0] * 9), probes=np.arange(9)),
        nonmated=replace(searches(own=[NO] * 7, best=[0.6, 0.1, 0.1, 0.1, 0.6, 0.1, 0.9]), probes=np.arange(9, 16)),
        seed=1,
    )
    group = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 0, 0, 0, 0, 1, 1, NO_GROUP])
    women, men, old = rates_by_group(found, ["women", "men", "old"], group, 0.5, least_people=2)
    assert (women.group, men.group, old.group) == ("women", "men", "old")
    assert [rate.value for rate in (women.fpir, women.fnir, men.fpir, men.fnir) if isinstance(rate, Estimate)] == [
        0.25,
        0.5,
        0.5,
        0.25,
    ]
    assert str(old.fnir) == "insufficient data: 1 people who are enrolled, 2 needed"
    assert str(old.fpir) == "insufficient data: 0 people who are not enrolled, 2 needed"
    differ = spread_of([women.fpir, men.fpir, old.fpir])
    assert differ.worst_over_best == pytest.approx(2)
    assert differ.groups == 2


# ---------------------------------------------------------------- everything


def test_everything_is_measured_and_again_the_same() -> None:
    of = samples([person for person in range(60) for _ in range(1 + person % 4)], seed=3, dimension=32)
    groups = np.where(of.people % 2, 0, 1)
    test = OpenSetTest.of(replace(of, groups=groups), Protocol(thresholds=(0.6,)))
    first, again = (measure(test, ["odd", "even"], 0.5) for _ in range(2))
    assert first.rank_curve == again.rank_curve
    assert first.at_rates == again.at_rates
    assert first.pairs_at_rates == again.pairs_at_rates
    assert first.groups == again.groups
    assert (first.gallery_people, first.everybody, first.people) == (45, 60, 60)
    assert first.in_use is not None
    assert first.in_use.threshold == 0.5
    assert [at.threshold for at in first.at_thresholds] == [0.6]
    assert [at.threshold for at in first.pairs_at_thresholds] == [0.5, 0.6]
    assert first.left_out == 0


def test_a_third_is_left_out_if_everybody_has_several_pictures() -> None:
    of = samples([person for person in range(90) for _ in range(3)], seed=3, dimension=32)
    measured = measure(OpenSetTest.of(of, Protocol()), [], None)
    assert (measured.gallery_people, measured.everybody) == (60, 90)
    assert measured.left_out == pytest.approx(1 / 3)
    assert len(measured.nonmated.probes) == 90
    assert measured.in_use is None, "90 searches do not support FPIR 0.01"


def test_without_a_threshold_that_of_one_in_a_hundred_is_in_use() -> None:
    of = samples([*range(400), *range(100)], seed=3, dimension=32)
    measured = measure(OpenSetTest.of(of, Protocol()), [], None)
    at = next(rate.at for rate in measured.at_rates if rate.target == COLUMN_RATE)
    assert isinstance(at, AtThreshold)
    assert measured.in_use is not None
    assert measured.in_use.threshold == at.threshold


def test_unchanged_probes_give_the_column_of_the_undegraded() -> None:
    of = samples([*range(400), *range(100)], seed=3, dimension=32)
    test = OpenSetTest.of(of, Protocol())
    measured = measure(test, [], None)
    rows = np.r_[test.division.mated, test.division.nonmated]
    probes = Samples(
        vectors=of.vectors[rows], people=of.people[rows], failed=of.failed[rows], unenrolled=of.unenrolled[rows]
    )
    column = test.degraded("nothing", probes, 0.5)
    assert column.rank_1 == measured.rank_curve[0]
    assert column.at_rate == measured.at_rates[1]
    assert column.unchanged is not None
    assert column.unchanged.threshold == 0.5


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"enrol": 0}, "1 to 20"),
        ({"enrol": 21}, "1 to 20"),
        ({"left_out": 1.0}, "share"),
        ({"left_out": math.nan}, "share"),
        ({"thresholds": (2.0,)}, "between -1 and 1"),
        ({"thresholds": (math.nan,)}, "between -1 and 1"),
    ],
)
def test_a_wrong_protocol_is_refused(wrong: dict[str, float], why: str) -> None:
    with pytest.raises(InvalidValue, match=why):
        Protocol(**wrong)  # type: ignore[arg-type]


def test_too_few_pictures_leave_no_search() -> None:
    with pytest.raises(InvalidValue, match="nobody has a picture to be searched with"):
        OpenSetTest.of(samples([0, 1, 2]), Protocol())
    with pytest.raises(InvalidValue, match="besides the 3 to be enrolled"):
        OpenSetTest.of(samples([0, 0, 0, 1, 1]), Protocol(enrol=3))
