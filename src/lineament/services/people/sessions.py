"""Sessions of officials: who is signed in, what the session may open, and until when (R49)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from lineament.model.accounts import Account, AccountState, Factor, FactorKind, Official, SignedIn
from lineament.model.events.base import Event
from lineament.model.events.people import AccountSignedOut, SessionEnded
from lineament.model.policy import AGENCY, Policy
from lineament.services.people.policies import policy_for, stepped_up
from lineament.services.record import Record
from lineament.store.db import Tx

SEEN_EVERY = timedelta(minutes=1)
"""The least time between two updates of when a session was last seen."""

_KEY_BYTES = 32
_LONGEST = timedelta(hours=AGENCY.session_hours)  # a policy can only shorten them


def digest_of(untrusted: str) -> bytes:
    """Return the SHA-256 of a session's key or an invitation's token; the database stores only that."""
    return hashlib.sha256(untrusted.encode(errors="surrogatepass")).digest()


class SessionState(StrEnum):
    """What a session may open."""

    OPEN = "open"  # everything that the roles allow
    LOCKED = "locked"  # only unlocking it
    UNPROVED = "unproved"  # only verifying the second factor
    UNENROLLED = "unenrolled"  # only adding a second factor, because there is none


def countable(policy: Policy) -> frozenset[FactorKind]:
    """Return the kinds that count as a second factor. Recovery codes only replace one."""
    return frozenset({FactorKind.PASSKEY} if policy.passkey_only else {FactorKind.PASSKEY, FactorKind.TOTP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session that has not ended, at one point in time."""

    signed_in: SignedIn
    account: Account  # active
    agency: str  # the name of the account's agency
    policy: Policy  # of the agency
    kinds: frozenset[FactorKind]  # kinds of second factors that can be shown
    at: datetime

    @property
    def id(self) -> str:
        """The id in the list of sessions; not the key in the cookie."""
        return self.signed_in.id

    @property
    def enrolled(self) -> bool:
        """Whether the account has a second factor that counts."""
        return bool(self.kinds & countable(self.policy))

    @property
    def proved(self) -> bool:
        """Whether a second factor was shown in this session, or none is required."""
        return self.signed_in.proved_at is not None or not (self.policy.second_factor or self.enrolled)

    @property
    def fresh(self) -> bool:
        """Whether the second factor is recent enough for a search, an export or a change of factors."""
        return self.proved and stepped_up(self.official, self.policy, self.at)

    @property
    def locked(self) -> bool:
        """Whether the session was idle for too long."""
        return self.at - self.signed_in.seen_at > timedelta(minutes=self.policy.idle_minutes)

    @property
    def standing(self) -> SessionState:
        """What the session may open."""
        if self.locked:
            return SessionState.LOCKED
        if self.policy.second_factor and not self.enrolled:
            return SessionState.UNENROLLED
        return SessionState.OPEN if self.proved else SessionState.UNPROVED

    @property
    def official(self) -> Official:
        """The official of the account, with the time its second factor was last shown."""
        return replace(self.account.official, proved_at=self.signed_in.proved_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKey:
    """The key of a session that has started or gained rights; an earlier key no longer works."""

    key: str  # 256 random bits; whoever has it is the account
    account: Account
    device: str | None = None  # the key of a device that the account knows from now on, for a cookie that stays

    def __repr__(self) -> str:
        return f"SessionKey(account={self.account.id!r})"


def sign_out_everywhere(tx: Tx, account_id: str) -> int:
    """End every session of an account and forget its known devices; return the number of sessions."""
    tx.devices.forget_all(account_id)
    return tx.sessions.end_all(account_id)


class SessionKeeper:
    """Starts sessions, finds them by their keys and changes their keys."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def acting(self, account: Account) -> Record:
        """Return the record in the name of that account."""
        return replace(self.record, official=account.official)

    def find(self, untrusted_key: str) -> Session | None:
        """Return the session of a key; None if there is none, it has expired, or its account is not active.

        This updates when the session was last seen, at most once a minute and not while it is locked.
        """
        at = self.record.clock()
        with self.record.read() as tx:
            signed_in = tx.sessions.of(digest_of(untrusted_key))
            session = None if signed_in is None else _session(tx, signed_in, at)
        if session is not None and not session.locked and at - session.signed_in.seen_at >= SEEN_EVERY:
            with self.record.begin() as tx:
                tx.sessions.mark_seen(session.id, at)
                tx.accounts.mark_seen(session.account.id, at)
        return session

    def begin(self, tx: Tx, account: Account, device: str, terminal: bool) -> SessionKey:
        """Start a session of an account; its second factor must still be shown."""
        at = self.record.clock()
        tx.sessions.expire(at - _LONGEST, at - _LONGEST)
        key = secrets.token_urlsafe(_KEY_BYTES)
        tx.sessions.begin(account.id, digest_of(key), at, device, terminal)
        tx.accounts.mark_seen(account.id, at)
        return SessionKey(key=key, account=account)

    def rekey(self, tx: Tx, session: Session, *, proved: bool) -> SessionKey:
        """Give the session a new key with more rights. Raises NotFound if it has ended in the meantime."""
        at = self.record.clock()
        key = secrets.token_urlsafe(_KEY_BYTES)
        tx.sessions.rekey(session.id, digest_of(key))
        tx.sessions.mark_seen(session.id, at)
        if proved:
            tx.sessions.prove(session.id, at)
        return SessionKey(key=key, account=session.account)

    def of_account(self, session: Session) -> list[SignedIn]:
        """Return the account's sessions, most recently seen first."""
        at = self.record.clock()
        with self.record.read() as tx:
            found = tx.sessions.of_account(session.account.id)
        return [entry for entry in found if not _has_expired(entry, session.policy, at)]

    def end(self, session: Session, session_id: str) -> bool:
        """End one of the account's own sessions; return whether it existed."""
        with self.record.read() as tx:
            own = any(entry.id == session_id for entry in tx.sessions.of_account(session.account.id))
        return own and self._end(session, SessionEnded(session=session_id), session_id)

    def sign_out(self, session: Session) -> None:
        """End this session, and record that, even if it has already ended."""
        self._end(session, AccountSignedOut(session=session.id), session.id)

    def end_others(self, session: Session) -> int:
        """End every other session of the account; return how many."""
        others = [entry for entry in self.of_account(session) if entry.id != session.id]
        return sum(self._end(session, SessionEnded(session=other.id), other.id) for other in others)

    def _end(self, session: Session, event: Event, session_id: str) -> bool:
        with self.acting(session.account).change() as change:
            existed = change.tx.sessions.end(session_id)
            change.record(event)
        return existed


def _session(tx: Tx, signed_in: SignedIn, at: datetime) -> Session | None:
    account = tx.accounts.get(signed_in.account_id)
    policy = policy_for(tx, account.agency_id)
    if account.state is not AccountState.ACTIVE or _has_expired(signed_in, policy, at):
        return None
    kinds = showable(tx.factors.of_account(account.id), policy)
    agency = tx.agencies.name(account.agency_id)
    return Session(signed_in=signed_in, account=account, agency=agency, policy=policy, kinds=kinds, at=at)


def showable(factors: list[Factor], policy: Policy) -> frozenset[FactorKind]:
    """Return the kinds of second factors that can be shown; no codes if only passkeys count."""
    kinds = {factor.kind for factor in factors if factor.left}
    return frozenset(kinds & countable(policy) if policy.passkey_only else kinds)


def _has_expired(signed_in: SignedIn, policy: Policy, at: datetime) -> bool:
    return at - signed_in.began_at >= timedelta(hours=policy.session_hours)
