"""Archives as people and attackers pack them. Connectors never decode, so the pictures need not be real."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd
from tests.support.folders import taken_and_refused
from tests.support.packed import FILES, PACKED, nested, seven, tarred, zipped

from lineament.errors import NoSuchFile
from lineament.sandbox import unpack
from lineament.sources.archive import connector as module
from lineament.sources.archive.connector import ArchiveConnector, normal
from lineament.sources.base import Connector, Item, Refusal

LIMIT = 100_000


def connector(data: bytes, folder: Path, name: str = "photos.bin", max_bytes: int = LIMIT) -> ArchiveConnector:
    path = folder / name
    path.write_bytes(data)
    return ArchiveConnector(path, None, max_bytes)


def found(data: bytes, folder: Path, max_bytes: int = LIMIT) -> dict[str, str | Item]:
    """Return the item or the refusal for each name in the archive."""
    start = f"{folder}/photos.bin"
    return {
        item.name.removeprefix(start).lstrip("/"): item if isinstance(item, Item) else str(item.why)
        for item in taken_and_refused(connector(data, folder, max_bytes=max_bytes))
    }


def why(data: bytes, folder: Path) -> str:
    """Return the only refusal."""
    (outcome,) = found(data, folder).values()
    assert isinstance(outcome, str)
    return outcome


@pytest.mark.parametrize("pack", [*PACKED.values(), seven], ids=[*PACKED, "7z"])
def test_a_picture_comes_with_its_metadata(pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path) -> None:
    outcomes = found(pack(FILES), tmp_path)
    assert set(outcomes) == {"a.jpg", "sub/b.png", "notes.txt", ".hidden.jpg", "__MACOSX/._a.jpg"}
    a, b = outcomes["a.jpg"], outcomes["sub/b.png"]
    assert isinstance(a, Item)
    assert isinstance(b, Item)
    assert (a.untrusted, b.untrusted) == (b"picture a", b"picture b")
    assert a.provenance.uri == f"file://{tmp_path}/photos.bin#a.jpg"
    assert a.provenance.page_uri == "https://example.org/page"
    assert (b.provenance.uri, b.provenance.licence) == ("https://example.org/b", "CC0")
    assert a.provenance.connector == b.provenance.connector == "archive 1"
    assert isinstance(outcomes[".hidden.jpg"], Item)
    assert outcomes["notes.txt"] == "It is not a picture: it does not begin as any picture does."


def test_it_is_a_connector_and_its_order_is_that_of_the_archive(tmp_path: Path) -> None:
    reader: Connector = connector(zipped({"b.jpg": b"b", "a.jpg": b"a"}), tmp_path)
    assert isinstance(reader, Connector)
    assert reader.count() is None
    for _ in range(2):
        assert [item.name[-5:] for item in taken_and_refused(reader)] == ["b.jpg", "a.jpg"]


def test_the_page_base_has_the_path_in_the_archive(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zipped({"p q/ä.jpg": b"x"}))
    (item,) = taken_and_refused(ArchiveConnector(tmp_path / "x.zip", "https://example.org/p/", LIMIT))
    assert isinstance(item, Item)
    assert item.provenance.page_uri == "https://example.org/p/p%20q/%C3%A4.jpg"
    assert item.provenance.uri == f"file://{tmp_path}/x.zip#p%20q/%C3%A4.jpg"


def test_a_missing_path_is_reported_immediately(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        ArchiveConnector(tmp_path / "none.zip", None, LIMIT)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"a/b.jpg", b"a/b.jpg"),
        (b"./a//b.jpg", b"a/b.jpg"),
        (b"../a.jpg", None),
        (b"a/../../b.jpg", None),
        (b"a/../b.jpg", b"b.jpg"),
        (b"a\\..\\b.jpg", b"b.jpg"),
        (b"a\\..\\..\\b.jpg", None),
        (b"/etc/a.jpg", None),
        (b"\\\\server\\a.jpg", None),
        (b"C:\\a.jpg", None),
        (b"a\0b.jpg", None),
        (b"", None),
        (b"./", None),
    ],
)
def test_names_that_stay_and_names_that_lead_out(name: bytes, path: bytes | None) -> None:
    assert normal(name) == path


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_leads_out_is_refused_and_the_others_come(kind: str, tmp_path: Path) -> None:
    outcomes = found(PACKED[kind]({"../../x.jpg": b"x", "/y.jpg": b"y", "z.jpg": b"z"}), tmp_path)
    assert isinstance(outcomes.pop("z.jpg"), Item)
    assert all("points outside the archive" in str(outcome) for outcome in outcomes.values())
    assert len(outcomes) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["photos.bin"]
    assert not (tmp_path.parent.parent / "x.jpg").exists()


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_both_refused(kind: str, tmp_path: Path) -> None:
    once = {"a.jpg": b"one", "b.jpg": b"b"}
    data = PACKED[kind]({**once, "./a.jpg": b"two"})
    refusals = [refusal for refusal in taken_and_refused(connector(data, tmp_path)) if isinstance(refusal, Refusal)]
    assert ["two entries" in str(item.why) for item in refusals] == [True, True]


def test_names_that_are_no_text_and_names_a_terminal_would_obey(tmp_path: Path) -> None:
    data = tarred({"caf\udce9\x1b[2J.jpg": b"x"}, tarfile.GNU_FORMAT)
    (item,) = taken_and_refused(connector(data, tmp_path))
    assert isinstance(item, Item)
    assert item.name.endswith("caf\\xe9\\x1b[2J.jpg")
    assert item.provenance.uri.endswith("#caf%E9%1B%5B2J.jpg")


def test_a_zip_name_of_the_old_kind_keeps_its_bytes(tmp_path: Path) -> None:
    data = zipped({"caf?.jpg": b"x"}).replace(b"caf?.jpg", b"caf\x82.jpg")
    (item,) = taken_and_refused(connector(data, tmp_path))
    assert isinstance(item, Item)
    assert item.provenance.uri.endswith("#caf%82.jpg")


def test_a_name_longer_than_an_address_can_be(tmp_path: Path) -> None:
    assert "too long" in why(tarred({"d/" * 2100 + "x.jpg": b"x"}), tmp_path)


# ---------------------------------------------------------------- side-cars


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_side_car_that_cannot_be_used_refuses_its_picture(kind: str, tmp_path: Path) -> None:
    outcomes = found(PACKED[kind]({"a.jpg": b"a", "a.json": b"{", "b.jpg": b"b"}), tmp_path)
    assert "Its side-car a.json cannot be used: it is not JSON" in str(outcomes["a.jpg"])
    assert isinstance(outcomes["b.jpg"], Item)


def test_a_table_that_is_none_and_a_row_without_a_picture(tmp_path: Path) -> None:
    files = {"t/captures.csv": b"nothing", "t/a.jpg": b"a", "captures.csv": b"file\nb.jpg\ngone.jpg\n", "b.jpg": b"b"}
    outcomes = found(zipped(files), tmp_path)
    assert "does not name one column" in str(outcomes["t/a.jpg"])
    assert isinstance(outcomes["b.jpg"], Item)
    assert "no such picture" in str(outcomes["gone.jpg"])


def test_a_side_car_too_large_or_of_two_kinds(tmp_path: Path) -> None:
    outcomes = found(zipped({"a.jpg": b"a", "a.json": os.urandom(2**20 + 1)}), tmp_path)
    assert "1048577 bytes" in str(outcomes["a.jpg"])
    outcomes = found(tarred({"a.jpg": b"a", "a.json": b"{}", "./a.json": b'{"licence": "CC0"}'}), tmp_path)
    assert "two entries" in str(outcomes["a.jpg"])


def test_more_tables_than_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.sources.archive.statements.MOST_TABLES", 1)
    files = {"1/captures.csv": b"file\na.jpg\n", "1/a.jpg": b"", "2/captures.csv": b"file\na.jpg\n", "2/a.jpg": b""}
    outcomes = found(zipped(files), tmp_path)
    assert isinstance(outcomes["1/a.jpg"], Item)
    assert "more than 1 in the archive" in str(outcomes["2/a.jpg"])


def test_refused_tables_take_no_memory(tmp_path: Path) -> None:
    data = tarred({f"{number}/captures.csv": b"no table" for number in range(3000)} | {"7/a.jpg": b"a"})
    tracemalloc.start()
    try:
        (refusal,) = taken_and_refused(connector(data, tmp_path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "7/captures.csv" in str(refusal.why if isinstance(refusal, Refusal) else None)
    assert peak < 1_000_000


@pytest.mark.parametrize("times", [2, 3])
def test_a_table_that_is_there_several_times(times: int, tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in [("captures.csv", b"file\na.jpg\ngone.jpg\n")] * times + [("a.jpg", b"a")]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    (refusal,) = taken_and_refused(connector(out.getvalue(), tmp_path))
    assert "it is there twice" in str(refusal.why if isinstance(refusal, Refusal) else None)


# ---------------------------------------------------------------- archives in archives


def test_archives_in_archives_to_the_depth_that_is_read(tmp_path: Path) -> None:
    (item,) = taken_and_refused(connector(zipped({"x/in.zip": zipped({"y/a.jpg": b"deep"})}), tmp_path))
    assert isinstance(item, Item)
    assert item.provenance.uri == f"file://{tmp_path}/photos.bin#x/in.zip!/y/a.jpg"
    assert isinstance(next(iter(found(nested(3), tmp_path).values())), Item)
    assert "more than 3 nested archives" in why(nested(4), tmp_path)


def test_a_picture_in_an_archive_that_is_compressed_by_itself(tmp_path: Path) -> None:
    files = {
        "a.jpg.gz": gzip.compress(b"picture"),
        "a.jpg.json": b'{"licence": "CC0"}',
        "b.jpg.xz": b"\xfd7zXZ\0nonsense",
    }
    outcomes = found(zipped(files), tmp_path)
    a = outcomes["a.jpg.gz"]
    assert isinstance(a, Item)
    assert (a.untrusted, a.provenance.licence) == (b"picture", "CC0")
    assert a.provenance.uri == f"file://{tmp_path}/photos.bin#a.jpg.gz"
    assert "compressed, and damaged" in str(outcomes["b.jpg.xz"])


def test_a_name_cannot_pretend_to_be_in_another_archive(tmp_path: Path) -> None:
    (item,) = taken_and_refused(connector(zipped({"in.zip!/a.jpg": b"x"}), tmp_path))
    assert isinstance(item, Item)
    assert item.provenance.uri.endswith("#in.zip%21/a.jpg")


def test_an_archive_in_an_archive_that_is_damaged_costs_itself(tmp_path: Path) -> None:
    outcomes = found(zipped({"in.zip": b"PK\x03\x04nonsense", "a.jpg": b"a", "b.tar": b"no"}), tmp_path)
    assert "damaged" in str(outcomes["in.zip"])
    assert "neither a zip nor a tar" in str(outcomes["b.tar"])
    assert isinstance(outcomes["a.jpg"], Item)


# ---------------------------------------------------------------- what is refused


def test_links_and_devices(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number, kind in enumerate([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]):
            info = tarfile.TarInfo(f"{number}.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    outcomes = found(out.getvalue(), tmp_path)
    assert len(outcomes) == 4
    assert all("a link or a device" in str(outcome) for outcome in outcomes.values())
    link = zipfile.ZipInfo("link.jpg")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zip_made:
        zip_made.writestr(link, "/etc/passwd")
    assert "a link or a device" in why(out.getvalue(), tmp_path)


def test_encrypted_and_unusually_packed_entries(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.jpg": b"a"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in why(bytes(data), tmp_path)
    assert "use Deflate" in why(zipped({"a.jpg": b"a"}, zipfile.ZIP_LZMA), tmp_path)
    assert "use Deflate" in why(zipped({"a.jpg": b"a"}, zipfile.ZIP_BZIP2), tmp_path)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"7z\xbc\xaf\x27\x1c\0\4", "damaged"),
        (b"Rar!\x1a\x07\x01\x00", "RAR archive"),
        (b"", "neither a zip nor a tar"),
        (b"\x89PNG\r\n\x1a\n", "neither a zip nor a tar"),
        (b"\x1f\x8b\x08\x00nonsense", "damaged"),
        (b"BZh9nonsense", "damaged"),
        (b"\xfd7zXZ\0nonsense", "damaged"),
        (b"\x28\xb5\x2f\xfdnonsense", "damaged"),
        (b"PK\x05\x06", "damaged"),
    ],
)
def test_an_invalid_archive(start: bytes, reason: str, tmp_path: Path) -> None:
    assert reason in why(start, tmp_path)


def test_a_folder_and_a_pipe_are_no_archives(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        (refusal,) = taken_and_refused(ArchiveConnector(path, None, LIMIT))
        assert isinstance(refusal, Refusal)


# ---------------------------------------------------------------- bombs


def test_a_picture_over_the_limit(tmp_path: Path) -> None:
    for kind, packed in PACKED.items():
        outcomes = found(packed({"a.jpg": os.urandom(LIMIT + 1), "b.jpg": b"b"}), tmp_path)
        assert f"{LIMIT + 1} bytes" in str(outcomes["a.jpg"]), kind
        assert isinstance(outcomes["b.jpg"], Item)


def test_an_entry_that_unpacks_to_far_more_than_it_has(tmp_path: Path) -> None:
    data = zipped({"a.jpg": bytes(10**7)})
    (refusal,) = taken_and_refused(connector(data, tmp_path, max_bytes=2**30))
    assert isinstance(refusal, Refusal)
    assert "200 times" in str(refusal.why)


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_a_tar_that_unpacks_to_far_more_than_it_has(packed: Callable[[bytes], bytes], tmp_path: Path) -> None:
    data = packed(tarred({"a.jpg": b"a", "b.jpg": bytes(10**8), "c.jpg": b"c"}))
    tracemalloc.start()
    outcomes = found(data, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "200 times" in str(outcomes[""])
    assert "archive is incomplete" in str(outcomes["a.jpg"])
    assert peak < 30e6


def test_entries_that_share_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many rows of the table of contents lead to the same entry."""
    monkeypatch.setattr(unpack, "ALWAYS", 10**6)
    monkeypatch.setattr(unpack, "MOST_TIMES", 2)
    body = os.urandom(90_000)
    data = zipped({"a.jpg": body}, zipfile.ZIP_STORED)
    directory = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    rows = data[directory:end] * 100
    tail = bytearray(data[end:])
    struct.pack_into("<HHII", tail, 8, 100, 100, len(rows), directory)
    outcomes = taken_and_refused(connector(data[:directory] + rows + bytes(tail), tmp_path))
    assert all(isinstance(refusal, Refusal) for refusal in outcomes)
    names = b"".join(data[directory:end].replace(b"a.jpg", b"%c.jpg" % (65 + n)) for n in range(26))
    struct.pack_into("<HHII", tail, 8, 26, 26, len(names), directory)
    outcomes = taken_and_refused(connector(data[:directory] + names + bytes(tail), tmp_path))
    assert len(outcomes) == 26
    assert all(isinstance(item, Refusal) for item in outcomes)  # the name before the bytes is another one


