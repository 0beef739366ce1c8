"""Misuse that is planted in a made-up year of ordinary work is found, and false alarms are few and counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from tests.support.misuse_plants import PLANTS, judge, plant_all
from tests.support.misuse_year import BEGIN, EXAMINERS, YEAR, Year

from lineament.model.misuse.faces import alike, fmr_for
from lineament.model.misuse.facts import Facts
from lineament.model.misuse.find import find_misuse
from lineament.model.misuse.findings import Finding, FindingKind, LookedAt

SEEDS = (0, 1)
MOST_A_WEEK = 1.0
"""False alarms a week in an agency of 27 people; bench/misuse.py counts them over more years."""


def found_in(facts: Facts, kind: FindingKind) -> list[Finding]:
    """Return the findings of a kind."""
    return [finding for found in find_misuse(facts) for finding in found.findings if finding.kind is kind]


def line_of(facts: Facts, kind: FindingKind) -> LookedAt:
    """Return what is said of a kind."""
    return next(found.looked_at for found in find_misuse(facts) if found.looked_at.kind is kind)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_that_is_planted_is_found(seed: int) -> None:
    year = Year(seed)
    planted = plant_all(year)
    judged = judge(year.reports(range(27, YEAR)), planted)
    assert set(judged.found) == set(PLANTS)
    assert [name for name, found in judged.found.items() if not found] == []


def test_every_kind_of_finding_is_planted() -> None:
    assert {misuse.kind for misuse in PLANTS.values()} == set(FindingKind)


@pytest.mark.parametrize("seed", SEEDS)
def test_false_alarms_in_an_ordinary_year_are_few(seed: int) -> None:
    year = Year(seed)
    judged = judge(year.reports(range(1, YEAR, 2)))
    assert judged.weeks == YEAR // 2
    assert judged.a_week <= MOST_A_WEEK
    about = [who for _, finding in judged.false_alarms for who in finding.who]
    assert max(map(about.count, about), default=0) <= 0.25 * judged.weeks
    assert len(about) / judged.weeks / EXAMINERS <= 0.05


def test_a_year_is_the_same_for_the_same_seed() -> None:
    assert Year(3).searches == Year(3).searches


@pytest.fixture(scope="module")
def ordinary() -> Year:
    year = Year(4)
    year.sort()
    return year


def test_on_little_data_nothing_is_found_and_that_is_said(ordinary: Year) -> None:
    facts = ordinary.facts(1)
    one = next(actor for actor in facts.actors if actor.startswith("examiner"))
    alone = replace(
        facts,
        actors={one: facts.actors[one]},
        acts=[act for act in facts.acts if act.who == one],
        searches=[search for search in facts.searches if search.who == one],
    )
    assert [finding for found in find_misuse(alone) for finding in found.findings] == []
    volume = line_of(alone, FindingKind.VOLUME)
    assert volume.looked_at == volume.too_little > 0
    assert line_of(alone, FindingKind.HOURS).too_little == 1


def test_nothing_at_all_is_no_finding_and_no_error() -> None:
    facts = replace(Year(4).facts(30), actors={}, cases={}, acts=(), searches=(), refused=())
    assert sum(len(found.findings) for found in find_misuse(facts)) == 0
    assert len(find_misuse(facts)) == len(FindingKind)


def test_every_kind_says_what_was_looked_at(ordinary: Year) -> None:
    facts = ordinary.facts(40)
    for found in find_misuse(facts):
        line = found.looked_at
        assert line.ordinary + line.too_little <= line.looked_at
    assert line_of(facts, FindingKind.VOLUME).ordinary > 20
    assert "FMR" in line_of(facts, FindingKind.SAME_FACE).note
    assert "UTC" in line_of(facts, FindingKind.HOURS).note


def test_without_reviews_nothing_is_said_about_them(ordinary: Year) -> None:
    facts = replace(ordinary.facts(40), reviews=False)
    assert line_of(facts, FindingKind.UNREVIEWED).looked_at == 0
    assert "no reviews" in line_of(facts, FindingKind.UNREVIEWED).note
    assert found_in(facts, FindingKind.UNREVIEWED) == []


def test_a_face_in_cases_that_name_each_other_is_ordinary(ordinary: Year) -> None:
    facts = ordinary.facts(40)
    at, face = facts.week + timedelta(days=1), 10**6
    year = replace_searches(facts, at, face, ("fraud", "arson", "theft"), naming=True)
    assert [each for each in found_in(year, FindingKind.SAME_FACE) if each.numbers["cases"] == 3] == []
    year = replace_searches(facts, at, face, ("fraud", "arson", "theft"), naming=False)
    assert [
        each.numbers["unrelated"] for each in found_in(year, FindingKind.SAME_FACE) if each.numbers["cases"] == 3
    ] == [3]


def replace_searches(facts: Facts, at: datetime, face: int, offences: tuple[str, ...], *, naming: bool) -> Facts:
    """Return facts with searches of one face in new cases, whose reasons name the case before or do not."""
    like, some = facts.searches[0], next(iter(facts.cases.values()))
    numbers = [10**6 + number for number in range(len(offences))]
    cases = {
        number: replace(some, id=number, ref=f"N-{number}", offence=offence)
        for number, offence in zip(numbers, offences, strict=True)
    }
    searches = [
        replace(
            like, id=f"n{number}", at=at, case=number, faces=(face,), reason=f"see N-{number - 1}" if naming else "seen"
        )
        for number in numbers
    ]
    return replace(facts, cases={**facts.cases, **cases}, searches=[*facts.searches, *searches])


def test_faces_are_the_same_through_others_and_grades_have_scores_of_their_own() -> None:
    angles = np.array([0.0, 0.3, 0.6, 2.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    strong = np.zeros(4, np.int64)
    least = np.array([[np.cos(0.4), 2.0], [2.0, 2.0]])
    assert alike(vectors, strong, least).tolist() == [0, 0, 0, 3]
    assert alike(vectors, np.array([0, 1, 0, 0]), least).tolist() == [0, 1, 2, 3]
    assert alike(vectors[:0], strong[:0], least).tolist() == []


def test_the_more_pairs_are_compared_the_fewer_strangers_may_count_as_the_same() -> None:
    assert fmr_for(0) == fmr_for(1000) == 1e-6
    assert fmr_for(10**8) * 10**8 == pytest.approx(0.1)


def test_the_week_begins_on_a_monday_at_midnight() -> None:
    assert BEGIN.weekday() == BEGIN.hour == 0
