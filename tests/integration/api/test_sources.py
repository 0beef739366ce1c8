"""Sources, pictures, uploads and runs through ``/v1``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import PORTRAITS
from tests.support.described import described
from tests.support.processes import vary_portraits
from tests.support.programs import Program, program
from tests.support.world import World, solo, staffed

from lineament.api.uploads import parts_in
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.drops import PART
from lineament.model.sources import SourceTerms

pytestmark = pytest.mark.enable_socket
TERMS = {"name": "press", "controller": "The Herald", "basis": "contract", "jurisdiction": "FR"}
PICTURES = sorted(PORTRAITS.glob("*.jpg"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with solo(tmp_path / "ws") as world:
        yield world


@pytest.fixture
def operator(world: World) -> Iterator[Program]:
    """A program that manages sources, and its source."""
    made = program(world, Permission.READ_SOURCES, Permission.MANAGE_SOURCES)
    assert described(made.client.post("/v1/sources", json=TERMS))["state"] == "live"
    yield made
    made.close()


def send(client: httpx.Client, *files: tuple[str, bytes], provenance: Any = None) -> httpx.Response:
    """Send pictures to the source."""
    data = {} if provenance is None else {"provenance": json.dumps(provenance)}
    return client.post(
        "/v1/sources/press/pictures", data=data, files=[("picture", (name, content)) for name, content in files]
    )


def send_parts(client: httpx.Client, upload: str, *parts: tuple[int, int, bytes]) -> httpx.Response:
    """Send parts of files of an upload."""
    named = json.dumps([[number, first, len(content)] for number, first, content in parts]).encode()
    body = named + b"\n" + b"".join(content for _, _, content in parts)
    return client.put(f"/v1/sources/press/uploads/{upload}/parts", content=body)


def test_sources_are_registered_suspended_and_listed_in_parts(operator: Program) -> None:
    client = operator.client
    for name in ("archive", "zoo"):
        described(client.post("/v1/sources", json=TERMS | {"name": name, "expires": "2100-01-01"}))
    first = described(client.get("/v1/sources", params={"limit": 2}))
    rest = described(client.get("/v1/sources", params={"limit": 2, "after": first["next"]}))
    assert [[source["name"] for source in part["items"]] for part in (first, rest)] == [["archive", "press"], ["zoo"]]
    assert rest["next"] is None
    assert described(client.post("/v1/sources/zoo/suspend"))["state"] == "suspended"
    assert client.post("/v1/sources/zoo/suspend").status_code == 409
    assert described(client.post("/v1/sources/zoo/resume"))["state"] == "live"
    assert client.post("/v1/sources", json=TERMS).json()["code"] == "already-there"
    refused = client.post("/v1/sources", json=TERMS | {"name": "old", "expires": "2001-01-01"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "expires")


def test_each_picture_is_told_what_became_of_it(world: World, operator: Program) -> None:
    client = operator.client
    found = described(
        send(
            client,
            ("a.jpg", PICTURES[0].read_bytes()),
            ("b.jpg", b"no picture"),
            ("c.jpg", PICTURES[1].read_bytes()),
            ("d.jpg", PICTURES[2].read_bytes()),
            provenance=[None, None, {"uri": "https://told.example/c.jpg", "licence": "CC0"}, {"uri": "no address"}],
        ),
    )["pictures"]
    assert [(told["name"], told["outcome"]) for told in found] == [
        ("a.jpg", "enrolled"),
        ("b.jpg", "refused"),
        ("c.jpg", "enrolled"),
        ("d.jpg", "refused"),
    ]
    assert [len(told["faces"]) for told in found] == [1, 0, 1, 0]
    assert "uri" in found[3]["why"]
    with world.workspace.store.read() as tx:
        (face,) = tx.faces.describe([found[2]["faces"][0]["face"]]).values()
    assert face.capture.provenance.uri == "https://told.example/c.jpg"
    again = described(send(client, ("a.jpg", PICTURES[0].read_bytes())))["pictures"]
    assert (again[0]["outcome"], again[0]["faces"]) == ("already_there", found[0]["faces"])
    runs = described(client.get("/v1/sources/press/runs", params={"limit": 1}))
    assert [run["run"] for run in runs["items"]] == [2]
    older = described(client.get("/v1/sources/press/runs", params={"after": runs["next"]}))["items"]
    assert [(run["run"], run["counts"]) for run in older] == [(1, {"enrolled": 2, "refused": 2})]
    shown = described(client.get("/v1/sources/press/runs/1"))
    assert len(shown["refused_first"]) == 2
    assert client.get("/v1/sources/press/runs/3").status_code == 404


@pytest.mark.parametrize("provenance", [{}, [None], [1, None], "x"])
def test_what_is_said_of_pictures_has_one_entry_for_each(operator: Program, provenance: Any) -> None:
    answer = send(operator.client, ("a.jpg", b"x"), ("b.jpg", b"y"), provenance=provenance)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "provenance")


def test_a_body_that_is_not_multipart_is_refused(operator: Program) -> None:
    for headers in ({}, {"content-type": "multipart/form-data"}):
        assert operator.client.post("/v1/sources/press/pictures", content=b"x", headers=headers).status_code == 422
    assert send(operator.client).status_code == 422


def test_an_upload_goes_on_where_it_was(world: World, operator: Program, tmp_path: Path) -> None:
    client = operator.client
    folder = vary_portraits(tmp_path / "many", 5)
    files = [(path.name, path.read_bytes()) for path in sorted(folder.rglob("*.jpg"))]
    told = b'{"uri": "https://told.example/0.jpg"}'
    files += [(f"{files[0][0]}.json", told), ("large.jpg", bytes(PART + 5))]
    upload = described(client.post("/v1/sources/press/uploads"))["upload"]
    place = f"/v1/sources/press/uploads/{upload}"
    asked = [{"path": f"many/{name}", "size": len(content)} for name, content in files]
    listed = described(client.post(f"{place}/files", json={"files": asked, "last": True}))["files"]
    numbers = [file["file"] for file in listed]
    parts = [(number, 0, content[:PART]) for number, (_, content) in zip(numbers, files, strict=True)]
    received = described(send_parts(client, upload, *parts))["received"]
    assert {file["file"]: file["received"] for file in received}[numbers[0]] == len(files[0][1])
    again = described(client.post("/v1/sources/press/uploads"))
    assert (again["upload"], again["arrived"]["files"], again["listed"]) == (upload, 6, True)
    (missing,) = described(client.get(f"{place}/missing"))["files"]
    assert (missing["path"], missing["received"]) == ("many/large.jpg", PART)
    described(send_parts(client, upload, (missing["file"], missing["received"], bytes(5))))
    assert world.workspace.worker.drain() == 1
    done = described(client.get(place))
    assert done["ended_at"] is not None
    assert done["counts"] == {"enrolled": 5, "refused": 1, "side_car": 1}
    assert [refused["name"] for refused in done["refused_first"]] == ["many/large.jpg"]
    assert client.post(f"{place}/stop").status_code == 409


def test_an_upload_can_be_stopped(operator: Program) -> None:
    client = operator.client
    upload = described(client.post("/v1/sources/press/uploads"))["upload"]
    stopped = described(client.post(f"/v1/sources/press/uploads/{upload}/stop"))
    assert (stopped["upload"], stopped["ended_at"] is not None) == (upload, True)
    assert client.get(f"/v1/sources/press/uploads/{'0' * 16}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}\n",
        b"[[1,0]]\n",
        b"[[1,0,-1]]\n",
        b"[[1,0,true]]\nx",
        b"[[1,0,2]]\nx",
        b"[[1,0,1]]\nxy",
        b"[" * 60_000 + b"\n",
        b"[[1,0,4194305]]\n",
        b"[" + b"[1,0,0]," * 500 + b"[1,0,0]]\n",
    ],
    ids=["empty", "no line", "no list", "two", "negative", "bool", "short", "long", "deep", "large part", "many"],
)
def test_a_body_that_is_no_parts_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidValue):
        parts_in(body)


def test_a_key_works_with_its_own_sources_alone(world: World, operator: Program) -> None:
    world.machine.sources.add(SourceTerms(name="other", controller="The Herald", basis="contract", jurisdiction="FR"))
    bound = program(world, Permission.READ_SOURCES, Permission.MANAGE_SOURCES, sources=("press",))
    client = bound.client
    assert [source["name"] for source in client.get("/v1/sources").json()["items"]] == ["press"]
    for method, address in (
        ("GET", ""),
        ("POST", "/suspend"),
        ("GET", "/runs"),
        ("POST", "/uploads"),
    ):
        answer = client.request(method, f"/v1/sources/other{address}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), address
    assert client.post("/v1/sources", json=TERMS | {"name": "new"}).json()["code"] == "not-allowed"
    reader = program(world, Permission.READ_SOURCES)
    assert reader.client.get("/v1/sources/press").status_code == 200
    assert reader.client.post("/v1/sources/press/uploads").status_code == 403
    reader.close()
    bound.close()


def test_in_an_agency_a_source_waits_for_a_second_person(tmp_path: Path) -> None:
    with staffed(tmp_path / "ws") as world:
        made = program(world, Permission.READ_SOURCES, Permission.MANAGE_SOURCES, account=world.operator)
        assert described(made.client.post("/v1/sources", json=TERMS))["state"] == "drafted"
        refused = send(made.client, ("a.jpg", PICTURES[0].read_bytes()))
        assert (refused.status_code, refused.json()["code"]) == (403, "refused")
        made.close()