def test_the_unpacked_size_of_all_entries_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "ALWAYS", 1000)
    monkeypatch.setattr(unpack, "MOST_TIMES", 1)
    outcomes = found(zipped({f"{n}.jpg": b"x" * 500 for n in range(40)}), tmp_path)
    assert any(isinstance(item, Item) for item in outcomes.values())
    assert "times its bytes; unpack it" in str(outcomes["39.jpg"])


def test_more_entries_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 5)
    inner = {"in.zip": zipped({f"{n}.jpg": b"" for n in range(10)}), "z.jpg": b"z"}
    outcomes = found(zipped(inner), tmp_path)
    assert "more than 5 entries" in str(outcomes["in.zip"])
    assert "more than 5 entries" in str(outcomes[""])


def test_headers_that_ask_for_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 2**33
    head = info.tobuf(tarfile.GNU_FORMAT)
    assert "too long" in str(found(head + bytes(10**6), tmp_path))
    info.size = 2**15
    assert "64 digits" in str(found(info.tobuf() + b"1" * 2**15 + bytes(1024), tmp_path))
    info.size = -512
    assert found(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024), tmp_path)
    chain = tarfile.TarInfo("x")
    chain.type, chain.size = tarfile.XHDTYPE, 0
    assert "too long" in str(found(chain.tobuf() * 5000 + bytes(1024), tmp_path))


