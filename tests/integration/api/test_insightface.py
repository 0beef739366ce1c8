"""Programs of InsightFace Server: the calls of its guide and of its smoke test, replayed; and what is another way."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image
from tests.conftest import PORTRAITS
from tests.support.programs import FACELESS, RIGHTS, addresses, key_for
from tests.support.serving import serving
from tests.support.world import CASE, World, copied_gallery

from lineament.api.admission import Admission
from lineament.api.compat.insightface import create_insightface
from lineament.model.accounts import Permission
from lineament.model.sources import SourceTerms

MODEL = "staff"
ARDERN, LATER, OBAMA = (PORTRAITS / name for name in ("ardern-2018.jpg", "ardern-2022.jpg", "obama.jpg"))
V1 = "/compat/insightface/v1"
COLLECTIONS = f"{V1}/collections"
PERSONS = f"{COLLECTIONS}/employees/persons"
SEARCH = f"{COLLECTIONS}/employees/search"


def sent(*pictures: Path | bytes, name: str = "images") -> list[tuple[str, tuple[str, bytes]]]:
    """Return pictures as a form has them."""
    contents = [picture if isinstance(picture, bytes) else picture.read_bytes() for picture in pictures]
    return [(name, (f"{number}.jpg", content)) for number, content in enumerate(contents)]


def one(picture: Path | bytes, name: str = "image") -> list[tuple[str, tuple[str, bytes]]]:
    return sent(picture, name=name)


def fault(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the word of a fault, whose envelope is whole."""
    told = answer.json()
    assert told["request_id"] == answer.headers["x-request-id"]
    assert set(told["error"]) == {"code", "message", "details"}
    return answer.status_code, told["error"]["code"]


@dataclass(slots=True)
class Employees:
    """A server with an empty collection, and a program that has a key for it."""

    world: World
    url: str
    client: httpx.Client

    def enrol(self, called: str, *pictures: Path | bytes, **fields: str) -> Any:
        """Add a person; return what is answered."""
        answer = self.client.post(PERSONS, data={"id": called, **fields}, files=sent(*pictures))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def search(self, picture: Path | bytes, **fields: str) -> Any:
        """Search for the largest face of a picture."""
        answer = self.client.post(SEARCH, data=fields, files=one(picture))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def header(self, *rights: Permission) -> dict[str, str]:
        """Return the header with another key."""
        case = CASE.ref if Permission.SEARCH in rights else None
        return {"authorization": f"Bearer {key_for(self.world, *rights, case=case, sources=(MODEL,)).text}"}


@pytest.fixture
def employees(portraits: Path, tmp_path: Path) -> Iterator[Employees]:
    with copied_gallery(portraits, tmp_path / "ws") as world:
        terms = SourceTerms(name=MODEL, controller="Ministry", basis="consent", jurisdiction="FR")
        world.machine.sources.add(terms)
        key = key_for(world, *RIGHTS, case=CASE.ref, sources=(MODEL,)).text
        with (
            serving(world.workspace) as served,
            httpx.Client(base_url=served.url, headers={"authorization": f"Bearer {key}"}, timeout=60) as client,
        ):
            made = client.post(COLLECTIONS, json={"id": "employees", "name": "Company Employees", "threshold": 0.4})
            assert made.status_code == 201, made.text
            yield Employees(world, served.url, client)


# ---------------------------------------------------------------- programs as they are


def test_the_calls_of_the_smoke_test(employees: Employees) -> None:
    health = httpx.get(f"{employees.url}{V1}/health").json()
    assert (health["status"], health["auth_enabled"]) == ("ready", True)
    system = employees.client.get(f"{V1}/system").json()
    assert system["stats"] == {"collections": 2, "faces": 0}
    (face,) = employees.client.post(f"{V1}/detect", data={"max_faces": "2"}, files=one(OBAMA)).json()["faces"]
    assert set(face) == {"bbox", "landmarks", "detection_score", "quality"}
    assert set(face["bbox"]) == {"pixels", "normalized"}
    assert 0.5 < face["detection_score"] <= 1
    refused = employees.client.post(f"{V1}/embeddings", files=one(OBAMA))
    assert fault(refused) == (403, "embeddings_not_released")


