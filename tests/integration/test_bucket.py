"""What is special about pictures in a bucket: a real service that refuses, is away, keeps versions, or is another."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.s3_service import READER, S3Service

from lineament.errors import Damaged, InvalidValue, PicturesUnavailable, VersionsKept, WorkspaceExists
from lineament.store import blobs_s3
from lineament.store.blobs_s3 import CHECK, MARK, BlobBucket
from lineament.store.bucket import Bucket, BucketPlace, parse_place
from lineament.store.keys import DataKey

KEY = DataKey(bytes(32))


@pytest.fixture
def place(s3_service: S3Service) -> BucketPlace:
    return s3_service.place()


@pytest.fixture
def blobs(place: BucketPlace) -> Iterator[BlobBucket]:
    found = BlobBucket(place, "a workspace")
    found.claim()
    yield found
    found.close()


def test_what_is_in_the_bucket_is_sealed_and_bears_its_address(blobs: BlobBucket, place: BucketPlace) -> None:
    address = blobs.put(KEY, b"a face of somebody")
    blobs.flush()
    names = [listed.name for listed in Bucket(place).list()]
    assert names == sorted([f"{address[:2]}/{address}", CHECK, MARK])
    contents = [Bucket(place).get(name) or b"" for name in names]
    assert b"somebody" not in b"".join(contents)


def test_a_picture_that_is_moved_to_another_address_does_not_open(blobs: BlobBucket, place: BucketPlace) -> None:
    first, second = blobs.put(KEY, b"first"), blobs.put(KEY, b"second")
    blobs.flush()
    stolen = Bucket(place).get(f"{first[:2]}/{first}")
    assert stolen is not None
    Bucket(place).put(f"{second[:2]}/{second}", stolen)
    with pytest.raises(Damaged, match="altered"):
        blobs.get(KEY, second)


WRONG: dict[str, tuple[Callable[[BucketPlace], BucketPlace], str]] = {
    "secret": (lambda place: replace(place, secret="another"), "the secret does not belong to the access key"),
    "key": (lambda place: replace(place, access_key="nobody"), "does not know the access key"),
    "bucket": (lambda place: replace(place, bucket="nowhere"), "there is no such bucket"),
    "port": (lambda place: replace(place, endpoint="http://127.0.0.1:9"), "no connection"),
    "name": (lambda place: replace(place, endpoint="https://nowhere.invalid"), "no connection|its name is not known"),
    "prefix": (lambda place: replace(place, prefix="elsewhere"), "nothing of this workspace is in it"),
    "scheme": (lambda place: replace(place, endpoint=place.endpoint.replace("http:", "https:")), "connection"),
}


@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_what_cannot_be_reached_is_never_said_to_be_missing(
    blobs: BlobBucket, place: BucketPlace, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineament.store.bucket.BRISK", timedelta(seconds=1))
    address = blobs.put(KEY, b"a picture")
    blobs.flush()
    change, why = WRONG[wrong]
    other = BlobBucket(change(place), "a workspace")
    acts: list[Callable[[], object]] = [
        lambda: other.get(KEY, address),
        lambda: other.missing([address]),
        lambda: other.delete([address]),
        lambda: list(other.addresses()),
        lambda: list(other.put_before(time.time())),
        other.examine,
    ]
    for act in acts:
        with pytest.raises(PicturesUnavailable, match=why) as raised:
            act()
        assert "\n" not in str(raised.value)
        assert not re.search("another$|0123456789abcdef|<|retries", str(raised.value))
    other.close()
    assert blobs.get(KEY, address) == b"a picture"


def test_a_service_that_lost_everything_is_not_believed(blobs: BlobBucket, place: BucketPlace) -> None:
    address = blobs.put(KEY, b"a picture")
    blobs.flush()
    Bucket(place).delete([f"{address[:2]}/{address}"])
    with pytest.raises(Damaged, match="missing"):
        blobs.get(KEY, address)
    assert blobs.missing([address]) == {address}
    Bucket(place).delete([MARK])
    with pytest.raises(PicturesUnavailable, match="nothing of this workspace"):
        blobs.get(KEY, address)
    with pytest.raises(PicturesUnavailable, match="nothing of this workspace"):
        blobs.missing([address])


def test_two_workspaces_never_share_a_prefix(blobs: BlobBucket, place: BucketPlace) -> None:
    other = BlobBucket(place, "another workspace")
    with pytest.raises(WorkspaceExists):
        other.claim()
    with pytest.raises(PicturesUnavailable, match="another workspace"):
        list(other.put_before(time.time()))
    with pytest.raises(PicturesUnavailable, match="another workspace"):
        other.put(KEY, b"a picture")
    other.close()


def test_who_may_only_read_deletes_nothing_and_is_told(blobs: BlobBucket, place: BucketPlace) -> None:
    address = blobs.put(KEY, b"a picture")
    blobs.flush()
    reader = BlobBucket(replace(place, access_key=READER), "a workspace")
    assert reader.get(KEY, address) == b"a picture"
    with pytest.raises(PicturesUnavailable, match="the access key may not do this"):
        reader.delete([address])
    with pytest.raises(PicturesUnavailable, match="the access key may not do this"):
        Bucket(replace(place, access_key=READER)).delete([f"{address[:2]}/{address}"])
    reader.put(KEY, b"another picture")
    with pytest.raises(PicturesUnavailable, match="the access key may not do this"):
        reader.flush()
    assert blobs.missing([address]) == set()
    reader.close()


def test_a_bucket_that_keeps_versions_is_refused_and_deletes_nothing(s3_service: S3Service) -> None:
    s3_service.keep_versions("versions")
    place = s3_service.place(bucket="versions")
    with pytest.raises(VersionsKept, match="keeps every version"):
        BlobBucket(place, "a workspace").claim()


def test_versions_that_are_switched_on_later_stop_an_erasure(s3_service: S3Service) -> None:
    place = s3_service.place(bucket="later")
    blobs = BlobBucket(place, "a workspace")
    blobs.claim()
    address = blobs.put(KEY, b"a picture")
    blobs.flush()
    s3_service.keep_versions("later")
    with pytest.raises(VersionsKept):
        blobs.delete([address])
    assert blobs.missing([address]) == set()
    blobs.put(KEY, b"another picture")
    with pytest.raises(VersionsKept):
        blobs.flush()
    with pytest.raises(VersionsKept):
        blobs.examine()
    blobs.close()


def test_a_failed_flush_fails_for_every_thread_that_put(blobs: BlobBucket, place: BucketPlace) -> None:
    reader = BlobBucket(replace(place, access_key=READER), "a workspace")
    failed: list[str] = []
    both_put, first_flushed = threading.Barrier(2), threading.Event()

    def work(number: int) -> None:
        reader.put(KEY, bytes([number]))
        both_put.wait()
        if number:
            first_flushed.wait()
        try:
            reader.flush()
        except PicturesUnavailable as error:
            failed.append(str(error))
        first_flushed.set()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 2
    reader.flush()  # nothing was put since
    assert list(blobs.addresses()) == []
    reader.close()


def test_what_waits_for_upload_is_bounded(blobs: BlobBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs_s3, "MOST_WAITING", 100_000)
    most = 0
    uploaded = Bucket.put

    def watched(bucket: Bucket, name: str, content: bytes, *, new: bool = False) -> None:
        nonlocal most
        most = max(most, blobs.waiting)
        uploaded(bucket, name, content, new=new)

    monkeypatch.setattr(Bucket, "put", watched)
    pictures = [bytes([number]) * 40_000 for number in range(20)] + [b"large" * 50_000]
    addresses = [blobs.put(KEY, picture) for picture in pictures]
    blobs.flush()
    assert [blobs.get(KEY, address) for address in addresses] == pictures
    assert 40_000 <= most <= 250_100, "two of the small ones, or the large one alone"
    assert blobs.waiting == 0


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://bucket", None),
        ("s3://", None),
        ("s3://UPPER", None),
        ("s3://bucket/../other", "http://192.0.2.1:8333"),
        ("s3://bucket", "http://192.0.2.1:8333"),
        ("s3://bucket", "https://user:word@host"),
        ("s3://bucket", "https://host/path"),
        ("s3://bucket", "ftp://host"),
    ],
)
def test_an_address_that_cannot_be_is_refused(url: str, endpoint: str | None) -> None:
    with pytest.raises(InvalidValue) as raised:
        parse_place(url, endpoint, "eu-central-1")
    assert "word" not in str(raised.value)


def test_an_address_names_bucket_prefix_and_endpoint() -> None:
    amazon = "https://s3.eu-central-1.amazonaws.com"
    assert parse_place("s3://bucket/a/b/", None, "eu-central-1") == ("bucket", "a/b", amazon)
    assert parse_place("s3://bucket", "http://127.0.0.1:8333/", "x") == ("bucket", "", "http://127.0.0.1:8333")


def test_what_the_environment_says_to_other_programs_changes_nothing(
    place: BucketPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SESSION_TOKEN": "of somebody",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = Bucket(place)
    bucket.put("object", b"content")
    assert bucket.get("object") == b"content"
