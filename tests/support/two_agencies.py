"""Two agencies beside the one that runs the workspace: everybody in every role signed in, and cases between them.

It is built once and copied. ``TwoAgencies.restore`` brings a copy back to its first state, so that each request of a
long table meets the same state.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
import numpy as np
import sqlalchemy as sa
from tests.support.clock import Clock
from tests.support.programs import key_for
from tests.support.serving import TOKEN
from tests.support.world import (
    PASSWORD,
    PROBE,
    SOURCE,
    Person,
    World,
    gallery,
    license_agency,
    settings,
    trial,
)

from lineament.model.accounts import HOME_AGENCY, FactorKind, Permission, Role
from lineament.model.cases import CaseRole, CaseTerms
from lineament.model.faces import Template
from lineament.model.jobs import JobRequest
from lineament.model.misuse.findings import Finding, FindingKind, LookedAt
from lineament.model.misuse.reports import FindingState, GuardedFace, GuardedKind, KeptFinding, MisuseReport
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.gallery.register import PermissionDocument
from lineament.services.misuse.guarded import about_guarded
from lineament.services.people.windows import MemoryWindows
from lineament.store.meta import new_ids
from lineament.store.people_tables import sessions
from lineament.web.app import create_app
from lineament.web.security import BrowserSession
from lineament.workspace import Desk, Workspace

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # of everybody's app
HOST = "localhost:8471"
OTHER_SOURCE = f"other-{SOURCE}"
PERMISSION = PermissionDocument(name="permission.pdf", untrusted=b"%PDF a permission")


@dataclass(frozen=True, slots=True)
class AgencyTexts:
    """Every text that the people of an agency write; a test puts canaries here."""

    agency: str
    person: str  # begins everybody's name
    domain: str  # of e-mail addresses
    ref: str
    offence: str
    purpose: str
    reason: str  # of searches
    message: str  # in messages, notes and file names


def plain_texts(letter: str) -> AgencyTexts:
    """Return texts without canaries."""
    return AgencyTexts(
        agency=f"Police of {letter}",
        person=f"{letter}nna",
        domain=f"{letter.lower()}.example",
        ref=f"{letter}-2026",
        offence="fraud",
        purpose="to find where it was published",
        reason="the plate was seen there",
        message="seen at the harbour",
    )


@dataclass(slots=True, kw_only=True)
class Participant(Person):
    """Somebody with an account, signed in with a fresh second factor."""

    name: str
    factor: str
    other_session: str = ""  # of the same account, in another browser
    invitation: str = ""  # to a case, not accepted yet
    job: str = ""  # that waits for a worker
    program: str = ""  # the id of a key that acts for them
    in_case: dict[str, CaseRole] = field(default_factory=dict)

    @property
    def role(self) -> Role:
        (role,) = self.account.roles
        return role


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseIds:
    """The ids of a case and of what belongs to it."""

    agency: str
    key: str
    ref: str
    probe: str
    search: str
    paper: str
    member: str  # the account of the administrator, who is a member only to be removed
    invitation: str
    pack: str  # that discloses it
    picture: str  # of a candidate, hidden from whoever has yet to decide
    opener: str  # account
    supervisor: str  # account
    batch: str  # of photographs


@dataclass(slots=True)
class TwoAgencies(World):
    """A workspace in ``home``, its people and cases. The block opens it; ``pristine`` is the folder as it was built.

    Agency C has no people. Names of people are like ``A examiner`` and ``home operator``, names of cases ``A own``,
    ``A colleague's`` and ``shared``.
    """

    workspace: Workspace = field(init=False)
    pristine: Path
    home: Path
    agencies: dict[str, str] = field(default_factory=dict)  # id by letter
    people: dict[str, Participant] = field(default_factory=dict)
    cases: dict[str, CaseIds] = field(default_factory=dict)
    texts: dict[str, AgencyTexts] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)  # id by source, in four digits
    oversight: dict[str, tuple[str, str]] = field(default_factory=dict)  # by letter: a finding and a guarded face
    drops: dict[str, str] = field(default_factory=dict)  # id of the operator's and of somebody else's, under way
    searches: bool = True  # if not, there is no gallery, and no photograph is taken

    # ------------------------------------------------------------ opening and copying

    def __enter__(self) -> Self:
        self.workspace = Workspace.open(settings(self.home), clock=self.clock)
        return self

    def save(self, folder: Path) -> None:
        """Write this, without the workspace, to a file that another process loads."""
        (folder / "world").write_bytes(pickle.dumps(replace(self)))

    @staticmethod
    def load(folder: Path) -> TwoAgencies:
        """Return what was built in ``folder``, closed."""
        loaded = pickle.loads((folder / "world").read_bytes())  # noqa: S301 - of this run
        assert isinstance(loaded, TwoAgencies)
        return loaded

    def copy(self, folder: Path) -> TwoAgencies:
        """Return a closed copy in ``folder``; every session began now, and every second factor was shown now."""
        home, pristine = folder / "ws", folder / "pristine"
        shutil.copytree(self.pristine, home)
        now = datetime.now(UTC).replace(microsecond=0)
        copied = replace(self, home=home, pristine=pristine, clock=Clock(now))
        with copied:
            copied.begin_sessions(now)
        shutil.copytree(home, pristine)
        return copied

    def begin_sessions(self, at: datetime) -> None:
        """Let every session begin at a time, and every second factor that was shown be shown then."""
        with self.workspace.store.begin() as tx:
            tx.connection.execute(sa.update(sessions).values(began_at=at, seen_at=at))
            tx.connection.execute(sa.update(sessions).where(sessions.c.proved_at.is_not(None)).values(proved_at=at))

    def restore(self) -> None:
        """Bring the workspace back to its first state, except for new blobs, which stay; no client has failed yet.

        Nothing may be under way in the workspace: a checkpoint of what was undone would break the ledger afterwards.
        """
        self.sign_in.limits._windows = MemoryWindows(self.workspace.clock)
        with (
            closing(sqlite3.connect(self.pristine / "lineament.db")) as first,
            closing(sqlite3.connect(self.home / "lineament.db", timeout=60)) as database,
        ):
            database.execute("PRAGMA synchronous = OFF")
            first.backup(database)
        shutil.copyfile(self.pristine / "checkpoint", self.home / "checkpoint")
        blobs = self.pristine / "blobs"
        for path in blobs.rglob("*"):
            target = self.home / "blobs" / path.relative_to(blobs)
            if path.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)

    def desk_of(self, name: str) -> Desk:
        """Return the desk of somebody whose second factor was shown now."""
        return self.fresh_desk(self.people[name].account)

    def sign_in_at_terminal(self, person: Participant, state: Path) -> None:
        """Store the key of a person's session in the state folder of their terminal."""
        with self.workspace.store.read() as tx:
            session = state / "sessions" / str(tx.meta.get("workspace"))
        session.parent.mkdir(parents=True, exist_ok=True)
        session.touch(mode=0o600)
        session.write_text(person.key)

    def pages(self) -> Pages:
        """Return the pages of the open workspace, served in this process until the end of a block."""
        return Pages(self)

    # ------------------------------------------------------------ building

    def build(self, texts: Callable[[str], AgencyTexts]) -> None:
        """Create the workspace and everything in it; this takes some seconds."""
        if self.searches:
            gallery(self.home, permission=PERMISSION).close()
        else:
            Workspace.create(settings(self.home)).close()
        with self:
            self.leave_solo()
            self.agencies["home"] = HOME_AGENCY
            for role in (Role.OPERATOR, Role.ADMINISTRATOR, Role.REVIEWER):
                self._add_person("home", role.value, role, f"Olga-{role.value}", f"{role.value}@home.example")
            if self.searches:
                self._add_runs()
            for letter in ("A", "B", "C"):
                self._add_agency(letter, texts(letter))
            for letter in ("A", "B"):
                self._add_case(f"{letter} own", letter, "examiner", "reviewer")
                self._add_case(f"{letter} colleague's", letter, "colleague")
            self._add_shared_case()
            for letter in ("A", "B"):
                self._add_oversight(letter)
            self._add_invitations()
            if self.searches:
                self._add_drops()
            for person in self.people.values():
                self._begin_sessions(person)
                self._add_job(person)
                self._add_key(person)
        shutil.copytree(self.home, self.pristine)

    def _add_runs(self) -> None:
        """Add a run of the source, and a run of another source, which nobody approved yet."""
        terms = SourceTerms(name=OTHER_SOURCE, controller="x", basis="x", jurisdiction="FR")
        self.desk_of("home operator").sources.add(terms)
        with self.workspace.store.begin() as tx:
            new_ids(tx.connection, "run", 1000)
            for name in (SOURCE, terms.name):
                run = tx.runs.begin(tx.sources.get(name).id, "folder 1", "elsewhere", self.clock())
                tx.runs.end(run.id, self.clock())
                self.runs[name] = str(run.id)

    def _add_drops(self) -> None:
        """Add a drop of the operator into the source, and one of somebody else, as if they had been an operator."""
        self.drops["own"] = self.desk_of("home operator").take_in.begin(SOURCE).id
        other = self.people["B examiner"].account
        with self.workspace.store.begin() as tx:
            source = tx.sources.get(SOURCE).id
            self.drops["foreign"] = tx.drops.add(source, other.agency_id, other.id, self.clock()).id

    def _add_agency(self, letter: str, texts: AgencyTexts) -> None:
        licence = trial(self.today, seats=50, searches=500)
        self.agencies[letter] = license_agency(self.desk_of("home operator"), texts.agency, licence).id
        self.texts[letter] = texts
        if letter == "C":
            return
        roles: dict[str, Role] = {role.value: role for role in Role if role is not Role.OPERATOR}
        roles["colleague"] = Role.EXAMINER
        if letter == "B":
            guests = {"examiner": Role.EXAMINER, "reviewer": Role.REVIEWER, "observer": Role.SUPERVISOR}
            roles |= {f"guest {name}": role for name, role in guests.items()}
        for name, role in roles.items():
            dashed = name.replace(" ", "-")
            self._add_person(letter, name, role, f"{texts.person} {dashed}", f"{dashed}@{texts.domain}")

    def _add_person(self, letter: str, name: str, role: Role, full_name: str, email: str) -> None:
        account = self.join(self.agencies[letter], role, name=full_name, email=email, password=PASSWORD)
        self.train(account, days=300)
        with self.setting_up() as tx:
            factor = tx.factors.add(account.id, FactorKind.TOTP, "phone", {"secret": SECRET}, self.clock())
            known = tx.accounts.get(account.id)
        name = f"{letter} {name}"
        self.people[name] = Participant(account=known, secret=SECRET, name=name, factor=factor.id)

    def _add_case(self, name: str, letter: str, opener: str, *reviewers: str) -> None:
        texts = self.texts[letter]
        desk, supervisor = self.desk_of(f"{letter} {opener}"), self.desk_of(f"{letter} supervisor")
        ref = f"{texts.ref}/{len(self.cases)}"
        case = desk.casework.open(CaseTerms(ref=ref, offence=texts.offence, purpose=texts.purpose, basis="CPP 77"))
        self.people[f"{letter} {opener}"].in_case[name] = CaseRole.EXAMINER
        supervisor.casework.authorise(case.key, self.ruling(document=b"%PDF a decision"))
        for reviewer in (*reviewers, "administrator"):  # who reads no cases, and is a member only to be removed
            supervisor.members.add(case.key, self.people[f"{letter} {reviewer}"].account.id, CaseRole.REVIEWER)
            self.people[f"{letter} {reviewer}"].in_case[name] = CaseRole.REVIEWER
        until = self.today + timedelta(days=20)
        invited = supervisor.members.invite(case.key, f"nobody-yet@{texts.domain}", CaseRole.OBSERVER, until)
        pack = supervisor.disclosure.make(case.key, sharp=True)  # before the search: who saves ranks reviews nothing
        probe, search, picture = self._search(desk, case.key, texts.reason) if self.searches else ("", "", "")
        desk.room.say(case.key, f"message: {texts.message}")
        desk.room.note(case.key, f"note: {texts.message}")
        self.cases[name] = CaseIds(
            agency=letter,
            key=case.key,
            ref=ref,
            probe=probe,
            search=search,
            paper=desk.room.file(case.key, f"{texts.message}.txt", b"a file").id,
            member=self.people[f"{letter} administrator"].account.id,
            invitation=invited.id,
            pack=pack.paper.id,
            picture=picture,
            opener=self.people[f"{letter} {opener}"].account.id,
            supervisor=self.people[f"{letter} supervisor"].account.id,
            batch=self._batch(desk, case.key),
        )

    def _batch(self, desk: Desk, case: str) -> str:
        batch = desk.batches.begin(case, ProbeKind.CCTV)
        if self.searches:
            desk.batches.add(batch.id, "counter.jpg", PROBE.read_bytes())
        return batch.id

    @staticmethod
    def _search(desk: Desk, case: str, reason: str) -> tuple[str, str, str]:
        probe = desk.probes.take(case, PROBE.read_bytes(), kind=ProbeKind.CCTV)
        result = desk.search.run(probe.id, SearchRequest(case=case, reason=reason, mode=Mode.INVESTIGATION))
        return probe.id, result.search_id, result.hidden[0].name

    def _add_oversight(self, letter: str) -> None:
        """Report a finding about the examiner of an agency, and guard a face."""
        agency_id, week = self.agencies[letter], self.clock().date() - timedelta(days=self.clock().weekday() + 7)
        finding = Finding(
            kind=FindingKind.VOLUME,
            who=(self.people[f"{letter} examiner"].account.id,),
            since=self.clock() - timedelta(days=7),
            until=self.clock(),
            what="41 searches in the week",
            why="far above the middle of 8",
            ordinary="up to 20",
            numbers={"count": 41},
        )
        line = LookedAt(kind=FindingKind.VOLUME, of="counts of people", looked_at=9, ordinary=8)
        ids = [secrets.token_hex(8) for _ in range(3)]
        report = MisuseReport(id=ids[0], agency_id=agency_id, week=week, made_at=self.clock(), looked_at=(line,))
        kept = KeptFinding(id=ids[1], report_id=ids[0], state=FindingState.OPEN, finding=finding)
        face = GuardedFace(
            id=ids[2],
            agency_id=agency_id,
            name=f"{self.texts[letter].person} guarded",
            kind=GuardedKind.COLLEAGUE,
            because="agreed in writing",
            added_by=f"{self.texts[letter].person} supervisor",
            added_at=self.clock(),
            template=Template("sface-yunet/000000", np.zeros(128, np.float32)),
            grade=0,
        )
        keys = self.workspace.keys
        with self.setting_up() as tx:
            tx.misuse.add(report, [kept])
            wrapped = keys.new_data_key(about_guarded(face.id))
            tx.guarded.add(face, keys.unwrap(wrapped, about_guarded(face.id)), wrapped)
        self.oversight[letter] = (kept.id, face.id)

    def _add_shared_case(self) -> None:
        """Add a case of A on which guests of B work too."""
        self._add_case("shared", "A", "examiner", "reviewer")
        supervisor, until = self.desk_of("A supervisor"), self.today + timedelta(days=20)
        for name, role in (
            ("B guest examiner", CaseRole.EXAMINER),
            ("B guest reviewer", CaseRole.REVIEWER),
            ("B guest observer", CaseRole.OBSERVER),
        ):
            guest = self.people[name]
            invitation = supervisor.members.invite(self.cases["shared"].key, guest.account.email, role, until)
            self.desk_of(name).members.take(invitation.id)
            guest.in_case["shared"] = role

    def _add_invitations(self) -> None:
        """Invite everybody to a case of the other agency; nobody accepts yet."""
        until = self.today + timedelta(days=20)
        for name, person in self.people.items():
            other = "B" if name.startswith("A") else "A"
            members, case = self.desk_of(f"{other} supervisor").members, self.cases[f"{other} colleague's"]
            person.invitation = members.invite(case.key, person.account.email, CaseRole.OBSERVER, until).id

    def _begin_sessions(self, person: Participant) -> None:
        with self.workspace.store.begin() as tx:
            key, browser = os.urandom(32), "another browser"
            other = tx.sessions.begin(person.account.id, key, self.clock(), browser, terminal=False)
        person.other_session = other.id
        person.key = self.enter_code(person).key

    def _add_job(self, person: Participant) -> None:
        account = person.account
        request = JobRequest(
            kind="ingest",
            arguments={"source": SOURCE, "what": [f"/data/{account.id}"]},
            agency_id=account.agency_id,
            account_id=account.id,
            requested_by=account.name,
        )
        with self.workspace.store.begin() as tx:
            person.job = tx.jobs.add(request, self.clock()).id

    def _add_key(self, person: Participant) -> None:
        person.program = key_for(self, Permission.READ_SOURCES, account=person.account).key.id


def build_two_agencies(
    folder: Path, texts: Callable[[str], AgencyTexts] = plain_texts, *, searches: bool = True
) -> TwoAgencies:
    """Build the two agencies in ``folder``, and return them closed."""
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    world = TwoAgencies(clock=clock, pristine=folder / "pristine", home=folder / "ws", searches=searches)
    world.build(texts)
    world.save(folder)
    return world


class Pages:
    """Sends requests to the application itself, without a port, in the name of anybody."""

    def __init__(self, world: TwoAgencies) -> None:
        self.world = world
        self._loop = asyncio.new_event_loop()
        self._app = create_app(world.workspace, TOKEN)
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def ask(
        self, person: Person | None, method: str, address: str, data: dict[str, Any] | None = None, **more: Any
    ) -> httpx.Response:
        """Send one request; a form is sent with the token of the person's session."""
        headers = more.pop("headers", {})
        if person is not None:
            headers = {"cookie": f"lineament-8471={person.key}", **headers}
            if method == "POST":
                data = {"csrf": BrowserSession(person.key).csrf, **(data or {})}
        self._client.cookies.clear()
        request = self._client.request(method, address, data=data, headers=headers, **more)
        return self._loop.run_until_complete(request)
