"""Every command, for every role, on a target of one's own, shared, of a colleague, foreign, or not there.

As in test_matrix.py. No permission: exit code 4, with the same message for every target. Not seen: exit code 3, with
the message for an id that never existed. Seen, but not permitted in this case: 4. Otherwise: 0. A refusal changes
nothing.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.route_forms import (
    Prepare,
    add_web_hook,
    begin_held_watch,
    begin_watch,
    change_rows,
    decide_lead,
    propose_own_threshold,
    propose_threshold,
    put_on_hold,
    stop_every_agency,
    stop_everything,
    stop_named_agency,
)
from tests.support.targets import (
    BY_ROLE,
    NO_IDS,
    PEOPLE,
    Targets,
    accounts,
    agencies,
    cases,
    changes,
    colleague_of,
    invitations,
    jobs,
    keys,
    nothing,
    oversight,
    runs,
    sources,
)
from tests.support.two_agencies import Participant, TwoAgencies
from tests.support.world import PROBE, SOURCE

from lineament.__main__ import application
from lineament.cli.main import run
from lineament.cli.terminal import needed
from lineament.model.accounts import Permission
from lineament.sources.crawl.state import CrawlState
from lineament.sources.webarchive.writer import WarcWriter
from lineament.store import tables

TREE = application()


def declared(command: object, name: tuple[str, ...] = ()) -> Iterator[tuple[str, Permission]]:
    """Yield every command with the permission that it needs."""
    if (subcommands := getattr(command, "commands", None)) is not None:
        for word, subcommand in subcommands.items():
            yield from declared(subcommand, (*name, word))
    else:
        yield " ".join(name), needed(getattr(command, "callback", None))


COMMANDS = [(name, access) for name, access in declared(TREE) if access is not Permission.MACHINE]
TESTED = [name for name in PEOPLE if name[0] == "A" or "guest" in name or name == "home operator"]


@dataclass(frozen=True, slots=True)
class Line:
    """The arguments of a command, where ``{…}`` stands for an id of the target."""

    arguments: str = ""
    targets: Targets = nothing
    prepare: Prepare | None = None
    code: int = 0
    in_case: str = ""  # the permission needed in the case, if it is another one
    slow: bool = False  # loads the nets, so what is allowed is tried once; what is refused, by everybody


def suspend(world: TwoAgencies, ids: dict[str, str]) -> None:
    letter = next((person.name[0] for person in world.people.values() if person.account.id == ids["account_id"]), None)
    if letter in {"A", "B"}:
        world.desk_of(f"{letter} administrator").people.suspend(ids["account_id"])


def suspend_source(world: TwoAgencies, ids: dict[str, str]) -> None:
    if ids["name"] == SOURCE:
        world.desk_of("home operator").sources.suspend(SOURCE)


def make_draft(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Make a source a draft of whoever was at the machine."""
    change_rows(world, sa.update(tables.sources).where(tables.sources.c.name == ids["name"]).values(state="drafted"))


def share(world: TwoAgencies, ids: dict[str, str]) -> None:
    if ids["name"] == SOURCE:
        world.desk_of("home operator").sources.share(SOURCE, world.agencies["C"])


def withdraw(world: TwoAgencies, ids: dict[str, str]) -> None:
    if ids["name"] == SOURCE:
        world.desk_of("home operator").erase.source(SOURCE, "asked")


def begin_crawl(world: TwoAgencies, ids: dict[str, str]) -> None:
    """Store a crawl that has only the record that says which program crawled."""
    if ids["name"] == SOURCE:
        desk = world.desk_of("home operator")
        crawl = desk.workspace.crawls.crawl(desk.sources.get(SOURCE), "first")
        crawl.folder.mkdir(parents=True, exist_ok=True)
        CrawlState(crawl, write=True).close()
        warc = WarcWriter(crawl.folder, crawl.seal, largest=2**30, software="a test")
        warc.ready()
        warc.close()


