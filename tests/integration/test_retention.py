"""How long things are kept, under a clock that tests move: closed cases, unsearched photographs, details (R35)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.conftest import CASE, Ran
from tests.support.refusals import refused
from tests.support.squad import OTHER_PHOTOGRAPH, PHOTOGRAPH, REASON, Squad

from lineament.errors import InvalidValue, NotFound
from lineament.model.actions import Action
from lineament.model.cases import Case, CaseState
from lineament.model.reasons import ReasonCode
from lineament.model.search import Edit, EditKind
from lineament.services.cases.retain import SweepReport
from lineament.web.entries import timeline_line
from lineament.web.sentences import Names

NOTHING = SweepReport(cases=0, probes=0, details=0)


def sweep(team: Squad) -> SweepReport:
    return team.machine.retain.sweep()


def close_case(team: Squad, ref: str = "K-1") -> Case:
    """Return a case with a search and a message, closed now."""
    case = team.open_case(ref=ref)
    team.search(case, team.take_probe(case))
    team.fresh_desk(team.examiner).room.say(case.key, "under the third mile stone")
    return team.fresh_desk(team.examiner).casework.close(case.key)


def test_a_closed_case_is_destroyed_when_its_time_is_over_and_not_before(team: Squad) -> None:
    case = close_case(team)
    assert case.closed_at is not None
    due = team.fresh_desk(team.supervisor).casework.outlook(case.key).destroyed_on
    assert due == (case.closed_at + timedelta(days=365)).date()
    team.clock.at = case.closed_at + timedelta(days=365) - timedelta(seconds=1)
    assert sweep(team).cases == 0
    assert len(team.fresh_desk(team.supervisor).casework.probes(case.key)) == 1
    with team.workspace.store.read() as tx:
        wrapped = tx.cases.wrapped_key(case.id)
    assert wrapped in team.stored_bytes()

    team.clock.at += timedelta(seconds=2)
    assert sweep(team).cases == 1
    stored = team.stored_bytes()
    for plain in (wrapped, b"third mile stone", PHOTOGRAPH[100:200], REASON.encode()):
        assert plain not in stored
    left = team.fresh_desk(team.supervisor).casework.get(case.key)
    assert (left.state, left.ref, left.closed_at) == (CaseState.DESTROYED, "K-1", case.closed_at)
    assert team.fresh_desk(team.supervisor).casework.stored_searches(case.key) == []
    assert team.fresh_desk(team.supervisor).room.papers(case.key) == []
    assert sweep(team) == NOTHING
    assert team.machine.audit.verify().rows


def test_details_of_the_ledger_are_kept_for_a_time_of_their_own(team: Squad) -> None:
    case = close_case(team)
    team.clock.advance(days=366)
    assert sweep(team).details == 0
    assert REASON in team.all_details()
    lines = team.fresh_desk(team.supervisor).casework.timeline(case.key)
    assert lines[0].action == Action.CASE_DESTROYED
    assert "1 search, 1 photograph and 1 paper" in timeline_line(lines[0], Names()).words
    assert not [line for line in lines if REASON in str(line.details)]  # only the auditor still reads it
    team.clock.advance(days=365)
    swept = sweep(team)
    assert swept.details > 5
    assert REASON not in team.all_details()
    assert sweep(team) == NOTHING
    found = team.machine.audit.verify()
    assert found.erased == swept.details
    assert found.rows


def test_details_of_an_open_case_are_kept_with_it(team: Squad) -> None:
    case = team.open_case()
    team.search(case, team.take_probe(case))
    team.clock.advance(days=1000)
    sweep(team)
    assert REASON in team.all_details()
    timeline = team.fresh_desk(team.supervisor).casework.timeline(case.key)
    assert timeline[-1].action == Action.CASE_OPENED


def test_a_case_on_legal_hold_is_kept_until_the_hold_is_released(team: Squad) -> None:
    held, other = close_case(team), close_case(team, "K-2")
    casework = team.fresh_desk(team.supervisor).casework
    with pytest.raises(InvalidValue):
        casework.hold(held.key, " ")
    assert casework.hold(held.key, "the defence asked for it").hold_because == "the defence asked for it"
    with refused(ReasonCode.ON_HOLD):
        casework.hold(held.key, "again")
    assert casework.outlook(held.key).destroyed_on is None
    team.clock.advance(days=2000)
    assert sweep(team).cases == 1
    assert casework.get(other.key).state is CaseState.DESTROYED
    assert casework.get(held.key).state is CaseState.CLOSED
    assert REASON in team.all_details()
    assert len(team.fresh_desk(team.supervisor).casework.probes(held.key)) == 1
    team.fresh_desk(team.supervisor).casework.release(held.key)
    with refused(ReasonCode.NOT_ON_HOLD):
        team.fresh_desk(team.supervisor).casework.release(held.key)
    assert sweep(team).cases == 1


def test_an_unsearched_photograph_is_deleted_and_a_searched_one_stays(team: Squad) -> None:
    case = team.open_case()
    searched, unsearched = team.take_probe(case), team.take_probe(case, OTHER_PHOTOGRAPH)
    team.search(case, searched)
    team.clock.advance(days=29)
    assert sweep(team) == NOTHING
    before = len(set(team.workspace.blobs.addresses()))
    team.clock.advance(days=2)
    assert sweep(team) == SweepReport(cases=0, probes=1, details=0)
    assert len(set(team.workspace.blobs.addresses())) == before - 1
    with pytest.raises(NotFound):
        team.fresh_desk(team.examiner).probes.get(unsearched.id)
    assert team.fresh_desk(team.examiner).probes.picture(searched.id)
    assert sweep(team) == NOTHING
    assert unsearched.id.encode() not in team.stored_bytes()


def test_an_original_is_kept_if_an_edit_of_it_was_searched(team: Squad) -> None:
    case = team.open_case()
    plain = team.take_probe(case)
    edited = team.fresh_desk(team.examiner).probes.edit(plain.id, [Edit(kind=EditKind.EXPOSURE, stops=0.5)])
    team.search(case, edited)
    team.clock.advance(days=31)
    assert sweep(team).probes == 1
    assert team.fresh_desk(team.examiner).probes.replay(edited.id).same


def test_an_agency_may_keep_less(team: Squad) -> None:
    team.wish(case_days=10, probe_days=1)
    case = close_case(team)
    open_ = team.open_case(ref="K-2")
    team.take_probe(open_, OTHER_PHOTOGRAPH)
    team.clock.advance(days=2)
    assert sweep(team) == SweepReport(cases=0, probes=1, details=0)
    team.clock.advance(days=9)
    assert sweep(team) == SweepReport(cases=1, probes=0, details=0)
    assert REASON in team.all_details()  # details are kept for a year at least, whatever is destroyed
    assert team.fresh_desk(team.supervisor).casework.get(case.key).state is CaseState.DESTROYED


def test_the_sweep_command(ready: Callable[..., Ran]) -> None:
    assert ready("sweep", "--json").json == dict.fromkeys(
        ("cases", "probes", "details", "pictures", "faces", "held", "drops"), 0
    ) | {"scrubbed": True}
    assert "Nothing was due" in ready("sweep").out
    assert ready("case", "open", "K-2", *CASE).code == 0
    assert (
        ready("case", "hold", "K-2", "--because", "the court asks", "--json").json["hold_because"] == "the court asks"
    )
    assert ready("case", "close", "K-2", "--json").json["destroyed_on"] is None
    assert ready("case", "release", "K-2", "--json").json["destroyed_on"] is not None
