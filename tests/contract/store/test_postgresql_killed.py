"""PostgreSQL is killed under an open store: one clear error, then it goes on, and what was committed is there."""

from __future__ import annotations

import pytest
from tests.support.postgresql import (
    owner_of,
    postgresql_server,
    role_address,
    separate_roles,
)
from tests.support.store_rows import at_home

from lineament.errors import StoreUnavailable
from lineament.store.db import Store
from lineament.testing import VAULT


def test_a_store_goes_on_after_its_server_was_killed() -> None:
    with postgresql_server() as server:
        separate_roles(server.uri, "killed")
        url = role_address(server.uri, "lineament", "killed")
        store = at_home(Store.create(url, VAULT, owner=owner_of(url)))
        with store.begin() as tx:
            tx.meta.set("acknowledged", "yes")
        server.kill()
        with pytest.raises(StoreUnavailable), store.begin() as tx:
            tx.meta.set("acknowledged", "no")
        server.start_again()
        with store.read() as tx:
            assert tx.meta.get("acknowledged") == "yes"
        with store.begin() as tx:
            tx.meta.set("after", "yes")
        store.close()