FOR_THE_HOST = {"case close", "case urgent"}
"""Only the agency of a case does this; no guest does, whatever their role in the case."""
_RULING = "{ref} --authority court --decided 2026-01-02 --scope all"
_TERMS = "--offence x --purpose x --basis x"
LINES = {
    "ingest": Line("{name} {probe}", sources),
    "cluster ingest": Line("{name} {probe}", sources, code=2),  # there is no cluster here
    "search": Line("{probe} --case {ref} --reason why --kind cctv --json", cases),
    "compare": Line("{probe} {probe} --json"),
    "stop": Line("--reason defect"),
    "resume": Line(prepare=stop_everything),
    "stop-agency": Line("--reason inquiry"),
    "resume-agency": Line(prepare=stop_every_agency),
    "stops": Line(),
    "threshold show": Line(),
    "threshold list": Line(),
    "threshold propose": Line("--strangers 0.5 --reason why --evaluate {probe}", slow=True),
    "threshold approve": Line("{number}", changes, propose_threshold),
    "threshold decline": Line("{number} --reason why", changes, propose_threshold),
    "threshold withdraw": Line("{number}", changes, propose_own_threshold),
    "lead list": Line("{ref}", cases),
    "lead evidence": Line(
        "{search_id} {picture} --kind document --text x --reference y --independent", cases, decide_lead
    ),
    "lead notice": Line("{ref} --to x --on 2026-01-05 --way 'by letter' --text y", cases),
    "lead report": Line("{search_id} {picture} {out}", cases, decide_lead),
    "jurisdiction list": Line(),
    "jurisdiction show": Line("US-MD"),
    "usage": Line(),
    "policy": Line("--set further_approvals=1"),
    "erase": Line("--source {name} --reason asked --yes", sources),
    "pack add": Line("no-such-recipe", code=3),
    "pack show": Line("sface-yunet"),
    "pack verify": Line("sface-yunet", slow=True),
    "pack list": Line(),
    "pack use": Line("sface-yunet"),
    "key add": Line("program --right read-sources"),
    "key list": Line(),
    "key revoke": Line("{key_id}", keys),
    "job list": Line(),
    "job show": Line("{job_id}", jobs),
    "job stop": Line("{job_id}", jobs),
    "source add": Line("new --controller x --basis x --jurisdiction FR"),
    "source approve": Line("{name}", sources, make_draft),
    "source decline": Line("{name} --reason no", sources, make_draft),
    "source share": Line("{name} {agency}:{later}", sources),
    "source unshare": Line("{name} {agency}", sources, share),
    "source list": Line(),
    "source show": Line("{name}", sources),
    "source suspend": Line("{name}", sources),
    "source resume": Line("{name}", sources, suspend_source),
    "source withdraw": Line("{name} --yes", sources),
    "source pictures": Line("{name} --without-face", sources),
    "source add-face": Line("{name} 1 --box 1,1,20,20", sources, code=4, slow=True),  # the face is there
    "source look-again": Line("{name}", sources),
    "source runs": Line("{name} {run_number}", runs),
    "source known-abuse": Line("{listed}"),
    "source warc": Line("{name} {out}", sources, begin_crawl),
    "source receipt": Line("{name} {out}", sources, withdraw),
    "case open": Line(f"N-1 {_TERMS}"),
    "case list": Line(),
    "case show": Line("{ref}", cases),
    "case close": Line("{ref}", cases),
    "case urgent": Line("{ref} --because why", cases, code=4),  # they are authorised, so nothing is urgent
    "case authorise": Line(_RULING, cases),
    "case refuse": Line(f"{_RULING} --yes", cases),
    "case allow": Line("{ref} --words asylum --because why", cases),
    "keys rotate-case": Line("{ref}", cases),
    "case hold": Line("{ref} --because order", cases),
    "case release": Line("{ref}", cases, put_on_hold),
    "case members": Line("{ref}", cases),
    "case add-member": Line("{ref} {colleague} --role reviewer", cases),
    "case remove-member": Line("{ref} {member}", cases),
    "case invite": Line("{ref} new@nowhere.example --role observer --until {later}", cases),
    "case invitations": Line(),
    "case take": Line("{invitation_id}", invitations),
    "case say": Line("{ref} text", cases),
    "case note": Line("{ref} text", cases),
    "case put": Line("{ref} {probe}", cases),
    "case get": Line("{ref} {paper_id} {out}", cases),
    "case papers": Line("{ref}", cases),
    "case disclose": Line("{ref} {out}", cases),
    "case vics": Line("{ref} {out_folder}", cases),
    "case itl": Line("{ref} {out} --to DAI --from ORI --search {search_id}", cases),
    "case timeline": Line("{ref}", cases),
    "probe replay": Line("{probe_id}", cases, slow=True),
    "probe approve": Line("{probe_id}", cases),
    "review list": Line(),
    "review show": Line("{search_id}", cases),
    "review decide": Line("{search_id} {picture} --outcome excluded --rest different", cases),
    "review note": Line("{search_id} {picture} text", cases),
    "review ask": Line("{search_id} {asked}", cases),
    "review know": Line("{search_id} {picture}=same", cases),
    "review proficiency": Line(),
    "watch add": Line("{probe_id} --until {later} --reason missing", cases),
    "watch list": Line("{ref}", cases),
    "watch go-on": Line("{probe_id}", cases, begin_held_watch),
    "watch end": Line("{probe_id}", cases, begin_watch),
    "hook add": Line("https://hooks.agency.example/"),
    "hook list": Line(),
    "hook test": Line("{account_id}", accounts, add_web_hook),
    "hook rotate": Line("{account_id}", accounts, add_web_hook),
    "hook remove": Line("{account_id}", accounts, add_web_hook),
    "agency add": Line("D --jurisdiction FR"),
    "agency rename": Line("Ministry --jurisdiction FR"),
    "agency list": Line(),
    "agency show": Line("{agency_id}", agencies),
    "agency vet": Line("{agency_id} --outcome open --restrictions x --rights x --renew {later}", agencies),
    "agency license": Line("{agency_id} --seats 5 --searches 5 --last {later}", agencies),
    "agency policy": Line("{agency_id} --set further_approvals=1", agencies),
    "agency invite": Line("{agency_id} chief@c.example --name Chief", agencies),
    "agency invite-operator": Line("second@home.example --name Second"),
    "agency usage": Line("{agency_id}", agencies),
    "agency stop": Line("{agency_id} --reason inquiry", agencies),
    "agency resume": Line("{agency_id}", agencies, stop_named_agency),
    "user invite": Line("new@a.example --name New --role examiner"),
    "user list": Line(),
    "user show": Line("{account_id}", accounts),
    "user roles": Line("{account_id} --role reviewer", accounts),
    "user train": Line("{account_id} --lapsed", accounts),
    "user suspend": Line("{account_id}", accounts),
    "user restore": Line("{account_id}", accounts, suspend),
    "user reset": Line("{account_id}", accounts),
    "user close": Line("{account_id} --yes", accounts),
    "user unlock": Line("{account_id}", accounts),
    "user sessions": Line("{account_id}", accounts),
    "user end-sessions": Line("{account_id}", accounts),
    "account processing": Line(),
    "account impact": Line(),
    "account annual": Line(),
    "publication show": Line(),
    "publication agency": Line("--reason asked"),
    "publication workspace": Line("--reason asked"),
    "misuse report": Line(),
    "misuse answer": Line("{finding_id} --reason explained", oversight),
    "misuse faces": Line(),
    "misuse guard": Line("{probe} --name Eva --reason agreed", slow=True),
    "misuse unguard": Line("{guarded_id} --reason left", oversight),
    "ledger export": Line("{out} --case {ref}", cases, in_case="read cases"),
    "ledger propose-witnesses": Line("no-such-file --reason why", code=3),
    "ledger approve-witnesses": Line(code=4),  # none waits
    "ledger prove": Line("999999 {out}", code=3),
    "ledger prove-consistency": Line("{probe} {out}", code=2),
}


