"""Cases and their rooms: opened, held, closed, and who may do what in them, all without photographs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from tests.support.clock import TODAY
from tests.support.refusals import refused
from tests.support.world import StaffedWorld

from lineament.errors import AlreadyThere, FileTooLarge, InvalidValue, NotAllowed, NotFound, WrongState
from lineament.model.accounts import HOME_AGENCY, Account, Permission, Role
from lineament.model.cases import (
    AuthorisationOutcome,
    Case,
    CaseRole,
    CaseStanding,
    CaseState,
    CaseTerms,
    PaperKind,
    Seeks,
)
from lineament.model.reasons import ReasonCode
from lineament.services.cases import room
from lineament.services.cases.retain import Retain, SweepReport
from lineament.services.cases.standings import Ruling
from lineament.workspace import Desk


@dataclass(slots=True)
class Office:
    """An agency with an examiner and a supervisor, and one case of the examiner's."""

    world: StaffedWorld
    examiner: Account = field(init=False)
    supervisor: Account = field(init=False)
    case: Case = field(init=False)

    def __post_init__(self) -> None:
        self.examiner = self.world.join(HOME_AGENCY, Role.EXAMINER, name="Eva Examiner")
        self.supervisor = self.world.join(HOME_AGENCY, Role.SUPERVISOR, name="Sven Supervisor")
        self.case = self.opened("K-1")

    def opened(self, ref: str, seeks: Seeks = Seeks.SUSPECT, purpose: str = "to find a suspect") -> Case:
        terms = CaseTerms(ref=ref, offence="theft", purpose=purpose, basis="a law", seeks=seeks)
        return self.examining.casework.open(terms)

    @property
    def examining(self) -> Desk:
        return self.world.desk(self.examiner)

    @property
    def supervising(self) -> Desk:
        return self.world.desk(self.supervisor)

    def guest(self, role: CaseRole = CaseRole.OBSERVER, email: str = "zoe@abroad.example") -> Account:
        """Return an examiner of another agency who joined the case until tomorrow."""
        agency = self.world.add_agency(f"Police of {email}")
        account = self.world.join(agency.id, Role.EXAMINER, name="Zoe Guest", email=email)
        invitation = self.supervising.members.invite(self.case.key, email, role, TODAY + timedelta(days=1))
        self.world.desk(account).members.take(invitation.id)
        return account


@pytest.fixture
def office(world: StaffedWorld) -> Office:
    return Office(world)


def granted(office: Office, **changes: object) -> Ruling:
    values = {
        "authority": "Court of Freedonia",
        "decided_at": office.world.clock(),
        "outcome": AuthorisationOutcome.GRANTED,
        "scope": "all",
    }
    return Ruling(**{**values, **changes})  # type: ignore[arg-type]


# ---------------------------------------------------------------- a case's life


def test_the_official_who_opens_a_case_is_its_examiner(office: Office) -> None:
    (member,) = office.examining.members.of("K-1")
    assert (member.account_id, member.role, member.until) == (office.examiner.id, CaseRole.EXAMINER, None)
    with pytest.raises(AlreadyThere):
        office.opened("K-1")


def test_for_some_purposes_no_case_is_opened(office: Office) -> None:
    with refused(ReasonCode.PURPOSE):
        office.opened("K-2", purpose="to identify the participants of a protest")
    assert [case.ref for case in office.examining.casework.page()] == ["K-1"]


@pytest.mark.parametrize("because", ["", "  "])
def test_urgent_hours_need_a_reason(office: Office, because: str) -> None:
    with pytest.raises(InvalidValue, match="why it cannot wait"):
        office.examining.casework.declare_urgent("K-1", because)


def test_urgent_hours_start_once_and_only_if_an_authorisation_is_missing(office: Office) -> None:
    casework = office.examining.casework
    casework.declare_urgent("K-1", "a life is in danger")
    assert casework.outlook("K-1").standing is CaseStanding.URGENT
    with refused(ReasonCode.NOT_AWAITING):
        casework.declare_urgent("K-1", "again")
    office.opened("K-2", Seeks.MISSING)
    with refused(ReasonCode.NOT_AWAITING):
        casework.declare_urgent("K-2", "a child is missing")


