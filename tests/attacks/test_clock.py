"""A clock that was set back brings nothing back to life: not a source, nor a session, nor anything else that ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import Ran
from tests.support.clock import TODAY, Clock
from tests.support.refusals import refused
from tests.support.serving import serving
from tests.support.world import CASE, PROBE, World, ingest, officials, opened, solo

from lineament.errors import ClockBehind, InvalidValue, NotAllowed
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.actions import Action
from lineament.model.reasons import ReasonCode
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.doctor import Verdict
from lineament.workspace import now

TERMS = SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR", expires_on=TODAY)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A workspace with an expired source, one day later."""
    with solo(tmp_path / "ws", Clock(tick=timedelta(milliseconds=1))) as world:
        world.machine.casework.open(CASE)
        world.machine.sources.add(TERMS)
        assert ingest(world.workspace, "press", [PROBE]).faces == 1
        world.clock.advance(days=1)
        probe = world.machine.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
        with refused(ReasonCode.NO_SOURCE):
            search(world, probe.id)
        yield world


def search(world: World, probe_id: str) -> int:
    request = SearchRequest(case=CASE.ref, reason="why", mode=Mode.INVESTIGATION)
    return world.machine.search.run(probe_id, request).gallery_faces


def entries(world: World) -> int:
    return world.machine.audit.size()


def test_a_source_does_not_revive_when_the_clock_is_set_back(world: World) -> None:
    (probe,) = world.machine.casework.probes(CASE.ref)
    before = entries(world)
    world.clock.advance(days=-1)
    for attempt in (
        lambda: search(world, probe.id),
        lambda: ingest(world.workspace, "press", [PROBE]),
        lambda: world.machine.sources.suspend("press"),
        world.machine.retain.sweep,
        lambda: world.machine.casework.close(CASE.ref),
    ):
        with pytest.raises(ClockBehind):
            attempt()
    assert entries(world) == before, "nothing is recorded at such a time"
    world.clock.advance(days=1)
    assert world.machine.sources.suspend("press").name == "press"


def test_no_picture_is_refused_because_the_clock_is_set_back_during_an_ingest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with solo(tmp_path / "ws", Clock(tick=timedelta(milliseconds=1))) as world:
        world.machine.sources.add(replace(TERMS, expires_on=None))
        analyse = world.workspace.analyser.analyse_each

        def analyse_slowly(*what: Any, **how: Any) -> Any:
            world.clock.advance(hours=-1)
            return analyse(*what, **how)

        monkeypatch.setattr(world.workspace.analyser, "analyse_each", analyse_slowly)
        with pytest.raises(ClockBehind):
            ingest(world.workspace, "press", [PROBE])
        monkeypatch.undo()
        world.clock.advance(hours=1)
        again = ingest(world.workspace, "press", [PROBE])
        assert (again.faces, again.refusals) == (1, [])


def test_a_process_that_starts_after_the_clock_was_set_back_refuses_too(world: World) -> None:
    (probe,) = world.machine.casework.probes(CASE.ref)
    home, behind = world.workspace.home, Clock(world.clock.at - timedelta(days=1))
    with opened(home, behind) as later, pytest.raises(ClockBehind):
        search(later, probe.id)


def test_an_entry_is_refused_whatever_clock_a_service_reads(world: World) -> None:
    """The ledger itself compares, in the transaction that appends, with what other processes have recorded."""
    home = world.workspace.home
    with opened(home, Clock(world.clock.at)) as other:
        other.workspace.clock()
        world.clock.advance(hours=2)
        world.machine.sources.suspend("press")
        with pytest.raises(ClockBehind):  # its own clock has not been read again since
            other.machine.sources.resume("press")


def test_clocks_of_several_machines_may_differ_by_minutes(world: World) -> None:
    world.clock.advance(minutes=-4)
    world.machine.sources.suspend("press")
    world.clock.advance(minutes=-2)
    with pytest.raises(ClockBehind):
        world.machine.sources.resume("press")


def test_a_session_that_has_ended_does_not_begin_again(tmp_path: Path) -> None:
    with officials(tmp_path / "ws") as world:
        person = world.sign_up_with_app("eva@ys.example", Role.EXAMINER)
        assert world.sign_in.session(person.key) is not None
        world.clock.advance(days=3)
        assert world.sign_in.session(person.key) is None
        world.enter_code(person)  # somebody signs in, which is an entry
        world.clock.advance(days=-3)
        with pytest.raises(ClockBehind):
            world.sign_in.session(person.key)


def test_a_clock_that_was_ahead_is_accepted_on_the_record(world: World) -> None:
    ahead = world.clock.at + timedelta(days=900)
    world.clock.at = ahead
    world.machine.sources.suspend("press")
    world.clock.advance(days=-900)
    with pytest.raises(ClockBehind):
        world.machine.sources.resume("press")
    with pytest.raises(InvalidValue):
        world.machine.accept_clock.accept(" ")
    number = world.machine.accept_clock.accept("the battery was empty")
    assert world.machine.sources.resume("press").name == "press"
    assert world.actions()[-2:] == [Action.CLOCK_ACCEPTED, Action.SOURCE_RESUMED]
    assert "the battery was empty" in world.all_details()
    assert str(ahead.date()) in world.all_details()
    with refused(ReasonCode.CLOCK_NOT_BEHIND):
        world.machine.accept_clock.accept("again")
    (clock,) = [check for check in world.machine.doctor.run() if check.name == "clock"]
    assert (clock.verdict, str(number) in clock.detail) == (Verdict.WARNING, True)
    assert world.machine.audit.verify().entries == entries(world)


def test_only_whoever_has_the_machine_accepts_its_clock(tmp_path: Path) -> None:
    with officials(tmp_path / "ws") as world:
        account = world.join(HOME_AGENCY, Role.ADMINISTRATOR)
        world.clock.advance(days=-1)
        with pytest.raises(NotAllowed):
            world.desk(account).accept_clock.accept("because")


def test_the_commands_say_what_to_do(ready: Callable[..., Ran], tmp_path: Path) -> None:
    assert ready("accept-clock", "--because", "it is right", "--yes").code == 4
    with opened(tmp_path / "ws", Clock(now() + timedelta(days=2))) as ahead:
        ahead.machine.sources.suspend("press")
    refusal = ready("source", "resume", "press")
    assert (refusal.code, refusal.err.count("\n")) == (10, 1)
    assert "lineament accept-clock" in refusal.err
    assert ready("verify").code == 0, "the ledger can still be verified"
    assert ready("accept-clock", "--because", "the battery was empty", "--yes").code == 0
    assert ready("source", "resume", "press").code == 0


def test_the_pages_answer_that_the_clock_cannot_be_believed(ready: Callable[..., Ran], tmp_path: Path) -> None:
    with opened(tmp_path / "ws", Clock(now() + timedelta(days=2))) as ahead:
        ahead.machine.sources.suspend("press")
    with opened(tmp_path / "ws") as behind, serving(behind.workspace) as served:
        answer = httpx.get(served.entrance, timeout=60)
    assert answer.status_code == 503
    assert "The clock of this machine cannot be believed" in answer.text
