"""The keys with which programs act for officials: made, listed and revoked by people, and checked at each request."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from lineament.errors import KeyEnded, KeyRefused, NotFound
from lineament.model.accounts import AccountState, Official, Permission
from lineament.model.api_keys import (
    GRANTED,
    ApiKey,
    KeyStanding,
    KeyTerms,
    MadeKey,
    end_of,
    id_in,
    new_key_text,
)
from lineament.model.cases import Case
from lineament.model.events.programs import ApiKeyMade, ApiKeyRevoked
from lineament.model.policy import Policy
from lineament.services.cases.access import may_in, seen_case, seen_source
from lineament.services.needs import needs, open_to_all
from lineament.services.people.policies import policy_for, require_step_up
from lineament.services.people.sessions import digest_of
from lineament.services.record import Record
from lineament.store.db import Tx

USED_EVERY = timedelta(minutes=1)
"""The least time between two notes of when a key was last used."""
_UNKNOWN = "there is no such key; make one with: lineament key add"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInUse:
    """A key as its owner or an administrator sees it in a list."""

    key: ApiKey
    standing: KeyStanding
    case: str | None  # the reference of its case, for those who see that


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A key that was checked, and the official for whom it acts."""

    key: ApiKey
    official: Official
    case_key: str | None  # of the case to which it is bound


class ApiKeys:
    """Makes, lists and revokes keys, in an official's name."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.OWN_ACCOUNT)
    def grantable(self) -> tuple[Permission, ...]:
        """Return the rights that a key of this official may have."""
        return tuple(right for right in GRANTED if self._record.official.may(right))

    @needs(Permission.OWN_ACCOUNT)
    def most_days(self) -> int:
        """Return the most days for which a key is valid, as the agency's policy says; 0: none is made."""
        with self._record.read() as tx:
            return policy_for(tx, self._record.official.agency_id).key_days

    @needs(Permission.OWN_ACCOUNT)
    def require_proof(self) -> None:
        """Raise StepUpNeeded unless the second factor was shown lately enough to make a key."""
        with self._record.read() as tx:
            require_step_up(tx, self._record.official, self._record.clock())

    @needs(Permission.OWN_ACCOUNT)
    def make(self, terms: KeyTerms) -> MadeKey:
        """Make a key with which a program acts for the official; its text is returned once.

        Raises InvalidValue for terms that the official may not have, NotFound for a case or source that they do not
        see or a case in which they may not search, or StepUpNeeded.
        """
        official = self._record.official
        with self._record.change() as change:
            policy = policy_for(change.tx, official.agency_id)
            terms.check(self.grantable(), policy.key_days)
            require_step_up(change.tx, official, change.at)
            case = None if terms.case is None else self._case(change.tx, terms)
            key_id = secrets.token_hex(8)
            text = new_key_text(key_id)
            key = ApiKey(
                id=key_id,
                agency_id=official.agency_id,
                account_id=official.account_id,
                made_by=official.name,
                name=terms.name.strip(),
                rights=terms.rights,
                case_id=None if case is None else case.id,
                reason=terms.reason.strip(),
                sources=tuple(seen_source(change.tx, self._record, name).name for name in dict.fromkeys(terms.sources)),
                per_minute=terms.per_minute,
                made_at=change.at,
                ends_at=end_of(change.at, terms.days),
                signing_secret=secrets.token_urlsafe(30) if terms.signs else None,
            )
            change.tx.api_keys.add(key, digest_of(text))
            if case is not None:
                change.concerns(case)
            change.record(_made(key, case))
        return MadeKey(key=key, case=None if case is None else case.ref, text=text)

    def _case(self, tx: Tx, terms: KeyTerms) -> Case:
        case = seen_case(tx, self._record, terms.case or "")
        if Permission.SEARCH in terms.rights and not may_in(tx, self._record, case, Permission.SEARCH):
            raise NotFound(what="case in which you search", name=case.ref, hint="lineament case list")
        return case

    @needs(Permission.OWN_ACCOUNT)
    def own(self) -> Sequence[KeyInUse]:
        """Return the official's own keys, the newest first, each with its end as the policy of today has it."""
        official = self._record.official
        with self._record.read() as tx:
            return self._in_use(tx, tx.api_keys.of_account(official.agency_id, official.account_id))

    @needs(Permission.MANAGE_PEOPLE)
    def of_agency(self) -> Sequence[KeyInUse]:
        """Return every key of the agency, the newest first; without the cases, which administrators do not see."""
        with self._record.read() as tx:
            return self._in_use(tx, tx.api_keys.of_agency(self._record.official.agency_id))

    @needs(Permission.OWN_ACCOUNT)
    def revoke(self, key_id: str) -> None:
        """Let a key open nothing from now on: one of the official's own, or for administrators any of the agency.

        Raises the same NotFound for a key of somebody else as for one that does not exist.
        """
        official = self._record.official
        with self._record.change() as change:
            key = change.tx.api_keys.get(key_id, official.agency_id)
            if key.account_id != official.account_id and not official.may(Permission.MANAGE_PEOPLE):
                raise NotFound(what="key", name=key_id[:40], hint="lineament key list")
            change.tx.api_keys.revoke(key, key.revoked_at or change.at)
            change.record(ApiKeyRevoked(revoked=key.id))

    def _in_use(self, tx: Tx, keys: Sequence[ApiKey]) -> list[KeyInUse]:
        at, official = self._record.clock(), self._record.official
        days = policy_for(tx, official.agency_id).key_days
        sees = official.may(Permission.READ_CASES)
        refs = {case.id: case.ref for case in tx.cases.of_ids([key.case_id for key in keys if key.case_id]).values()}
        return [
            KeyInUse(
                key=key.within(days),
                standing=key.within(days).standing(at),
                case=refs.get(key.case_id or 0) if sees and key.account_id == official.account_id else None,
            )
            for key in keys
        ]


