"""Keys: what a stolen disk, database or key file gives, who holds the key, and that a rotated key opens nothing."""

from __future__ import annotations

import itertools
import shutil
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.conftest import PORTRAITS
from tests.support import softhsm
from tests.support.database import raw_database
from tests.support.killed import Killed, killed_at
from tests.support.world import CASE, World, settings, solo

from lineament.errors import Damaged, KeyHolderUnavailable, KeyRotated, WrongKey
from lineament.model.accounts import HOME_AGENCY, Permission, Role
from lineament.model.cases import Case, PaperKind
from lineament.model.sources import SourceTerms
from lineament.services.cases.room import SealedFile
from lineament.services.jobs.kinds import ROTATE_KEY
from lineament.services.keyholder import case_key, source_key
from lineament.services.record import Record
from lineament.services.rotation import workspace as workspace_rotation
from lineament.services.rotation.workspace import WorkspaceRotation
from lineament.store.db import Store
from lineament.store.holders.file import FileHolder
from lineament.store.keys import Cipher
from lineament.store.ring import KeyRing, Keys, with_newest_only
from lineament.store.sealed_rows import PLACES
from lineament.testing import fake_transit
from lineament.workspace import Desk, Workspace

TERMS = SourceTerms(name="press", controller="Press agency", basis="LED Art. 8", jurisdiction="FR")


def holder_of(kind: str, token: Path, base: str) -> dict[str, Any]:
    """Return the settings of a workspace whose key a token or a transit service holds."""
    if kind == "pkcs11":
        uri = f"pkcs11:token={softhsm.TOKEN};object=attacked?module-path={softhsm.MODULE}"
        return {"key_holder": uri, "key_secret": token}
    return {"key_holder": f"transit+{base}/transit/attacked", "key_secret": token}


@pytest.mark.parametrize("kind", ["pkcs11", "transit"])
def test_a_stolen_folder_with_its_database_gives_nothing_without_the_key_holder(
    kind: str, tmp_path: Path, token: Path
) -> None:
    home = tmp_path / "ws"
    with fake_transit(softhsm.PIN) as service:
        held = holder_of(kind, token, service.base)
        with solo(home, **held) as world:
            world.machine.sources.add(TERMS)
            case = world.machine.casework.open(CASE)
        with Workspace.open(settings(home, **held)) as workspace:
            assert workspace.desk_at_the_machine().casework.get(case.ref).terms.offence == CASE.offence
        stolen = tmp_path / "stolen"
        shutil.copytree(home, stolen)
    assert list((stolen / "keys").iterdir()) == []
    with pytest.raises(WrongKey):
        Workspace.open(settings(stolen))
    with fake_transit(softhsm.PIN) as another:
        elsewhere = {"key_holder": f"transit+{another.base}/transit/attacked", "key_secret": token}
        with pytest.raises((WrongKey, KeyHolderUnavailable)):
            Workspace.open(settings(stolen, **elsewhere))
    shutil.copytree(stolen, tmp_path / "with a key file")
    with solo(tmp_path / "other"):
        shutil.copy(tmp_path / "other" / "keys" / "kek", tmp_path / "with a key file" / "keys" / "kek")
    with pytest.raises(WrongKey):
        Workspace.open(settings(tmp_path / "with a key file"))


def test_the_key_file_alone_seals_nothing_that_the_database_holds(tmp_path: Path) -> None:
    """The keys that seal are in the database, wrapped: the file without the database, or the reverse, opens nothing."""
    home = tmp_path / "ws"
    with solo(home) as world:
        kek = bytes.fromhex((home / "keys" / "kek").read_text().split()[-1])
        held = world.workspace.keys.keys
        with world.workspace.store.read() as tx:
            stored = str(tx.meta.get("key ring"))
    assert kek not in {held.root, held.finding, held.generations[0].wrapping, held.generations[0].sealing}
    assert held.root.hex() not in stored
    with solo(tmp_path / "other") as other, pytest.raises(WrongKey):
        other.workspace.keys.opened(stored)


# ---------------------------------------------------------------- the workspace's key


NOTE = "the witness is to be called before noon"
NAME = "Rufus Firefly"


def furnish(world: World) -> str:
    """Put something under every key that the workspace's key protects; return the id of an agency."""
    world.machine.sources.add(TERMS)
    world.machine.casework.open(CASE)
    world.machine.room.note(CASE.ref, NOTE)
    world.machine.jobs.add(ROTATE_KEY, {})
    world.join(HOME_AGENCY, Role.EXAMINER, name=NAME, email="rufus@freedonia.example", password="lantern otter plinth")
    return HOME_AGENCY


