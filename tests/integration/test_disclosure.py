"""A case is disclosed: what the pack holds and what it leaves out, who may make it, and what becomes of it."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from PIL import Image, ImageOps
from tests.conftest import Ran
from tests.support.refusals import refused
from tests.support.reviewing import decide_all, draft
from tests.support.squad import OTHER_PHOTOGRAPH, PHOTOGRAPH, REASON, TERMS, Squad
from tests.support.watched import REASON as WATCHED
from tests.support.watched import compare, enrol_more, keep_watch
from tests.support.world import CASE, PROBE, SOURCE, gallery

from lineament.errors import NotAllowed, NotFound, StepUpNeeded
from lineament.model.accounts import Account
from lineament.model.actions import Action
from lineament.model.cases import Case, CaseRole, Seeks
from lineament.model.evidence import EvidenceDraft, EvidenceKind
from lineament.model.faces import Box
from lineament.model.jobs import JobState
from lineament.model.reasons import ReasonCode
from lineament.model.review import ReviewOutcome
from lineament.model.search import Edit, EditKind, Mode, ProbeFace, ProbeKind, SearchRequest
from lineament.model.together import Together
from lineament.services.disclosure import verify
from lineament.services.disclosure.build import build
from lineament.services.disclosure.disclose import MadePack
from lineament.sources.xmp.reader import parse_hints
from lineament.testing import encoded
from lineament.workspace import Desk

pytestmark = pytest.mark.enable_socket
CANARY = "heron on the weir"


@dataclass(frozen=True, slots=True)
class Opened:
    """A pack that was made, with the verifier's answer."""

    files: dict[str, bytes]
    result: verify.Result

    def json(self, name: str) -> Any:
        return json.loads(self.files[name])

    @property
    def case(self) -> Any:
        return self.json("case.json")


def opened(made: MadePack, folder: Path) -> Opened:
    path = folder / f"{made.paper.id}.zip"
    path.write_bytes(made.zipped)
    with verify.PackFile.at(path) as pack:
        result = verify.Verifier(pack, verify.Brought()).run()
    with zipfile.ZipFile(io.BytesIO(made.zipped)) as zipped:
        return Opened({name: zipped.read(name) for name in zipped.namelist()}, result)


def searched(team: Squad, **changes: Any) -> Case:
    """Return a case with a photograph that was searched with once."""
    desk = team.fresh_desk(team.examiner)
    case = desk.casework.open(replace(TERMS, seeks=Seeks.MISSING, **changes))
    team.search(case, team.take_probe(case))
    return case


def disclosed(team: Squad, case: Case, *, sharp: bool = True) -> MadePack:
    return team.fresh_desk(team.supervisor).disclosure.make(case.key, sharp=sharp)


def actions(team: Squad) -> list[str]:
    with team.workspace.store.read() as tx:
        return [entry.action for entry in tx.ledger.entries(0, tx.ledger.size())]


# ---------------------------------------------------------------- what it holds


def test_it_holds_every_search_with_its_list_and_its_pictures(team: Squad, tmp_path: Path) -> None:
    case = searched(team)
    empty = SearchRequest(case=case.key, reason="nobody", mode=Mode.MANUAL, min_score=0.99)
    desk = team.fresh_desk(team.examiner)
    desk.search.run(desk.casework.probes(case.key)[0].id, empty)
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    first, second = pack.case["searches"]
    assert [one["reason"] for one in (first["row"], second["row"])] == [REASON, "nobody"]
    assert (len(first["list"]), second["list"]) == (5, [])
    assert pack.case["counts"] == {
        "searches": 2,
        "empty": 1,
        "candidates": 5,
        "erased": 0,
        "photographs": 1,
        "decisions": 0,
        "watches": 0,
    }
    for one in first["list"]:
        for name in (one["crop"], one["thumbnail"]):
            assert name == f"pictures/{hashlib.sha256(pack.files[name]).hexdigest()}.jpg"
        assert one["source"] == SOURCE
        assert one["snapshot"]["sha256"]
    (probe,) = pack.case["probes"]
    assert pack.files[probe["original"]] == PROBE.read_bytes()
    settings = pack.json("settings.json")
    assert settings["models_searched_with"] == [team.workspace.pack.model]
    assert settings["error_rates"]["misses"]
    assert [each["action"] for each in pack.case["timeline"]][-1] == Action.CASE_DISCLOSED.value
    assert b"WHAT IS NOT IN IT" in pack.files["README.txt"]
    assert pack.files["verify.py"] == Path(str(verify.__file__)).read_bytes()


