"""Signing in: with a password, with an invitation, or at the agency's own provider (R49)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lineament.errors import Damaged, OpenIdUnavailable, SignInRefused, StepUpNeeded
from lineament.identity import passwords
from lineament.identity.openid import Provider, ProviderSignIn, Subject
from lineament.model.accounts import HOME_AGENCY, Account, AccountState, SignedIn
from lineament.model.events.people import AccountJoined, AccountSignedIn, PasswordChanged
from lineament.model.policy import Policy
from lineament.services.needs import open_to_all
from lineament.services.people.attempts import Attempts, password_key
from lineament.services.people.callers import MACHINE, AttemptPlace, Caller
from lineament.services.people.devices import Devices
from lineament.services.people.factors import Factors
from lineament.services.people.policies import policy_for
from lineament.services.people.rate_limits import RateLimits
from lineament.services.people.sessions import Session, SessionKeeper, SessionKey, digest_of
from lineament.services.people.windows import MemoryWindows, StoredWindows
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.ring import KeyRing

_WHY_OPEN = "whoever signs in has no roles yet; each session answers for its own account"
_LONGEST_EMAIL = 320
_PROVIDER_MINUTES = 10
_WRONG = "the address and the password do not belong together, or are locked for a while after several failures"
_NO_LINK = "this link was used, was replaced by a newer one, or has run out"
_NO_ACCOUNT = "no account here is open to that sign-in"
_FORGOTTEN = timedelta(days=25)  # longer than any lock is remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitedAccount:
    """The account that a link invites."""

    account: Account
    agency: str  # its name
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdRedirect:
    """A sign-in in progress at the agency's provider."""

    address: str  # where to send the browser
    pending: str  # for its cookie: sealed, valid for ten minutes

    def __repr__(self) -> str:
        return "OpenIdRedirect(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """An address that somebody claims, with what is stored about it, and the place where they do."""

    email: str
    account: Account | None
    stored: str | None = field(repr=False)  # the hash of the password
    policy: Policy
    place: AttemptPlace

    @property
    def key(self) -> str:
        """The key that counts the failures."""
        return password_key(self.email, self.place)


class SignIn:
    """Signs people in. Every event is recorded in the name of the account that it concerns."""

    def __init__(self, record: Record, keys: KeyRing, provider: Provider | None = None, processes: int = 1) -> None:
        """``processes`` serve the pages of this machine."""
        self._record = record
        self._keys = keys
        self._provider = provider
        self._keeper = SessionKeeper(record)
        self._attempts = Attempts(record)
        self._devices = Devices(keys.derive("devices"))
        several = record.store.dialect == "postgresql"  # perhaps on several machines
        windows = StoredWindows(record.store, record.clock) if several else MemoryWindows(record.clock)
        self.limits = RateLimits(windows, self._devices.signed, processes)
        self.factors = Factors(self._keeper, self._attempts, keys, self._devices, self.limits)

    # ------------------------------------------------------------ with a password

    @open_to_all(_WHY_OPEN)
    def password(
        self,
        untrusted_email: str,
        untrusted_password: str,
        device: str,
        *,
        terminal: bool = False,
        caller: Caller = MACHINE,
    ) -> SessionKey:
        """Sign in; the second factor must still be shown.

        Raises the same SignInRefused, after the same work, whether the address is unknown, the password is wrong,
        the account is suspended or the address is locked. Raises TooManyAttempts before any work.
        """
        with self.limits.attempt(caller):
            claim = self._claim(untrusted_email.strip().lower()[:_LONGEST_EMAIL], caller, terminal=terminal)
            if self._check_password(claim, untrusted_password):
                return self._begin_with_password(claim, untrusted_password, device, terminal=terminal)
            raise SignInRefused(why=_WRONG)

    def _claim(self, email: str, caller: Caller, *, terminal: bool) -> _Claim:
        with self._record.read() as tx:
            account = tx.accounts.by_email(email)
            account_id = "" if account is None else account.id
            stored = tx.accounts.password(account_id)
            policy = policy_for(tx, HOME_AGENCY if account is None else account.agency_id)
            place = self._devices.place(tx, account_id, caller, self._record.clock(), terminal=terminal)
        return _Claim(email=email, account=account, stored=stored, policy=policy, place=place)

    def _begin_with_password(self, claim: _Claim, password: str, device: str, *, terminal: bool) -> SessionKey:
        account, stored = claim.account, claim.stored
        if account is None or stored is None:
            raise SignInRefused(why=_WRONG)
        renewed = self._hash(password) if passwords.needs_rehash(stored) else None
        with self._keeper.acting(account).change() as change:
            _require_unchanged(change.tx, account, stored)
            change.tx.accounts.forgive(claim.key)
            change.tx.accounts.forget_failures(change.at - _FORGOTTEN)
            if renewed is not None:
                change.tx.accounts.set_password(account.id, renewed)
            change.record(AccountSignedIn(how="password", terminal=terminal))
            return self._keeper.begin(change.tx, account, device, terminal)

    @open_to_all(_WHY_OPEN)
    def unlock(self, session: Session, untrusted_password: str, *, caller: Caller = MACHINE) -> SessionKey:
        """Unlock an idle session with the password. Raises SignInRefused or TooManyAttempts."""
        account = session.account
        with self.limits.attempt(caller):
            claim = self._claim_of(session, caller)
            self._verify_password(claim, untrusted_password, "password")
        with self._keeper.acting(account).change() as change:
            _require_unchanged(change.tx, account, claim.stored)
            change.tx.accounts.forgive(claim.key)
            change.record(AccountSignedIn(how="unlocked with the password", session=session.id))
            return self._keeper.rekey(change.tx, session, proved=False)

    @open_to_all(_WHY_OPEN)
    def change_password(
        self, session: Session, untrusted_old: str, untrusted_new: str, *, caller: Caller = MACHINE
    ) -> SessionKey:
        """Set a new password, end every other session of the account and forget its other devices.

        An account that signs in only at a provider has no old one. Raises StepUpNeeded for it if no second factor was
        shown recently, else SignInRefused, TooManyAttempts or InvalidValue.
        """
        account = session.account
        claim = self._claim_of(session, caller)
        if claim.stored is not None:
            with self.limits.attempt(caller):
                self._verify_password(claim, untrusted_old, "old")
        elif not session.fresh:
            raise StepUpNeeded
        with self._record.read() as tx:
            agency = tx.agencies.name(account.agency_id)
        new = self._hash_password(untrusted_new, session.policy, account, agency)
        with self._keeper.acting(account).change() as change:
            _require_unchanged(change.tx, account, claim.stored)
            change.tx.accounts.forgive(claim.key)
            change.tx.accounts.set_password(account.id, new)
            change.tx.devices.forget_all(account.id, but=claim.place.device)
            ended = change.tx.sessions.end_all(account.id, but=session.id)
            change.record(PasswordChanged(sessions_ended=ended))
            return self._keeper.rekey(change.tx, session, proved=False)

    def _claim_of(self, session: Session, caller: Caller) -> _Claim:
        """Return what the owner of a session claims: its account."""
        account = session.account
        with self._record.read() as tx:
            stored = tx.accounts.password(account.id)
            place = self._devices.place_of(tx, session, caller, self._record.clock())
        return _Claim(email=account.email, account=account, stored=stored, policy=session.policy, place=place)

    def _verify_password(self, claim: _Claim, untrusted: str, field: str) -> None:
        """Raise SignInRefused about ``field`` unless the password proves the claim of a session's owner."""
        if not self._check_password(claim, untrusted, known=True):
            why = "the password is wrong, or locked for a while after several failures"
            raise SignInRefused(why=why, field=field)

    def _check_password(self, claim: _Claim, untrusted: str, *, known: bool = False) -> bool:
        """Count the attempt and check it with one argon2, even without an account; on success the caller clears it.

        ``known``: strangers cannot make this attempt. Raises TooManyAttempts, before it counts, if too many check.
        """
        account = claim.account
        with self.limits.checking(known=known or claim.place.known):
            count = self._attempts.count(claim.key, claim.policy)
            fits = passwords.fits(claim.stored, untrusted)
        if fits and count is not None and account is not None and account.state is AccountState.ACTIVE:
            return True
        self._attempts.record_failure(count, claim.policy, account, "password", claim.place)
        return False

    def _hash_password(self, untrusted: str, policy: Policy, account: Account, agency: str) -> str:
        return self._hash(passwords.checked_password(untrusted, policy.password_length, (account.email, agency)))

    def _hash(self, password: str) -> str:
        with self.limits.checking(known=True):
            return passwords.hash_password(password)

    # ------------------------------------------------------------ with an invitation

    @open_to_all(_WHY_OPEN)
    def invited(self, untrusted_token: str, *, caller: Caller = MACHINE) -> InvitedAccount:
        """Return the account that the link invites.

        Raises SignInRefused if the link is no longer valid, TooManyAttempts if the caller tried too many.
        """
        with self.limits.attempt(caller), self._record.read() as tx:
            return self._invited_account(tx, untrusted_token)

    @open_to_all(_WHY_OPEN)
    def join(
        self, untrusted_token: str, name: str, untrusted_password: str, device: str, *, caller: Caller = MACHINE
    ) -> SessionKey:
        """Join, or return after a reset; the link works once.

        Raises SignInRefused, TooManyAttempts, InvalidValue or AlreadyThere.
        """
        invited = self.invited(untrusted_token, caller=caller)
        hashed = self._hash_password(untrusted_password, invited.policy, invited.account, invited.agency)
        return self._join(untrusted_token, name, hashed, device)

    def _join(
        self, untrusted_token: str, name: str, hashed: str | None, device: str, subject: Subject | None = None
    ) -> SessionKey:
        account = self.invited(untrusted_token).account
        with self._keeper.acting(replace(account, name=name.strip() or account.name)).change() as change:
            self._invited_account(change.tx, untrusted_token)
            account = change.tx.accounts.join(account.id, name, hashed)
            if subject is not None:
                change.tx.accounts.set_openid(account.id, subject.issuer, subject.subject)
            change.tx.accounts.forgive(password_key(account.email, AttemptPlace()))
            how = "password" if subject is None else "openid"
            change.record(AccountJoined(how=how, terminal=False))
            return self._keeper.begin(change.tx, account, device, terminal=False)

    def _invited_account(self, tx: Tx, untrusted_token: str) -> InvitedAccount:
        account = tx.accounts.invited(digest_of(untrusted_token), self._record.clock())
        if account is None:
            raise SignInRefused(why=_NO_LINK)
        agency = tx.agencies.name(account.agency_id)
        return InvitedAccount(account=account, agency=agency, policy=policy_for(tx, account.agency_id))

    # ------------------------------------------------------------ at the agency's provider

    @property
    @open_to_all(_WHY_OPEN)
    def openid(self) -> bool:
        """Whether a provider is configured."""
        return self._provider is not None

    @open_to_all(_WHY_OPEN)
    def openid_begin(self, redirect_uri: str, *, next_path: str = "/", invitation: str = "") -> OpenIdRedirect:
        """Begin a sign-in at the provider; ``invitation`` is the token of a link.

        Raises OpenIdUnavailable, or TooManyAttempts if many others are waiting for the provider.
        """
        with self.limits.asking_provider():
            sign_in = self._configured_provider.begin(redirect_uri)
        kept = {
            "address": sign_in.address,
            "state": sign_in.state,
            "nonce": sign_in.nonce,
            "verifier": sign_in.verifier,
            "next": next_path,
            "invitation": invitation,
            "at": self._record.clock().isoformat(),
        }
        pending = self._keys.vault.seal(json.dumps(kept).encode(), "openid sign-in").hex()
        return OpenIdRedirect(address=sign_in.address, pending=pending)

    @open_to_all(_WHY_OPEN)
    def openid_finish(
        self, untrusted_pending: str, untrusted_query: str, redirect_uri: str, device: str, *, caller: Caller = MACHINE
    ) -> tuple[SessionKey, str]:
        """Sign in whoever returns from the provider; return the session's key and the path they wanted.

        A new person needs an invitation to the address that the provider verified. Otherwise the account bound to the
        provider's subject signs in; the first time it is the account with the verified address, which is then bound.
        The second factor must still be shown here. Raises SignInRefused, TooManyAttempts or OpenIdUnavailable.
        """
        with self.limits.attempt(caller):
            kept = self._open_pending(untrusted_pending)
            at_provider = ProviderSignIn(**{name: kept[name] for name in ("address", "state", "nonce", "verifier")})
            with self.limits.asking_provider():
                subject = self._configured_provider.finish(at_provider, untrusted_query, redirect_uri)
            if kept["invitation"]:
                return self._join_with(subject, kept["invitation"], device), kept["next"]
            return self._begin_with_subject(subject, device), kept["next"]

    def _begin_with_subject(self, subject: Subject, device: str) -> SessionKey:
        with self._record.read() as tx:
            account = _account_of(tx, subject)
        if account is None:
            raise SignInRefused(why=_NO_ACCOUNT)
        with self._keeper.acting(account).change() as change:
            now = _account_of(change.tx, subject)
            if now is None or now.id != account.id or now.state is not AccountState.ACTIVE:
                raise SignInRefused(why=_NO_ACCOUNT)
            change.tx.accounts.set_openid(account.id, subject.issuer, subject.subject)
            change.record(AccountSignedIn(how="openid", terminal=False))
            return self._keeper.begin(change.tx, account, device, terminal=False)

    def _join_with(self, subject: Subject, token: str, device: str) -> SessionKey:
        invited = self.invited(token).account
        if not subject.email_verified or subject.email != invited.email:
            raise SignInRefused(why="the invitation is for another address than the one that your provider verified")
        return self._join(token, subject.name or invited.name, None, device, subject)

    @property
    def _configured_provider(self) -> Provider:
        if self._provider is None:
            raise OpenIdUnavailable(why="no provider is configured")
        return self._provider

    def _open_pending(self, untrusted_pending: str) -> dict[str, str]:
        try:
            kept = json.loads(self._keys.vault.open(bytes.fromhex(untrusted_pending[:20_000]), "openid sign-in"))
        except (ValueError, Damaged):
            raise SignInRefused(why="it was not started in this browser") from None
        if self._record.clock() - datetime.fromisoformat(kept["at"]) > timedelta(minutes=_PROVIDER_MINUTES):
            raise SignInRefused(why="it took longer than ten minutes")
        return dict(kept)

    # ------------------------------------------------------------ sessions

    @open_to_all(_WHY_OPEN)
    def session(self, untrusted_key: str) -> Session | None:
        """Return the session of a key, whatever its state; None if it does not exist or has ended."""
        return self._keeper.find(untrusted_key)

    @open_to_all(_WHY_OPEN)
    def sessions(self, session: Session) -> list[SignedIn]:
        """Return the account's sessions, most recently seen first."""
        return self._keeper.of_account(session)

    @open_to_all(_WHY_OPEN)
    def end(self, session: Session, session_id: str) -> bool:
        """End one of the account's own sessions; return whether it existed."""
        return self._keeper.end(session, session_id)

    @open_to_all(_WHY_OPEN)
    def end_others(self, session: Session, *, caller: Caller = MACHINE) -> int:
        """End every other session of the account and forget its other devices; return how many sessions ended."""
        ended = self._keeper.end_others(session)
        with self._record.begin() as tx:
            place = self._devices.place_of(tx, session, caller, self._record.clock())
            tx.devices.forget_all(session.account.id, but=place.device)
        return ended

    @open_to_all(_WHY_OPEN)
    def sign_out(self, session: Session) -> None:
        """End this session."""
        self._keeper.sign_out(session)


def _require_unchanged(tx: Tx, account: Account, stored: str | None) -> None:
    """Raise SignInRefused if the account is not active any more or its password was changed since it was checked."""
    if tx.accounts.get(account.id).state is not AccountState.ACTIVE or tx.accounts.password(account.id) != stored:
        raise SignInRefused(why=_WRONG)


def _account_of(tx: Tx, subject: Subject) -> Account | None:
    """Return the account bound to the subject, else the only one with its verified address; None if neither exists."""
    bound = tx.accounts.by_openid(subject.issuer, subject.subject)
    if bound is not None or subject.email is None or not subject.email_verified:
        return bound
    account = tx.accounts.by_email(subject.email)
    return None if account is None or tx.accounts.has_openid(account.id) else account
