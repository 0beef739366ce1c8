"""Known devices, on either database."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from tests.support.store_officials import agency, in_the_tables, joined
from tests.support.store_rows import NOW

from lineament.model.accounts import AccountState
from lineament.store.db import Store, Tx
from lineament.store.devices import MOST
from lineament.store.people_tables import devices

DAY = timedelta(days=1)
BEFORE = NOW - DAY
MINE, THEIRS = "key-of-my-device", "key-of-their-device"


def two_accounts(tx: Tx) -> tuple[str, str]:
    home = agency(tx).id
    return joined(tx, home, "a@freedonia.example").id, joined(tx, home, "b@freedonia.example").id


def test_a_device_is_known_for_its_account_alone_and_for_a_time(store: Store) -> None:
    with store.begin() as tx:
        mine, theirs = two_accounts(tx)
        tx.devices.add(mine, MINE, NOW)
        tx.devices.add(theirs, THEIRS, NOW)
        assert tx.devices.known(mine, [THEIRS, MINE, "\ud800"], BEFORE) == MINE
        assert tx.devices.known(theirs, [MINE], BEFORE) is None
        assert tx.devices.known("", [MINE], BEFORE) is None
        assert tx.devices.known(mine, [], BEFORE) is None
        assert tx.devices.known(mine, [MINE], NOW) is None
    assert MINE.encode() not in in_the_tables(store)


def test_a_row_given_to_another_account_is_a_device_of_nobody(store: Store) -> None:
    with store.begin() as tx:
        mine, theirs = two_accounts(tx)
        tx.devices.add(mine, "k1", NOW)
        tx.connection.execute(sa.update(devices).values(account_id=theirs))
        assert tx.devices.known(mine, ["k1"], BEFORE) is None
        assert tx.devices.known(theirs, ["k1"], BEFORE) is None


def test_devices_are_forgotten_singly_or_all_but_one(store: Store) -> None:
    with store.begin() as tx:
        mine, theirs = two_accounts(tx)
        for key in ("k1", "k2", "k3"):
            tx.devices.add(mine, key, NOW)
        tx.devices.add(theirs, "k1", NOW)
        tx.devices.forget(mine, "k1")
        assert tx.devices.forget_all(mine, but="k3") == 1
        assert tx.devices.known(mine, ["k1", "k2"], BEFORE) is None
        assert tx.devices.known(mine, ["k3"], BEFORE) == "k3"
        tx.accounts.set_state(mine, AccountState.CLOSED)
        assert tx.devices.known(mine, ["k3"], BEFORE) is None
        assert tx.devices.known(theirs, ["k1"], BEFORE) == "k1"


def test_an_account_has_a_limited_number_of_devices(store: Store) -> None:
    with store.begin() as tx:
        mine, theirs = two_accounts(tx)
        tx.devices.add(theirs, "old", BEFORE)
        for number in range(MOST + 3):
            tx.devices.add(mine, f"k{number}", NOW + number * DAY)
        kept = [tx.devices.known(mine, [f"k{number}"], BEFORE) is not None for number in range(MOST + 3)]
        assert kept == [False] * 3 + [True] * MOST
        assert tx.devices.known(theirs, ["old"], BEFORE - DAY) == "old"
