"""Cases as JSON and in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.support.samples import AT, ISO, case, result

from lineament.model.cases import Allowance, Authorisation, AuthorisationOutcome, Case, CaseStanding, CaseState
from lineament.services.cases.standings import Outlook
from lineament.store.searches import ErasedCandidate, StoredSearch
from lineament.views.cases import authorisation_json, case_json, case_state, cases_json, listed_case_json

GRANTED = Authorisation(
    authority="Court of Freedonia",
    decided_at=AT,
    outcome=AuthorisationOutcome.GRANTED,
    document_sha256=None,
    scope="all",
    expires_on=date(2026, 6, 1),
    recorded_by="Sue",
    recorded_at=AT,
)
GRANTED_JSON = {
    "outcome": "granted",
    "authority": "Court of Freedonia",
    "decided_at": ISO,
    "scope": "all",
    "last_day": "2026-06-01",
    "document": None,
    "recorded_by": "Sue",
    "recorded_at": ISO,
}
LISTED = {
    "ref": "K-1",
    "key": "k7",
    "state": "open",
    "offence": "theft",
    "purpose": "to find a suspect",
    "basis": "a law",
    "distressing": False,
    "authorised_by": None,
    "jurisdiction": None,
    "seeks": "suspect",
    "exempt_because": None,
    "opened_at": ISO,
    "closed_at": None,
    "hold_because": None,
    "searches": 3,
}


def outlook(standing: CaseStanding) -> Outlook:
    """Return the outlook of a case that locks two days after ``AT`` and is destroyed a year after it."""
    return Outlook(
        standing=standing,
        locks_at=AT + timedelta(days=2),
        urgent_hours=48,
        destroyed_on=date(2027, 3, 1),
        may=frozenset(),
    )


def test_a_case_is_json_with_its_dates_and_without_searches_unless_they_are_given() -> None:
    shown = case_json(case(urgent_since=AT, urgent_because="a child is missing"), outlook(CaseStanding.URGENT))
    assert shown == {
        **LISTED,
        "standing": "urgent",
        "in_doubt": [],
        "allowed": [],
        "urgent_since": ISO,
        "urgent_because": "a child is missing",
        "locks_at": "2026-03-03T12:00:00+00:00",
        "authorisation": None,
        "destroyed_on": "2027-03-01",
    }


def test_an_authorisation_is_json_in_its_case() -> None:
    assert authorisation_json(GRANTED) == GRANTED_JSON
    shown = case_json(case(authorisation=GRANTED), outlook(CaseStanding.AUTHORISED))
    assert shown["authorisation"] == GRANTED_JSON


def test_searches_of_a_case_count_what_was_erased_from_their_lists() -> None:
    erased = (ErasedCandidate(rank=2, score=0.5, expected_false=0.1),)
    stored = StoredSearch(result=result(), examiner="Eve", erased=erased)
    listed = {
        "search_id": "s1",
        "made_at": ISO,
        "reason": "a sighting",
        "outcome": "candidates",
        "candidates": 1,
        "erased": 1,
    }
    assert case_json(case(), outlook(CaseStanding.EXEMPT), [stored])["list"] == [listed]
    assert case_json(case(), outlook(CaseStanding.EXEMPT), [])["list"] == []


def test_a_listed_case_is_json_without_what_depends_on_its_policy() -> None:
    assert listed_case_json(case()) == LISTED


def test_a_list_of_cases_gives_only_the_standing_of_open_ones() -> None:
    listed = cases_json([case(), case(id=8, state=CaseState.CLOSED)], {7: CaseStanding.LOCKED})
    assert listed == {
        "cases": [{**LISTED, "standing": "locked"}, {**LISTED, "state": "closed", "standing": None}],
    }


@pytest.mark.parametrize(
    ("found", "standing", "words"),
    [
        (case(), CaseStanding.EXEMPT, "open"),
        (case(), CaseStanding.AUTHORISED, "open"),
        (case(), CaseStanding.AWAITING, "open, awaiting authorisation"),
        (case(), CaseStanding.LOCKED, "open, locked"),
        (case(state=CaseState.CLOSED), None, "closed"),
    ],
)
def test_the_state_of_a_case_says_what_keeps_it_from_being_searched(
    found: Case, standing: CaseStanding | None, words: str
) -> None:
    assert case_state(found, standing) == words


def test_a_case_shows_its_words_in_doubt_and_why_words_are_allowed() -> None:
    stated = Allowance(words=("asylum",), because="she is missing", by="Sven", at=AT, alone=False)
    terms = replace(case().terms, offence="Asylum seeker missing, a journalist saw her")
    shown = case_json(replace(case(), terms=terms, allowances=(stated,)), outlook(CaseStanding.EXEMPT))
    assert shown["in_doubt"] == ["journalist"]
    assert shown["allowed"] == [
        {"words": ["asylum"], "because": "she is missing", "by": "Sven", "at": ISO, "alone": False}
    ]
