"""A program at work on a case of one person, from the photograph to the decision, reading only JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import PORTRAITS
from tests.support.blindly import decision
from tests.support.described import described, problem_of
from tests.support.programs import CASEWORK_RIGHTS, program
from tests.support.watched import compare, enrol
from tests.support.world import CASE, PROBE, SOURCE, World, copied_gallery

from lineament.model.accounts import HOME_AGENCY, Permission
from lineament.model.faces import CaptureId
from lineament.model.review import ReviewOutcome

pytestmark = pytest.mark.enable_socket

JPEG = {"content-type": "image/jpeg"}
PHOTOGRAPH = PROBE.read_bytes()
BEST = {"mode": "investigation"}


@dataclass(slots=True)
class Acting:
    """A program with a key for the case of a world."""

    world: World
    client: httpx.Client
    case: str  # its key
    key_id: str

    def add(self, photograph: bytes = PHOTOGRAPH) -> Any:
        return described(self.client.post(f"/v1/cases/{self.case}/probes?kind=cctv", content=photograph, headers=JPEG))

    def search(self, **asked: Any) -> Any:
        return described(self.client.post(f"/v1/cases/{self.case}/searches", json={**BEST, **asked}))

    def get(self, address: str) -> Any:
        return described(self.client.get(address))


@pytest.fixture
def acting(portraits: Path, tmp_path: Path) -> Iterator[Acting]:
    with (
        copied_gallery(portraits, tmp_path / "ws") as world,
        closing(program(world, *CASEWORK_RIGHTS, case=CASE.ref)) as made,
    ):
        yield Acting(world, made.client, world.machine.casework.get(CASE.ref).key, made.key.key.id)


def test_a_photograph_of_a_face_that_a_program_named_is_shown(acting: Acting) -> None:
    with acting.world.workspace.store.read() as tx:
        (face, *_) = tx.faces.of_capture(CaptureId(1))
    copy = acting.world.machine.copies.of_face(acting.case, face.id)
    (probe,) = acting.get(f"/v1/cases/{acting.case}/probes")["items"]
    assert (probe["id"], probe["origin"]["search_id"], probe["origin"]["face_id"]) == (copy.probe.id, None, face.id)
    found = acting.search(probe=copy.probe.id, face=copy.face)
    assert found["probe"]["origin"] == probe["origin"]


def test_from_a_photograph_to_a_decision(acting: Acting) -> None:
    (listed,) = acting.get("/v1/cases")["items"]
    assert (listed["ref"], listed["standing"], listed["searches"]) == (CASE.ref, "exempt", 0)
    assert acting.get(f"/v1/cases/{acting.case}/obstacles") == {"reasons": []}
    probe = acting.add()
    (face,) = probe["faces"]
    assert (face["face"], face["quality"]["reliable"], face["comparable"]) == (1, True, True)
    assert len(face["landmarks"]["nose"]) == 2
    assert face["quality"]["iso_29794_5"]["HeadPoseYaw"]["measure"] == "yaw"
    assert acting.get(f"/v1/probes/{probe['id']}") == probe
    for part in ("picture", "faces/1"):
        assert acting.get(f"/v1/probes/{probe['id']}/{part}")

    found = acting.search(probe=probe["id"])
    assert (found["reason"], found["gallery_faces"], found["mode"]) == (
        "to find where it was published",
        5,
        "investigation",
    )
    best = found["candidates"][0]
    assert (best["rank"], best["page_title"]) == (1, "Emmanuel Macron, 2025")
    assert f'"key":"{acting.key_id}"' in acting.world.last_details(), "a program made it"
    of = f"/v1/searches/{found['search_id']}"
    assert acting.get(of) == found
    assert acting.world.actions(HOME_AGENCY)[-1] == "list_read"
    beside = acting.get(f"{of}/candidates/1")
    assert (beside["listed"]["score"], beside["found"]["page_uri"]) == (best["score"], best["page_uri"])
    for part in ("crop", "thumbnail"):
        assert acting.get(f"{of}/candidates/1/{part}")
    original = described(acting.client.post(f"{of}/candidates/1/original"))
    assert original == (PORTRAITS / "macron-2025.jpg").read_bytes()
    assert acting.world.actions(HOME_AGENCY)[-1] == "original_viewed"

    decided = described(acting.client.post(f"{of}/candidates/1/decisions", json=decision(ReviewOutcome.LEAD)))
    assert (decided["decision"]["outcome"], decided["left"], decided["next"]) == ("lead", 3, "2")
    assert acting.get(f"{of}/review")["candidates"][0]["outcome"] == "lead"
    copy = described(acting.client.post(f"{of}/candidates/1/probe"))
    assert (copy["face"], copy["probe"]["kind"], copy["probe"]["origin"]["search_id"]) == (
        1,
        "gallery",
        found["search_id"],
    )
    closed = described(acting.client.post(f"/v1/cases/{acting.case}/close"))
    assert (closed["state"], closed["standing"]) == ("closed", "exempt")
    told = problem_of(acting.client.post(f"/v1/cases/{acting.case}/searches", json={"probe": probe["id"]}), 403)
    assert "case-not-open" in [reason["code"] for reason in told["reasons"]]


def test_edits_keep_the_original_and_a_wrong_photograph_is_removed(acting: Acting) -> None:
    probe = acting.add()
    address = f"/v1/probes/{probe['id']}"
    edits = [{"kind": "rotate", "degrees": 90}, {"kind": "exposure", "stops": 0.5}]
    turned = described(acting.client.post(f"{address}/edits", json={"edits": edits}))
    assert [(edit["kind"], edit["degrees"], edit["stops"]) for edit in turned["edits"]] == [
        ("rotate", 90, 0.0),
        ("exposure", 0, 0.5),
    ]
    assert (turned["sha256"], turned["width"], turned["height"]) == (probe["sha256"], probe["height"], probe["width"])
    cut = [{"kind": "crop", "box": [40, 20, 120, 160]}]
    assert described(acting.client.post(f"{address}/edits", json={"edits": cut}))["width"] == 120
    wrong = {"edits": [{"kind": "crop", "box": [0, 0, float("nan"), 1]}]}
    assert (
        acting.client.post(
            f"{address}/edits",
            content=repr(wrong).replace("'", '"').replace("nan", "NaN"),
            headers={"content-type": "application/json"},
        ).status_code
        == 422
    )
    first = acting.get(f"/v1/cases/{acting.case}/probes?limit=2")
    rest = acting.get(f"/v1/cases/{acting.case}/probes?limit=2&after={first['next']}")
    assert [each["id"] for each in first["items"] + rest["items"]][-1] == probe["id"]
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    for _ in range(2):  # the answer tells nothing of what it erased, so that it is given again
        assert described(acting.client.delete(address, headers={"idempotency-key": "gone"})) is None
    assert problem_of(acting.client.get(address), 404)["code"] == "not-found"
    assert acting.get(f"/v1/cases/{acting.case}/probes")["items"] == [], "whatever was made of it is gone too"


def test_a_search_that_is_sent_again_is_made_once_and_a_known_answer_is_not_sent_again(acting: Acting) -> None:
    probe, named = acting.add(), {"idempotency-key": "once"}
    address, body = f"/v1/cases/{acting.case}/searches", {"probe": probe["id"], **BEST}
    first, again = (acting.client.post(address, json=body, headers=named) for _ in range(2))
    assert described(first) == described(again)
    assert (again.headers["idempotency-replayed"], again.headers["location"]) == ("true", first.headers["location"])
    (listed,) = acting.get(address)["items"]
    assert f"/v1/searches/{listed['search_id']}" == first.headers["location"]
    read = acting.client.get(first.headers["location"])
    unchanged = acting.client.get(first.headers["location"], headers={"if-none-match": read.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_several_photographs_in_one_request_are_told_one_by_one(acting: Acting) -> None:
    probe, nobody = acting.add(), "0123456789abcdef"
    asked = {"faces": [{"probe": probe["id"]}, {"probe": nobody}, {"probe": probe["id"], "face": 7}], **BEST}
    told = described(acting.client.post(f"/v1/cases/{acting.case}/searches/batch", json=asked))
    assert (told["searched"], told["failed"]) == (1, 2)
    assert [item["name"] for item in told["items"]] == [probe["id"], nobody, probe["id"]]
    assert told["items"][0]["search"]["candidates"] == 4
    assert [item["problem"] and item["problem"]["code"] for item in told["items"]] == [None, "not-found", "not-found"]

    sent = [
        ("photograph", (name, content, "image/jpeg"))
        for name, content in (
            ("one.jpg", PHOTOGRAPH),
            ("none.jpg", b"no picture"),
            ("two.jpg", (PORTRAITS / "sunak.jpg").read_bytes()),
        )
    ]
    address = f"/v1/cases/{acting.case}/photographs/batch?kind=cctv&mode=investigation"
    told = described(acting.client.post(address, files=sent))
    assert [(item["name"], item["problem"] is None) for item in told["items"]] == [
        ("one.jpg", True),
        ("none.jpg", False),
        ("two.jpg", True),
    ]
    assert told["items"][1]["problem"]["status"] == 422
    whole = described(
        acting.client.post(
            f"/v1/cases/{acting.case}/photographs/search?limit=1&mode=investigation", content=PHOTOGRAPH, headers=JPEG
        )
    )
    assert [entry["page_title"] for entry in whole["candidates"]] == ["Emmanuel Macron, 2025"]
    parts, cursor = [], ""
    for _ in range(4):
        part = acting.get(f"/v1/cases/{acting.case}/searches?limit=1{cursor}")
        parts += [each["search_id"] for each in part["items"]]
        cursor = f"&after={part['next']}"
    assert (len(set(parts)), part["next"]) == (4, None)
    assert parts[0] == whole["search_id"]


def test_how_a_search_is_cut_and_what_is_refused(acting: Acting) -> None:
    probe = acting.add()
    by_hand = acting.search(probe=probe["id"], mode=None, min_score=0.5)
    assert (by_hand["mode"], len(by_hand["candidates"])) == ("manual", 1)
    since = acting.search(probe=probe["id"], after=by_hand["search_id"])
    assert (since["after"]["search_id"], since["outcome"]) == (by_hand["search_id"], "no_candidate")
    address = f"/v1/cases/{acting.case}/searches"
    for wrong, status, code in (
        ({"mode": "manual"}, 422, "invalid-value"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, 422, "invalid-value"),
        ({"sources": ["press"]}, 404, "not-found"),
        ({"together": "all"}, 422, "invalid-value"),
        ({"reason": "to stalk my wife"}, 403, "refused"),
    ):
        told = problem_of(acting.client.post(address, json={"probe": probe["id"], **wrong}), status)
        assert told["code"] == code
    kept = acting.get(f"/v1/cases/{acting.case}/probes")["items"]
    other = (PORTRAITS / "ardern-2018.jpg").read_bytes()
    closed = acting.client.post(
        f"/v1/cases/{acting.case}/photographs/search?reason=to+stalk+my+wife", content=other, headers=JPEG
    )
    assert problem_of(closed, 403)["code"] == "refused"
    assert acting.get(f"/v1/cases/{acting.case}/probes")["items"] == kept, "nothing is kept"
    large = acting.client.post(f"/v1/cases/{acting.case}/probes", content=bytes(2**20 + 1), headers=JPEG)
    assert problem_of(large, 413)["code"] == "file-too-large"


def test_a_watch_fires_and_is_seen(acting: Acting) -> None:
    probe = acting.add()
    asked = {"probe": probe["id"], "until": str(acting.world.today)}
    begun = described(acting.client.post(f"/v1/cases/{acting.case}/watches", json=asked))
    assert (begun["reason"], begun["sources"]) == ("to find where it was published", [])
    enrol(acting.world, "macron-2025.jpg", source=SOURCE, width=400)
    compare(acting.world)
    (found,) = acting.get("/v1/findings")["items"]
    assert (found["watch"], found["candidates"], found["seen_by"]) == (begun["watch"], 1, None)
    assert acting.get(f"/v1/searches/{found['search']}")["watch"] == begun["watch"]
    seen = described(acting.client.post(f"/v1/findings/{found['finding']}/see"))
    assert (seen["finding"], seen["seen_by"]) == (found["finding"], "examiner-a")
    assert acting.get("/v1/findings")["items"] == []
    ended = described(acting.client.post(f"/v1/watches/{begun['watch']}/end"))
    assert ended["ended_by"] == "examiner-a"
    (kept,) = acting.get(f"/v1/cases/{acting.case}/watches")["items"]
    assert (kept["state"], kept["found"][0]["seen_by"]) == ("ended", "examiner-a")


def test_a_key_without_a_case_opens_cases(acting: Acting) -> None:
    terms = {
        "ref": "2026-0500",
        "offence": "theft",
        "purpose": "to find a witness",
        "basis": "CPP 77",
        "seeks": "victim",
    }
    told = problem_of(acting.client.post("/v1/cases", json=terms), 403)
    assert told["code"] == "not-allowed"
    with closing(program(acting.world, Permission.READ_CASES, Permission.OPEN_CASES)) as free:
        opened = free.client.post("/v1/cases", json=terms)
        assert opened.headers["location"] == f"/v1/cases/{described(opened)['key']}"
        assert problem_of(free.client.post("/v1/cases", json=terms), 409)["code"] == "case-exists"
        first = described(free.client.get("/v1/cases?limit=1&state=open"))
        second = described(free.client.get(f"/v1/cases?limit=1&after={first['next']}"))
        assert [each["ref"] for each in first["items"] + second["items"]] == ["2026-0500", CASE.ref]
        assert described(free.client.get("/v1/cases?q=witness"))["items"] == first["items"]
        for cursor in ("x", "WyJcdWQ4MDAiXQ", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTld"):
            assert problem_of(free.client.get(f"/v1/cases?after={cursor}"), 422)["errors"][0]["field"] == "after"
    assert [each["ref"] for each in acting.get("/v1/cases")["items"]] == [CASE.ref]
