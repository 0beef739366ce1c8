"""Two agencies beside the one that runs the workspace, with somebody in every role, signed in, and cases between them.

It is made once and copied. ``World.restore`` puts a copy back to how it was made, so that each request of a long table
meets the same state.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import pyotp
import sqlalchemy as sa
from tests.support.serving import PROBE, TOKEN, settings, with_gallery

from lineament.identity import passwords
from lineament.model.accounts import HOME_AGENCY, Account, FactorKind, Role
from lineament.model.agencies import AgencyTerms, Licence, LicenceKind, VettingOutcome
from lineament.model.cases import AuthorisationOutcome, CaseRole, CaseTerms
from lineament.model.jobs import JobRequest
from lineament.model.policy import Preset
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.cases.casework import Ruling
from lineament.services.gallery.register import PermissionDocument
from lineament.services.people.agencies import VettingGrounds
from lineament.store.meta import new_ids
from lineament.store.people_tables import sessions
from lineament.web.app import create_app
from lineament.web.security import BrowserSession
from lineament.workspace import Desk, Workspace

PASSWORD = "lantern otter plinth"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # of everybody's app
HOST = "localhost:8471"
SOURCE = "portraits"
PERMISSION = PermissionDocument(name="permission.pdf", untrusted=b"%PDF a permission")


@dataclass(frozen=True, slots=True)
class Words:
    """What an agency's people write; a test puts canaries here."""

    agency: str
    person: str  # begins everybody's name
    domain: str  # of e-mail addresses
    ref: str
    offence: str
    purpose: str
    reason: str  # of searches
    said: str  # messages, notes and file names


@dataclass(slots=True)
class Person:
    """Somebody with an account, signed in with a fresh second factor."""

    name: str
    account: Account
    key: str = field(default="", repr=False)  # of the session under test
    session: str = ""  # another one of the same account
    factor: str = ""
    waiting: str = ""  # an invitation to a case that was not taken up yet
    job: str = ""  # that waits for a worker
    in_case: dict[str, CaseRole] = field(default_factory=dict)

    @property
    def role(self) -> Role:
        (role,) = self.account.roles
        return role


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """A case and what hangs on it."""

    agency: str
    key: str
    ref: str
    probe: str
    search: str
    paper: str
    member: str  # the account of somebody who works on it, and is nobody's own below
    invitation: str


def licence(today: Any) -> Licence:
    """Good for a month."""
    last = today + timedelta(days=30)
    return Licence(kind=LicenceKind.TRIAL, first_day=today, last_day=last, seats=50, searches_a_month=500)


def grounds(today: Any) -> VettingGrounds:
    """Nothing against it."""
    renew = today + timedelta(days=365)
    return VettingGrounds(
        outcome=VettingOutcome.OPEN, legal_restrictions="none", human_rights_record="good", renew_on=renew
    )


def words(letter: str) -> Words:
    """Plain ones."""
    return Words(
        agency=f"Police of {letter}",
        person=f"{letter}nna",
        domain=f"{letter.lower()}.example",
        ref=f"{letter}-2026",
        offence="fraud",
        purpose="to find where it was published",
        reason="the plate was seen there",
        said="seen at the harbour",
    )


