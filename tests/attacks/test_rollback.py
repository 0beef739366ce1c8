"""A database that was rolled back, and the checkpoint outside it that was deleted or rolled back as well."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.world import CASE, World, opened, solo, staffed

from lineament.errors import AnchorMissing, LedgerBroken, Refused
from lineament.model.accounts import HOME_AGENCY
from lineament.model.sources import SourceTerms

WHY = "the disk failed on Monday, backup of Sunday"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws") as world:
        world.machine.casework.open(CASE)
        yield world


def add_source(world: World, name: str = "portraits") -> None:
    world.machine.sources.add(SourceTerms(name=name, controller="Commons", basis="free", jurisdiction="FR"), None)


def roll_back(world: World, to: Path) -> None:
    """Put back a copy of the database that ``copy_of`` made."""
    world.workspace.store.close()
    for file in to.glob("lineament.db*"):
        shutil.copy(file, world.workspace.home / file.name)


def copy_of(world: World, folder: Path) -> Path:
    """Copy the database, in one file."""
    folder.mkdir()
    assert world.workspace.store.scrub()
    shutil.copy(world.workspace.home / "lineament.db", folder)
    (folder / "lineament.db-wal").touch()
    return folder


def anchor(world: World) -> Path:
    return world.workspace.home / "checkpoint"


def test_a_checkpoint_that_was_deleted(world: World) -> None:
    anchor(world).unlink()
    with pytest.raises(AnchorMissing, match="accept-restore"):
        world.machine.audit.verify()
    with pytest.raises(AnchorMissing):
        opened(world.workspace.home)
    with pytest.raises(AnchorMissing):
        add_source(world)


def test_an_older_database_and_no_checkpoint(world: World, tmp_path: Path) -> None:
    before = copy_of(world, tmp_path / "copy")
    add_source(world)
    roll_back(world, before)
    anchor(world).unlink()
    with pytest.raises(AnchorMissing):
        world.machine.audit.verify()


def test_a_ledger_that_was_emptied_and_no_checkpoint(world: World) -> None:
    with world.workspace.store.begin() as tx:
        for name in ("ledger_entries", "ledger_nodes"):
            for trigger in tx.connection.exec_driver_sql(
                f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{name}'"
            ).scalars():
                tx.connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        for name in ("ledger_details", "ledger_nodes", "ledger_entries", "ledger_checkpoint"):
            tx.connection.exec_driver_sql(f"DELETE FROM {name}")
    anchor(world).unlink()
    with pytest.raises(AnchorMissing):
        world.machine.audit.verify()


def test_a_database_that_is_exchanged_while_the_workspace_is_open(world: World, tmp_path: Path) -> None:
    before = copy_of(world, tmp_path / "copy")
    add_source(world)
    roll_back(world, before)
    with pytest.raises(LedgerBroken, match="but 2 were anchored"):
        add_source(world, "others")


def test_the_first_entry_finds_the_checkpoint_of_the_empty_ledger(tmp_path: Path) -> None:
    """A kill between the first commit and its checkpoint must not lock anybody out."""
    with solo(tmp_path / "fresh") as fresh:
        kept = anchor(fresh).read_text("utf-8")
        fresh.machine.casework.open(CASE)
        anchor(fresh).write_text(kept, "utf-8")
        assert fresh.machine.audit.verify().entries == 1
        add_source(fresh)


def test_a_restored_database_is_accepted_on_the_record(world: World, tmp_path: Path) -> None:
    before = copy_of(world, tmp_path / "copy")
    add_source(world)
    kept = anchor(world).read_text("utf-8")
    roll_back(world, before)
    entry = world.machine.restore.accept(WHY)
    assert (world.machine.audit.verify().entries, entry) == (2, 1)
    assert WHY in world.last_details()
    assert "\\n2\\n" in world.last_details()  # the checkpoint that it does not reach
    assert anchor(world).with_name("checkpoint.before-1").read_text("utf-8") == kept
    with pytest.raises(Refused, match="no restored database"):
        world.machine.restore.accept(WHY)


def test_an_agency_searches_again_only_when_its_operator_resumes(tmp_path: Path) -> None:
    with staffed(tmp_path / "ws") as staff:
        staff.administrator_desk.stops.stop_agency("for the test")
        anchor(staff).unlink()
        staff.machine.restore.accept(WHY)
        assert staff.actions()[-2:] == ["restore_accepted", "all_stopped"]
        assert [stop.agency_id for stop in staff.operator_desk.stops.in_force()] == [None, HOME_AGENCY]
        staff.operator_desk.stops.resume_everything()


def test_a_history_that_is_not_sound_is_not_accepted(world: World) -> None:
    anchor(world).unlink()
    with world.workspace.store.begin() as tx:
        tx.connection.exec_driver_sql("DELETE FROM ledger_checkpoint")
    with pytest.raises(LedgerBroken, match="checkpoint is gone"):
        world.machine.restore.accept(WHY)
