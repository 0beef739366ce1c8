"""Accounts: who may do what. One table of roles is shared by pages, commands and tests (R45)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from lineament.errors import InvalidValue

HOME_AGENCY = "home"
"""The agency that runs this workspace; the one of a solo workspace too. Operators belong to it."""


class Role(StrEnum):
    """What an official is trusted with. One person may hold several, but for those in SEPARATED."""

    EXAMINER = "examiner"
    REVIEWER = "reviewer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"


class Permission(StrEnum):
    """What a page or a command needs; declared beside each one."""

    PUBLIC = "public"  # anybody who reaches the port: nothing that belongs to the workspace
    MACHINE = "machine"  # whoever runs the machine, in the terminal, without an account: keys lie there anyway
    OWN_ACCOUNT = "own account"  # every official: sign-in, factors and sessions of one's own, help
    READ_CASES = "read cases"  # of these only one's own agency's, and those one was invited to
    TAKE_PART = "take part"  # notes, messages and files in the room of a case
    OPEN_CASES = "open cases"  # and their photographs, and close them
    SEARCH = "search"
    APPROVE = "approve"  # a further approval of a search (R11)
    MANAGE_CASES = "manage cases"  # authorisation, members, invited agencies, legal hold
    STOP_AGENCY = "stop agency"  # all searching of one's own agency, at once
    READ_SOURCES = "read sources"
    MANAGE_SOURCES = "manage sources"  # register, feed, suspend, withdraw, erase
    READ_LEDGER = "read ledger"  # the entries of one's own agency
    READ_USAGE = "read usage"  # of one's own agency
    MANAGE_PEOPLE = "manage people"  # of one's own agency, and how strict its policy is
    OPERATE = "operate"  # vet and license agencies, stop everything, see what each of them uses


_EVERYONE = frozenset({Permission.PUBLIC, Permission.OWN_ACCOUNT, Permission.READ_SOURCES})

ROLES: dict[Role, frozenset[Permission]] = {
    Role.EXAMINER: _EVERYONE | {Permission.READ_CASES, Permission.TAKE_PART, Permission.OPEN_CASES, Permission.SEARCH},
    Role.REVIEWER: _EVERYONE | {Permission.READ_CASES, Permission.TAKE_PART, Permission.APPROVE},
    Role.SUPERVISOR: _EVERYONE
    | {
        Permission.READ_CASES,
        Permission.TAKE_PART,
        Permission.OPEN_CASES,
        Permission.APPROVE,
        Permission.MANAGE_CASES,
        Permission.STOP_AGENCY,
        Permission.READ_USAGE,
    },
    Role.AUDITOR: _EVERYONE | {Permission.READ_CASES, Permission.READ_LEDGER, Permission.READ_USAGE},
    Role.ADMINISTRATOR: _EVERYONE | {Permission.MANAGE_PEOPLE, Permission.READ_USAGE, Permission.STOP_AGENCY},
    Role.OPERATOR: _EVERYONE | {Permission.OPERATE, Permission.MANAGE_SOURCES},
}
"""What each role may do. An auditor cannot search; administrators and operators cannot read cases (R45)."""

SEPARATED: tuple[tuple[frozenset[Role], frozenset[Role], str], ...] = (
    (
        frozenset({Role.AUDITOR}),
        frozenset(Role) - {Role.AUDITOR},
        "an auditor looks at what others did, so an auditor does nothing else",
    ),
    (
        frozenset({Role.ADMINISTRATOR, Role.OPERATOR}),
        frozenset({Role.EXAMINER, Role.REVIEWER, Role.SUPERVISOR}),
        "who manages accounts or agencies cannot read cases",
    ),
)
"""Roles that no one person holds together, and why (R45)."""

SEES_ALL_CASES = frozenset({Role.SUPERVISOR, Role.AUDITOR})
"""Roles that see every case of their own agency; the others see those they are members of."""

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")


def checked_email(untrusted: str) -> str:
    """An e-mail address as it is compared: without blanks at its ends, in lower case. InvalidValue if it is none."""
    email = untrusted.strip().lower()
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        why = "write it as name@agency.example"
        raise InvalidValue(what="The e-mail address", value=untrusted[:100], why=why, field="email")
    return email


def checked_roles(roles: Iterable[Role]) -> frozenset[Role]:
    """The roles of one person; InvalidValue if there is none, or if two of them are kept apart."""
    held = frozenset(roles)
    shown = ", ".join(sorted(held))
    if not held:
        raise InvalidValue(what="The choice of roles", value="", why="choose at least one", field="role")
    for some, others, why in SEPARATED:
        if held & some and held & others:
            raise InvalidValue(what="The choice of roles", value=shown, why=why, field="role")
    return held


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Which cases are seen on a day: those of one's own agency with a role for that, and those one is a member of."""

    agency_id: str
    account_id: str | None  # None: whoever is at the machine, a member of nothing
    whole_agency: bool  # every case of the agency
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """Who acts: an account at work, or the one person at the machine (of a solo workspace, say)."""

    name: str  # as it is recorded
    agency_id: str = HOME_AGENCY
    account_id: str | None = None  # None: whoever is at the machine
    roles: frozenset[Role] = frozenset()
    solo: bool = False  # the only person there is, who does everything
    proved_at: datetime | None = None  # when the second factor was last shown

    def may(self, permission: Permission) -> bool:
        """Whether this official may do that at all; which cases is another question."""
        if permission is Permission.PUBLIC or self.solo:
            return True
        if permission is Permission.MACHINE:
            return self.account_id is None
        return any(permission in ROLES[role] for role in self.roles)

    @property
    def sees_all_cases(self) -> bool:
        """Whether every case of the own agency is seen without being a member of it."""
        return self.solo or bool(self.roles & SEES_ALL_CASES)

    def sight(self, today: date) -> Sight:
        """Which cases this official sees on that day."""
        return Sight(
            agency_id=self.agency_id, account_id=self.account_id, whole_agency=self.sees_all_cases, today=today
        )