@dataclass(slots=True)
class World:
    """The workspace, who is in it and what they work on. ``pristine`` is the folder as it was made."""

    pristine: Path
    home: Path
    at: datetime
    agencies: dict[str, str] = field(default_factory=dict)  # id by letter
    people: dict[str, Person] = field(default_factory=dict)
    cases: dict[str, Things] = field(default_factory=dict)
    said: dict[str, Words] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)  # id by source, in four digits
    searches: bool = True  # without, there is no gallery, and no photograph is taken
    workspace: Workspace = field(init=False)
    _hash: str = field(default="", repr=False)

    # ------------------------------------------------------------ how it is made

    def build(self, written: Callable[[str], Words]) -> None:
        """Make it all; some seconds."""
        self._hash = passwords.hashed(PASSWORD)
        if self.searches:
            with_gallery(self.home, self.home.parent / "photos", permission=PERMISSION).close()
        else:
            Workspace.create(settings(self.home)).close()
        with self._open() as self.workspace:
            with self.workspace.store.begin() as tx:
                tx.agencies.set_preset(HOME_AGENCY, Preset.AGENCY)
            self.agencies["home"] = HOME_AGENCY
            for role in (Role.OPERATOR, Role.ADMINISTRATOR, Role.REVIEWER):
                self._join("home", role, f"Olga-{role.value}", f"{role.value}@home.example")
            if self.searches:
                self._runs()
            for letter in ("A", "B", "C"):
                self._agency(letter, written(letter))
            for letter in ("A", "B"):
                self._case(f"{letter} own", letter, "examiner", "reviewer")
                self._case(f"{letter} colleague's", letter, "colleague")
            self._shared()
            for person in self.people.values():
                self._sign_in(person)
                self._ask_for_a_job(person)
        shutil.copytree(self.home, self.pristine)

    def _runs(self) -> None:
        """One of the source, and one of another source, which nobody approved yet."""
        terms = SourceTerms(name=f"other-{SOURCE}", controller="x", basis="x", jurisdiction="FR")
        self.desk("home operator").sources.add(terms)
        with self.workspace.store.begin() as tx:
            new_ids(tx.connection, "run", 1000)
            for name in (SOURCE, terms.name):
                run = tx.runs.begin(tx.sources.get(name).id, "folder 1", "elsewhere", self.at)
                tx.runs.end(run.id, self.at)
                self.runs[name] = str(run.id)

    def _agency(self, letter: str, said: Words) -> None:
        today, operating = self.at.date(), self.desk("home operator").agencies
        made = operating.register(AgencyTerms(name=said.agency, jurisdiction="FR"))
        operating.vet(made.id, grounds(today))
        operating.license(made.id, licence(today))
        self.agencies[letter], self.said[letter] = made.id, said
        roles = {role.value: role for role in Role if role is not Role.OPERATOR}
        more = {
            "colleague": Role.EXAMINER,
            "guest examiner": Role.EXAMINER,
            "guest reviewer": Role.REVIEWER,
            "guest observer": Role.SUPERVISOR,
        }
        if letter == "C":  # nobody was let in yet
            return
        for name, role in (roles | (more if letter == "B" else {"colleague": Role.EXAMINER})).items():
            dashed = name.replace(" ", "-")
            self._join(letter, role, f"{said.person} {dashed}", f"{dashed}@{said.domain}", called=f"{letter} {name}")

    def _join(self, letter: str, role: Role, name: str, email: str, called: str = "") -> None:
        with self.workspace.store.begin() as tx:
            account = tx.accounts.add(self.agencies[letter], email, name, {role}, self.at)
            tx.accounts.join(account.id, name, self._hash)
            tx.accounts.set_training(account.id, self.at.date() + timedelta(days=300))
            made = tx.factors.add(account.id, FactorKind.TOTP, "phone", {"secret": SECRET}, self.at)
            known = called or f"{letter} {role.value}"
            self.people[known] = Person(known, tx.accounts.get(account.id), factor=made.id)

    def _case(self, called: str, letter: str, opener: str, *others: str) -> None:
        said = self.said[letter]
        desk, chief = self.desk(f"{letter} {opener}"), self.desk(f"{letter} supervisor")
        ref = f"{said.ref}/{len(self.cases)}"
        case = desk.casework.open(CaseTerms(ref=ref, offence=said.offence, purpose=said.purpose, basis="CPP 77"))
        self.people[f"{letter} {opener}"].in_case[called] = CaseRole.EXAMINER
        chief.casework.authorise(case.key, ruling(self.at))
        for other in (*others, "administrator"):  # who reads no case, so this one is there to be removed
            chief.members.add(case.key, self.people[f"{letter} {other}"].account.id, CaseRole.REVIEWER)
            self.people[f"{letter} {other}"].in_case[called] = CaseRole.REVIEWER
        day = self.at.date() + timedelta(days=20)
        invited = chief.members.invite(case.key, f"nobody-yet@{said.domain}", CaseRole.OBSERVER, day)
        probe, search = self._searched(desk, case.key, said.reason) if self.searches else ("", "")
        desk.room.say(case.key, f"message: {said.said}")
        desk.room.note(case.key, f"note: {said.said}")
        self.cases[called] = Things(
            agency=letter,
            key=case.key,
            ref=ref,
            probe=probe,
            search=search,
            paper=desk.room.file(case.key, f"{said.said}.txt", b"a file").id,
            member=self.people[f"{letter} administrator"].account.id,
            invitation=invited.id,
        )

    @staticmethod
    def _searched(desk: Desk, case: str, reason: str) -> tuple[str, str]:
        probe = desk.probes.take(case, PROBE.read_bytes(), kind=ProbeKind.CCTV)
        result = desk.search.run(probe.id, SearchRequest(case=case, reason=reason, mode=Mode.INVESTIGATION))
        return probe.id, result.search_id

    def _shared(self) -> None:
        """A case of A on which guests of B work too; and invitations that wait."""
        self._case("shared", "A", "examiner", "reviewer")
        day, chief = self.at.date() + timedelta(days=20), self.desk("A supervisor")
        for name, role in (
            ("B guest examiner", CaseRole.EXAMINER),
            ("B guest reviewer", CaseRole.REVIEWER),
            ("B guest observer", CaseRole.OBSERVER),
        ):
            guest = self.people[name]
            made = chief.members.invite(self.cases["shared"].key, guest.account.email, role, day)
            self.desk(name).members.take(made.id)
            guest.in_case["shared"] = role
        for name, person in self.people.items():
            other, case = ("B", "B colleague's") if name.startswith("A") else ("A", "A colleague's")
            host = self.desk(f"{other} supervisor")
            made = host.members.invite(self.cases[case].key, person.account.email, CaseRole.OBSERVER, day)
            person.waiting = made.id

    def _sign_in(self, person: Person) -> None:
        door, email = self.workspace.sign_in, person.account.email
        with self.workspace.store.begin() as tx:
            account = person.account.id
            other = tx.sessions.begin(account, os.urandom(32), self.at, "another browser", terminal=False)
        person.session = other.id
        begun = door.session(door.password(email, PASSWORD, "a browser").key)
        assert begun is not None
        person.key = door.factors.prove_code(begun, pyotp.TOTP(SECRET).at(self.at)).key

    def _ask_for_a_job(self, person: Person) -> None:
        account = person.account
        request = JobRequest(
            kind="ingest",
            arguments={"source": SOURCE, "what": [f"/data/{account.id}"]},
            agency_id=account.agency_id,
            account_id=account.id,
            requested_by=account.name,
        )
        with self.workspace.store.begin() as tx:
            person.job = tx.jobs.add(request, self.at).id

    def desk(self, name: str) -> Desk:
        """Where somebody works, with a second factor shown now."""
        with self.workspace.store.read() as tx:
            official = tx.accounts.get(self.people[name].account.id).official
        return self.workspace.desk(replace(official, proved_at=self.at))

    # ------------------------------------------------------------ how it is used

    def save(self, folder: Path) -> None:
        """Write down who and what is in it, for another process that loads it."""
        (folder / "world").write_bytes(pickle.dumps(replace(self)))

    @staticmethod
    def load(folder: Path) -> World:
        """Return the world that was made below ``folder``, closed."""
        loaded = pickle.loads((folder / "world").read_bytes())  # noqa: S301 - of this run
        assert isinstance(loaded, World)
        return loaded

    def copied(self, folder: Path) -> World:
        """The same in a folder of its own, not open; every session is as fresh as when it was made, but by now."""
        home, pristine = folder / "ws", folder / "pristine"
        shutil.copytree(self.pristine, home)
        made = replace(self, home=home, pristine=pristine)
        with made._open() as opened, opened.store.begin() as tx:
            now = datetime.now(UTC)
            tx.connection.execute(sa.update(sessions).values(began_at=now, seen_at=now))
            tx.connection.execute(sa.update(sessions).where(sessions.c.proved_at.is_not(None)).values(proved_at=now))
        shutil.copytree(home, pristine)
        return made

    def _open(self) -> Workspace:
        return Workspace.open(settings(self.home), clock=lambda: self.at)

    @contextmanager
    def open(self) -> Iterator[World]:
        """The workspace open, under a clock that stands still."""
        with self._open() as self.workspace:
            yield self

    def restore(self) -> None:
        """Everything as it was made, but for blobs that came."""
        self.workspace.store.close()
        for name in ("lineament.db-wal", "lineament.db-shm"):
            (self.home / name).unlink(missing_ok=True)
        for name in ("lineament.db", "checkpoint"):
            shutil.copyfile(self.pristine / name, self.home / name)
        kept = self.pristine / "blobs"
        for path in kept.rglob("*"):
            there = self.home / "blobs" / path.relative_to(kept)
            if path.is_file() and not there.exists():
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, there)

    @contextmanager
    def pages(self) -> Iterator[Pages]:
        """The pages of the open workspace, asked in this process."""
        with Pages(self) as asked:
            yield asked


