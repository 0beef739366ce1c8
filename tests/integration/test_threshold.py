"""The threshold is signed, two people change it, and they see the error rates before and after (R28)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Ran
from tests.support.database import flip_proposal, raw_database
from tests.support.measuring import measured_side, new_extractor, write_people
from tests.support.serving import serving_officials
from tests.support.world import CASE, PROBE, StaffedWorld, World, gallery, opened, solo, staffed

from lineament.errors import (
    InvalidValue,
    NotAllowed,
    NotFound,
    Refused,
    StepUpNeeded,
    ThresholdUntrusted,
    WrongState,
)
from lineament.ledger.checkpoint import PublicKey, open_note
from lineament.model.accounts import HOME_AGENCY, Account, Permission, Role
from lineament.model.evaluation.measure import Protocol
from lineament.model.packs import BEFORE, CURRENT, PACK
from lineament.model.proposals import Proposal, ProposalState
from lineament.model.search import Mode, SearchRequest
from lineament.services.evaluate.evaluate import EvaluationOptions
from lineament.services.evaluate.labelled import read_set
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.model_in_use import MODEL
from lineament.services.people.stops import OPERATOR
from lineament.services.threshold.evidence import measure_change
from lineament.services.threshold.in_force import check_made, sign_made, threshold_in_force
from lineament.settings import Settings
from lineament.vision.packs import SHIPPED
from lineament.workspace import Desk, Workspace
from lineament.workspace.vision import Vision

Run = Callable[..., Ran]
Measure = Callable[[float, float], dict[str, Any]]
REASON = "too many people are missed"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of the six portraits: two people with two pictures, two with one, in two groups."""
    table = tmp_path_factory.mktemp("people") / "people.csv"
    return write_people(table, lambda person: "women" if person == "ardern" else "men")


@pytest.fixture(scope="module")
def measure(people: Path) -> Iterator[Measure]:
    """Measures a change of the strangers expected on the portraits."""
    vision = Vision(Settings(), CURRENT)
    extractor, options = new_extractor(vision), EvaluationOptions(protocol=Protocol())

    def run(before: float, after: float) -> dict[str, Any]:
        first, second = (measured_side(vision, strangers, extractor) for strangers in (before, after))
        return measure_change(read_set(people), options, first, second)

    yield run
    vision.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[StaffedWorld]:
    with staffed(tmp_path / "ws") as world:
        yield world


@pytest.fixture
def second(world: StaffedWorld) -> Account:
    """A second operator."""
    return world.join(HOME_AGENCY, Role.OPERATOR, name="Otto Operator")


def in_force(desk: Desk) -> float:
    return desk.proposals.in_force().threshold.strangers


def made(world: StaffedWorld, second: Account, measure: Measure, before: float, after: float) -> Proposal:
    """Propose as the one operator and approve as the other."""
    proposed = world.fresh_desk(world.operator).proposals.propose_threshold(after, REASON, measure(before, after))
    return world.fresh_desk(second).proposals.approve(proposed.number, "the figures convince me")


# ---------------------------------------------------------------- two people


def test_one_proposes_and_another_approves(world: StaffedWorld, second: Account, measure: Measure) -> None:
    evidence = measure(0.1, 0.5)
    proposed = world.fresh_desk(world.operator).proposals.propose_threshold(0.5, f"  {REASON}\n", evidence)
    assert (proposed.number, proposed.state, proposed.reason) == (1, ProposalState.PENDING, REASON)
    assert in_force(world.operator_desk) == 0.1, "a proposal changes nothing"
    assert (world.operator_desk.proposals.waiting(), world.desk(second).proposals.waiting()) == (0, 1)
    assert world.desk(second).proposals.get(1).evidence == evidence
    done = world.fresh_desk(second).proposals.approve(1)
    assert done.state is ProposalState.MADE
    found = world.desk(second).proposals.in_force()
    assert (found.threshold.strangers, found.threshold.number, found.threshold.alone) == (0.5, 1, False)
    assert found.threshold.proposed is not None
    assert found.threshold.approved is not None
    assert (found.threshold.proposed.name, found.threshold.approved.name) == ("Olga Operator", "Otto Operator")
    assert found.evidence == evidence
    assert world.actions()[-3:] == ["change_proposed", "change_approved", "change_made"]
    assert world.desk(second).proposals.waiting() == 0


