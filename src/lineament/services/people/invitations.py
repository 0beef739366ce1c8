"""Invitations: a link to one account that works once. A configured mail server sends it to the address."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from lineament.errors import InvalidValue, MailUnavailable, Refused
from lineament.identity.mail import Outbox
from lineament.model.accounts import HOME_AGENCY, Account, AccountState, Role
from lineament.model.events.people import AccountInvited, AccountReset
from lineament.model.policy import Preset
from lineament.model.reasons import ReasonCode
from lineament.services.people.policies import policy_for
from lineament.services.people.sessions import digest_of, sign_out_everywhere
from lineament.services.record import Change
from lineament.store.db import Tx

KEEPERS = (Role.ADMINISTRATOR, Role.OPERATOR)
"""Roles without which nobody could invite people or manage sources."""

_SUBJECT = "You are invited to Lineament"
_TEXT = """{name}

{inviter} invites you to Lineament, for {agency}.

Follow this link until {until:%Y-%m-%d %H:%M} UTC. It works once:

{link}

Have a passkey at hand, or an app that makes codes: signing in takes one of them beside a password.
If you did not expect this message, do not follow the link, and tell your administrator.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A new invitation."""

    account: Account
    expires_at: datetime
    link: str | None = field(repr=False)  # to hand over, shown once; None if it was mailed
    unsent: str = ""  # why it could not be mailed; inviting again sends a new one
    ends_solo: bool = False  # whether the terminal alone no longer gives every permission


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingInvitation:
    """An invitation to deliver after its transaction has committed."""

    account: Account
    agency: str
    inviter: str
    token: str = field(repr=False)
    expires_at: datetime
    ends_solo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Delivers invitations."""

    outbox: Outbox | None
    base: str  # scheme, host and port of every link

    def deliver(self, waiting: PendingInvitation) -> Invitation:
        """Mail the link, or return it to be handed over. Call it after the commit: no transaction waits for mail."""
        link = f"{self.base}/join/{waiting.token}"
        return Invitation(
            account=waiting.account,
            expires_at=waiting.expires_at,
            link=link if self.outbox is None else None,
            unsent="" if self.outbox is None else self._mail(self.outbox, waiting, link),
            ends_solo=waiting.ends_solo,
        )

    def _mail(self, outbox: Outbox, waiting: PendingInvitation, link: str) -> str:
        """Mail the link; return why that failed, or ""."""
        text = _TEXT.format(
            name=waiting.account.name,
            inviter=waiting.inviter,
            agency=waiting.agency,
            until=waiting.expires_at,
            link=link,
        )
        try:
            outbox.send(waiting.account.email, _SUBJECT, text)
        except (MailUnavailable, InvalidValue) as error:
            return str(error.details["why"])
        return ""


def invite_account(  # noqa: PLR0913, PLR0917 - who invites whom, as what, and where
    change: Change, inviter: str, agency_id: str, email: str, name: str, roles: Iterable[Role], *, sure: bool = False
) -> PendingInvitation:
    """Add an account and invite it.

    Raises Refused if the licence has no seat left, or if the workspace would leave solo without anybody who
    can manage it (unless ``sure``). Raises AlreadyThere if the agency has an account with that address.
    """
    held = frozenset(roles)
    tx = change.tx
    _require_seat(tx, agency_id, change.at.date())
    account = tx.accounts.add(agency_id, email, name, held, change.at)
    ends_solo = _out_of_solo(tx, sure=sure)
    change.record(
        AccountInvited(
            subject=account.id,
            email=account.email,
            name=account.name,
            roles=tuple(sorted(role.value for role in held)),
        )
    )
    return renew_link(change, inviter, account, ends_solo=ends_solo)


def reinvite(change: Change, inviter: str, account: Account) -> PendingInvitation:
    """Remove password, factors and sessions, and invite the account again; the caller has checked the lifecycle."""
    tx = change.tx
    tx.accounts.set_state(account.id, AccountState.INVITED)
    factors, sessions = tx.factors.remove_all(account.id), sign_out_everywhere(tx, account.id)
    change.record(AccountReset(subject=account.id, name=account.name, factors=factors, sessions=sessions))
    return renew_link(change, inviter, tx.accounts.get(account.id))


def renew_link(change: Change, inviter: str, account: Account, *, ends_solo: bool = False) -> PendingInvitation:
    """Create a new link for an invited account; earlier links stop working."""
    token = secrets.token_urlsafe(32)
    expires_at = change.at + timedelta(days=policy_for(change.tx, account.agency_id).invitation_days)
    change.tx.accounts.invite(account.id, digest_of(token), expires_at)
    agency = change.tx.agencies.name(account.agency_id)
    return PendingInvitation(
        account=account, agency=agency, inviter=inviter, token=token, expires_at=expires_at, ends_solo=ends_solo
    )


def _require_seat(tx: Tx, agency_id: str, today: date) -> None:
    """Raise Refused, with the reason and the date, if the agency has no seat for another account."""
    agency = tx.agencies.get(agency_id)
    against = agency.why_closed(today)
    licence = agency.licence
    if not agency.home and licence is not None and agency.seats_taken >= licence.seats:
        counts = {"taken": agency.seats_taken, "seats": licence.seats, "last": licence.last_day}
        against.append(ReasonCode.SEATS_TAKEN.reason(**counts))
    if against:
        raise Refused(*against)


def _out_of_solo(tx: Tx, *, sure: bool) -> bool:
    """Return whether the account just added ends solo. That is permanent, even if accounts are closed later."""
    if tx.accounts.count() < 2 or tx.agencies.preset(HOME_AGENCY) is Preset.AGENCY:
        return False
    held = {
        role
        for account in tx.accounts.of_agency(HOME_AGENCY)
        if account.state is not AccountState.CLOSED
        for role in account.roles
    }
    missing = [role.value for role in KEEPERS if role not in held]
    if missing and not sure:
        raise Refused(ReasonCode.NO_KEEPER.reason(missing=" and no ".join(missing)))
    tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)
    return True