def test_every_command_has_its_line() -> None:
    assert set(LINES) == {name for name, _ in COMMANDS}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, without the ids of the target."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Terminals:
    """A terminal for each person, with a state folder of its own."""

    world: TwoAgencies
    folder: Path
    patch: pytest.MonkeyPatch
    printed: Callable[[], tuple[str, str]]

    def sign_in(self, person: Participant) -> None:
        """Make the following commands those of a person who signed in at their own terminal."""
        state = self.folder / person.name.replace(" ", "-")
        self.patch.setenv("LINEAMENT_STATE", str(state))
        self.world.sign_in_at_terminal(person, state)

    def run(self, name: str, arguments: str, ids: dict[str, str]) -> Outcome:
        (self.folder / "out").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "export", ignore_errors=True)
        self.world.begin_sessions(datetime.now(UTC))  # the commands ask the clock, and all of them take a while
        words = [word.format(**ids) for word in shlex.split(arguments)]
        self.printed()
        code = 0
        try:
            run(TREE, [*name.split(), *words])
        except SystemExit as left:
            code = int(left.code or 0)
        out, err = self.printed()
        for value in (value for value in ids.values() if len(value) > 3):
            out, err = out.replace(value, "…"), err.replace(value, "…")
        return Outcome(code, out, err)


