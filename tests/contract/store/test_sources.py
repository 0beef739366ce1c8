"""Sources and their counts, on either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.contract.store.made import RawSql, Refuses, Rows

from lineament.errors import AlreadyThere, InvalidValue, NotFound, Refused
from lineament.model.faces import SourceId
from lineament.model.sources import SourceState, SourceTerms
from lineament.store.db import Store


def test_a_source_comes_back_as_it_was_registered(store: Store, rows: Rows) -> None:
    at = datetime(2026, 7, 1, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    with store.begin() as tx:
        added = tx.sources.add(rows.terms(), b"wrapped", at)
    with store.read() as tx:
        assert tx.sources.get("press") == tx.sources.by_id(added.id) == added
        assert tx.sources.wrapped_key(added.id) == b"wrapped"
    assert added.terms == rows.terms()
    assert added.registered_at == at
    assert added.registered_at.tzinfo is UTC
    assert (added.state, added.captures, added.faces, added.last_face_id) == (SourceState.LIVE, 0, 0, 0)


def test_what_may_be_left_out_comes_back_as_none(store: Store) -> None:
    terms = SourceTerms(name="a", controller="c", basis="b", jurisdiction="FR")
    with store.begin() as tx:
        assert tx.sources.add(terms, b"wrapped", datetime.now(UTC)).terms == terms


def test_a_name_is_used_once(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        rows.source(tx)
    with pytest.raises(AlreadyThere, match="press"), store.begin() as tx:
        rows.source(tx)


def test_sources_are_listed_by_name(store: Store, rows: Rows) -> None:
    names = ["press", "a-archive", "a.archive", "a_archive", "0", "registry"]
    with store.begin() as tx:
        for name in names:
            rows.source(tx, name)
        assert [source.name for source in tx.sources.all()] == sorted(names)


def test_unknown_sources(store: Store) -> None:
    with store.read() as tx:
        with pytest.raises(NotFound, match="nobody"):
            tx.sources.get("nobody")
        with pytest.raises(NotFound):
            tx.sources.by_id(SourceId(7))
        assert tx.sources.wrapped_key(SourceId(7)) is None


def test_a_time_without_a_zone_is_refused(store: Store, rows: Rows) -> None:
    with pytest.raises(InvalidValue, match="zone"), store.begin() as tx:
        tx.sources.add(rows.terms(), b"wrapped", datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_counts_follow_what_is_added_and_erased(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        made, other = rows.source(tx), rows.source(tx, "other")
        rows.enrolled(tx, other)
        first, _ = rows.enrolled(tx, made, faces=3)
        _, ids = rows.enrolled(tx, made, faces=2)
        rows.enrolled(tx, made, faces=0)
        now = tx.sources.get("press")
        assert (now.captures, now.faces, now.last_face_id) == (3, 5, ids[-1])
        tx.faces.erase([ids[1], 999])
        tx.faces.erase([ids[1]])
        tx.captures.erase(first)
        tx.captures.erase(first)
        now = tx.sources.get("press")
        assert (now.captures, now.faces, now.last_face_id) == (2, 1, ids[-1])
        now = tx.sources.get("other")
        assert (now.captures, now.faces) == (1, 1)


def test_a_withdrawn_source_leaves_a_tombstone_and_nothing_else(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        made, other = rows.source(tx), rows.source(tx, "other")
        rows.enrolled(tx, made, faces=3)
        rows.enrolled(tx, other)
    with store.begin() as tx:
        tx.sources.destroy(made.source.id)
        gone = tx.sources.get("press")
        assert tx.sources.wrapped_key(made.source.id) is None
    assert (gone.state, gone.terms) == (SourceState.WITHDRAWN, made.source.terms)
    assert (gone.captures, gone.faces) == (0, 0)
    for table in ("captures", "faces", "templates"):
        assert raw(f"SELECT DISTINCT source_id FROM {table}") == [(other.source.id,)]


def test_states(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx).source
        for state in (SourceState.SUSPENDED, SourceState.LIVE):
            tx.sources.set_state(source.id, state)
            assert tx.sources.by_id(source.id).state is state


def test_only_a_withdrawn_source_has_no_key(store: Store, rows: Rows, raw: RawSql, refused: Refuses) -> None:
    with store.begin() as tx:
        rows.source(tx)
    refused("UPDATE sources SET wrapped_key = NULL", "keyless_is_withdrawn")
    refused("UPDATE sources SET state = 'asleep'", "state_known")
    refused("UPDATE sources SET basis = '  '", "basis_said")
    refused("UPDATE sources SET faces = -1", "faces_at_least_0")


def test_a_source_that_has_captures_is_not_deleted(store: Store, rows: Rows, refused: Refuses) -> None:
    with store.begin() as tx:
        rows.enrolled(tx, rows.source(tx))
    refused("DELETE FROM sources", "foreign key")


def test_the_store_refuses_what_the_database_refuses(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        capture = rows.capture(rows.source(tx).source)
    with pytest.raises(Refused), store.begin() as tx:
        tx.captures.add_all([capture, capture])
