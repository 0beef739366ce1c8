"""Every action has an event, and what was stored before events were values is still read, and told in the same words.

``recorded.jsonl`` holds entries as they were stored then (their actor and account left out), with the sentence about
each and the addresses that it links.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from lineament.ledger.entries import canonical
from lineament.model.actions import VIEWS, Action
from lineament.model.cases import TimelineEntry
from lineament.model.events.base import Event
from lineament.model.events.cases import CaseAuthorised, CaseReleased, MemberInvited, PaperAdded
from lineament.model.events.catalogue import EVENTS, read_event
from lineament.model.events.kinds import KINDS
from lineament.web.entries import EntryLine, timeline_line
from lineament.web.sentences import Names, sentence_of

LINES = (Path(__file__).parent / "recorded.jsonl").read_text(encoding="utf-8").splitlines()
RECORDED: list[dict[str, Any]] = [json.loads(line) for line in LINES]


KNOWN = Names(key="k1", ref="K-1", sources={"press"}, agencies={"home": "Ministry"})
RAW = re.compile(r"[0-9a-f]{8,}|[a-z]_[a-z]|damping|None|[{}\\[\\]]")
"""What stands in stored details and in no sentence: digests, ids, names of fields, JSON."""


def line_of(action: str, details: dict[str, Any], names: Names = KNOWN) -> EntryLine:
    at, event = datetime(2026, 5, 4, tzinfo=UTC), read_event(action, details)
    entry = TimelineEntry(seq=0, at=at, action=action, actor="Eva", details=details, event=event)
    return timeline_line(entry, names)


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
def test_every_entry_is_told_in_a_sentence(entry: dict[str, Any]) -> None:
    words = line_of(entry["action"], entry["details"]).words
    assert words.striptags() == entry["words"]
    assert re.findall(r'href="([^"]*)"', words) == entry["links"]
    assert not RAW.search(entry["words"].replace("examiner-11g@c908f103b7be3c3e.example", "")), "a raw field"


def test_every_event_has_a_sentence_of_its_own() -> None:
    unsaid = [event.__name__ for event in EVENTS.values() if sentence_of.dispatch(event) is sentence_of.dispatch(Event)]
    assert unsaid == []


def test_a_sentence_links_only_what_its_reader_may_open() -> None:
    (search,) = [entry for entry in RECORDED if entry["action"] == "list_read"]
    told = line_of("list_read", search["details"], Names()).words
    assert (told.striptags(), "href" in told) == ("read the candidates of a search in case K-1", False)
    gone = line_of("list_read", search["details"], Names(key="k1", ref="K-1", gone=True)).words
    assert re.findall(r'href="([^"]*)"', gone) == ["/cases/k1"]
    assert "href" not in line_of("source_approved", {"source": "press"}, Names()).words


def test_on_a_page_of_the_case_its_reference_is_left_out() -> None:
    here = Names(key="k1", ref="K-1", here=True)
    assert line_of("case_closed", {"case": "K-1"}, here).words == "closed the case"
    (viewed,) = [entry for entry in RECORDED if entry["action"] == "original_viewed"]
    assert line_of("original_viewed", viewed["details"], here).words.striptags() == "opened the original of candidate 2"


def test_what_somebody_typed_is_escaped() -> None:
    told = line_of("case_held", {"case": "<b>1", "because": "{0} <script>"}).words
    assert "<script>" not in told
    assert "{0} &lt;script&gt;" in told
    assert "<b>" not in told


def test_every_action_is_of_one_kind() -> None:
    assert sorted(action for actions in KINDS.values() for action in actions) == sorted(Action)
    assert {action.value for action in VIEWS} <= {entry["action"] for entry in RECORDED}


def test_erased_details_are_shown_as_erased() -> None:
    line = line_of("case_opened", {})
    assert (line.words, line.erased, line.fields) == ("recorded “case opened”", True, ())
    assert not line_of("workspace_created", {}).erased, "it never had any"


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
    line = line_of(action, {"shoe_size": 44, **details})
    assert (line.words, line.erased) == (f"recorded “{action.replace('_', ' ')}”", False)


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
