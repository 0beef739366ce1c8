"""The check of the doctor for pictures and files in the blob folder."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.world import solo

from lineament.errors import RowsAltered
from lineament.model.agencies import AgencyTerms
from lineament.model.cases import CaseTerms
from lineament.services.doctor import Check, Verdict
from lineament.settings import Settings
from lineament.workspace import Workspace

CASE = CaseTerms(ref="K-1", offence="fraud", purpose="to find where it was published", basis="CPP 77")


def pictures(workspace: Workspace) -> Check:
    """Return the check that opens every picture."""
    *_, last = workspace.desk_at_the_machine().doctor.run(pictures=True)
    assert last.name == "pictures"
    return last


def test_nothing_is_bad_in_a_new_workspace(tmp_path: Path) -> None:
    with Workspace.create(Settings(home=tmp_path / "ws")) as workspace:
        desk = workspace.desk_at_the_machine()
        assert [check.name for check in desk.doctor.run() if check.verdict is Verdict.BAD] == []
        assert desk.audit.verify().entries == 0
        with workspace.store.begin() as tx:
            tx.agencies.add(AgencyTerms(name="Another", jurisdiction="FR"), datetime.now(UTC))
        with pytest.raises(RowsAltered, match="no entry recorded the row agencies/"):
            desk.audit.verify()


def test_a_missing_file_of_a_case_is_reported(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        desk = world.workspace.desk_at_the_machine()
        desk.casework.open(CASE)
        desk.room.file(CASE.ref, "statement.pdf", b"what the witness said")
        (address,) = world.workspace.blobs.addresses()
        world.workspace.blobs.delete([address])
        check = pictures(world.workspace)
        assert check.verdict is Verdict.BAD
        assert check.detail.endswith(f"; 1 files of cases are missing: {address}; restore a backup")


def test_files_of_a_room_are_no_orphans(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world:
        workspace = world.workspace
        workspace.desk_at_the_machine().casework.open(CASE)
        paper = workspace.desk_at_the_machine().room.file(CASE.ref, "statement.pdf", b"what the witness said")
        assert len(list(workspace.blobs.addresses())) == 1
        assert pictures(workspace).detail.endswith("0 damaged, 0 orphaned")
        with workspace.store.begin() as tx:
            case = tx.cases.find(CASE.ref, workspace.desk_at_the_machine().record.sight)
            assert paper.id in tx.papers.of_case_ids(case.id)
            tx.papers.delete_of(case.id)
        assert "0 damaged, 1 orphaned; " in pictures(workspace).detail
        doctor = workspace.desk_at_the_machine().doctor
        assert doctor.mend().detail.startswith("0 files"), "it may belong to a process that runs"
        assert len(list(workspace.blobs.addresses())) == 1
        for path in (tmp_path / "ws" / "blobs").rglob("*"):
            os.utime(path, (0, 0))
        kept = workspace.desk_at_the_machine().room.file(CASE.ref, "kept.pdf", b"what another witness said")
        for path in (tmp_path / "ws" / "blobs").rglob("*"):
            os.utime(path, (0, 0))
        assert doctor.mend().detail.startswith("1 files")
        assert len(list(workspace.blobs.addresses())) == 1
        assert pictures(workspace).detail.endswith("0 damaged, 0 orphaned")
        assert workspace.desk_at_the_machine().room.open(CASE.ref, kept.id)[0] == b"what another witness said"
