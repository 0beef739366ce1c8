"""What every implementation of Blobs does: the folder, and the one in memory that tests may use."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from lineament.errors import Damaged, InvalidValue
from lineament.store.blobs import BlobFolder, Blobs
from lineament.store.keys import DataKey
from lineament.testing import MemoryBlobs

KEY, OTHER = DataKey(bytes(32)), DataKey(b"\1" * 32)
PORTRAIT = (Path(__file__).parents[2] / "src/lineament/demo/obama.jpg").read_bytes()


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return BlobFolder(tmp_path / "blobs") if request.param == "folder" else MemoryBlobs()


def test_it_implements_the_port(blobs: Blobs) -> None:
    assert isinstance(blobs, Blobs)


def test_a_picture_comes_back_before_and_after_the_flush(blobs: Blobs) -> None:
    address = blobs.put(KEY, PORTRAIT)
    assert address in blobs
    assert blobs.get(KEY, address) == PORTRAIT
    blobs.flush()
    assert address in blobs
    assert blobs.get(KEY, address) == PORTRAIT


def test_only_durable_pictures_are_listed_in_order(blobs: Blobs) -> None:
    addresses = [blobs.put(KEY, bytes([number])) for number in range(9)]
    assert list(blobs.addresses()) == []
    blobs.flush()
    assert list(blobs.addresses()) == sorted(addresses)


def test_what_nobody_put_since_a_moment_is_listed(blobs: Blobs) -> None:
    first, second = blobs.put(KEY, b"first"), blobs.put(KEY, b"second")
    assert list(blobs.put_before(time.time() + 60)) == [], "not durable yet"
    blobs.flush()
    assert list(blobs.put_before(time.time() + 60)) == sorted([first, second])
    time.sleep(0.05)
    between = time.time()
    time.sleep(0.05)
    assert blobs.put(KEY, b"first") == first
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
    assert "ab" * 32 not in blobs
    with pytest.raises(Damaged, match="ab" * 32):
        blobs.get(KEY, "ab" * 32)


def test_a_deleted_picture_is_gone_and_can_be_put_again(blobs: Blobs) -> None:
    addresses = [blobs.put(KEY, bytes([number])) for number in range(9)]
    blobs.flush()
    for address in (addresses[0], addresses[0], *addresses[1:5], "ab" * 32):
        blobs.delete(address)
    blobs.flush()
    assert list(blobs.addresses()) == sorted(addresses[5:])
    with pytest.raises(Damaged):
        blobs.get(KEY, addresses[0])
    assert blobs.put(KEY, bytes([0])) == addresses[0]
    blobs.flush()
    assert blobs.get(KEY, addresses[0]) == bytes([0])


def test_an_empty_picture_comes_back(blobs: BlobFolder) -> None:
    address = blobs.put(KEY, b"")
    blobs.flush()
    assert blobs.get(KEY, address) == b""


def test_another_key_opens_nothing(blobs: BlobFolder) -> None:
    address = blobs.put(KEY, PORTRAIT)
    blobs.flush()
    with pytest.raises(Damaged, match=address):
        blobs.get(OTHER, address)


@pytest.mark.parametrize("address", ["", "../../etc/passwd", "AB" * 32, "ab" * 31, "ab" * 32 + "\n", "/" * 64])
def test_an_address_is_checked_before_it_is_used(blobs: BlobFolder, address: str) -> None:
    with pytest.raises(InvalidValue):
        blobs.get(KEY, address)
    with pytest.raises(InvalidValue):
        blobs.delete(address)


def test_threads_put_and_flush_at_once(blobs: BlobFolder) -> None:
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
