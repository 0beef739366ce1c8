"""Somebody has the machine, the database and the key: what others saw still shows every change of history."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import Ran
from tests.support.clock import Clock
from tests.support.serving import serving, token_in
from tests.support.stamps import RunningAuthority, authority
from tests.support.witnesses import RunningWitness, witness
from tests.support.world import CASE, StaffedWorld, World, opened, settings, solo

from lineament.cli.beside import WitnessingBeside
from lineament.errors import (
    Damaged,
    InvalidValue,
    LedgerBroken,
    Refused,
    WitnessesUntrusted,
    WitnessUnavailable,
)
from lineament.ledger.checkpoint import PublicKey, SigningKey
from lineament.ledger.cosignature import Cosigner
from lineament.ledger.kept import MOST_UNSTAMPED, KeptFolder
from lineament.ledger.proofs import verify_consistency_file, verify_entry_proof
from lineament.ledger.stand_alone import run as verify_alone
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.sources import SourceTerms
from lineament.model.witnessing import StampAuthority, WitnessAddress, WitnessPolicy
from lineament.services import gate
from lineament.services.witnessing import in_force
from lineament.workspace import Workspace

WHY = "R42 asks for it"


def policy_of(*witnesses: RunningWitness, needed: int | None = None, hours: int = 24) -> WitnessPolicy:
    addresses = tuple(WitnessAddress(key=str(each.key), url=each.url) for each in witnesses)
    return WitnessPolicy(
        witnesses=addresses, witnesses_needed=len(addresses) if needed is None else needed, stale_after_hours=hours
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws", Clock(datetime.now(UTC))) as world:
        world.machine.casework.open(CASE)
        yield world


@pytest.fixture
def one(tmp_path: Path, world: World) -> Iterator[RunningWitness]:
    """A witness that the policy asks, and that has cosigned the ledger."""
    with witness(tmp_path / "one", key_of(world), clock=lambda: world.clock.at) as running:
        world.machine.witnesses.propose(policy_of(running), WHY)
        submit(world)
        yield running


def key_of(world: World) -> PublicKey:
    return PublicKey.parse(world.machine.audit.public_key)


def submit(world: World) -> None:
    assert [each.why for each in world.machine.witnesses.submit() if each.why] == []


def act(world: World, name: str = "portraits") -> None:
    """Do something that the ledger records."""
    world.machine.sources.add(SourceTerms(name=name, controller="Commons", basis="free", jurisdiction="FR"), None)


def home_copy(world: World, name: str) -> Path:
    """Copy the whole workspace, as a backup would."""
    copy = world.workspace.home.parent / name
    assert world.workspace.store.scrub()
    shutil.copytree(world.workspace.home, copy)
    return copy


def put_back(world: World, copy: Path, *, also: tuple[str, ...] = ("checkpoint",)) -> None:
    """Put back an older database, and the files named."""
    home = world.workspace.home
    world.workspace.store.close()
    for path in home.glob("lineament.db*"):
        path.unlink()
    shutil.copy(copy / "lineament.db", home)
    for name in also:
        shutil.rmtree(home / name) if (home / name).is_dir() else (home / name).unlink(missing_ok=True)
        if (copy / name).is_dir():
            shutil.copytree(copy / name, home / name)
        elif (copy / name).exists():
            shutil.copy(copy / name, home / name)


def roll_back(world: World, *, also: tuple[str, ...] = ("checkpoint",)) -> None:
    """Have one more entry witnessed, then put back the database from before it, and the files named."""
    before = home_copy(world, "before")
    act(world)
    submit(world)
    put_back(world, before, also=also)


EVERYTHING = ("checkpoint", "witnessed")


def codes(world: World) -> list[str]:
    """Return why a search in the case would be refused."""
    record = world.machine.record
    with record.read() as tx:
        attempt = gate.attempt(tx, record, tx.cases.by_id(1), [], "why")
    return [reason.code.value for reason in gate.reasons_against(attempt)]


# ---------------------------------------------------------------- history changed with the right key


def test_what_was_seen_is_told(world: World, one: RunningWitness) -> None:
    act(world)
    found = world.machine.audit.verify()
    assert found.entries == 4
    assert len(found.witnessed) == 1
    assert found.witnessed[0].startswith("witness.example/one saw 3 entries with the root ")
    assert codes(world) == ["no-source"]


def test_a_database_and_its_checkpoint_rolled_back_together(world: World, one: RunningWitness) -> None:
    roll_back(world)
    with pytest.raises(LedgerBroken, match=r"witness.example/one saw 4 entries .*, and there are 3 entries now"):
        world.machine.audit.verify()
    with pytest.raises(LedgerBroken, match="4 entries that others saw"):
        opened(world.workspace.home)
    assert "anchor-disputed" in codes(world)


def test_everything_on_the_machine_rolled_back(world: World, one: RunningWitness) -> None:
    """Only the witness knows; it is asked by ``verify``, and by the next submission."""
    roll_back(world, also=EVERYTHING)
    assert world.machine.audit.verify().entries == 3
    (answer,) = world.machine.witnesses.ask()
    assert "saw 4 entries" in answer.why
    with pytest.raises(LedgerBroken, match=r"witness.example/one saw 4 entries .*, and there are 3 entries now"):
        world.machine.audit.verify()
    assert "anchor-disputed" in codes(world)


def test_a_submission_finds_a_roll_back_by_itself(world: World, one: RunningWitness) -> None:
    roll_back(world, also=EVERYTHING)
    (answer,) = world.machine.witnesses.submit()
    assert "saw 4 entries" in answer.why
    assert "anchor-disputed" in codes(world)


def test_history_rewritten_and_signed_with_the_right_key(world: World, one: RunningWitness) -> None:
    """The same number of entries, sound in itself, with the right signature on a checkpoint that fits."""
    roll_back(world, also=EVERYTHING)
    act(world, "another")
    assert world.machine.audit.verify().entries == 4
    (answer,) = world.machine.witnesses.submit()
    assert "422" in answer.why or "does not begin with them" in answer.why
    with pytest.raises(LedgerBroken, match=r"one saw 4 entries .*, and the first 4 entries are others now"):
        world.machine.audit.verify()
    assert "anchor-disputed" in codes(world)


def test_history_rewritten_and_longer(world: World, one: RunningWitness) -> None:
    roll_back(world, also=EVERYTHING)
    for name in ("another", "and", "more"):
        act(world, name)
    (answer,) = world.machine.witnesses.submit()
    assert answer.why
    with pytest.raises(LedgerBroken, match=r"one saw 4 entries .*, and the first 4 entries are others now"):
        world.machine.audit.verify()


def test_two_copies_of_one_workspace_cannot_both_go_on(world: World, one: RunningWitness, tmp_path: Path) -> None:
    """A fork: the second copy is refused, and the witness keeps proof that the key signed two histories."""
    twin_home = home_copy(world, "twin")
    act(world)
    with World(Workspace.open(settings(twin_home), clock=world.clock), world.clock) as twin:
        act(twin, "other")
        submit(world)
        (answer,) = twin.machine.witnesses.submit()
        assert answer.why
        with pytest.raises(LedgerBroken, match="the first 4 entries are others now"):
            twin.machine.audit.verify()
    log = one.folder.log(key_of(world).name)
    assert log is not None
    assert log.forks == 1
    assert world.machine.audit.verify().entries == 4


# ---------------------------------------------------------------- the policy


def test_an_agency_stops_searching_when_what_others_saw_is_stale(tmp_path: Path) -> None:
    with staffed_world(tmp_path) as world, witness(tmp_path / "w", key_of(world), clock=lambda: world.clock.at) as one:
        set_policy(world, policy_of(one, hours=2))
        assert "anchor-stale" in codes(world)
        submit(world)
        assert "anchor-stale" not in codes(world)
        world.clock.advance(hours=2, minutes=1)
        assert "anchor-stale" in codes(world)
        against = world.machine.witnesses.standing().against
        assert against is not None
        assert against.command == "lineament ledger submit"
        submit(world)
        assert "anchor-stale" not in codes(world)


def test_one_person_alone_is_warned_and_may_search(world: World, one: RunningWitness) -> None:
    world.clock.advance(hours=25)
    assert "anchor-stale" not in codes(world)
    against = world.machine.audit.not_witnessed()
    assert against is not None
    assert against.code == "anchor-stale"


def staffed_world(tmp_path: Path) -> StaffedWorld:
    world = solo(tmp_path / "ws", Clock(datetime.now(UTC)))
    world.machine.casework.open(CASE)
    return StaffedWorld(world.workspace, world.clock)


def set_policy(world: StaffedWorld, policy: WitnessPolicy) -> None:
    world.fresh_desk(world.operator).witnesses.propose(policy, WHY)
    other = world.join(HOME_AGENCY, Role.OPERATOR, name=f"Otto{len(world.actions())} Operator")
    world.fresh_desk(other).witnesses.approve()


def test_a_policy_is_not_lowered_by_one_person(tmp_path: Path) -> None:
    with staffed_world(tmp_path) as world, witness(tmp_path / "w", key_of(world)) as one:
        set_policy(world, policy_of(one))
        desk = world.fresh_desk(world.operator)
        assert desk.witnesses.propose(WitnessPolicy(), "it is slow").entry is None
        with pytest.raises(Refused, match="you proposed"):
            desk.witnesses.approve()
        assert desk.witnesses.standing().policy.witnesses_needed == 1
        assert world.actions()[-1] == "witnesses_proposed"
        with pytest.raises(Refused, match="you proposed"):
            world.fresh_desk(world.operator).witnesses.approve()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM witness_policies",
        "UPDATE witness_policies SET entry = NULL",
        "UPDATE witness_policies SET entry = 0",
        "UPDATE witness_policies SET sealed = x'00'",
        "UPDATE witness_policies SET id = 7",
    ],
)
def test_a_policy_that_a_db_writer_changed(world: World, one: RunningWitness, statement: str) -> None:
    with world.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql(statement)
    with pytest.raises(WitnessesUntrusted):
        codes(world)
    with pytest.raises(WitnessesUntrusted):
        world.machine.audit.verify()


def test_a_db_writer_who_also_hides_the_entry_of_the_policy(world: World, one: RunningWitness) -> None:
    with world.workspace.store.begin() as tx:
        run = tx.connection.exec_driver_sql
        for name in run("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
            run(f"DROP TRIGGER {name}")
        run("DELETE FROM witness_policies")
        run("UPDATE ledger_entries SET action = 'case_read' WHERE action = 'witnesses_changed'")
    with pytest.raises(WitnessesUntrusted, match="was witnessed before"):
        codes(world)


@pytest.mark.parametrize(
    "changes",
    [
        {"witnesses_needed": 2},
        {"witnesses_needed": -1},
        {"stamps_needed": 1},
        {"stale_after_hours": 0},
        {"stale_after_hours": 10_000},
        {"witnesses": (WitnessAddress(key="nonsense", url="https://w.example"),)},
        {"witnesses": (WitnessAddress(key=str(SigningKey(name="a", seed=bytes(32)).public), url="https://w.example"),)},
        {"witnesses": (WitnessAddress(key=str(Cosigner(name="a", seed=bytes(32)).public), url="http://w.example"),)},
        {"witnesses": (WitnessAddress(key=str(Cosigner(name="a", seed=bytes(32)).public), url="file:///etc/passwd"),)},
        {"authorities": (StampAuthority(name="tsa", url="http://tsa.example", roots="nonsense"),)},
    ],
)
def test_a_policy_that_cannot_be_followed(world: World, one: RunningWitness, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        world.machine.witnesses.propose(replace(policy_of(one), **changes), WHY)  # type: ignore[arg-type]


def test_n_of_m(world: World, tmp_path: Path) -> None:
    names = ("w.example/a", "w.example/b", "w.example/c")
    clock = world.clock
    with (
        witness(tmp_path / "a", key_of(world), name=names[0], clock=lambda: clock.at) as a,
        witness(tmp_path / "b", key_of(world), name=names[1], clock=lambda: clock.at) as b,
        witness(tmp_path / "c", name=names[2], clock=lambda: clock.at) as c,  # does not know the ledger
    ):
        world.machine.witnesses.propose(policy_of(a, b, c, needed=2), WHY)
        done = world.machine.witnesses.submit()
        assert [bool(each.why) for each in done] == [False, False, True]
        assert world.machine.witnesses.standing().against is None
        world.machine.witnesses.propose(policy_of(a, b, c, needed=3), WHY)
        assert world.machine.witnesses.standing().against is not None


# ---------------------------------------------------------------- witnesses that fail or lie


def test_a_witness_that_does_not_answer(world: World, tmp_path: Path) -> None:
    with witness(tmp_path / "w", key_of(world)) as gone:
        policy = policy_of(gone)
    world.machine.witnesses.propose(policy, WHY)
    (answer,) = world.machine.witnesses.submit()
    assert answer.why == "there is no connection"
    assert world.machine.witnesses.standing().against is not None


def test_a_witness_that_signs_with_another_key(world: World, tmp_path: Path) -> None:
    with witness(tmp_path / "w", key_of(world)) as running:
        other = Cosigner(name=running.key.name, seed=bytes(32)).public
        address = WitnessAddress(key=str(other), url=running.url)
        world.machine.witnesses.propose(WitnessPolicy(witnesses=(address,), witnesses_needed=1), WHY)
        (answer,) = world.machine.witnesses.submit()
    assert "no signature by its key" in answer.why
    assert not list(KeptFolder(world.workspace.home / "witnessed").newest())


def test_a_witness_whose_clock_is_ahead(world: World, tmp_path: Path) -> None:
    """Its cosignature would keep the record fresh for years."""
    with witness(tmp_path / "w", key_of(world), clock=lambda: datetime(2126, 1, 1, tzinfo=UTC)) as running:
        world.machine.witnesses.propose(policy_of(running), WHY)
        (answer,) = world.machine.witnesses.submit()
    assert "ahead" in answer.why


def test_what_is_kept_was_altered(world: World, one: RunningWitness) -> None:
    (note,) = (world.workspace.home / "witnessed").glob("*.note")
    text = note.read_text("utf-8")
    note.write_text(text[:-6] + ("AAAA=\n" if text[-6:] != "AAAA=\n" else "BBBB=\n"), "utf-8")
    with pytest.raises(Damaged):
        world.machine.audit.verify()
    assert world.machine.audit.not_witnessed() is not None


def test_what_is_kept_was_deleted(world: World, one: RunningWitness) -> None:
    """Then nothing is fresh, until a witness has compared the ledger again."""
    shutil.rmtree(world.workspace.home / "witnessed")
    assert world.machine.audit.not_witnessed() is not None
    submit(world)
    assert world.machine.audit.not_witnessed() is None


def test_only_so_many_checkpoints_are_kept(world: World, one: RunningWitness) -> None:
    ledger, folder = world.workspace.ledger, KeptFolder(world.workspace.home / "few")
    with world.workspace.store.read() as tx:
        root = ledger.head(tx.ledger).root
    for size in range(MOST_UNSTAMPED + 5):
        note = world.workspace.ledger.attest(f"{key_of(world).name}\n{size + 1}\n{_base64(root)}\n")
        folder.keep(note)
    assert len(list(folder.newest())) == MOST_UNSTAMPED


def test_the_newest_checkpoint_of_each_signer_is_kept(world: World) -> None:
    """A witness that does not answer for a while is not forgotten: what it saw may be a day old."""
    folder, text = KeptFolder(world.workspace.home / "few"), f"{key_of(world).name}\n1\n{_base64(bytes(32))}\n"
    folder.keep(world.workspace.ledger.attest(text) + Cosigner(name="w.example/a", seed=bytes(32)).cosign(text, _NOON))
    for size in range(2, MOST_UNSTAMPED + 5):
        folder.keep(world.workspace.ledger.attest(f"{key_of(world).name}\n{size}\n{_base64(bytes(32))}\n"))
    kept = [each.note for each in folder.newest()]
    assert len(kept) == MOST_UNSTAMPED + 1
    assert "w.example/a" in kept[-1]


_NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


# ---------------------------------------------------------------- restoring a backup


def test_a_restore_needs_the_consent_of_the_witness(world: World, one: RunningWitness) -> None:
    roll_back(world)
    with pytest.raises(WitnessUnavailable, match="saw 4 entries"):
        world.machine.restore.accept("the disk failed")
    log = one.folder.log(key_of(world).name)
    assert log is not None
    log.set_aside("we talked to the agency", datetime.now(UTC))
    entry = world.machine.restore.accept("the disk failed")
    assert entry == 3
    assert "witness.example/one" in world.last_details()
    submit(world)
    assert world.machine.audit.verify().entries == 4
    assert (world.workspace.home / f"witnessed.before-{entry}").is_dir()


def test_a_restore_from_before_the_policy(world: World, tmp_path: Path) -> None:
    copy = home_copy(world, "copy")
    with witness(tmp_path / "w", key_of(world), clock=lambda: world.clock.at) as running:
        world.machine.witnesses.propose(policy_of(running), WHY)
        submit(world)
        put_back(world, copy)
        with pytest.raises(WitnessesUntrusted, match="was witnessed before"):
            world.machine.audit.verify()
        world.machine.restore.accept("the disk failed")
        assert world.machine.audit.verify().entries == 2


# ---------------------------------------------------------------- time-stamps, and checking without the workspace


@pytest.fixture
def stamped(world: World, tmp_path: Path) -> Iterator[tuple[RunningWitness, RunningAuthority]]:
    with (
        witness(tmp_path / "one", key_of(world), clock=lambda: world.clock.at) as running,
        authority(tmp_path / "tsa") as tsa,
    ):
        stamps = (StampAuthority(name="tsa", url=tsa.url, roots=tsa.roots),)
        world.machine.witnesses.propose(replace(policy_of(running), authorities=stamps, stamps_needed=1), WHY)
        submit(world)
        yield running, tsa


def test_a_time_stamp_shows_a_rewritten_history_too(
    world: World, stamped: tuple[RunningWitness, RunningAuthority]
) -> None:
    found = world.machine.audit.verify()
    assert sorted(words.split()[0] for words in found.witnessed) == ["tsa", "witness.example/one"]
    act(world)
    submit(world)
    assert len(list((world.workspace.home / "witnessed").glob("*.tsr"))) == 1  # it is asked a few times a day


def test_a_time_stamp_counts_however_many_checkpoints_follow_it(
    world: World, stamped: tuple[RunningWitness, RunningAuthority]
) -> None:
    """An authority is asked a few times a day, a witness every minute."""
    for number in range(25):
        act(world, f"source-{number}")
        submit(world)
    assert len(list((world.workspace.home / "witnessed").glob("*.tsr"))) == 1
    assert world.machine.audit.not_witnessed() is None


def test_an_authority_whose_certificate_is_not_configured(world: World, tmp_path: Path) -> None:
    with authority(tmp_path / "a") as a, authority(tmp_path / "b") as b:
        stamps = (StampAuthority(name="tsa", url=a.url, roots=b.roots),)
        world.machine.witnesses.propose(WitnessPolicy(authorities=stamps, stamps_needed=1), WHY)
        (answer,) = world.machine.witnesses.submit()
    assert "time-stamp is wrong" in answer.why
    assert world.machine.audit.not_witnessed() is not None


def test_a_token_on_something_else(world: World, stamped: tuple[RunningWitness, RunningAuthority]) -> None:
    folder = world.workspace.home / "witnessed"
    (stamp,) = folder.glob("*.tsr")
    token = stamp.read_bytes()
    act(world)
    submit(world)
    newest = max(folder.glob("*.note"))
    newest.with_suffix(".0000000000000000.tsr").write_bytes(token)
    with pytest.raises(Damaged, match="Mismatch between messages"):
        world.machine.audit.verify()


@pytest.fixture
def bundle(world: World, stamped: tuple[RunningWitness, RunningAuthority], tmp_path: Path) -> Path:
    act(world)
    submit(world)
    world.machine.audit.export(tmp_path / "bundle.jsonl")
    return tmp_path / "bundle.jsonl"


def check(world: World, stamped: tuple[RunningWitness, RunningAuthority], file: Path, *more: object) -> int:
    one, tsa = stamped
    line = [file, "--key", key_of(world), "--witness", one.key, "--witnesses", 1, "--tsa", tsa.folder / "root.pem"]
    return verify_alone([str(word) for word in (*line, "--stamps", 1, *more)])


def test_a_bundle_is_checked_offline(
    world: World,
    stamped: tuple[RunningWitness, RunningAuthority],
    bundle: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check(world, stamped, bundle) == 0
    printed = capsys.readouterr().out
    assert "witness.example/one saw 4 entries" in printed
    assert "root saw 3 entries" in printed  # by the time-stamp authority, named as its file
    one, tsa = stamped
    line = [sys.executable, "-m", "lineament.ledger.verify", bundle, "--key", key_of(world), "--witness", one.key]
    ran = subprocess.run(
        [str(word) for word in (*line, "--tsa", tsa.folder / "root.pem", "--stamps", 2)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (10, "")
    assert "2 statements of the kind time-stamp are asked for" in ran.stderr


@pytest.mark.parametrize("attack", ["flip", "delete", "reorder", "truncate", "fork", "rewrite", "strip"])
def test_a_forged_bundle(
    world: World,
    stamped: tuple[RunningWitness, RunningAuthority],
    bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    attack: str,
) -> None:
    header, *lines = bundle.read_text("utf-8").splitlines()
    if attack == "flip":
        lines[1] = lines[1].replace("R42", "R43", 1)
    elif attack == "delete":
        del lines[1]
    elif attack == "reorder":
        lines[1], lines[2] = lines[2], lines[1]
    elif attack == "truncate":
        lines = lines[:2]
    elif attack == "strip":
        fields = json.loads(header)
        header = json.dumps({**fields, "witnessed": []})
    else:  # sound in itself and signed with the right key, with what others saw of the true history
        with solo(tmp_path / "forged") as forged:
            forged.workspace.__dict__["ledger"] = world.workspace.ledger
            (forged.workspace.home / "checkpoint").unlink()
            for name in ("a", "b", "c", "d") if attack == "fork" else ("a", "b", "c", "d", "e", "f"):
                act(forged, name)
            forged.machine.audit.export(tmp_path / "other.jsonl")
        fields = json.loads(header)
        header, *lines = (tmp_path / "other.jsonl").read_text("utf-8").splitlines()
        header = json.dumps({**json.loads(header), "witnessed": fields["witnessed"]})
    bundle.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    assert check(world, stamped, bundle) == 10
    words = {
        "flip": "at entry 1",
        "delete": "entry 1 is missing",
        "reorder": "entry 1 is missing or out of order",
        "truncate": "and there are 2 entries now",
        "fork": "are others now",
        "rewrite": "are others now",
        "strip": "are asked for",
    }[attack]
    assert words in capsys.readouterr().err


def test_the_proof_of_an_entry(world: World, stamped: tuple[RunningWitness, RunningAuthority], tmp_path: Path) -> None:
    proof = world.machine.audit.prove(0)
    file = tmp_path / "entry.tlog-proof"
    file.write_text(proof.file, "utf-8")
    one, _ = stamped
    line = [file, "--key", key_of(world), "--witness", one.key, "--witnesses", 1]
    assert verify_alone([str(word) for word in line]) == 0
    found = verify_entry_proof(proof.file, key_of(world))
    assert (found.seq, found.action) == (0, "case_opened")
    assert found.details is not None
    assert proof.file.startswith("c2sp.org/tlog-proof@v1\nextra ")
    assert world.actions()[-1] == "entry_proven"
    text = proof.file
    for wrong in (
        text.replace("index 0", "index 1"),
        text.replace("index 0\n", "index 0\n" + _base64(bytes(32)) + "\n"),
        text.replace("extra ", "extra A"),
        text[:-8],
        "",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n\n",
    ):
        with pytest.raises(InvalidValue):
            verify_entry_proof(wrong, key_of(world))


def test_the_proof_that_the_ledger_continues(
    world: World, stamped: tuple[RunningWitness, RunningAuthority], tmp_path: Path
) -> None:
    kept = world.machine.audit.checkpoint()
    assert kept is not None
    for name in ("a", "b", "c"):
        act(world, name)
    proof = world.machine.audit.prove_consistency(kept)
    found = verify_consistency_file(proof, key_of(world))
    assert (found.old.size, found.new.size) == (3, 6)
    file = tmp_path / "continues.json"
    file.write_text(proof, "utf-8")
    assert verify_alone([str(file), "--key", str(key_of(world))]) == 0
    wrong = world.workspace.ledger.attest(f"{key_of(world).name}\n3\n{_base64(bytes(32))}\n")
    with pytest.raises(LedgerBroken, match="does not begin with the 3 entries"):
        world.machine.audit.prove_consistency(wrong)
    for forged in (proof.replace('"path": [', '"path": ["' + "00" * 32 + '", '), "{}", "[]", "", proof[:-9]):
        with pytest.raises(InvalidValue):
            verify_consistency_file(forged, key_of(world))


def test_the_time_of_a_search_is_read_from_files_that_change(world: World, one: RunningWitness) -> None:
    """What was verified is cached until a file changes."""
    in_force._newest_seen.cache_clear()
    for _ in range(3):
        assert world.machine.audit.not_witnessed() is None
    assert in_force._newest_seen.cache_info().misses == 1
    act(world)
    world.clock.advance(minutes=1)
    submit(world)
    assert world.machine.audit.not_witnessed() is None
    assert in_force._newest_seen.cache_info().misses == 2


# ---------------------------------------------------------------- by command and page


def test_the_commands_of_an_agency_and_of_a_witness(
    lineament: Callable[..., Ran], world: World, tmp_path: Path
) -> None:
    """The workspace of the fixture is that of the commands."""
    ran = lineament("witness", "init", tmp_path / "w", "--name", "w.example/1")
    key = ran.out.splitlines()[-1]
    assert lineament("witness", "add-log", tmp_path / "w", key_of(world)).code == 0
    assert lineament("witness", "show", tmp_path / "w", "--json").json["logs"][0]["entries"] == 0
    assert lineament("witness", "set-aside", tmp_path / "w", "nothing", "--reason", "why").code == 3
    assert "Nobody outside witnesses" in lineament("verify").out
    with witness(tmp_path / "w", key_of(world)) as running:
        policy = tmp_path / "policy.toml"
        address = f'[[witness]]\nkey = "{key}"\nurl = "{running.url}"\n'
        policy.write_text(f"witnesses_needed = 1\nstale_after_hours = 2\n{address}", "utf-8")
        assert lineament("ledger", "propose-witnesses", policy, "--reason", WHY).code == 0
        assert lineament("ledger", "witnesses", "--json").json["against"].startswith("the record was never witnessed")
        assert "signed 3 entries" in lineament("ledger", "submit").out
        standing = lineament("ledger", "witnesses", "--json").json
        assert (standing["against"], standing["seen"][0]["entries"]) == (None, 3)
        assert "w.example/1 saw 3 entries" in lineament("verify").out
        assert lineament("ledger", "prove", 0, tmp_path / "proof").code == 0
        kept = tmp_path / "kept"
        shutil.copy(world.workspace.home / "checkpoint", kept)
        assert lineament("ledger", "prove-consistency", kept, tmp_path / "continues").code == 0
        assert lineament("ledger", "prove", 99, tmp_path / "proof").code == 3
    assert lineament("witness", "show", tmp_path / "w", "--json").json["logs"][0]["entries"] == 3
    assert lineament("ledger", "submit").code == 10
    for file in ("proof", "continues"):
        assert verify_alone([str(tmp_path / file), "--key", str(key_of(world))]) == 0
    for wrong in (
        "witness = 3",
        "[[witness]]\nkey = 3",
        "nonsense",
        'stale_after_hours = "2"',
        "[[witness]]\nname = 'a'",
    ):
        policy.write_text(wrong, "utf-8")
        assert lineament("ledger", "propose-witnesses", policy, "--reason", WHY).code == 2


def test_the_page_of_the_ledger_shows_and_saves_proofs(world: World, one: RunningWitness) -> None:
    with serving(world.workspace) as served, served.client() as client:
        form = {"csrf": token_in(client.get("/ledger").text), "entry": "0"}
        here = {"origin": served.url}
        page = client.post("/ledger/entry", data=form, headers=here, follow_redirects=True)
        assert page.status_code == 200
        assert "Proof of entry 0" in page.text
        assert "witness.example/one" in page.text
        proof = client.post("/ledger/proof", data=form, headers=here)
        assert proof.headers["content-disposition"].endswith("entry-0.tlog-proof")
        assert verify_entry_proof(proof.text, key_of(world)).seq == 0
        assert client.post("/ledger/proof", data={**form, "entry": "999"}, headers=here).status_code == 404
        kept = world.machine.audit.checkpoint()
        act(world)
        form = {"csrf": token_in(page.text), "checkpoint": (kept or "").replace("\n", "\r\n")}
        saved = client.post("/ledger/consistency", data=form, headers=here)
        assert saved.status_code == 200
        assert verify_consistency_file(saved.text, key_of(world)).new.size > 3


def test_a_worker_has_the_ledger_witnessed_by_itself(world: World, tmp_path: Path) -> None:
    with witness(tmp_path / "w", key_of(world)) as running:
        world.machine.witnesses.propose(policy_of(running), WHY)
        with WitnessingBeside(settings(world.workspace.home)):
            wait_until(lambda: world.machine.witnesses.standing().against is None)
        assert world.machine.witnesses.submit_if_due() == []


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert done()