def test_it_is_the_same_byte_for_byte_for_one_moment(team: Squad) -> None:
    case = searched(team)
    disclosure = team.fresh_desk(team.supervisor).disclosure
    snapshot = disclosure._recorded(case.key, sharp=True)
    team.fresh_desk(team.examiner).room.say(case.key, "later")  # the ledger goes on meanwhile
    one, two = (build(disclosure._making, snapshot, lambda _: None) for _ in range(2))
    assert one == two


def test_other_cases_and_the_room_are_not_in_it(team: Squad, tmp_path: Path) -> None:
    case = searched(team)
    team.invite_guest(case, team.today + timedelta(days=5))
    other = searched(team, ref=f"{CANARY} 1", purpose=CANARY)
    desk = team.fresh_desk(team.examiner)
    desk.room.say(case.key, CANARY)
    desk.room.file(case.key, f"{CANARY}.txt", CANARY.encode())
    team.fresh_desk(team.guest).room.note(case.key, CANARY)
    desk.room.say(other.key, CANARY)
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    assert all(CANARY.encode() not in content for content in pack.files.values())
    lines = [json.loads(line) for line in pack.files["ledger/ledger.jsonl"].splitlines()[1:]]
    shown = {line["seq"] for line in lines if not line.get("hidden")}
    assert {line["seq"] for line in lines} > shown == {each["entry"] for each in pack.case["timeline"]}
    hidden = [line for line in lines if line.get("hidden")]
    assert {tuple(line) for line in hidden} == {("seq", "leaf", "hidden")}
    notes = [each for each in pack.case["timeline"] if each["details"].get("notes_of")]
    assert notes == []  # that of a guest is for the guest's agency


def test_pictures_of_a_distressing_case_are_blurred_unless_it_is_chosen(team: Squad, tmp_path: Path) -> None:
    case = searched(team, distressing=True)
    sharp, blurred = (opened(disclosed(team, case, sharp=sharp), tmp_path) for sharp in (True, False))
    assert sharp.result.problems == blurred.result.problems == []
    (probe,) = blurred.case["probes"]
    assert probe["original"] is None
    assert any("the original of the photograph" in note for note in blurred.result.notes)
    assert not any(name.startswith("probes/") for name in blurred.files)
    pictures = [{name for name in pack.files if name.startswith("pictures/")} for pack in (sharp, blurred)]
    assert pictures[0].isdisjoint(pictures[1])
    assert b"blurred" in blurred.files["README.txt"]


def test_a_distressing_source_is_blurred_alone(team: Squad, tmp_path: Path) -> None:
    case = searched(team)
    team.fresh_desk(team.operator).sources.set_distressing(SOURCE, distressing=True)
    sharp, blurred = (opened(disclosed(team, case, sharp=sharp), tmp_path) for sharp in (True, False))
    lists = [pack.case["searches"][0]["list"] for pack in (sharp, blurred)]
    assert {one["crop"] for one in lists[0]}.isdisjoint(one["crop"] for one in lists[1])
    assert blurred.case["probes"] == sharp.case["probes"]


def test_an_erased_candidate_leaves_rank_and_score(team: Squad, tmp_path: Path) -> None:
    case = searched(team)
    before = opened(disclosed(team, case), tmp_path)
    gone = before.case["searches"][0]["list"][1]
    team.fresh_desk(team.operator).erase.face(gone["face"], "asked")
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    told = pack.case["searches"][0]["list"][1]
    assert (told["rank"], told["score"], told["erased"]) == (2, gone["score"], True)
    assert {told[name] for name in ("face", "source", "snapshot", "crop", "thumbnail")} == {None}
    assert told["erased_at"] is not None
    assert gone["crop"] not in pack.files
    assert gone["snapshot"]["uri"].encode() not in b"".join(pack.files.values())
    assert [note for note in pack.result.notes if "1 candidates were erased since" in note]
    lines = [json.loads(line) for line in pack.files["ledger/ledger.jsonl"].splitlines()[1:]]
    erasures = [line for line in lines if line.get("action") == Action.FACE_ERASED.value]
    assert [(line["details"], line["withheld"]) for line in erasures] == [(None, True)]