def test_the_ledger_and_both_signatures_name_the_evidence(
    world: StaffedWorld, second: Account, measure: Measure
) -> None:
    done = made(world, second, measure, 0.1, 0.5)
    details = json.loads(world.last_details())
    assert (details["change"], details["strangers"], details["alone"]) == (1, 0.5, False)
    with world.workspace.store.read() as tx:
        rows = {row.action: json.loads(row.details or "") for row in tx.ledger.of_agency(HOME_AGENCY, None, 3)}
    key = world.workspace.ledger.public_key
    notes = world.operator_desk.proposals.in_force().notes
    first, last = (json.loads(open_note(note, key).splitlines()[1]) for note in notes)
    digest = rows["change_proposed"]["evidence_sha256"]
    assert digest == rows["change_approved"]["evidence_sha256"] == first["evidence_sha256"]
    assert (first["proposed_by"], first["strangers"]) == ("Olga Operator", 0.5)
    assert (first["model"], last["model"]) == (SHIPPED[CURRENT].model,) * 2
    assert (last["approved_by"], last["entry"], last["strangers"]) == ("Otto Operator", done.entry, 0.5)
    other = PublicKey(name=key.name, raw=bytes(32))
    with pytest.raises(InvalidValue):
        open_note(notes[0], other)


def test_nobody_decides_about_their_own_change(world: StaffedWorld, second: Account, measure: Measure) -> None:
    own = world.fresh_desk(world.operator).proposals
    own.propose_threshold(0.5, REASON, measure(0.1, 0.5))
    for act in ("approve", "decline"):
        with pytest.raises(Refused) as caught:
            getattr(own, act)(1, "no")
        assert [reason.code for reason in caught.value.reasons] == ["own-change"]
    assert in_force(world.operator_desk) == 0.1
    assert own.get(1).state is ProposalState.PENDING
    with pytest.raises(Refused) as caught:
        world.fresh_desk(second).proposals.withdraw(1)
    assert [reason.code for reason in caught.value.reasons] == ["not-your-change"]


def test_a_change_is_decided_about_once(world: StaffedWorld, second: Account, measure: Measure) -> None:
    made(world, second, measure, 0.1, 0.5)
    for act in ("approve", "decline", "withdraw"):
        with pytest.raises(WrongState):
            getattr(world.fresh_desk(second).proposals, act)(1, "again")
    evidence = measure(0.5, 0.2)
    for number, end in ((2, "decline"), (3, "withdraw")):
        world.fresh_desk(world.operator).proposals.propose_threshold(0.2, REASON, evidence)
        who = second if end == "decline" else world.operator
        getattr(world.fresh_desk(who).proposals, end)(number, "not now")
        with pytest.raises(WrongState):
            world.fresh_desk(second).proposals.approve(number)
    assert [each.state.value for each in world.operator_desk.proposals.list()] == ["withdrawn", "declined", "made"]
    assert in_force(world.operator_desk) == 0.5


def test_a_change_expires_once_the_threshold_is_another(world: StaffedWorld, second: Account, measure: Measure) -> None:
    late = world.fresh_desk(world.operator).proposals.propose_threshold(1, REASON, measure(0.1, 1))
    made(world, second, measure, 0.1, 0.5)
    assert world.desk(second).proposals.get(late.number).state is ProposalState.EXPIRED
    for act in ("approve", "decline"):
        with pytest.raises(Refused) as caught:
            getattr(world.fresh_desk(second).proposals, act)(late.number, "why not")
        assert [reason.code for reason in caught.value.reasons] == ["change-expired"]
    assert in_force(world.operator_desk) == 0.5


