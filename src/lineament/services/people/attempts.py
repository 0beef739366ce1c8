"""Failures to sign in, counted before an answer is looked at, so that guessing in parallel wins nothing (R49)."""

from __future__ import annotations

from dataclasses import replace

from lineament.model.accounts import HOME_AGENCY, Account, Official
from lineament.model.events.people import SignInLocked
from lineament.model.policy import Policy
from lineament.services.record import Record

NOBODY = Official(name="unknown address", agency_id=HOME_AGENCY)
"""Whom the lock of an address without an account is filed under; the address itself is not kept."""


def factor_key(account: Account) -> str:
    """Under which failures of an account's second factors are counted. Those of its password: its address."""
    return f"factor {account.id}"


def failure_keys(account: Account) -> tuple[str, ...]:
    """Everything under which an account's failures are counted; whoever unlocks it forgives them all."""
    return (account.email, factor_key(account))


class Attempts:
    """Counts attempts. The work is the same whether there is such an account, and whether it is locked."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def counted(self, key: str, policy: Policy) -> int | None:
        """Count this attempt as failed until it is forgiven: how many there are now; None: the key is locked.

        Attempts on a key that is locked do not lengthen its lock.
        """
        with self._record.store.begin() as tx:
            at = self._record.clock()
            failures, _ = tx.accounts.failures(key, at, policy.locked_minutes)
            locked = failures >= policy.failures
            now = tx.accounts.failed(f"locked {key}" if locked else key, at, policy.locked_minutes)
        return None if locked else now

    def failed(self, count: int | None, policy: Policy, account: Account | None, what: str) -> None:
        """The attempt with that count failed; the one that locks is recorded, whether there is such an account."""
        if count != policy.failures:
            return
        official = NOBODY if account is None else account.official
        with replace(self._record, official=official).change() as change:
            change.record(SignInLocked(what=what, minutes=policy.locked_minutes))
