"""The same work on SQLite and on PostgreSQL leaves the same answers, rows, pictures and ledger, byte for byte.

The clock stands still and randomness is numbered, so that even what is sealed has to be equal.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.clock import Clock
from tests.support.postgresql import postgresql_server, role_address, separate_roles
from tests.support.world import CASE, PROBE, SOURCE, gallery, ingest

from lineament.model.search import Mode, SearchRequest
from lineament.services.gallery import items
from lineament.setting_values import Secret
from lineament.store.columns import metadata
from lineament.views.searches import search_json
from lineament.workspace import Workspace, pictures

MODES = (Mode.IDENTIFICATION, Mode.INVESTIGATION)


@dataclass(frozen=True, slots=True)
class Left:
    """What a workspace answered, and what it stores."""

    answers: dict[str, Any]
    rows: dict[str, list[tuple[Any, ...]]]
    files: dict[str, bytes]


def test_the_main_job_is_the_same_on_both_databases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgresql_server() as server:
        separate_roles(server.uri, "lineament")
        program, owner = (
            Secret(role_address(server.uri, role, "lineament")) for role in ("lineament", "lineament_owner")
        )
        on_postgresql = _worked(tmp_path / "work", monkeypatch, database_url=program, database_owner_url=owner)
    on_sqlite = _worked(tmp_path / "work", monkeypatch)
    assert on_postgresql.answers == on_sqlite.answers
    lists = [json.loads(on_sqlite.answers[mode.value])["candidates"] for mode in MODES]
    assert [len(candidates) for candidates in lists] == [1, 4]  # two of the five faces share an entry
    on_postgresql.rows["meta"].remove((pictures.PLACE, "here"))  # SQLite is in the folder, so it keeps none
    for table, rows in on_sqlite.rows.items():
        assert on_postgresql.rows[table] == rows, table
    assert {"captures", "faces", "templates", "candidates", "ledger_entries"} <= {
        table for table, rows in on_sqlite.rows.items() if rows
    }
    assert on_postgresql.files == on_sqlite.files


def _worked(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Left:
    """Ingest, search, report, erase and verify in a new workspace; return what it left."""
    folder.mkdir()
    numbers: defaultdict[int, Iterator[int]] = defaultdict(itertools.count)

    def numbered(size: int) -> bytes:
        return hashlib.shake_256(b"%d" % next(numbers[size])).digest(size)

    with monkeypatch.context() as patch:
        patch.setattr(os, "urandom", numbered)
        patch.setattr(random, "_urandom", numbered)  # of secrets
        patch.setattr(time, "perf_counter", lambda: 0.0)  # the seconds of a search
        patch.setattr(items, "PATIENCE", 3600)  # after which what comes slowly is committed
        patch.setattr(pictures, "_place_of", lambda _: "here")  # a random name, which only PostgreSQL asks for
        clock = Clock()
        with gallery(folder / "ws", clock, **changes) as workspace:
            answers = dict(_answers(workspace, clock, folder))
            rows = _rows(workspace)
            files = _files(workspace.home)
    shutil.rmtree(folder)  # paths are in answers too
    return Left(answers, rows, files)


def _answers(workspace: Workspace, clock: Clock, folder: Path) -> Iterator[tuple[str, object]]:
    desk = workspace.desk_at_the_machine()
    yield "again", replace(ingest(workspace, SOURCE, [folder / "photos"]), seconds=0)
    probe = desk.probes.take(CASE.ref, PROBE.read_bytes())
    for mode in MODES:
        clock.advance(minutes=1)
        request = SearchRequest(case=CASE.ref, reason="Čas běží, naïve 𝔽 “quoted”", mode=mode)
        result = desk.search.run(probe.id, request, 1)
        yield mode.value, json.dumps(search_json(result, desk.search.entry(result.search_id)))
        yield f"report of {mode.value}", desk.report.html(result.search_id)
    clock.advance(days=1)
    yield "erased", desk.erase.capture(result.candidates[-1].capture_id, "by request")
    yield "after", [candidate.score for candidate in desk.search.run(probe.id, request, 1).candidates]
    yield "verified", desk.audit.verify()


def _rows(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    with workspace.store.read() as tx:
        return {
            table.name: [tuple(row) for row in tx.connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


def _files(home: Path) -> dict[str, bytes]:
    """Return the pictures and the checkpoint; the indexes are derived."""
    files = [home / "checkpoint", *(home / "blobs").rglob("*")]
    return {str(path.relative_to(home)): path.read_bytes() for path in files if path.is_file()}
