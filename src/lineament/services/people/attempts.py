"""Counts failed sign-ins. Each attempt is counted before it is checked, so parallel guesses gain nothing (R49)."""

from __future__ import annotations

from dataclasses import replace

from lineament.model.accounts import HOME_AGENCY, Account, Official
from lineament.model.events.people import SignInLocked
from lineament.model.policy import Policy
from lineament.services.record import Record

NOBODY = Official(name="unknown address", agency_id=HOME_AGENCY)
"""The official in the ledger entry when an address without an account is locked; the address is not recorded."""


def factor_key(account: Account) -> str:
    """Return the key that counts failures of an account's second factors; its address counts those of its password."""
    return f"factor {account.id}"


def failure_keys(account: Account) -> tuple[str, ...]:
    """Return all keys that count an account's failures; unlocking the account clears them all."""
    return (account.email, factor_key(account))


class Attempts:
    """Counts attempts. An unknown, a known and a locked account take the same work, so timing reveals nothing."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def count(self, key: str, policy: Policy) -> int | None:
        """Count this attempt as failed and return the number of failures; None if the key is locked.

        The caller clears the count if the attempt succeeds. Attempts on a locked key do not extend its lock.
        """
        with self._record.store.begin() as tx:
            at = self._record.clock()
            failures, _ = tx.accounts.failures(key, at, policy.locked_minutes)
            locked = failures >= policy.failures
            now = tx.accounts.count_failure(f"locked {key}" if locked else key, at, policy.locked_minutes)
        return None if locked else now

    def record_failure(self, count: int | None, policy: Policy, account: Account | None, proof: str) -> None:
        """Record the lock if the failed attempt with this count caused it, even for an address without an account."""
        if count != policy.failures:
            return
        official = NOBODY if account is None else account.official
        with replace(self._record, official=official).change() as change:
            change.record(SignInLocked(what=proof, minutes=policy.locked_minutes))
