"""The life of a source: drafted, approved by a second person, shared, withdrawn with a receipt (R1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS, SOURCE, Ran
from tests.support.clock import TICK, TODAY, Clock
from tests.support.refusals import refused
from tests.support.staff import House, solo

from lineament.errors import AlreadyThere, InvalidValue, NotAllowed, NotFound, WrongState
from lineament.ledger import receipts
from lineament.model.accounts import HOME_AGENCY, Role
from lineament.model.cases import CaseTerms
from lineament.model.reasons import ReasonCode
from lineament.model.sources import SourceState, SourceTerms
from lineament.services import gate
from lineament.services.cases.access import seen_case
from lineament.services.gallery.register import PermissionDocument
from lineament.sources.folder.connector import FolderConnector
from lineament.workspace import Desk

TERMS = SourceTerms(name="press", controller="Press agency", basis="LED Art. 8", jurisdiction="FR")
CASE = CaseTerms(ref="K-1", offence="theft", purpose="find a witness", basis="CPP 60-1")
Run = Callable[..., Ran]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock = Clock(tick=TICK)
    with solo(tmp_path / "ws", clock) as workspace:
        yield House(workspace, clock)


@pytest.fixture
def second(house: House) -> Desk:
    """Where a second operator works."""
    return house.desk(house.joined(HOME_AGENCY, Role.OPERATOR, name="Otto Operator", email="otto@home.example"))


def blobs(house: House) -> list[Path]:
    return [path for path in (house.workspace.home / "blobs").rglob("*") if path.is_file()]


def live(house: House, second: Desk, name: str = "press") -> None:
    house.operating.sources.add(SourceTerms(name=name, controller="Press", basis="LED 8", jurisdiction="FR"))
    second.sources.approve(name)


# ---------------------------------------------------------------- two persons


def test_a_source_goes_live_when_a_second_person_approves_it(house: House, second: Desk) -> None:
    drafted = house.operating.sources.add(TERMS)
    assert drafted.state is SourceState.DRAFTED
    connector = FolderConnector([PORTRAITS], page_base=None, max_bytes=2**20)
    with refused(ReasonCode.SOURCE_DRAFTED):
        house.operating.ingest.run("press", connector, workers=1)
    with refused(ReasonCode.OWN_DRAFT):
        house.operating.sources.approve("press")
    with pytest.raises(WrongState):
        house.operating.sources.resume("press")
    assert not house.operating.sources.standing("press").may_approve
    assert second.sources.standing("press").may_approve
    assert second.sources.approve("press").state is SourceState.LIVE
    standing = house.operating.sources.standing("press")
    assert (standing.drafted_by, standing.approved_by) == ("Olga Operator", "Otto Operator")
    with pytest.raises(WrongState):
        second.sources.approve("press")
    assert house.actions(HOME_AGENCY)[:2] == ["source_approved", "source_registered"]


def test_a_draft_is_seen_by_nobody_but_those_who_manage_sources(house: House) -> None:
    examiner = house.desk(house.joined(HOME_AGENCY, Role.EXAMINER))
    house.operating.sources.add(TERMS)
    assert examiner.sources.list() == []
    with pytest.raises(NotFound):
        examiner.sources.get("press")
    assert [source.name for source in house.operating.sources.list()] == ["press"]


def test_nobody_else_manages_sources(house: House, second: Desk) -> None:
    live(house, second)
    examiner = house.desk(house.joined(HOME_AGENCY, Role.EXAMINER)).sources
    for act in (
        lambda: examiner.add(SourceTerms(name="b", controller="c", basis="d", jurisdiction="FR")),
        lambda: examiner.approve("press"),
        lambda: examiner.share("press", HOME_AGENCY),
        lambda: examiner.unshare("press", HOME_AGENCY),
        lambda: examiner.share_with_all("press"),
        lambda: examiner.standing("press"),
        lambda: examiner.permission("press"),
        lambda: examiner.suspend("press"),
        lambda: examiner.resume("press"),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_a_solo_workspace_needs_no_second_person(tmp_path: Path) -> None:
    with solo(tmp_path / "alone") as workspace:
        assert workspace.desk_at_the_machine().sources.add(TERMS).state is SourceState.LIVE


# ---------------------------------------------------------------- the permission


def test_the_permission_is_kept_sealed_and_opened_on_the_record(house: House, second: Desk) -> None:
    paper = PermissionDocument(name="../Agreement\n№ 5.pdf", untrusted=b"%PDF-1.7 we permit it")
    source = house.operating.sources.add(TERMS, paper)
    assert source.terms.permission_sha256 is not None
    assert all(paper.untrusted not in path.read_bytes() for path in blobs(house))
    assert second.sources.permission("press") == (paper.untrusted, ".. Agreement № 5.pdf")
    assert house.actions(HOME_AGENCY)[0] == "permission_opened"
    house.operating.erase.source("press", "asked")
    assert blobs(house) == []
    with pytest.raises(NotFound):
        second.sources.permission("press")


def test_a_name_that_is_taken_leaves_no_paper_behind(house: House, second: Desk) -> None:
    live(house, second)
    with pytest.raises(AlreadyThere):
        house.operating.sources.add(TERMS, PermissionDocument(name="a.pdf", untrusted=b"permission"))
    with pytest.raises(InvalidValue):
        house.operating.sources.add(TERMS, PermissionDocument(name="a.pdf", untrusted=b""))
    house.workspace.blobs.flush()
    assert blobs(house) == []


# ---------------------------------------------------------------- sharing


def test_an_agency_searches_what_is_shared_with_it(house: House, second: Desk) -> None:
    freedonia, sylvania = house.agency(), house.agency("Police of Sylvania")
    live(house, second)
    live(house, second, "registry")
    of = {one.id: house.desk(house.joined(one.id, Role.EXAMINER)) for one in (freedonia, sylvania)}
    for desk in of.values():
        desk.casework.open(CASE)
        assert [source.name for source in desk.sources.list()] == ["press", "registry"]
    house.operating.sources.share("press", "Police of Freedonia", TODAY + timedelta(days=10))

    theirs, other = of[freedonia.id], of[sylvania.id]
    assert theirs.sources.get("press").name == "press"
    assert [source.name for source in other.sources.list()] == ["registry"]
    unknown = []
    for name in ("press", "nothing"):
        for act in (
            other.sources.get,
            lambda one: other.search.why_not("K-1", (one,)),
            lambda one: other.search.gallery_faces((one,)),
        ):
            with pytest.raises(NotFound) as caught:
                act(name)
            unknown.append(str(caught.value).replace(name, "…"))
    assert len(set(unknown)) == 1, "in the same words as one that is not there"
    assert ReasonCode.SOURCE_NOT_SHARED not in [why.code for why in theirs.search.why_not("K-1", ("press",))]

    house.clock.advance(days=11)
    with pytest.raises(NotFound):
        theirs.sources.get("press")
    house.operating.sources.share_with_all("press")
    assert other.sources.get("press").shares is None


def test_sharing_is_on_the_record_of_the_agency_and_can_be_taken_back(house: House, second: Desk) -> None:
    agency = house.agency()
    live(house, second)
    with refused(ReasonCode.SHARED_WITH_ALL):
        house.operating.sources.unshare("press", agency.name)
    with pytest.raises(InvalidValue):
        house.operating.sources.share("press", agency.name, TODAY - timedelta(days=1))
    with pytest.raises(NotFound):
        house.operating.sources.share("press", "Police of Nowhere")
    house.operating.sources.share("press", agency.name)
    assert house.actions(agency.id)[0] == "source_shared"
    assert house.operating.sources.unshare("press", agency.name).shares == ()
    assert house.actions(agency.id)[0] == "source_unshared"
    with pytest.raises(NotFound):
        house.operating.sources.unshare("press", agency.name)


def test_sharing_that_ends_while_a_search_runs_stops_it(house: House, second: Desk) -> None:
    agency = house.agency()
    live(house, second)
    desk = house.desk(house.joined(agency.id, Role.EXAMINER))
    desk.casework.open(CASE)
    house.operating.sources.share("press", HOME_AGENCY)
    with house.workspace.store.read() as tx:
        attempt = gate.attempt(tx, desk.record, seen_case(tx, desk.record, "K-1"), [tx.sources.get("press")], "why")
    assert ReasonCode.SOURCE_NOT_SHARED.reason(name="press") in gate.reasons_against(attempt)


# ---------------------------------------------------------------- the receipt


def test_a_withdrawal_says_in_a_signed_receipt_what_it_destroyed(ready: Run, tmp_path: Path) -> None:
    file, key = tmp_path / "receipt.json", ready("ledger", "key", "--json").json["key"]
    assert ready("source", "receipt", "press", file).code == 4, "it is live"
    assert ready("source", "withdraw", "press", "--yes", "--reason", "asked", "--receipt", file).code == 0
    said = ready("source", "check-receipt", file, "--json").json
    assert said["destroyed"] == {
        "captures": 5,
        "faces": 5,
        "templates": 5,
        "places": 0,
        "runs": 1,
        "blobs": 15,
        "keys": 1,
    }
    assert said["left"] == {"rows": 0, "blobs": 0, "keys": 0, "index files": 0, "crawls": 0}
    assert (said["source"], said["reason"], said["database_files_cleaned"]) == ("press", "asked", True)
    assert said["ledger"]["action"] == "source_withdrawn"

    whole = json.loads(file.read_text())
    whole["statement"]["destroyed"]["faces"] = 4
    (tmp_path / "forged.json").write_text(json.dumps(whole))
    assert ready("source", "check-receipt", tmp_path / "forged.json").code == 2
    assert ready("source", "receipt", "press", tmp_path / "again.json").code == 0
    (tmp_path / "ws").rename(tmp_path / "elsewhere")
    assert ready("source", "check-receipt", tmp_path / "again.json", "--key", key).code == 0, "without the workspace"


def test_no_receipt_while_anything_is_left(ready: Run, tmp_path: Path) -> None:
    assert ready("source", "withdraw", "press", "--yes").code == 0
    (tmp_path / "ws" / "index" / "1").mkdir(parents=True)
    assert ready("source", "receipt", "press", tmp_path / "receipt.json").code == 4
    assert not (tmp_path / "receipt.json").exists()
    assert receipts.FORMAT == "lineament-receipt/1"


# ---------------------------------------------------------------- the terminal


def test_all_that_a_source_is_registered_with(lineament: Run, tmp_path: Path) -> None:
    paper = tmp_path / "agreement.pdf"
    paper.write_bytes(b"we permit it")
    lineament("init")
    line = ("--host", "img.press.example", "--host", "press.example:8080", "--licence", "CC BY 4.0")
    more = ("--contact", "https://agency.example/faces", "--share", "This agency:2030-01-31", "--permission", paper)
    made = lineament("source", "add", "press", *SOURCE, *line, *more, "--json")
    assert made.code == 0, made.err
    assert made.json["hosts"] == ["img.press.example", "press.example:8080"]
    assert made.json["shared_with"] == ["This agency until 2030-01-31"]
    assert (made.json["permission_kept"], made.json["licence"]) == ("agreement.pdf", "CC BY 4.0")
    assert lineament("source", "unshare", "press", "This agency", "--json").json["shared_with"] == []
    assert lineament("source", "share", "press").code == 2
    assert lineament("source", "share", "press", "--everybody", "--json").json["shared_with"] is None
    assert lineament("source", "share", "press", "This agency", "--json").json["shared_with"] == ["This agency"]
    assert lineament("source", "approve", "press").code == 4
    assert "Press agency" in lineament("source", "show", "press").out
