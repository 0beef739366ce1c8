"""Every action has an event, and what was stored before events were values is still read, and told in the same words.

``recorded.jsonl`` holds entries as they were stored then (their actor and account left out), with the timeline's words.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from lineament.ledger.entries import canonical
from lineament.model.actions import Action
from lineament.model.cases import TimelineEntry
from lineament.model.events.base import Event
from lineament.model.events.cases import CaseAuthorised, CaseReleased, MemberInvited, PaperAdded
from lineament.model.events.catalogue import EVENTS, read_event
from lineament.web.timeline import timeline_line

LINES = (Path(__file__).parent / "recorded.jsonl").read_text(encoding="utf-8").splitlines()
RECORDED: list[dict[str, Any]] = [json.loads(line) for line in LINES]


def happening(action: str, details: dict[str, Any], event: Event | None) -> TimelineEntry:
    at = datetime(2026, 5, 4, tzinfo=UTC)
    return TimelineEntry(seq=0, at=at, action=action, actor="Eva", details=details, event=event)


def test_every_action_has_an_event_of_its_own_and_a_stored_example() -> None:
    assert set(EVENTS) == set(Action)
    assert len(set(EVENTS.values())) == len(Action)
    assert {entry["action"] for entry in RECORDED} == set(Action)


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: entry["action"])
def test_a_stored_entry_is_read_and_written_back_to_the_same_bytes(entry: dict[str, Any]) -> None:
    event = read_event(entry["action"], entry["details"])
    assert event is not None
    assert event.action == entry["action"]
    assert canonical(event.details()) == canonical(entry["details"])
    assert type(event).read(event.details()) == event


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: entry["action"])
def test_a_stored_entry_has_the_same_words(entry: dict[str, Any]) -> None:
    line = timeline_line(happening(entry["action"], entry["details"], read_event(entry["action"], entry["details"])))
    assert (line.words, line.address, line.reading) == (entry["words"], entry["address"], entry["reading"])


def test_erased_details_are_shown_as_erased() -> None:
    assert timeline_line(happening("case_opened", {}, None)).words == "case opened (details erased)"


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("case_closed", {}),  # a key is missing that is never None
        ("case_authorised", {"case": "K-1", "expires_on": 7}),
        ("member_added", {"case": "K-1", "member": "Eva", "role": "examiner", "until": "tomorrow"}),
        ("nothing_we_know", {"case": "K-1"}),
    ],
)
def test_an_entry_of_another_version_is_shown_by_its_action(action: str, details: dict[str, Any]) -> None:
    event = read_event(action, details)
    assert event is None
    words = timeline_line(happening(action, {"case": "K-1", **details}, event)).words
    assert words == action.replace("_", " ")


def test_keys_of_another_version_are_ignored_and_what_may_be_none_may_be_missing() -> None:
    event = read_event("member_invited", {"case": "K-1", "role": "observer", "shoe_size": 44})
    assert event == MemberInvited(case="K-1", email=None, role="observer", until=None)


def test_none_is_stored_only_for_required_fields() -> None:
    assert CaseReleased(case="K-1", because=None).details() == {"case": "K-1", "because": None}
    assert PaperAdded(case="K-1", paper="p", kind="message").details() == {
        "case": "K-1",
        "paper": "p",
        "kind": "message",
    }


def test_dates_are_dates() -> None:
    decision = CaseAuthorised(
        case="K-1",
        authority="Court",
        decided_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
        outcome="granted",
        scope="all",
        document=None,
        expires_on=date(2026, 6, 1),
    )
    stored = decision.details()
    assert (stored["decided_at"], stored["expires_on"]) == ("2026-05-04T12:00:00+00:00", "2026-06-01")
    assert CaseAuthorised.read(stored) == decision
