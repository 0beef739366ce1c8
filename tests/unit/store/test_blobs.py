"""The blob folder: its files, and what becomes of them when they are altered or the disk is full.

What every implementation does is in tests/contract/test_blobs.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lineament.errors import Damaged, StorageFull
from lineament.store.blobs import BlobFolder
from lineament.store.keys import DataKey

KEY, OTHER = DataKey(bytes(32)), DataKey(b"\1" * 32)
PORTRAIT = (Path(__file__).parents[3] / "src/lineament/demo/obama.jpg").read_bytes()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobFolder:
    return BlobFolder(tmp_path / "blobs")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_picture_comes_back(blobs: BlobFolder, tmp_path: Path) -> None:
    address = blobs.put(KEY, PORTRAIT)
    assert blobs.get(KEY, address) == PORTRAIT  # before the flush too
    blobs.flush()
    assert blobs.get(KEY, address) == PORTRAIT
    assert BlobFolder(tmp_path / "blobs").get(KEY, address) == PORTRAIT
    assert list(blobs.addresses()) == [address]


def test_nothing_of_a_picture_or_its_digest_lies_open(blobs: BlobFolder, tmp_path: Path) -> None:
    import hashlib

    blobs.put(KEY, PORTRAIT)
    blobs.flush()
    (path,) = files(tmp_path)
    assert hashlib.sha256(PORTRAIT).hexdigest() not in str(path)
    sealed = path.read_bytes()
    assert all(PORTRAIT[at : at + 16] not in sealed for at in range(0, len(PORTRAIT), 997))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_same_picture_is_kept_once_a_key(blobs: BlobFolder, tmp_path: Path) -> None:
    first = blobs.put(KEY, PORTRAIT)
    assert blobs.put(KEY, PORTRAIT) == first
    blobs.flush()
    written = files(tmp_path)[0].stat()
    assert blobs.put(KEY, PORTRAIT) == first
    blobs.flush()
    assert files(tmp_path)[0].stat().st_ino == written.st_ino
    second = blobs.put(OTHER, PORTRAIT)
    blobs.flush()
    assert sorted([first, second]) == list(blobs.addresses())


def test_a_picture_bears_its_name_only_when_it_is_durable(blobs: BlobFolder, tmp_path: Path) -> None:
    blobs.put(KEY, PORTRAIT)
    assert list(blobs.addresses()) == []
    assert [path.parent.name for path in files(tmp_path)] == ["unfinished"]
    blobs.flush()
    assert len(list(blobs.addresses())) == 1


@pytest.mark.parametrize("at", [0, 5, 12, 100, -1])
def test_an_altered_picture_is_damaged_and_named(blobs: BlobFolder, tmp_path: Path, at: int) -> None:
    address = blobs.put(KEY, PORTRAIT)
    blobs.flush()
    (path,) = files(tmp_path)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(Damaged, match=address):
        blobs.get(KEY, address)


@pytest.mark.parametrize("length", [0, 11, 12, 27, 28, 5000])
def test_a_truncated_picture_is_damaged(blobs: BlobFolder, tmp_path: Path, length: int) -> None:
    address = blobs.put(KEY, PORTRAIT)
    blobs.flush()
    os.truncate(files(tmp_path)[0], length)
    with pytest.raises(Damaged, match=address):
        blobs.get(KEY, address)


def test_a_missing_picture_is_damaged(blobs: BlobFolder, tmp_path: Path) -> None:
    address = blobs.put(KEY, PORTRAIT)
    blobs.flush()
    files(tmp_path)[0].unlink()
    with pytest.raises(Damaged, match="missing"):
        blobs.get(KEY, address)
    with pytest.raises(Damaged, match="missing"):
        blobs.get(KEY, "ab" * 32)


def test_a_folder_in_its_place_is_damage(blobs: BlobFolder, tmp_path: Path) -> None:
    address = blobs.put(KEY, PORTRAIT)
    blobs.flush()
    (path,) = files(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(Damaged, match=address):
        blobs.get(KEY, address)


def test_pictures_that_changed_places_are_damaged(blobs: BlobFolder, tmp_path: Path) -> None:
    addresses = [blobs.put(KEY, b"one"), blobs.put(KEY, b"two")]
    blobs.flush()
    first, second = files(tmp_path)
    contents = first.read_bytes(), second.read_bytes()
    first.write_bytes(contents[1])
    second.write_bytes(contents[0])
    for address in addresses:
        with pytest.raises(Damaged):
            blobs.get(KEY, address)


def test_a_deleted_picture_is_gone(blobs: BlobFolder, tmp_path: Path) -> None:
    addresses = [blobs.put(KEY, bytes([number])) for number in range(20)]
    blobs.flush()
    blobs.delete([addresses[0], addresses[0], *addresses[1:5], "ab" * 32])
    assert list(blobs.addresses()) == sorted(addresses[5:])
    assert len(files(tmp_path)) == 15
    again = blobs.put(KEY, bytes([0]))
    blobs.flush()
    assert blobs.get(KEY, again) == bytes([0])


def test_files_of_a_crashed_writer_are_deleted_later(blobs: BlobFolder, tmp_path: Path) -> None:
    blobs.put(KEY, b"old")
    (old,) = files(tmp_path)
    os.utime(old, (time.time() - 7200,) * 2)
    fresh = BlobFolder(tmp_path / "blobs")
    fresh.put(KEY, b"new")
    BlobFolder(tmp_path / "blobs")
    assert len(files(tmp_path)) == 1
    fresh.flush()
    assert len(list(fresh.addresses())) == 1


LIMITED = """
import resource, sys
from pathlib import Path
from lineament.errors import StorageFull
from lineament.store.blobs import BlobFolder
from lineament.store.keys import DataKey
blobs = BlobFolder(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
small = blobs.put(DataKey(bytes(32)), b"small")
try:
    blobs.put(DataKey(bytes(32)), bytes(20_000))
except StorageFull as error:
    print(error)
blobs.flush()
assert list(blobs.addresses()) == [small]
"""


def test_no_half_file_is_left_where_a_file_may_not_grow(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", LIMITED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "The disk at" in done.stdout
    assert len(files(tmp_path)) == 1


FULL = """
import sys
from pathlib import Path
from lineament.errors import StorageFull
from lineament.store.blobs import BlobFolder
from lineament.store.keys import DataKey
folder, key, kept = Path(sys.argv[1]) / "full", DataKey(bytes(32)), []
blobs = BlobFolder(folder)
try:
    for number in range(1000):
        address = blobs.put(key, number.to_bytes(2, "big") * 10_000)
        blobs.flush()
        kept.append(address)
except StorageFull as error:
    print("FULL", error)
assert kept and list(blobs.addresses()) == sorted(kept)
assert [path for path in (folder / "unfinished").iterdir()] == []
for number, address in enumerate(kept):
    assert blobs.get(key, address) == number.to_bytes(2, "big") * 10_000
"""


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    mount = f"mount -t tmpfs -o size=2m none {tmp_path}/full"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small file system")
    script = f'{mount} && exec "$0" -W error -c "$1" "$2"'
    command = ["unshare", "-rm", "sh", "-c", script, sys.executable, FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "FULL The disk at" in done.stdout


def test_a_flush_that_fails_forgets_what_was_put(
    blobs: BlobFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, os.strerror(28))

    address = blobs.put(KEY, PORTRAIT)
    with monkeypatch.context() as patch:
        patch.setattr(
            os, "fsync", fail
        )  # the operating system reports a failure only once, so a second try proves nothing
        with pytest.raises(StorageFull):
            blobs.flush()
    assert files(tmp_path) == []
    blobs.flush()
    with pytest.raises(Damaged):
        blobs.get(KEY, address)
    assert blobs.put(KEY, PORTRAIT) == address
    blobs.flush()
    assert blobs.get(KEY, address) == PORTRAIT
