"""Galleries whose indexes are too large to be compared with every row whenever they are opened (ADR 0020)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.shelf import NEW, OLD, Shelf
from tests.support.store_rows import NOW

from lineament.index.scan import ScanIndex
from lineament.model.faces import FaceId
from lineament.services.gallery import indexes, opened
from lineament.services.gallery.indexes import Gallery
from lineament.services.gallery.opened import COMPARED_AGAIN, OpenIndex
from lineament.store.tally import TallyRows


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Three faces are many here, and two are taken over at a time."""
    monkeypatch.setattr(opened, "FEW", 2)
    monkeypatch.setattr(indexes, "FEW", 2)
    monkeypatch.setattr(indexes, "_PIECE", 2)
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.store.close()


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models whose indexes were compared with every row, one entry for each time."""
    models: list[str] = []
    read: Callable[..., Any] = OpenIndex.read_every_row

    def noted(self: OpenIndex, *given: Any) -> Any:
        models.append(self.model)
        return read(self, *given)

    monkeypatch.setattr(OpenIndex, "read_every_row", noted)
    return models


def filled(shelf: Shelf) -> list[FaceId]:
    """Enrol ten faces, and leave an index of them in its files."""
    ids = shelf.enrol(shelf.faces(OLD, 10))
    gallery = shelf.gallery()
    gallery.open([shelf.made.source])
    gallery.close()
    return ids


def test_what_was_written_is_taken_up_without_reading_every_row(shelf: Shelf, compared: list[str]) -> None:
    ids = filled(shelf)
    late = shelf.faces(OLD, 3)
    shelf.erase(ids[:1])
    ids = [*ids[1:], *shelf.enrol(late)]
    shelf.erase(ids[-1:])
    found = shelf.found(shelf.gallery(), late[0])
    assert found == (set(ids[:-1]), 11)
    assert compared == []


def test_an_erasure_is_followed_without_reading_every_row(shelf: Shelf, compared: list[str]) -> None:
    gallery, probe = shelf.gallery(), shelf.faces(OLD, 1)[0]
    ids = shelf.enrol(shelf.faces(OLD, 6))
    new_ids = shelf.enrol(shelf.faces(NEW, 6))
    gallery.open([shelf.made.source])
    shelf.erase([ids[0], ids[5], new_ids[2]])
    assert shelf.found(gallery, probe) == (set(ids[1:5]), 4)
    gallery.forget(shelf.made.source, [ids[0], ids[5], new_ids[2]])
    assert compared == []
    assert gallery.check(shelf.made.source).uncompared == 0


def test_files_that_are_older_than_what_they_say_are_not_trusted(shelf: Shelf, compared: list[str]) -> None:
    """Files of another state have another note, because the note is in their head."""
    ids = filled(shelf)
    folder = next(shelf.folder.glob("*/*"))
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    shelf.erase(ids[:2])
    ids = [*ids[2:], *shelf.enrol(shelf.faces(OLD, 2))]
    gallery = shelf.gallery()
    gallery.open([shelf.made.source])
    gallery.close()
    for path in folder.iterdir():
        path.unlink()
    for path, content in kept.items():
        path.write_bytes(content)
    assert shelf.found(shelf.gallery(), shelf.faces(OLD, 1)[0]) == (set(ids), 10)
    assert compared == []


@pytest.mark.parametrize("tamper", ["UPDATE face_removals SET sealed = zeroblob(60)", "DELETE FROM face_removals"])
def test_a_removal_that_was_tampered_with_costs_a_comparison_and_no_face(
    shelf: Shelf, compared: list[str], tamper: str
) -> None:
    ids = filled(shelf)
    shelf.erase(ids[:2])
    with shelf.store.begin() as tx:
        tx.connection.exec_driver_sql(tamper)
    gallery = shelf.gallery()
    assert shelf.found(gallery, shelf.faces(OLD, 1)[0]) == (set(ids[2:]), 8)
    assert compared == [OLD]
    assert not gallery.opened()[0].altered


def test_a_removal_that_was_not_one_costs_a_comparison_and_no_face(shelf: Shelf, compared: list[str]) -> None:
    """Rows of another removal under a later version do not open; the rows of another source's do not either."""
    ids = filled(shelf)
    shelf.erase(ids[:1])
    with shelf.store.begin() as tx:
        tx.connection.exec_driver_sql("UPDATE face_removals SET version = version + 1")
    shelf.erase([])
    shelf.enrol(shelf.faces(OLD, 1))
    assert shelf.found(shelf.gallery(), shelf.faces(OLD, 1)[0])[1] == 10
    assert compared == [OLD]