def test_a_change_expires_once_the_model_is_another(tmp_path: Path, measure: Measure) -> None:
    with staffed(tmp_path / "ws") as world:
        second = world.join(HOME_AGENCY, Role.OPERATOR, name="Otto Operator")
        world.fresh_desk(world.operator).proposals.propose_threshold(0.5, REASON, measure(0.1, 0.5))
        with world.workspace.store.begin() as tx:
            tx.meta.set(PACK, BEFORE)
            tx.meta.set(MODEL, SHIPPED[BEFORE].model)
    with opened(tmp_path / "ws") as world:
        desk = world.fresh_desk(second)
        assert desk.proposals.get(1).state is ProposalState.EXPIRED
        with pytest.raises(Refused) as caught:
            desk.proposals.approve(1)
        assert [reason.code for reason in caught.value.reasons] == ["change-expired"]
        assert in_force(desk) == 0.1


def test_the_evidence_is_about_this_change(world: StaffedWorld, measure: Measure) -> None:
    desk = world.fresh_desk(world.operator)
    other = measure(0.1, 0.5)
    other["after"] = {**other["after"], "model": "another/0011aabb"}
    for strangers, evidence in ((0.4, measure(0.1, 0.5)), (0.5, measure(0.2, 0.5)), (0.5, other), (0.5, {})):
        with pytest.raises(InvalidValue, match="The evaluation"):
            desk.proposals.propose_threshold(strangers, REASON, evidence)
    assert desk.proposals.list() == []


@pytest.mark.parametrize("strangers", [0, -1, 0.0009, 10.5, float("nan"), float("inf")])
def test_the_number_has_a_range(world: StaffedWorld, measure: Measure, strangers: float) -> None:
    with pytest.raises(InvalidValue, match=r"0\.001 to 10"):
        world.fresh_desk(world.operator).proposals.propose_threshold(strangers, REASON, measure(0.1, 0.5))


def test_what_is_in_force_is_not_proposed_and_a_reason_is_needed(world: StaffedWorld, measure: Measure) -> None:
    desk = world.fresh_desk(world.operator)
    with pytest.raises(InvalidValue, match="it is in force"):
        desk.proposals.propose_threshold(0.1, REASON, measure(0.1, 0.1))
    for reason in ("", " \n", "x" * 501, "bell\a"):
        with pytest.raises(InvalidValue, match="The reason"):
            desk.proposals.propose_threshold(0.5, reason, measure(0.1, 0.5))
    with pytest.raises(NotFound):
        desk.proposals.approve(1)


def test_both_need_their_second_factor(world: StaffedWorld, second: Account, measure: Measure) -> None:
    evidence = measure(0.1, 0.5)
    with pytest.raises(StepUpNeeded):
        world.operator_desk.proposals.propose_threshold(0.5, REASON, evidence)
    world.fresh_desk(world.operator).proposals.propose_threshold(0.5, REASON, evidence)
    with pytest.raises(StepUpNeeded):
        world.desk(second).proposals.approve(1)
    assert in_force(world.operator_desk) == 0.1


def test_others_read_the_threshold_without_names(world: StaffedWorld, second: Account, measure: Measure) -> None:
    made(world, second, measure, 0.1, 0.5)
    world.fresh_desk(world.operator).proposals.propose_threshold(0.2, REASON, measure(0.5, 0.2))
    for role in set(Role) - {Role.OPERATOR}:
        desk = world.desk(world.join(HOME_AGENCY, role, name=f"{role} Somebody"))
        found = desk.proposals.in_force()
        assert found.threshold.strangers == 0.5
        assert (found.threshold.proposed, found.threshold.approved) != (None, None)
        assert "Olga" not in repr(found)
        assert found.threshold.reason == ""
        assert OPERATOR in repr(found)
        assert found.notes == ()
        for act in (desk.proposals.list, lambda: desk.proposals.approve(2), lambda: desk.proposals.decline(2, "no")):  # noqa: B023 - called at once
            with pytest.raises(NotAllowed, match=Permission.CHANGE_THRESHOLD):
                act()


