"""A case is exported for forensic suites: what is in it, what may not leave, and that our own reader reads it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PORTRAITS, Ran
from tests.support.refusals import refused
from tests.support.reviewing import decide_all, lead_of
from tests.support.serving import send_form, serving
from tests.support.squad import Squad
from tests.support.vics import digests_of
from tests.support.world import CASE, PROBE, copied_gallery, search_portraits

from lineament.errors import InvalidValue, NotAllowed, StepUpNeeded
from lineament.model.actions import Action
from lineament.model.cases import Case
from lineament.model.evidence import EvidenceDraft, EvidenceKind
from lineament.model.exports import DataModel, suffix_of
from lineament.model.reasons import ReasonCode
from lineament.model.search import Candidate, Edit, EditKind, ProbeKind, SearchResult
from lineament.services.disclosure import vics
from lineament.services.disclosure.vics import LIST_NAME, MadeExport, NotExported
from lineament.sources.base import Item
from lineament.sources.vics.connector import VicsConnector
from lineament.sources.vics.stream import read_media
from lineament.vision.decode_protocol import MEDIA_TYPES
from lineament.web.addresses import case_address

Run = Callable[..., Ran]
pytestmark = pytest.mark.enable_socket
BILL = EvidenceDraft(kind=EvidenceKind.DOCUMENT, text="A hotel bill", reference="K-1/17", independent=True)


@pytest.fixture
def decided(team: Squad, case: Case) -> SearchResult:
    """Return a search whose best candidate two people decided to be a lead."""
    found = team.search(case, team.take_probe(case))
    with team.machine.record.read() as tx:
        best = tx.searches.get(found.search_id).candidates[0].sha256
    for account in (team.examiner, team.supervisor):
        decide_all(team.fresh_desk(account), found.search_id, lead=best)
    return found


@pytest.fixture
def lead(team: Squad, case: Case, decided: SearchResult) -> Candidate:
    """Return that candidate, with evidence that is independent of the search."""
    desk = team.fresh_desk(team.examiner)
    desk.leads.record(decided.search_id, lead_of(desk, decided.search_id), BILL)
    return desk.leads.of_case(case.key).leads[0].candidate


def export(team: Squad, case: Case, folder: Path, version: str = "2.0") -> tuple[MadeExport, dict[str, Any]]:
    def put(name: str, content: bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    made = team.fresh_desk(team.supervisor).case_export.make(case.key, DataModel(version), put)
    return made, json.loads((folder / LIST_NAME).read_bytes())


def recorded(team: Squad) -> list[dict[str, Any]]:
    with team.workspace.store.read() as tx:
        entries = list(tx.ledger.entries(0, tx.ledger.size()))
    return [json.loads(entry.details or "{}") for entry in entries if entry.action == Action.CASE_EXPORTED.value]


@pytest.mark.parametrize("version", ["1.3", "2.0"])
def test_photographs_and_leads_with_evidence_are_in_it(
    team: Squad, case: Case, lead: Candidate, tmp_path: Path, version: str
) -> None:
    made, listing = export(team, case, tmp_path / "out", version)
    assert (made.photographs, made.leads, made.left_out) == (1, 1, Counter())
    (own,) = listing["value"]
    assert list(listing) == ["odata.metadata" if version == "1.3" else "@odata.context", "value"]
    assert (own["CaseNumber"], own["TotalMediaFiles"]) == (case.ref, 2)
    first, second = own["Media"]
    original = PROBE.read_bytes()
    size = str(len(original)) if version == "1.3" else len(original)
    wanted = {"MediaID": 1, "Category": None, "MediaSize": size, "MimeType": "image/jpeg", **digests_of(original)}
    assert {name: first[name] for name in wanted} == wanted
    assert second["AlternativeHashes"][0]["HashValue"] == lead.sha256
    assert (second["MediaFiles"][0]["FilePath"], second["MediaFiles"][0]["FileName"]) == (
        lead.uri,
        lead.uri.rpartition("/")[2],
    )
    for media in (first, second):
        content = (tmp_path / "out" / media["RelativeFilePath"].replace("\\", "/")).read_bytes()
        assert digests_of(content) == {"MD5": media["MD5"], "SHA1": media["SHA1"]}
    text = json.dumps(listing).lower()
    assert [word for word in ("score", "rank", "victimidentified", "identified") if word in text] == []
    (event,) = recorded(team)
    assert event["sha256"] == hashlib.sha256((tmp_path / "out" / LIST_NAME).read_bytes()).hexdigest()
    assert (event["format"], event["photographs"], event["leads"]) == (f"VICS {version}", 1, 1)


@pytest.mark.usefixtures("lead")
def test_our_own_reader_reads_it(team: Squad, case: Case, tmp_path: Path) -> None:
    export(team, case, tmp_path / "out")
    items = list(VicsConnector(tmp_path / "out" / LIST_NAME, 2**25).items())
    assert [isinstance(item, Item) for item in items] == [True, True]
    assert [item.untrusted for item in items[:1] if isinstance(item, Item)] == [PROBE.read_bytes()]
    with (tmp_path / "out" / LIST_NAME).open("rb") as file:
        assert [media["category"] for media in read_media(file) if isinstance(media, dict)] == [None, None]


@pytest.mark.usefixtures("lead")
@pytest.mark.parametrize("version", ["1.3", "2.0"])
def test_it_has_what_the_reader_of_gleapp_asks_for(team: Squad, case: Case, tmp_path: Path, version: str) -> None:
    """What GLEAPP takes of an export, by gleapp/projectvic.py of https://github.com/abrignoni/GLEAPP (2026)."""
    export(team, case, tmp_path / "out", version)
    text = (tmp_path / "out" / LIST_NAME).read_text(encoding="utf-8-sig")
    assert LIST_NAME.endswith(".json")
    assert "projectvic" in text[:8192].lower(), "by this it knows an export, without reading all of it"
    (own,) = json.loads(text)["value"]
    assert isinstance(own["Media"], list), "by this it tells a case from a hash set"
    about = ("CaseID", "CaseNumber", "SourceApplicationName", "SourceApplicationVersion")
    assert {type(own[name]) for name in about} == {str}
    records = own["Media"]
    assert len(records) == 2
    assert len({record["MediaID"] for record in records}) == 2, "verdicts come back by it"
    for record in records:
        stored = tmp_path / "out" / record["RelativeFilePath"].replace("\\", "/")
        assert "\\" in record["RelativeFilePath"]
        assert stored.resolve().is_relative_to((tmp_path / "out").resolve())
        assert digests_of(stored.read_bytes()) == {kind: record[kind] for kind in ("MD5", "SHA1")}, "it trusts them"
        assert stored.suffix in {".jpg", ".png"}, "by this it tells pictures from videos; else by the media type"
        assert record["Category"] is None, "a whole number, or nothing"
        first = record["MediaFiles"][0]
        texts = [record["MimeType"], record["Comments"], first["FileName"], first["FilePath"]]
        assert {type(value) for value in texts} == {str}
        assert (type(record["MediaID"]), int(record["MediaSize"])) == (int, stored.stat().st_size)
        assert record["Exifs"] == []


