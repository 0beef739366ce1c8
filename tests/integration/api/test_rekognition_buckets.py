"""Images in buckets of a real S3 service, which Amazon Rekognition's own client names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.conftest import PORTRAITS
from tests.support.clock import Clock
from tests.support.programs import RIGHTS, key_for
from tests.support.rekognition import MODEL, RekognitionServer, rekognition_client, rekognition_serving
from tests.support.s3_service import BUCKET, READER, SECRET, S3Service
from tests.support.world import CASE, MEBI, World, copied_gallery

from lineament.api.compat.rekognition_faults import NOT_FETCHED
from lineament.model.accounts import Permission
from lineament.model.collections import Dialect
from lineament.model.sources import SourceTerms
from lineament.store.bucket import Bucket

ARDERN = (PORTRAITS / "ardern-2018.jpg").read_bytes()
LATER = (PORTRAITS / "ardern-2022.jpg").read_bytes()
UNNAMED, UNREACHED, VERSIONED = "unnamed", "unreached", "versioned"
REFUSED = "AccessDeniedException"
NAME = "front door/Zoë+1.jpg"


@pytest.fixture(scope="module")
def server(
    portraits: Path, s3_service: S3Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RekognitionServer]:
    """A server whose operator lets buckets of the service be read, with a source that names two of them."""
    folder = tmp_path_factory.mktemp("buckets")
    secret = folder / "secret"
    secret.write_text(f"{READER}\n{SECRET}\n")
    secret.chmod(0o600)
    port = s3_service.ports["s3"][0]
    objects = {NAME: ARDERN, "later.jpg": LATER, "large.jpg": bytes(MEBI + 1), "text.jpg": b"no picture"}
    for name, content in objects.items():
        Bucket(s3_service.place(prefix="")).put(name, content)
    for bucket in (UNNAMED, UNREACHED):
        Bucket(s3_service.place(bucket=bucket, prefix="")).put("a.jpg", ARDERN)
    s3_service.keep_versions(VERSIONED)
    named = (f"{BUCKET}.localhost:{port}", f"{VERSIONED}.localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}")
    reading = {"buckets_endpoint": f"http://localhost:{port}", "buckets_secret": secret}
    with copied_gallery(portraits, folder / "ws", Clock(datetime.now(UTC)), **reading) as world:
        world.machine.sources.add(
            SourceTerms(
                name="no-address",
                controller="Ministry",
                basis="Act 7",
                jurisdiction="NZ",
                hosts=(f"{UNREACHED}.localhost:{port}",),
            )
        )
        with rekognition_serving(world, named) as served:
            yield served


@pytest.fixture(scope="module")
def client(server: RekognitionServer) -> Any:
    return server.client()


@pytest.fixture(scope="module")
def collection(client: Any) -> str:
    client.create_collection(CollectionId="bucketed")
    return "bucketed"


def image(name: str, bucket: str = BUCKET, **more: str) -> dict[str, dict[str, str]]:
    return {"S3Object": {"Bucket": bucket, "Name": name, **more}}


def found_at(world: World, collection: str, key: str) -> str:
    """Return where the picture of a face was found, as the workspace keeps it."""
    desk = world.machine
    face = desk.collection_faces.get(desk.collections.get(Dialect.REKOGNITION, collection), key)
    with desk.record.read() as tx:
        return tx.captures.get(face.capture_id).provenance.uri


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Return the code and the words of a refusal."""
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def test_an_image_is_enrolled_with_where_it_was_and_found_with_another_of_the_bucket(
    server: RekognitionServer, client: Any, collection: str
) -> None:
    indexed = client.index_faces(CollectionId=collection, Image=image(NAME))
    (record,) = indexed["FaceRecords"]
    key = record["Face"]["FaceId"]
    assert found_at(server.world, collection, key) == f"s3://{BUCKET}/front%20door/Zo%C3%AB%2B1.jpg"
    found = client.search_faces_by_image(CollectionId=collection, Image=image("later.jpg"))
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [key]
    compared = client.compare_faces(SourceImage=image(NAME), TargetImage={"Bytes": LATER})
    assert len(compared["FaceMatches"]) == 1
    assert len(client.detect_faces(Image=image("later.jpg"))["FaceDetails"]) == 1


def test_a_version_is_fetched_as_named(s3_service: S3Service, client: Any) -> None:
    store = boto3.client(
        "s3",
        endpoint_url=s3_service.endpoint,
        region_name="us-east-1",
        aws_access_key_id="lineament",
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}),
    )
    first = store.put_object(Bucket=VERSIONED, Key="a.jpg", Body=ARDERN)["VersionId"]
    store.put_object(Bucket=VERSIONED, Key="a.jpg", Body=b"no picture")
    assert len(client.detect_faces(Image=image("a.jpg", VERSIONED, Version=first))["FaceDetails"]) == 1
    with pytest.raises(client.exceptions.InvalidImageFormatException):
        client.detect_faces(Image=image("a.jpg", VERSIONED))