# ---------------------------------------------------------------- one person


def test_one_person_alone_changes_it_and_is_named_so(tmp_path: Path, measure: Measure) -> None:
    with solo(tmp_path / "ws") as world:
        done = world.machine.proposals.propose_threshold(0.5, REASON, measure(0.1, 0.5))
        assert done.state is ProposalState.MADE
        found = world.machine.proposals.in_force().threshold
        assert (found.strangers, found.alone, found.approved) == (0.5, True, None)
        assert json.loads(world.last_details())["alone"] is True
        assert world.actions()[-2:] == ["change_proposed", "change_made"]


def test_a_stricter_policy_asks_for_a_second_person_who_is_not_there(tmp_path: Path, measure: Measure) -> None:
    with solo(tmp_path / "ws") as world:
        world.wish(change_approval=True)
        assert world.machine.proposals.propose_threshold(0.5, REASON, measure(0.1, 0.5)).state is ProposalState.PENDING
        with pytest.raises(Refused):
            world.machine.proposals.approve(1)
        assert in_force(world.machine) == 0.1


# ---------------------------------------------------------------- tampering


def tampered(world: World, statement: str, *values: object) -> None:
    """Run a statement as somebody would who can only write to the database."""
    with raw_database(world.workspace.home) as database:
        database.execute(statement, values)


def test_a_flipped_bit_is_refused(world: StaffedWorld, second: Account, measure: Measure) -> None:
    made(world, second, measure, 0.1, 0.5)
    flip_proposal(world.workspace.home)
    for act in ("in_force", "list"):
        with pytest.raises(ThresholdUntrusted):
            getattr(world.operator_desk.proposals, act)()


def test_a_pending_change_with_a_flipped_bit_is_not_approved(
    world: StaffedWorld, second: Account, measure: Measure
) -> None:
    world.fresh_desk(world.operator).proposals.propose_threshold(0.5, REASON, measure(0.1, 0.5))
    flip_proposal(world.workspace.home)
    with pytest.raises(ThresholdUntrusted):
        world.fresh_desk(second).proposals.approve(1)
    assert in_force(world.operator_desk) == 0.1


def test_a_deleted_change_does_not_bring_the_default_back(
    world: StaffedWorld, second: Account, measure: Measure
) -> None:
    made(world, second, measure, 0.1, 0.001)
    tampered(world, "DELETE FROM proposals")
    with pytest.raises(ThresholdUntrusted, match="ledger records last"):
        world.operator_desk.proposals.in_force()


def test_an_earlier_change_does_not_come_back(world: StaffedWorld, second: Account, measure: Measure) -> None:
    made(world, second, measure, 0.1, 5)
    made(world, second, measure, 5, 0.1)
    assert in_force(world.operator_desk) == 0.1
    tampered(world, "UPDATE proposals SET entry = NULL WHERE id = 2")
    with pytest.raises(ThresholdUntrusted, match="ledger records last"):
        world.operator_desk.proposals.in_force()
    with raw_database(world.workspace.home) as database:
        ((newest,),) = database.execute("SELECT max(seq) FROM ledger_entries WHERE action = 'change_made'").fetchall()
    tampered(world, "UPDATE proposals SET entry = ? WHERE id = 1", newest)
    with pytest.raises(ThresholdUntrusted, match="signature of change 1 is for something else"):
        world.operator_desk.proposals.in_force()


