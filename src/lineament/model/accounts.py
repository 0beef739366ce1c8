"""Accounts: who may do what. One table of roles is shared by pages, commands and tests (R45)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from lineament.errors import InvalidValue

HOME_AGENCY = "home"
"""The id of the agency that runs this workspace, also of a solo one. Operators belong to it."""


class Role(StrEnum):
    """A role of an official. One person may hold several, except the combinations in SEPARATED."""

    EXAMINER = "examiner"
    REVIEWER = "reviewer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"


class Permission(StrEnum):
    """A permission; every page and command declares the one it needs."""

    PUBLIC = "public"  # anybody who reaches the port; gives access to nothing in the workspace
    MACHINE = "machine"  # whoever is at the machine's terminal, without an account; the keys are there anyway
    OWN_ACCOUNT = "own account"  # every official: their own sign-in, factors and sessions, and the help
    READ_CASES = "read cases"  # only those of the official's agency, and those they were invited to
    TAKE_PART = "take part"  # notes, messages and files in the room of a case
    OPEN_CASES = "open cases"  # and their photographs, and close them
    SEARCH = "search"
    REVIEW = "review"  # decide about candidates
    MEASURE_REVIEWERS = "measure reviewers"  # of their own agency, with pairs whose truth is known (R23)
    APPROVE = "approve"  # a further approval of a search (R11)
    MANAGE_CASES = "manage cases"  # authorisation, members, invited agencies, legal hold
    STOP_AGENCY = "stop agency"  # all searching of their own agency
    READ_SOURCES = "read sources"
    MANAGE_SOURCES = "manage sources"  # register, feed, suspend, withdraw, erase
    CHANGE_THRESHOLD = "change threshold"  # of the workspace, and its model: propose and approve (R28)
    READ_LEDGER = "read ledger"  # the entries of their own agency
    READ_USAGE = "read usage"  # of their own agency
    READ_MISUSE = "read misuse"  # the weekly report of their own agency, and the list of guarded faces
    MANAGE_PEOPLE = "manage people"  # of their own agency, and its policy
    OPERATE = "operate"  # vet and license agencies, stop everything, see every agency's usage


_EVERYONE = frozenset({Permission.PUBLIC, Permission.OWN_ACCOUNT, Permission.READ_SOURCES})

ROLES: dict[Role, frozenset[Permission]] = {
    Role.EXAMINER: _EVERYONE
    | {
        Permission.READ_CASES,
        Permission.TAKE_PART,
        Permission.OPEN_CASES,
        Permission.SEARCH,
        Permission.REVIEW,
    },
    Role.REVIEWER: _EVERYONE | {Permission.READ_CASES, Permission.TAKE_PART, Permission.REVIEW, Permission.APPROVE},
    Role.SUPERVISOR: _EVERYONE
    | {
        Permission.READ_CASES,
        Permission.TAKE_PART,
        Permission.OPEN_CASES,
        Permission.REVIEW,
        Permission.MEASURE_REVIEWERS,
        Permission.APPROVE,
        Permission.MANAGE_CASES,
        Permission.STOP_AGENCY,
        Permission.READ_USAGE,
        Permission.READ_MISUSE,
    },
    Role.AUDITOR: _EVERYONE
    | {Permission.READ_CASES, Permission.READ_LEDGER, Permission.READ_USAGE, Permission.READ_MISUSE},
    Role.ADMINISTRATOR: _EVERYONE | {Permission.MANAGE_PEOPLE, Permission.READ_USAGE, Permission.STOP_AGENCY},
    Role.OPERATOR: _EVERYONE | {Permission.OPERATE, Permission.MANAGE_SOURCES, Permission.CHANGE_THRESHOLD},
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
"""Pairs of roles that one person must not hold together, and why (R45)."""

SEES_ALL_CASES = frozenset({Role.SUPERVISOR, Role.AUDITOR})
"""Roles that see every case of their own agency; the others see the cases they are members of."""

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")


def checked_email(untrusted: str) -> str:
    """Return an e-mail address stripped and in lower case, for comparison. Raises InvalidValue if it is none."""
    email = untrusted.strip().lower()
    if not _EMAIL.fullmatch(email) or not email.isprintable():
        why = "write it as name@agency.example"
        raise InvalidValue(what="The e-mail address", value=untrusted[:100], why=why, field="email")
    return email


def checked_roles(roles: Iterable[Role]) -> frozenset[Role]:
    """Return the roles of one person as a set. Raises InvalidValue if it is empty, or holds a pair in SEPARATED."""
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
    """Which cases an official sees on a day: with certain roles all of the agency, else those with a membership."""

    agency_id: str
    account_id: str | None  # None: the official at the machine, who is a member of nothing
    whole_agency: bool  # every case of the agency
    today: date
    only_case: int | None = None  # of a key that is bound to one case: no other


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBounds:
    """What a program may do that acts for an official with a key: never more than the official."""

    id: str
    rights: frozenset[Permission]
    case_id: int | None = None  # the only case that it sees; None: those that the official sees
    sources: tuple[str, ...] = ()  # the only sources that it works with; empty: those that the official may


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """Who acts: an account, or the person at the machine."""

    name: str  # as recorded
    agency_id: str = HOME_AGENCY
    account_id: str | None = None  # None: the person at the machine
    roles: frozenset[Role] = frozenset()
    solo: bool = False  # the only person, who has every permission
    proved_at: datetime | None = None  # when the second factor was last shown
    key: KeyBounds | None = None  # of the program that acts for the official; None: the official acts in person

    def may(self, permission: Permission) -> bool:
        """Return whether this official has the permission at all; access to a case is checked separately."""
        if permission is Permission.PUBLIC:
            return True
        if self.key is not None and permission not in self.key.rights:
            return False
        if self.solo:
            return True
        if permission is Permission.MACHINE:
            return self.account_id is None
        return any(permission in ROLES[role] for role in self.roles)

    def may_use(self, source: str) -> bool:
        """Return whether the key lets a program work with the source of that name; always if there is no key."""
        return self.key is None or not self.key.sources or source in self.key.sources

    @property
    def in_person(self) -> Official:
        """The official without the program that acts for them: what a person knows does not depend on their key."""
        return replace(self, key=None)

    @property
    def sees_all_cases(self) -> bool:
        """Whether the official sees every case of the agency without being a member."""
        return self.solo or bool(self.roles & SEES_ALL_CASES)

    def sight(self, today: date) -> Sight:
        """Return what this official sees on that day."""
        return Sight(
            agency_id=self.agency_id,
            account_id=self.account_id,
            whole_agency=self.sees_all_cases,
            today=today,
            only_case=None if self.key is None else self.key.case_id,
        )


class AccountState(StrEnum):
    """The state of an account."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class AccountEvent(StrEnum):
    """An event in the life of an account; the value completes “it cannot be …”."""

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
    """An official's account. It takes a seat of the licence from the invitation until it is closed."""

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
        """The official who acts with this account."""
        return Official(name=self.name, agency_id=self.agency_id, account_id=self.id, roles=self.roles)

    def trained(self, today: date) -> bool:
        """Return whether the training counts today."""
        return self.trained_until is not None and today <= self.trained_until


class FactorKind(StrEnum):
    """The kinds of second factors."""

    PASSKEY = "passkey"  # WebAuthn: cannot be phished
    TOTP = "totp"  # six digits from an app (RFC 6238)
    RECOVERY = "recovery"  # ten codes on paper; each works once


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A second factor of an account, without its secret."""

    id: str
    kind: FactorKind
    name: str  # given by its owner
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
    proved_at: datetime | None  # when a second factor was last shown; None: not yet, so the session opens nothing else
    device: str  # the browser's own description, shortened
    terminal: bool  # begun by: lineament sign-in
