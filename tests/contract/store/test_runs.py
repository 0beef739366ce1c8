"""Runs of connectors, on either database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.store_rows import NOW, Rows

from lineament.errors import NotFound
from lineament.model.runs import MOST_REFUSALS, RunId, Step
from lineament.store.db import Store


def test_an_interrupted_run_is_resumed(store: Store, rows: Rows) -> None:
    later = NOW + timedelta(minutes=5)
    with store.begin() as tx:
        source = rows.source(tx).source
        run = tx.runs.begin(source.id, "warc", "/data/a.warc.gz", NOW)
        assert (run.cursor, run.counts, run.faces, run.ended_at) == (None, {}, 0, None)
        tx.runs.advance(run.id, Step(counts={"enrolled": 3, "refused": 1}, faces=4, cursor="a:17"), later)
        tx.runs.advance(run.id, Step(counts={"enrolled": 2}), later)
        again = tx.runs.begin(source.id, "warc", "/data/a.warc.gz", later)
        assert again.id == run.id
        assert (again.cursor, again.counts, again.faces) == ("a:17", {"enrolled": 5, "refused": 1}, 4)
        assert (again.begun_at, again.seen_at, again.seen) == (NOW, later, 6)
        tx.runs.end(run.id, later)
        third = tx.runs.begin(source.id, "warc", "/data/a.warc.gz", later)
        assert third.id != run.id
        assert tx.runs.get(run.id).ended_at == later


def test_another_target_is_another_run(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source, other = rows.source(tx).source, rows.source(tx, "other").source
        ids = [
            tx.runs.begin(source.id, "warc", "a", NOW).id,
            tx.runs.begin(source.id, "warc", "b", NOW).id,
            tx.runs.begin(source.id, "folder", "a", NOW).id,
            tx.runs.begin(other.id, "warc", "a", NOW).id,
        ]
        assert len(set(ids)) == 4
        assert [run.id for run in tx.runs.of_source(source.id)] == ids[2::-1]
        assert [run.id for run in tx.runs.of_source(source.id, 1)] == ids[2:3]
        assert [run.number for run in tx.runs.of_source(source.id)] == [3, 2, 1]
        assert [run.number for run in tx.runs.of_source(source.id, 1)] == [3]
        assert tx.runs.get(ids[3]).number == 1


def test_refusals_are_kept_up_to_a_number_and_all_counted(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        run = tx.runs.begin(rows.source(tx).source.id, "folder", "a", NOW)
        for start in range(0, MOST_REFUSALS + 300, 300):
            refused = [(f"{n}.jpg", "it is empty") for n in range(start, start + 300)]
            tx.runs.advance(run.id, Step(counts={"refused": 300}, refused=refused), NOW)
        kept = tx.runs.refusals(run.id)
        assert [name for name, _ in kept] == [f"{n}.jpg" for n in range(MOST_REFUSALS)]
        assert tx.runs.get(run.id).counts["refused"] == 1500
        assert len(tx.runs.refusals(run.id, 5)) == 5


def test_names_are_kept_whatever_they_hold(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        run = tx.runs.begin(rows.source(tx).source.id, "folder", "a", NOW)
        tx.runs.advance(run.id, Step(counts={}, refused=[("a\0\ud800" + "x" * 9000, "why")]), NOW)
        ((name, _),) = tx.runs.refusals(run.id)
        assert name.startswith("a\\0\\ud800x")


def test_runs_go_with_their_source(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx).source
        run = tx.runs.begin(source.id, "folder", "a", NOW)
        tx.runs.advance(run.id, Step(counts={}, refused=[("a", "b")]), NOW)
        assert tx.sources.left(source.id) == 1
        assert tx.runs.delete_of(source.id) == 1
        assert tx.sources.left(source.id) == 0
        with pytest.raises(NotFound):
            tx.runs.get(RunId(run.id))
