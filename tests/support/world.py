"""A workspace under a clock, with methods for the steps that tests share, and builders for what most tests start from.

``solo`` and ``gallery`` belong to one person, ``staffed`` has an operator and an administrator, and in ``officials``
everybody signs in. A squad at work on cases is in squad.py, and the two agencies of the big tables in two_agencies.py.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyotp
from tests.conftest import PORTRAITS
from tests.support.clock import TICK, TODAY, Clock
from tests.support.postgresql import every_row

from lineament.identity import passwords
from lineament.model.accounts import HOME_AGENCY, Account, AccountState, Role
from lineament.model.agencies import Agency, AgencyTerms, Licence, LicenceKind, VettingOutcome
from lineament.model.cases import AuthorisationOutcome, CaseTerms
from lineament.model.events.ledger import RowsBound
from lineament.model.policy import Preset
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.cases.standings import Ruling
from lineament.services.gallery.items import IngestReport
from lineament.services.gallery.register import PermissionDocument
from lineament.services.people.agencies import VettingGrounds
from lineament.services.people.sessions import Session, SessionKey
from lineament.services.people.signin import SignIn
from lineament.settings import Settings
from lineament.sources.folder.connector import FolderConnector
from lineament.store.db import Tx
from lineament.workspace import Desk, Workspace, now

if TYPE_CHECKING:
    from tests.support.authenticator import Authenticator

PASSWORD = "lantern otter plinth"
OTHER_PASSWORD = "seven quiet harbours"
SOURCE = "portraits"
PROBE = PORTRAITS / "macron-2014.jpg"
MEBI = 2**20
CASE = CaseTerms(ref="2026-0412", offence="fraud", purpose="to find where it was published", basis="CPP 77")


@dataclass(slots=True)
class Person:
    """An official with a password, and an app that shows codes if there is a ``secret``."""

    account: Account
    key: str = field(default="", repr=False)  # of the newest session
    secret: str = field(default="", repr=False)  # of the app
    codes_entered: int = 0

    def code(self, at: datetime) -> str:
        """Return the code that the app shows at a time."""
        return pyotp.TOTP(self.secret).at(at)

    def next_code(self, at: datetime) -> str:
        """Return a later code each time, as each counts once; no code is accepted more than a minute ahead."""
        self.codes_entered += 1
        return self.code(at + timedelta(seconds=30 * (self.codes_entered - 1)))


@dataclass(slots=True)
class World:
    """A workspace under a clock. Leaving the block closes the workspace."""

    workspace: Workspace
    clock: Clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.workspace.close()

    @property
    def today(self) -> date:
        """The day of the clock, which reading it does not advance."""
        return self.clock.at.date()

    @contextmanager
    def setting_up(self) -> Iterator[Tx]:
        """Open a transaction that writes what a test starts from; the ledger commits to it, under no agency."""
        with self.machine.record.change() as change:
            change.tx.ledger.file_under(None, None)
            yield change.tx
            change.record(RowsBound(lists={}))

    # ------------------------------------------------------------ agencies and accounts

    def leave_solo(self) -> None:
        """Make the workspace an agency's, where everybody signs in."""
        with self.setting_up() as tx:
            tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)

    def wish(self, agency_id: str = HOME_AGENCY, **wishes: object) -> None:
        """Make the policy of an agency stricter."""
        with self.setting_up() as tx:
            tx.agencies.set_wishes(agency_id, wishes)

    def join(
        self, agency_id: str, *roles: Role, name: str = "Rufus Firefly", email: str = "", password: str | None = None
    ) -> Account:
        """Add an active account, with a password if one is given."""
        address = email or f"{name.split(maxsplit=1)[0].lower()}@{agency_id}.example"
        with self.setting_up() as tx:
            account = tx.accounts.add(agency_id, address, name, roles, self.clock())
            return tx.accounts.join(account.id, name, None if password is None else passwords.hash_password(password))

    def train(self, account: Account, days: int) -> None:
        """Record a training that counts for so many days."""
        with self.setting_up() as tx:
            tx.accounts.set_training(account.id, self.today + timedelta(days=days))

    def state(self, account: Account) -> AccountState:
        """Return the state of an account now."""
        with self.workspace.store.read() as tx:
            return tx.accounts.get(account.id).state

    def set_state(self, account: Account, state: AccountState) -> None:
        """Set the state of an account, whatever it was."""
        with self.setting_up() as tx:
            tx.accounts.set_state(account.id, state)

    # ------------------------------------------------------------ desks

    @property
    def machine(self) -> Desk:
        """The desk at the machine."""
        return self.workspace.desk_at_the_machine()

    def desk(self, account: Account) -> Desk:
        """Return a desk with the roles that the account has now, and without a second factor."""
        with self.workspace.store.read() as tx:
            return self.workspace.desk(tx.accounts.get(account.id).official)

    def fresh_desk(self, account: Account) -> Desk:
        """Return a desk with the roles that the account has now, and with a second factor shown now."""
        with self.workspace.store.read() as tx:
            official = tx.accounts.get(account.id).official
        return self.workspace.desk(replace(official, proved_at=self.clock()))

    # ------------------------------------------------------------ signing in

    @property
    def sign_in(self) -> SignIn:
        """The service that lets officials in."""
        return self.workspace.sign_in

    def invite(self, email: str, *roles: Role, agency_id: str = HOME_AGENCY, days: int = 7) -> tuple[Account, str]:
        """Invite somebody; return the account, and the token of the link."""
        token = f"token of {email}"
        with self.setting_up() as tx:
            name = email.partition("@")[0]
            account = tx.accounts.add(agency_id, email, name, roles or [Role.EXAMINER], self.clock())
            tx.accounts.invite(account.id, hashlib.sha256(token.encode()).digest(), self.clock() + timedelta(days=days))
        return account, token

    def sign_up(self, email: str, *roles: Role, agency_id: str = HOME_AGENCY) -> Person:
        """Have somebody follow an invitation; they have a password, and no second factor yet."""
        account, token = self.invite(email, *roles, agency_id=agency_id)
        return Person(account, self.sign_in.join(token, account.name, PASSWORD, "a browser").key)

    def sign_up_with_app(self, email: str, *roles: Role, agency_id: str = HOME_AGENCY) -> Person:
        """Have somebody follow an invitation and add an app; the session is open, and the second factor fresh."""
        person = self.sign_up(email, *roles, agency_id=agency_id)
        self.add_app(person)
        return person

    def add_app(self, person: Person, seconds_ago: int = 0) -> None:
        """Add an app to an account, with its code of so many seconds ago, so that later codes are still unused."""
        factors, session = self.sign_in.factors, self.session(person.key)
        new = factors.begin_totp(session)
        person.secret = new.secret
        code = person.code(self.clock() - timedelta(seconds=seconds_ago))
        person.key = factors.enrol_totp(session, new.pending, code, "phone").key

    def add_passkey(self, person: Person, key: Authenticator) -> Session:
        """Add a passkey to an account; return the session afterwards."""
        factors, session = self.sign_in.factors, self.session(person.key)
        answer = key.create(factors.begin_passkey_enrolment(session, key.origin))
        person.key = factors.enrol_passkey(session, answer, key.origin, "blue key").key
        return self.session(person.key)

    def code(self, person: Person) -> str:
        """Return the code that the app of a person shows now."""
        return person.code(self.clock())

    def session(self, key: str) -> Session:
        """Return the session of a key; it must exist."""
        session = self.sign_in.session(key)
        assert session is not None
        return session

    def enter_password(self, person: Person, password: str = PASSWORD) -> SessionKey:
        """Begin a session with the password; the second factor is still missing."""
        return self.sign_in.password(person.account.email, password, "a browser")

    def enter_code(self, person: Person) -> SessionKey:
        """Begin a session with the password and the code that the app shows now."""
        session = self.session(self.enter_password(person).key)
        return self.sign_in.factors.prove_code(session, self.code(person))

    def new_session(self, person: Person) -> Session:
        """Begin a session with the password and a code, a minute later, when the app shows one that was not used."""
        self.clock.advance(minutes=1)
        return self.session(self.enter_code(person).key)

    # ------------------------------------------------------------ what is recorded and stored

    def actions(self, agency_id: str = HOME_AGENCY) -> list[str]:
        """Return the actions that are filed under an agency, the oldest first."""
        with self.workspace.store.read() as tx:
            return [row.action for row in tx.ledger.of_agency(agency_id, None, 200)][::-1]

    def ledger_size(self) -> int:
        """Return how many entries the ledger has."""
        with self.workspace.store.read() as tx:
            return tx.ledger.size()

    def last_details(self, agency_id: str = HOME_AGENCY) -> str:
        """Return the details of the newest entry that is filed under an agency."""
        with self.workspace.store.read() as tx:
            return str(tx.ledger.of_agency(agency_id, None, 1)[0].details)

    def all_details(self) -> str:
        """Return the details of every entry of the ledger, as whoever has the keys reads them."""
        with self.workspace.store.read() as tx:
            return "\n".join(str(row.details) for row in tx.ledger.entries(0, tx.ledger.size()))

    def stored_bytes(self) -> bytes:
        """Return every byte that the workspace stores except its keys: database, log, pictures, indexes, checkpoint.

        Of PostgreSQL, the rows.
        """
        home, store = self.workspace.home, self.workspace.store
        files = [path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file() and path.parent.name != "keys"]
        return b"\0".join(files if store.dialect == "sqlite" else [*files, every_row(store.place)])

    def ruling(
        self,
        outcome: AuthorisationOutcome = AuthorisationOutcome.GRANTED,
        until: date | None = None,
        document: bytes | None = None,
    ) -> Ruling:
        """Return what a court decided just now."""
        return Ruling(
            authority="Court of Ys, Judge Gradlon",
            decided_at=self.clock.at,
            outcome=outcome,
            scope="one photograph of the counter",
            expires_on=until,
            document=document,
            document_name="order.pdf",
        )