class Pages:
    """Asks the application itself, without a port, as whoever is named."""

    def __init__(self, world: World, **app: Any) -> None:
        self.world = world
        self._loop = asyncio.new_event_loop()
        self._app = create_app(world.workspace, TOKEN)
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", **app)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def ask(
        self, who: Person | None, method: str, address: str, data: dict[str, Any] | None = None, **more: Any
    ) -> httpx.Response:
        """One request; a form goes with the token of whoever sends it."""
        headers = {"cookie": f"lineament-8471={who.key}", **more.pop("headers", {})} if who else more.pop("headers", {})
        if method == "POST" and who is not None:
            data = {"csrf": BrowserSession(who.key).csrf, **(data or {})}
        self._client.cookies.clear()
        asked = self._client.request(method, address, data=data, headers=headers, **more)
        return self._loop.run_until_complete(asked)


def ruling(at: datetime) -> Ruling:
    """Granted."""
    return Ruling(
        authority="the court",
        decided_at=at - timedelta(days=1),
        outcome=AuthorisationOutcome.GRANTED,
        scope="every source",
        document=b"%PDF a decision",
    )


def made(folder: Path, written: Callable[[str], Words] = words, *, searches: bool = True) -> World:
    """A world below ``folder``, closed."""
    at = datetime.now(UTC).replace(microsecond=0)
    world = World(pristine=folder / "pristine", home=folder / "ws", at=at, searches=searches)
    world.build(written)
    world.save(folder)
    return world
