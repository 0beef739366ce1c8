"""The clock that is not believed when it is behind the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.clock import NOON

from lineament.services import clock
from lineament.store.db import Store, Tx
from lineament.testing import VAULT


def test_while_one_thread_looks_into_the_ledger_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may hold a connection already, so that all of them together could wait for one more."""
    store = Store.create(f"sqlite:///{tmp_path / 'lineament.db'}", VAULT)
    trusted, read = clock.TrustedClock(lambda: NOON, store), store.read
    trusted()
    looked = 0

    @contextmanager
    def looking() -> Iterator[Tx]:
        nonlocal looked
        looked += 1
        with ThreadPoolExecutor(1) as other, read() as tx:
            assert other.submit(trusted).result(timeout=60) == NOON
            yield tx

    monkeypatch.setattr(clock, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(store, "read", looking)
    assert trusted() == NOON
    assert looked == 1
    store.close()
