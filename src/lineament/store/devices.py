"""Browsers that their owners signed in with before: found by a keyed digest of account and key, never by the key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.keys import Vault
from lineament.store.people_tables import devices

MOST = 20
"""Known devices of one account; the oldest is forgotten for a further one."""


class DeviceRows:
    """The known devices of all accounts. Who has no key of the workspace cannot add one that is recognised."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def add(self, account_id: str, key: str, at: datetime) -> None:
        """Remember a device by the key in its cookie."""
        row = {"lookup": self._lookup(account_id, key), "account_id": account_id, "added_at": at}
        self._connection.execute(sa.insert(devices), row)
        of_account = devices.c.account_id == account_id
        newest = sa.select(devices.c.lookup).where(of_account).order_by(devices.c.added_at.desc(), devices.c.lookup)
        self._connection.execute(sa.delete(devices).where(of_account, devices.c.lookup.not_in(newest.limit(MOST))))

    def known(self, account_id: str, untrusted_keys: Sequence[str], since: datetime) -> str | None:
        """Return the key that belongs to a device of the account added after ``since``; None if none does.

        One query, whether the account exists or not.
        """
        lookups = {self._lookup(account_id, key): key for key in untrusted_keys}
        query = sa.select(devices.c.lookup).where(
            devices.c.lookup.in_(list(lookups)), devices.c.account_id == account_id, devices.c.added_at > since
        )
        found = self._connection.scalars(query).first()
        return None if found is None else lookups[bytes(found)]

    def forget(self, account_id: str, key: str) -> None:
        """Forget a device of the account, if it is known."""
        self._connection.execute(sa.delete(devices).where(devices.c.lookup == self._lookup(account_id, key)))

    def forget_all(self, account_id: str, but: str | None = None) -> int:
        """Forget every device of an account except the one with the key ``but``; return how many."""
        forgotten = sa.delete(devices).where(devices.c.account_id == account_id)
        if but is not None:
            forgotten = forgotten.where(devices.c.lookup != self._lookup(account_id, but))
        return self._connection.execute(forgotten).rowcount

    def _lookup(self, account_id: str, key: str) -> bytes:
        return self._vault.lookup("devices", f"{account_id}|{key}")