def test_the_calls_of_the_guide(employees: Employees) -> None:
    client = employees.client
    alice = employees.enrol("alice", ARDERN, name="Alice", metadata='{"department":"sales"}', review_mode="off")
    assert alice["rejected_images"] == []
    (face,) = alice["faces"]
    UUID(face["id"])
    assert (face["person_id"], face["has_crop"]) == ("alice", True)
    found = employees.search(LATER, limit="5")
    (candidate,) = found["matches"]
    assert candidate["person"]["metadata"] == {"department": "sales"}
    assert candidate["matched_face_id"] == face["id"]
    assert found["threshold"] == 0.4 < candidate["similarity"] < 1
    assert employees.search(OBAMA)["matches"] == []
    assert employees.search(LATER, threshold="0.99")["matches"] == []

    changed = client.patch(f"{PERSONS}/alice", json={"name": "Alice Chen"}).json()["person"]
    assert (changed["name"], changed["metadata"]) == ("Alice Chen", {"department": "sales"})
    added = client.post(f"{PERSONS}/alice/faces", data={"review_mode": "standard"}, files=sent(LATER))
    assert added.status_code == 201
    assert client.get(f"{PERSONS}/alice").json()["person"]["face_count"] == 2
    part = client.get(f"{PERSONS}/alice/faces", params={"limit": 1}).json()
    rest = client.get(f"{PERSONS}/alice/faces", params={"limit": 1, "cursor": part["next_cursor"]}).json()
    assert [each["id"] for each in (*part["faces"], *rest["faces"])] == [face["id"], added.json()["faces"][0]["id"]]
    assert rest["next_cursor"] is None

    crop = client.get(f"{PERSONS}/alice/faces/{face['id']}/image")
    with Image.open(io.BytesIO(crop.content)) as shown:
        assert shown.format == "JPEG"
    assert client.delete(f"{PERSONS}/alice/faces/{face['id']}").status_code == 204
    assert fault(client.get(f"{PERSONS}/alice/faces/{face['id']}/image")) == (404, "face_not_found")
    changed = client.patch(f"{COLLECTIONS}/employees", json={"threshold": 0.45, "name": "Staff"}).json()["collection"]
    assert (changed["default_threshold"], changed["name"], changed["face_count"]) == (0.45, "Staff", 1)
    assert fault(client.delete(f"{COLLECTIONS}/employees")) == (409, "collection_not_empty")
    assert client.delete(f"{PERSONS}/alice").status_code == 204
    assert fault(client.get(f"{PERSONS}/alice")) == (404, "person_not_found")
    assert client.delete(f"{COLLECTIONS}/employees").status_code == 204
    assert fault(client.get(f"{COLLECTIONS}/employees")) == (404, "collection_not_found")


def test_two_pictures_are_compared(employees: Employees) -> None:
    files = [*one(ARDERN, "source"), *one(LATER, "target")]
    same = employees.client.post(f"{V1}/compare", files=files).json()
    other = employees.client.post(f"{V1}/compare", files=[*one(ARDERN, "source"), *one(OBAMA, "target")]).json()
    assert (same["matched"], other["matched"]) == (True, False)
    assert other["similarity"] < other["threshold"] == 0.4 < same["similarity"]
    files = [*one(ARDERN, "source"), *one(FACELESS, "target")]
    assert fault(employees.client.post(f"{V1}/compare", files=files)) == (422, "face_not_found")


def test_lists_come_in_parts_and_are_looked_through(employees: Employees) -> None:
    employees.enrol("alice", ARDERN, name="Alice")
    employees.enrol("bob", OBAMA, external_id="HR-1001")
    client, found, cursor = employees.client, list[str](), None
    while cursor is not None or not found:
        part = client.get(PERSONS, params={"limit": 1, **({"cursor": cursor} if cursor else {})}).json()
        found += [person["id"] for person in part["persons"]]
        cursor = part["next_cursor"]
    assert sorted(found) == ["alice", "bob"]
    assert [person["id"] for person in client.get(PERSONS, params={"search": "hr-10"}).json()["persons"]] == ["bob"]
    assert fault(client.get(PERSONS, params={"cursor": "x"})) == (400, "invalid_cursor")
    before = employees.world.ledger_size()
    assert len(client.get(PERSONS).json()["persons"]) == 2
    assert employees.world.ledger_size() == before + 1, "one list was read"
    assert [each["id"] for each in client.get(COLLECTIONS).json()["collections"]] == ["employees", MODEL]
    part = client.get(COLLECTIONS, params={"limit": 1}).json()
    part = client.get(COLLECTIONS, params={"limit": 1, "cursor": part["next_cursor"]}).json()
    assert ([each["id"] for each in part["collections"]], part["next_cursor"]) == ([MODEL], None)


# ---------------------------------------------------------------- what is done in another way


def test_pictures_that_cannot_be_enrolled_are_named_with_a_reason(employees: Employees) -> None:
    employees.enrol("bob", OBAMA)
    answer = employees.enrol("alice", b"no picture", FACELESS, OBAMA, ARDERN)
    assert [(each["index"], each["reason"]) for each in answer["rejected_images"]] == [
        (0, "invalid_image"),
        (1, "face_not_found"),
        (2, "enrolled_as_another_person"),
    ]
    assert len(answer["faces"]) == 1
    refused = employees.client.post(PERSONS, data={"id": "carol"}, files=sent(FACELESS))
    assert fault(refused) == (422, "registration_failed")
    assert fault(employees.client.get(f"{PERSONS}/carol")) == (404, "person_not_found")
    again = employees.client.post(PERSONS, data={"id": "bob"}, files=sent(LATER))
    assert fault(again) == (409, "person_exists")


