"""What every implementation of Blobs does: the folder, the bucket, and the one in memory that tests may use."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.s3_service import S3Service

from lineament.errors import Damaged, InvalidValue
from lineament.store.blobs import BlobFolder, Blobs
from lineament.store.blobs_s3 import BlobBucket
from lineament.store.keys import DataKey
from lineament.testing import MemoryBlobs

KEY, OTHER = DataKey(bytes(32)), DataKey(b"\1" * 32)
PORTRAIT = (Path(__file__).parents[2] / "src/lineament/demo/obama.jpg").read_bytes()


@pytest.fixture(params=["folder", "memory", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blobs]:
    if request.param == "bucket":
        service: S3Service = request.getfixturevalue("s3_service")
        in_bucket = BlobBucket(service.place(), "a workspace")
        in_bucket.claim()
        yield in_bucket
        in_bucket.close()
    else:
        yield BlobFolder(tmp_path / "blobs") if request.param == "folder" else MemoryBlobs()


def test_it_implements_the_port(blobs: Blobs) -> None:
    assert isinstance(blobs, Blobs)


def test_a_picture_comes_back_before_and_after_the_flush(blobs: Blobs) -> None:
    address = blobs.put(KEY, PORTRAIT)
    assert blobs.missing([address]) == set()
    assert blobs.get(KEY, address) == PORTRAIT
    blobs.flush()
    assert blobs.missing([address]) == set()
    assert blobs.get(KEY, address) == PORTRAIT


def test_pictures_are_listed_in_order(blobs: Blobs) -> None:
    assert list(blobs.addresses()) == []
    addresses = [blobs.put(KEY, bytes([number])) for number in range(9)]
    blobs.flush()
    assert list(blobs.addresses()) == sorted(addresses)


def test_what_nobody_put_since_a_moment_is_listed(blobs: Blobs) -> None:
    first, second = blobs.put(KEY, b"first"), blobs.put(KEY, b"second")
    blobs.flush()
    assert list(blobs.put_before(time.time() - 60)) == []
    deadline = time.monotonic() + 60
    while list(blobs.put_before(between := time.time())) != sorted([first, second]):
        assert time.monotonic() < deadline, "a service tells times in whole seconds"
        time.sleep(0.05)
    time.sleep(0.05)  # the clock of files ticks some times a second
    assert blobs.put(KEY, b"first") == first
    blobs.flush()
    assert list(blobs.put_before(between)) == [second]


def test_the_same_picture_is_kept_once_for_each_key(blobs: Blobs) -> None:
    first = blobs.put(KEY, PORTRAIT)
    assert blobs.put(KEY, PORTRAIT) == first
    blobs.flush()
    assert blobs.put(KEY, PORTRAIT) == first
    second = blobs.put(OTHER, PORTRAIT)
    assert second != first
    blobs.flush()
    assert list(blobs.addresses()) == sorted([first, second])


def test_a_missing_picture_is_damaged_and_named(blobs: Blobs) -> None:
    assert blobs.missing(["ab" * 32]) == {"ab" * 32}
    with pytest.raises(Damaged, match="ab" * 32):
        blobs.get(KEY, "ab" * 32)


def test_a_deleted_picture_is_gone_and_can_be_put_again(blobs: Blobs) -> None:
    addresses = [blobs.put(KEY, bytes([number])) for number in range(9)]
    blobs.flush()
    blobs.delete([addresses[0], addresses[0], *addresses[1:5], "ab" * 32])
    blobs.delete([])
    assert blobs.missing(addresses) == set(addresses[:5])
    assert list(blobs.addresses()) == sorted(addresses[5:])
    with pytest.raises(Damaged):
        blobs.get(KEY, addresses[0])
    assert blobs.put(KEY, bytes([0])) == addresses[0]
    blobs.flush()
    assert blobs.get(KEY, addresses[0]) == bytes([0])


def test_it_says_where_pictures_are_kept(blobs: Blobs) -> None:
    blobs.require_reachable()
    assert blobs.examine()
    assert list(blobs.addresses()) == []


def test_an_empty_picture_comes_back(blobs: Blobs) -> None:
    address = blobs.put(KEY, b"")
    blobs.flush()
    assert blobs.get(KEY, address) == b""


def test_another_key_opens_nothing(blobs: Blobs) -> None:
    address = blobs.put(KEY, PORTRAIT)
    blobs.flush()
    with pytest.raises(Damaged, match=address):
        blobs.get(OTHER, address)


@pytest.mark.parametrize("address", ["", "../../etc/passwd", "AB" * 32, "ab" * 31, "ab" * 32 + "\n", "/" * 64])
def test_an_address_is_checked_before_it_is_used(blobs: Blobs, address: str) -> None:
    with pytest.raises(InvalidValue):
        blobs.get(KEY, address)
    with pytest.raises(InvalidValue):
        blobs.delete([address])
    with pytest.raises(InvalidValue):
        blobs.missing([address])


def test_threads_put_and_flush_at_once(blobs: Blobs) -> None:
    pictures = [bytes([number, other]) for number in range(20) for other in range(4)]
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for picture in pictures:
                address = blobs.put(KEY, picture)
                assert blobs.get(KEY, address) == picture
                blobs.flush()
                assert blobs.get(KEY, address) == picture
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(list(blobs.addresses())) == len(pictures)