class KeyEntrance:
    """Checks the key of each request, for whoever it comes from."""

    def __init__(self, record: Record) -> None:
        """``record`` is that of the machine, which sees the keys of every agency."""
        self._record = record

    @open_to_all("whoever calls has no roles yet; each key answers for its own account")
    def admit(self, untrusted_text: str) -> Admitted:
        """Return the key of a request, and the official for whom it acts. Raises KeyRefused.

        The key is looked up by its digest, so that the time it takes tells nothing about any key.
        """
        if id_in(untrusted_text) is None:
            raise KeyRefused(why=_UNKNOWN)
        with self._record.read() as tx:
            key = tx.api_keys.of(digest_of(untrusted_text))
            if key is None:
                raise KeyRefused(why=_UNKNOWN)
            admitted = self._admitted(tx, key)
        self._mark_used(key)
        return admitted

    @open_to_all("a job was asked for with the key, and has no more than its rights")
    def acting(self, account_id: str | None, key_id: str) -> Official:
        """Return the official of an account within the bounds of a key. Raises KeyRefused once it opens nothing."""
        with self._record.read() as tx:
            key = tx.api_keys.find(key_id)
            if key is None or key.account_id != account_id:
                raise KeyRefused(why=_UNKNOWN)
            return self._admitted(tx, key).official

    @open_to_all("a signature is checked with the secret; each key answers for its own account")
    def admit_signer(self, untrusted_id: str) -> Admitted:
        """Return the key with an id, whose signature the caller has yet to check. Raises KeyRefused."""
        with self._record.read() as tx:
            key = tx.api_keys.find(untrusted_id)
            if key is None or key.signing_secret is None:
                raise KeyRefused(why=_UNKNOWN)
            return self._admitted(tx, key)

    @open_to_all("it only notes when a key that was checked was used")
    def signed(self, admitted: Admitted) -> None:
        """Note that a signature was right."""
        self._mark_used(admitted.key)

    def _admitted(self, tx: Tx, key: ApiKey) -> Admitted:
        policy = policy_for(tx, key.agency_id)
        made, key = key, key.within(policy.key_days)
        standing = key.standing(self._record.clock())
        if standing is KeyStanding.REVOKED:
            raise KeyRefused(why="it was revoked; ask whoever made it for another")
        if standing is KeyStanding.ENDED:
            raise KeyEnded(why=_why_ended(made, key, policy.key_days))
        official = self._official(tx, key, policy)
        case_key = None if key.case_id is None else tx.cases.key_of(key.case_id)
        bounds = replace(key.bounds, sources=tx.collections.widened(key.sources))
        return Admitted(key=key, official=replace(official, key=bounds), case_key=case_key)

    def _official(self, tx: Tx, key: ApiKey, policy: Policy) -> Official:
        if key.account_id is not None:
            account = tx.accounts.get(key.account_id)
            if account.state is not AccountState.ACTIVE:
                raise KeyRefused(why=f"the account for which it acts is {account.state.value}")
            return account.official
        if policy.accounts:
            raise KeyRefused(why="it was made before there were accounts; make another with one")
        return Official(name=key.made_by, agency_id=key.agency_id, solo=True)

    def _mark_used(self, key: ApiKey) -> None:
        at = self._record.clock()
        if key.used_at is None or at - key.used_at >= USED_EVERY:
            with self._record.store.begin_aside() as tx:
                tx.api_keys.mark_used(key.id, at)


def _why_ended(made: ApiKey, key: ApiKey, days: int) -> str:
    """Return why a key has ended; ``key`` is the one that was made, as the policy of its agency lets it be valid."""
    if not days:
        return "the policy of its agency allows no keys any more"
    ended = f"it ended {key.ends_at:%Y-%m-%d %H:%M} UTC"
    if key.ends_at < made.ends_at:
        ended += f", because the policy of its agency now allows {days} days"
    return f"{ended}; make another with: lineament key add"


def _made(key: ApiKey, case: Case | None) -> ApiKeyMade:
    return ApiKeyMade(
        made=key.id,
        name=key.name,
        rights=tuple(sorted(right.value for right in key.rights)),
        ends_at=key.ends_at,
        case=None if case is None else case.ref,
        purpose=None if case is None else case.terms.purpose,
        basis=None if case is None else case.terms.basis,
        reason=key.reason or None,
        sources=key.sources,
    )
