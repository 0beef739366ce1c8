"""One control stops all searching, also under load (R12); another stops an agency, and each says who may lift it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.world import CASE, PROBE, StaffedWorld, gallery, staffed

from lineament.errors import InvalidValue, LineamentError, NotAllowed, NotFound, Refused
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.actions import Action
from lineament.model.agencies import StopScope
from lineament.model.search import Mode, SearchRequest
from lineament.services.people.stops import OPERATOR
from lineament.workspace import Workspace

SEARCHERS = 4


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StaffedWorld]:
    with staffed(tmp_path / "ws") as world:
        yield world


# ---------------------------------------------------------------- under load


class Searching:
    """Threads that search as fast as they can until ``leave`` is called."""

    def __init__(self, workspace: Workspace, probe_id: str) -> None:
        self.done = self.refused = 0
        self.refusals: set[str] = set()
        self._workspace, self._probe_id = workspace, probe_id
        self._lock, self._leave = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(SEARCHERS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        request = SearchRequest(case=CASE.ref, reason="to find where it was published", mode=Mode.INVESTIGATION)
        while not self._leave.is_set():
            try:
                self._workspace.desk_at_the_machine().search.run(self._probe_id, request)
            except LineamentError as refusal:
                with self._lock:
                    self.refused += 1
                    self.refusals.add(str(refusal))
            else:
                with self._lock:
                    self.done += 1

    def until(self, *, done: int = 0, refused: int = 0) -> None:
        """Wait until so many more searches are done or refused."""
        done, refused = self.done + done, self.refused + refused
        deadline = time.monotonic() + 60
        while (self.done < done or self.refused < refused) and time.monotonic() < deadline:
            time.sleep(0.005)
        assert self.done >= done
        assert self.refused >= refused

    def leave(self) -> None:
        self._leave.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)


def searches_recorded(workspace: Workspace) -> list[int]:
    """Return the numbers of the entries that are searches."""
    with workspace.store.read() as tx:
        return [row.seq for row in tx.ledger.entries(0, tx.ledger.size()) if row.action == Action.SEARCH]


def test_after_the_stop_no_search_commits_and_after_resuming_they_do_again(tmp_path: Path) -> None:
    with gallery(tmp_path / "ws") as workspace:
        probe = workspace.desk_at_the_machine().probes.take(CASE.ref, PROBE.read_bytes())
        workspace.warm()
        searching = Searching(workspace, probe.id)
        try:
            searching.until(done=3 * SEARCHERS)
            workspace.desk_at_the_machine().stops.stop_everything("a defect was reported")
            stopped = searches_recorded(workspace)
            searching.until(refused=10 * SEARCHERS)
            assert searches_recorded(workspace) == stopped
            assert len(searching.refusals) == 1
            assert "a defect was reported" in searching.refusals.pop()
            workspace.desk_at_the_machine().stops.resume_everything()
            searching.until(done=SEARCHERS)
        finally:
            searching.leave()
        actions = [
            entry.action
            for entry in workspace.desk_at_the_machine().audit.entries(0, workspace.desk_at_the_machine().audit.size())
        ]
        begin, end = actions.index("all_stopped"), actions.index("all_resumed")
        assert "search" not in actions[begin:end]
        assert workspace.desk_at_the_machine().audit.verify().entries == len(actions)


# ---------------------------------------------------------------- who may stop and resume


def test_the_operator_stops_everything_and_everybody_sees_why(world: StaffedWorld) -> None:
    chief = world.desk(world.join(world.add_agency().id, Role.ADMINISTRATOR))
    world.operator_desk.stops.stop_everything("  the index\nis being moved ")
    (seen,) = chief.stops.in_force()
    assert (seen.scope, seen.reason, seen.by) == (StopScope.EVERYTHING, "the index is being moved", OPERATOR)
    assert world.operator_desk.stops.in_force()[0].by == "Olga Operator"
    world.operator_desk.stops.resume_everything()
    assert not chief.stops.in_force()
    assert world.actions()[-2:] == ["all_stopped", "all_resumed"]


def test_an_agency_stops_itself_and_no_other(world: StaffedWorld) -> None:
    agency, other = world.add_agency(), world.add_agency("Police of Sylvania")
    chief = world.desk(world.join(agency.id, Role.SUPERVISOR))
    rival = world.desk(world.join(other.id, Role.SUPERVISOR))
    chief.stops.stop_agency("an internal inquiry")
    assert [stop.by for stop in chief.stops.in_force()] == ["Rufus Firefly"]
    assert not rival.stops.in_force()
    assert [found.id for found, _ in world.operator_desk.stops.of_agencies()] == [agency.id]
    for act in (lambda: rival.stops.resume_agency(agency.id), lambda: rival.stops.stop_agency("no", agency.id)):
        with pytest.raises(NotAllowed):
            act()
    chief.stops.resume_agency()
    assert not chief.stops.in_force()


def test_an_agency_cannot_lift_or_replace_a_stop_by_the_operator(world: StaffedWorld) -> None:
    agency = world.add_agency()
    chief = world.desk(world.join(agency.id, Role.SUPERVISOR))
    world.operator_desk.stops.stop_agency("complaints", agency.name)
    for act in (chief.stops.resume_agency, lambda: chief.stops.stop_agency("mine now")):
        with pytest.raises(NotAllowed):
            act()
    assert [(stop.by, stop.reason) for stop in chief.stops.in_force()] == [(OPERATOR, "complaints")]
    world.operator_desk.stops.resume_agency(agency.id)
    assert world.actions(agency.id)[-2:] == ["agency_stopped", "agency_resumed"]


def test_examiners_stop_nothing(world: StaffedWorld) -> None:
    stops = world.desk(world.join(HOME_AGENCY, Role.EXAMINER)).stops
    for act in (
        lambda: stops.stop_everything("why"),
        stops.resume_everything,
        lambda: stops.stop_agency("why"),
        stops.resume_agency,
        stops.of_agencies,
    ):
        with pytest.raises(NotAllowed):
            act()
    assert stops.in_force() == []


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 501, "bell\a"])
def test_a_stop_needs_a_reason(world: StaffedWorld, reason: str) -> None:
    with pytest.raises(InvalidValue):
        world.operator_desk.stops.stop_everything(reason)
    assert not world.operator_desk.stops.in_force()


def test_only_what_is_stopped_is_resumed(world: StaffedWorld) -> None:
    with pytest.raises(Refused):
        world.operator_desk.stops.resume_everything()
    with pytest.raises(Refused):
        world.operator_desk.stops.resume_agency(world.add_agency().id)
    with pytest.raises(NotFound):
        world.operator_desk.stops.stop_agency("why", "nowhere")