def test_a_file_with_a_negative_size(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a.jpg")
    info.size = -5000
    outcomes = found(tarred({"first.jpg": b"1"})[:1024] + info.tobuf(tarfile.GNU_FORMAT) + bytes(10**6), tmp_path)
    assert all(isinstance(outcome, str) for outcome in outcomes.values())


def test_a_tar_with_holes(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a.jpg")
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": "0,1",
        "GNU.sparse.size": "9",
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info.size = 4
        archive.addfile(info, io.BytesIO(b"abcd"))
    assert "sparse" in why(out.getvalue(), tmp_path)


def test_a_table_of_contents_too_large_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineament.sandbox.unpack.LARGEST_DIRECTORY", 70_000)
    data = zipped({f"{n:0200}.jpg": b"" for n in range(400)})
    assert "table of contents" in str(found(data, tmp_path))


# ---------------------------------------------------------------- truncated and garbled


@pytest.mark.parametrize("kind", PACKED)
def test_wherever_it_breaks_off_it_says_so(kind: str, tmp_path: Path) -> None:
    files = {"a.jpg": os.urandom(3000), "a.json": b"{}", "b.jpg": os.urandom(3000), "c.jpg": b"c"}
    data = PACKED[kind](files)
    whole = found(data, tmp_path)
    assert all(isinstance(item, Item) for item in whole.values())
    for end in range(1, min(len(data) - 150, 9000), 397):
        outcomes = found(data[:end], tmp_path)
        assert any(isinstance(outcome, str) for outcome in outcomes.values()), end
        whole_items = {name: item.untrusted for name, item in outcomes.items() if isinstance(item, Item)}
        assert whole_items == {name: files[name] for name in whole_items}


@pytest.mark.parametrize("kind", PACKED)
def test_a_garbled_archive_never_ends_the_walk(kind: str, tmp_path: Path) -> None:
    data = PACKED[kind]({"a.jpg": b"x" * 900, "b.jpg": b"y" * 900, "captures.csv": b"file\na.jpg\n"})
    for at in range(0, len(data), max(1, len(data) // 60)):
        garbled = bytearray(data)
        garbled[at] ^= 0xFF
        taken_and_refused(connector(bytes(garbled), tmp_path))


def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "many.tar"
    with tarfile.open(path, "w") as archive:
        for number in range(3000):
            info = tarfile.TarInfo(f"{number}.jpg")
            info.size = 10_000
            archive.addfile(info, io.BytesIO(bytes(10_000)))
    tracemalloc.start()
    assert sum(1 for _ in ArchiveConnector(path, None, LIMIT).items()) == 3000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6
