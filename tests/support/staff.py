"""Agencies and officials at work in a real workspace, without sign-in: desks are taken by account."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.support.clock import TICK, TODAY, Clock

from lineament.model.accounts import HOME_AGENCY, Account, AccountState, Role
from lineament.model.agencies import Agency, AgencyTerms, Licence, LicenceKind, VettingOutcome
from lineament.model.policy import Preset
from lineament.services.people.agencies import VettingGrounds
from lineament.settings import Settings
from lineament.workspace import Desk, Workspace


@dataclass(slots=True)
class House:
    """A workspace that is no longer solo: its agency has an operator and an administrator."""

    workspace: Workspace
    clock: Clock
    operator: Account = field(init=False)
    administrator: Account = field(init=False)

    def __post_init__(self) -> None:
        self.operator = self.joined(HOME_AGENCY, Role.OPERATOR, name="Olga Operator")
        self.administrator = self.joined(HOME_AGENCY, Role.ADMINISTRATOR, name="Anna Administrator")
        with self.workspace.store.begin() as tx:
            tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)

    def joined(self, agency_id: str, *roles: Role, name: str = "Rufus Firefly", email: str = "") -> Account:
        """An account at work."""
        address = email or f"{name.split(maxsplit=1)[0].lower()}@{agency_id}.example"
        with self.workspace.store.begin() as tx:
            account = tx.accounts.add(agency_id, address, name, roles, self.clock())
            return tx.accounts.join(account.id, name, None)

    def desk(self, account: Account) -> Desk:
        """Where somebody works, with the roles that the account has now."""
        with self.workspace.store.read() as tx:
            return self.workspace.desk(tx.accounts.get(account.id).official)

    @property
    def operating(self) -> Desk:
        return self.desk(self.operator)

    @property
    def managing(self) -> Desk:
        return self.desk(self.administrator)

    def agency(self, name: str = "Police of Freedonia", seats: int = 5) -> Agency:
        """An agency that was vetted and has a trial of a month."""
        agencies = self.operating.agencies
        made = agencies.register(AgencyTerms(name=name, jurisdiction="FR"))
        agencies.vet(made.id, grounds())
        return agencies.license(made.id, trial(seats))

    def state(self, account: Account) -> AccountState:
        with self.workspace.store.read() as tx:
            return tx.accounts.get(account.id).state

    def actions(self, agency_id: str) -> list[str]:
        """What is filed under an agency, the newest first."""
        with self.workspace.store.read() as tx:
            return [row.action for row in tx.ledger.of_agency(agency_id, None, 100)]

    def said(self, agency_id: str) -> str:
        """The details of the newest entry that is filed under an agency."""
        with self.workspace.store.read() as tx:
            return str(tx.ledger.of_agency(agency_id, None, 1)[0].details)


def grounds(outcome: VettingOutcome = VettingOutcome.OPEN, days: int = 365) -> VettingGrounds:
    return VettingGrounds(
        outcome=outcome,
        legal_restrictions="no search for misdemeanours",
        human_rights_record="nothing known against it",
        renew_on=TODAY + timedelta(days=days),
    )


def trial(seats: int = 5, days: int = 30, searches: int = 100) -> Licence:
    last = TODAY + timedelta(days=days)
    return Licence(kind=LicenceKind.TRIAL, first_day=TODAY, last_day=last, seats=seats, searches_a_month=searches)


def solo(home: Path, clock: Clock | None = None, **settings: object) -> Workspace:
    """A new workspace of one person."""
    made = Settings(home=home, examiner="at-the-machine", workers=1, **settings)  # type: ignore[arg-type]
    return Workspace.create(made, clock=clock or Clock(tick=TICK))
