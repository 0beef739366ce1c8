"""A case's life: what covers its searches, hour by hour, and what is left when its authorisation is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.refusals import refused
from tests.support.squad import PROBE, REASON, TERMS, Squad

from lineament.errors import InvalidValue, NotAllowed, NotFound, Refused, WrongState
from lineament.model.actions import Action
from lineament.model.cases import AuthorisationOutcome, Case, CaseStanding, CaseState, PaperKind, Seeks
from lineament.model.reasons import ReasonCode
from lineament.web.casewords import next_step
from lineament.web.timeline import timeline_line

REFUSED = AuthorisationOutcome.REFUSED


def standing(team: Squad, case: Case) -> CaseStanding:
    casework = team.work(team.supervisor).casework
    found = casework.outlook(case.key).standing
    assert casework.standings(casework.page()) == {case.id: found}, "the list says the same"
    return found


# ---------------------------------------------------------------- the 48-hour clock (R8)


def test_a_suspect_is_searched_for_only_while_an_authorisation_or_the_clock_covers_it(team: Squad) -> None:
    case, supervisor = team.case(Seeks.SUSPECT), team.work(team.supervisor).casework
    probe = team.probe(case)

    assert standing(team, case) is CaseStanding.AWAITING
    with refused(ReasonCode.NOT_AUTHORISED):
        team.search(case, probe)

    team.work(team.examiner).casework.declare_urgent(case.key, "he is about to leave the country")
    declared = team.clock.at
    assert standing(team, case) is CaseStanding.URGENT
    team.search(case, probe)

    team.clock.at = declared + timedelta(hours=47, minutes=59)
    assert standing(team, case) is CaseStanding.URGENT
    team.search(case, probe)

    team.clock.at = declared + timedelta(hours=48)
    assert standing(team, case) is CaseStanding.LOCKED
    with refused(ReasonCode.CASE_LOCKED, words="locked at 2026-05-06 12:00 UTC: no authorisation came within 48 hours"):
        team.search(case, probe)

    last = team.clock.at.date() + timedelta(days=3)
    supervisor.authorise(case.key, team.ruling(until=last))
    assert standing(team, case) is CaseStanding.AUTHORISED
    team.search(case, probe)
    team.clock.at = team.clock.at.replace(day=last.day, hour=23, minute=59)
    team.search(case, probe)

    team.clock.at += timedelta(minutes=1)
    assert standing(team, case) is CaseStanding.EXPIRED
    with refused(ReasonCode.AUTHORISATION_EXPIRED, words=f"ended on {last}"):
        team.search(case, probe)

    supervisor.authorise(case.key, team.ruling())
    team.clock.advance(days=3000)
    assert standing(team, case) is CaseStanding.AUTHORISED


@pytest.mark.parametrize("seeks", [Seeks.MISSING, Seeks.VICTIM, Seeks.DECEASED, Seeks.INITIAL])
def test_others_need_no_authorisation(team: Squad, seeks: Seeks) -> None:
    facts = "the camera shows him at the counter" if seeks is Seeks.INITIAL else None
    case = team.work(team.examiner).casework.open(replace(TERMS, seeks=seeks, exempt_because=facts))
    assert standing(team, case) is CaseStanding.EXEMPT
    team.search(case, team.probe(case))
    with refused(ReasonCode.NOT_AWAITING):
        team.work(team.examiner).casework.declare_urgent(case.key, "it is late")


def test_the_clock_is_started_once_and_only_with_a_reason(team: Squad) -> None:
    case, casework = team.case(Seeks.SUSPECT), team.work(team.examiner).casework
    with pytest.raises(InvalidValue, match="cannot wait"):
        casework.declare_urgent(case.key, "  ")
    casework.declare_urgent(case.key, "he leaves")
    for days in (1, 1, 1):
        with pytest.raises(Refused):
            casework.declare_urgent(case.key, "again")
        team.clock.advance(days=days)


def test_an_agency_may_let_nothing_come_before_the_authorisation(team: Squad) -> None:
    team.wish(urgent_hours=0)
    case = team.case(Seeks.SUSPECT)
    with refused(ReasonCode.NO_URGENT_SEARCHES):
        team.work(team.examiner).casework.declare_urgent(case.key, "he leaves")


def test_only_who_manages_cases_records_what_was_decided(team: Squad) -> None:
    case = team.case(Seeks.SUSPECT)
    acts: list[Callable[[Squad, Case], object]] = [
        lambda team, case: team.work(team.examiner).casework.authorise(case.key, team.ruling()),
        lambda team, case: team.work(team.examiner).casework.authorise(case.key, team.ruling(REFUSED)),
        lambda team, case: team.work(team.examiner).casework.hold(case.key, "the court asks"),
        lambda team, case: team.work(team.auditor).casework.close(case.key),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act(team, case)
    for stranger in (team.colleague, team.reviewer, team.abroad, team.administrator):
        with pytest.raises((NotFound, NotAllowed)):
            team.work(stranger).casework.authorise(case.key, team.ruling())
    assert standing(team, case) is CaseStanding.AWAITING


def test_a_decision_of_the_future_is_none(team: Squad) -> None:
    case = team.case(Seeks.SUSPECT)
    ruling = replace(team.ruling(), decided_at=team.clock.at + timedelta(hours=1))
    with pytest.raises(InvalidValue, match="future"):
        team.work(team.supervisor).casework.authorise(case.key, ruling)


def test_the_decision_is_kept_in_the_room_and_its_digest_on_the_record(team: Squad) -> None:
    case, document = team.case(Seeks.SUSPECT), b"%PDF the order of the court"
    decided = team.work(team.supervisor).casework.authorise(case.key, team.ruling(document=document)).authorisation
    (paper,) = team.work(team.examiner).room.papers(case.key, kinds=(PaperKind.DECISION,))
    assert decided is not None
    assert decided.document_sha256 == paper.sha256
    assert team.work(team.examiner).room.open(case.key, paper.id)[0] == document
    assert document not in team.kept()


def test_what_ends_within_a_week_is_told(team: Squad) -> None:
    case, supervisor = team.case(Seeks.SUSPECT), team.work(team.supervisor).casework
    team.work(team.examiner).casework.declare_urgent(case.key, "he leaves")
    ((told, outlook),) = supervisor.pressing(12)
    assert (told.key, outlook) == (case.key, supervisor.outlook(case.key))
    supervisor.authorise(case.key, team.ruling(until=team.clock.at.date() + timedelta(days=30)))
    assert supervisor.pressing(12) == []
    team.clock.advance(days=25)
    assert [one.key for one, _ in team.work(team.examiner).casework.pressing(12)] == [case.key]
    assert team.work(team.colleague).casework.pressing(12) == []


# ---------------------------------------------------------------- refused (R9)

SAID = {
    "message": "he hides in the lighthouse of Armorica",
    "note": "our informant is called Dahut",
    "file": "the statement of the lighthouse keeper",
    "reason": "seen at the flood gate of Kerys",
    "offence": "theft of the golden keys",
    "purpose": "find who opened the sluice",
}


def filled(team: Squad) -> Case:
    """A case that was searched in urgency, with all that may hang on one."""
    terms = replace(TERMS, offence=SAID["offence"], purpose=SAID["purpose"])
    case = team.work(team.examiner).casework.open(terms)
    team.work(team.examiner).casework.declare_urgent(case.key, "the tide comes: cannot wait for Ash Wednesday")
    probe = team.probe(case)
    team.search(case, probe, reason=SAID["reason"])
    room = team.work(team.examiner).room
    room.say(case.key, SAID["message"])
    room.note(case.key, SAID["note"])
    room.file(case.key, "statement.txt", SAID["file"].encode())
    team.invited(case, team.clock.at.date() + timedelta(days=5))
    return case


def opened(team: Squad) -> str:
    """Everything that the ledger says to whoever has the keys."""
    with team.workspace.store.read() as tx:
        return "\n".join(str(row.details) for row in tx.ledger.entries(0, tx.ledger.size()))


def test_a_refusal_destroys_what_hung_on_the_case_to_the_last_byte(team: Squad) -> None:
    case = filled(team)
    pictures = set(team.workspace.blobs.addresses())
    with team.workspace.store.read() as tx:
        wrapped = tx.cases.wrapped_key(case.id)
        (search,) = tx.searches.of_case(case.id)
        (probe,) = tx.probes.of_case_ids(case.id)
    before = team.kept()
    for plain in (SAID["reason"].encode(), SAID["offence"].encode(), wrapped, search.search_id.encode()):
        assert plain in before  # so that looking for it means something
    assert SAID["reason"] in opened(team)

    told = team.work(team.supervisor).casework.authorise(case.key, team.ruling(REFUSED))

    assert told.state is CaseState.REFUSED
    after = team.kept()
    texts = [value.encode() for value in SAID.values()]
    gone = [*texts, wrapped, PROBE, PROBE[100:200], search.search_id.encode(), probe.encode(), b"Ash Wednesday"]
    assert [one for one in gone if one in after] == []
    assert [one for one in SAID.values() if one in opened(team)] == []
    assert len(pictures - set(team.workspace.blobs.addresses())) == 2  # the photograph and the file
    with team.workspace.store.read() as tx:
        with refused(ReasonCode.CASE_DESTROYED):
            tx.cases.wrapped_key(case.id)
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM candidates").scalar_one() == 0


def test_a_tombstone_says_who_refused_and_when_and_the_ledger_holds(team: Squad) -> None:
    case = filled(team)
    team.work(team.supervisor).casework.authorise(case.key, team.ruling(REFUSED))
    left = team.work(team.supervisor).casework.get(case.key)
    assert (left.ref, left.opened_at, left.searches) == (case.ref, case.opened_at, 0)
    assert left.authorisation is not None
    assert left.authorisation.authority == "Court of Ys, Judge Gradlon"
    assert left.closed_at is not None
    found = team.workspace.desk_at_the_machine().audit.verify()
    assert found.erased > 5
    assert found.unexplained == 0
    lines = team.work(team.supervisor).casework.timeline(case.key)
    assert [line.action for line in lines] == [Action.CASE_REFUSED, Action.DETAILS_ERASED]
    assert "1 search, 1 photograph, 3 papers" in timeline_line(lines[0]).words
    outlook = team.work(team.supervisor).casework.outlook(case.key)
    assert "refused by Court of Ys" in str(next_step(left, outlook).words)


def test_after_a_refusal_nothing_can_be_done_with_the_case(team: Squad) -> None:
    case = filled(team)
    probe = team.work(team.examiner).casework.probes(case.key)[0]
    team.work(team.supervisor).casework.authorise(case.key, team.ruling(REFUSED))
    desk, supervising = team.work(team.examiner), team.work(team.supervisor)
    assert desk.casework.probes(case.key) == []
    assert desk.casework.searches(case.key) == []
    assert desk.room.papers(case.key) == []
    with pytest.raises(NotFound):
        desk.probes.get(probe.id)
    for act in (
        lambda: desk.room.say(case.key, "hello"),
        lambda: desk.probes.take(case.key, PROBE),
        lambda: supervising.casework.authorise(case.key, team.ruling()),
        lambda: supervising.casework.authorise(case.key, team.ruling(REFUSED)),
        lambda: supervising.casework.hold(case.key, "too late"),
        lambda: desk.casework.close(case.key),
    ):
        with pytest.raises((Refused, WrongState)):
            act()
    with pytest.raises(NotFound):  # who was invited has left
        team.work(team.guest).casework.get(case.key)


def test_a_refusal_comes_before_a_legal_hold_and_after_closing(team: Squad) -> None:
    case, casework = filled(team), team.work(team.supervisor).casework
    casework.hold(case.key, "a defence lawyer asks")
    casework.close(case.key)
    assert casework.authorise(case.key, team.ruling(REFUSED)).hold_because is None


# ---------------------------------------------------------------- refused purposes (R10)


@pytest.mark.parametrize(
    "purpose",
    [
        "check the immigration status of a witness",
        "find out who was at the protest",
        "a list of people by religion",
        "identify everybody in the crowd",
        "find my ex-girlfriend",
    ],
)
def test_for_some_purposes_nobody_is_searched(team: Squad, purpose: str) -> None:
    with refused(ReasonCode.PURPOSE):
        team.work(team.examiner).casework.open(replace(TERMS, purpose=purpose))
    case = team.case()
    probe = team.probe(case)
    with refused(ReasonCode.PURPOSE):
        team.search(case, probe, reason=purpose)
    assert team.work(team.examiner).casework.get(case.key).searches == 0


# ---------------------------------------------------------------- the timeline


def test_a_timeline_writes_itself_in_words(team: Squad) -> None:
    case = filled(team)
    desk = team.work(team.supervisor)
    desk.casework.authorise(case.key, team.ruling())
    desk.casework.read(case.key, "people")
    desk.casework.hold(case.key, "the court asks")
    desk.casework.release(case.key)
    desk.casework.close(case.key)
    words = [timeline_line(line).words for line in desk.casework.timeline(case.key, limit=100)]
    assert words[0] == "closed the case"
    assert words[-1] == f"opened the case. Offence: {SAID['offence']}. Purpose: {SAID['purpose']}"
    assert any(f"Reason: {SAID['reason']}" in one for one in words)
    assert "looked into the people" in words
    assert not [one for one in words if "_" in one or "erased" in one]
    first = desk.casework.timeline(case.key, limit=4)
    rest = desk.casework.timeline(case.key, before=first[-1].seq, limit=100)
    assert [timeline_line(line).words for line in [*first, *rest]] == words


def test_who_does_not_work_on_a_case_does_not_see_it(team: Squad) -> None:
    case = team.case()
    for seen in (team.examiner, team.supervisor, team.auditor):
        assert team.work(seen).casework.get(case.ref).key == case.key
    for unseen in (team.colleague, team.reviewer, team.guest, team.abroad):
        desk = team.work(unseen).casework
        assert desk.page() == []
        assert desk.count() == 0
        errors = []
        for name in (case.key, case.ref, "K-0"):
            with pytest.raises(NotFound) as refusal:
                desk.get(name)
            errors.append(str(refusal.value).replace(name, "…"))
        assert len(set(errors)) == 1
    assert REASON not in str(team.work(team.auditor).audit.page())
