"""Agencies, their policies and stops as JSON and in words."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from tests.support.samples import AT, ISO, LICENCE, STOP, TODAY, VETTING, agency, usage

from lineament.model.agencies import Stop, StopScope
from lineament.model.policy import AGENCY, SETTINGS, stricter
from lineament.services.people.agencies import Rules
from lineament.views.agencies import agencies_json, agency_json, searches_line, seats_line, usage_json, vetting_word
from lineament.views.policies import rules_json, setting_words
from lineament.views.stops import agency_stop_json, stopped_words, stops_json

OPEN = agency(vetting=VETTING, licence=LICENCE)
OPEN_JSON = {
    "id": "a1",
    "name": "Police of Freedonia",
    "jurisdiction": "FR",
    "home": False,
    "registered_at": ISO,
    "vetting": "open",
    "vetted_by": "Ada",
    "vetted_at": ISO,
    "legal_restrictions": "none",
    "human_rights_record": "good",
    "renew_on": "2027-03-01",
    "licence": "trial",
    "first_day": "2026-03-01",
    "last_day": "2026-03-31",
    "days_left": 30,
    "seats": 5,
    "searches_a_month": 4000,
    "price": "100 EUR",
    "reference": "C-1",
    "seats_taken": 2,
    "closed_because": [],
}


def test_an_agency_is_json_with_its_vetting_and_its_licence() -> None:
    assert agency_json(OPEN, TODAY) == OPEN_JSON
    assert list(agency_json(OPEN, TODAY)) == list(OPEN_JSON)


def test_an_agency_without_vetting_and_licence_says_why_it_is_closed() -> None:
    shown = agency_json(agency(), TODAY)
    assert shown["closed_because"] == ["the agency has not been vetted yet", "the agency has no licence yet"]
    decided = [name for name, value in OPEN_JSON.items() if value is not None and shown[name] is None]
    assert decided == [*list(OPEN_JSON)[5:19]]


def test_listed_agencies_say_what_they_use() -> None:
    used = {"month": "2026-03-01", "searches": 12, "searches_left": 3988}
    assert agencies_json([usage(OPEN)], TODAY) == {"agencies": [{**OPEN_JSON, **used}]}


def test_usage_is_counted_by_the_month_and_limited_by_the_licence() -> None:
    assert usage_json(usage(OPEN), TODAY) == {
        "agency": "Police of Freedonia",
        "month": "2026-03",
        "searches": 12,
        "searches_left": 3988,
        "seats_taken": 2,
        "seats": 5,
        "licence": "trial",
        "last_day": "2026-03-31",
        "days_left": 30,
    }
    unlimited = usage_json(usage(agency()), TODAY)
    assert [name for name, value in unlimited.items() if value is None] == [
        "searches_left",
        "seats",
        "licence",
        "last_day",
        "days_left",
    ]


def test_seats_and_searches_are_of_the_licence_if_there_is_one() -> None:
    assert (seats_line(usage(OPEN)), searches_line(usage(OPEN, searches=1200))) == ("2 of 5", "1,200 of 4,000")
    assert (seats_line(usage(agency())), searches_line(usage(agency(), searches=1200))) == ("2", "1,200")


def test_the_vetting_of_an_agency_in_a_word() -> None:
    words = [vetting_word(listed) for listed in (OPEN, agency(), agency(home=True))]
    assert words == ["open", "none", "runs this workspace"]


def test_rules_are_json_with_every_setting_and_what_is_stricter() -> None:
    wishes = MappingProxyType({"further_approvals": 2})
    shown = rules_json(Rules(policy=stricter(AGENCY, wishes), base=AGENCY, wishes=wishes))
    assert list(shown) == ["preset", *(setting.name for setting in SETTINGS), "stricter"]
    assert (shown["preset"], shown["further_approvals"], shown["stricter"]) == ("agency", 2, {"further_approvals": 2})


def test_a_setting_is_yes_no_or_a_number() -> None:
    assert [setting_words(value) for value in (True, False, 0, 1, 365)] == ["yes", "no", "0", "1", "365"]


def test_stops_say_who_made_them_except_to_the_operator_who_did() -> None:
    own = Stop(scope=StopScope.AGENCY, agency_id="a1", reason="a complaint", by="Bob", at=AT)
    assert stops_json([STOP, own]) == {
        "stops": [
            {"stopped": "everything", "reason": "a fault", "by": "Ada", "at": ISO},
            {"stopped": "agency", "reason": "a complaint", "by": "Bob", "at": ISO},
        ]
    }
    assert agency_stop_json(own) == {"stopped": "agency", "reason": "a complaint", "at": ISO}
    assert agency_stop_json(None) == {"stopped": None}
    assert [stopped_words(stop) for stop in (STOP, own)] == ["All searching", "The searching of your agency"]


def test_days_left_turn_negative_after_the_last_day() -> None:
    assert usage_json(usage(OPEN), date(2026, 4, 2))["days_left"] == -2
