"""Counts failed sign-ins. Each attempt is counted before it is checked, so parallel guesses gain nothing (R49).

After as many failures in a row as the policy allows, the sign-in is locked: for every device that the account does not
know, or for the one known device where they happened. The lock ends by itself; each failure after it doubles the next.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

from lineament.model.accounts import HOME_AGENCY, Account, Official
from lineament.model.events.people import SignInLocked
from lineament.model.policy import Policy
from lineament.services.people.callers import TERMINAL, AttemptPlace
from lineament.services.record import Record
from lineament.store.db import Tx

NOBODY = Official(name="unknown address", agency_id=HOME_AGENCY)
"""The official in the ledger entry when an address without an account is locked; the address is not recorded."""

LONGEST_LOCK = timedelta(hours=24)
"""A lock does not grow beyond this, unless the policy's first one is longer."""

_REMEMBERED = timedelta(hours=24)
"""How long after a lock its failures still count towards the next."""


def password_key(email: str, place: AttemptPlace) -> str:
    """Return the key that counts failures of the password of an address, in one place."""
    return json.dumps(["password", place.name, email])


def factor_key(account: Account, place: AttemptPlace) -> str:
    """Return the key that counts failures of an account's second factors, in one place."""
    return json.dumps(["factor", place.name, account.id])


def failure_keys(account: Account) -> tuple[str, ...]:
    """Return the keys that count an account's failures, except on known devices, which are forgotten after a few."""
    places = (AttemptPlace(), TERMINAL)
    return tuple(key for place in places for key in (password_key(account.email, place), factor_key(account, place)))


def lock_length(failures: int, policy: Policy) -> timedelta:
    """Return how long the sign-in is locked after so many failures in a row; zero below the policy's number."""
    if failures < policy.failures:
        return timedelta(0)
    doubled = 1 << min(failures - policy.failures, 20)
    return max(_first(policy), min(_first(policy) * doubled, LONGEST_LOCK))


def standing(tx: Tx, key: str, policy: Policy, at: datetime) -> tuple[int, timedelta]:
    """Return the failures in a row under a key, and how long the lock that they caused still lasts."""
    failures, last_at = tx.accounts.failures(key, at, _minutes(LONGEST_LOCK + _REMEMBERED + _first(policy)))
    if last_at is None or last_at + _memory(failures, policy) <= at:
        return 0, timedelta(0)
    return failures, max(timedelta(0), last_at + lock_length(failures, policy) - at)


def _memory(failures: int, policy: Policy) -> timedelta:
    """Return how long after the last failure a series goes on."""
    return _first(policy) if failures < policy.failures else lock_length(failures, policy) + _REMEMBERED


def _first(policy: Policy) -> timedelta:
    return timedelta(minutes=policy.locked_minutes)


def _minutes(length: timedelta) -> int:
    return int(length / timedelta(minutes=1))


class Attempts:
    """Counts attempts. An unknown, a known and a locked account take the same work, so timing reveals nothing."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def count(self, key: str, policy: Policy) -> int | None:
        """Count this attempt as failed and return the number of failures; None if the key is locked.

        The caller clears the count if the attempt succeeds. Attempts on a locked key do not extend its lock.
        """
        with self._record.begin() as tx:
            at = self._record.clock()
            failures, locked = standing(tx, key, policy, at)
            counted = f"locked {key}" if locked else key
            now = tx.accounts.count_failure(counted, at, _minutes(_memory(failures, policy)))
        return None if locked else now

    def record_failure(
        self, count: int | None, policy: Policy, account: Account | None, proof: str, place: AttemptPlace
    ) -> None:
        """Record the lock if the failed attempt with this count caused one, even for an address without an account.

        A known device on which it happened is known no longer.
        """
        if count is None or count < policy.failures:
            return
        official = NOBODY if account is None else account.official
        minutes = _minutes(lock_length(count, policy))
        with replace(self._record, official=official).change() as change:
            if account is not None and place.device is not None:
                change.tx.devices.forget(account.id, place.device)
            change.record(SignInLocked(what=proof, minutes=minutes))
