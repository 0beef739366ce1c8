"""The room of a case: officials of several agencies see what the case holds, and nothing else of each other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.refusals import refused
from tests.support.squad import PHOTOGRAPH, Squad

from lineament.errors import AlreadyThere, FileTooLarge, InvalidValue, NotAllowed, NotFound
from lineament.model.accounts import HOME_AGENCY
from lineament.model.cases import CaseRole, PaperKind
from lineament.model.reasons import ReasonCode
from lineament.model.search import ProbeKind, SearchRequest
from lineament.services.cases import room as rooms


def test_a_guest_sees_the_case_and_nothing_else(team: Squad) -> None:
    case, other = team.open_case(), team.open_case(ref="K-2")
    result = team.search(case, team.take_probe(case))
    team.fresh_desk(team.examiner).room.say(case.key, "welcome")
    team.invite_guest(case, team.clock.at.date() + timedelta(days=5))
    desk = team.fresh_desk(team.guest)
    assert [found.key for found in desk.casework.page()] == [case.key]
    assert desk.casework.count() == 1
    assert desk.search.get(result.search_id).listed == len(result.entries)
    assert [paper.text for paper in desk.room.papers(case.key)] == ["welcome"]
    assert {member.agency_name for member in desk.members.of(case.key)} == {"This agency", "Police of Freedonia"}
    for name in (other.key, other.ref, case.ref):  # a reference is only looked up in one's own agency
        with pytest.raises(NotFound):
            desk.casework.get(name)
    for act in (
        lambda: desk.members.invitations(case.key),
        lambda: desk.members.remove(case.key, team.examiner.id),
        lambda: desk.members.invite(case.key, "x@y.example", CaseRole.OBSERVER, team.clock.at.date()),
        lambda: desk.casework.authorise(case.key, team.ruling()),
        lambda: desk.casework.hold(case.key, "because"),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert team.fresh_desk(team.foreign_supervisor).casework.page() == []  # not even to the supervisor of the guest


def test_a_guest_may_do_what_the_role_in_the_case_allows(team: Squad) -> None:
    case = team.open_case()
    probe = team.take_probe(case)
    team.invite_guest(case, team.clock.at.date() + timedelta(days=5), CaseRole.OBSERVER)
    desk = team.fresh_desk(team.guest)
    desk.room.say(case.key, "I only look")
    with pytest.raises(NotAllowed):
        desk.probes.take(case.key, PHOTOGRAPH, kind=ProbeKind.CCTV)
    with refused(ReasonCode.ROLES):
        desk.search.run(probe.id, SearchRequest(case=case.key, reason="to look"))
    with pytest.raises(NotAllowed):
        desk.casework.close(case.key)
    team.invite_guest(case, team.clock.at.date() + timedelta(days=5), CaseRole.EXAMINER)
    assert team.search(case, probe, by=team.guest).candidates


def test_a_guest_is_out_after_the_last_day(team: Squad) -> None:
    case = team.open_case()
    probe = team.take_probe(case)
    last = team.clock.at.date() + timedelta(days=5)
    team.invite_guest(case, last)
    assert [(membership.case, membership.until) for membership in team.fresh_desk(team.guest).members.ending()] == [
        (case.ref, last)
    ]
    assert [member.name for member in team.fresh_desk(team.supervisor).members.ending()] == ["Gusti Guest"]
    assert team.fresh_desk(team.colleague).members.ending() == []
    team.clock.at = team.clock.at.replace(day=last.day, hour=23, minute=59)
    assert team.fresh_desk(team.guest).probes.get(probe.id).id == probe.id
    team.clock.at += timedelta(minutes=2)
    desk = team.fresh_desk(team.guest)
    with pytest.raises(NotFound):
        desk.casework.get(case.key)
    with pytest.raises(NotFound):
        desk.probes.get(probe.id)
    assert desk.casework.page() == []
    assert [member.name for member in team.fresh_desk(team.supervisor).members.of(case.key)] == ["Eva Examiner"]


def test_closing_a_case_removes_guests_and_closes_the_room(team: Squad) -> None:
    case = team.open_case()
    team.invite_guest(case, team.clock.at.date() + timedelta(days=5))
    team.fresh_desk(team.supervisor).members.invite(case.key, "late@x.example", CaseRole.OBSERVER, team.clock.at.date())
    team.fresh_desk(team.examiner).casework.close(case.key)
    with pytest.raises(NotFound):
        team.fresh_desk(team.guest).casework.get(case.key)
    assert team.fresh_desk(team.supervisor).members.invitations(case.key) == []
    with refused(ReasonCode.ROOM_CLOSED):
        team.fresh_desk(team.examiner).room.say(case.key, "too late")


def test_an_invitation_is_for_one_address_and_used_once(team: Squad) -> None:
    case = team.open_case()
    supervisor = team.fresh_desk(team.supervisor).members
    until = team.clock.at.date() + timedelta(days=5)
    invitation = supervisor.invite(case.key, team.guest.email.upper(), CaseRole.REVIEWER, until)
    with pytest.raises(AlreadyThere):
        supervisor.invite(case.key, team.guest.email, CaseRole.REVIEWER, until)
    for stranger in (team.foreign_supervisor, team.colleague):
        assert team.fresh_desk(stranger).members.mine() == []
        with pytest.raises(NotFound):
            team.fresh_desk(stranger).members.take(invitation.id)
    team.fresh_desk(team.guest).members.take(invitation.id)
    with pytest.raises(NotFound):
        team.fresh_desk(team.guest).members.take(invitation.id)
    again = supervisor.invite(case.key, team.guest.email, CaseRole.OBSERVER, until)
    team.clock.advance(days=6)
    assert team.fresh_desk(team.guest).members.mine() == []
    with pytest.raises(NotFound):
        team.fresh_desk(team.guest).members.take(again.id)


def test_inviting_does_not_reveal_whether_an_account_exists(team: Squad) -> None:
    case = team.open_case()
    until = team.clock.at.date() + timedelta(days=1)
    supervisor = team.fresh_desk(team.supervisor).members
    known = supervisor.invite(case.key, team.guest.email, CaseRole.OBSERVER, until)
    unknown = supervisor.invite(case.key, "nobody@nowhere.example", CaseRole.OBSERVER, until)
    assert known.agency_name == unknown.agency_name == "This agency"
    for wrong in ("no address", ""):
        with pytest.raises(InvalidValue):
            supervisor.invite(case.key, wrong, CaseRole.OBSERVER, until)
    with pytest.raises(InvalidValue, match="past"):
        supervisor.invite(case.key, "a@b.example", CaseRole.OBSERVER, until - timedelta(days=3))


def test_a_removed_member_is_out_at_once(team: Squad) -> None:
    case = team.open_case()
    supervisor = team.fresh_desk(team.supervisor).members
    supervisor.add(case.key, team.colleague.email, CaseRole.EXAMINER)
    assert team.fresh_desk(team.colleague).casework.get(case.key).key == case.key
    supervisor.remove(case.key, team.colleague.id)
    with pytest.raises(NotFound):
        team.fresh_desk(team.colleague).casework.get(case.key)
    with pytest.raises(NotFound):
        supervisor.remove(case.key, team.colleague.id)
    with pytest.raises(NotFound):  # an official of another agency is invited, not added
        supervisor.add(case.key, team.guest.email, CaseRole.EXAMINER)


def test_only_ones_own_agency_sees_a_note(team: Squad) -> None:
    case = team.open_case()
    team.invite_guest(case, team.clock.at.date() + timedelta(days=5))
    team.fresh_desk(team.examiner).room.note(case.key, "do not tell them")
    team.fresh_desk(team.guest).room.note(case.key, "do not tell those")
    ours = [paper.text for paper in team.fresh_desk(team.supervisor).room.papers(case.key)]
    theirs = [paper.text for paper in team.fresh_desk(team.guest).room.papers(case.key)]
    assert ours == ["do not tell them"]
    assert theirs == ["do not tell those"]
    noted = [
        sum(
            line.details.get("kind") == "note"
            for line in team.fresh_desk(member).casework.timeline(case.key, limit=100)
        )
        for member in (team.supervisor, team.guest)
    ]
    assert noted == [1, 1]
    lines = team.fresh_desk(team.guest).casework.timeline(case.key, limit=100)
    assert not [line for line in lines if "email" in line.details or "account" in line.details]


def test_messages_and_files_are_sealed_under_the_key_of_the_case(team: Squad) -> None:
    case, content = team.open_case(), b"the ledger of Mannering and Sons" * 100
    room = team.fresh_desk(team.examiner).room
    room.say(case.key, "meet me at the old windmill")
    paper = room.file(case.key, "../../ledger of\nMannering.pdf", content)
    assert paper.text == ".. .. ledger of Mannering.pdf"
    stored = team.stored_bytes()
    for plain in (b"old windmill", b"Mannering", paper.text.encode()):
        assert plain not in stored
    untrusted, found = room.open(case.key, paper.id)
    assert untrusted == content
    assert found == paper


def test_files_and_messages_have_limits(team: Squad, monkeypatch: pytest.MonkeyPatch) -> None:
    case, room = team.open_case(), team.fresh_desk(team.examiner).room
    monkeypatch.setattr(rooms, "LARGEST", 10)
    with pytest.raises(FileTooLarge):
        room.file(case.key, "a", bytes(11))
    with pytest.raises(InvalidValue, match="empty"):
        room.file(case.key, "a", b"")
    with pytest.raises(InvalidValue, match="20,000"):
        room.say(case.key, "x" * 20_001)
    with pytest.raises(InvalidValue):
        room.note(case.key, " \n ")
    assert room.file(case.key, "", b"x").text == "file"
    message = room.say(case.key, "no file")
    with pytest.raises(NotFound):
        room.open(case.key, message.id)


def test_a_paper_of_one_case_does_not_open_through_another(team: Squad) -> None:
    case, other = team.open_case(), team.open_case(ref="K-2")
    room = team.fresh_desk(team.examiner).room
    paper = room.file(case.key, "a.txt", b"secret of one")
    with pytest.raises(NotFound):
        room.open(other.key, paper.id)
    assert room.papers(other.key) == []


def test_the_newest_papers_come_last(team: Squad) -> None:
    case, room = team.open_case(), team.fresh_desk(team.examiner).room
    for number in range(5):
        room.say(case.key, str(number))
    assert [paper.text for paper in room.papers(case.key, limit=3)] == ["2", "3", "4"]
    assert room.papers(case.key, kinds=(PaperKind.FILE,)) == []
    assert {paper.agency_id for paper in room.papers(case.key)} == {HOME_AGENCY}
