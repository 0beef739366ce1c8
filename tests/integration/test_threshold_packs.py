"""A change of the model needs two people too, and shows the error rates of both packs on the same pictures (R28)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Ran
from tests.support.database import flip_proposal
from tests.support.measuring import measured_side, write_people
from tests.support.world import CASE, PROBE, SOURCE, World, ingest_portraits, opened, solo

from lineament.errors import InvalidValue, NotFound, Refused, ThresholdUntrusted
from lineament.model.accounts import HOME_AGENCY, Account, Role
from lineament.model.evaluation.measure import Protocol
from lineament.model.jobs import Awaited
from lineament.model.packs import BEFORE, CURRENT, NEXT_PACK, PACK
from lineament.model.proposals import ProposalState
from lineament.model.search import SearchRequest
from lineament.services.evaluate.evaluate import EvaluationOptions
from lineament.services.evaluate.labelled import read_set
from lineament.services.gallery import look_again
from lineament.services.jobs.kinds import LOOK_AGAIN, look_again_arguments
from lineament.services.threshold.evidence import measure_change
from lineament.services.threshold.making import ENDED, UNSAID
from lineament.settings import Settings
from lineament.vision.packs import SHIPPED
from lineament.workspace.vision import Vision

Run = Callable[..., Ran]
REASON = "one more person in a hundred is found"
OLD, NEW = SHIPPED[BEFORE].model, SHIPPED[CURRENT].model


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Both packs on the portraits, with the default threshold."""
    people = read_set(write_people(tmp_path_factory.mktemp("people") / "people.csv"))
    with closing(Vision(Settings(), BEFORE)) as before, closing(Vision(Settings(), CURRENT)) as after:
        sides = measured_side(before, 0.1), measured_side(after, 0.1)
        return measure_change(people, EvaluationOptions(protocol=Protocol()), *sides)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that uses the pack of version 0.2, with a gallery and a case."""
    home = tmp_path_factory.mktemp("older") / "ws"
    with solo(home) as world, world.workspace.store.begin() as tx:
        tx.meta.set(PACK, BEFORE)
    with opened(home) as world:
        ingest_portraits(world.workspace)
        world.machine.casework.open(CASE)
    return home


@pytest.fixture
def home(older: Path, tmp_path: Path) -> Path:
    shutil.copytree(older, tmp_path / "ws")
    return tmp_path / "ws"


@pytest.fixture
def agency(home: Path) -> Iterator[tuple[World, Account, Account]]:
    """That workspace with two operators."""
    with opened(home) as world:
        olga = world.join(HOME_AGENCY, Role.OPERATOR, name="Olga Operator")
        otto = world.join(HOME_AGENCY, Role.OPERATOR, name="Otto Operator")
        world.leave_solo()
        yield world, olga, otto


def approved(agency: tuple[World, Account, Account], evidence: dict[str, Any]) -> int:
    """Propose the newest pack as one operator, approve it as the other, and return the number of the change."""
    world, olga, otto = agency
    proposed = world.fresh_desk(olga).proposals.propose_pack(CURRENT, REASON, evidence)
    return world.fresh_desk(otto).proposals.approve(proposed.number).number


def look(world: World, account: Account) -> Any:
    return world.desk(account).look_again.run(None, workers=1)


def pack_in_use(world: World) -> str | None:
    with world.workspace.store.read() as tx:
        return tx.meta.get(PACK)


def test_both_packs_are_measured_on_the_same_pictures(evidence: dict[str, Any]) -> None:
    before, after = evidence["before"], evidence["after"]
    assert (before["model"], after["model"]) == (OLD, NEW)
    assert (before["strangers"], after["strangers"]) == (0.1, 0.1)
    assert (evidence["pictures"], evidence["people"], evidence["mated_searches"]) == (6, 4, 2)
    assert before["threshold"] != after["threshold"]
    assert before["weights_sha256"] == after["weights_sha256"], "they differ only in the centre"


def test_the_gallery_is_prepared_and_waits_for_the_second_person(
    agency: tuple[World, Account, Account], evidence: dict[str, Any]
) -> None:
    world, olga, otto = agency
    report = look(world, olga)
    assert (report.waits, report.looked, report.adopted) == (True, 5, [])
    assert pack_in_use(world) == BEFORE
    proposed = world.fresh_desk(olga).proposals.propose_pack(CURRENT, REASON, evidence)
    assert (proposed.state, proposed.against, proposed.model) == (ProposalState.PENDING, OLD, NEW)
    assert look(world, olga).waits
    with pytest.raises(Refused) as caught:
        world.fresh_desk(olga).proposals.approve(proposed.number)
    assert [reason.code for reason in caught.value.reasons] == ["own-change"]
    assert world.fresh_desk(otto).proposals.approve(proposed.number).state is ProposalState.APPROVED
    done = look(world, olga)
    assert (done.waits, done.looked, done.adopted) == (False, 0, [SOURCE])
    assert pack_in_use(world) == CURRENT
    with opened(world.workspace.home) as moved:
        found = moved.desk(otto).proposals.in_force()
        assert (found.threshold.strangers, found.threshold.number, found.model) == (0.1, proposed.number, NEW)
        assert not found.threshold.alone
        assert found.evidence == evidence
        assert moved.desk(otto).proposals.get(proposed.number).state is ProposalState.MADE
        actions = moved.actions()
        assert actions.index("change_approved") < actions.index("change_made") < actions.index("pack_in_use")


def test_nothing_moves_without_a_proposal(agency: tuple[World, Account, Account]) -> None:
    world, olga, _ = agency
    with pytest.raises(Refused) as caught:
        world.fresh_desk(olga).packs.use(CURRENT)
    assert [reason.code for reason in caught.value.reasons] == ["change-not-approved"]
    with world.workspace.store.read() as tx:
        assert tx.meta.get(NEXT_PACK) is None
    assert world.desk(olga).packs.use(BEFORE).in_use, "that of the pack in use ends a move, and needs nobody"


def test_a_pack_is_measured_before_it_is_proposed(
    agency: tuple[World, Account, Account], evidence: dict[str, Any]
) -> None:
    world, olga, _ = agency
    proposals = world.fresh_desk(olga).proposals
    other = {**evidence, "after": {**evidence["after"], "model": "another/0011aabb"}}
    for wrong in (None, other, {**evidence, "before": evidence["after"]}):
        with pytest.raises(InvalidValue, match="The evaluation"):
            proposals.propose_pack(CURRENT, REASON, wrong)
    with pytest.raises(InvalidValue, match="it is in use"):
        proposals.propose_pack(BEFORE, REASON, evidence)
    with pytest.raises(NotFound):
        proposals.propose_pack("nowhere", REASON, evidence)
    assert proposals.list() == []


def test_a_second_look_awaits_the_approval_then_another_look_then_nothing(
    agency: tuple[World, Account, Account], evidence: dict[str, Any]
) -> None:
    world, olga, otto = agency

    def awaited() -> list[Awaited]:
        jobs = world.desk(olga).jobs
        return list(jobs.awaited(jobs.newest()).values())

    def look_as_job() -> None:
        desk = world.desk(olga)
        run = partial(desk.look_again.run, None, workers=1)
        desk.jobs.run_here(LOOK_AGAIN, look_again_arguments(None), lambda _: run(), look_again.result)

    look_as_job()
    assert awaited() == [Awaited.APPROVAL]
    declined = world.fresh_desk(olga).proposals.propose_pack(CURRENT, REASON, evidence).number
    assert awaited() == [Awaited.APPROVAL]
    world.desk(otto).proposals.decline(declined, REASON)
    assert awaited() == []
    approved(agency, evidence)
    assert awaited() == [Awaited.SECOND_LOOK]
    look_as_job()
    assert pack_in_use(world) == CURRENT
    assert awaited() == []


@pytest.mark.parametrize("end", ["withdrawn by its proposer", "the pack in use was named"])
def test_an_approved_move_can_be_ended(
    agency: tuple[World, Account, Account], evidence: dict[str, Any], end: str
) -> None:
    world, olga, otto = agency
    number = approved(agency, evidence)
    with world.workspace.store.read() as tx:
        assert tx.meta.get(NEXT_PACK) == CURRENT
    if end == "withdrawn by its proposer":
        world.desk(olga).proposals.withdraw(number)
    else:
        world.desk(otto).packs.use(BEFORE)
        assert ENDED in world.all_details()
    with world.workspace.store.read() as tx:
        assert tx.meta.get(NEXT_PACK) is None
    assert world.desk(olga).proposals.get(number).state is ProposalState.WITHDRAWN
    assert look(world, olga).waits
    assert pack_in_use(world) == BEFORE


def test_an_approval_does_not_outlive_the_threshold_that_it_was_measured_with(
    agency: tuple[World, Account, Account], evidence: dict[str, Any]
) -> None:
    world, olga, otto = agency
    number = approved(agency, evidence)
    stricter = {**evidence, "after": {**evidence["before"], "strangers": 0.05}}
    changed = world.fresh_desk(olga).proposals.propose_threshold(0.05, REASON, stricter)
    world.fresh_desk(otto).proposals.approve(changed.number)
    assert world.desk(olga).proposals.get(number).state is ProposalState.EXPIRED
    assert look(world, olga).waits
    assert pack_in_use(world) == BEFORE


def test_an_approval_that_was_altered_moves_nothing(
    agency: tuple[World, Account, Account], evidence: dict[str, Any]
) -> None:
    world, olga, _ = agency
    approved(agency, evidence)
    flip_proposal(world.workspace.home)
    with pytest.raises(ThresholdUntrusted):
        look(world, olga)
    assert pack_in_use(world) == BEFORE


def test_one_person_alone_moves_and_the_ledger_says_so(home: Path) -> None:
    with opened(home) as world:
        report = world.machine.look_again.run(None, workers=1)
        assert (report.waits, report.adopted) == (False, [SOURCE])
        entry = next(text for text in world.all_details().splitlines() if '"alone"' in text)
        made = json.loads(entry)
        assert (made["alone"], made["kind"], made["model"], made["strangers"]) == (True, "pack", NEW, 0.1)
    with opened(home) as world:
        found = world.machine.proposals.in_force()
        assert (found.threshold.alone, found.threshold.reason, found.evidence) == (True, UNSAID, None)
        probe = world.machine.probes.take(CASE.ref, PROBE.read_bytes())
        request = SearchRequest(case=CASE.ref, reason="to find where it was published")
        result = world.machine.search.run(probe.id, request)
        assert result.signed is not None
        assert (result.strangers, result.signed.alone, result.model) == (0.1, True, NEW)


def test_commands_of_one_person(lineament: Run, home: Path, tmp_path: Path) -> None:
    at = ("--home", home)
    measured = ("--reason", REASON, "--evaluate", write_people(tmp_path / "people.csv"))
    moved = lineament("pack", "use", CURRENT, *measured, "--background", *at)
    assert moved.code == 0, moved.err
    assert "FNIR before" in moved.out
    assert f"5 pictures to look at with {CURRENT}" in moved.err
    assert lineament("pack", "use", BEFORE, *at).out.strip() == f"The pack {BEFORE} stays in use."
    assert [each["state"] for each in lineament("threshold", "list", "--json", *at).json["changes"]] == ["withdrawn"]
    assert lineament("pack", "use", CURRENT, "--background", *at).code == 0
    looked = lineament("source", "look-again", "--all", "--json", *at).json
    assert (looked["waits"], looked["adopted"]) == (False, [SOURCE])
    shown = lineament("threshold", "show", *at)
    assert "made by one person" in shown.out
