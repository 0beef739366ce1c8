"""The list of known-abuse material, on either database (R52); the digests are made up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.store_rows import NOW, Refuses, Rows

from lineament.errors import Damaged
from lineament.store.db import Store


def test_digests_are_found_again_and_never_listed(store: Store, rows: Rows) -> None:
    digests = [bytes.fromhex(rows.sha256()) for _ in range(1200)]
    with store.begin() as tx:
        assert not tx.abuse.is_filled()
        assert tx.abuse.add(digests[:1000], NOW) == 1000
        assert tx.abuse.add([*digests[900:1100], digests[0]], NOW) == 100
        assert tx.abuse.is_filled()
        assert tx.abuse.any_of(digests) == set(digests[:1100])
        assert tx.abuse.any_of([]) == set()
    assert not [name for name in dir(tx.abuse) if name in {"all", "list", "get", "digests"}]


def test_a_barred_capture_keeps_its_provenance_and_no_picture(store: Store, rows: Rows, refused: Refuses) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        capture_id, (face,) = rows.enrolled(tx, keyed)
        before = tx.captures.get(capture_id)
        tx.captures.bar(capture_id)
        assert tx.captures.get(capture_id) == replace(before, original=None, thumbnail=None, barred=True)
        crop = rows.sha256()
        tx.faces.set_crop(face, crop)
        assert tx.faces.get(face).crop == crop
    refused("UPDATE captures SET original = finding", "barred_is_not_kept")


def test_hashes_are_sealed_and_read_in_the_order_in_which_they_were_listed(store: Store) -> None:
    hashes = [number.to_bytes(32) for number in range(1, 10_003)]
    with store.begin() as tx:
        assert tx.abuse.hashes.newest() == 0
        assert list(tx.abuse.hashes.after(0)) == []
        tx.abuse.hashes.add(hashes, NOW)
        assert tx.abuse.hashes.newest() == 2
        tx.abuse.hashes.add([bytes(32)], NOW)
    with store.read() as tx:
        assert list(tx.abuse.hashes.after(0)) == [*hashes, bytes(32)]
        assert list(tx.abuse.hashes.after(2)) == [bytes(32)]
        sealed = b"".join(bytes(row[0]) for row in tx.connection.exec_driver_sql("SELECT sealed FROM known_hashes"))
    assert hashes[500] not in sealed


def test_a_part_of_the_list_in_the_place_of_another_does_not_open(store: Store) -> None:
    with store.begin() as tx:
        tx.abuse.hashes.add([bytes(32)], NOW)
        tx.abuse.hashes.add([bytes(range(32))], NOW)
        tx.connection.exec_driver_sql("UPDATE known_hashes SET sealed = (SELECT sealed FROM known_hashes WHERE id = 1)")
        with pytest.raises(Damaged):
            list(tx.abuse.hashes.after(0))