def test_a_policy_may_forbid_urgent_searches(office: Office) -> None:
    office.world.administrator_desk.agencies.tighten({"urgent_hours": 0})
    with refused(ReasonCode.NO_URGENT_SEARCHES):
        office.examining.casework.declare_urgent("K-1", "a life is in danger")


def test_an_authorisation_is_recorded_by_those_who_manage_cases(office: Office) -> None:
    with pytest.raises(NotAllowed):
        office.examining.casework.authorise("K-1", granted(office))
    future = granted(office, decided_at=office.world.clock() + timedelta(days=1))
    with pytest.raises(InvalidValue, match="in the future"):
        office.supervising.casework.authorise("K-1", future)
    authorised = office.supervising.casework.authorise("K-1", granted(office, expires_on=TODAY))
    assert authorised.authorisation is not None
    assert authorised.authorisation.recorded_by == "Sven Supervisor"
    assert office.examining.casework.outlook("K-1").standing is CaseStanding.AUTHORISED
    office.world.clock.advance(days=1)
    assert office.examining.casework.outlook("K-1").standing is CaseStanding.EXPIRED


def test_a_case_is_put_on_hold_once_and_released_once(office: Office) -> None:
    casework = office.supervising.casework
    with refused(ReasonCode.NOT_ON_HOLD):
        casework.release("K-1")
    with pytest.raises(InvalidValue, match="who ordered it"):
        casework.hold("K-1", " ")
    assert casework.hold("K-1", "by order of the court ").hold_because == "by order of the court"
    with refused(ReasonCode.ON_HOLD):
        casework.hold("K-1", "again")
    assert casework.release("K-1").hold_because is None


def test_a_closed_case_is_destroyed_in_time_unless_it_is_held(office: Office) -> None:
    casework, clock = office.supervising.casework, office.world.clock
    casework.close("K-1")
    office.opened("K-2")
    casework.close("K-2")
    casework.hold("K-2", "by order of the court")
    with pytest.raises(WrongState):
        casework.close("K-1")
    machine = office.world.workspace.desk_at_the_machine()
    assert machine.retain.sweep() == SweepReport(cases=0, probes=0, details=0)
    clock.advance(days=366)
    assert machine.retain.sweep().cases == 1
    assert [casework.get(ref).state for ref in ("K-1", "K-2")] == [CaseState.DESTROYED, CaseState.CLOSED]
    with refused(ReasonCode.NOTHING_TO_HOLD):
        casework.hold("K-1", "too late")


@pytest.mark.parametrize("act", ["hold", "sweep"])
def test_a_sweep_records_nothing_of_a_case_that_another_process_held_or_destroyed(
    office: Office, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    office.examining.casework.close("K-1")
    office.world.clock.advance(days=366)
    destroy = Retain._destroy

    def destroy_later(retain: Retain, *case: Any) -> None:
        monkeypatch.setattr(Retain, "_destroy", destroy)
        if act == "hold":
            office.supervising.casework.hold("K-1", "a court asked for it")
        else:
            assert office.world.machine.retain.sweep().cases == 1
        destroy(retain, *case)

    monkeypatch.setattr(Retain, "_destroy", destroy_later)
    assert office.world.machine.retain.sweep().cases == 0
    recorded = [action for action in office.world.actions() if action in {"case_held", "case_destroyed"}]
    assert recorded == ["case_held" if act == "hold" else "case_destroyed"]


# ---------------------------------------------------------------- who sees it, and what they may do


def test_those_who_do_not_work_on_a_case_do_not_find_it(office: Office) -> None:
    stranger = office.world.desk(office.world.join(HOME_AGENCY, Role.EXAMINER, name="Otto Other"))
    with pytest.raises(NotFound) as unseen:
        stranger.casework.get("K-1")
    with pytest.raises(NotFound) as missing:
        stranger.casework.get("K-9")
    assert str(unseen.value).replace("K-1", "K-9") == str(missing.value)
    assert stranger.casework.page() == []


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (CaseRole.EXAMINER, {"read cases", "take part", "open cases", "search", "review"}),
        (CaseRole.REVIEWER, {"read cases", "take part", "review"}),  # whose account does not approve
        (CaseRole.OBSERVER, {"read cases", "take part"}),
    ],
)
def test_a_guest_may_do_what_the_role_in_the_case_and_the_account_allow(
    office: Office, role: CaseRole, may: set[str]
) -> None:
    guest = office.world.desk(office.guest(role))
    assert {str(permission) for permission in guest.casework.outlook(office.case.key).may} == may