def check_furnished(home: Path) -> Workspace:
    """Check with a new process that everything is there and whole, and that its address is still found."""
    workspace = Workspace.open(settings(home))
    desk = workspace.desk_at_the_machine()
    assert desk.audit.verify().entries > 0
    assert [paper.text for paper in desk.room.papers(CASE.ref)] == [NOTE]
    assert [job.request.kind for job in desk.jobs.newest()] == [ROTATE_KEY.name]
    with workspace.store.read() as tx:
        account = tx.accounts.by_email("rufus@freedonia.example")
        assert account is not None
        assert account.name == NAME
        assert source_key(tx, workspace.keys, tx.sources.get("press"))
    return workspace


def every_sealed_value(store: Store) -> list[tuple[str, bytes, list[str]]]:
    """Return the place of every sealed value, the value, and what it may be bound to."""
    found = []
    with store.read() as tx:
        for place in PLACES:
            columns = (place.table.c[place.column], place.table.c[place.row])
            for value, row in tx.connection.execute(sa.select(*columns).where(columns[0].is_not(None))):
                found.append((place.name, bytes(value), place.abouts(row)))
    return found


def opens(keys: Keys, sealed: bytes, abouts: list[str]) -> bool:
    """Return whether a ring opens a value, as the vault or as a data key."""
    for generation in keys.generations:
        ciphers = (Cipher(generation.sealing), Cipher(generation.wrapping))
        for cipher, about in itertools.product(ciphers, abouts):
            with suppress(Damaged):
                cipher.open(sealed, about.encode())
                return True
    return False


def test_a_rotated_workspace_opens_with_the_new_key_alone(tmp_path: Path) -> None:
    home = tmp_path / "ws"
    with solo(home) as world:
        furnish(world)
        old, old_file = world.workspace.keys.keys, (home / "keys" / "kek").read_bytes()
        values = every_sealed_value(world.workspace.store)
        seen: list[int] = []
        report = world.machine.key_rotation.workspace(lambda now: seen.append(now.resealed))
    assert report.damaged == 0
    assert report.resealed >= len(values)
    assert seen == sorted(seen)
    with check_furnished(home) as workspace:
        new = every_sealed_value(workspace.store)
        assert {name for name, _, _ in values} <= {name for name, _, _ in new}
        assert [name for name, value, about in new if opens(old, value, about)] == []
        keys = workspace.keys.keys
        assert [name for name, value, about in new if not opens(keys, value, about)] == []
        assert len(keys.generations) == 1
        actions = [row.action for row in workspace.desk_at_the_machine().audit.page().entries]
    assert {"key_rotation_begun", "key_rotated"} <= set(actions)
    bytes_kept = b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())
    assert old_file.split()[-1] not in bytes_kept
    assert not [value for _, value, _ in values if value in bytes_kept]
    (home / "keys" / "kek").write_bytes(old_file)
    with pytest.raises(WrongKey):
        Workspace.open(settings(home))


def opened_keys(home: Path) -> tuple[Store, KeyRing]:
    """Open the database and the ring, as a new process does."""
    ring = KeyRing(FileHolder(home / "keys" / "kek"))
    return Store.open(f"sqlite:///{home / 'lineament.db'}", ring), ring


def unopened(home: Path, *, by_newest: bool) -> list[str]:
    """Return the places of values that a new process cannot open, or not with the newest generation alone."""
    store, ring = opened_keys(home)
    with closing(store):
        values = every_sealed_value(store)
        keys = with_newest_only(ring.keys) if by_newest else ring.keys
        assert len(values) > 6
        return [name for name, value, about in values if not opens(keys, value, about)]


def test_an_interrupted_rotation_loses_nothing_and_resumes_wherever_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "ws"
    with solo(home) as world:
        furnish(world)
        record = world.machine.record
    monkeypatch.setattr(workspace_rotation, "BATCH", 1)
    kills = 0
    while True:
        copy = tmp_path / f"killed {kills}"
        shutil.copytree(home, copy)
        store, ring = opened_keys(copy)
        with closing(store), killed_at(kills, monkeypatch) as steps:
            whole = rotate(replace(record, store=store, anchor=copy / "checkpoint"), ring)
        if whole:
            break
        kills += 1
        assert unopened(copy, by_newest=False) == []
        store, ring = opened_keys(copy)
        with closing(store):
            assert rotate(replace(record, store=store, anchor=copy / "checkpoint"), ring)
        assert unopened(copy, by_newest=True) == []
        assert sorted(path.name for path in (copy / "keys").iterdir()) == ["kek"]
    assert kills == len(steps)
    assert steps[0] == "rotate"
    assert steps.count("begin") > 8
    assert "retire" in steps
    assert unopened(copy, by_newest=True) == []
    check_furnished(copy).close()


