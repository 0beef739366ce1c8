"""An agency at work on cases, over a gallery of the portraits, with a clock that a test moves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from tests.conftest import PORTRAITS
from tests.support.clock import TICK, Clock
from tests.support.staff import House, solo

from lineament.model.accounts import HOME_AGENCY, Account, Role
from lineament.model.cases import AuthorisationOutcome, Case, CaseRole, CaseTerms, Seeks
from lineament.model.search import Mode, Probe, ProbeKind, SearchRequest, SearchResult
from lineament.model.sources import SourceTerms
from lineament.services.cases.casework import Ruling
from lineament.settings import Settings
from lineament.sources.folder.connector import FolderConnector
from lineament.workspace import Desk, Workspace

PROBE = (PORTRAITS / "macron-2014.jpg").read_bytes()
OTHER = (PORTRAITS / "ardern-2018.jpg").read_bytes()
TERMS = CaseTerms(ref="K-1", offence="robbery", purpose="find who robbed the bank", basis="CPP 77")
REASON = "he was seen at the counter"


def with_portraits(folder: Path) -> Path:
    """A solo workspace whose gallery holds the portraits but for the probe, to be copied."""
    photos = folder / "photos"
    shutil.copytree(PORTRAITS, photos, ignore=shutil.ignore_patterns("*.md", "__pycache__", "macron-2014.jpg"))
    with solo(folder / "ws") as workspace:
        workspace.desk_at_the_machine().sources.add(
            SourceTerms(name="press", controller="Press", basis="LED 8", jurisdiction="FR")
        )
        connector = FolderConnector([photos], page_base=None, max_bytes=2**20)
        assert workspace.desk_at_the_machine().ingest.run("press", connector, workers=1).faces == 5
    return folder / "ws"


@dataclass(slots=True)
class Squad(House):
    """Officials of the home agency, trained, and of another one that may be invited."""

    examiner: Account = field(init=False)
    colleague: Account = field(init=False)
    reviewer: Account = field(init=False)
    supervisor: Account = field(init=False)
    auditor: Account = field(init=False)
    guest: Account = field(init=False)  # an examiner of another agency
    abroad: Account = field(init=False)  # who supervises there

    def __post_init__(self) -> None:
        House.__post_init__(self)
        self.examiner = self._trained(HOME_AGENCY, Role.EXAMINER, "Eva Examiner")
        self.colleague = self._trained(HOME_AGENCY, Role.EXAMINER, "Carl Colleague")
        self.reviewer = self._trained(HOME_AGENCY, Role.REVIEWER, "Rita Reviewer")
        self.supervisor = self._trained(HOME_AGENCY, Role.SUPERVISOR, "Sven Supervisor")
        self.auditor = self._trained(HOME_AGENCY, Role.AUDITOR, "Adam Auditor")
        other = self.agency("Police of Freedonia").id
        self.guest = self._trained(other, Role.EXAMINER, "Gusti Guest")
        self.abroad = self._trained(other, Role.SUPERVISOR, "Selma Supervisor")

    def _trained(self, agency_id: str, role: Role, name: str) -> Account:
        account = self.joined(
            agency_id, role, name=name, email=f"{role}-{len(name)}{name[0]}@{agency_id}.example".lower()
        )
        with self.workspace.store.begin() as tx:
            tx.accounts.set_training(account.id, self.clock().date() + timedelta(days=3650))
        return account

    def work(self, account: Account) -> Desk:
        """Where somebody works, having just shown the second factor."""
        with self.workspace.store.read() as tx:
            official = tx.accounts.get(account.id).official
        return self.workspace.desk(replace(official, proved_at=self.clock()))

    def wish(self, **wishes: bool | int) -> None:
        """The agency is stricter."""
        with self.workspace.store.begin() as tx:
            tx.agencies.set_wishes(HOME_AGENCY, wishes)

    def case(self, seeks: Seeks = Seeks.MISSING, ref: str = "K-1") -> Case:
        """The examiner opens one; a missing person needs no authorisation."""
        return self.work(self.examiner).casework.open(replace(TERMS, ref=ref, seeks=seeks))

    def probe(self, case: Case, photograph: bytes = PROBE) -> Probe:
        """The examiner puts a photograph into it."""
        return self.work(self.examiner).probes.take(case.key, photograph, kind=ProbeKind.CCTV)

    def search(self, case: Case, probe: Probe, by: Account | None = None, reason: str = REASON) -> SearchResult:
        """The examiner, or somebody else, searches."""
        request = SearchRequest(case=case.key, reason=reason, mode=Mode.INVESTIGATION)
        return self.work(by or self.examiner).search.run(probe.id, request)

    def invited(self, case: Case, until: date, role: CaseRole = CaseRole.EXAMINER) -> None:
        """The guest is invited to a case and takes it up."""
        self.work(self.supervisor).members.invite(case.key, self.guest.email, role, until)
        (waiting,) = self.work(self.guest).members.mine()
        self.work(self.guest).members.take(waiting.id)

    def ruling(
        self,
        outcome: AuthorisationOutcome = AuthorisationOutcome.GRANTED,
        until: date | None = None,
        document: bytes | None = None,
    ) -> Ruling:
        """What a court decided just now."""
        return Ruling(
            authority="Court of Ys, Judge Gradlon",
            decided_at=self.clock.at,
            outcome=outcome,
            scope="one photograph of the counter",
            expires_on=until,
            document=document,
            document_name="order.pdf",
        )

    def kept(self) -> bytes:
        """Every byte that the workspace keeps but for its keys: database, log, pictures, indexes, checkpoint."""
        home = self.workspace.home
        return b"\0".join(p.read_bytes() for p in sorted(home.rglob("*")) if p.is_file() and p.parent.name != "keys")


@contextmanager
def squad(portraits: Path, home: Path) -> Iterator[Squad]:
    """A squad in a copy of that workspace."""
    shutil.copytree(portraits, home)
    clock = Clock(tick=TICK)
    with Workspace.open(Settings(home=home, examiner="at-the-machine", workers=1), clock=clock) as workspace:
        yield Squad(workspace, clock)