def test_whoever_cannot_be_enrolled_now_can_be_enrolled_later(employees: Employees) -> None:
    (source,) = [each.name for each in employees.world.machine.sources.list() if "insightface" in each.name]
    employees.world.machine.sources.suspend(source)
    refused = employees.client.post(PERSONS, data={"id": "alice"}, files=sent(ARDERN))
    assert fault(refused) == (403, "refused")
    assert fault(employees.client.get(f"{PERSONS}/alice")) == (404, "person_not_found")
    employees.world.machine.sources.resume(source)
    assert employees.enrol("alice", ARDERN)["rejected_images"] == []


def test_what_lineament_does_not_do_is_refused_and_never_left_out_in_silence(employees: Employees) -> None:
    client, made = employees.client, {"id": "others", "name": "Others"}
    for wish in (
        {"save_face_crops": False},
        {"search": {"profile": "int8_x736_v1"}},
        {"search": {"capacity_rows": 10}},
        {"detection": {"threshold": 0.9}},
        {"unknown": 1},
        {"id": "../staff"},
    ):
        assert fault(client.post(COLLECTIONS, json={**made, **wish})) == (400, "invalid_request")
    assert fault(client.post(COLLECTIONS, json={**made, "id": "employees"})) == (409, "collection_exists")
    detection = {"single_face_selection": "largest"}
    assert client.post(COLLECTIONS, json={**made, "detection": detection}).status_code == 201
    fields = {"embedding_mode": "external_trusted", "external_embeddings": "[[1]]"}
    answer = client.post(PERSONS, data=fields, files=sent(ARDERN))
    assert fault(answer) == (400, "unexpected_external_embedding")
    for metadata in ("[]", "{", '{"a": NaN}', '{"a": "' + "x" * 9000 + '"}'):
        assert fault(client.post(PERSONS, data={"metadata": metadata}, files=sent(ARDERN))) == (400, "invalid_metadata")
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    for address in (f"{COLLECTIONS}/employees", f"{COLLECTIONS}/others"):
        assert fault(client.patch(address, json={"metadata": deep})) == (400, "invalid_metadata")
    assert fault(client.post(PERSONS, data={"review_mode": "strict"}, files=sent(ARDERN))) == (400, "invalid_request")
    answer = client.post(f"{V1}/detect", data={"min_score": "0.1"}, files=one(ARDERN))
    assert fault(answer) == (400, "request_detection_override_not_supported")
    assert fault(client.post(f"{V1}/monitors", json={})) == (404, "route_not_found")
    assert fault(client.delete(f"{COLLECTIONS}/{MODEL}")) == (403, "not_allowed")


def test_a_key_is_needed_and_its_rights_count(employees: Employees) -> None:
    key = employees.client.headers["authorization"].removeprefix("Bearer ")
    client = httpx.Client(base_url=employees.url, timeout=60)
    answer = client.get(COLLECTIONS)
    assert fault(answer) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get(COLLECTIONS, headers={"x-api-key": key}).status_code == 200
    rights = (Permission.READ_SOURCES, Permission.READ_CASES, Permission.OPEN_CASES, Permission.SEARCH)
    searching = employees.header(*rights)
    assert client.get(COLLECTIONS, headers=searching).status_code == 200
    assert client.post(SEARCH, headers=searching, files=one(LATER)).status_code == 200
    made = client.post(COLLECTIONS, json={"id": "a", "name": "A"}, headers=searching)
    assert fault(made) == (403, "not_allowed")
    enrolling = employees.header(Permission.READ_SOURCES, Permission.MANAGE_SOURCES)
    assert fault(client.post(SEARCH, headers=enrolling, files=one(LATER))) == (403, "not_allowed")
    client.close()


def test_no_address_but_that_of_health_answers_without_a_key(employees: Employees) -> None:
    found = addresses(create_insightface(Admission(employees.world.workspace)))
    assert len(found) == 21
    with httpx.Client(base_url=employees.url, timeout=60) as client:
        answers = {each: client.request(*each).status_code for each in found}
    assert answers == {each: 200 if each[1] == f"{V1}/health" else 401 for each in found}


def test_what_a_program_says_of_people_is_sealed_and_on_no_record(employees: Employees) -> None:
    employees.enrol("alice", ARDERN, name="Jacinda Kate Laurell", external_id="HR-1001")
    stored = employees.world.stored_bytes()
    assert b"Jacinda Kate" not in stored
    assert b"HR-1001" not in stored
    assert "Jacinda Kate" not in employees.world.all_details()
    employees.search(LATER)
    assert "search" in employees.world.actions()
    employees.client.patch(f"{PERSONS}/alice", json={"name": None}).raise_for_status()
    employees.client.patch(f"{COLLECTIONS}/employees", json={"description": "more"}).raise_for_status()
    assert {"subject_described", "collection_described"} <= set(employees.world.actions())
