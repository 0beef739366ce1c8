"""The rows of drops, on either database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.store_rows import NOW, RawSql, Refuses, Rows

from lineament.errors import AccessAltered, NotFound
from lineament.model.accounts import HOME_AGENCY
from lineament.model.drops import LONGEST_PATH, Drop, OfferedFile
from lineament.store.db import Store, Tx


def offered(path: str = "folder/a.jpg", size: int = 10, why: str | None = None) -> OfferedFile:
    return OfferedFile(path=path, size=size, modified=1_700_000_000_000, why=why)


def begin(tx: Tx, rows: Rows, *files: OfferedFile) -> Drop:
    """Return a drop with these files."""
    drop = tx.drops.add(rows.source(tx).source.id, HOME_AGENCY, None, NOW)
    tx.drops.add_files(drop, files)
    return tx.drops.get(drop.id)


def test_files_are_numbered_in_the_order_of_the_list_and_counted(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        drop = begin(tx, rows, offered("a", 3), offered("b", 0), offered("c", 5, why="its name is long"))
    with store.read() as tx:
        found = tx.drops.get(drop.id)
        files = tx.drops.after(drop.id, 0, 10)
    assert (found.files, found.bytes) == (3, 3)
    assert [(file.number, file.path, file.has_arrived) for file in files] == [
        (1, "a", False),
        (2, "b", True),
        (3, "c", True),
    ]


def test_a_file_that_is_listed_again_is_the_same_file(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        drop = begin(tx, rows, offered("a", 3))
        tx.drops.receive(drop.id, {1: 3})
        again = tx.drops.add_files(drop, [offered("b", 1), offered("a", 3), offered("a", 4), offered("b", 1)])
    with store.read() as tx:
        assert tx.drops.get(drop.id).files == 3
    assert [(file.number, file.received) for file in again] == [(2, 0), (1, 3), (3, 0), (2, 0)]


def test_what_is_missing_and_what_has_arrived(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        drop = begin(tx, rows, *(offered(name, 4) for name in "abcde"), offered("f", 4, why="no"))
        tx.drops.receive(drop.id, {1: 4, 2: 2, 4: 4})
        tx.drops.refuse(drop.id, [4, 5], "it was moved")
    with store.read() as tx:
        missing = tx.drops.missing(drop.id, 0, 10)
        assert [file.number for file in missing] == [2, 3]
        assert [file.number for file in tx.drops.missing(drop.id, 2, 10)] == [3]
        assert [file.number for file in tx.drops.between(drop.id, 1, 3)] == [2, 3]
        arrived = tx.drops.arrivals(drop.id)
        found = tx.drops.find(drop.id, "e")
        assert tx.drops.find(drop.id, "x") is None
        assert sorted(tx.drops.files(drop.id, [1, 99])) == [1]
    assert found is not None
    assert found.number == 5
    assert (arrived.files, arrived.bytes, arrived.refused) == (2, 10, 2)


def test_a_path_of_the_greatest_length_is_kept_whole(store: Store, rows: Rows) -> None:
    path = "ä" * (LONGEST_PATH // 2)
    with store.begin() as tx:
        drop = begin(tx, rows, offered(path))
    with store.read() as tx:
        assert tx.drops.after(drop.id, 0, 1)[0].path == path


def test_side_cars_are_found_by_how_they_end(store: Store, rows: Rows) -> None:
    names = ["a.jpg", "a.jpg.json", "b.JSON", "x/captures.csv", "captures.csv.jpg", "json"]
    with store.begin() as tx:
        drop = begin(tx, rows, *map(offered, names))
    with store.read() as tx:
        found = tx.drops.ending_in(drop.id, ".json", "captures.csv")
    assert [file.path for file in found] == ["a.jpg.json", "b.JSON", "x/captures.csv"]


def test_an_official_has_the_newest_drop_that_has_not_ended(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx).source.id
        first = tx.drops.add(source, HOME_AGENCY, None, NOW)
        second = tx.drops.add(source, HOME_AGENCY, None, NOW + timedelta(seconds=1))
        newest = tx.drops.open_of(source, HOME_AGENCY, None)
        tx.drops.end(second.id, NOW)
        other = tx.drops.open_of(source, HOME_AGENCY, "0123456789abcdef")
        before = tx.drops.open_of(source, HOME_AGENCY, None)
        assert [drop.id for drop in tx.drops.under_way()] == [first.id]
        assert [drop.id for drop in tx.drops.under_way(source)] == [first.id]
    assert newest is not None
    assert before is not None
    assert (newest.id, before.id, other) == (second.id, first.id, None)


def test_what_has_ended_has_no_files_and_is_forgotten_in_time(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        drop = begin(tx, rows, offered())
        tx.drops.end(drop.id, NOW)
        assert tx.drops.after(drop.id, 0, 10) == []
        assert tx.drops.delete_ended(NOW) == 0
        assert tx.drops.delete_ended(NOW + timedelta(seconds=1)) == 1
        with pytest.raises(NotFound):
            tx.drops.get(drop.id)


def test_the_drops_of_a_source_are_deleted_with_their_files(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        drop = begin(tx, rows, offered())
        assert tx.sources.left(drop.source_id) == 1
        assert tx.drops.delete_of(drop.source_id) == 1
        assert tx.sources.left(drop.source_id) == 0


@pytest.mark.parametrize(
    "change",
    ["UPDATE drops SET account_id = NULL, agency_id = 'home', begun_at = '2020-01-01'", "UPDATE drops SET mac = NULL"],
)
def test_a_drop_that_somebody_changed_is_refused(store: Store, rows: Rows, raw: RawSql, change: str) -> None:
    with store.begin() as tx:
        drop = begin(tx, rows, offered())
    raw(change)
    with store.read() as tx, pytest.raises(AccessAltered):
        tx.drops.get(drop.id)


def test_a_file_under_another_name_is_refused(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        drop = begin(tx, rows, offered())
        tx.drops.receive(drop.id, {1: 10})
    with store.read() as tx:
        assert tx.drops.after(drop.id, 0, 1)[0].received == 10
    raw("UPDATE drop_files SET path = 'somebody.jpg'")
    with store.read() as tx, pytest.raises(AccessAltered):
        tx.drops.after(drop.id, 0, 1)


def test_no_more_is_received_than_a_file_has(store: Store, rows: Rows, refused: Refuses) -> None:
    with store.begin() as tx:
        begin(tx, rows, offered())
    refused("UPDATE drop_files SET received = 11", "received_whole")
