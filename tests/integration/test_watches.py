"""Watches: a probe is compared with what is enrolled, once, as long as its case may search."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from tests.support.clock import TICK, Clock
from tests.support.database import raw_database
from tests.support.killed import Killed, killed_at
from tests.support.processes import command, run_well
from tests.support.programs import desk_of_key, key_for
from tests.support.refusals import refused
from tests.support.squad import Squad, squad
from tests.support.watched import OTHERS, REASON, SAME, add_source, compare, enrol, enrol_more, keep_watch
from tests.support.world import CASE, PROBE, SOURCE, World, opened, solo

from lineament.errors import AccessAltered, Damaged, InvalidValue, MixedModels, NotAllowed, NotFound
from lineament.model.accounts import HOME_AGENCY, AccountState, Permission
from lineament.model.api_keys import MadeKey
from lineament.model.cases import AuthorisationOutcome, Seeks
from lineament.model.events.base import JSON
from lineament.model.events.searches import SearchRun
from lineament.model.events.watches import WatchesCompared, WatchHeld, WatchLetOn
from lineament.model.jobs import LEASE, JobState
from lineament.model.packs import CURRENT
from lineament.model.reasons import ReasonCode
from lineament.model.search import Mode, ProbeKind
from lineament.model.watches import LONGEST_WATCH, NoticeKind, ProbeWatch, WatchStanding, WatchTerms
from lineament.services.people.invitations import Post
from lineament.services.watches.asking import AGAIN, GATHERED
from lineament.services.watches.keeping import KeptWatch, Watches
from lineament.store.faces import FaceRows
from lineament.testing import MemoryOutbox
from lineament.vision.packs import SHIPPED


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of one person with a source, one portrait in it, and an open case."""
    folder = tmp_path_factory.mktemp("begun")
    with solo(folder / "ws") as world:
        add_source(world)
        enrol(world, "ardern-2018.jpg")
        world.machine.casework.open(CASE)
    return folder / "ws"


