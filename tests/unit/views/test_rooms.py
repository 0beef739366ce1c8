"""Who works on a case, and its room, as JSON."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tests.support.samples import AT, ISO

from lineament.model.cases import CaseInvitation, CaseRole, Member, Paper, PaperKind, TimelineEntry
from lineament.views.rooms import (
    case_invitation_json,
    case_invitations_json,
    members_json,
    papers_json,
    timeline_json,
)

INVITATION = CaseInvitation(
    id="i1",
    case="K-1",
    email="zoe@sylvania.example",
    role=CaseRole.OBSERVER,
    until=date(2026, 4, 1),
    invited_by="Eve",
    invited_at=AT,
    agency_name="Police of Freedonia",
)
INVITATION_JSON = {
    "invitation": "i1",
    "case": "K-1",
    "agency": "Police of Freedonia",
    "email": "zoe@sylvania.example",
    "role": "observer",
    "until": "2026-04-01",
    "invited_by": "Eve",
    "invited_at": ISO,
}


def test_members_are_json_with_their_agency_and_role() -> None:
    member = Member(
        account_id="u1",
        name="Eve",
        agency_id="a1",
        agency_name="Police of Freedonia",
        role=CaseRole.EXAMINER,
        since=AT,
        until=None,
    )
    assert members_json([member]) == {
        "members": [
            {
                "account": "u1",
                "name": "Eve",
                "agency": "Police of Freedonia",
                "role": "examiner",
                "since": ISO,
                "until": None,
            }
        ]
    }


def test_an_invitation_to_a_case_is_the_same_alone_and_in_a_list() -> None:
    assert case_invitation_json(INVITATION) == INVITATION_JSON
    assert case_invitations_json([INVITATION]) == {"invitations": [INVITATION_JSON]}


def test_papers_of_a_room_have_size_and_digest_if_they_are_files() -> None:
    message = Paper(
        id="r1",
        kind=PaperKind.MESSAGE,
        author="Eve",
        agency_id="a1",
        agency_name="Police of Freedonia",
        at=AT,
        text="Hi",
    )
    file = replace(message, id="r2", kind=PaperKind.FILE, text="a.pdf", size=10, sha256="e" * 64)
    shared = {"author": "Eve", "agency": "Police of Freedonia", "at": ISO}
    assert papers_json([message, file]) == {
        "papers": [
            {"paper": "r1", "kind": "message", **shared, "text": "Hi", "size": 0, "sha256": None},
            {"paper": "r2", "kind": "file", **shared, "text": "a.pdf", "size": 10, "sha256": "e" * 64},
        ]
    }


def test_a_timeline_gives_numbers_of_entries_only_to_those_who_read_the_ledger() -> None:
    entry = TimelineEntry(
        seq=5, at=AT, action="case_opened", actor="Eve", details={"case": "K-1"}, commitment="ab" * 32
    )
    shown = {
        "commitment": "ab" * 32,
        "at": ISO,
        "action": "case_opened",
        "actor": "Eve",
        "details": {"case": "K-1"},
    }
    assert timeline_json([entry], numbered=True) == {"timeline": [{"entry": 5, **shown}]}
    assert timeline_json([entry], numbered=False) == {"timeline": [{"entry": None, **shown}]}
