"""The life of a source: drafted, approved by a second person, shared, withdrawn with a receipt (R1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS, SOURCE, Ran
from tests.support.clock import TODAY
from tests.support.refusals import refused
from tests.support.world import StaffedWorld, solo, staffed

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
def world(tmp_path: Path) -> Iterator[StaffedWorld]:
    with staffed(tmp_path / "ws") as world:
        yield world


@pytest.fixture
def second(world: StaffedWorld) -> Desk:
    """The desk of a second operator."""
    return world.desk(world.join(HOME_AGENCY, Role.OPERATOR, name="Otto Operator", email="otto@home.example"))


def blobs(world: StaffedWorld) -> list[Path]:
    return [path for path in (world.workspace.home / "blobs").rglob("*") if path.is_file()]


def add_live_source(world: StaffedWorld, second: Desk, name: str = "press") -> None:
    world.operator_desk.sources.add(SourceTerms(name=name, controller="Press", basis="LED 8", jurisdiction="FR"))
    second.sources.approve(name)


# ---------------------------------------------------------------- two people


def test_a_source_goes_live_when_a_second_person_approves_it(world: StaffedWorld, second: Desk) -> None:
    drafted = world.operator_desk.sources.add(TERMS)
    assert drafted.state is SourceState.DRAFTED
    connector = FolderConnector([PORTRAITS], page_base=None, max_bytes=2**20)
    with refused(ReasonCode.SOURCE_DRAFTED):
        world.operator_desk.ingest.run("press", connector, workers=1)
    with refused(ReasonCode.OWN_DRAFT):
        world.operator_desk.sources.approve("press")
    with pytest.raises(WrongState):
        world.operator_desk.sources.resume("press")
    assert not world.operator_desk.sources.standing("press").may_approve
    assert second.sources.standing("press").may_approve
    assert second.sources.approve("press").state is SourceState.LIVE
    standing = world.operator_desk.sources.standing("press")
    assert (standing.drafted_by, standing.approved_by) == ("Olga Operator", "Otto Operator")
    with pytest.raises(WrongState):
        second.sources.approve("press")
    assert world.actions()[-2:] == ["source_registered", "source_approved"]


def test_the_approving_person_may_add_the_document(world: StaffedWorld, second: Desk) -> None:
    document = PermissionDocument(name="order.pdf", untrusted=b"%PDF-1.7 we permit it")
    world.operator_desk.sources.add(TERMS)
    with refused(ReasonCode.OWN_DRAFT):
        world.operator_desk.sources.approve("press", document)
    with pytest.raises(InvalidValue):
        second.sources.approve("press", PermissionDocument(name="order.pdf", untrusted=b""))
    world.workspace.blobs.flush()
    assert blobs(world) == []
    assert second.sources.approve("press", document).state is SourceState.LIVE
    digest = hashlib.sha256(document.untrusted).hexdigest()
    assert world.operator_desk.sources.get("press").terms.permission_sha256 == digest
    assert world.operator_desk.sources.permission("press") == (document.untrusted, "order.pdf")
    assert all(document.untrusted not in path.read_bytes() for path in blobs(world))
    assert len(blobs(world)) == 1


def test_a_document_of_the_draft_is_not_exchanged_by_approving_it(world: StaffedWorld, second: Desk) -> None:
    first = PermissionDocument(name="order.pdf", untrusted=b"the first")
    world.operator_desk.sources.add(TERMS, first)
    with pytest.raises(InvalidValue):
        second.sources.approve("press", PermissionDocument(name="other.pdf", untrusted=b"the second"))
    assert second.sources.get("press").state is SourceState.DRAFTED
    assert second.sources.permission("press") == (b"the first", "order.pdf")
    assert len(blobs(world)) == 1


def test_a_draft_is_declined_by_somebody_else_and_nothing_of_it_is_left(world: StaffedWorld, second: Desk) -> None:
    world.operator_desk.sources.add(TERMS, PermissionDocument(name="order.pdf", untrusted=b"the order"))
    with refused(ReasonCode.OWN_DRAFT_DECLINED):
        world.operator_desk.erase.decline("press", "mine")
    with pytest.raises(InvalidValue):
        second.erase.decline("press", " ")
    second.erase.decline("press", "the law does not cover it")
    assert world.operator_desk.sources.get("press").state is SourceState.WITHDRAWN
    gone = world.operator_desk.sources.standing("press").gone
    assert gone is not None
    assert (gone.declined, gone.reason) == (True, "the law does not cover it")
    assert blobs(world) == []
    assert world.actions()[-1] == "source_declined"
    with pytest.raises(AlreadyThere):
        world.operator_desk.sources.add(TERMS)
    with pytest.raises(WrongState):
        second.erase.decline("press", "again")


def test_a_live_source_cannot_be_declined(world: StaffedWorld, second: Desk) -> None:
    add_live_source(world, second)
    with pytest.raises(WrongState):
        second.erase.decline("press", "too late")
    assert second.sources.get("press").state is SourceState.LIVE


def test_only_those_who_manage_sources_see_a_draft(world: StaffedWorld) -> None:
    examiner = world.desk(world.join(HOME_AGENCY, Role.EXAMINER))
    world.operator_desk.sources.add(TERMS)
    assert examiner.sources.list() == []
    with pytest.raises(NotFound):
        examiner.sources.get("press")
    assert [source.name for source in world.operator_desk.sources.list()] == ["press"]


def test_examiners_do_not_manage_sources(world: StaffedWorld, second: Desk) -> None:
    add_live_source(world, second)
    examiner = world.desk(world.join(HOME_AGENCY, Role.EXAMINER)).sources
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
    with solo(tmp_path / "alone") as world:
        assert world.machine.sources.add(TERMS).state is SourceState.LIVE


# ---------------------------------------------------------------- the permission


def test_the_permission_is_stored_sealed_and_opened_on_the_record(world: StaffedWorld, second: Desk) -> None:
    document = PermissionDocument(name="../Agreement\n№ 5.pdf", untrusted=b"%PDF-1.7 we permit it")
    source = world.operator_desk.sources.add(TERMS, document)
    assert source.terms.permission_sha256 is not None
    assert all(document.untrusted not in path.read_bytes() for path in blobs(world))
    assert second.sources.permission("press") == (document.untrusted, ".. Agreement № 5.pdf")
    assert world.actions()[-1] == "permission_opened"
    world.operator_desk.erase.source("press", "asked")
    assert blobs(world) == []
    with pytest.raises(NotFound):
        second.sources.permission("press")


def test_a_refused_source_leaves_no_document_behind(world: StaffedWorld, second: Desk) -> None:
    add_live_source(world, second)
    with pytest.raises(AlreadyThere):
        world.operator_desk.sources.add(TERMS, PermissionDocument(name="a.pdf", untrusted=b"permission"))
    with pytest.raises(InvalidValue):
        world.operator_desk.sources.add(TERMS, PermissionDocument(name="a.pdf", untrusted=b""))
    world.workspace.blobs.flush()
    assert blobs(world) == []


# ---------------------------------------------------------------- sharing


def test_an_agency_searches_sources_that_are_shared_with_it(world: StaffedWorld, second: Desk) -> None:
    freedonia, sylvania = world.add_agency(), world.add_agency("Police of Sylvania")
    add_live_source(world, second)
    add_live_source(world, second, "registry")
    desks = [world.desk(world.join(agency.id, Role.EXAMINER)) for agency in (freedonia, sylvania)]
    for desk in desks:
        desk.casework.open(CASE)
        assert [source.name for source in desk.sources.list()] == ["press", "registry"]
    world.operator_desk.sources.share("press", "Police of Freedonia", TODAY + timedelta(days=10))

    theirs, other = desks
    assert theirs.sources.get("press").name == "press"
    assert [source.name for source in other.sources.list()] == ["registry"]
    messages = []
    for name in ("press", "nothing"):
        for act in (
            other.sources.get,
            lambda source: other.search.why_not("K-1", (source,)),
            lambda source: other.search.gallery_faces((source,)),
        ):
            with pytest.raises(NotFound) as caught:
                act(name)
            messages.append(str(caught.value).replace(name, "…"))
    assert len(set(messages)) == 1, "the message for a source that does not exist"
    assert ReasonCode.SOURCE_NOT_SHARED not in [reason.code for reason in theirs.search.why_not("K-1", ("press",))]

    world.clock.advance(days=11)
    with pytest.raises(NotFound):
        theirs.sources.get("press")
    world.operator_desk.sources.share_with_all("press")
    assert other.sources.get("press").shares is None


def test_sharing_is_filed_under_the_agency_and_can_be_undone(world: StaffedWorld, second: Desk) -> None:
    agency = world.add_agency()
    add_live_source(world, second)
    with refused(ReasonCode.SHARED_WITH_ALL):
        world.operator_desk.sources.unshare("press", agency.name)
    with pytest.raises(InvalidValue):
        world.operator_desk.sources.share("press", agency.name, TODAY - timedelta(days=1))
    with pytest.raises(NotFound):
        world.operator_desk.sources.share("press", "Police of Nowhere")
    world.operator_desk.sources.share("press", agency.name)
    assert world.actions(agency.id)[-1] == "source_shared"
    assert world.operator_desk.sources.unshare("press", agency.name).shares == ()
    assert world.actions(agency.id)[-1] == "source_unshared"
    with pytest.raises(NotFound):
        world.operator_desk.sources.unshare("press", agency.name)


def test_sharing_that_ends_while_a_search_runs_stops_it(world: StaffedWorld, second: Desk) -> None:
    agency = world.add_agency()
    add_live_source(world, second)
    desk = world.desk(world.join(agency.id, Role.EXAMINER))
    desk.casework.open(CASE)
    world.operator_desk.sources.share("press", HOME_AGENCY)
    with world.workspace.store.read() as tx:
        attempt = gate.attempt(tx, desk.record, seen_case(tx, desk.record, "K-1"), [tx.sources.get("press")], "why")
    assert ReasonCode.SOURCE_NOT_SHARED.reason(name="press") in gate.reasons_against(attempt)


# ---------------------------------------------------------------- the receipt


def test_the_signed_receipt_of_a_withdrawal_says_what_was_destroyed(ready: Run, tmp_path: Path) -> None:
    file, key = tmp_path / "receipt.json", ready("ledger", "key", "--json").json["key"]
    assert ready("source", "receipt", "press", file).code == 4, "it is live"
    assert ready("source", "withdraw", "press", "--yes", "--reason", "asked", "--receipt", file).code == 0
    receipt = ready("source", "check-receipt", file, "--json").json
    assert receipt["destroyed"] == {
        "captures": 5,
        "faces": 5,
        "templates": 5,
        "places": 0,
        "runs": 1,
        "blobs": 15,
        "keys": 1,
    }
    assert receipt["left"] == {"rows": 0, "blobs": 0, "keys": 0, "index files": 0, "crawls": 0, "drops": 0}
    assert (receipt["source"], receipt["reason"], receipt["database_files_cleaned"]) == ("press", "asked", True)
    assert receipt["ledger"]["action"] == "source_withdrawn"

    forged = json.loads(file.read_text())
    forged["statement"]["destroyed"]["faces"] = 4
    (tmp_path / "forged.json").write_text(json.dumps(forged))
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


def test_a_source_is_registered_with_every_option(lineament: Run, tmp_path: Path) -> None:
    document = tmp_path / "agreement.pdf"
    document.write_bytes(b"we permit it")
    lineament("init")
    line = ("--host", "img.press.example", "--host", "press.example:8080", "--licence", "CC BY 4.0")
    more = ("--contact", "https://agency.example/faces", "--share", "This agency:2030-01-31", "--permission", document)
    added = lineament("source", "add", "press", *SOURCE, *line, *more, "--json")
    assert added.code == 0, added.err
    assert added.json["hosts"] == ["img.press.example", "press.example:8080"]
    assert added.json["shared_with"] == ["This agency until 2030-01-31"]
    assert (added.json["permission_kept"], added.json["licence"]) == ("agreement.pdf", "CC BY 4.0")
    assert lineament("source", "unshare", "press", "This agency", "--json").json["shared_with"] == []
    assert lineament("source", "share", "press").code == 2
    assert lineament("source", "share", "press", "--everybody", "--json").json["shared_with"] is None
    assert lineament("source", "share", "press", "This agency", "--json").json["shared_with"] == ["This agency"]
    assert lineament("source", "approve", "press").code == 4
    assert "Press agency" in lineament("source", "show", "press").out