def test_a_supervisor_manages_every_case_of_the_agency_and_searches_none(office: Office) -> None:
    may = office.supervising.casework.outlook("K-1").may
    assert Permission.MANAGE_CASES in may
    assert Permission.SEARCH not in may


def test_a_guest_does_not_close_the_case_of_another_agency(office: Office) -> None:
    guest = office.world.desk(office.guest(CaseRole.EXAMINER))
    with pytest.raises(NotAllowed, match="of your own agency"):
        guest.casework.close(office.case.key)


def test_guests_leave_when_the_case_is_closed(office: Office) -> None:
    guest = office.world.desk(office.guest())
    office.examining.casework.close("K-1")
    with pytest.raises(NotFound):
        guest.casework.get(office.case.key)


# ---------------------------------------------------------------- members


def test_only_accounts_at_work_become_members(office: Office) -> None:
    world, members = office.world, office.supervising.members
    other = world.join(HOME_AGENCY, Role.EXAMINER, name="Otto Other")
    world.administrator_desk.people.suspend(other.id)
    with refused(ReasonCode.ACCOUNT_NOT_ACTIVE):
        members.add("K-1", other.email, CaseRole.EXAMINER)
    with pytest.raises(NotFound):
        members.add("K-1", "nobody@home.example", CaseRole.EXAMINER)
    with pytest.raises(InvalidValue, match="in the past"):
        members.add("K-1", office.supervisor.email, CaseRole.OBSERVER, TODAY - timedelta(days=1))


def test_a_member_who_is_added_again_has_another_role(office: Office) -> None:
    members = office.supervising.members
    members.add("K-1", office.examiner.email, CaseRole.OBSERVER, TODAY)
    (member,) = members.of("K-1")
    assert (member.role, member.until) == (CaseRole.OBSERVER, TODAY)
    members.remove("K-1", office.examiner.id)
    assert members.of("K-1") == []
    with pytest.raises(NotFound):
        members.remove("K-1", office.examiner.id)


def test_an_invitation_has_a_last_day_and_is_sent_once(office: Office) -> None:
    members, tomorrow = office.supervising.members, TODAY + timedelta(days=1)
    with pytest.raises(InvalidValue, match="on which day it ends"):
        members.invite("K-1", "zoe@abroad.example", CaseRole.OBSERVER, None)
    invitation = members.invite("K-1", " Zoe@Abroad.example ", CaseRole.OBSERVER, tomorrow)
    assert invitation.email == "zoe@abroad.example"
    with pytest.raises(AlreadyThere):
        members.invite("K-1", "zoe@abroad.example", CaseRole.EXAMINER, tomorrow)
    members.withdraw("K-1", invitation.id)
    with pytest.raises(NotFound):
        members.withdraw("K-1", invitation.id)
    assert members.invitations("K-1") == []


def test_an_invitation_is_accepted_only_from_its_address_and_in_time(office: Office) -> None:
    invitation = office.supervising.members.invite("K-1", "zoe@abroad.example", CaseRole.OBSERVER, TODAY)
    agency = office.world.add_agency()
    zoe, other = (
        office.world.desk(office.world.join(agency.id, Role.EXAMINER, name=name, email=email))
        for name, email in (("Zoe Guest", "zoe@abroad.example"), ("Otto Other", "otto@abroad.example"))
    )
    assert other.members.mine() == []
    with pytest.raises(NotFound):
        other.members.take(invitation.id)
    assert [mine.id for mine in zoe.members.mine()] == [invitation.id]
    office.world.clock.advance(days=1)
    assert zoe.members.mine() == []
    with pytest.raises(NotFound):
        zoe.members.take(invitation.id)


# ---------------------------------------------------------------- the room


