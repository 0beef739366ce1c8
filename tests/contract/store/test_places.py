"""Duplicates: the same bytes are one capture with several places; near-identical captures form a group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.store_rows import KeyedSource, RawSql, Rows

from lineament.errors import Refused
from lineament.model.arranging import NEAR_DUPLICATE_BITS
from lineament.model.faces import CaptureId, Provenance
from lineament.store.captures import bands_of
from lineament.store.db import Store, Tx


def flipped(phash: bytes, bits: list[int]) -> bytes:
    number = int.from_bytes(phash, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(32, "big")


def added(tx: Tx, rows: Rows, keyed: KeyedSource, *hashes: bytes) -> list[CaptureId]:
    new = [replace(rows.capture(keyed.source), phash=phash) for phash in hashes]
    ids = tx.captures.add_all(new)
    tx.places.group(keyed.source.id, dict(zip(ids, hashes, strict=True)))
    return ids


def test_the_same_bytes_have_several_places(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed, other = rows.source(tx), rows.source(tx, "other")
        new = rows.capture(keyed.source)
        id_ = tx.captures.add(new)
        assert tx.places.with_bytes(keyed.source.id, [new.sha256, rows.sha256()]) == {new.sha256: id_}
        assert tx.places.with_bytes(other.source.id, [new.sha256]) == {}
        elsewhere = [replace(new.provenance, uri=f"https://example.org/{n}", words=None) for n in range(3)]
        tx.places.add_all(keyed.source.id, [(id_, new.sha256, place) for place in elsewhere])
        tx.places.add_all(keyed.source.id, [])
        assert tx.places.of_capture(id_) == elsewhere
        assert tx.places.of_capture(id_, 1) == elsewhere[:1]
        pairs = [(place.uri, new.sha256) for place in (new.provenance, *elsewhere)]
        assert tx.captures.known(keyed.source.id, [*pairs, ("https://example.org/9", new.sha256)]) == set(pairs)
        assert tx.captures.known(other.source.id, pairs) == set()
        assert tx.sources.get("press").captures == 1


def test_the_same_bytes_are_no_second_capture(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        new = rows.capture(rows.source(tx).source)
        tx.captures.add(new)
        tx.captures.add(replace(new, source_id=rows.source(tx, "other").source.id))
    with pytest.raises(Refused), store.begin() as tx:
        tx.captures.add(replace(new, provenance=Provenance(uri="file:///elsewhere.jpg")))


def test_places_and_bands_go_with_their_capture(store: Store, rows: Rows, raw: RawSql) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        first, second = added(tx, rows, keyed, bytes(32), bytes(31) + b"\1")
        tx.places.add_all(keyed.source.id, [(first, rows.sha256(), Provenance(uri="file:///b.jpg"))])
        tx.captures.erase(first, keyed.key)
    assert raw("SELECT count(*) FROM places") == [(0,)]
    assert raw("SELECT DISTINCT capture_id FROM bands") == [(second,)]
    with store.begin() as tx:
        tx.sources.destroy(keyed.source.id)
        assert tx.sources.left(keyed.source.id) == 0
    assert raw("SELECT count(*) FROM bands") == [(0,)]


def test_hashes_that_differ_in_few_bits_share_a_band() -> None:
    chance = np.random.default_rng(5)
    phash = chance.bytes(32)
    for _ in range(200):
        bits = chance.choice(256, 15, replace=False).tolist()
        assert set(bands_of(phash)) & set(bands_of(flipped(phash, bits)))
    assert bands_of(b"") == []
    assert len(set(bands_of(bytes(32)))) == 16, "equal numbers at different places are different bands"


def test_near_identical_captures_are_a_group(store: Store, rows: Rows) -> None:
    chance = np.random.default_rng(6)
    first, other = chance.bytes(32), chance.bytes(32)
    with store.begin() as tx:
        keyed = rows.source(tx)
        a, b = added(tx, rows, keyed, first, other)
        assert tx.places.group_of(a) == [a]
        (c,) = added(tx, rows, keyed, flipped(first, list(range(12))))
        d, e = added(tx, rows, keyed, flipped(first, [*range(12), 100]), flipped(other, list(range(200, 210))))
        (f,) = added(tx, rows, keyed, flipped(other, list(range(NEAR_DUPLICATE_BITS + 1))))
        assert tx.places.group_of(a) == tx.places.group_of(d) == [a, c, d]
        assert tx.places.group_of(b) == tx.places.group_of(e) == [b, e]
        assert tx.places.group_of(f) == [f]
        tx.captures.erase(a, keyed.key)
        (g,) = added(tx, rows, keyed, first)
        assert tx.places.group_of(g) == [c, d, g], "the group outlives the first of it"
        stranger = rows.source(tx, "other")
        (h,) = added(tx, rows, stranger, first)
        assert tx.places.group_of(h) == [h], "sources are not told of each other"


def test_two_of_one_batch_are_a_group(store: Store, rows: Rows) -> None:
    with store.begin() as tx:
        keyed = rows.source(tx)
        ids = added(tx, rows, keyed, bytes(32), bytes(32), bytes([255] * 32))
        assert tx.places.group_of(ids[1]) == ids[:2]
        tx.places.group(keyed.source.id, {})
