"""Agencies, people and stops from the terminal, from a solo workspace to an agency."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.conftest import Ran

Run = Callable[..., Ran]
TODAY = datetime.now(UTC).date()
NEXT_YEAR = TODAY + timedelta(days=365)
CHIEF = ("chief@home.example", "--name", "Chief", "--role", "operator", "--role", "administrator")
VETTED = ("--outcome", "open", "--restrictions", "felonies alone", "--rights", "nothing known", "--renew", NEXT_YEAR)


@pytest.fixture
def solo(lineament: Run) -> Run:
    assert lineament("init").code == 0
    return lineament


def test_an_agency_from_the_terminal(solo: Run) -> None:
    police = solo("agency", "add", "Police of [Freedonia]", "--jurisdiction", "FR", "--json").json
    assert solo("agency", "vet", police["id"], *VETTED, "--json").json["vetting"] == "open"
    last = ("--last", TODAY + timedelta(days=30))
    licensed = solo("agency", "license", police["name"], "--seats", 5, "--searches", 100, *last, "--json").json
    first, last_day = (date.fromisoformat(licensed[day]) for day in ("first_day", "last_day"))
    assert last_day == TODAY + timedelta(days=30)
    assert licensed["days_left"] == (last_day - first).days
    assert (licensed["licence"], licensed["closed_because"]) == ("trial", [])
    assert solo("agency", "show", police["name"], "--json").json == licensed
    assert "Police of [Freedonia]" in solo("agency", "list").out
    listed = solo("agency", "list", "--json").json["agencies"]
    assert [(agency["name"], agency["searches"]) for agency in listed] == [
        ("Police of [Freedonia]", 0),
        ("This agency", 0),
    ]
    assert solo("agency", "usage", police["id"], "--json").json["searches_left"] == 100
    assert "Police of [Freedonia]" in solo("agency", "show", police["id"]).out
    assert solo("agency", "rename", "Ministry", "--jurisdiction", "CH", "--json").json["name"] == "Ministry"


def test_errors_are_one_line_and_an_exit_code(solo: Run) -> None:
    solo("agency", "add", "Police", "--jurisdiction", "FR")
    for line, code in (
        (("agency", "add", "POLICE", "--jurisdiction", "FR"), 4),
        (("agency", "add", "Other", "--jurisdiction", "France"), 2),
        (("agency", "show", "nowhere"), 3),
        (("agency", "invite", "Police", "a@b.example", "--name", "A"), 4),
        (("agency", "license", "Police", "--seats", 1, "--searches", 1, "--last", NEXT_YEAR), 4),
        (("user", "invite", "no address", "--name", "A", "--role", "examiner"), 2),
        (("user", "invite", "a@b.example", "--name", "A", "--role", "auditor", "--role", "examiner"), 2),
        (("user", "show", "nobody@home.example"), 3),
        (("policy", "--set", "idle_minutes=31"), 2),
        (("policy", "--set", "idle"), 2),
        (("policy", "--set", "accounts=yes"), 4),
        (("resume",), 4),
        (("stop", "--reason", " "), 2),
    ):
        ran = solo(*line)
        assert ran.code == code, line
        assert len(ran.err.strip().splitlines()) == 1
        assert "Traceback" not in ran.err


def test_a_person_from_the_terminal(solo: Run) -> None:
    assert "user invite EMAIL" in solo("user", "list").out
    invited = solo("user", "invite", *CHIEF, "--json").json
    assert invited["link"].startswith("http://127.0.0.1:8471/join/")
    assert (invited["state"], invited["ends_solo"]) == ("invited", False)
    assert solo("user", "roles", invited["id"], "--role", "examiner", "--json").json["roles"] == ["examiner"]
    trained = solo("user", "train", "chief@home.example", "--until", NEXT_YEAR, "--json").json
    assert trained["trained_until"] == str(NEXT_YEAR)
    assert solo("user", "train", "chief@home.example").code == 2
    assert solo("user", "train", "chief@home.example", "--lapsed", "--json").json["trained_until"] is None
    assert solo("user", "reset", "chief@home.example", "--json").json["link"] != invited["link"]
    shown = solo("user", "show", "chief@home.example", "--json").json
    assert (shown["sessions"], shown["failures"], shown["locked"]) == (0, 0, False)
    assert solo("user", "unlock", invited["id"]).code == 0
    assert solo("user", "sessions", invited["id"], "--json").json == {"sessions": []}
    assert solo("user", "end-sessions", invited["id"], "--json").json == {"ended": 0}
    assert solo("user", "suspend", invited["id"]).code == 4  # nobody joined with it yet
    assert solo("user", "close", invited["id"], "--yes", "--json").json["state"] == "closed"
    assert solo("user", "list", "--json").json["accounts"] == []
    assert len(solo("user", "list", "--closed", "--json").json["accounts"]) == 1


def test_the_second_account_reports_that_it_ends_solo(solo: Run) -> None:
    solo("user", "invite", *CHIEF)
    ran = solo("user", "invite", "emil@home.example", "--name", "Emil", "--role", "examiner")
    assert ran.code == 0
    assert "no longer one person's alone" in ran.out
    assert solo("user", "list").code == 13
    assert solo("verify").code == 0


def test_the_second_account_is_refused_if_nobody_would_manage_the_workspace(solo: Run) -> None:
    solo("user", "invite", "emil@home.example", "--name", "Emil", "--role", "examiner")
    second = ("user", "invite", "rita@home.example", "--name", "Rita", "--role", "reviewer")
    refused = solo(*second)
    assert refused.code == 4
    assert "no administrator and no operator" in refused.err
    assert len(solo("user", "list", "--json").json["accounts"]) == 1
    assert solo(*second, "--yes").code == 0


def test_an_operator_is_reset_at_the_machine(solo: Run) -> None:
    solo("user", "invite", *CHIEF)
    solo("user", "invite", "emil@home.example", "--name", "Emil", "--role", "examiner")
    assert solo("user", "reset", "chief@home.example").code == 13
    ran = solo("user", "reset", "chief@home.example", "--at-the-machine")
    assert ran.code == 0
    assert "/join/" in ran.out
    assert solo("user", "reset", "emil@home.example", "--at-the-machine").code == 3


def test_stopping_and_resuming_from_the_terminal(solo: Run) -> None:
    assert "Nothing is stopped" in solo("stops").out
    (stopped,) = solo("stop", "--reason", "a defect was reported", "--json").json["stops"]
    assert (stopped["stopped"], stopped["reason"]) == ("everything", "a defect was reported")
    assert len(solo("stop-agency", "--reason", "an inquiry", "--json").json["stops"]) == 2
    assert "a defect was reported" in solo("stops").out
    assert len(solo("resume", "--json").json["stops"]) == 1
    assert solo("resume-agency", "--json").json["stops"] == []
    police = solo("agency", "add", "Police", "--jurisdiction", "FR", "--json").json
    assert solo("agency", "stop", police["id"], "--reason", "complaints").code == 0
    assert solo("agency", "resume", "Police").code == 0


def test_usage_and_policy_of_the_own_agency(solo: Run) -> None:
    assert solo("usage", "--json").json["searches"] == 0
    assert solo("policy", "--json").json["preset"] == "solo"
    after = solo("policy", "--set", "idle_minutes=10", "--set", "probe_kind=yes", "--json").json
    assert (after["idle_minutes"], after["probe_kind"]) == (10, True)
    assert after["stricter"] == {"idle_minutes": 10, "probe_kind": True}
    assert "R49" in solo("policy").out
    police = solo("agency", "add", "Police", "--jurisdiction", "FR", "--json").json
    assert solo("agency", "policy", police["id"], "--set", "urgent_hours=0", "--json").json["urgent_hours"] == 0
