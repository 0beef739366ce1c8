"""Captures, on either database."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from tests.support.store_rows import RawSql, Refuses, Rows

from lineament.errors import NotFound, Refused
from lineament.model.faces import CaptureId, Provenance
from lineament.store.db import Store


def test_a_capture_comes_back_as_it_was_added(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        new = rows.capture(rows.source(tx).source)
        capture_id = tx.captures.add(new)
    with store.read() as tx:
        assert asdict(tx.captures.get(capture_id)) == {"id": capture_id, **asdict(new)}


def test_optional_values_come_back_as_none(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        new = rows.capture(rows.source(tx).source)
        new = replace(new, provenance=Provenance(uri="file:///a.jpg"))
        new = replace(new, facts=None, original=None, thumbnail=None)
        assert asdict(tx.captures.get(tx.captures.add(new))) == {"id": 1, **asdict(new)}


def test_known_pairs(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed, other = rows.source(tx), rows.source(tx, "other")
        new = [rows.capture(keyed.source) for _ in range(1200)]
        tx.captures.add_all(new[:700])
        tx.captures.add(replace(new[900], source_id=other.source.id))
        pairs = [(capture.provenance.uri, capture.sha256) for capture in new]
        assert tx.captures.known(keyed.source.id, pairs) == set(pairs[:700])
        crossed = [(pairs[0][0], pairs[1][1]), (pairs[1][0], pairs[0][1])]
        assert tx.captures.known(keyed.source.id, crossed) == set()
        assert tx.captures.known(keyed.source.id, []) == set()


def test_the_same_bytes_from_the_same_place_are_one_capture(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx).source
        first = rows.capture(source)
        tx.captures.add(first)
        tx.captures.add(replace(first, sha256=rows.sha256()))
    with pytest.raises(Refused), store.begin() as tx:
        tx.captures.add(first)


def test_many_captures_come_back_as_they_were_added_or_not_at_all(store: Store, rows: Rows) -> None:
    hard = ["\\N", "\\.", "a\tb\nc\r\\d", "", " ", "NULL", "😀\u2028", '"quoted", {it}']
    with store.begin() as tx:
        source = rows.source(tx).source
        new = [rows.capture(source) for _ in hard]
        new = [
            replace(capture, provenance=replace(capture.provenance, page_title=text, captured_at=None))
            for capture, text in zip(new, hard, strict=True)
        ]
        ids = tx.captures.add_all(new)
    with store.read() as tx:
        for capture_id, capture in zip(ids, new, strict=True):
            assert asdict(tx.captures.get(capture_id)) == {"id": capture_id, **asdict(capture)}
    with pytest.raises(Refused), store.begin() as tx:
        tx.captures.add_all([rows.capture(source), new[0]])
    with store.read() as tx:
        assert len(list(tx.captures.of_source(source.id))) == len(hard)


def test_each_picture_of_a_file_is_a_capture(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        source = rows.source(tx).source
        first = rows.capture(source)
        second = replace(
            rows.capture(source, sha256=first.sha256),
            part=2,
            incomplete=True,
            missing=0.25,
            looked_at_by="sface-yunet/0011aabb",
            provenance=replace(first.provenance, uri=f"{first.provenance.uri}#page=2", part=2, parts=3),
        )
        ids = tx.captures.add_all([first, second])
    with store.read() as tx:
        shown = [tx.captures.get(capture_id) for capture_id in ids]
        assert [(capture.sha256, capture.part) for capture in shown] == [(first.sha256, 1), (first.sha256, 2)]
        assert (shown[1].incomplete, shown[1].missing, shown[1].looked_at_by) == (True, 0.25, "sface-yunet/0011aabb")
        assert shown[1].provenance == second.provenance
    again = replace(second, provenance=replace(second.provenance, uri="https://example.org/elsewhere.tif"))
    with pytest.raises(Refused), store.begin() as tx:
        tx.captures.add(again)


def test_a_long_address_is_no_trouble(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        new = rows.capture(rows.source(tx).source, uri="https://example.org/?" + "é" * 20_000)
        tx.captures.add(new)
        assert tx.captures.known(new.source_id, [(new.provenance.uri, new.sha256)])


def test_ids_are_never_used_again(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        first, faces = rows.enrolled(tx, keyed, faces=2)
        tx.captures.erase(first, keyed.key)
    with store.begin() as tx:
        second, later = rows.enrolled(tx, keyed)
    assert second > first
    assert later[0] > faces[-1]


def test_captures_of_a_source_come_in_the_order_of_their_ids(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed, other = rows.source(tx), rows.source(tx, "other")
        ids = []
        for _ in range(3):
            ids += tx.captures.add_all([rows.capture(keyed.source) for _ in range(450)])
            tx.captures.add(rows.capture(other.source))
    with store.read() as tx:
        assert [capture.id for capture in tx.captures.of_source(keyed.source.id)] == ids
        assert ids == sorted(ids)


def test_adding_nothing(store: Store) -> None:
    with store.begin() as tx:
        assert tx.captures.add_all([]) == []


def test_references_count_every_use_of_a_blob(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        shared = rows.sha256()
        first = tx.captures.add(replace(rows.capture(keyed.source), thumbnail=shared))
        tx.captures.add(replace(rows.capture(keyed.source), thumbnail=shared, original=shared))
        assert tx.captures.references(shared) == 3
        tx.captures.forget_pictures(first)
        assert tx.captures.references(shared) == 2
        assert tx.captures.references(rows.sha256()) == 0
        case, key = rows.case(tx)
        tx.probes.add(rows.probe(case), case.id, shared, key)
        assert tx.captures.references(shared) == 3


def test_addresses_are_all_blobs_of_a_source(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        rows.enrolled(tx, rows.source(tx, "other"))
        capture_id, faces = rows.enrolled(tx, keyed, faces=2)
        capture = tx.captures.get(capture_id)
        bare = tx.captures.add(replace(rows.capture(keyed.source), original=None, thumbnail=None))
        expected = [str(capture.original), str(capture.thumbnail), *(tx.faces.get(face).crop for face in faces)]
        assert tx.captures.addresses(keyed.source.id) == sorted(expected)
        assert tx.captures.get(bare).original is None
        tx.deletions.add([expected[0]])
        tx.deletions.add_source(keyed.source.id)
        assert tx.deletions.all() == []  # as long as a capture refers to them
        tx.sources.destroy(keyed.source.id)
        assert tx.deletions.all() == sorted(expected)
        assert tx.deletions.all(most=2) == sorted(expected)[:2]


def test_forgotten_pictures_leave_the_provenance(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        capture_id, _ = rows.enrolled(tx, rows.source(tx))
        before = tx.captures.get(capture_id)
        tx.captures.forget_pictures(capture_id)
        assert tx.captures.get(capture_id) == replace(before, original=None, thumbnail=None)


def test_an_erased_capture_is_gone_with_its_faces(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id, _ = rows.enrolled(tx, keyed, faces=2)
        rows.enrolled(tx, keyed)
        tx.captures.erase(capture_id, keyed.key)
        with pytest.raises(NotFound):
            tx.captures.get(capture_id)
    assert [raw(f"SELECT count(*) FROM {table}") for table in ("captures", "faces", "templates")] == [[(1,)]] * 3


def test_unknown_captures(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        with pytest.raises(NotFound, match="5"):
            tx.captures.get(CaptureId(5))
        tx.captures.erase(CaptureId(5), rows.source(tx).key)


def test_raw_rows_need_their_provenance(store: Store, rows: Rows, refused: Refuses) -> None:
    with store.begin() as tx:
        rows.enrolled(tx, rows.source(tx))
    refused("UPDATE captures SET uri = NULL", "null")
    refused("UPDATE captures SET uri = ' '", "uri_said")
    refused("UPDATE captures SET sha256 = NULL", "null")
    refused("UPDATE captures SET source_id = NULL", "null")
    refused("UPDATE captures SET source_id = 99", "foreign key")
    refused("UPDATE captures SET width = 0", "width_at_least_1")
    refused("UPDATE faces SET capture_id = 99", "foreign key")
    refused("UPDATE faces SET capture_id = NULL", "null")


def test_no_face_is_without_provenance(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        rows.enrolled(tx, rows.source(tx), faces=2)
        rows.source(tx, "other")
        assert tx.captures.faces_without() == 0
    if store.dialect == "sqlite":  # as is possible without the constraints
        raw("PRAGMA ignore_check_constraints = ON")
        raw("UPDATE captures SET uri = ' '")
    else:
        raw("ALTER TABLE captures DROP CONSTRAINT ck_captures_uri_said")
        raw("UPDATE captures SET uri = ' '")
    with store.read() as tx:
        assert tx.captures.faces_without() == 2
    raw("UPDATE captures SET uri = 'https://example.org'")
    raw("UPDATE faces SET source_id = 2")
    with store.read() as tx:
        assert tx.captures.faces_without() == 2


def test_the_connector_may_be_unknown(store: Store, rows: Rows) -> None:
    bare = Provenance(uri="file:///a.jpg")
    with store.begin() as tx:
        new = replace(rows.capture(rows.source(tx).source), provenance=bare)
        assert tx.captures.get(tx.captures.add(new)).provenance == bare


def test_deletions_wait_until_they_are_done(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        unused, reused = sorted([rows.sha256(), rows.sha256()])
        tx.deletions.add([reused, unused, unused])
        tx.deletions.add([unused])
        assert tx.deletions.all() == [unused, reused]
        tx.captures.add(replace(rows.capture(keyed.source), original=reused))
    with store.begin() as tx:
        assert tx.deletions.all() == [unused]
        tx.deletions.mark_deleted([unused])
        assert tx.deletions.all() == []


def test_records_to_destroy_wait_until_they_are_destroyed(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        first, second = rows.source(tx).source, rows.source(tx, "police").source
        smaller, larger = sorted([rows.sha256(), rows.sha256()])
        tx.deletions.add_crawl_records(first.id, [larger, smaller, smaller])
        tx.deletions.add_crawl_records(first.id, [smaller])
        tx.deletions.add_crawl_records(second.id, [smaller])
    with store.begin() as tx:
        assert tx.deletions.crawl_records(10) == [(first.id, smaller), (first.id, larger), (second.id, smaller)]
        assert tx.deletions.crawl_records(1) == [(first.id, smaller)]
        tx.deletions.mark_destroyed([(first.id, smaller), (first.id, larger)])
        assert tx.sources.left(second.id) == 1
        tx.sources.destroy(second.id)
        assert tx.deletions.crawl_records(10) == []
        assert tx.sources.left(second.id) == 0


def test_which_captures_keep_a_page_and_which_lost_their_pictures(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        paged = replace(rows.capture(keyed.source), page=rows.sha256())
        plain, barred, faceless = (replace(rows.capture(keyed.source), page=None) for _ in range(3))
        ids = tx.captures.add_all([paged, plain, barred, replace(faceless, original=None, thumbnail=None)])
        tx.captures.bar(ids[2])
        enrolled, _ = rows.enrolled(tx, keyed, faces=2)
        tx.captures.forget_pictures(enrolled)
        group = tx.captures.get(enrolled)
        digests = [capture.sha256 for capture in (paged, plain, barred, group, faceless)]
        assert tx.captures.keep_pages(keyed.source.id, digests)
        assert not tx.captures.keep_pages(keyed.source.id, digests[1:])
        assert not tx.captures.keep_pages(rows.source(tx, "police").source.id, digests)
        assert sorted(tx.captures.without_picture(keyed.source.id, digests)) == sorted([barred.sha256, group.sha256])
