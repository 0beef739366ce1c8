"""The room of a case: officials of several agencies see what the case holds, and nothing else of each other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.refusals import refused
from tests.support.squad import PROBE, Squad

from lineament.errors import AlreadyThere, FileTooLarge, InvalidValue, NotAllowed, NotFound
from lineament.model.accounts import HOME_AGENCY
from lineament.model.cases import CaseRole, PaperKind
from lineament.model.reasons import ReasonCode
from lineament.model.search import ProbeKind, SearchRequest
from lineament.services.cases import room as rooms


def test_a_guest_sees_the_case_and_nothing_else(team: Squad) -> None:
    case, other = team.case(), team.case(ref="K-2")
    result = team.search(case, team.probe(case))
    team.work(team.examiner).room.say(case.key, "welcome")
    team.invited(case, team.clock.at.date() + timedelta(days=5))
    desk = team.work(team.guest)
    assert [one.key for one in desk.casework.page()] == [case.key]
    assert desk.casework.count() == 1
    assert desk.search.get(result.search_id).candidates == result.candidates
    assert [one.text for one in desk.room.papers(case.key)] == ["welcome"]
    assert {one.agency_name for one in desk.members.of(case.key)} == {"This agency", "Police of Freedonia"}
    for name in (other.key, other.ref, case.ref):  # a reference is looked for in one's own agency alone
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
    assert team.work(team.abroad).casework.page() == []  # not even the guest's own supervisor


def test_a_guest_works_as_the_role_in_the_case_allows(team: Squad) -> None:
    case = team.case()
    probe = team.probe(case)
    team.invited(case, team.clock.at.date() + timedelta(days=5), CaseRole.OBSERVER)
    desk = team.work(team.guest)
    desk.room.say(case.key, "I only look")
    with pytest.raises(NotAllowed):
        desk.probes.take(case.key, PROBE, kind=ProbeKind.CCTV)
    with refused(ReasonCode.ROLES):
        desk.search.run(probe.id, SearchRequest(case=case.key, reason="to look"))
    with pytest.raises(NotAllowed):
        desk.casework.close(case.key)
    team.invited(case, team.clock.at.date() + timedelta(days=5), CaseRole.EXAMINER)
    assert team.search(case, probe, by=team.guest).candidates


def test_a_guest_leaves_on_the_last_day(team: Squad) -> None:
    case = team.case()
    probe = team.probe(case)
    last = team.clock.at.date() + timedelta(days=5)
    team.invited(case, last)
    assert [(one.case, one.until) for one in team.work(team.guest).members.ending()] == [(case.ref, last)]
    assert [one.name for one in team.work(team.supervisor).members.ending()] == ["Gusti Guest"]
    assert team.work(team.colleague).members.ending() == []
    team.clock.at = team.clock.at.replace(day=last.day, hour=23, minute=59)
    assert team.work(team.guest).probes.get(probe.id).id == probe.id
    team.clock.at += timedelta(minutes=2)
    desk = team.work(team.guest)
    with pytest.raises(NotFound):
        desk.casework.get(case.key)
    with pytest.raises(NotFound):
        desk.probes.get(probe.id)
    assert desk.casework.page() == []
    assert [one.name for one in team.work(team.supervisor).members.of(case.key)] == ["Eva Examiner"]


def test_closing_a_case_sends_guests_away_and_ends_what_is_said(team: Squad) -> None:
    case = team.case()
    team.invited(case, team.clock.at.date() + timedelta(days=5))
    team.work(team.supervisor).members.invite(case.key, "late@x.example", CaseRole.OBSERVER, team.clock.at.date())
    team.work(team.examiner).casework.close(case.key)
    with pytest.raises(NotFound):
        team.work(team.guest).casework.get(case.key)
    assert team.work(team.supervisor).members.invitations(case.key) == []
    with refused(ReasonCode.ROOM_CLOSED):
        team.work(team.examiner).room.say(case.key, "too late")


def test_an_invitation_is_for_one_address_and_one_use(team: Squad) -> None:
    case = team.case()
    supervisor = team.work(team.supervisor).members
    until = team.clock.at.date() + timedelta(days=5)
    made = supervisor.invite(case.key, team.guest.email.upper(), CaseRole.REVIEWER, until)
    with pytest.raises(AlreadyThere):
        supervisor.invite(case.key, team.guest.email, CaseRole.REVIEWER, until)
    for stranger in (team.abroad, team.colleague):
        assert team.work(stranger).members.mine() == []
        with pytest.raises(NotFound):
            team.work(stranger).members.take(made.id)
    team.work(team.guest).members.take(made.id)
    with pytest.raises(NotFound):
        team.work(team.guest).members.take(made.id)
    again = supervisor.invite(case.key, team.guest.email, CaseRole.OBSERVER, until)
    team.clock.advance(days=6)
    assert team.work(team.guest).members.mine() == []
    with pytest.raises(NotFound):
        team.work(team.guest).members.take(again.id)


def test_inviting_does_not_tell_whether_there_is_an_account(team: Squad) -> None:
    case = team.case()
    until = team.clock.at.date() + timedelta(days=1)
    supervisor = team.work(team.supervisor).members
    known = supervisor.invite(case.key, team.guest.email, CaseRole.OBSERVER, until)
    unknown = supervisor.invite(case.key, "nobody@nowhere.example", CaseRole.OBSERVER, until)
    assert known.agency_name == unknown.agency_name == "This agency"
    for wrong in ("no address", ""):
        with pytest.raises(InvalidValue):
            supervisor.invite(case.key, wrong, CaseRole.OBSERVER, until)
    with pytest.raises(InvalidValue, match="past"):
        supervisor.invite(case.key, "a@b.example", CaseRole.OBSERVER, until - timedelta(days=3))


def test_who_is_removed_is_out_at_once(team: Squad) -> None:
    case = team.case()
    supervisor = team.work(team.supervisor).members
    supervisor.add(case.key, team.colleague.email, CaseRole.EXAMINER)
    assert team.work(team.colleague).casework.get(case.key).key == case.key
    supervisor.remove(case.key, team.colleague.id)
    with pytest.raises(NotFound):
        team.work(team.colleague).casework.get(case.key)
    with pytest.raises(NotFound):
        supervisor.remove(case.key, team.colleague.id)
    with pytest.raises(NotFound):  # an official of another agency is invited, not added
        supervisor.add(case.key, team.guest.email, CaseRole.EXAMINER)


def test_a_note_is_for_ones_own_agency_alone(team: Squad) -> None:
    case = team.case()
    team.invited(case, team.clock.at.date() + timedelta(days=5))
    team.work(team.examiner).room.note(case.key, "do not tell them")
    team.work(team.guest).room.note(case.key, "do not tell those")
    ours = [one.text for one in team.work(team.supervisor).room.papers(case.key)]
    theirs = [one.text for one in team.work(team.guest).room.papers(case.key)]
    assert ours == ["do not tell them"]
    assert theirs == ["do not tell those"]
    noted = [
        sum(line.details.get("kind") == "note" for line in team.work(who).casework.timeline(case.key, limit=100))
        for who in (team.supervisor, team.guest)
    ]
    assert noted == [1, 1]
    lines = team.work(team.guest).casework.timeline(case.key, limit=100)
    assert not [line for line in lines if "email" in line.details or "account" in line.details]


def test_what_is_said_and_given_is_sealed_under_the_key_of_the_case(team: Squad) -> None:
    case, content = team.case(), b"the ledger of Mannering and Sons" * 100
    room = team.work(team.examiner).room
    room.say(case.key, "meet me at the old windmill")
    paper = room.file(case.key, "../../ledger of\nMannering.pdf", content)
    assert paper.text == ".. .. ledger of Mannering.pdf"
    kept = team.kept()
    for plain in (b"old windmill", b"Mannering", paper.text.encode()):
        assert plain not in kept
    untrusted, found = room.open(case.key, paper.id)
    assert untrusted == content
    assert found == paper


def test_files_have_their_limits(team: Squad, monkeypatch: pytest.MonkeyPatch) -> None:
    case, room = team.case(), team.work(team.examiner).room
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
    one, other = team.case(), team.case(ref="K-2")
    room = team.work(team.examiner).room
    paper = room.file(one.key, "a.txt", b"secret of one")
    with pytest.raises(NotFound):
        room.open(other.key, paper.id)
    assert room.papers(other.key) == []


def test_the_newest_papers_come_last(team: Squad) -> None:
    case, room = team.case(), team.work(team.examiner).room
    for number in range(5):
        room.say(case.key, str(number))
    assert [one.text for one in room.papers(case.key, limit=3)] == ["2", "3", "4"]
    assert room.papers(case.key, kinds=(PaperKind.FILE,)) == []
    assert {one.agency_id for one in room.papers(case.key)} == {HOME_AGENCY}
