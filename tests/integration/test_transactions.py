"""A search leaves as an ANSI/NIST-ITL transaction that nistitl reads: who may write it, and what is in it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import nistitl
import pytest
from PIL import Image
from tests.conftest import Ran
from tests.support.refusals import refused
from tests.support.serving import serving, token_in
from tests.support.squad import OTHER_PHOTOGRAPH, PHOTOGRAPH, REASON, Squad
from tests.support.world import CASE, copied_gallery, search_portraits

from lineament.errors import InvalidValue, NotAllowed, NotFound, StepUpNeeded
from lineament.model.accounts import Account
from lineament.model.actions import Action
from lineament.model.cases import Case
from lineament.model.faces import Box
from lineament.model.reasons import ReasonCode
from lineament.model.search import Edit, EditKind, Mode, ProbeFace, ProbeKind, SearchRequest, SearchResult
from lineament.services.disclosure.itl import MOST_PHOTOGRAPHS, as_it_is
from lineament.services.disclosure.transactions import MadeTransaction
from lineament.services.search import MOST_FUSED
from lineament.sources.imports.itl import ItlPhotograph, photographs
from lineament.testing import chart, encoded
from lineament.web.addresses import case_address

pytestmark = pytest.mark.enable_socket
TO, FROM = "DEBKA0000", "FRPOL0001"


def written(team: Squad, case: Case, search: str | None = None) -> MadeTransaction:
    return team.fresh_desk(team.supervisor).transactions.write(case.key, search, to=TO, sender=FROM)


def read(made: MadeTransaction) -> nistitl.Message:
    message = nistitl.Message()
    message.parse(made.content)
    return message


def by_ours(made: MadeTransaction) -> list[ItlPhotograph]:
    found = [photograph for _, photograph in photographs(io.BytesIO(made.content), 2**24)]
    return [photograph for photograph in found if isinstance(photograph, ItlPhotograph)]


@pytest.fixture
def searched(team: Squad) -> tuple[Case, SearchResult]:
    case = team.open_case()
    return case, team.search(case, team.take_probe(case))


def test_every_photograph_that_a_search_fuses_has_a_record() -> None:
    assert MOST_FUSED <= MOST_PHOTOGRAPHS


def test_nistitl_and_our_connector_read_the_photograph_and_the_place_of_the_face(
    team: Squad, searched: tuple[Case, SearchResult]
) -> None:
    case, search = searched
    made = written(team, case)
    message = read(made)
    assert [record.type for record in message] == [1, 2, 10]
    first, about, face = message
    assert (str(first.DAI), str(first.ORI), str(first.TOT)) == (TO, FROM, "FACE")
    said = made.content.partition(b"2.001:")[2].partition(b"\x1c")[0].decode()
    assert f"2.004:{case.ref}\x1d" in said
    assert f"2.005:{search.search_id}\x1d" in said
    probe = team.fresh_desk(team.examiner).probes.get(search.probe_id)
    with Image.open(io.BytesIO(PHOTOGRAPH)) as image:
        size = image.size
    fields = dict(field.split(b":", 1) for field in made.content.partition(b"10.001:")[2].split(b"\x1d")[1:17])
    assert (fields[b"10.006"], fields[b"10.007"]) == (str(size[0]).encode(), str(size[1]).encode())
    box = probe.faces[search.face - 1].box
    edges = [int(edge) for edge in fields[b"10.014"].split(b"\x1f")]
    assert edges == pytest.approx([box.x, box.x + box.width, box.y, box.y + box.height], abs=1)
    points = [point.split(b"\x1f") for point in fields[b"10.029"].split(b"\x1e")]
    assert [point[1] for point in points] == [b"12.1", b"12.2", b"9.3", b"8.3", b"8.4"]
    assert int(points[0][2]) > int(points[1][2])  # the left eye of the person is on the right
    assert fields[b"10.011"] == b"JPEGB"
    assert about.type == 2
    assert face.type == 10
    (ours,) = by_ours(made)
    assert ours.untrusted == PHOTOGRAPH
    assert (ours.source, ours.position) == (FROM, "frontal")
    assert hashlib.sha256(PHOTOGRAPH).hexdigest().upper().encode() in made.content
    assert (made.photographs, made.unchanged) == (1, 1)


def test_an_edited_photograph_is_written_as_it_was_searched(team: Squad) -> None:
    case = team.open_case()
    desk = team.fresh_desk(team.examiner)
    probe = team.take_probe(case)
    crop = Edit(kind=EditKind.CROP, box=Box(x=10, y=10, width=probe.width - 20, height=probe.height - 20))
    edited = desk.probes.edit(probe.id, [crop])
    search = team.search(case, edited)
    made = written(team, case, search.search_id)
    (ours,) = by_ours(made)
    with Image.open(io.BytesIO(ours.untrusted)) as image:
        assert (image.format, image.size) == ("PNG", (edited.width, edited.height))
    assert (made.photographs, made.unchanged) == (1, 0)
    assert len(list(read(made))) == 3


def test_several_photographs_of_one_person_are_several_records(team: Squad) -> None:
    case = team.open_case()
    desk = team.fresh_desk(team.examiner)
    first = team.take_probe(case)
    second = desk.probes.take(case.key, OTHER_PHOTOGRAPH, kind=ProbeKind.CCTV)
    request = SearchRequest(
        case=case.key, reason=REASON, mode=Mode.INVESTIGATION, others=(ProbeFace(probe_id=second.id, face=1),)
    )
    search = desk.search.run(first.id, request, 1)
    made = written(team, case, search.search_id)
    assert [photograph.untrusted for photograph in by_ours(made)] == [PHOTOGRAPH, OTHER_PHOTOGRAPH]
    assert [record.type for record in read(made)] == [1, 2, 10, 10]
    assert b"1\x1f3\x1e2\x1f00\x1e10\x1f01\x1e10\x1f02" in made.content


def test_it_is_on_the_record(team: Squad, searched: tuple[Case, SearchResult]) -> None:
    case, search = searched
    made = written(team, case)
    with team.workspace.store.read() as tx:
        (newest,) = tx.ledger.entries(tx.ledger.size() - 1, tx.ledger.size())
    assert newest.action == Action.TRANSACTION_WRITTEN.value
    said = json.loads(newest.details or "")
    assert said.pop("actor") == team.supervisor.name
    assert said.pop("account") == team.supervisor.id
    assert said == {
        "case": case.ref,
        "search": search.search_id,
        "transaction": made.number,
        "to": TO,
        "photographs": 1,
        "sha256": hashlib.sha256(made.content).hexdigest(),
    }


def test_only_whoever_manages_the_case_writes_it_with_a_fresh_factor(
    team: Squad, searched: tuple[Case, SearchResult]
) -> None:
    case, _ = searched
    with team.workspace.store.read() as tx:
        before = tx.ledger.size()

    def write(by: Account, name: str = case.key, search: str | None = None, to: str = TO) -> Callable[[], object]:
        return lambda: team.fresh_desk(by).transactions.write(name, search, to=to, sender=FROM)

    stale = team.desk(team.supervisor).transactions
    refusals: list[tuple[Callable[[], object], type[Exception]]] = [
        (write(team.examiner), NotAllowed),
        (lambda: stale.write(case.key, None, to=TO, sender=FROM), StepUpNeeded),
        (write(team.supervisor, "K-404"), NotFound),
        (write(team.supervisor, search="0" * 16), NotFound),
        (write(team.supervisor, to="DE\x1d10.003:FACE"), InvalidValue),
        (write(team.supervisor, to=""), InvalidValue),
    ]
    for attempt, error in refusals:
        with pytest.raises(error):
            attempt()
    with team.workspace.store.read() as tx:
        assert tx.ledger.size() == before
    empty = team.open_case(ref="K-2")
    with pytest.raises(NotFound):
        written(team, empty)
    with pytest.raises(NotFound):
        written(team, empty, searched[1].search_id)


def test_a_destroyed_case_gives_none(team: Squad, searched: tuple[Case, SearchResult]) -> None:
    case, _ = searched
    team.fresh_desk(team.examiner).casework.close(case.key)
    team.clock.advance(days=3650)
    team.machine.retain.sweep()
    with refused(ReasonCode.CASE_DESTROYED):
        written(team, case)


@pytest.mark.parametrize(
    ("picture", "codes"),
    [
        (encoded(chart(), "JPEG"), ("JPEGB", "YCC")),
        (encoded(chart("L"), "JPEG"), ("JPEGB", "GRAY")),
        (encoded(chart(), "JPEG", progressive=True), None),
        (encoded(chart("CMYK"), "JPEG"), None),
        (encoded(chart(), "PNG"), ("PNG", "RGB")),
        (encoded(chart("L"), "PNG"), ("PNG", "GRAY")),
        (encoded(chart("P"), "PNG"), None),
        (encoded(chart("I;16"), "PNG"), None),
        (encoded(chart(), "WEBP"), None),
        (encoded(chart(), "JPEG")[:30], None),
        (b"", None),
    ],
)
def test_what_a_transaction_holds_unchanged(picture: bytes, codes: tuple[str, str] | None) -> None:
    assert as_it_is(picture) == codes


def test_the_command_writes_it_for_its_owner_alone(
    lineament: Callable[..., Ran], portraits: Path, tmp_path: Path
) -> None:
    with copied_gallery(portraits, tmp_path / "ws") as world:
        search = search_portraits(world.workspace).rpartition("/")[2]
    out = tmp_path / "face.an2"
    command = ("case", "itl", CASE.ref, str(out), "--to", TO, "--from", FROM)
    ran = lineament(*command, "--json")
    assert (ran.code, out.stat().st_mode & 0o777) == (0, 0o600)
    said = json.loads(ran.out)
    assert (said["search"], said["sha256"]) == (search, hashlib.sha256(out.read_bytes()).hexdigest())
    before = out.read_bytes()
    assert lineament(*command).code != 0
    assert out.read_bytes() == before
    other = tmp_path / "other.an2"
    assert "1 photograph" in lineament("case", "itl", CASE.ref, str(other), "--to", TO, "--from", FROM).out


def test_it_is_saved_in_the_browser_and_an_error_keeps_what_was_typed(portraits: Path, tmp_path: Path) -> None:
    def send(browser: httpx.Client, sender: str) -> httpx.Response:
        fields = {"search": earlier, "to": TO, "sender": sender}
        return browser.post(f"{page}/itl", data={"csrf": token_in(browser.get(page).text)} | fields)

    with copied_gallery(portraits, tmp_path / "ws") as world:
        workspace = world.workspace
        page = f"{case_address(workspace.desk_at_the_machine().casework.get(CASE.ref).key)}/disclosure"
        earlier, newest = (search_portraits(workspace).rpartition("/")[2] for _ in range(2))
        with serving(workspace) as served, served.client() as browser:
            wrong = send(browser, "FR;1")
            sent = send(browser, FROM)
        with workspace.store.read() as tx:
            entries = [each.details or "" for each in tx.ledger.entries(0, tx.ledger.size())]
    assert wrong.status_code == 422
    assert all(f'value="{typed}"' in wrong.text for typed in (TO, "FR;1"))
    assert wrong.text.index(f'value="{newest}"') < wrong.text.index(f'value="{earlier}" selected')
    assert sent.headers["content-disposition"].endswith(f"search-{earlier}.an2")
    message = nistitl.Message()
    message.parse(sent.content)
    assert (str(message[0].DAI), str(message[0].ORI)) == (TO, FROM)
    written = [json.loads(details) for details in entries if '"transaction"' in details]
    assert [each["sha256"] for each in written] == [hashlib.sha256(sent.content).hexdigest()]