def test_a_row_without_a_signature_of_its_own_is_refused(
    world: StaffedWorld, second: Account, measure: Measure
) -> None:
    """As by somebody who can seal rows and cannot sign: the two keys come from one, and are not the same."""
    first, last = made(world, second, measure, 0.1, 5), made(world, second, measure, 5, 0.5)
    key = world.workspace.ledger.public_key
    check_made(last, key)
    swapped = (
        (replace(last, strangers=5.0), "is for something else"),
        (replace(last, note=first.note), "is for something else"),
        (replace(last, made=first.made), "is for something else"),
        (replace(last, made=last.note), "is for something else"),
        (replace(last, made=None), "is wrong"),
        (replace(last, evidence=first.evidence), "is for something else"),
        (replace(last, reason="another reason"), "is for something else"),
        (replace(last, model="another/0011aabb"), "is for something else"),
        (replace(last, decision=None), "is for something else"),
    )
    for proposal, why in swapped:
        with pytest.raises(ThresholdUntrusted, match=why):
            check_made(proposal, key)
        with world.workspace.store.begin() as tx:
            tx.proposals.put(proposal)
        with pytest.raises(ThresholdUntrusted, match=why):
            world.operator_desk.proposals.in_force()
    with world.workspace.store.begin() as tx:
        tx.proposals.put(last)
    assert in_force(world.operator_desk) == 0.5


def test_one_person_with_two_signatures_is_refused(world: StaffedWorld, second: Account, measure: Measure) -> None:
    done = made(world, second, measure, 0.1, 0.5)
    assert done.decision is not None
    ledger = world.workspace.ledger
    own = replace(done, decision=replace(done.decision, by=done.by))
    signed = replace(own, made=sign_made(ledger, own))
    with pytest.raises(ThresholdUntrusted, match="approved by whoever proposed it"):
        check_made(signed, ledger.public_key)


def test_a_change_for_another_model_is_refused(world: StaffedWorld, second: Account, measure: Measure) -> None:
    made(world, second, measure, 0.1, 0.5)
    key = world.workspace.ledger.public_key
    with world.workspace.store.read() as tx:
        assert threshold_in_force(tx, key, SHIPPED[CURRENT].model).strangers == 0.5
        with pytest.raises(ThresholdUntrusted, match="another/0011aabb"):
            threshold_in_force(tx, key, "another/0011aabb")


# ---------------------------------------------------------------- searches


@pytest.fixture
def searched(tmp_path: Path) -> Iterator[Workspace]:
    with gallery(tmp_path / "ws") as workspace:
        yield workspace


def search(workspace: Workspace, mode: Mode = Mode.IDENTIFICATION) -> Any:
    desk = workspace.desk_at_the_machine()
    probe = desk.probes.take(CASE.ref, PROBE.read_bytes())
    request = SearchRequest(case=CASE.ref, reason="to find where it was published", mode=mode)
    return desk.search.run(probe.id, request)


def test_a_search_uses_the_threshold_in_force_and_says_so(searched: Workspace, measure: Measure) -> None:
    desk = searched.desk_at_the_machine()
    before = search(searched)
    assert (before.strangers, before.signed) == (0.1, None)
    desk.proposals.propose_threshold(0.01, REASON, measure(0.1, 0.01))
    after = search(searched)
    assert after.threshold > before.threshold
    assert (after.strangers, after.signed.number, after.signed.alone) == (0.01, 1, True)
    assert desk.search.get(after.search_id) == after
    assert desk.search.get(before.search_id).strangers == 0.1
    entry = json.loads(desk.audit.entries(after.ledger_entry, after.ledger_entry + 1)[0].details or "")
    assert (entry["strangers"], entry["change"]) == (0.01, 1)
    report = desk.report.html(after.search_id)
    assert "0.01 strangers are expected in the gallery searched (change 1 of " in report
    assert "made by one person" in report
    assert "the default of Lineament" in desk.report.html(before.search_id)
    investigated = search(searched, Mode.INVESTIGATION)
    assert (investigated.strangers, investigated.signed) == (None, None)


def test_a_search_refuses_a_threshold_that_was_altered(searched: Workspace, measure: Measure) -> None:
    searched.desk_at_the_machine().proposals.propose_threshold(5, REASON, measure(0.1, 5))
    with raw_database(searched.home) as database:
        database.execute("DELETE FROM proposals")
    with pytest.raises(ThresholdUntrusted):
        search(searched)
    assert search(searched, Mode.INVESTIGATION).candidates, "what uses no threshold is answered"


