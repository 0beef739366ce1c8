"""A ledger of twenty entries, as a workspace would have it."""

from __future__ import annotations

import pytest
from tests.support.ledgers import fill

from lineament.ledger.log import Ledger
from lineament.testing import MemoryLeafStore


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(origin="lineament/test", signing_seed=bytes(range(32)))


@pytest.fixture
def rows(ledger: Ledger) -> MemoryLeafStore:
    store = MemoryLeafStore()
    fill(ledger, store, 20)
    return store