@dataclass(slots=True)
class StaffedWorld(World):
    """A workspace whose home agency has an operator and an administrator, who admit other agencies and people."""

    operator: Account = field(init=False)
    administrator: Account = field(init=False)

    def __post_init__(self) -> None:
        self.operator = self.join(HOME_AGENCY, Role.OPERATOR, name="Olga Operator")
        self.administrator = self.join(HOME_AGENCY, Role.ADMINISTRATOR, name="Anna Administrator")
        self.leave_solo()

    @property
    def operator_desk(self) -> Desk:
        return self.desk(self.operator)

    @property
    def administrator_desk(self) -> Desk:
        return self.desk(self.administrator)

    def add_agency(self, name: str = "Police of Freedonia", seats: int = 5) -> Agency:
        """Register an agency, vet it, and license it for a month."""
        return license_agency(self.operator_desk, name, trial(self.today, seats))


# ---------------------------------------------------------------- agencies


def grounds(today: date = TODAY, outcome: VettingOutcome = VettingOutcome.OPEN, days: int = 365) -> VettingGrounds:
    """Return the grounds of a vetting that is renewed in so many days."""
    return VettingGrounds(
        outcome=outcome,
        legal_restrictions="no search for misdemeanours",
        human_rights_record="nothing known against it",
        renew_on=today + timedelta(days=days),
    )


