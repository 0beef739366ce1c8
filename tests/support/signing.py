"""Officials who sign in, in a real workspace under a clock that stands still until a test moves it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pyotp
from tests.support.clock import Clock

from lineament.model.accounts import HOME_AGENCY, Account, AccountState, Role
from lineament.model.policy import Preset
from lineament.services.people.sessions import Session, SessionKey
from lineament.services.people.signin import SignIn
from lineament.settings import Settings
from lineament.workspace import Workspace

PASSWORD = "lantern otter plinth"
OTHER_PASSWORD = "seven quiet harbours"


@dataclass(slots=True)
class Person:
    """An official with a password, and an app that shows codes."""

    account: Account
    key: str  # of the session in which they joined
    secret: str = field(default="", repr=False)

    def code(self, at: datetime) -> str:
        return pyotp.TOTP(self.secret).at(at)


@dataclass(slots=True)
class House:
    """A workspace where everybody signs in."""

    workspace: Workspace
    clock: Clock

    @property
    def door(self) -> SignIn:
        return self.workspace.sign_in

    def invited(self, email: str, *roles: Role, agency_id: str = HOME_AGENCY, days: int = 7) -> tuple[Account, str]:
        """An account that is invited, and the token of its link."""
        token = f"token of {email}"
        with self.workspace.store.begin() as tx:
            name = email.partition("@")[0]
            account = tx.accounts.add(agency_id, email, name, roles or [Role.EXAMINER], self.clock())
            tx.accounts.invite(account.id, hashlib.sha256(token.encode()).digest(), self.clock() + timedelta(days=days))
        return account, token

    def joined(self, email: str, *roles: Role, agency_id: str = HOME_AGENCY) -> Person:
        """Somebody who joined and has no second factor yet."""
        account, token = self.invited(email, *roles, agency_id=agency_id)
        begun = self.door.join(token, account.name, PASSWORD, "a browser")
        return Person(account=account, key=begun.key)

    def with_app(self, email: str, *roles: Role, agency_id: str = HOME_AGENCY) -> Person:
        """Somebody who also added an app; the session is open, and its step-up fresh."""
        person = self.joined(email, *roles, agency_id=agency_id)
        new = self.door.factors.begin_totp(self.session(person.key))
        person.secret = new.secret
        begun = self.door.factors.enrol_totp(self.session(person.key), new.pending, self.code(person), "phone")
        person.key = begun.key
        return person

    def code(self, person: Person) -> str:
        """What the app shows now."""
        return person.code(self.clock())

    def session(self, key: str) -> Session:
        """The session of a key, which is there."""
        found = self.door.session(key)
        assert found is not None
        return found

    def password(self, person: Person, password: str = PASSWORD) -> SessionKey:
        return self.door.password(person.account.email, password, "a browser")

    def signed_in(self, person: Person) -> Session:
        """A new session of somebody with an app, whose second factor was shown just now."""
        self.clock.advance(minutes=1)  # to a code that was not used
        begun = self.password(person)
        return self.session(self.door.factors.prove_code(self.session(begun.key), self.code(person)).key)

    def put(self, account: Account, state: AccountState) -> None:
        with self.workspace.store.begin() as tx:
            tx.accounts.set_state(account.id, state)

    def wish(self, agency_id: str = HOME_AGENCY, **wishes: object) -> None:
        """Make the agency's policy stricter."""
        with self.workspace.store.begin() as tx:
            tx.agencies.set_wishes(agency_id, wishes)

    def actions(self, agency_id: str = HOME_AGENCY) -> list[str]:
        """What is filed under an agency, the oldest first."""
        with self.workspace.store.read() as tx:
            return [row.action for row in tx.ledger.of_agency(agency_id, None, 200)][::-1]


def house(home: Path, **settings: object) -> House:
    """A new workspace in which everybody signs in."""
    clock = Clock()
    made = Settings(home=home, examiner="at-the-machine", workers=1, **settings)  # type: ignore[arg-type]
    workspace = Workspace.create(made, clock=clock)
    with workspace.store.begin() as tx:
        tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)
    return House(workspace, clock)