def test_a_copy_that_was_erased_leaves_its_search_with_ranks_and_scores(team: Squad, tmp_path: Path) -> None:
    case = searched(team)
    (hidden,) = team.fresh_desk(team.examiner).casework.stored_searches(case.key)
    decide_all(team.fresh_desk(team.examiner), hidden.result.search_id)
    (first,) = team.fresh_desk(team.examiner).casework.stored_searches(case.key)
    best = first.result.candidates[0]
    copy = team.fresh_desk(team.examiner).copies.take(first.result.search_id, str(best.rank))
    team.search(case, copy.probe)
    assert opened(disclosed(team, case), tmp_path).result.problems == []
    team.fresh_desk(team.operator).erase.face(best.face_id, "asked")
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    second = pack.case["searches"][1]
    assert {one["erased"] for one in second["list"]} == {True}
    assert all(one["score"] for one in second["list"])
    gone = next(probe for probe in pack.case["probes"] if probe["id"] == copy.probe.id)
    assert (gone["row"], gone["original"], gone["erased_at"] is None) == (None, None, False)
    assert [note for note in pack.result.notes if copy.probe.id in note]


def test_decisions_and_notes_are_in_it_word_for_word(team: Squad, tmp_path: Path) -> None:
    case = searched(team)
    (found,) = team.fresh_desk(team.examiner).casework.stored_searches(case.key)
    made = decide_all(team.fresh_desk(team.examiner), found.result.search_id)
    desk = team.fresh_desk(team.supervisor)
    name = desk.reviews.of_search(found.result.search_id).entries[0].name
    desk.reviews.decide(found.result.search_id, name, draft(ReviewOutcome.LEAD))
    desk.reviews.note(found.result.search_id, name, "a scar over the brow")
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    told = {one["id"]: one for one in pack.case["records"]["decisions"]}
    assert len(told) == len(made) + 1 == pack.result.facts["decisions"]
    assert {told[one.id]["sealed"]["outcome"] for one in made} == {ReviewOutcome.EXCLUDED.value}
    assert {told[one.id]["sealed"]["reviewer"] for one in made} == {"Eva Examiner"}
    (note,) = pack.case["records"]["candidate_notes"]
    assert note["sealed"] == {"author": "Sven Supervisor", "text": "a scar over the brow"}
    page = pack.files["index.html"].decode()
    assert "The tip of the nose" in page
    assert "a scar over the brow" in page
    assert page.count("features compared") == len(told)


def test_whoever_saved_a_pack_reviews_nothing_in_it_any_more(team: Squad) -> None:
    case = searched(team)
    (found,) = team.fresh_desk(team.examiner).casework.stored_searches(case.key)
    disclosed(team, case)
    desk = team.fresh_desk(team.supervisor)
    name = desk.reviews.of_search(found.result.search_id).entries[0].name
    with refused(ReasonCode.REVIEWER_HAS_PACK):
        desk.reviews.decide(found.result.search_id, name, draft(ReviewOutcome.LEAD))
    team.search(case, team.take_probe(case))
    newest = team.fresh_desk(team.examiner).casework.stored_searches(case.key)[0].result.search_id
    later = desk.reviews.of_search(newest).entries[0].name
    assert desk.reviews.decide(newest, later, draft(ReviewOutcome.LEAD)).seat == 1


def test_a_search_of_several_people_is_in_it(team: Squad, tmp_path: Path) -> None:
    case = team.open_case()
    one, two = (team.take_probe(case, photograph) for photograph in (PHOTOGRAPH, OTHER_PHOTOGRAPH))
    people = (ProbeFace(probe_id=two.id, face=1),)
    request = SearchRequest(case=case.key, reason=REASON, mode=Mode.INVESTIGATION, people=people, together=Together.ANY)
    team.fresh_desk(team.examiner).search.run(one.id, request)
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    (search,) = pack.case["searches"]
    assert search["list"]
    assert two.id in json.dumps(search)
    assert {probe["id"] for probe in pack.case["probes"]} == {one.id, two.id}