def trial(today: date = TODAY, seats: int = 5, days: int = 30, searches: int = 100) -> Licence:
    """Return a licence on trial for so many days."""
    last_day = today + timedelta(days=days)
    return Licence(kind=LicenceKind.TRIAL, first_day=today, last_day=last_day, seats=seats, searches_a_month=searches)


def license_agency(operator: Desk, name: str, licence: Licence) -> Agency:
    """Register an agency, vet it, and give it a licence."""
    agency = operator.agencies.register(AgencyTerms(name=name, jurisdiction="FR"))
    operator.agencies.vet(agency.id, grounds(licence.first_day))
    return operator.agencies.license(agency.id, licence)


# ---------------------------------------------------------------- builders


def settings(home: Path, **changes: Any) -> Settings:
    """Return the settings of a workspace under test, where files of more than a mebibyte are refused."""
    return Settings(home=home, **{"examiner": "examiner-a", "max_file_bytes": MEBI, "workers": 2, **changes})


def solo(home: Path, clock: Clock | None = None, **changes: Any) -> World:
    """Create a workspace of one person."""
    moving = clock or Clock(tick=TICK)
    return World(Workspace.create(settings(home, **changes), clock=moving), moving)


def opened(home: Path, clock: Clock | None = None, **changes: Any) -> World:
    """Open a workspace that exists, by default under a clock that stands still at the time of the machine."""
    moving = clock or Clock(datetime.now(UTC))
    return World(Workspace.open(settings(home, **changes), clock=moving), moving)