def test_removals_that_are_long_past_are_forgotten(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.store.tally._REMEMBERED", 3)
    ids = shelf.enrol(shelf.faces(OLD, 8))
    for one in ids[:6]:
        shelf.erase([one])
    with shelf.store.read() as tx:
        removed = TallyRows(tx.connection).removed(shelf.made.source.id, 0, shelf.made.key)
    assert [row[0] for row in removed] == [int(one) for one in ids[2:6]]


def test_a_search_answers_while_an_index_is_filled_and_counts_what_is_not_in_it_yet(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, probe = shelf.enrol(shelf.faces(OLD, 10)), shelf.faces(OLD, 1)[0]
    go_on = threading.Event()
    waited: list[float] = []
    follow = Gallery._follow

    def held_up(self: Gallery, one: OpenIndex) -> None:
        if one.rows is not None:  # the first piece is taken over, and the others wait
            waited.append(go_on.wait(30))
        follow(self, one)

    monkeypatch.setattr(Gallery, "_follow", held_up)
    gallery = shelf.gallery()
    gallery.stay([shelf.made.source])
    first = gallery.search([shelf.made.source], probe.template, 100, NOW.date())
    assert (first.uncompared, first.whole) == (10 - first.faces, False)
    assert 2 <= first.faces < 10
    assert first.read_to == ids[first.faces - 1]
    assert {hit.face_id for hit in first.hits} == set(ids[: first.faces])
    go_on.set()
    assert gallery.open([shelf.made.source]) == 10  # waits for the rest
    last = gallery.search([shelf.made.source], probe.template, 100, NOW.date())
    assert (last.faces, last.whole, last.read_to) == (10, True, None)
    gallery.close()
    assert waited
    assert shelf.found(shelf.gallery(), probe) == (set(ids), 10)


def test_a_filling_that_was_ended_goes_on_where_it_was(shelf: Shelf, compared: list[str]) -> None:
    ids = shelf.enrol(shelf.faces(OLD, 9))
    gallery = shelf.gallery()
    gallery.stay([])
    gallery.load([shelf.made.source], OLD)
    gallery.close()
    held = len(gallery_files(shelf).index)
    assert 2 <= held <= 9
    assert shelf.found(shelf.gallery(), shelf.faces(OLD, 1)[0]) == (set(ids), 9)
    assert compared == []


def gallery_files(shelf: Shelf) -> OpenIndex:
    """Return the index as its files have it."""
    gallery = shelf.gallery()
    return gallery._load(shelf.made.source, OLD)


def test_the_daily_comparison_is_done_beside_the_searches(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [0.0]
    ids, probe = shelf.enrol(shelf.faces(OLD, 6)), shelf.faces(OLD, 1)[0]
    gallery = Gallery(
        shelf.store, shelf.keys, shelf.folder, models={OLD: 128}, open_index=ScanIndex.open, now=lambda: seconds[0]
    )
    gallery.stay([])
    gallery.open([shelf.made.source])
    with shelf.store.begin() as tx:  # by somebody who has no key
        tx.connection.exec_driver_sql(f"UPDATE faces SET captured_day = captured_day + 1 WHERE id = {ids[0]}")
    seconds[0] += COMPARED_AGAIN
    began, go_on = threading.Event(), threading.Event()
    read: Callable[..., Any] = OpenIndex.read_every_row

    def held_up(self: OpenIndex, *given: Any) -> Any:
        began.set()
        assert go_on.wait(30)
        return read(self, *given)

    monkeypatch.setattr(OpenIndex, "read_every_row", held_up)
    assert shelf.found(gallery, probe) == (set(ids), 6)  # it asks for the comparison and does not wait
    assert began.wait(30)
    late = shelf.enrol(shelf.faces(OLD, 1))
    shelf.erase(ids[1:2])
    assert shelf.found(gallery, probe) == ({ids[0], *ids[2:], *late}, 6)  # while every row is being read
    go_on.set()
    gallery._beside.close()  # type: ignore[union-attr]
    found = gallery.search([shelf.made.source], probe.template, 100, NOW.date())
    assert found.altered == (shelf.made.source.name,)
    assert found.faces == 6