def test_known_abuse_is_shown_as_a_crop_alone(team: Squad, tmp_path: Path) -> None:
    case = searched(team)
    before = opened(disclosed(team, case), tmp_path)
    barred = before.case["searches"][0]["list"][0]
    team.fresh_desk(team.operator).known_abuse.load([barred["snapshot"]["sha256"]])
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    told = pack.case["searches"][0]["list"][0]
    assert told["thumbnail"] is None
    assert told["crop"] is not None
    assert told["why"]


def test_a_photograph_that_was_edited_is_in_it_with_each_step(team: Squad, tmp_path: Path) -> None:
    case = team.open_case()
    desk = team.fresh_desk(team.examiner)
    turned = encoded(ImageOps.exif_transpose(Image.open(io.BytesIO(PHOTOGRAPH))).rotate(90, expand=True), "PNG")
    upright = desk.probes.take(case.key, turned, kind=ProbeKind.CCTV)
    assert [edit.automatic for edit in upright.edits] == [True]
    desk.probes.edit(upright.id, [*upright.edits, Edit(kind=EditKind.EXPOSURE, stops=0.5)])
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    steps = {len(probe["edits"]): probe for probe in pack.case["probes"]}
    assert set(steps) == {1, 2}
    assert [len(steps[many]["digests"]) for many in (1, 2)] == [2, 3]
    assert steps[1]["original"] == steps[2]["original"]
    assert "(by the program, to show it upright)" in pack.files["index.html"].decode()


def test_a_case_with_nothing_in_it_is_disclosed_too(team: Squad, tmp_path: Path) -> None:
    pack = opened(disclosed(team, team.open_case()), tmp_path)
    assert (pack.result.problems, pack.case["searches"]) == ([], [])


def test_an_authorisation_comes_with_its_document(team: Squad, tmp_path: Path) -> None:
    case = team.open_case(Seeks.SUSPECT)
    team.fresh_desk(team.supervisor).casework.authorise(case.key, team.ruling(document=b"%PDF a decision"))
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    assert pack.files[pack.case["document"]["file"]] == b"%PDF a decision"
    assert pack.case["case"]["authorisation"]["outcome"] == "granted"


def test_case_validate_accepts_it_as_case_uco(team: Squad, tmp_path: Path) -> None:
    case = searched(team)
    team.fresh_desk(team.supervisor).casework.authorise(case.key, team.ruling())
    pack = opened(disclosed(team, case), tmp_path)
    (tmp_path / "case.jsonld").write_bytes(pack.files["case.jsonld"])
    command = [Path(sys.executable).with_name("case_validate"), tmp_path / "case.jsonld"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "Conforms: True" in done.stdout) == (0, True), done.stdout[-2000:]
    kinds = {str(node["@type"]) for node in pack.json("case.jsonld")["@graph"]}
    assert {"case-investigation:Investigation", "case-investigation:InvestigativeAction"} <= kinds


def test_it_tells_of_each_watch_and_of_what_it_found(team: Squad, tmp_path: Path) -> None:
    case = team.open_case()
    watch = keep_watch(team, desk=team.fresh_desk(team.examiner), case=case.key)
    enrol_more(team)
    compare(team)
    examiner = team.fresh_desk(team.examiner)
    (finding,) = examiner.watches.of_case(case.key)[0].findings
    examiner.watches.see(finding.id)
    team.fresh_desk(team.supervisor).watches.end(watch.id)
    pack = opened(disclosed(team, case), tmp_path)
    assert pack.result.problems == []
    assert pack.case["counts"]["watches"] == pack.result.facts["watches"] == 1
    (told,) = pack.case["records"]["watches"]
    assert (told["reason"], told["begun_by"], told["ended_by"]) == (WATCHED, "Eva Examiner", "Sven Supervisor")
    (found,) = pack.case["records"]["watch_findings"]
    assert (found["search_id"], found["seen_by"]) == (finding.search_id, "Eva Examiner")
    assert pack.case["searches"][0]["row"]["watch_id"] == watch.id
    assert pack.case["watched"][watch.id]["faces_compared"] == 1
    acts = [line["action"] for line in pack.case["timeline"]]
    assert {"watch_begun", "watch_fired", "finding_seen", "watch_ended"} <= set(acts)
    page = pack.files["index.html"].decode()
    for words in (
        f'id="watch-{watch.id}"',
        WATCHED,
        "by <bdi>Sven Supervisor</bdi>",
        '<a href="#search-1">search 1</a>',
    ):
        assert words in page