def test_an_edited_photograph_is_one_file_found_twice(team: Squad, case: Case, tmp_path: Path) -> None:
    probe = team.take_probe(case)
    team.fresh_desk(team.examiner).probes.edit(probe.id, [Edit(kind=EditKind.ROTATE, degrees=90)])
    said = team.fresh_desk(team.supervisor).case_export.holdings(case.key)
    made, listing = export(team, case, tmp_path / "out")
    (record,) = listing["value"][0]["Media"]
    assert len(record["MediaFiles"]) == 2
    assert (said.photographs, made.photographs) == (1, 1)


def test_each_format_that_is_read_has_a_suffix_of_its_own_but_raw_pictures() -> None:
    suffixes = {media_type: suffix_of(media_type) for media_type in MEDIA_TYPES}
    assert len(set(suffixes.values())) == len(MEDIA_TYPES)
    assert [media_type for media_type, suffix in suffixes.items() if suffix == "bin"] == ["image/x-dcraw"]


def test_a_lead_without_evidence_does_not_leave(team: Squad, case: Case, decided: SearchResult, tmp_path: Path) -> None:
    made, listing = export(team, case, tmp_path / "out")
    assert (made.photographs, made.leads, made.left_out) == (1, 0, Counter({NotExported.NO_EVIDENCE: 1}))
    assert len(listing["value"][0]["Media"]) == 1
    assert recorded(team)[0]["left_out"] == 1


def test_neither_copies_nor_known_abuse_material_leave(
    team: Squad, case: Case, decided: SearchResult, lead: Candidate, tmp_path: Path
) -> None:
    desk = team.fresh_desk(team.examiner)
    desk.copies.take(decided.search_id, lead_of(desk, decided.search_id))
    made, _ = export(team, case, tmp_path / "out")
    assert made.left_out == Counter({NotExported.COPIES: 1})
    team.fresh_desk(team.operator).known_abuse.load([lead.sha256])
    made, _ = export(team, case, tmp_path / "again")
    assert made.left_out == Counter({NotExported.NO_ORIGINAL: 1}), "the copy was never searched with, and is gone"
    assert not list((tmp_path / "again").rglob(f"{lead.sha256}.*"))


def test_an_export_asks_for_the_permission_and_the_second_factor(team: Squad, case: Case, tmp_path: Path) -> None:
    written: list[str] = []

    def put(name: str, _: bytes) -> None:
        written.append(name)

    with pytest.raises(NotAllowed):
        team.fresh_desk(team.examiner).case_export.make(case.key, DataModel.NEWER, put)
    with pytest.raises(StepUpNeeded):
        team.desk(team.supervisor).case_export.make(case.key, DataModel.NEWER, put)
    assert (written, recorded(team)) == ([], [])