def copied(built: Path, home: Path, clock: Clock | None = None, **changes: Any) -> World:
    """Open a copy of a workspace that was built once."""
    shutil.copytree(built, home)
    return opened(home, clock or Clock(tick=TICK), **changes)


def copied_gallery(portraits: Path, home: Path, clock: Clock | None = None, **changes: Any) -> World:
    """Open a copy of ``portraits``, with the open case CASE."""
    world = copied(portraits, home, clock, **changes)
    world.machine.casework.open(CASE)
    return world


def staffed(home: Path) -> StaffedWorld:
    """Create a workspace whose home agency has an operator and an administrator."""
    world = solo(home)
    return StaffedWorld(world.workspace, world.clock)


def officials(home: Path, **changes: Any) -> World:
    """Create a workspace where everybody signs in, under a clock that stands still until a test moves it."""
    world = solo(home, Clock(), **changes)
    world.leave_solo()
    return world


def gallery(
    home: Path,
    clock: Callable[[], datetime] = now,
    permission: PermissionDocument | None = None,
    **changes: Any,
) -> Workspace:
    """Create a workspace of one person whose gallery holds the portraits except the probe, with the open case CASE."""
    workspace = Workspace.create(settings(home, **changes), clock=clock)
    ingest_portraits(workspace, permission)
    workspace.desk_at_the_machine().casework.open(CASE)
    return workspace


def ingest_portraits(workspace: Workspace, permission: PermissionDocument | None = None) -> None:
    """Register SOURCE and ingest the portraits except the probe into it, from a folder beside the workspace."""
    photos, desk = workspace.home.parent / "photos", workspace.desk_at_the_machine()
    shutil.copytree(PORTRAITS, photos, ignore=shutil.ignore_patterns("*.md", "__pycache__", PROBE.name))
    terms = SourceTerms(name=SOURCE, controller="Commons", basis="free licences", jurisdiction="FR")
    desk.sources.add(terms, permission)
    assert ingest(workspace, SOURCE, [photos]).faces == 5


def ingest(workspace: Workspace, source: str, paths: Iterable[Path]) -> IngestReport:
    """Ingest files or folders into a source."""
    connector = FolderConnector(list(paths), page_base=None, max_bytes=MEBI)
    return workspace.desk_at_the_machine().ingest.run(source, connector, workers=1)


def search_portraits(workspace: Workspace, case: str = CASE.ref) -> str:
    """Search the portraits for the probe in an investigation, at the machine; return the address of the search."""
    desk = workspace.desk_at_the_machine()
    probe = desk.probes.take(case, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    request = SearchRequest(case=case, reason="to find where it was published", mode=Mode.INVESTIGATION)
    return f"/searches/{desk.search.run(probe.id, request, 1).search_id}"
