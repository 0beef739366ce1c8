"""Manages the accounts of an agency: invitations, roles, training, suspension, resets and closing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lineament.errors import InvalidValue, NotFound, Refused
from lineament.model.accounts import (
    ACCOUNT_NEXT,
    HOME_AGENCY,
    Account,
    AccountEvent,
    AccountState,
    Factor,
    Permission,
    Role,
    SignedIn,
    checked_roles,
)
from lineament.model.events.people import (
    AccountClosed,
    AccountRestored,
    AccountRolesChanged,
    AccountSuspended,
    AccountTrained,
    SessionEnded,
    SignInUnlocked,
)
from lineament.model.lifecycle import advance
from lineament.model.reasons import ReasonCode
from lineament.services.needs import needs
from lineament.services.people.attempts import failure_keys, standing
from lineament.services.people.invitations import KEEPERS, Invitation, Post, invite_account, reinvite
from lineament.services.people.policies import policy_for
from lineament.services.people.sessions import sign_out_everywhere
from lineament.services.record import Change, Record
from lineament.store.db import Tx

LONGEST_TRAINING = timedelta(days=5 * 366)
"""The longest time for which training counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account as its administrators see it."""

    account: Account
    sessions: Sequence[SignedIn]  # most recently seen first
    factors: Sequence[Factor]
    failures: int  # consecutive failures to sign in
    locked: bool  # for devices that the account does not know
    oneself: bool


class People:
    """The accounts of the official's agency. Nobody manages their own account."""

    def __init__(self, record: Record, post: Post) -> None:
        self._record = record
        self._post = post

    # ------------------------------------------------------------ reading

    @needs(Permission.MANAGE_PEOPLE)
    def list(self, *, closed: bool = False) -> Sequence[Account]:
        """Return the accounts of the agency, sorted by name; closed ones only with ``closed``."""
        with self._record.read() as tx:
            every = tx.accounts.of_agency(self._record.official.agency_id)
        return [account for account in every if closed or account.state is not AccountState.CLOSED]

    @needs(Permission.MANAGE_PEOPLE)
    def get(self, name: str) -> Person:
        """Return an account by e-mail address or id. Raises the same NotFound if another agency has it."""
        with self._record.read() as tx:
            account = self._find(tx, name)
            policy = policy_for(tx, account.agency_id)
            at = self._record.clock()
            counted = [standing(tx, key, policy, at) for key in failure_keys(account)]
            return Person(
                account=account,
                sessions=tx.sessions.of_account(account.id),
                factors=tx.factors.of_account(account.id),
                failures=max(failures for failures, _ in counted),
                locked=any(locked for _, locked in counted),
                oneself=account.id == self._record.official.account_id,
            )

    # ------------------------------------------------------------ letting in

    @needs(Permission.MANAGE_PEOPLE)
    def invite(self, email: str, name: str, roles: Iterable[Role], *, sure: bool = False) -> Invitation:
        """Invite somebody; the link is returned once, or mailed if a mail server is configured.

        Raises:
            InvalidValue: One person must not hold these roles together.
            Refused: The licence has no seat left, or nobody could manage a workspace that leaves solo (unless
                ``sure``).
            AlreadyThere: The agency has an account with that address.
            NotAllowed: Only an operator invites operators.
        """
        held, official = checked_roles(roles), self._record.official
        self._require_may_grant(held)
        with self._record.change() as change:
            waiting = invite_account(change, official.name, official.agency_id, email, name, held, sure=sure)
        return self._post.deliver(waiting)

    @needs(Permission.MANAGE_PEOPLE)
    def reset(self, name: str) -> Invitation:
        """Reset an account: remove its factors, password and sessions, and create a new link."""
        with self._record.change() as change:
            account = self._find_other_person(change, name)
            self._require_may_grant(account.roles)
            advance(ACCOUNT_NEXT, account.state, AccountEvent.RESET, what="account", name=account.id)
            waiting = reinvite(change, self._record.official.name, account)
        return self._post.deliver(waiting)

    @needs(Permission.MACHINE)
    def reset_at_the_machine(self, name: str) -> Invitation:
        """Reset an operator or administrator from the machine itself, when none of them can sign in any more.

        Raises NotFound unless it is an account of the agency that runs this workspace.
        """
        with self._record.change() as change:
            change.in_agency(HOME_AGENCY)
            account = change.tx.accounts.find(HOME_AGENCY, name)
            if not account.roles & set(KEEPERS):
                raise NotFound(what="operator or administrator", name=name[:200], hint="lineament user list")
            advance(ACCOUNT_NEXT, account.state, AccountEvent.RESET, what="account", name=account.id)
            waiting = reinvite(change, self._record.official.name, account)
        return self._post.deliver(waiting)

    # ------------------------------------------------------------ what becomes of them

    @needs(Permission.MANAGE_PEOPLE)
    def set_roles(self, name: str, roles: Iterable[Role]) -> Account:
        """Replace the roles of an account; the change applies from its next request."""
        held = checked_roles(roles)
        with self._record.change() as change:
            account = self._find_other_person(change, name)
            self._require_may_grant(held | account.roles)
            self._refuse_last_holder(change.tx, account, account.roles - held)
            change.tx.accounts.set_roles(account.id, held)
            before, after = (tuple(sorted(role.value for role in roles)) for roles in (account.roles, held))
            change.record(AccountRolesChanged(subject=account.id, name=account.name, before=before, roles=after))
            return change.tx.accounts.get(account.id)

    @needs(Permission.MANAGE_PEOPLE)
    def train(self, name: str, until: date | None) -> Account:
        """Record the last day on which an account's training counts (R23); None revokes it immediately."""
        with self._record.change() as change:
            account, today = self._find_other_person(change, name), change.at.date()
            if until is not None and not today <= until <= today + LONGEST_TRAINING:
                label, why = "The last day of the training", "it must be within five years"
                raise InvalidValue(what=label, value=until, why=why, field="until")
            change.tx.accounts.set_training(account.id, until)
            change.record(AccountTrained(subject=account.id, name=account.name, until=until))
            return change.tx.accounts.get(account.id)

    @needs(Permission.MANAGE_PEOPLE)
    def suspend(self, name: str) -> Account:
        """Suspend an account until it is restored; all its sessions end immediately."""
        return self._move(name, AccountEvent.SUSPENDED)

    @needs(Permission.MANAGE_PEOPLE)
    def restore(self, name: str) -> Account:
        """Restore a suspended account."""
        return self._move(name, AccountEvent.RESTORED)

    @needs(Permission.MANAGE_PEOPLE)
    def close(self, name: str) -> Account:
        """Close an account for good: free its seat, erase name and address, and leave its cases; the ledger stays."""
        return self._move(name, AccountEvent.CLOSED)

    @needs(Permission.MANAGE_PEOPLE)
    def unlock(self, name: str) -> Account:
        """Clear the failed sign-ins of an account before its lock expires."""
        with self._record.change() as change:
            account = self._find(change.tx, name)
            for key in failure_keys(account):
                change.tx.accounts.forgive(key)
            change.record(SignInUnlocked(subject=account.id, name=account.name))
            return account

    @needs(Permission.MANAGE_PEOPLE)
    def end_sessions(self, name: str) -> int:
        """End all sessions of an account immediately and forget its known devices; return the number of sessions."""
        with self._record.change() as change:
            account = self._find(change.tx, name)
            ended = sign_out_everywhere(change.tx, account.id)
            change.record(SessionEnded(subject=account.id, name=account.name, sessions=ended))
            return ended

    # ------------------------------------------------------------ who may do that to whom

    def _move(self, name: str, event: AccountEvent) -> Account:
        with self._record.change() as change:
            account = self._find_other_person(change, name)
            state = advance(ACCOUNT_NEXT, account.state, event, what="account", name=account.id)
            if event is not AccountEvent.RESTORED:
                self._refuse_last_holder(change.tx, account, account.roles)
            ended = sign_out_everywhere(change.tx, account.id)
            change.tx.accounts.set_state(account.id, state)
            if event is AccountEvent.CLOSED:
                left = change.tx.members.drop_all(account.id)
                change.record(AccountClosed(subject=account.id, name=account.name, sessions=ended, cases=left))
            else:
                kind = AccountRestored if event is AccountEvent.RESTORED else AccountSuspended
                change.record(kind(subject=account.id, name=account.name, sessions=ended))
            return change.tx.accounts.get(account.id)

    def _find(self, tx: Tx, name: str) -> Account:
        return tx.accounts.find(self._record.official.agency_id, name)

    def _find_other_person(self, change: Change, name: str) -> Account:
        account = self._find(change.tx, name)
        if account.id == self._record.official.account_id:
            raise Refused(ReasonCode.OWN_ACCOUNT.reason(who=Role.ADMINISTRATOR))
        return account

    def _require_may_grant(self, roles: frozenset[Role]) -> None:
        """Refuse to create or reset an operator, except to an operator in the agency that runs this workspace."""
        if Role.OPERATOR not in roles:
            return
        self._record.require(Permission.OPERATE)
        if self._record.official.agency_id != HOME_AGENCY:
            raise Refused(ReasonCode.OPERATOR_ELSEWHERE.reason())

    def _refuse_last_holder(self, tx: Tx, account: Account, loses: frozenset[Role]) -> None:
        """Raise Refused if no active account would keep a role that at least one must have."""
        if self._record.official.solo:
            return
        able = {AccountState.ACTIVE} if account.state is AccountState.ACTIVE else set(AccountState) - _GONE
        others = [
            other
            for other in tx.accounts.of_agency(account.agency_id)
            if other.id != account.id and other.state in able
        ]
        for role in KEEPERS:
            if role in loses and not any(role in other.roles for other in others):
                raise Refused(ReasonCode.LAST_OF_ROLE.reason(role=role))


_GONE = {AccountState.SUSPENDED, AccountState.CLOSED}