@pytest.mark.parametrize(
    ("bucket", "name", "why"),
    [
        (UNNAMED, "a.jpg", "lists the host unnamed.localhost"),
        (UNREACHED, "a.jpg", "lists the host unreached.localhost"),
        (BUCKET, "absent.jpg", "no such bucket, object or version"),
        (BUCKET, "a/../later.jpg", "has “.” or “..”"),
        (BUCKET, "https://www.facebook.com/a.jpg", "social network"),
    ],
)
def test_what_may_not_or_cannot_be_fetched_is_refused_in_the_words_of_aws(
    client: Any, bucket: str, name: str, why: str
) -> None:
    code, words = refusal(lambda: client.detect_faces(Image=image(name, bucket)))
    assert code == "InvalidS3ObjectException"
    assert words.startswith(NOT_FETCHED)
    assert why in words


def test_only_the_source_concerned_counts_for_a_collection(client: Any, collection: str) -> None:
    code, words = refusal(lambda: client.index_faces(CollectionId=collection, Image=image("a.jpg", UNREACHED)))
    assert (code, "lists the host unreached.localhost" in words) == ("InvalidS3ObjectException", True)
    code, words = refusal(lambda: client.search_faces_by_image(CollectionId="portraits", Image=image(NAME)))
    assert code == "ResourceNotFoundException", "the key does not name that source"


def test_only_the_sources_of_the_key_count(server: RekognitionServer) -> None:
    key = key_for(server.world, *RIGHTS, case=CASE.ref, sources=("portraits",), signs=True)
    other = rekognition_client(server.url, key.key.id, key.key.signing_secret or "")
    code, words = refusal(lambda: other.detect_faces(Image=image(NAME)))
    assert (code, "no source concerned" in words) == ("InvalidS3ObjectException", True)
    key = key_for(server.world, *RIGHTS, case=CASE.ref, sources=("no-address",), signs=True)
    other = rekognition_client(server.url, key.key.id, key.key.signing_secret or "")
    code, words = refusal(lambda: other.detect_faces(Image=image("a.jpg", UNREACHED)))
    assert (code, "127.0.0.1 is a loopback address" in words) == ("InvalidS3ObjectException", True)


def test_an_image_that_is_too_large_or_none_is_refused(client: Any, collection: str) -> None:
    with pytest.raises(client.exceptions.ImageTooLargeException):
        client.index_faces(CollectionId=collection, Image=image("large.jpg"))
    with pytest.raises(client.exceptions.InvalidImageFormatException):
        client.index_faces(CollectionId=collection, Image=image("text.jpg"))
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.detect_faces(Image={"Bytes": ARDERN, **image(NAME)})


def test_a_key_without_the_right_fetches_nothing(server: RekognitionServer, collection: str) -> None:
    key = key_for(server.world, Permission.READ_SOURCES, sources=(MODEL,), signs=True)
    reading = rekognition_client(server.url, key.key.id, key.key.signing_secret or "")
    absent = image("absent.jpg")  # asking the bucket for it would be told as InvalidS3ObjectException
    calls: tuple[Callable[[], object], ...] = (
        lambda: reading.index_faces(CollectionId=collection, Image=absent),
        lambda: reading.search_faces_by_image(CollectionId=collection, Image=absent),
        lambda: reading.search_users_by_image(CollectionId=collection, Image=absent),
        lambda: reading.compare_faces(SourceImage=absent, TargetImage=absent),
        lambda: reading.detect_faces(Image=absent),
    )
    assert [refusal(call)[0] for call in calls] == [REFUSED] * 5


def test_nothing_is_fetched_for_what_the_gate_or_the_source_refuses(server: RekognitionServer) -> None:
    key = key_for(server.world, *RIGHTS, case=CASE.ref, sources=("no-address",), signs=True)
    other = rekognition_client(server.url, key.key.id, key.key.signing_secret or "")
    absent = image("absent.jpg", UNREACHED)  # asking the service for it would be told as InvalidS3ObjectException
    server.world.machine.sources.suspend("no-address")
    assert refusal(lambda: other.search_faces_by_image(CollectionId="no-address", Image=absent))[0] == REFUSED
    assert refusal(lambda: other.index_faces(CollectionId="no-address", Image=absent))[0] == REFUSED
    assert "no source concerned" in refusal(lambda: other.detect_faces(Image=absent))[1]
    server.world.machine.sources.resume("no-address")
    another = image("another.jpg", UNREACHED)  # else it may be signed alike
    assert "loopback" in refusal(lambda: other.index_faces(CollectionId="no-address", Image=another))[1]
