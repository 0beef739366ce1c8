"""The life of a case: what authorises its searches, hour by hour, and what is left if the authorisation is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.refusals import refused
from tests.support.squad import PHOTOGRAPH, REASON, TERMS, Squad

from lineament.errors import InvalidValue, NotAllowed, NotFound, Refused, WrongState
from lineament.model.actions import Action
from lineament.model.cases import AuthorisationOutcome, Case, CaseStanding, CaseState, PaperKind, Seeks
from lineament.model.reasons import ReasonCode
from lineament.web.casewords import next_step
from lineament.web.entries import timeline_line
from lineament.web.sentences import Names

REFUSED = AuthorisationOutcome.REFUSED


def standing(team: Squad, case: Case) -> CaseStanding:
    casework = team.fresh_desk(team.supervisor).casework
    found = casework.outlook(case.key).standing
    assert casework.standings(casework.page()) == {case.id: found}, "the list has the same standing"
    return found


# ---------------------------------------------------------------- the 48-hour clock (R8)


def test_a_suspect_is_searched_for_only_with_an_authorisation_or_within_the_urgent_hours(team: Squad) -> None:
    case, supervisor = team.open_case(Seeks.SUSPECT), team.fresh_desk(team.supervisor).casework
    probe = team.take_probe(case)

    assert standing(team, case) is CaseStanding.AWAITING
    with refused(ReasonCode.NOT_AUTHORISED):
        team.search(case, probe)

    team.fresh_desk(team.examiner).casework.declare_urgent(case.key, "he is about to leave the country")
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
def test_a_search_for_others_needs_no_authorisation(team: Squad, seeks: Seeks) -> None:
    facts = "the camera shows him at the counter" if seeks is Seeks.INITIAL else None
    case = team.fresh_desk(team.examiner).casework.open(replace(TERMS, seeks=seeks, exempt_because=facts))
    assert standing(team, case) is CaseStanding.EXEMPT
    team.search(case, team.take_probe(case))
    with refused(ReasonCode.NOT_AWAITING):
        team.fresh_desk(team.examiner).casework.declare_urgent(case.key, "it is late")


def test_the_urgent_hours_begin_once_and_only_with_a_reason(team: Squad) -> None:
    case, casework = team.open_case(Seeks.SUSPECT), team.fresh_desk(team.examiner).casework
    with pytest.raises(InvalidValue, match="cannot wait"):
        casework.declare_urgent(case.key, "  ")
    casework.declare_urgent(case.key, "he leaves")
    for days in (1, 1, 1):
        with pytest.raises(Refused):
            casework.declare_urgent(case.key, "again")
        team.clock.advance(days=days)


def test_an_agency_may_forbid_urgent_searches(team: Squad) -> None:
    team.wish(urgent_hours=0)
    case = team.open_case(Seeks.SUSPECT)
    with refused(ReasonCode.NO_URGENT_SEARCHES):
        team.fresh_desk(team.examiner).casework.declare_urgent(case.key, "he leaves")


def test_only_those_who_manage_cases_record_decisions(team: Squad) -> None:
    case = team.open_case(Seeks.SUSPECT)
    acts: list[Callable[[Squad, Case], object]] = [
        lambda team, case: team.fresh_desk(team.examiner).casework.authorise(case.key, team.ruling()),
        lambda team, case: team.fresh_desk(team.examiner).casework.authorise(case.key, team.ruling(REFUSED)),
        lambda team, case: team.fresh_desk(team.examiner).casework.hold(case.key, "the court asks"),
        lambda team, case: team.fresh_desk(team.auditor).casework.close(case.key),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act(team, case)
    for stranger in (team.colleague, team.reviewer, team.foreign_supervisor, team.administrator):
        with pytest.raises((NotFound, NotAllowed)):
            team.fresh_desk(stranger).casework.authorise(case.key, team.ruling())
    assert standing(team, case) is CaseStanding.AWAITING


def test_a_decision_in_the_future_is_refused(team: Squad) -> None:
    case = team.open_case(Seeks.SUSPECT)
    ruling = replace(team.ruling(), decided_at=team.clock.at + timedelta(hours=1))
    with pytest.raises(InvalidValue, match="future"):
        team.fresh_desk(team.supervisor).casework.authorise(case.key, ruling)


def test_a_decision_is_stored_in_the_room_and_its_digest_in_the_ledger(team: Squad) -> None:
    case, document = team.open_case(Seeks.SUSPECT), b"%PDF the order of the court"
    decided = (
        team.fresh_desk(team.supervisor).casework.authorise(case.key, team.ruling(document=document)).authorisation
    )
    (paper,) = team.fresh_desk(team.examiner).room.papers(case.key, kinds=(PaperKind.DECISION,))
    assert decided is not None
    assert decided.document_sha256 == paper.sha256
    assert team.fresh_desk(team.examiner).room.open(case.key, paper.id)[0] == document
    assert document not in team.stored_bytes()


def test_cases_that_end_within_a_week_are_reported(team: Squad) -> None:
    case, supervisor = team.open_case(Seeks.SUSPECT), team.fresh_desk(team.supervisor).casework
    team.fresh_desk(team.examiner).casework.declare_urgent(case.key, "he leaves")
    ((pressing, outlook),) = supervisor.pressing(12)
    assert (pressing.key, outlook) == (case.key, supervisor.outlook(case.key))
    supervisor.authorise(case.key, team.ruling(until=team.clock.at.date() + timedelta(days=30)))
    assert supervisor.pressing(12) == []
    team.clock.advance(days=25)
    assert [pressing.key for pressing, _ in team.fresh_desk(team.examiner).casework.pressing(12)] == [case.key]
    assert team.fresh_desk(team.colleague).casework.pressing(12) == []


# ---------------------------------------------------------------- refused (R9)

TEXTS = {
    "message": "he hides in the lighthouse of Armorica",
    "note": "our informant is called Dahut",
    "file": "the statement of the lighthouse keeper",
    "reason": "seen at the flood gate of Kerys",
    "offence": "theft of the golden keys",
    "purpose": "find who opened the sluice",
}


def fill_case(team: Squad) -> Case:
    """Open an urgent case that was searched, with everything that a case may hold."""
    terms = replace(TERMS, offence=TEXTS["offence"], purpose=TEXTS["purpose"])
    case = team.fresh_desk(team.examiner).casework.open(terms)
    team.fresh_desk(team.examiner).casework.declare_urgent(case.key, "the tide comes: cannot wait for Ash Wednesday")
    probe = team.take_probe(case)
    team.search(case, probe, reason=TEXTS["reason"])
    room = team.fresh_desk(team.examiner).room
    room.say(case.key, TEXTS["message"])
    room.note(case.key, TEXTS["note"])
    room.file(case.key, "statement.txt", TEXTS["file"].encode())
    team.invite_guest(case, team.clock.at.date() + timedelta(days=5))
    return case


def test_a_refusal_destroys_everything_in_the_case_to_the_last_byte(team: Squad) -> None:
    case = fill_case(team)
    pictures = set(team.workspace.blobs.addresses())
    with team.workspace.store.read() as tx:
        wrapped = tx.cases.wrapped_key(case.id)
        (search,) = tx.searches.of_case(case.id)
        (probe,) = tx.probes.of_case_ids(case.id)
    before = team.stored_bytes()
    for plain in (TEXTS["reason"].encode(), TEXTS["offence"].encode(), wrapped, search.search_id.encode()):
        assert plain in before  # so the search below would find it
    assert TEXTS["reason"] in team.all_details()

    refused_case = team.fresh_desk(team.supervisor).casework.authorise(case.key, team.ruling(REFUSED))

    assert refused_case.state is CaseState.REFUSED
    after = team.stored_bytes()
    texts = [value.encode() for value in TEXTS.values()]
    gone = [
        *texts,
        wrapped,
        PHOTOGRAPH,
        PHOTOGRAPH[100:200],
        search.search_id.encode(),
        probe.encode(),
        b"Ash Wednesday",
    ]
    assert [text for text in gone if text in after] == []
    assert [text for text in TEXTS.values() if text in team.all_details()] == []
    assert len(pictures - set(team.workspace.blobs.addresses())) == 2  # the photograph and the file
    with team.workspace.store.read() as tx:
        with refused(ReasonCode.CASE_DESTROYED):
            tx.cases.wrapped_key(case.id)
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM candidates").scalar_one() == 0


def test_what_is_left_says_who_refused_and_when_and_the_ledger_is_sound(team: Squad) -> None:
    case = fill_case(team)
    team.fresh_desk(team.supervisor).casework.authorise(case.key, team.ruling(REFUSED))
    left = team.fresh_desk(team.supervisor).casework.get(case.key)
    assert (left.ref, left.opened_at, left.searches) == (case.ref, case.opened_at, 0)
    assert left.authorisation is not None
    assert left.authorisation.authority == "Court of Ys, Judge Gradlon"
    assert left.closed_at is not None
    found = team.machine.audit.verify()
    assert found.erased > 5
    assert found.rows
    lines = team.fresh_desk(team.supervisor).casework.timeline(case.key)
    assert [line.action for line in lines] == [Action.CASE_REFUSED, Action.DETAILS_ERASED]
    assert "1 search, 1 photograph and 3 papers" in timeline_line(lines[0], Names()).words
    outlook = team.fresh_desk(team.supervisor).casework.outlook(case.key)
    assert "refused by Court of Ys" in str(next_step(left, outlook).words)


def test_after_a_refusal_nothing_can_be_done_with_the_case(team: Squad) -> None:
    case = fill_case(team)
    probe = team.fresh_desk(team.examiner).casework.probes(case.key)[0]
    team.fresh_desk(team.supervisor).casework.authorise(case.key, team.ruling(REFUSED))
    desk, supervising = team.fresh_desk(team.examiner), team.fresh_desk(team.supervisor)
    assert desk.casework.probes(case.key) == []
    assert desk.casework.stored_searches(case.key) == []
    assert desk.room.papers(case.key) == []
    with pytest.raises(NotFound):
        desk.probes.get(probe.id)
    for act in (
        lambda: desk.room.say(case.key, "hello"),
        lambda: desk.probes.take(case.key, PHOTOGRAPH),
        lambda: supervising.casework.authorise(case.key, team.ruling()),
        lambda: supervising.casework.authorise(case.key, team.ruling(REFUSED)),
        lambda: supervising.casework.hold(case.key, "too late"),
        lambda: desk.casework.close(case.key),
    ):
        with pytest.raises((Refused, WrongState)):
            act()
    with pytest.raises(NotFound):  # the guest is no member any more
        team.fresh_desk(team.guest).casework.get(case.key)


def test_a_refusal_overrides_a_legal_hold_and_comes_after_closing_too(team: Squad) -> None:
    case, casework = fill_case(team), team.fresh_desk(team.supervisor).casework
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
def test_some_purposes_are_always_refused(team: Squad, purpose: str) -> None:
    with refused(ReasonCode.PURPOSE):
        team.fresh_desk(team.examiner).casework.open(replace(TERMS, purpose=purpose))
    case = team.open_case()
    probe = team.take_probe(case)
    with refused(ReasonCode.PURPOSE):
        team.search(case, probe, reason=purpose)
    assert team.fresh_desk(team.examiner).casework.get(case.key).searches == 0


# ---------------------------------------------------------------- the timeline


def test_a_timeline_is_written_in_words(team: Squad) -> None:
    case = fill_case(team)
    desk = team.fresh_desk(team.supervisor)
    desk.casework.authorise(case.key, team.ruling())
    desk.casework.read(case.key, "people")
    desk.casework.hold(case.key, "the court asks")
    desk.casework.release(case.key)
    desk.casework.close(case.key)
    names = Names(key=case.key, here=True)
    words = [timeline_line(line, names).words.striptags() for line in desk.casework.timeline(case.key, limit=100)]
    assert words[0] == "closed the case"
    assert words[-1] == f"opened the case. Offence: “{TEXTS['offence']}”. Purpose: “{TEXTS['purpose']}”"
    assert any(f"Reason: “{TEXTS['reason']}”" in line for line in words)
    assert "read the people of the case" in words
    assert not [line for line in words if "_" in line or "erased" in line]
    first = desk.casework.timeline(case.key, limit=4)
    rest = desk.casework.timeline(case.key, before=first[-1].seq, limit=100)
    assert [timeline_line(line, names).words.striptags() for line in [*first, *rest]] == words


def test_only_those_who_work_on_a_case_see_it(team: Squad) -> None:
    case = team.open_case()
    for seen in (team.examiner, team.supervisor, team.auditor):
        assert team.fresh_desk(seen).casework.get(case.ref).key == case.key
    for unseen in (team.colleague, team.reviewer, team.guest, team.foreign_supervisor):
        desk = team.fresh_desk(unseen).casework
        assert desk.page() == []
        assert desk.count() == 0
        errors = []
        for name in (case.key, case.ref, "K-0"):
            with pytest.raises(NotFound) as refusal:
                desk.get(name)
            errors.append(str(refusal.value).replace(name, "…"))
        assert len(set(errors)) == 1
    assert REASON not in str(team.fresh_desk(team.auditor).audit.page())
