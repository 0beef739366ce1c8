"""Amazon Rekognition's own client, boto3, against a server of ours."""

from __future__ import annotations

import base64
import io
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from PIL import Image
from tests.conftest import PORTRAITS, side_by_side
from tests.support.clock import Clock
from tests.support.programs import FACELESS, RIGHTS, key_for
from tests.support.rekognition import MODEL, RekognitionServer, rekognition_client, rekognition_serving
from tests.support.world import CASE, MEBI, World, copied_gallery

from lineament.api.compat.rekognition_acts import OPERATIONS
from lineament.model.accounts import Permission
from lineament.testing import bad_pictures, encoded

ADDRESS = "/compat/rekognition/"
ARDERN, LATER = (PORTRAITS / "ardern-2018.jpg").read_bytes(), (PORTRAITS / "ardern-2022.jpg").read_bytes()
MACRON, OBAMA = (PORTRAITS / "macron-2014.jpg").read_bytes(), (PORTRAITS / "obama.jpg").read_bytes()
NEVER = {"AgeRange", "Gender", "Emotions", "Smile", "Beard", "Mustache", "Eyeglasses", "Sunglasses", "EyesOpen"}


@pytest.fixture(scope="module")
def server(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RekognitionServer]:
    """A server over the portraits, at the time of the machine, as the client signs with its own clock."""
    home, clock = tmp_path_factory.mktemp("rekognition") / "ws", Clock(datetime.now(UTC))
    with copied_gallery(portraits, home, clock) as world, rekognition_serving(world) as served:
        yield served


@pytest.fixture(scope="module")
def client(server: RekognitionServer) -> Any:
    return server.client()


