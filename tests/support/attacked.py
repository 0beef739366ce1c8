"""A workspace with something of everything, for whoever can write to its database and files but has no key."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from tests.support.clock import TICK, Clock
from tests.support.database import raw_database
from tests.support.squad import Squad
from tests.support.world import World, opened

from lineament.model.accounts import Account, FactorKind
from lineament.model.cases import Case, CaseRole, Seeks
from lineament.model.search import Probe, SearchResult
from lineament.settings import Settings
from lineament.workspace import Workspace

SESSION = sha256(b"a session of the examiner").digest()


@dataclass(slots=True)
class Victim:
    """A workspace with people, cases, a search and a stop, for somebody who can write to its database."""

    home: Path
    at: datetime
    examiner: Account
    reviewer: Account
    administrator: Account
    operator: Account
    supervisor: Account
    guest: Account
    case: Case
    other: Case
    probe: Probe
    search: SearchResult
    session: str
    session_digest: bytes = SESSION

    def world(self, *, suspect: bool = False) -> World:
        """Open the workspace, a minute after it was built; ``suspect``: as ``verify`` and ``doctor`` do."""
        clock = Clock(at=self.at + timedelta(minutes=1), tick=TICK)
        if not suspect:
            return opened(self.home, clock)
        return World(Workspace.open(Settings(home=self.home), clock=clock, suspect=True), clock)

    def write(self, *statements: str, **values: object) -> None:
        """Write to the database past the store; values are named as in ``:search``."""
        known = {
            "search": self.search.search_id,
            "examiner": self.examiner.id,
            "reviewer": self.reviewer.id,
            "administrator": self.administrator.id,
            "guest": self.guest.id,
            "case": self.case.id,
            "other": self.other.id,
            "probe": self.probe.id,
            "session": self.session,
        }
        with raw_database(self.home) as database:
            triggers = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
            for trigger in triggers:  # whoever can write to the file can also do this
                database.execute(f"DROP TRIGGER {trigger}")
            changed = sum(database.execute(statement, known | values).rowcount for statement in statements)
        assert changed, "the attack wrote nothing"


def build_victim(folder: Path, portraits: Path) -> Victim:
    """Build a target in ``folder``, from a workspace with the portraits."""
    shutil.copytree(portraits, folder / "ws")
    with opened(folder / "ws", Clock(tick=TICK)) as world:
        team = Squad(world.workspace, world.clock)
        case, other = team.open_case(), team.open_case(Seeks.SUSPECT, "K-2")
        supervisor = team.fresh_desk(team.supervisor)
        supervisor.casework.authorise(other.key, team.ruling())
        supervisor.members.add(case.key, team.reviewer.email, CaseRole.REVIEWER, None)
        probe = team.take_probe(case)
        found = team.search(case, probe)
        team.fresh_desk(team.reviewer).probes.approve(probe.id)
        team.invite_guest(case, team.today + timedelta(days=30))
        supervisor.room.note(other.key, "ask the court again")
        supervisor.room.file(other.key, "plan.txt", b"the plan of the house")
        team.operator_desk.stops.stop_everything("an exercise")
        with team.setting_up() as tx:
            session = tx.sessions.begin(team.examiner.id, SESSION, team.clock(), "a browser", terminal=False)
            tx.sessions.prove(session.id, team.clock())
            tx.factors.add(team.administrator.id, FactorKind.TOTP, "phone", {"secret": "A" * 32}, team.clock())
            tx.factors.add(team.examiner.id, FactorKind.TOTP, "phone", {"secret": "B" * 32}, team.clock())
        return Victim(
            home=folder / "ws",
            at=world.clock.at,
            examiner=team.examiner,
            reviewer=team.reviewer,
            administrator=team.administrator,
            operator=team.operator,
            supervisor=team.supervisor,
            guest=team.guest,
            case=case,
            other=other,
            probe=probe,
            search=found,
            session=session.id,
        )
