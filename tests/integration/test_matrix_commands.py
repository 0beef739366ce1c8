"""Every command, for every role, on what is one's own, shared, a colleague's, foreign, or not there (test_matrix.py).

No permission: exit code 4 and the same line whatever is named. Not seen: exit code 3 and the line of what never
existed. Seen, but not for that in this case: 4. Else: 0. A refusal changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.serving import PROBE
from tests.support.sight import (
    BY_ROLE,
    NO_THINGS,
    NOT_THERE,
    PEOPLE,
    Named,
    accounts,
    agencies,
    cases,
    jobs,
    nothing,
    runs,
    sources,
    waiting,
)
from tests.support.world import SOURCE, Person, World

from lineament.__main__ import application
from lineament.cli.main import run
from lineament.cli.terminal import needed
from lineament.model.accounts import Permission
from lineament.sources.crawl.state import CrawlState
from lineament.sources.webarchive.writer import WarcWriter

TREE = application()


def declared(command: object, name: tuple[str, ...] = ()) -> Iterator[tuple[str, Permission]]:
    """Every command with what it needs."""
    if (below := getattr(command, "commands", None)) is not None:
        for word, one in below.items():
            yield from declared(one, (*name, word))
    else:
        yield " ".join(name), needed(getattr(command, "callback", None))


COMMANDS = [one for one in declared(TREE) if one[1] is not Permission.MACHINE]
ASKED = [name for name in PEOPLE if name[0] == "A" or "guest" in name or name == "home operator"]

About = Callable[[World, Person], Iterator[Named]]
Before = Callable[[World, dict[str, str]], None]


@dataclass(frozen=True, slots=True)
class Line:
    """What stands behind a command; ``{…}`` is what is named."""

    arguments: str = ""
    about: About = nothing
    before: Before | None = None
    code: int = 0
    in_case: str = ""  # what it takes in the case, where that is another permission
    slow: bool = False  # the nets are loaded anew: what is allowed is tried once, the rest by everybody


def stopped(world: World, ids: dict[str, str]) -> None:
    world.desk("home operator").stops.stop_everything("a defect")


def both_stopped(world: World, ids: dict[str, str]) -> None:
    for name in ("A supervisor", "B supervisor"):
        world.desk(name).stops.stop_agency("an inquiry")


def that_stopped(world: World, ids: dict[str, str]) -> None:
    if ids["agency_id"] != NOT_THERE:
        world.desk("home operator").stops.stop_agency("an inquiry", ids["agency_id"])


def held(world: World, ids: dict[str, str]) -> None:
    letter = next((case.agency for case in world.cases.values() if case.key == ids["ref"]), None)
    if letter is not None:
        world.desk(f"{letter} supervisor").casework.hold(ids["ref"], "an order")


def suspended(world: World, ids: dict[str, str]) -> None:
    letter = next((who.name[0] for who in world.people.values() if who.account.id == ids["account_id"]), None)
    if letter in {"A", "B"}:
        world.desk(f"{letter} administrator").people.suspend(ids["account_id"])


def source_suspended(world: World, ids: dict[str, str]) -> None:
    if ids["name"] == SOURCE:
        world.desk("home operator").sources.suspend(SOURCE)


def drafted(world: World, ids: dict[str, str]) -> None:
    """By whoever was at the machine."""
    with sqlite3.connect(world.home / "lineament.db") as database:
        database.execute("UPDATE sources SET state = 'drafted' WHERE name = ?", (ids["name"],))
    database.close()


def shared(world: World, ids: dict[str, str]) -> None:
    if ids["name"] == SOURCE:
        world.desk("home operator").sources.share(SOURCE, world.agencies["C"])


def withdrawn(world: World, ids: dict[str, str]) -> None:
    if ids["name"] == SOURCE:
        world.desk("home operator").erase.source(SOURCE, "asked")


def crawled(world: World, ids: dict[str, str]) -> None:
    """Nothing but the record that says which program crawled."""
    if ids["name"] == SOURCE:
        desk = world.desk("home operator")
        kept = desk.workspace.crawls.crawl(desk.sources.get(SOURCE), "first")
        kept.folder.mkdir(parents=True, exist_ok=True)
        CrawlState(kept, write=True).close()
        warc = WarcWriter(kept.folder, kept.seal, largest=2**30, software="a test")
        warc.ready()
        warc.close()


FOR_THE_HOST = {"case close", "case urgent"}
"""Up to the agency whose case it is, whatever role a guest has in it."""
_RULING = "{ref} --authority court --decided 2026-01-02 --scope all"
_TERMS = "--offence x --purpose x --basis x"
LINES = {
    "ingest": Line("{name} {probe}", sources),
    "search": Line("{probe} --case {ref} --reason why --kind cctv --json", cases),
    "compare": Line("{probe} {probe} --json"),
    "stop": Line("--reason defect"),
    "resume": Line(before=stopped),
    "stop-agency": Line("--reason inquiry"),
    "resume-agency": Line(before=both_stopped),
    "stops": Line(),
    "usage": Line(),
    "policy": Line("--set further_approvals=1"),
    "erase": Line("--source {name} --reason asked", sources),
    "job list": Line(),
    "job show": Line("{job_id}", jobs),
    "job stop": Line("{job_id}", jobs),
    "source add": Line("new --controller x --basis x --jurisdiction FR"),
    "source approve": Line("{name}", sources, drafted),
    "source share": Line("{name} {agency}:{later}", sources),
    "source unshare": Line("{name} {agency}", sources, shared),
    "source list": Line(),
    "source show": Line("{name}", sources),
    "source suspend": Line("{name}", sources),
    "source resume": Line("{name}", sources, source_suspended),
    "source withdraw": Line("{name} --yes", sources),
    "source runs": Line("{name} {run_number}", runs),
    "source known-abuse": Line("{listed}"),
    "source warc": Line("{name} {out}", sources, crawled),
    "source receipt": Line("{name} {out}", sources, withdrawn),
    "case open": Line(f"N-1 {_TERMS}"),
    "case list": Line(),
    "case show": Line("{ref}", cases),
    "case close": Line("{ref}", cases),
    "case urgent": Line("{ref} --because why", cases, code=4),  # they are authorised, so nothing is urgent
    "case authorise": Line(_RULING, cases),
    "case refuse": Line(f"{_RULING} --yes", cases),
    "case hold": Line("{ref} --because order", cases),
    "case release": Line("{ref}", cases, held),
    "case members": Line("{ref}", cases),
    "case add-member": Line("{ref} {colleague} --role reviewer", cases),
    "case remove-member": Line("{ref} {member}", cases),
    "case invite": Line("{ref} new@nowhere.example --role observer --until {later}", cases),
    "case invitations": Line(),
    "case take": Line("{invitation_id}", waiting),
    "case say": Line("{ref} text", cases),
    "case note": Line("{ref} text", cases),
    "case put": Line("{ref} {probe}", cases),
    "case get": Line("{ref} {paper_id} {out}", cases),
    "case papers": Line("{ref}", cases),
    "case timeline": Line("{ref}", cases),
    "probe replay": Line("{probe_id}", cases, slow=True),
    "probe approve": Line("{probe_id}", cases),
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
    "agency resume": Line("{agency_id}", agencies, that_stopped),
    "user invite": Line("new@a.example --name New --role examiner"),
    "user list": Line(),
    "user show": Line("{account_id}", accounts),
    "user roles": Line("{account_id} --role reviewer", accounts),
    "user train": Line("{account_id} --lapsed", accounts),
    "user suspend": Line("{account_id}", accounts),
    "user restore": Line("{account_id}", accounts, suspended),
    "user reset": Line("{account_id}", accounts),
    "user close": Line("{account_id} --yes", accounts),
    "user unlock": Line("{account_id}", accounts),
    "user sessions": Line("{account_id}", accounts),
    "user end-sessions": Line("{account_id}", accounts),
    "ledger export": Line("{out} --case {ref}", cases, in_case="read cases"),
}


def test_every_command_has_its_line() -> None:
    assert set(LINES) == {name for name, _ in COMMANDS}


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended, with the names taken out."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Terminals:
    """A terminal for each person, with a state folder of its own."""

    world: World
    folder: Path
    patched: pytest.MonkeyPatch
    printed: Callable[[], tuple[str, str]]

    def sit_down(self, who: Person) -> None:
        """Whoever it is has signed in at this terminal."""
        state = self.folder / who.name.replace(" ", "-")
        self.patched.setenv("LINEAMENT_STATE", str(state))
        with self.world.workspace.store.read() as tx:
            kept = state / "sessions" / str(tx.meta.get("workspace"))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(who.key)

    def run(self, name: str, arguments: str, ids: dict[str, str]) -> Said:
        (self.folder / "out").unlink(missing_ok=True)
        words = [word.format(**ids) for word in arguments.split()]
        self.printed()
        code = 0
        try:
            run(TREE, [*name.split(), *words])
        except SystemExit as left:
            code = int(left.code or 0)
        said = list(self.printed())
        for value in ids.values():
            said = [text.replace(value, "…") if len(value) > 3 else text for text in said]
        return Said(code, said[0], said[1])


@pytest.fixture(scope="module")
def here(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world.copied(tmp_path_factory.mktemp("commands")).open() as opened:
        yield opened


@pytest.fixture
def terminals(
    here: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminals:
    monkeypatch.setenv("LINEAMENT_HOME", str(here.home))
    return Terminals(here, tmp_path, monkeypatch, lambda: tuple(capsys.readouterr()))  # type: ignore[return-value,arg-type]


@pytest.mark.parametrize(("name", "access"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_for_every_role(terminals: Terminals, name: str, access: Permission) -> None:
    wrong = []
    for called in ASKED:
        who = terminals.world.people[called]
        terminals.sit_down(who)
        wrong += [f"{called}, {said}" for said in _of(terminals, who, name, access.value)]
    assert wrong == []


def _of(terminals: Terminals, who: Person, name: str, access: str) -> Iterator[str]:
    world, line, permitted = terminals.world, LINES[name], access in BY_ROLE[who.role]
    colleague = world.people[f"{who.name[0]} colleague" if who.name[0] in "AB" else "A colleague"].account.email
    given = {"probe": str(PROBE), "out": str(terminals.folder / "out"), "colleague": colleague}
    (terminals.folder / "listed").write_text("0" * 64)
    given["listed"] = str(terminals.folder / "listed")
    given["agency"] = world.agencies["C"]
    given["later"] = str((world.at + timedelta(days=9)).date())
    said: dict[str, Said] = {}
    listed = list(line.about(world, who))
    for what in listed:
        allowed = permitted and what.seen and (what.may is None or (line.in_case or access) in what.may)
        allowed &= not (name in FOR_THE_HOST and what.level == "shared" and "guest" in who.name)
        if allowed and line.slow and (who.name, what.level) != ("A reviewer", "own"):
            continue
        if line.before is not None and permitted and what.ids != NO_THINGS:
            line.before(world, what.ids)
        before = world.workspace.desk_at_the_machine().audit.size()
        answer = said[what.level] = terminals.run(name, line.arguments, {**what.ids, **given})
        expected = line.code if allowed else 3 if permitted and not what.seen else 4
        changed = world.workspace.desk_at_the_machine().audit.size() - before
        if answer.code != expected or (not allowed and changed):
            yield f"{what.level}: {answer}, {changed} entries"
        if allowed or line.before is not None:
            world.restore()
    alike = [said[one.level] for one in listed if not permitted or not one.seen]
    if any(answer != alike[0] for answer in alike):
        yield f"not the same: {alike}"
