"""Names of agencies and people, addresses, messages and counts of searches do not leak (R46).

Everything that the people of an agency write is a canary here. The tests look for it in everything that another agency
is shown, in logs and output, in error pages, and in a copy of the workspace without its key.

By design the database stores in plain what it searches or constrains: the reference, offence, purpose and legal basis
of a case, the authority, why it is urgent or on hold, the reason of a search, and everything about sources and
captures. A backup that must not show these either is encrypted as a whole (docs/adr/0012-who-sees-what.md). Everything
that names an agency, an official or an address is sealed, and so are messages and files of a room. The terminal shows
numbers of the ledger only to auditors.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.support.database import raw_database
from tests.support.postgresql import postgresql_server, role_address, separate_roles
from tests.support.targets import ids_of
from tests.support.two_agencies import AgencyTexts, Pages, TwoAgencies, build_two_agencies
from tests.support.world import SOURCE

from lineament.__main__ import application
from lineament.cli.main import run
from lineament.model.accounts import Permission, Role
from lineament.model.cases import CaseTerms
from lineament.model.search import SearchRequest
from lineament.web.app import declared

pytestmark = pytest.mark.enable_socket

TREE = application()


def canaries(letter: str) -> AgencyTexts:
    return AgencyTexts(
        agency=f"Zwinkelzorg-{letter}-agency",
        person=f"Quibblefax-{letter}",
        domain=f"vexillum-{letter.lower()}.example",
        ref=f"Brimborion-{letter}-ref",
        offence=f"Skullduggery-{letter}-offence",
        purpose=f"Pettifogger-{letter}-purpose",
        reason=f"Rigmarole-{letter}-reason",
        message=f"Taradiddle-{letter}-message",
    )


def every(texts: AgencyTexts) -> list[str]:
    return [getattr(texts, name) for name in AgencyTexts.__slots__]


def sealed(texts: AgencyTexts) -> list[str]:
    """Return the texts that the database and the blobs hold only under a key."""
    return [texts.agency, texts.person, texts.domain, texts.message]


def plain(texts: AgencyTexts) -> list[str]:
    return [texts.ref, texts.offence, texts.purpose, texts.reason]


def found(names: list[str], text: str | bytes) -> list[str]:
    """Return the names that are in a text, in any case."""
    content = text.encode() if isinstance(text, str) else text
    return [name for name in names if name.lower().encode() in content.lower()]


@pytest.fixture(scope="module")
def with_canaries(tmp_path_factory: pytest.TempPathFactory) -> TwoAgencies:
    return build_two_agencies(tmp_path_factory.mktemp("canaries"), canaries)


@pytest.fixture
def pages(with_canaries: TwoAgencies, tmp_path: Path) -> Iterator[Pages]:
    with with_canaries.copy(tmp_path) as world:
        with world.workspace.store.begin() as tx:  # an invitation names case and agency to whom it is for
            tx.connection.exec_driver_sql("DELETE FROM case_invitations")
        with world.pages() as pages:
            yield pages


READ = [route for route in declared() if route.method == "GET" and route.access is not Permission.PUBLIC]


def addresses(world: TwoAgencies, case: str, account: str, agency: str) -> list[str]:
    """Return the addresses of every page about a case, an account and an agency."""
    person, ids = world.people[account], ids_of(world.cases[case])
    ids |= {"account_id": person.account.id, "job_id": person.job, "agency_id": world.agencies[agency]}
    ids |= {"name": SOURCE, "run_id": world.runs[SOURCE], "capture_id": "1", "face_id": "1"}
    ids |= {"drop_id": world.drops["own"], "code": "FR"}
    return [route.path.format(**ids) for route in READ]


def shown(pages: Pages, who: str, listed: list[str]) -> dict[str, bytes]:
    """Return what somebody is shown at each address, headers included."""
    answers = {}
    for address in listed:
        answer = pages.ask(pages.world.people[who], "GET", address)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        answers[address] = head.encode() + answer.content
    return answers


ROLES = [role.value for role in Role if role is not Role.OPERATOR]


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize("who", [f"B {role}" for role in ROLES])
def test_another_agency_is_shown_none_of_its_texts(pages: Pages, who: str) -> None:
    world = pages.world
    listed = addresses(world, "B own", "B colleague", "B") + addresses(world, "A own", "A colleague", "A")
    listed += [f"/cases?q={word}" for word in ("plate", "Brimborion-A-r", "Quibblefax", "zwinkel")]
    names = every(world.texts["A"])
    if who == "B auditor":  # who also reads whom the people of B invited, and what they do as guests in the shared case
        invited, shared = world.texts["A"].domain, world.texts["A"].ref
        names = [name for name in names if name not in {invited, shared}]
        names += [world.cases["A own"].ref, world.cases["A colleague's"].ref]
    for address, content in shown(pages, who, listed).items():
        leaked = found(names, content)
        assert not leaked or leaked == found(leaked, address), address  # a page shows again what was searched for
    own = b"".join(shown(pages, who, listed).values())
    assert found([world.texts["B"].agency], own)  # so a canary would be found


@pytest.mark.parametrize("who", ["B guest examiner", "B guest reviewer", "B guest observer"])
def test_a_guest_is_shown_the_case_and_nothing_else_of_its_agency(pages: Pages, who: str) -> None:
    world = pages.world
    content = b"".join(shown(pages, who, addresses(world, "shared", "A colleague", "A")).values())
    assert found([world.cases["shared"].ref], content)
    names = [world.texts["A"].domain, world.cases["A own"].ref, world.cases["A colleague's"].ref]
    names += [world.people["A colleague"].account.name, world.people["A auditor"].account.name]
    assert not found(names, content)


@pytest.mark.parametrize("who", ["home operator", "home administrator"])
def test_those_who_run_the_workspace_are_shown_no_case_and_no_person(pages: Pages, who: str) -> None:
    world = pages.world
    content = b"".join(shown(pages, who, addresses(world, "A own", "A colleague", "A")).values())
    texts = world.texts["A"]
    assert not found([text for text in every(texts) if text != texts.agency], content)


def busy(world: TwoAgencies) -> None:
    """Have agency A do much: a case, searches, people, a stop, a room."""
    examiner, supervisor = world.desk_of("A examiner"), world.desk_of("A supervisor")
    examiner.casework.open(CaseTerms(ref="another", offence="x", purpose="x", basis="x"))
    for _ in range(3):
        examiner.casework.read(world.cases["A own"].key)
        examiner.room.say(world.cases["A own"].key, "more")
        examiner.search.read(world.cases["A own"].search)
    world.desk_of("A administrator").people.invite("new@a.example", "New", {Role.EXAMINER})
    examiner.search.run(world.cases["A own"].probe, SearchRequest(case=world.cases["A own"].key, reason="again"))
    supervisor.stops.stop_agency("an inquiry")


@pytest.mark.parametrize("who", [f"B {role}" for role in ROLES if role != "auditor"])
def test_what_an_agency_does_changes_no_byte_that_another_is_shown(pages: Pages, who: str) -> None:
    """No count, number or time reveals how much others do: entries of the ledger are named by their commitments."""
    world = pages.world
    listed = [address for address in addresses(world, "B own", "B colleague", "B") if address != "/account/app"]
    listed += [address for address in listed if address.endswith("timeline")]
    outcomes = []
    for act in (lambda _: None, busy):
        world.restore()
        act(world)
        outcomes.append({address: masked(body) for address, body in shown(pages, who, listed).items()})
    assert outcomes[0] == outcomes[1]


def masked(body: bytes) -> bytes:
    """Return a page without its random parts: the challenge for a passkey, and the commitments of new entries."""
    return re.sub(rb"[0-9a-f]{8,}|[\w-]{22,}", b"#", body)


@pytest.mark.parametrize("who", ["B examiner", "B reviewer", "B supervisor", "B guest examiner"])
def test_entries_of_the_ledger_are_named_by_their_commitments(pages: Pages, who: str) -> None:
    world, case = pages.world, pages.world.cases["B own" if "guest" not in who else "shared"]
    person = world.people[who]
    timeline = pages.ask(person, "GET", f"/cases/{case.key}/timeline").text
    result = pages.ask(person, "GET", f"/searches/{case.search}").text
    with world.workspace.store.read() as tx:
        stored = tx.searches.stored(case.search)
    number = f"{stored.result.ledger_entry:,}"
    assert stored.commitment in timeline
    assert stored.commitment in result
    for html in (timeline, result):
        assert not re.search(rf"[Ee]ntry[^<]*(<[^>]*>)*\s*\b{number}\b", html)  # a commitment may end like it
    for number in (str(stored.result.ledger_entry + 1), "1", "x" * 64, "0" * 64, stored.commitment[:-1]):
        assert pages.ask(person, "GET", f"/cases/{case.key}/timeline?before={number}").status_code == 404
    older = pages.ask(person, "GET", f"/cases/{case.key}/timeline?before={stored.commitment}")
    assert older.status_code == 200
    assert stored.commitment not in older.text


def test_auditors_see_the_numbers_of_entries(pages: Pages) -> None:
    world, case = pages.world, pages.world.cases["B own"]
    with world.workspace.store.read() as tx:
        entry = tx.searches.get(case.search).ledger_entry
    for address in (f"/searches/{case.search}", f"/cases/{case.key}/timeline"):
        assert f"/ledger?before={entry + 1}" in pages.ask(world.people["B auditor"], "GET", address).text


def test_an_export_shows_only_the_place_of_entries_of_other_agencies(pages: Pages, tmp_path: Path) -> None:
    world = pages.world
    names = [name for name in every(world.texts["A"]) if name not in {world.texts["A"].domain, world.texts["A"].ref}]
    names += [world.cases["A own"].ref, world.cases["A colleague's"].ref]
    for ref in (None, world.cases["B own"].ref):
        world.desk_of("B auditor").audit.export(tmp_path / "b.jsonl", ref)
        text = (tmp_path / "b.jsonl").read_text()
        assert not found(names, text)
        with world.workspace.store.read() as tx:
            filed = tx.ledger.filed(world.agencies["B"])
        for line in map(json.loads, text.splitlines()[1:]):
            assert ("action" in line) == (line["seq"] in filed)


# ---------------------------------------------------------------- logs, standard error, error pages


def test_no_error_contains_a_name(
    pages: Pages, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    world, case = pages.world, pages.world.cases["A own"]
    examiner, supervisor = world.people["A examiner"], world.people["A supervisor"]
    shown(pages, "A examiner", addresses(world, "A own", "A colleague", "A"))
    failures = [
        (404, pages.ask(examiner, "GET", f"/searches/{'0' * 16}")),
        (404, pages.ask(examiner, "GET", f"/cases/{world.cases['B own'].key}")),
        (403, pages.ask(examiner, "POST", "/people", {"email": "x@y.example"})),
        (403, pages.ask(examiner, "POST", f"/cases/{case.key}/close", {"csrf": "wrong"})),
        (403, pages.ask(None, "POST", "/sign-in", {"email": examiner.account.email, "password": "wrong"})),
    ]
    _break(world)
    failures += [
        (500, pages.ask(examiner, "GET", f"/cases/{case.key}/files/{case.paper}")),
        (500, pages.ask(examiner, "GET", f"/searches/{case.search}")),
        (500, pages.ask(supervisor, "GET", f"/cases/{case.key}/people")),
    ]
    assert [answer.status_code for _, answer in failures] == [status for status, _ in failures]
    printed = capfd.readouterr()
    logged = f"{caplog.text}\n{printed.out}\n{printed.err}"
    assert "Traceback" in logged  # in the terminal, errors are complete
    assert not found([*every(world.texts["A"]), *every(world.texts["B"])], logged)
    own = {world.texts["A"].agency, world.texts["A"].person}  # in the menu of whoever asks
    for _, answer in failures:
        assert set(found([*every(world.texts["A"]), *every(world.texts["B"])], answer.content)) <= own
        assert "Traceback" not in answer.text


def _break(world: TwoAgencies) -> None:
    """Damage blobs, a plain column and a sealed case."""
    for path in (world.home / "blobs").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"!")
    with raw_database(world.home) as database:
        database.execute("UPDATE searches SET face_box = '{'")
        database.execute("UPDATE accounts SET sealed = randomblob(length(sealed)) WHERE roles LIKE '%reviewer%'")


def test_the_terminal_shows_no_name_in_an_error_and_no_number(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world, case = pages.world, pages.world.cases["A own"]
    monkeypatch.setenv("LINEAMENT_HOME", str(world.home))

    def lineament(who: str, *line: str) -> tuple[str, str]:
        state = tmp_path / who.replace(" ", "-")
        monkeypatch.setenv("LINEAMENT_STATE", str(state))
        world.sign_in_at_terminal(world.people[who], state)
        capsys.readouterr()
        with contextlib.suppress(SystemExit):
            run(TREE, list(line))
        return tuple(capsys.readouterr())  # type: ignore[return-value]

    printed, _ = lineament("A examiner", "case", "timeline", case.key, "--json")
    lines = json.loads(printed)["timeline"]
    assert lines
    assert {line["entry"] for line in lines} == {None}
    assert lineament("A examiner", "case", "timeline", case.key, "--before", "3")[0] == ""
    printed, _ = lineament("A examiner", "case", "timeline", case.key, "--before", lines[0]["commitment"], "--json")
    assert json.loads(printed)["timeline"] == lines[1:]
    printed, _ = lineament("A auditor", "case", "timeline", case.key, "--json")
    assert all(isinstance(line["entry"], int) for line in json.loads(printed)["timeline"])
    foreign = [["case", "show", case.key], ["case", "members", case.ref], ["user", "list"], ["agency", "list"]]
    for line in foreign:
        assert not found(every(world.texts["A"]), "".join(lineament("B examiner", *line)).replace(case.ref, ""))
    _break(world)
    broken = [["case", "members", case.key], ["case", "get", case.key, case.paper, str(tmp_path / "out")]]
    for line in broken:
        out, err = lineament("A supervisor", *line)
        assert err.startswith("lineament: ")
        assert not found(every(world.texts["A"]), out + err)


# ---------------------------------------------------------------- backups


def test_a_backup_without_the_key_names_nobody(pages: Pages, tmp_path: Path) -> None:
    """The folder as it lies there while it is used, the log of SQLite included."""
    world = pages.world
    busy(world)
    copy = tmp_path / "backup"
    shutil.copytree(world.home, copy, ignore=shutil.ignore_patterns("keys", "kek"))
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert {"lineament.db", "lineament.db-wal", "checkpoint"} <= {path.name for path in files}
    _check(b"".join(path.read_bytes() + path.name.encode() for path in files), world)


def test_the_files_of_postgresql_name_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, indexes and the write-ahead log."""
    with postgresql_server() as server:
        separate_roles(server.uri, "lineament")
        for setting, role in {"DATABASE_URL": "lineament", "DATABASE_OWNER_URL": "lineament_owner"}.items():
            monkeypatch.setenv(f"LINEAMENT_{setting}", role_address(server.uri, role, "lineament"))
        world = build_two_agencies(tmp_path, canaries, searches=False)
        with psycopg.connect(server.uri, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        files = [path for path in server.data.rglob("*") if path.is_file()]
        _check(b"".join(path.read_bytes() for path in files), world, searches=False)


def _check(content: bytes, world: TwoAgencies, *, searches: bool = True) -> None:
    for letter in "AB":
        texts = world.texts[letter]
        assert not found(sealed(texts), content)
        in_plain = plain(texts) if searches else plain(texts)[:-1]
        assert found(in_plain, content) == in_plain  # so a canary would be found
    assert not found(["Olga-operator", "home.example", "another browser"], content)