# ---------------------------------------------------------------- who, and what becomes of it


def test_only_a_supervisor_of_the_cases_own_agency_discloses_it(team: Squad) -> None:
    case = searched(team)
    team.invite_guest(case, team.today + timedelta(days=5), CaseRole.OBSERVER)
    made = disclosed(team, case)

    def refusals(person: Account) -> set[type[Exception]]:
        disclosure = team.fresh_desk(person).disclosure
        asked: list[Callable[[], object]] = [
            lambda: disclosure.holdings(case.key),
            lambda: disclosure.packs(case.key),
            lambda: disclosure.ask(case.key, sharp=True),
            lambda: disclosure.make(case.key, sharp=True),
            lambda: disclosure.open(case.key, made.paper.id),
        ]
        found: set[type[Exception]] = set()
        for each in asked:
            with pytest.raises((NotAllowed, NotFound)) as error:
                each()
            found.add(error.type)
        return found

    for person in (team.examiner, team.reviewer, team.auditor, team.guest):
        assert refusals(person) == {NotAllowed}
    assert refusals(team.foreign_supervisor) == {NotFound}
    assert disclosed(team, case).paper.author == "Sven Supervisor"


def test_nobody_finds_a_pack_in_the_room(team: Squad) -> None:
    case = searched(team)
    pack = disclosed(team, case).paper
    for person in (team.examiner, team.supervisor):
        room = team.fresh_desk(person).room
        assert room.papers(case.key) == []
        with pytest.raises(NotFound):
            room.open(case.key, pack.id)


def test_it_needs_the_second_factor(team: Squad) -> None:
    case = searched(team)
    made = disclosed(team, case)
    disclosure = team.desk(team.supervisor).disclosure
    asked: list[Callable[[], object]] = [
        lambda: disclosure.ask(case.key, sharp=True),
        lambda: disclosure.make(case.key, sharp=True),
        lambda: disclosure.open(case.key, made.paper.id),
    ]
    before = actions(team)
    for each in asked:
        with pytest.raises(StepUpNeeded):
            each()
    assert actions(team) == before


def test_making_and_saving_it_are_on_the_record(team: Squad) -> None:
    case = searched(team)
    before = len(actions(team))
    disclosure = team.fresh_desk(team.supervisor).disclosure
    job = disclosure.ask(case.key, sharp=True)
    assert [each.id for each in disclosure.under_way(case.key)] == [job.id]
    assert len(actions(team)) == before
    team.workspace.worker.drain()
    assert actions(team)[before:] == ["case_disclosed", "paper_added"]
    (kept,) = disclosure.packs(case.key)
    done = team.fresh_desk(team.supervisor).jobs.show(job.id)
    assert (done.state, done.result) == (JobState.DONE, {"pack": kept.id, "bytes": kept.size, "sha256": kept.sha256})
    saved = disclosure.open(case.key, kept.id)
    assert hashlib.sha256(saved.zipped).hexdigest() == kept.sha256
    assert actions(team)[before:] == ["case_disclosed", "paper_added", "disclosure_taken"]
    assert team.machine.audit.verify().rows


