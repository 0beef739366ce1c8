"""The clocks of what is kept, moved by hand: closed cases, photographs nobody searched, details of the record (R35)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.conftest import CASE, Ran
from tests.support.refusals import refused
from tests.support.squad import OTHER, PROBE, REASON, Squad

from lineament.errors import InvalidValue, NotFound
from lineament.model.actions import Action
from lineament.model.cases import Case, CaseState
from lineament.model.reasons import ReasonCode
from lineament.model.search import Edit, EditKind
from lineament.services.cases.retain import SweepReport
from lineament.web.timeline import timeline_line

NOTHING = SweepReport(cases=0, probes=0, details=0)


def sweep(team: Squad) -> SweepReport:
    return team.workspace.desk_at_the_machine().retain.sweep()


def closed(team: Squad, ref: str = "K-1") -> Case:
    """A case with a search and a message, closed now."""
    case = team.case(ref=ref)
    team.search(case, team.probe(case))
    team.work(team.examiner).room.say(case.key, "under the third mile stone")
    return team.work(team.examiner).casework.close(case.key)


def test_a_closed_case_is_destroyed_when_its_time_is_over_and_not_before(team: Squad) -> None:
    case = closed(team)
    assert case.closed_at is not None
    due = team.work(team.supervisor).casework.outlook(case.key).destroyed_on
    assert due == (case.closed_at + timedelta(days=365)).date()
    team.clock.at = case.closed_at + timedelta(days=365) - timedelta(seconds=1)
    assert sweep(team).cases == 0
    assert len(team.work(team.supervisor).casework.probes(case.key)) == 1
    with team.workspace.store.read() as tx:
        wrapped = tx.cases.wrapped_key(case.id)
    assert wrapped in team.kept()

    team.clock.at += timedelta(seconds=2)
    assert sweep(team).cases == 1
    kept = team.kept()
    for plain in (wrapped, b"third mile stone", PROBE[100:200], REASON.encode()):
        assert plain not in kept
    left = team.work(team.supervisor).casework.get(case.key)
    assert (left.state, left.ref, left.closed_at) == (CaseState.DESTROYED, "K-1", case.closed_at)
    assert team.work(team.supervisor).casework.searches(case.key) == []
    assert team.work(team.supervisor).room.papers(case.key) == []
    assert sweep(team) == NOTHING
    assert team.workspace.desk_at_the_machine().audit.verify().unexplained == 0


def test_what_the_record_says_has_a_clock_of_its_own(team: Squad) -> None:
    case = closed(team)
    team.clock.advance(days=366)
    assert sweep(team).details == 0
    assert REASON in said(team)
    lines = team.work(team.supervisor).casework.timeline(case.key)
    assert lines[0].action == Action.CASE_DESTROYED
    assert "1 search, 1 photograph, 1 paper" in timeline_line(lines[0]).words
    assert not [line for line in lines if REASON in str(line.details)]  # the auditor alone still reads it
    team.clock.advance(days=365)
    swept = sweep(team)
    assert swept.details > 5
    assert REASON not in said(team)
    assert sweep(team) == NOTHING
    found = team.workspace.desk_at_the_machine().audit.verify()
    assert found.erased == swept.details
    assert found.unexplained == 0


def said(team: Squad) -> str:
    with team.workspace.store.read() as tx:
        return "\n".join(str(row.details) for row in tx.ledger.entries(0, tx.ledger.size()))


def test_the_record_of_a_case_that_is_kept_is_kept_with_it(team: Squad) -> None:
    case = team.case()
    team.search(case, team.probe(case))
    team.clock.advance(days=1000)
    sweep(team)
    assert REASON in said(team)
    assert [line.action for line in team.work(team.supervisor).casework.timeline(case.key)][-1] == Action.CASE_OPENED


def test_a_legal_hold_stops_the_clock_until_it_is_released(team: Squad) -> None:
    held, other = closed(team), closed(team, "K-2")
    casework = team.work(team.supervisor).casework
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
    assert REASON in said(team)
    assert len(team.work(team.supervisor).casework.probes(held.key)) == 1
    team.work(team.supervisor).casework.release(held.key)
    with refused(ReasonCode.NOT_ON_HOLD):
        team.work(team.supervisor).casework.release(held.key)
    assert sweep(team).cases == 1


def test_a_photograph_that_nobody_searched_goes_and_one_that_was_searched_stays(team: Squad) -> None:
    case = team.case()
    searched, unsearched = team.probe(case), team.probe(case, OTHER)
    team.search(case, searched)
    team.clock.advance(days=29)
    assert sweep(team) == NOTHING
    before = len(set(team.workspace.blobs.addresses()))
    team.clock.advance(days=2)
    assert sweep(team) == SweepReport(cases=0, probes=1, details=0)
    assert len(set(team.workspace.blobs.addresses())) == before - 1
    with pytest.raises(NotFound):
        team.work(team.examiner).probes.get(unsearched.id)
    assert team.work(team.examiner).probes.picture(searched.id)
    assert sweep(team) == NOTHING
    assert unsearched.id.encode() not in team.kept()


def test_an_edited_photograph_keeps_its_original_while_one_of_its_versions_was_searched(team: Squad) -> None:
    case = team.case()
    plain = team.probe(case)
    edited = team.work(team.examiner).probes.edit(plain.id, [Edit(kind=EditKind.EXPOSURE, stops=0.5)])
    team.search(case, edited)
    team.clock.advance(days=31)
    assert sweep(team).probes == 1
    assert team.work(team.examiner).probes.replay(edited.id).same


def test_an_agency_may_keep_less(team: Squad) -> None:
    team.wish(case_days=10, probe_days=1)
    case = closed(team)
    open_ = team.case(ref="K-2")
    team.probe(open_, OTHER)
    team.clock.advance(days=2)
    assert sweep(team) == SweepReport(cases=0, probes=1, details=0)
    team.clock.advance(days=9)
    assert sweep(team) == SweepReport(cases=1, probes=0, details=0)
    assert REASON in said(team)  # the record is kept for a year at least, whatever is destroyed
    assert team.work(team.supervisor).casework.get(case.key).state is CaseState.DESTROYED


def test_the_command_sweeps(ready: Callable[..., Ran]) -> None:
    assert ready("sweep", "--json").json == {"cases": 0, "probes": 0, "details": 0}
    assert "Nothing was due" in ready("sweep").out
    assert ready("case", "open", "K-2", *CASE).code == 0
    assert (
        ready("case", "hold", "K-2", "--because", "the court asks", "--json").json["hold_because"] == "the court asks"
    )
    assert ready("case", "close", "K-2", "--json").json["destroyed_on"] is None
    assert ready("case", "release", "K-2", "--json").json["destroyed_on"] is not None