class AccountState(StrEnum):
    """Where an account stands."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class AccountEvent(StrEnum):
    """What happens to an account; the value completes “it cannot be …”."""

    JOINED = "joined"
    SUSPENDED = "suspended"
    RESTORED = "restored"
    RESET = "reset"
    CLOSED = "closed"


ACCOUNT_NEXT = {
    AccountState.INVITED: {
        AccountEvent.JOINED: AccountState.ACTIVE,
        AccountEvent.RESET: AccountState.INVITED,
        AccountEvent.CLOSED: AccountState.CLOSED,
    },
    AccountState.ACTIVE: {
        AccountEvent.SUSPENDED: AccountState.SUSPENDED,
        AccountEvent.RESET: AccountState.INVITED,
        AccountEvent.CLOSED: AccountState.CLOSED,
    },
    AccountState.SUSPENDED: {
        AccountEvent.RESTORED: AccountState.ACTIVE,
        AccountEvent.CLOSED: AccountState.CLOSED,
    },
    AccountState.CLOSED: {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An official's account. A seat of the licence is taken from the invitation until it is closed."""

    id: str
    agency_id: str
    email: str
    name: str
    roles: frozenset[Role]
    state: AccountState
    created_at: datetime
    trained_until: date | None = None  # the last day on which the training in face comparison counts (R23)
    last_seen_at: datetime | None = None

    @property
    def official(self) -> Official:
        """This account at work."""
        return Official(name=self.name, agency_id=self.agency_id, account_id=self.id, roles=self.roles)

    def trained(self, today: date) -> bool:
        """Whether the training counts today."""
        return self.trained_until is not None and today <= self.trained_until


class FactorKind(StrEnum):
    """A second factor."""

    PASSKEY = "passkey"  # WebAuthn: cannot be phished
    TOTP = "totp"  # six digits from an app (RFC 6238)
    RECOVERY = "recovery"  # ten codes on paper, each good once


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A second factor of an account, without its secret."""

    id: str
    kind: FactorKind
    name: str  # that its owner gave it
    added_at: datetime
    used_at: datetime | None
    left: int = 1  # recovery codes that are left


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session of an account, as its owner sees it in the list."""

    id: str
    account_id: str
    began_at: datetime
    seen_at: datetime
    proved_at: datetime | None  # when a second factor was last shown; None: not yet, so nothing but that is open
    device: str  # the browser's own description, shortened
    terminal: bool  # begun by: lineament sign-in
