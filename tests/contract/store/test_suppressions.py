"""Suppressions, on either database."""

from __future__ import annotations

from tests.support.store_rows import NOW, Rows

from lineament.store.db import Store


def test_suppressions_stay(store: Store, rows: Rows) -> None:
    digests = [bytes.fromhex(rows.sha256()) for _ in range(1200)]
    with store.begin() as tx:
        tx.suppressions.add(digests[:600], NOW)
        tx.suppressions.add([digests[599], digests[600], digests[600]], NOW)
        tx.suppressions.add([], NOW)
    with store.read() as tx:
        assert tx.suppressions.any_of(digests) == set(digests[:601])
        assert tx.suppressions.any_of([]) == set()