@pytest.fixture(scope="module")
def world(two_agencies: TwoAgencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoAgencies]:
    with two_agencies.copy(tmp_path_factory.mktemp("commands")) as world:
        yield world


@pytest.fixture
def terminals(
    world: TwoAgencies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminals:
    monkeypatch.setenv("LINEAMENT_HOME", str(world.home))
    return Terminals(world, tmp_path, monkeypatch, lambda: tuple(capsys.readouterr()))  # type: ignore[return-value,arg-type]


@pytest.mark.parametrize(("name", "access"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_for_every_role(terminals: Terminals, name: str, access: Permission) -> None:
    wrong = []
    for person in (terminals.world.people[name] for name in TESTED):
        terminals.sign_in(person)
        wrong += [f"{person.name}, {fault}" for fault in _faults(terminals, person, name, access.value)]
    assert wrong == []


def _faults(terminals: Terminals, person: Participant, name: str, access: str) -> Iterator[str]:
    """Yield what is wrong with the outcomes of a command that a person runs."""
    world, line, permitted = terminals.world, LINES[name], access in BY_ROLE[person.role]
    letter = person.name[0] if person.name[0] in "AB" else "A"
    (terminals.folder / "listed").write_text("0" * 64)
    arguments = {
        "probe": str(PROBE),
        "out": str(terminals.folder / "out"),
        "out_folder": str(terminals.folder / "export"),
        "colleague": world.people[f"{letter} colleague"].account.email,
        "listed": str(terminals.folder / "listed"),
        "agency": world.agencies["C"],
        "later": str(world.today + timedelta(days=9)),
    }
    outcomes: dict[str, Outcome] = {}
    listed = list(line.targets(world, person))
    for target in listed:
        allowed = permitted and target.allows(line.in_case or access)
        allowed &= not (name in FOR_THE_HOST and target.level == "shared" and "guest" in person.name)
        if allowed and line.slow and (person.name, target.level) != ("A reviewer", "own"):
            continue
        if line.prepare is not None and permitted and target.ids != NO_IDS:
            line.prepare(world, target.ids)
        before = world.ledger_size()
        outcome = outcomes[target.level] = terminals.run(
            name, line.arguments, {**target.ids, **arguments, "asked": colleague_of(person, target.ids)}
        )
        expected = line.code if allowed else 3 if permitted and not target.seen else 4
        changed = world.ledger_size() - before
        if outcome.code != expected or (not allowed and changed):
            yield f"{target.level}: {outcome}, {changed} entries"
        if allowed or line.prepare is not None:
            world.restore()
    refused = [outcomes[target.level] for target in listed if not permitted or not target.seen]
    if any(outcome != refused[0] for outcome in refused):
        yield f"different outcomes: {refused}"
