"""7z archives, read by a worker; py7zr packs them, and is made to write what no packer writes."""

from __future__ import annotations

import io
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from py7zr import FILTER_COPY, SevenZipFile
from tests.support.folders import taken_and_refused

from lineament.errors import NotRead
from lineament.sources.archive import seven_zip
from lineament.sources.archive.connector import ArchiveConnector
from lineament.sources.archive.entries import entries
from lineament.sources.archive.seven_zip import PART, WHOLE
from lineament.sources.base import Item

LIMIT = 100_000
STORED = [{"id": FILTER_COPY}]


def packed(
    files: dict[str, bytes], change: Callable[[SevenZipFile], None] = lambda _: None, **options: object
) -> bytes:
    """Return an archive that ``change`` altered before its table of contents was written."""
    out = io.BytesIO()
    with SevenZipFile(out, "w", **options) as archive:  # type: ignore[arg-type]
        for name, data in files.items():
            archive.writef(io.BytesIO(data), name)
        change(archive)
    return out.getvalue()


def read(data: bytes, limit: int = LIMIT) -> dict[str, bytes | str]:
    """Return the bytes or refusal of each entry by name, and under “” why the archive ended early."""
    found: dict[str, bytes | str] = {}
    try:
        for entry in entries(io.BytesIO(data)):
            assert entry.name.decode() not in found
            found[entry.name.decode()] = str(entry.why_not) if entry.why_not else entry.read(limit)
    except NotRead as error:
        found[""] = str(error)
    return found


def items_of(data: bytes, folder: Path) -> dict[str, bytes | str]:
    """Return the picture or refusal by name."""
    (folder / "p.7z").write_bytes(data)
    start = f"{folder}/p.7z/"
    return {
        item.name.removeprefix(start): item.untrusted if isinstance(item, Item) else str(item.why)
        for item in taken_and_refused(ArchiveConnector(folder / "p.7z", None, LIMIT))
    }


def renamed(archive: SevenZipFile) -> None:
    for info in archive.header.files_info.files:
        info["filename"] = info["filename"].replace("UP", "..").replace("ROOT", "/").replace("SAME", "a")


def test_names_that_lead_out_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    files = {"a.jpg": b"1", "UP/b.jpg": b"2", "ROOT/c.jpg": b"3", "SAME.jpg": b"4", "d/ä.jpg": b"5"}
    found = items_of(packed(files | {"big.jpg": bytes(LIMIT + 1), "z.jpg": b"6"}, renamed), tmp_path)
    assert {name: outcome for name, outcome in found.items() if isinstance(outcome, bytes)} == {
        "d/ä.jpg": b"5",
        "z.jpg": b"6",
    }
    assert "points outside" in str(found["../b.jpg"])
    assert "points outside" in str(found["//c.jpg"])
    assert "two entries" in str(found["a.jpg"])
    assert "100001 bytes" in str(found["big.jpg"])


def test_archives_in_archives(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.jpg", b"x")
        archive.writestr("in.7z", packed({"y.jpg": b"y"}))
    assert items_of(packed({"in.zip": inner.getvalue()}), tmp_path) == {
        "in.zip/x.jpg": b"x",
        "in.zip/in.7z/y.jpg": b"y",
    }


def test_links_folders_empty_files_and_what_was_packed_apart() -> None:
    def change(archive: SevenZipFile) -> None:
        link = archive.header.files_info.files[1]
        link["attributes"] = link["attributes"] & 0xFFFF | (stat.S_IFLNK | 0o777) << 16

    first = io.BytesIO(packed({"a.jpg": b"a", "link.jpg": b"/etc/passwd", "empty.jpg": b"", "b.jpg": b"b"}, change))
    with SevenZipFile(first, "a") as archive:
        archive.writef(io.BytesIO(b""), "none.jpg")
        archive.writef(io.BytesIO(b"c"), "c.jpg")
        archive.writef(io.BytesIO(b"d"), "d.jpg")
    found = read(first.getvalue())
    assert "link" in str(found.pop("link.jpg"))
    assert found == {"a.jpg": b"a", "empty.jpg": b"", "b.jpg": b"b", "none.jpg": b"", "c.jpg": b"c", "d.jpg": b"d"}


def test_encrypted_entries_are_refused() -> None:
    assert set(read(packed({"a.jpg": b"a"}, password="x")).values()) == {
        "It was not read: it is encrypted; unlock the archive first."
    }
    found = read(packed({"a.jpg": b"a"}, password="x", header_encryption=True))
    assert "table of contents is encrypted" in str(found[""])


def test_an_archive_that_unpacks_to_far_more_than_it_has() -> None:
    data = packed({"a.jpg": b"a", "bomb.jpg": bytes(2**26), "c.jpg": b"c"})
    found = read(data, 2**27)
    assert found.pop("a.jpg") == b"a"
    assert list(found) == [""]
    assert "200 times" in str(found[""])


def test_memory_that_decoders_ask_for_has_a_limit() -> None:
    def four_gigabytes(archive: SevenZipFile) -> None:
        (folder,) = archive.header.main_streams.unpackinfo.folders
        folder.coders[-1]["properties"] = bytes([40])

    found = read(packed({"a.jpg": b"a" * 1000}, four_gigabytes, filters=[{"id": 33, "dict_size": 4096}]))
    assert "too much memory" in str(found[""])


def test_a_checksum_that_is_wrong_ends_it() -> None:
    data = bytearray(packed({"a.jpg": b"a" * 50, "b.jpg": b"b" * 50}, filters=STORED))
    assert data[32:132] == b"a" * 50 + b"b" * 50
    data[100] ^= 1
    found = entries(io.BytesIO(bytes(data)))
    assert next(found).read(LIMIT) == b"a" * 50
    second = next(found)
    with pytest.raises(NotRead, match="damaged"):
        second.read(LIMIT)
    with pytest.raises(NotRead, match="damaged"):
        next(found)


def test_wherever_it_breaks_off_or_is_garbled_it_says_so() -> None:
    data = packed({"a.jpg": b"a" * 5000, "b.jpg": bytes(range(256)) * 20})
    for broken in (data[:20], data[: len(data) // 2], data[:-1], data[:40] + b"\xff" * 30 + data[70:]):
        found = read(broken)
        assert "b.jpg" not in found
        assert "" in found


def test_nonsense_from_the_process_is_refused() -> None:
    failed: list[NotRead] = []
    with pytest.raises(NotRead, match="invalid reply"):
        list(seven_zip._parts(iter([(PART, b"x"), (b"?", b"")]), failed))
    assert len(failed) == 1
    assert list(seven_zip._parts(iter([(PART, b"x"), (WHOLE, b""), (PART, b"y")]), failed)) == [b"x"]


def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "p.7z"
    path.write_bytes(packed({"film.bin": bytes(2**24) + b"x", "a.jpg": b"a"}, filters=STORED))
    with path.open("rb") as file:
        tracemalloc.start()
        try:
            names = [entry.name for entry in entries(file)]
            assert tracemalloc.get_traced_memory()[1] < 2**23
        finally:
            tracemalloc.stop()
    assert names == [b"film.bin", b"a.jpg"]