def rotate(record: Record, ring: KeyRing) -> bool:
    """Rotate the workspace's key; return False if it was killed."""
    try:
        WorkspaceRotation(record, ring, lambda _: None).run()
    except Killed:
        return False
    return True


def test_two_processes_go_on_while_a_third_rotates(tmp_path: Path) -> None:
    """What others write before, during and after a rotation opens for all, and nothing of it under the old key."""
    home = tmp_path / "ws"
    with solo(home) as world:
        furnish(world)
        old = world.workspace.keys.keys
    with Workspace.open(settings(home)) as other, Workspace.open(settings(home)) as rotating:
        written: list[int] = []

        def write(_: object) -> None:
            count = len(other.desk_at_the_machine().room.papers(CASE.ref))
            written.append(count)
            if count > 5:
                return
            other.desk_at_the_machine().room.say(CASE.ref, f"message {count}")
            other.desk_at_the_machine().sources.add(replace(TERMS, name=f"during-{count}"))

        rotating.desk_at_the_machine().key_rotation.workspace(write)
        write(None)
        assert len(written) > 5
        papers = rotating.desk_at_the_machine().room.papers(CASE.ref)
        assert len(papers) == 6
        with rotating.store.read() as tx:
            assert all(source_key(tx, rotating.keys, source) for source in tx.sources.all())
        assert [name for name, value, about in every_sealed_value(other.store) if opens(old, value, about)] == []


def test_a_damaged_value_is_counted_and_stops_no_rotation(tmp_path: Path) -> None:
    home = tmp_path / "ws"
    with solo(home) as world:
        furnish(world)
    with raw_database(home) as database:
        database.execute("UPDATE accounts SET password = zeroblob(90)")
    with Workspace.open(settings(home)) as workspace:
        report = workspace.desk_at_the_machine().key_rotation.workspace()
    assert report.damaged == 2  # the password, and the name in a row whose MAC does not fit any more
    assert report.resealed > 4


# ---------------------------------------------------------------- the key of a case


def test_the_rotated_key_of_a_case_opens_its_papers_and_photographs_and_the_old_one_nothing(tmp_path: Path) -> None:
    home = tmp_path / "ws"
    shown = (PORTRAITS / "macron-2014.jpg").read_bytes()
    with solo(home) as world:
        furnish(world)
        desk = world.machine
        case = desk.casework.get(CASE.ref)
        paper = desk.room.file(CASE.ref, "warrant.pdf", b"%PDF of a warrant")
        probe = desk.probes.take(CASE.ref, shown)
        with world.workspace.store.read() as tx:
            wrapped = tx.cases.wrapped_key(case.id)
        old, before = world.workspace.keys.unwrap(wrapped, f"case/{case.key}"), blobs(home)
        report = desk.key_rotation.case(CASE.ref)
        assert report.damaged == 0
        assert desk.room.open(CASE.ref, paper.id)[0] == b"%PDF of a warrant"
        vectors = [face.template.vector.tolist() for face in desk.probes.get(probe.id).faces]
        assert vectors == [face.template.vector.tolist() for face in probe.faces]
        assert desk.probes.picture(probe.id)
        with world.workspace.store.read() as tx:
            assert case_key(tx, world.workspace.keys, case) != old
            sealed = [bytes(row[0]) for row in tx.connection.exec_driver_sql("SELECT faces FROM probes")]
            sealed += [bytes(row[0]) for row in tx.connection.exec_driver_sql("SELECT sealed FROM case_papers")]
        assert len(sealed) == 3
        assert not before & blobs(home)
        assert len(blobs(home)) == len(before) == 2
        assert desk.audit.verify().entries > 0
    everything = b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())
    assert wrapped not in everything


def blobs(home: Path) -> set[str]:
    """Return the names of the sealed pictures and files."""
    return {path.name for path in (home / "blobs").glob("??/*")}


def test_what_is_added_under_a_key_that_was_rotated_meanwhile_is_refused(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        furnish(world)
        desk = world.machine
        sealed = desk.room.seal_file(CASE.ref, Permission.TAKE_PART, b"%PDF of a warrant")
        desk.key_rotation.case(CASE.ref)
        with desk.record.store.begin() as tx:
            case = tx.cases.find(CASE.ref, desk.record.sight)
        with pytest.raises(KeyRotated):
            add(desk, case, sealed)
        assert [paper.kind for paper in desk.room.papers(CASE.ref)] == [PaperKind.NOTE]


def add(desk: Desk, case: Case, sealed: SealedFile) -> None:
    with desk.record.change() as change:
        desk.room.add_sealed_file(change, case, PaperKind.FILE, "warrant.pdf", sealed)