@pytest.fixture
def world(begun: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(begun, tmp_path / "ws")
    with opened(tmp_path / "ws", Clock(tick=TICK)) as world:
        yield world


def kept(world: World) -> KeptWatch:
    """Return the only watch of the case."""
    (found,) = world.machine.watches.of_case(CASE.ref)
    return found


def events(world: World, kind: type) -> list[object]:
    """Return the events of one kind that the ledger holds on the case, the oldest first."""
    lines = world.machine.casework.timeline(CASE.ref, None, 100)
    return [line.event for line in reversed(lines) if isinstance(line.event, kind)]


# ---------------------------------------------------------------- it fires


def test_a_new_face_that_comes_close_is_a_search_on_record_with_its_list(world: World) -> None:
    watch = keep_watch(world)
    enrol(world, *OTHERS, SAME)
    assert compare(world) == 1
    (finding,) = kept(world).findings
    found = world.machine.search.get(finding.search_id)
    assert [candidate.uri.rpartition("/")[2] for candidate in found.candidates] == [SAME]
    assert (found.watch, found.gallery_faces, found.whole_faces) == (watch.id, 3, 4)
    assert (found.mode, found.reason, found.probe_id) == (Mode.IDENTIFICATION, REASON, watch.probe_id)
    assert found.candidates[0].score >= found.threshold
    (run,) = events(world, SearchRun)
    assert isinstance(run, SearchRun)
    assert (run.watch, run.whole_faces, len(run.candidates)) == (watch.id, 4, 1)
    assert world.actions()[-3:] == ["search", "watch_fired", "watches_compared"]
    world.machine.audit.verify()
    assert (finding.listed, finding.seen_at) == (1, None)
    assert kept(world).progress.compared == 3


def test_the_threshold_is_that_of_the_whole_faces_and_not_of_the_batch(world: World) -> None:
    keep_watch(world)
    enrol(world, SAME)
    compare(world)
    (finding,) = kept(world).findings
    found = world.machine.search.get(finding.search_id)
    rates, grades = world.workspace.pack.rates, [0.0] * 8
    for grade, many in grades_of(world).items():
        grades[grade] += many
    assert sum(grades) == 2
    assert found.threshold == pytest.approx(rates.score_for(0.1, found.quality.grade, grades))
    candidate = found.candidates[0]
    assert candidate.expected_false == pytest.approx(rates.expected_false(candidate.score, found.quality.grade, grades))


def grades_of(world: World) -> dict[int, int]:
    with world.workspace.store.read() as tx:
        return tx.faces.grades(tx.sources.get(SOURCE).id, world.workspace.pack.model)


def test_each_face_is_compared_once_over_two_batches(world: World) -> None:
    keep_watch(world)
    enrol(world, SAME)
    compare(world)
    enrol(world, OTHERS[0])
    compare(world)
    assert (len(kept(world).findings), kept(world).progress.compared) == (1, 2)
    enrol(world, SAME, width=400)
    compare(world)
    first, second = kept(world).findings[::-1]
    found = world.machine.search.get(second.search_id)
    assert (found.gallery_faces, found.whole_faces) == (1, 4)
    assert not {face.face_id for face in found.candidates} & {
        face.face_id for face in world.machine.search.get(first.search_id).candidates
    }


def test_what_was_enrolled_before_the_watch_is_not_compared(world: World) -> None:
    enrol(world, SAME)
    keep_watch(world)
    enrol(world, OTHERS[0])
    compare(world)
    assert (kept(world).findings, kept(world).progress.compared) == ([], 1)


def test_a_comparison_without_a_candidate_is_on_record_for_the_agency(world: World) -> None:
    watch = keep_watch(world)
    enrol(world, *OTHERS)
    compare(world)
    with world.workspace.store.read() as tx:
        newest = tx.ledger.of_agency(HOME_AGENCY, None, 1)[0]
    assert newest.action == "watches_compared"
    event = WatchesCompared.read(json.loads(newest.details or ""))
    assert (event.watches, event.faces, event.refused) == ((watch.id,), ((SOURCE, 2, 3),), 0)
    assert world.machine.casework.stored_searches(CASE.ref) == []


def test_a_source_that_comes_later_is_compared_as_a_whole_unless_sources_were_chosen(world: World) -> None:
    keep_watch(world)
    chosen = keep_second(world, sources=(SOURCE,))
    add_source(world, "later")
    enrol(world, SAME, source="later")
    compare(world)
    by_id = {each.watch.id: each for each in world.machine.watches.of_case(CASE.ref)}
    assert (by_id[chosen.id].findings, by_id[chosen.id].progress.compared) == ([], 0)
    (other,) = [each for id_, each in by_id.items() if id_ != chosen.id]
    assert len(other.findings) == 1


def keep_second(world: World, sources: tuple[str, ...]) -> ProbeWatch:
    """Put another photograph of the same person on watch."""
    desk = world.machine
    picture = PROBE.with_name(SAME).read_bytes()
    probe = desk.probes.take(CASE.ref, picture, kind=ProbeKind.CCTV)
    return desk.watches.begin(probe.id, WatchTerms(reason=REASON, ends_on=world.today, sources=sources))


def test_an_ingest_asks_for_the_comparison_in_its_own_transaction_and_gathers_its_faces(world: World) -> None:
    enrol(world, OTHERS[0])
    assert not world.machine.jobs.newest(), "nothing is on watch"
    keep_watch(world)
    enrol(world, OTHERS[1])
    enrol(world, SAME)
    (job,) = world.machine.jobs.newest()
    assert (job.request.kind, job.request.arguments, job.not_before) == ("watches", {}, None)
    compare(world)
    (done,) = world.machine.jobs.newest()
    assert done.result == {"faces": 2}, "it tells nothing of watches and cases"


def test_a_killed_ingest_leaves_the_comparison_queued(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_watch(world)
    with pytest.raises(Killed), killed_at(2, monkeypatch):  # after its batch, before its end
        enrol(world, SAME)
    (job,) = world.machine.jobs.newest()
    assert job.not_before is not None
    assert compare(world) == 0, "the faces of an ingest are gathered"
    world.clock.advance(seconds=GATHERED.total_seconds())
    assert compare(world) == 1
    assert len(kept(world).findings) == 1


# ---------------------------------------------------------------- kills


def test_a_kill_before_any_step_passes_over_no_face_and_compares_none_twice(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_watch(begun, tmp_path / "first") as world, killed_at(99, monkeypatch) as steps:
        compare(world)
    assert len(steps) >= 4
    for step in range(1, len(steps)):
        with on_watch(begun, tmp_path / f"at-{step}") as world:
            with pytest.raises(Killed), killed_at(step, monkeypatch):
                compare(world)
            world.clock.advance(seconds=LEASE.total_seconds())
            compare(world)
            assert [finding.listed for finding in kept(world).findings] == [1], f"killed before step {step}"
            assert kept(world).progress.compared == 2
            world.machine.audit.verify()


def test_a_worker_that_is_killed_while_it_compares_leaves_it_to_the_next(begun: Path, tmp_path: Path) -> None:
    with on_watch(begun, tmp_path / "killed", Clock(datetime.now(UTC), tick=TICK)) as world:
        home = world.workspace.home
    with subprocess.Popen(command(home, "worker", "--poll", "0.1"), stderr=subprocess.DEVNULL) as worker:
        while not claimed(home):
            assert worker.poll() is None
            time.sleep(0.01)
        worker.kill()
    run_well(home, "worker", "--drain")
    with opened(home) as world:
        assert [finding.listed for finding in kept(world).findings] == [1]
        assert kept(world).progress.compared == 2
        world.machine.audit.verify()


def claimed(home: Path) -> bool:
    """Return whether a worker has claimed the job of the watches, or done it."""
    with raw_database(home, read_only=True) as database:
        return bool(database.execute("SELECT state FROM jobs WHERE kind = 'watches'").fetchone() != ("queued",))


def on_watch(begun: Path, folder: Path, clock: Clock | None = None) -> World:
    """Return a copy of the workspace in which a watch has two new faces to compare."""
    shutil.copytree(begun, folder / "ws")
    world = opened(folder / "ws", clock or Clock(tick=TICK))
    keep_watch(world)
    enrol(world, OTHERS[0], SAME)
    return world


# ---------------------------------------------------------------- it does not fire


def test_an_expired_watch_compares_nothing(world: World) -> None:
    keep_watch(world, days=0)
    world.clock.advance(days=1)
    enrol(world, SAME)
    assert compare(world) == 0
    assert kept(world).standing is WatchStanding.EXPIRED
    assert kept(world).findings == []


def test_an_ended_watch_compares_nothing(world: World) -> None:
    watch = keep_watch(world)
    enrol(world, SAME)
    ended = world.machine.watches.end(watch.id)
    assert ended.ended_by == "examiner-a"
    compare(world)
    assert (kept(world).standing, kept(world).findings) == (WatchStanding.ENDED, [])
    with refused(ReasonCode.WATCH_OVER):
        world.machine.watches.end(watch.id)


def test_a_watch_of_a_closed_case_is_held_says_why_and_is_counted(world: World) -> None:
    keep_watch(world)
    world.machine.casework.close(CASE.ref)
    enrol(world, SAME)
    compare(world)
    found = kept(world)
    assert [reason.code for reason in found.against] == [ReasonCode.CASE_NOT_OPEN]
    assert (found.progress.refused, found.progress.compared, found.findings) == (1, 0, [])
    (held,) = events(world, WatchHeld)
    assert isinstance(held, WatchHeld)
    assert held.against == ("case-not-open",)
    world.clock.advance(seconds=AGAIN.total_seconds())
    compare(world)
    assert kept(world).progress.refused == 2
    assert len(events(world, WatchHeld)) == 1, "it is recorded once"


def test_a_watch_that_was_stopped_catches_up(world: World) -> None:
    keep_watch(world)
    world.machine.stops.stop_everything("an audit")
    enrol(world, SAME)
    compare(world)
    assert ([reason.code for reason in kept(world).against], kept(world).findings) == ([ReasonCode.ALL_STOPPED], [])
    world.machine.stops.resume_everything()
    world.clock.advance(seconds=AGAIN.total_seconds())
    compare(world)
    assert len(kept(world).findings) == 1
    held, again = events(world, WatchHeld)
    assert isinstance(held, WatchHeld)
    assert isinstance(again, WatchHeld)
    assert (held.against, again.against) == (("all-stopped",), ())


def test_a_threshold_that_was_altered_holds_every_watch_and_says_so(world: World) -> None:
    sides: dict[str, JSON] = {
        name: {"strangers": strangers, "model": SHIPPED[CURRENT].model}
        for name, strangers in (("before", 0.1), ("after", 0.5))
    }
    world.machine.proposals.propose_threshold(0.5, "too many are missed", sides)
    keep_watch(world)
    enrol(world, SAME)
    with raw_database(world.workspace.home) as database:
        kept_rows = database.execute("SELECT id, entry FROM proposals").fetchall()
        database.execute("UPDATE proposals SET entry = NULL")
    compare(world)
    assert [reason.code for reason in kept(world).against] == [ReasonCode.WATCH_THRESHOLD]
    assert "ledger records last" in str(kept(world).against[0])
    assert (kept(world).findings, kept(world).progress.refused) == ([], 1)
    (held,) = events(world, WatchHeld)
    assert isinstance(held, WatchHeld)
    assert held.against == ("watch-threshold",)
    with raw_database(world.workspace.home) as database:
        database.executemany("UPDATE proposals SET entry = ? WHERE id = ?", [(entry, id_) for id_, entry in kept_rows])
    world.clock.advance(seconds=AGAIN.total_seconds())
    compare(world)
    assert (kept(world).against, len(kept(world).findings)) == ([], 1), "it is compared an hour later by itself"


def test_a_comparison_that_fails_says_so_and_is_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_watch(world)
    enrol(world, SAME)

    def damaged(*_arguments: object) -> NoReturn:
        raise Damaged(what="A stored template", why="it does not open", remedy="restore it from a backup")

    with monkeypatch.context() as patched:
        patched.setattr(FaceRows, "intact", damaged)
        compare(world)
    job = next(job for job in world.machine.jobs.newest() if job.state is JobState.FAILED)
    assert job.error is not None
    assert job.error.code == Damaged.code
    assert kept(world).findings == []
    world.clock.advance(seconds=AGAIN.total_seconds())
    compare(world)
    assert len(kept(world).findings) == 1


def test_a_source_that_expired_is_not_compared(world: World) -> None:
    keep_watch(world, sources=(SOURCE,))
    enrol(world, SAME)
    world.machine.sources.suspend(SOURCE)
    compare(world)
    assert [reason.code for reason in kept(world).against] == [ReasonCode.SOURCE_NOT_LIVE]
    assert kept(world).findings == []


def test_a_watch_of_another_model_than_the_one_in_use_says_so(world: World) -> None:
    watch = keep_watch(world)
    later = Watches(world.machine.record, world.workspace.keys, lambda: "another model")
    (found,) = later.of_case(CASE.ref)
    assert [reason.code for reason in found.against] == [ReasonCode.WATCH_MODEL]
    later.end(watch.id)
    with pytest.raises(MixedModels):
        later.begin(watch.probe_id, WatchTerms(reason=REASON, ends_on=world.today))


# ---------------------------------------------------------------- beginning one


def test_a_watch_needs_a_reason_and_a_last_day_within_a_year(world: World) -> None:
    desk = world.machine
    probe = desk.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    late = world.today + LONGEST_WATCH + timedelta(days=1)
    for terms in (
        WatchTerms(reason="  ", ends_on=world.today),
        WatchTerms(reason=REASON, ends_on=world.today - timedelta(days=1)),
        WatchTerms(reason=REASON, ends_on=late),
    ):
        with pytest.raises(InvalidValue):
            desk.watches.begin(probe.id, terms)
    keep_watch(world)
    with refused(ReasonCode.ALREADY_WATCHED):
        keep_watch(world)


def test_a_photograph_on_watch_is_not_removed_and_not_swept(world: World) -> None:
    watch = keep_watch(world)
    with refused(ReasonCode.PROBE_SEARCHED):
        world.machine.probes.remove(watch.probe_id)
    world.clock.advance(days=400)
    world.machine.retain.sweep()
    assert world.machine.probes.get(watch.probe_id).id == watch.probe_id
    assert world.machine.casework.waiting(CASE.ref) == []


def test_a_finding_is_taken_note_of_once(world: World) -> None:
    keep_watch(world)
    enrol(world, SAME)
    compare(world)
    (finding,) = world.machine.watches.unseen(10)
    seen = world.machine.watches.see(finding.id)
    assert seen.seen_by == "examiner-a"
    assert world.machine.watches.unseen(10) == []
    assert world.machine.watches.see(finding.id).seen_at == seen.seen_at
    with pytest.raises(NotFound):
        world.machine.watches.see("0" * 16)


# ---------------------------------------------------------------- protection, rotation, destruction


def test_rows_that_were_changed_outside_are_refused(world: World) -> None:
    keep_watch(world)
    enrol(world, SAME)
    with raw_database(world.workspace.home) as database:
        database.execute("""UPDATE watch_progress SET faces = '{"1":99}'""")
    compare(world)
    told = {None if job.error is None else job.error.code for job in world.machine.jobs.newest()}
    assert told == {AccessAltered.code, None}, "it failed, and another waits"


def test_a_watch_goes_on_after_the_keys_were_rotated(world: World) -> None:
    keep_watch(world)
    world.machine.key_rotation.case(CASE.ref)
    world.machine.key_rotation.workspace()
    enrol(world, SAME)
    compare(world)
    assert kept(world).watch.begun_by == "examiner-a"
    assert len(kept(world).findings) == 1
    world.machine.audit.verify()


def test_a_destroyed_case_takes_its_watches_with_it(world: World) -> None:
    keep_watch(world)
    enrol(world, SAME)
    compare(world)
    world.machine.casework.authorise(CASE.ref, world.ruling(AuthorisationOutcome.REFUSED))
    with raw_database(world.workspace.home) as database:
        for table in ("watches", "watch_progress", "watch_findings", "notices"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert world.machine.watches.of_case(CASE.ref) == []
    world.machine.audit.verify()
    enrol(world, OTHERS[0])
    assert compare(world) == 0


# ---------------------------------------------------------------- in whose name


def test_a_watch_whose_key_was_revoked_is_held_until_somebody_lets_it_go_on(world: World) -> None:
    key, watch = begun_by_program(world, days=10)
    assert (kept(world).watch.key_id, kept(world).against) == (key.key.id, [])
    with refused(ReasonCode.WATCH_KEY_VALID):
        world.machine.watches.let_on(watch.id)
    world.machine.api_keys.revoke(key.key.id)
    enrol(world, SAME)
    compare(world)
    assert ([reason.code for reason in kept(world).against], kept(world).findings) == ([ReasonCode.WATCH_KEY], [])
    assert events(world, WatchHeld) == [WatchHeld(case=CASE.ref, watch=watch.id, against=("watch-key",))]
    told = run_well(world.workspace.home, "watch", "list", CASE.ref)
    assert f"{watch.id} was begun by a program with the key {key.key.id}, for examiner-a." in told
    world.machine.watches.let_on(watch.id)
    assert events(world, WatchLetOn) == [WatchLetOn(case=CASE.ref, watch=watch.id)]
    compare(world)
    on = kept(world)
    assert (on.against, len(on.findings), on.watch.let_on_by) == ([], 1, "examiner-a")
    assert (on.watch.begun_by, on.watch.key_id) == ("examiner-a", key.key.id)
    with refused(ReasonCode.WATCH_KEY_VALID):
        world.machine.watches.let_on(watch.id)


def test_a_watch_whose_key_has_ended_goes_on_and_no_program_lets_one_go_on(world: World) -> None:
    key, watch = begun_by_program(world, days=60)
    with pytest.raises(NotAllowed):
        desk_of_key(world.workspace, key).watches.let_on(watch.id)
    world.clock.advance(days=31)
    enrol(world, SAME)
    compare(world)
    assert (kept(world).against, len(kept(world).findings)) == ([], 1)


def begun_by_program(world: World, days: int) -> tuple[MadeKey, ProbeWatch]:
    """Let a program put the face of PROBE on watch for so many days; return its key and the watch."""
    key = key_for(world, Permission.SEARCH, case=CASE.ref)
    probe = world.machine.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    terms = WatchTerms(reason=REASON, ends_on=world.today + timedelta(days=days))
    return key, desk_of_key(world.workspace, key).watches.begin(probe.id, terms)


@pytest.fixture
def agency(portraits: Path, tmp_path: Path) -> Iterator[Squad]:
    with squad(portraits, tmp_path / "ws") as squad_at_work:
        yield squad_at_work


def test_a_watch_acts_for_whoever_began_it_hours_after_the_second_factor(agency: Squad) -> None:
    case = agency.open_case()
    keep_watch(agency, desk=agency.fresh_desk(agency.examiner), case=case.key)
    agency.clock.advance(hours=20)
    enrol_more(agency)
    compare(agency)
    (found,) = agency.fresh_desk(agency.examiner).watches.of_case(case.key)
    (finding,) = found.findings
    assert agency.desk(agency.examiner).search.stored(finding.search_id).examiner == agency.examiner.name
    assert [each.id for each in agency.desk(agency.supervisor).watches.unseen(5)] == [finding.id]
    assert agency.desk(agency.guest).watches.unseen(5) == []


def test_a_watch_needs_the_second_factor_when_it_is_begun(agency: Squad) -> None:
    case = agency.open_case()
    probe = agency.take_probe(case)
    with refused(ReasonCode.SECOND_FACTOR):
        agency.desk(agency.examiner).watches.begin(probe.id, WatchTerms(reason=REASON, ends_on=agency.today))


@pytest.mark.parametrize("why", ["suspended", "untrained", "removed"])
def test_whoever_may_not_search_any_more_has_no_watch_that_does(agency: Squad, why: str) -> None:
    case = agency.open_case()
    keep_watch(agency, desk=agency.fresh_desk(agency.examiner), case=case.key)
    if why == "suspended":
        agency.set_state(agency.examiner, AccountState.SUSPENDED)
    elif why == "untrained":
        agency.train(agency.examiner, days=-1)
    else:
        agency.fresh_desk(agency.supervisor).members.remove(case.key, agency.examiner.id)
    enrol_more(agency)
    compare(agency)
    (found,) = agency.fresh_desk(agency.supervisor).watches.of_case(case.key)
    assert found.findings == []
    codes = {
        "suspended": ReasonCode.ACCOUNT_NOT_ACTIVE,
        "untrained": ReasonCode.UNTRAINED,
        "removed": ReasonCode.ROLES,
    }
    assert codes[why] in {reason.code for reason in found.against}


def test_a_watch_ends_with_the_authorisation_at_the_latest(agency: Squad) -> None:
    case = agency.open_case(Seeks.SUSPECT)
    last = agency.today + timedelta(days=3)
    agency.fresh_desk(agency.supervisor).casework.authorise(case.key, agency.ruling(until=last))
    desk = agency.fresh_desk(agency.examiner)
    probe = agency.take_probe(case)
    with pytest.raises(InvalidValue, match="the authorisation of the case ends on"):
        desk.watches.begin(probe.id, WatchTerms(reason=REASON, ends_on=last + timedelta(days=1)))
    desk.watches.begin(probe.id, WatchTerms(reason=REASON, ends_on=last))
    shorter = agency.today
    agency.fresh_desk(agency.supervisor).casework.authorise(case.key, agency.ruling(until=shorter))
    agency.clock.advance(days=1)
    enrol_more(agency)
    compare(agency)
    (found,) = agency.fresh_desk(agency.supervisor).watches.of_case(case.key)
    assert ([reason.code for reason in found.against], found.findings) == ([ReasonCode.AUTHORISATION_EXPIRED], [])


def test_a_firing_counts_as_a_search_of_the_agency(agency: Squad) -> None:
    case = agency.open_case()
    until = agency.today + timedelta(days=5)
    agency.invite_guest(case, until)
    keep_watch(agency, desk=agency.fresh_desk(agency.guest), case=case.key)
    left = agency.fresh_desk(agency.guest).search.left()
    enrol_more(agency)
    compare(agency)
    assert left is not None
    assert agency.fresh_desk(agency.guest).search.left() == left - 1


def test_what_stands_against_a_guest_is_not_told_to_the_host(agency: Squad) -> None:
    case = agency.open_case()
    agency.invite_guest(case, agency.today + timedelta(days=5))
    keep_watch(agency, desk=agency.fresh_desk(agency.guest), case=case.key)
    agency.set_state(agency.guest, AccountState.SUSPENDED)
    enrol_more(agency)
    compare(agency)
    (found,) = agency.fresh_desk(agency.supervisor).watches.of_case(case.key)
    assert [reason.code for reason in found.against] == [ReasonCode.WATCH_AGENCY]


def test_whoever_began_it_is_told_by_mail_without_case_name_or_picture(agency: Squad) -> None:
    outbox = MemoryOutbox()
    vars(agency.workspace)["post"] = Post(outbox=outbox, base="https://lineament.agency.example")
    case = agency.open_case()
    keep_watch(agency, desk=agency.fresh_desk(agency.examiner), case=case.key)
    enrol_more(agency)
    assert compare(agency) == 2, "the comparison, and the notice"
    (message,) = outbox.sent
    assert message.to == agency.examiner.email
    assert "https://lineament.agency.example/" in message.text
    assert not any(told in message.text for told in (case.ref, case.key, agency.examiner.name, "portraits"))
    (found,) = agency.fresh_desk(agency.examiner).watches.of_case(case.key)
    ((notice,),) = found.told.values()
    assert (notice.kind, notice.standing, notice.attempts) == (NoticeKind.WATCH_FIRED, "delivered", 1)