def test_a_change_while_a_search_is_compared_counts_for_it(
    searched: Workspace, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, compare = searched.desk_at_the_machine(), Gallery.search
    compared: list[object] = []

    def change_then_compare(*arguments: Any, **named: Any) -> Any:
        if not compared:
            desk.proposals.propose_threshold(0.01, REASON, measure(0.1, 0.01))
        compared.append(arguments)
        return compare(*arguments, **named)

    monkeypatch.setattr(Gallery, "search", change_then_compare)
    found = search(searched)
    assert (found.strangers, found.signed.number, len(compared)) == (0.01, 1, 2)
    assert len(desk.casework.stored_searches(CASE.ref)) == 1


# ---------------------------------------------------------------- the terminal


def test_commands_of_one_person(lineament: Run, people: Path, tmp_path: Path) -> None:
    assert lineament("init", tmp_path / "ws").code == 0
    home = ("--home", tmp_path / "ws")
    shown = lineament("threshold", "show", *home)
    assert "0.1 strangers expected: the default of Lineament" in shown.out
    proposed = lineament("threshold", "propose", "--strangers", "0.5", "--reason", REASON, "--evaluate", people, *home)
    assert proposed.code == 0, proposed.err
    assert "Change 1 is in force: a threshold with 0.5 strangers expected, made by one person" in proposed.out
    assert "everybody" in proposed.out
    assert "insufficient data" in proposed.out
    answer = lineament("threshold", "show", "--json", *home).json
    assert (answer["strangers"], answer["change"], answer["alone"], answer["needs_two"]) == (0.5, 1, True, False)
    evidence = answer["evidence"]
    assert (evidence["people"], evidence["pictures"], evidence["mated_searches"]) == (4, 6, 2)
    assert evidence["before"]["threshold"] > evidence["after"]["threshold"]
    assert [group["group"] for group in evidence["after"]["groups"]] == ["men", "women"]
    assert "insufficient" in evidence["after"]["groups"][0]["fnir"]
    assert len(answer["signed"]) == 2
    listed = lineament("threshold", "list", "--json", *home).json["changes"]
    assert [(change["change"], change["state"], change["decided"]) for change in listed] == [(1, "made", None)]
    assert (
        lineament("threshold", "propose", "--strangers", "11", "--reason", "x", "--evaluate", people, *home).code == 2
    )
    with raw_database(tmp_path / "ws") as database:
        database.execute("DELETE FROM proposals")
    refused = lineament("threshold", "show", "--json", *home)
    assert (refused.code, refused.json["error"]["code"]) == (10, "threshold-untrusted")


# ---------------------------------------------------------------- the pages


@pytest.mark.enable_socket
def test_the_pages_say_that_the_threshold_cannot_be_trusted(tmp_path: Path, measure: Measure) -> None:
    with serving_officials(tmp_path / "ws") as site:
        olga = site.world.sign_up_with_app("olga@home.example", Role.OPERATOR)
        eva = site.world.sign_up_with_app("eva@home.example", Role.EXAMINER)
        otto = site.world.sign_up_with_app("otto@home.example", Role.OPERATOR)
        site.world.fresh_desk(olga.account).proposals.propose_threshold(0.5, REASON, measure(0.1, 0.5))
        site.world.fresh_desk(otto.account).proposals.approve(1)
        with site.signed_in(eva) as browser:
            read = browser.get("/threshold").text
        assert "0.5 strangers" in read
        assert "signed by two people" in read
        assert "What was measured" in read
        assert not any(hidden in read for hidden in ("olga", "otto", REASON, "lineament-change"))
        with raw_database(site.world.workspace.home) as database:
            database.execute("DELETE FROM proposals")
        with site.signed_in(olga) as browser:
            for address in ("/", "/threshold"):
                page = browser.get(address)
                assert page.status_code == 200
                assert "The threshold cannot be trusted" in page.text