@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_faces_are_marked_beside_the_originals_on_wish(team: Squad, tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = {6: 8}.get(orientation, orientation)
    with Image.open(io.BytesIO(PHOTOGRAPH)) as image:
        image.load()
        image.getexif()[0x0112] = exif[0x0112]
        stored = ImageOps.exif_transpose(image)
    exif[0x0112] = orientation
    photograph = encoded(stored, "JPEG", exif=exif, quality=95)
    case = team.open_case()
    desk = team.fresh_desk(team.examiner)
    probe = team.take_probe(case, photograph)
    (face,) = probe.faces
    crop = Edit(kind=EditKind.CROP, box=Box(x=8, y=4, width=probe.width - 16, height=probe.height - 8))
    cropped = desk.probes.edit(probe.id, [crop])
    team.search(case, cropped)
    disclosure = team.fresh_desk(team.supervisor).disclosure
    pack = opened(disclosure.make(case.key, sharp=True, regions=True), tmp_path)
    assert pack.result.problems == []
    (original,) = {one["original"] for one in pack.case["probes"]}
    packet = pack.files[f"{original}.xmp"]
    hints = parse_hints(packet)
    assert hints is not None
    assert hints.size == (float(stored.width), float(stored.height))
    (box,) = hints.boxes(probe.width, probe.height, orientation)
    assert box.overlap(face.box) > 0.9
    (name,) = hints.names
    assert name in {f"probe face 1 of {one.id}" for one in (probe, cropped)}
    tree = etree.fromstring(packet.partition(b"?>")[2])
    assert tree.tag == "{adobe:ns:meta/}xmpmeta"
    assert case.ref.encode() not in packet
    plain = opened(disclosure.make(case.key, sharp=True), tmp_path)
    assert not any(each.endswith(".xmp") for each in plain.files)


def test_it_is_sealed_resealed_and_destroyed_with_the_case(team: Squad) -> None:
    case = searched(team)
    made = disclosed(team, case)
    disclosure = team.fresh_desk(team.supervisor).disclosure
    assert not any(made.zipped[:64] in path.read_bytes() for path in _files(team.workspace.home))
    team.fresh_desk(team.supervisor).key_rotation.case(case.key)
    assert disclosure.open(case.key, made.paper.id).zipped == made.zipped
    team.fresh_desk(team.examiner).casework.close(case.key)
    assert opened(disclosed(team, case), team.workspace.home.parent).result.problems == []
    with team.workspace.store.read() as tx:
        kept = tx.papers.blobs_of(case.id)
    team.clock.advance(days=3650)
    team.machine.retain.sweep()
    disclosure = team.fresh_desk(team.supervisor).disclosure
    assert disclosure.packs(case.key) == []
    for act in (disclosure.holdings, disclosure.ask):
        with refused(ReasonCode.CASE_DESTROYED):
            act(case.key, **({"sharp": True} if act == disclosure.ask else {}))
    assert team.workspace.blobs.missing(kept) == set(kept)
    assert len(kept) == 2


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_evidence_for_a_lead_is_in_it(tmp_path: Path) -> None:
    with gallery(tmp_path / "ws") as workspace:
        desk = workspace.desk_at_the_machine()
        probe = desk.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
        request = SearchRequest(case=CASE.ref, reason=REASON, mode=Mode.INVESTIGATION)
        search = desk.search.run(probe.id, request, 1).search_id
        name = desk.reviews.of_search(search).entries[0].name
        desk.reviews.decide(search, name, draft(ReviewOutcome.LEAD))
        bill = EvidenceDraft(
            kind=EvidenceKind.DOCUMENT, text="a bill with that name", reference="folder 7", independent=True
        )
        desk.leads.record(search, name, bill)
        pack = opened(desk.disclosure.make(CASE.ref, sharp=True), tmp_path)
    assert pack.result.problems == []
    page = pack.files["index.html"].decode()
    assert "Independent evidence for candidate 1:" in page
    assert "a bill with that name" in page
    assert len(pack.case["records"]["evidence"]) == 1


def test_the_command_writes_it_for_its_owner_alone(lineament: Callable[..., Ran], tmp_path: Path) -> None:
    with gallery(tmp_path / "ws") as workspace:
        desk: Desk = workspace.desk_at_the_machine()
        probe = desk.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
        desk.search.run(probe.id, SearchRequest(case=CASE.ref, reason=REASON, mode=Mode.INVESTIGATION), 1)
    out = tmp_path / "pack.zip"
    ran = lineament("case", "disclose", CASE.ref, str(out), "--json")
    assert (ran.code, out.stat().st_mode & 0o777) == (0, 0o600)
    assert json.loads(ran.out)["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert verify.main([str(out)]) == 0
    again = lineament("case", "disclose", CASE.ref, str(out))
    assert again.code != 0
    assert "is at" in lineament("case", "disclose", CASE.ref, str(tmp_path / "other.zip")).out