def test_only_the_authors_agency_reads_a_note(office: Office) -> None:
    guest = office.world.desk(office.guest())
    office.examining.room.say("K-1", " Hello ")
    office.examining.room.note("K-1", "for us")
    guest.room.note(office.case.key, "for them")
    assert [paper.text for paper in office.examining.room.papers("K-1")] == ["Hello", "for us"]
    assert [paper.text for paper in guest.room.papers(office.case.key)] == ["Hello", "for them"]
    own, theirs = (
        [entry.action for entry in desk.casework.timeline(office.case.key)].count("paper_added")
        for desk in (office.examining, guest)
    )
    assert (own, theirs) == (2, 2)


@pytest.mark.parametrize("text", ["", " \n ", "x" * (room.LONGEST + 1)])
def test_a_message_is_neither_empty_nor_too_long(office: Office, text: str) -> None:
    for write in (office.examining.room.say, office.examining.room.note):
        with pytest.raises(InvalidValue, match="write 1 to 20,000 characters"):
            write("K-1", text)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a.pdf", "a.pdf"),
        ("../../etc/passwd", ".. .. etc passwd"),
        ("a\\b\nc.pdf", "a b c.pdf"),
        ("/", "file"),
        ("a\x1b[2J\u202efdp.exe", "a[2Jfdp.exe"),
        ("\udcff.pdf", ".pdf"),  # a name that is not text, as Python reads it from the disk
        ("\udcff", "file"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_file_is_stored_under_a_name_that_is_no_path(office: Office, name: str, kept: str) -> None:
    paper = office.examining.room.file("K-1", name, b"bytes")
    assert (paper.kind, paper.text, paper.size) == (PaperKind.FILE, kept, 5)
    assert office.supervising.room.open("K-1", paper.id)[0] == b"bytes"


def test_a_file_is_neither_empty_nor_too_large(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LARGEST", 4)
    with pytest.raises(InvalidValue, match="The file cannot be empty"):
        office.examining.room.file("K-1", "a.pdf", b"")
    with pytest.raises(FileTooLarge):
        office.examining.room.file("K-1", "a.pdf", b"bytes")


def test_the_room_ends_with_the_case(office: Office) -> None:
    office.examining.room.say("K-1", "Hello")
    office.examining.casework.close("K-1")
    writes: list[Callable[[str, str], object]] = [office.examining.room.say, office.examining.room.note]
    for write in writes:
        with refused(ReasonCode.ROOM_CLOSED):
            write("K-1", "too late")
    assert [paper.text for paper in office.examining.room.papers("K-1")] == ["Hello"]


def test_a_file_that_is_refused_is_not_stored(office: Office) -> None:
    blobs = office.world.workspace.blobs
    future = office.world.clock() + timedelta(days=1)
    with pytest.raises(InvalidValue, match="in the future"):
        office.supervising.casework.authorise("K-1", granted(office, document=b"decision", decided_at=future))
    office.examining.casework.close("K-1")
    with refused(ReasonCode.ROOM_CLOSED):
        office.examining.room.file("K-1", "a.pdf", b"bytes")
    with refused(ReasonCode.CASE_NOT_OPEN):
        office.supervising.casework.authorise("K-1", granted(office, document=b"decision"))
    assert list(blobs.addresses()) == []


# ---------------------------------------------------------------- the timeline


def test_a_timeline_continues_before_an_entry_named_by_its_commitment(office: Office) -> None:
    for text in ("one", "two"):
        office.examining.room.say("K-1", text)
    casework = office.examining.casework
    newest, second, opened = casework.timeline("K-1")
    assert [entry.action for entry in (newest, second, opened)] == ["paper_added", "paper_added", "case_opened"]
    before = casework.entry("K-1", second.commitment)
    assert [entry.seq for entry in casework.timeline("K-1", before)] == [opened.seq]
    assert [entry.seq for entry in casework.timeline("K-1", limit=1)] == [newest.seq]


def test_numbers_of_entries_are_for_auditors(office: Office) -> None:
    auditor = office.world.desk(office.world.join(HOME_AGENCY, Role.AUDITOR, name="Axel Auditor"))
    assert auditor.casework.entry("K-1", "5") == 5
    for reference in ("5", "ab" * 32, "no reference"):
        with pytest.raises(NotFound, match="line of the timeline"):
            office.examining.casework.entry("K-1", reference)
