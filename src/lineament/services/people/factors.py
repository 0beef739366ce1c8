"""Second factors: verify one (which is also the step-up), and add and remove them (R49)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lineament.errors import Damaged, NotFound, Refused, SignInRefused, StepUpNeeded
from lineament.identity import passkeys, recovery, totp
from lineament.model.accounts import Factor, FactorKind
from lineament.model.events.people import FactorAdded, FactorRemoved, FactorShown
from lineament.model.reasons import ReasonCode
from lineament.services.needs import open_to_all
from lineament.services.people.attempts import Attempts, factor_key
from lineament.services.people.callers import MACHINE, Caller
from lineament.services.people.devices import Devices
from lineament.services.people.rate_limits import RateLimits
from lineament.services.people.sessions import Session, SessionKeeper, SessionKey, countable, showable
from lineament.services.record import Change
from lineament.store.db import Store, Tx
from lineament.store.ring import KeyRing

MOST = 20
"""Second factors of one account."""

Fits = Callable[[Tx, datetime], bool]
"""Checks an answer, in the transaction that marks it as used."""

_PRODUCT = "Lineament"
_USED = "this code was used before; wait until your app shows the next code, at most 30 seconds"
_WHY_OPEN = "every account has its own second factors; each session answers for its own account"
_NOT_FITTING = "this second factor does not fit, was used before, or is locked for a while after several failures"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApp:
    """An authenticator app that is being set up: its secret, and the state that returns with its first code."""

    secret: str  # base32, to type in if there is no camera
    address: str  # otpauth:
    pending: str  # the secret, sealed for this session; no other session can use it

    def __repr__(self) -> str:
        return "NewApp(…)"


class Factors:
    """The second factors of the signed-in account. ``origin`` is the browser's: scheme, host and port.

    Whoever shows one has signed in with everything that is asked, so the browser is a known device from then on.
    """

    def __init__(
        self, keeper: SessionKeeper, attempts: Attempts, keys: KeyRing, devices: Devices, limits: RateLimits
    ) -> None:
        self._keeper = keeper
        self._attempts = attempts
        self._keys = keys
        self._devices = devices
        self._limits = limits

    @open_to_all(_WHY_OPEN)
    def all(self, session: Session) -> list[Factor]:
        """Return the account's second factors, oldest first."""
        with self._keeper.record.read() as tx:
            return tx.factors.of_account(session.account.id)

    # ------------------------------------------------------------ showing one

    @open_to_all(_WHY_OPEN)
    def prove_code(self, session: Session, untrusted_code: str, *, caller: Caller = MACHINE) -> SessionKey:
        """Verify six digits from an app, or a recovery code. Raises SignInRefused or TooManyAttempts."""
        digits = "".join(untrusted_code.split())
        if len(digits) == 6 and digits.isdigit():
            return self.prove_totp(session, untrusted_code, caller=caller)
        return self.prove_recovery(session, untrusted_code, caller=caller)

    @open_to_all(_WHY_OPEN)
    def prove_totp(self, session: Session, untrusted_code: str, *, caller: Caller = MACHINE) -> SessionKey:
        """Verify a code from an app; each works once. Raises SignInRefused or TooManyAttempts."""

        def fits(tx: Tx, at: datetime) -> bool:
            return self._check_totp(tx, session, untrusted_code, at)

        return self._verify(session, FactorKind.TOTP, fits, caller)

    @open_to_all(_WHY_OPEN)
    def prove_recovery(self, session: Session, untrusted_code: str, *, caller: Caller = MACHINE) -> SessionKey:
        """Verify a recovery code; each works once. Raises SignInRefused or TooManyAttempts."""
        digest = recovery.digest(untrusted_code, self._recovery_key)

        def fits(tx: Tx, at: datetime) -> bool:
            return tx.factors.spend(session.account.id, digest, at)

        return self._verify(session, FactorKind.RECOVERY, fits, caller)

    @open_to_all(_WHY_OPEN)
    def begin_passkey(self, session: Session, origin: str) -> dict[str, Any]:
        """Return the request for the browser's passkeys (PublicKeyCredentialRequestOptionsJSON)."""
        rp_id = passkeys.rp_id_of(origin)
        with self._keeper.record.read() as tx:
            known = [
                bytes.fromhex(passkey["credential_id"])
                for passkey in _passkeys(tx, session)
                if passkey["rp_id"] == rp_id
            ]
        options, challenge = passkeys.assertion(rp_id, known)
        self._keep_challenge(session, challenge)
        return options

    @open_to_all(_WHY_OPEN)
    def prove_passkey(
        self, session: Session, untrusted_json: str, origin: str, *, caller: Caller = MACHINE
    ) -> SessionKey:
        """Verify a passkey's answer to ``begin_passkey``; each works once. Raises SignInRefused or TooManyAttempts."""
        challenge = self._take_challenge(session)
        credential_id = passkeys.answering(untrusted_json)

        def fits(tx: Tx, at: datetime) -> bool:
            found = tx.factors.by_credential(session.account.id, credential_id)
            if found is None:
                return False
            factor, secret = found
            count = passkeys.verify_assertion(
                untrusted_json,
                challenge,
                secret["rp_id"],
                origin,
                credential_id,
                bytes.fromhex(secret["public_key"]),
                0,  # the store compares the counts in the transaction that stores the new one
            )
            return tx.factors.record_use(factor.id, at, count)

        return self._verify(session, FactorKind.PASSKEY, fits, caller)

    def _verify(self, session: Session, kind: FactorKind, fits: Fits, caller: Caller) -> SessionKey:
        """Count the attempt, check it, and return the session's new key if it is right. Raises SignInRefused."""
        account, policy = session.account, session.policy
        with self._limits.attempt(caller):
            with self._keeper.record.read() as tx:
                place = self._devices.place_of(tx, session, caller, self._keeper.record.clock())
            key = factor_key(account, place)
            count = self._attempts.count(key, policy)
            try:
                with self._keeper.acting(account).change() as change:
                    if count is None or kind not in session.kinds or not fits(change.tx, change.at):
                        raise SignInRefused(why=_NOT_FITTING, field="" if kind is FactorKind.PASSKEY else "code")
                    change.tx.accounts.forgive(key)
                    change.record(FactorShown(factor=kind.value, session=session.id))
                    return self._proved(change, session, caller)
            except SignInRefused:
                self._attempts.record_failure(count, policy, account, "second factor", place)
                raise

    def _proved(self, change: Change, session: Session, caller: Caller) -> SessionKey:
        """Return the key of a session whose second factor was shown, and that of its device if it is a new one."""
        device = self._devices.remember(change.tx, session.account.id, caller, change.at)
        return replace(self._keeper.rekey(change.tx, session, proved=True), device=device)

    def _check_totp(self, tx: Tx, session: Session, untrusted_code: str, at: datetime) -> bool:
        for factor in tx.factors.of_account(session.account.id):
            if factor.kind is FactorKind.TOTP:
                step = totp.step_of(tx.factors.secret(factor.id)["secret"], untrusted_code, at, 0)
                if step is None:
                    continue
                if not tx.factors.record_use(factor.id, at, step):
                    raise SignInRefused(why=_USED)
                return True
        return False

    # ------------------------------------------------------------ adding and removing

    @open_to_all(_WHY_OPEN)
    def begin_passkey_enrolment(self, session: Session, origin: str) -> dict[str, Any]:
        """Return the browser's options for a new passkey (PublicKeyCredentialCreationOptionsJSON).

        Raises StepUpNeeded or Refused.
        """
        account = session.account
        with self._keeper.record.read() as tx:
            _is_first_factor(tx, session)
            known = [bytes.fromhex(passkey["credential_id"]) for passkey in _passkeys(tx, session)]
        options, challenge = passkeys.registration(
            passkeys.rp_id_of(origin), _PRODUCT, account.id, account.email, account.name, known
        )
        self._keep_challenge(session, challenge)
        return options

    @open_to_all(_WHY_OPEN)
    def enrol_passkey(
        self, session: Session, untrusted_json: str, origin: str, name: str, *, caller: Caller = MACHINE
    ) -> SessionKey:
        """Add the passkey that the browser created. Raises SignInRefused, StepUpNeeded, Refused or AlreadyThere."""
        rp_id = passkeys.rp_id_of(origin)
        passkey = passkeys.verify_registration(untrusted_json, self._take_challenge(session), rp_id, origin)
        credential = passkey.credential_id.hex()
        secret = {"credential_id": credential, "public_key": passkey.public_key.hex(), "rp_id": rp_id}
        return self._enrol(
            session, FactorKind.PASSKEY, name, secret, caller, lookup_text=credential, counter=passkey.sign_count
        )

    @open_to_all(_WHY_OPEN)
    def begin_totp(self, session: Session) -> NewApp:
        """Return a new secret for an app. Raises StepUpNeeded or Refused."""
        with self._keeper.record.read() as tx:
            _is_first_factor(tx, session)
        secret = totp.new_secret()
        pending = self._keys.vault.seal(secret.encode(), _enrolment_context(session)).hex()
        return self._new_app(session, secret, pending)

    @open_to_all(_WHY_OPEN)
    def pending_totp(self, session: Session, untrusted_pending: str) -> NewApp:
        """Return the app again after a wrong code. Raises SignInRefused if it was not set up in this session."""
        return self._new_app(session, self._open_secret(session, untrusted_pending), untrusted_pending)

    @open_to_all(_WHY_OPEN)
    def enrol_totp(
        self, session: Session, untrusted_pending: str, untrusted_code: str, name: str, *, caller: Caller = MACHINE
    ) -> SessionKey:
        """Add the app if the code comes from its secret. Raises SignInRefused, StepUpNeeded or Refused."""
        secret = self._open_secret(session, untrusted_pending)
        step = totp.step_of(secret, untrusted_code, self._keeper.record.clock(), 0)
        if step is None:
            why = "this code does not belong to the app; check that its clock is right"
            raise SignInRefused(why=why, field="code")
        return self._enrol(session, FactorKind.TOTP, name, {"secret": secret}, caller, counter=step)

    @open_to_all(_WHY_OPEN)
    def new_recovery_codes(self, session: Session) -> list[str]:
        """Return ten new codes, which replace the old ones and are shown once. Raises StepUpNeeded or Refused."""
        if session.policy.passkey_only:
            raise Refused(ReasonCode.NO_RECOVERY_CODES.reason())
        codes = recovery.new_codes()
        digests = [recovery.digest(code, self._recovery_key).hex() for code in codes]
        with self._keeper.acting(session.account).change() as change:
            if not session.enrolled or not session.fresh:
                raise StepUpNeeded
            _add(change, session, FactorKind.RECOVERY, "Recovery codes", {"codes": digests})
        return codes

    @open_to_all(_WHY_OPEN)
    def remove(self, session: Session, factor_id: str) -> None:
        """Remove one of the account's factors. Raises NotFound, StepUpNeeded, or Refused for a last, required one."""
        with self._keeper.acting(session.account).change() as change:
            if not session.fresh:
                raise StepUpNeeded
            own = change.tx.factors.of_account(session.account.id)
            found = next((factor for factor in own if factor.id == factor_id), None)
            if found is None:
                raise NotFound(what="second factor", name=factor_id[:40], hint="the page of your account")
            left = [factor for factor in own if factor is not found]
            if session.policy.second_factor and not showable(left, session.policy) & countable(session.policy):
                raise Refused(ReasonCode.ONLY_FACTOR.reason())
            change.tx.factors.remove(found.id)
            change.record(FactorRemoved(factor=found.kind.value, id=found.id))

    def _enrol(
        self, session: Session, kind: FactorKind, name: str, secret: Mapping[str, Any], caller: Caller, **more: Any
    ) -> SessionKey:
        if kind not in countable(session.policy):
            raise Refused(ReasonCode.PASSKEYS_ONLY.reason())
        with self._keeper.acting(session.account).change() as change:
            first = _is_first_factor(change.tx, session)
            _add(change, session, kind, name.strip()[:80] or kind.value, secret, **more)
            return (
                self._proved(change, session, caller) if first else self._keeper.rekey(change.tx, session, proved=False)
            )

    # ------------------------------------------------------------ what is kept between two requests

    @property
    def _store(self) -> Store:
        return self._keeper.record.store

    @property
    def _recovery_key(self) -> bytes:
        return self._keys.derive("recovery codes")

    def _keep_challenge(self, session: Session, challenge: bytes) -> None:
        with self._store.begin() as tx:
            tx.sessions.challenge(session.id, challenge)

    def _take_challenge(self, session: Session) -> bytes:
        with self._store.begin() as tx:
            challenge = tx.sessions.take_challenge(session.id)
        if challenge is None:
            raise SignInRefused(why="the passkey was not asked just now; open the page again")
        return challenge

    def _open_secret(self, session: Session, untrusted_pending: str) -> str:
        try:
            return self._keys.vault.open(bytes.fromhex(untrusted_pending[:1000]), _enrolment_context(session)).decode()
        except (ValueError, Damaged):
            raise SignInRefused(why="the app was not set up in this session; open the page again") from None

    def _new_app(self, session: Session, secret: str, pending: str) -> NewApp:
        return NewApp(secret=secret, address=totp.uri(secret, session.account.email, _PRODUCT), pending=pending)


def _enrolment_context(session: Session) -> str:
    return f"totp enrolment|{session.id}"


def _passkeys(tx: Tx, session: Session) -> list[dict[str, Any]]:
    own = tx.factors.of_account(session.account.id)
    return [tx.factors.secret(factor.id) for factor in own if factor.kind is FactorKind.PASSKEY]


def _is_first_factor(tx: Tx, session: Session) -> bool:
    """Return whether this would be the first factor. Raises StepUpNeeded if one exists but was not shown recently."""
    own = tx.factors.of_account(session.account.id)
    first = not showable(own, session.policy) & countable(session.policy)
    if session.locked or not (first or session.fresh):
        raise StepUpNeeded
    if len(own) >= MOST:
        raise Refused(ReasonCode.MOST_FACTORS.reason(limit=MOST))
    return first


def _add(change: Change, session: Session, kind: FactorKind, name: str, secret: Mapping[str, Any], **more: Any) -> None:
    factor = change.tx.factors.add(session.account.id, kind, name, secret, change.at, **more)
    change.record(FactorAdded(factor=kind.value, id=factor.id))
