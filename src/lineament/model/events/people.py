"""Events of agencies, accounts and sign-ins. ``agency`` and ``subject`` are ids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from lineament.model.actions import Action
from lineament.model.events.base import Event


class AgencyRegistered(Event, action=Action.AGENCY_REGISTERED):
    """An agency was registered."""

    agency: str
    name: str
    jurisdiction: str


class AgencyRenamed(Event, action=Action.AGENCY_RENAMED):
    """The agency that runs the workspace was renamed."""

    agency: str
    name: str
    jurisdiction: str


class AgencyVetted(Event, action=Action.AGENCY_VETTED):
    """The vetting of an agency was recorded."""

    agency: str
    by: str
    outcome: str
    legal_restrictions: str
    human_rights_record: str
    renew_on: date


class AgencyLicensed(Event, action=Action.AGENCY_LICENSED):
    """An agency was given a licence."""

    agency: str
    kind: str
    first_day: date
    last_day: date
    seats: int
    searches_a_month: int
    price: str
    reference: str


class AgencyStopped(Event, action=Action.AGENCY_STOPPED):
    """The searching of an agency was stopped."""

    agency: str
    reason: str


class AgencyResumed(Event, action=Action.AGENCY_RESUMED):
    """The searching of an agency was resumed."""

    agency: str


class AllStopped(Event, action=Action.ALL_STOPPED):
    """All searching was stopped."""

    reason: str


class AllResumed(Event, action=Action.ALL_RESUMED):
    """All searching was resumed."""


class PolicyChanged(Event, action=Action.POLICY_CHANGED):
    """Settings of the policy of an agency were changed."""

    agency: str
    settings: Mapping[str, bool | int]


class AccountInvited(Event, action=Action.ACCOUNT_INVITED):
    """Somebody was invited to an account."""

    subject: str
    email: str
    name: str
    roles: tuple[str, ...]


class AccountJoined(Event, action=Action.ACCOUNT_JOINED):
    """An invited person joined."""

    how: str
    terminal: bool


class AccountReset(Event, action=Action.ACCOUNT_RESET):
    """Password, factors and sessions of an account were removed, and it was invited again."""

    subject: str
    name: str
    factors: int
    sessions: int


class AccountRolesChanged(Event, action=Action.ACCOUNT_ROLES_CHANGED):
    """The roles of an account were changed."""

    subject: str
    name: str
    before: tuple[str, ...]
    roles: tuple[str, ...]


class AccountTrained(Event, action=Action.ACCOUNT_TRAINED):
    """Somebody's training was recorded or revoked."""

    subject: str
    name: str
    until: date | None


class AccountSuspended(Event, action=Action.ACCOUNT_SUSPENDED):
    """An account was suspended."""

    subject: str
    name: str
    sessions: int  # that ended


class AccountRestored(Event, action=Action.ACCOUNT_RESTORED):
    """A suspended account was restored."""

    subject: str
    name: str
    sessions: int


class AccountClosed(Event, action=Action.ACCOUNT_CLOSED):
    """An account was closed."""

    subject: str
    name: str
    sessions: int  # that ended
    cases: int  # that were left


class FactorAdded(Event, action=Action.FACTOR_ADDED):
    """A second factor was added."""

    factor: str  # its kind
    id: str


class FactorRemoved(Event, action=Action.FACTOR_REMOVED):
    """A second factor was removed."""

    factor: str  # its kind
    id: str


class FactorShown(Event, action=Action.FACTOR_SHOWN):
    """A second factor was shown."""

    factor: str  # its kind
    session: str


class PasswordChanged(Event, action=Action.PASSWORD_CHANGED):
    """A password was changed."""

    sessions_ended: int


class AccountSignedIn(Event, action=Action.SIGNED_IN):
    """Somebody signed in, or unlocked a session with the password."""

    how: str
    terminal: bool | None = None  # of a new session
    session: str | None = None  # that was unlocked


class AccountSignedOut(Event, action=Action.SIGNED_OUT):
    """Somebody signed out."""

    session: str


class SignInLocked(Event, action=Action.SIGN_IN_LOCKED):
    """Signing in was locked after several failures."""

    what: str  # password or second factor
    minutes: int


class SignInUnlocked(Event, action=Action.SIGN_IN_UNLOCKED):
    """An administrator unlocked somebody's sign-in."""

    subject: str
    name: str


class SessionEnded(Event, action=Action.SESSION_ENDED):
    """Sessions were ended: one by its owner, or all of an account by an administrator."""

    session: str | None = None  # by its owner
    subject: str | None = None  # by an administrator, like the fields below
    name: str | None = None
    sessions: int | None = None  # how many