@pytest.fixture
def collection(client: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty collection."""
    called = f"Of.{request.node.name[:40]}".replace("[", "-").replace("]", "")
    client.create_collection(CollectionId=called)
    yield called
    client.delete_collection(CollectionId=called)


def other_bytes(portrait: bytes) -> bytes:
    """Return a portrait in a file of its own: what is erased is not taken again, wherever it comes from."""
    return encoded(Image.open(io.BytesIO(portrait)).convert("RGB"), "JPEG", quality=90)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def refusal(client: Any, collection: str, untrusted: bytes) -> pytest.ExceptionInfo[ClientError]:
    """Return how the server refuses to enrol a picture."""
    with pytest.raises(ClientError) as refused:
        client.index_faces(CollectionId=collection, Image={"Bytes": untrusted})
    return refused


def faces_of(client: Any, collection: str, **more: Any) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = client.list_faces(CollectionId=collection, **more)["Faces"]
    return listed


# ---------------------------------------------------------------- what programs call


def test_what_the_program_of_awss_examples_calls(server: RekognitionServer, client: Any) -> None:
    """Its calls in their order, with its arguments; its own file is run by hand (docs/reference/rekognition.md)."""
    called = "doc-example-collection-demo"
    made = client.create_collection(CollectionId=called)
    assert made["StatusCode"] == 200
    described = client.describe_collection(CollectionId=called)
    assert (described["FaceCount"], described["UserCount"]) == (0, 0)
    assert abs(described["CreationTimestamp"] - datetime.now(UTC)) < timedelta(hours=1)
    for name, picture in (("sitting", ARDERN), ("hopping", LATER), ("biking", OBAMA)):
        indexed = client.index_faces(
            CollectionId=called,
            Image={"Bytes": picture},
            ExternalImageId=name,
            MaxFaces=10,
            DetectionAttributes=["ALL"],
        )
        (record,) = indexed["FaceRecords"]
        assert record["Face"]["ExternalImageId"] == name
        assert indexed["UnindexedFaces"] == []
        assert not NEVER & record["FaceDetail"].keys()
    faces = faces_of(client, called, MaxResults=10)
    assert [face["ExternalImageId"] for face in faces] == ["sitting", "hopping", "biking"]
    found = client.search_faces(CollectionId=called, FaceId=faces[0]["FaceId"], FaceMatchThreshold=80, MaxFaces=10)
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [faces[1]["FaceId"]]
    found = client.search_faces_by_image(
        CollectionId=called, Image={"Bytes": ARDERN}, FaceMatchThreshold=80, MaxFaces=10
    )
    assert [match["Face"]["ExternalImageId"] for match in found["FaceMatches"]] == ["sitting", "hopping"]
    similar = [match["Similarity"] for match in found["FaceMatches"]]
    assert similar[0] == pytest.approx(100)
    assert 80 <= similar[1] < 100
    box = found["SearchedFaceBoundingBox"]
    assert all(0 < box[side] < 1 for side in ("Left", "Top", "Width", "Height"))
    assert client.delete_collection(CollectionId=called)["StatusCode"] == 200
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_collection(CollectionId=called)
    actions = server.world.actions()
    assert [actions.count(action) for action in ("source_registered", "source_withdrawn")].count(0) == 0


def test_what_double_take_calls(client: Any) -> None:
    """It makes its collection if there is none, trains, recognises with the threshold of AWS, and removes."""
    called = "double-take"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_collection(CollectionId=called)
    client.create_collection(CollectionId=called)
    trained = client.index_faces(CollectionId=called, Image={"Bytes": other_bytes(ARDERN)})
    (key,) = [record["Face"]["FaceId"] for record in trained["FaceRecords"]]
    found = client.search_faces_by_image(CollectionId=called, Image={"Bytes": LATER})
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [key]
    stranger = client.search_faces_by_image(CollectionId=called, Image={"Bytes": OBAMA})
    assert stranger["FaceMatches"] == []
    with pytest.raises(client.exceptions.InvalidParameterException, match="no faces in the image") as nobody:
        client.search_faces_by_image(CollectionId=called, Image={"Bytes": FACELESS})
    assert nobody.value.response["Error"]["Message"] == "There are no faces in the image. Should be at least 1."
    removed = client.delete_faces(CollectionId=called, FaceIds=[key])
    assert removed["DeletedFaces"] == [key]
    assert faces_of(client, called) == []
    with pytest.raises(client.exceptions.InvalidParameterException, match="erased before"):
        client.index_faces(CollectionId=called, Image={"Bytes": other_bytes(ARDERN)})
    client.delete_collection(CollectionId=called)


def test_faces_in_a_group_beyond_the_most_are_told_and_not_enrolled(client: Any, collection: str) -> None:
    group = side_by_side("ardern-2018.jpg", "obama.jpg")
    indexed = client.index_faces(CollectionId=collection, Image={"Bytes": group}, MaxFaces=1)
    assert len(indexed["FaceRecords"]) == 1
    assert [face["Reasons"] for face in indexed["UnindexedFaces"]] == [["EXCEEDS_MAX_FACES"]]
    assert len(faces_of(client, collection)) == 1
    again = client.index_faces(CollectionId=collection, Image={"Bytes": group}, ExternalImageId="again", MaxFaces=1)
    assert [record["Face"]["FaceId"] for record in again["FaceRecords"]] == [
        record["Face"]["FaceId"] for record in indexed["FaceRecords"]
    ]
    nobody = client.index_faces(CollectionId=collection, Image={"Bytes": FACELESS})
    assert (nobody["FaceRecords"], nobody["UnindexedFaces"]) == ([], [])


def test_lists_come_in_parts(client: Any, collection: str) -> None:
    for picture in (ARDERN, LATER, OBAMA):
        client.index_faces(CollectionId=collection, Image={"Bytes": picture})
    first = client.list_faces(CollectionId=collection, MaxResults=2)
    rest = client.list_faces(CollectionId=collection, MaxResults=2, NextToken=first["NextToken"])
    assert (len(first["Faces"]), len(rest["Faces"]), "NextToken" in rest) == (2, 1, False)
    token = first["NextToken"]
    assert json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))) == [first["Faces"][1]["FaceId"]]
    pages = client.get_paginator("list_collections").paginate(PaginationConfig={"PageSize": 1})
    listed = [called for page in pages for called in page["CollectionIds"]]
    assert {collection, MODEL} <= set(listed)
    assert len(listed) == len(set(listed))
    for token in ("nonsense", "WyJhIl0"):
        with pytest.raises(client.exceptions.InvalidPaginationTokenException):
            client.list_faces(CollectionId=collection, NextToken=token)


def test_users_have_faces_and_are_found(client: Any, collection: str) -> None:
    keys = [
        client.index_faces(CollectionId=collection, Image={"Bytes": picture})["FaceRecords"][0]["Face"]["FaceId"]
        for picture in (ARDERN, LATER, OBAMA)
    ]
    for called in ("jacinda", "barack"):
        client.create_user(CollectionId=collection, UserId=called)
    with pytest.raises(client.exceptions.ConflictException):
        client.create_user(CollectionId=collection, UserId="barack")
    client.associate_faces(CollectionId=collection, UserId="barack", FaceIds=[keys[2]])
    given = client.associate_faces(CollectionId=collection, UserId="jacinda", FaceIds=[keys[0], keys[2]])
    assert given["AssociatedFaces"] == [{"FaceId": keys[0]}]
    assert given["UnsuccessfulFaceAssociations"][0]["Reasons"] == ["ASSOCIATED_TO_A_DIFFERENT_USER"]
    assert [face["FaceId"] for face in faces_of(client, collection, UserId="jacinda")] == [keys[0]]
    by_image = client.search_users_by_image(CollectionId=collection, Image={"Bytes": LATER})
    assert [match["User"]["UserId"] for match in by_image["UserMatches"]] == ["jacinda"]
    by_face = client.search_users(CollectionId=collection, FaceId=keys[1])
    assert [match["User"]["UserId"] for match in by_face["UserMatches"]] == ["jacinda"]
    client.associate_faces(CollectionId=collection, UserId="jacinda", FaceIds=[keys[1]])
    by_user = client.search_users(CollectionId=collection, UserId="jacinda")
    assert by_user["UserMatches"] == []
    assert len(client.list_users(CollectionId=collection, MaxResults=1)["Users"]) == 1
    taken = client.disassociate_faces(CollectionId=collection, UserId="jacinda", FaceIds=[keys[0], keys[2]])
    assert taken["DisassociatedFaces"] == [{"FaceId": keys[0]}]
    client.delete_user(CollectionId=collection, UserId="jacinda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.delete_user(CollectionId=collection, UserId="jacinda")
    assert {user["UserId"] for user in client.list_users(CollectionId=collection)["Users"]} == {"barack"}


def test_faces_are_detected_and_compared_on_the_record_and_nothing_is_kept(
    server: RekognitionServer, client: Any
) -> None:
    group = side_by_side("ardern-2018.jpg", "obama.jpg")
    (seen,) = client.detect_faces(Image={"Bytes": ARDERN}, Attributes=["ALL"])["FaceDetails"]
    assert not NEVER & seen.keys()
    assert {point["Type"] for point in seen["Landmarks"]} >= {"eyeLeft", "eyeRight", "nose"}
    assert client.detect_faces(Image={"Bytes": FACELESS})["FaceDetails"] == []
    compared = client.compare_faces(SourceImage={"Bytes": LATER}, TargetImage={"Bytes": group})
    assert (len(compared["FaceMatches"]), len(compared["UnmatchedFaces"])) == (1, 1)
    assert compared["FaceMatches"][0]["Similarity"] >= 80
    with pytest.raises(client.exceptions.InvalidParameterException, match="no faces"):
        client.compare_faces(SourceImage={"Bytes": LATER}, TargetImage={"Bytes": FACELESS})
    actions = server.world.actions()[-3:]
    assert actions == ["faces_detected", "faces_detected", "compared"]
    assert group not in server.world.stored_bytes()


# ---------------------------------------------------------------- what it is told if it is wrong


def test_a_picture_that_cannot_be_used_is_refused_as_aws_does(client: Any, collection: str) -> None:
    bad = [untrusted for untrusted, error in bad_pictures().values() if error is not None and len(untrusted) < MEBI]
    told = [code_of(refusal(client, collection, untrusted)) for untrusted in bad if untrusted]
    assert len(told) > 5
    assert set(told) == {"InvalidImageFormatException"}
    with pytest.raises(client.exceptions.ImageTooLargeException):
        client.detect_faces(Image={"Bytes": bytes(2 * MEBI)})
    with pytest.raises(client.exceptions.InvalidS3ObjectException, match="LINEAMENT_BUCKETS_SECRET"):
        client.detect_faces(Image={"S3Object": {"Bucket": "faces", "Name": "a.jpg"}})
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.detect_faces(Image={})
    assert faces_of(client, collection) == []


def test_what_is_not_there_or_there_already(client: Any, collection: str) -> None:
    with pytest.raises(client.exceptions.ResourceAlreadyExistsException):
        client.create_collection(CollectionId=collection, Tags={"again": "yes"})  # else it may be signed alike
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="The collection id: nowhere does not exist"):
        client.list_faces(CollectionId="nowhere")
    unknown = "00000000-0000-0000-0000-000000000000"
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.search_faces(CollectionId=collection, FaceId=unknown)
    deleted = client.delete_faces(CollectionId=collection, FaceIds=[unknown])
    assert deleted["UnsuccessfulFaceDeletions"] == [{"FaceId": unknown, "Reasons": ["FACE_NOT_FOUND"]}]
    with pytest.raises(client.exceptions.AccessDeniedException):
        client.delete_collection(CollectionId=MODEL)
    with pytest.raises(ClientError) as unknown_operation:
        client.detect_labels(Image={"Bytes": ARDERN})
    assert code_of(unknown_operation) == "UnknownOperationException"


def test_a_key_does_only_what_it_may(server: RekognitionServer, collection: str) -> None:
    only_reads = key_for(server.world, Permission.READ_SOURCES, sources=(MODEL,), signs=True)
    reading = rekognition_client(server.url, only_reads.key.id, only_reads.key.signing_secret or "")
    with pytest.raises(reading.exceptions.AccessDeniedException):
        reading.search_faces_by_image(CollectionId=collection, Image={"Bytes": ARDERN})
    with pytest.raises(reading.exceptions.AccessDeniedException):
        reading.index_faces(CollectionId=collection, Image={"Bytes": ARDERN})
    elsewhere = key_for(server.world, *RIGHTS, case=CASE.ref, sources=("portraits",), signs=True)
    other = rekognition_client(server.url, elsewhere.key.id, elsewhere.key.signing_secret or "")
    with pytest.raises(other.exceptions.ResourceNotFoundException):
        other.describe_collection(CollectionId=collection)
    assert other.list_collections()["CollectionIds"] == ["portraits"]


FACE = "00000000-0000-0000-0000-000000000000"
SENT: dict[str, dict[str, Any]] = {
    "create_collection": {"CollectionId": "a"},
    "list_collections": {},
    "describe_collection": {"CollectionId": "a"},
    "delete_collection": {"CollectionId": "a"},
    "index_faces": {"CollectionId": "a", "Image": {"Bytes": b"a"}},
    "list_faces": {"CollectionId": "a"},
    "delete_faces": {"CollectionId": "a", "FaceIds": [FACE]},
    "search_faces": {"CollectionId": "a", "FaceId": FACE},
    "search_faces_by_image": {"CollectionId": "a", "Image": {"Bytes": b"a"}},
    "compare_faces": {"SourceImage": {"Bytes": b"a"}, "TargetImage": {"Bytes": b"a"}},
    "detect_faces": {"Image": {"Bytes": b"a"}},
    "create_user": {"CollectionId": "a", "UserId": "a"},
    "delete_user": {"CollectionId": "a", "UserId": "a"},
    "list_users": {"CollectionId": "a"},
    "associate_faces": {"CollectionId": "a", "UserId": "a", "FaceIds": [FACE]},
    "disassociate_faces": {"CollectionId": "a", "UserId": "a", "FaceIds": [FACE]},
    "search_users": {"CollectionId": "a", "UserId": "a"},
    "search_users_by_image": {"CollectionId": "a", "Image": {"Bytes": b"a"}},
}


def test_every_operation_refuses_a_key_without_the_right_and_records_nothing(server: RekognitionServer) -> None:
    key = key_for(server.world, Permission.READ_USAGE, signs=True)
    client = rekognition_client(server.url, key.key.id, key.key.signing_secret or "")
    assert {name.replace("_", "") for name in SENT} == {name.lower() for name in OPERATIONS}
    before = server.world.ledger_size()
    told = {name: code_of(_refused(client, name, said)) for name, said in SENT.items()}
    assert told == dict.fromkeys(SENT, "AccessDeniedException")
    assert server.world.ledger_size() == before


def _refused(client: Any, name: str, said: dict[str, Any]) -> pytest.ExceptionInfo[ClientError]:
    with pytest.raises(ClientError) as refused:
        getattr(client, name)(**said)
    return refused


@pytest.mark.parametrize(
    ("key_id", "secret", "code"),
    [
        (None, "another secret", "InvalidSignatureException"),
        ("0" * 16, None, "UnrecognizedClientException"),
        ("%00", None, "UnrecognizedClientException"),
    ],
)
def test_a_forged_signature_and_an_unknown_key_are_refused(
    server: RekognitionServer, key_id: str | None, secret: str | None, code: str
) -> None:
    key = server.key.key
    forged = rekognition_client(server.url, key_id or key.id, secret or key.signing_secret or "")
    with pytest.raises(ClientError) as refused:
        forged.list_collections()
    assert (code_of(refused), refused.value.response["ResponseMetadata"]["HTTPStatusCode"]) == (code, 403)


def test_a_key_that_ended_or_was_revoked_is_refused(server: RekognitionServer) -> None:
    world = server.world
    key = key_for(world, Permission.READ_SOURCES, signs=True)
    client = rekognition_client(server.url, key.key.id, key.key.signing_secret or "")
    assert MODEL in client.list_collections()["CollectionIds"]
    world.machine.api_keys.revoke(key.key.id)
    with pytest.raises(ClientError) as refused:
        client.list_collections()
    assert code_of(refused) == "UnrecognizedClientException"


# ---------------------------------------------------------------- requests that no client makes


def signed_by_hand(server: RekognitionServer, target: str, body: bytes, at: datetime | None = None) -> dict[str, str]:
    """Return the headers of a request that was signed with the key of the server, at that time or now."""
    key = server.key.key
    headers = {"X-Amz-Target": f"RekognitionService.{target}", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest(method="POST", url=f"{server.url}{ADDRESS}", data=body, headers=headers)
    signer = SigV4Auth(Credentials(key.id, key.signing_secret or ""), "rekognition", "eu-central-1")
    if at is None:
        signer.add_auth(request)
    else:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("botocore.auth.get_current_datetime", lambda: at)
            signer.add_auth(request)
    return dict(request.headers)


def sent(server: RekognitionServer, headers: dict[str, str], body: bytes) -> tuple[int, str, str]:
    """Send a request; return its status, and the name and the words of the error."""
    answer = httpx.post(f"{server.url}{ADDRESS}", headers=headers, content=body, timeout=60)
    content = answer.json()
    assert answer.headers.get("x-amzn-errortype", "") == content.get("__type", "")
    return answer.status_code, content.get("__type", ""), content.get("message", "")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_shifted_clock_is_refused(server: RekognitionServer, minutes: int) -> None:
    body, now = b"{}", server.world.clock.at
    near = signed_by_hand(server, "ListCollections", body, now + timedelta(minutes=minutes * 7 / 8))
    assert sent(server, near, body)[0] == 200
    far = signed_by_hand(server, "ListCollections", body, now + timedelta(minutes=minutes))
    assert sent(server, far, body)[:2] == (403, "InvalidSignatureException")


def test_a_request_that_is_sent_again_is_refused_unless_it_only_reads(server: RekognitionServer) -> None:
    body = json.dumps({"CollectionId": "replayed"}).encode()
    headers = signed_by_hand(server, "CreateCollection", body)
    assert sent(server, headers, body)[0] == 200
    status, name, words = sent(server, headers, body)
    assert (status, name) == (403, "InvalidSignatureException")
    assert "sent before" in words
    reading = signed_by_hand(server, "DescribeCollection", body)
    assert [sent(server, reading, body)[0] for _ in range(2)] == [200, 200]
    server.client().delete_collection(CollectionId="replayed")


def test_another_body_target_or_region_than_was_signed_is_refused(server: RekognitionServer) -> None:
    body = json.dumps({"CollectionId": "changed"}).encode()
    headers = signed_by_hand(server, "CreateCollection", body)
    other_target = headers | {"X-Amz-Target": "RekognitionService.DeleteCollection"}
    other_region = headers | {"Authorization": headers["Authorization"].replace("eu-central-1", "us-east-1")}
    answers = [
        sent(server, headers, body.replace(b"changed", b"another")),
        sent(server, other_target, body),
        sent(server, other_region, body),
    ]
    assert [answer[:2] for answer in answers] == [(403, "InvalidSignatureException")] * 3
    assert "changed" not in server.client().list_collections()["CollectionIds"]


def test_requests_without_a_signature_or_with_nonsense_in_them(server: RekognitionServer) -> None:
    unsigned = sent(server, {"X-Amz-Target": "RekognitionService.ListFaces"}, b"{}")
    assert unsigned[:2] == (403, "MissingAuthenticationTokenException")
    bearer = {"Authorization": f"Bearer {server.key.text}", "X-Amz-Target": "RekognitionService.ListFaces"}
    assert sent(server, bearer, b"{}")[1] == "InvalidSignatureException"
    nonsense = [b"", b"[]", b"{", b'"a"', b"\xff", b"[" * 100_000]
    nonsense += [b'{"CollectionId": "..\\u0000"}', b'{"CollectionId": 1}']
    told = [sent(server, signed_by_hand(server, "DescribeCollection", body), body) for body in nonsense]
    assert [answer[:2] for answer in told] == [(400, "InvalidParameterException")] * len(nonsense)
    infinite = b'{"CollectionId": "a", "FaceId": "00000000-0000-0000-0000-000000000000", "FaceMatchThreshold": NaN}'
    answer = sent(server, signed_by_hand(server, "SearchFaces", infinite), infinite)
    assert answer[1] == "InvalidParameterException"


def test_there_is_one_address_and_one_method(server: RekognitionServer) -> None:
    answers = [httpx.get(f"{server.url}{ADDRESS}"), httpx.post(f"{server.url}{ADDRESS}faces")]
    told = [(answer.status_code, answer.json()["__type"]) for answer in answers]
    assert told == [(405, "UnknownOperationException"), (404, "UnknownOperationException")]
    assert answers[0].headers["allow"] == "POST"


def test_a_body_that_is_announced_as_huge_is_refused_before_it_is_read(server: RekognitionServer) -> None:
    headers = signed_by_hand(server, "IndexFaces", b"{}") | {"Content-Length": str(10 * 10**9)}
    place = urlsplit(server.url)
    lines = [f"POST {ADDRESS} HTTP/1.1", f"Host: {place.netloc}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = connection.makefile("rb").read().decode()
    assert "413" in answer.partition("\r\n")[0]
    assert "ImageTooLargeException" in answer


def test_a_search_is_in_the_case_of_the_key_and_for_its_reason(server: RekognitionServer, collection: str) -> None:
    server.client().index_faces(CollectionId=collection, Image={"Bytes": ARDERN})
    server.client().search_faces_by_image(CollectionId=collection, Image={"Bytes": LATER})
    *_, details = _details(server.world)
    assert server.key.key.reason in details
    assert server.key.key.id in details


def _details(world: World) -> list[str]:
    with world.workspace.store.read() as tx:
        rows = [row for row in tx.ledger.entries(0, tx.ledger.size()) if row.action == "search"]
    return [str(row.details) for row in rows]