def test_a_destroyed_case_is_not_exported(team: Squad, case: Case, tmp_path: Path) -> None:
    team.fresh_desk(team.examiner).casework.close(case.key)
    team.clock.advance(days=3650)
    team.machine.retain.sweep()
    with refused(ReasonCode.CASE_DESTROYED):
        export(team, case, tmp_path / "out")


def test_the_command_leaves_a_whole_folder_or_none(ready: Run, tmp_path: Path) -> None:
    terms = ("--offence", "abduction", "--purpose", "find a child", "--basis", "CPP 77", "--seeks", "missing")
    assert ready("case", "open", "V-1", *terms).code == 0
    assert ready("search", PROBE, "--case", "V-1", "--reason", "why").code == 0
    done = ready("case", "vics", "V-1", tmp_path / "out", "--data-model", "1.3", "--json").json
    assert (done["photographs"], done["leads"], done["left_out"], done["vics"]) == (1, 0, {}, "1.3")
    sha256 = hashlib.sha256(PROBE.read_bytes()).hexdigest()
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert files == [f"Media/{sha256}.jpg", "vics.json"]
    assert [(tmp_path / "out").stat().st_mode & 0o777, (tmp_path / "out" / files[0]).stat().st_mode & 0o777] == [
        0o700,
        0o600,
    ]
    assert ready("case", "vics", "V-1", tmp_path / "out").code != 0, "something is there"
    assert ready("case", "vics", "V-9", tmp_path / "none").code == 3
    assert sorted(path.name for path in tmp_path.iterdir() if "none" in path.name) == []
    told = ready("case", "vics", "V-1", tmp_path / "more").out
    assert "1 photograph and 0 leads" in told


def test_it_is_saved_in_the_browser_as_a_zip_that_our_reader_reads(portraits: Path, tmp_path: Path) -> None:
    page = f"{case_address(CASE.ref)}/disclosure"
    with copied_gallery(portraits, tmp_path / "ws") as world:
        workspace = world.workspace
        search_portraits(workspace)
        files = {path for path in tmp_path.rglob("*") if path.is_file()}
        with serving(workspace) as served, served.client() as browser:
            shown = browser.get(page).text
            sent = send_form(browser, page, f"{page}/vics", version="1.3")
        with workspace.store.read() as tx:
            (newest,) = tx.ledger.entries(tx.ledger.size() - 1, tx.ledger.size())
        left = {path.name for path in tmp_path.rglob("*") if path.is_file()} - {path.name for path in files}
    assert "1 photograph, 0 leads" in shown
    with zipfile.ZipFile(io.BytesIO(sent.content)) as zipped:
        assert zipped.testzip() is None
        zipped.extractall(tmp_path / "out")
    (item,) = VicsConnector(tmp_path / "out" / LIST_NAME, 2**24).items()
    assert isinstance(item, Item)
    assert item.untrusted == PROBE.read_bytes()
    listing = hashlib.sha256((tmp_path / "out" / LIST_NAME).read_bytes()).hexdigest()
    assert sent.headers["content-disposition"].endswith(f"vics-{listing[:16]}.zip")
    assert newest.action == Action.CASE_EXPORTED.value
    assert json.loads(newest.details or "")["sha256"] == listing
    assert not {name for name in left if name.endswith((".zip", ".json", ".jpg"))}


def test_a_zip_that_is_too_large_for_the_memory_is_refused_and_not_on_the_record(
    team: Squad, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vics, "MOST_ZIPPED", 2**10)
    team.take_probe(case)
    with pytest.raises(InvalidValue, match="lineament case vics"):
        team.fresh_desk(team.supervisor).case_export.zipped(case.key, DataModel.NEWER)
    assert recorded(team) == []


def test_a_lead_with_the_picture_of_a_photograph_is_counted_and_is_one_file(
    team: Squad, case: Case, lead: Candidate, tmp_path: Path
) -> None:
    (same,) = [path for path in PORTRAITS.glob("*.jpg") if hashlib.sha256(path.read_bytes()).hexdigest() == lead.sha256]
    team.fresh_desk(team.examiner).probes.take(case.key, same.read_bytes(), kind=ProbeKind.CCTV)
    said = team.fresh_desk(team.supervisor).case_export.holdings(case.key)
    made, listing = export(team, case, tmp_path / "out")
    assert (made.photographs, made.leads) == (said.photographs, said.leads) == (2, 1)
    places = [len(media["MediaFiles"]) for media in listing["value"][0]["Media"]]
    assert sorted(places) == [1, 2]
    assert recorded(team)[0]["leads"] == 1


def test_what_is_said_before_is_what_the_export_holds(
    team: Squad, case: Case, decided: SearchResult, tmp_path: Path
) -> None:
    said = team.fresh_desk(team.supervisor).case_export.holdings(case.key)
    made, _ = export(team, case, tmp_path / "out")
    assert (said.photographs, said.leads, said.left_out) == (made.photographs, made.leads, made.left_out)
    assert made.left_out == Counter({NotExported.NO_EVIDENCE: 1})
