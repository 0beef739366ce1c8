"""A squad: an agency at work on cases, over a gallery of the portraits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from tests.conftest import PORTRAITS
from tests.support.world import PROBE, StaffedWorld, copied, ingest_portraits, solo

from lineament.model.accounts import HOME_AGENCY, Account, Role
from lineament.model.cases import Case, CaseRole, CaseTerms, Seeks
from lineament.model.search import Mode, Probe, ProbeKind, SearchRequest, SearchResult

PHOTOGRAPH = PROBE.read_bytes()
OTHER_PHOTOGRAPH = (PORTRAITS / "ardern-2018.jpg").read_bytes()
TERMS = CaseTerms(ref="K-1", offence="robbery", purpose="find who robbed the bank", basis="CPP 77")
REASON = "he was seen at the counter"


def build_portraits(folder: Path) -> Path:
    """Create a workspace of one person whose gallery holds the portraits except the probe, to be copied."""
    with solo(folder / "ws") as world:
        ingest_portraits(world.workspace)
    return folder / "ws"


@dataclass(slots=True)
class Squad(StaffedWorld):
    """Trained officials of the home agency, and two of another agency who may be invited."""

    examiner: Account = field(init=False)
    colleague: Account = field(init=False)
    reviewer: Account = field(init=False)
    supervisor: Account = field(init=False)
    auditor: Account = field(init=False)
    guest: Account = field(init=False)  # an examiner of the other agency
    foreign_supervisor: Account = field(init=False)

    def __post_init__(self) -> None:
        StaffedWorld.__post_init__(self)
        self.examiner = self._trained(HOME_AGENCY, Role.EXAMINER, "Eva Examiner")
        self.colleague = self._trained(HOME_AGENCY, Role.EXAMINER, "Carl Colleague")
        self.reviewer = self._trained(HOME_AGENCY, Role.REVIEWER, "Rita Reviewer")
        self.supervisor = self._trained(HOME_AGENCY, Role.SUPERVISOR, "Sven Supervisor")
        self.auditor = self._trained(HOME_AGENCY, Role.AUDITOR, "Adam Auditor")
        other = self.add_agency("Police of Freedonia").id
        self.guest = self._trained(other, Role.EXAMINER, "Gusti Guest")
        self.foreign_supervisor = self._trained(other, Role.SUPERVISOR, "Selma Supervisor")

    def _trained(self, agency_id: str, role: Role, name: str) -> Account:
        account = self.join(agency_id, role, name=name)
        self.train(account, days=3650)
        return account

    def open_case(self, seeks: Seeks = Seeks.MISSING, ref: str = "K-1") -> Case:
        """Open a case as the examiner; a missing person needs no authorisation."""
        return self.fresh_desk(self.examiner).casework.open(replace(TERMS, ref=ref, seeks=seeks))

    def take_probe(self, case: Case, photograph: bytes = PHOTOGRAPH) -> Probe:
        """Put a photograph into a case as the examiner."""
        return self.fresh_desk(self.examiner).probes.take(case.key, photograph, kind=ProbeKind.CCTV)

    def search(self, case: Case, probe: Probe, by: Account | None = None, reason: str = REASON) -> SearchResult:
        """Search as the examiner or as ``by``; return what was recorded, of which they see nothing but faces yet."""
        request = SearchRequest(case=case.key, reason=reason, mode=Mode.INVESTIGATION)
        found = self.fresh_desk(by or self.examiner).search.run(probe.id, request)
        return self.recorded(found)

    def recorded(self, found: SearchResult) -> SearchResult:
        """Return a search as it was recorded, with what is hidden from those who have yet to decide."""
        with self.workspace.store.read() as tx:
            return tx.searches.get(found.search_id)

    def invite_guest(self, case: Case, until: date, role: CaseRole = CaseRole.EXAMINER) -> None:
        """Invite the guest to a case, and have them accept."""
        self.fresh_desk(self.supervisor).members.invite(case.key, self.guest.email, role, until)
        (invitation,) = self.fresh_desk(self.guest).members.mine()
        self.fresh_desk(self.guest).members.take(invitation.id)


@contextmanager
def squad(portraits: Path, home: Path) -> Iterator[Squad]:
    """Open a copy of the workspace ``portraits`` with a squad at work in it."""
    with copied(portraits, home) as world:
        yield Squad(world.workspace, world.clock)
