"""A folder may hold anything: pictures come with their provenance, the rest is refused with a reason."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd
from tests.support.folders import LIMIT, left_out, names, put, read_folder, taken_and_refused

from lineament.errors import FileTooLarge, NoSuchFile, NotAPicture, NotRead
from lineament.sandbox import files
from lineament.sources.base import Connector, Item, Refusal
from lineament.sources.folder.connector import FolderConnector

SOURCE = Path(__file__).parents[4] / "src"


def test_it_is_a_connector(folder: Path) -> None:
    assert isinstance(FolderConnector([folder], None, LIMIT), Connector)


def test_pictures_come_with_their_bytes_and_their_uri(folder: Path) -> None:
    put(folder / "a b.jpg", b"one")
    put(folder / "deep" / "er" / "c.png", b"two")
    first, second = read_folder(folder)
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert (first.untrusted, second.untrusted) == (b"one", b"two")
    assert first.provenance.uri == f"file://{folder}/a%20b.jpg"
    assert second.provenance.uri == f"file://{folder}/deep/er/c.png"
    assert first.provenance.page_uri is None


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".XZ", lzma.compress), (".zst", zstd.compress)],
)
def test_a_picture_that_is_compressed_by_itself_is_unpacked(
    folder: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    put(folder / f"a.jpg{suffix}", pack(b"one"))
    put(folder / "a.jpg.json", b'{"licence": "CC0"}')
    put(folder / f"b.png{suffix}", b"two")
    put(folder / f"big.jpg{suffix}", pack(bytes(LIMIT + 1)))
    put(folder / f"cut.jpg{suffix}", pack(os.urandom(900))[:-30])
    put(folder / f"notes.txt{suffix}", pack(b"notes"))
    first, second, big, cut, notes = read_folder(folder)
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert (first.untrusted, second.untrusted) == (b"one", b"two")
    assert first.provenance.uri == f"file://{folder}/a.jpg{suffix}"
    assert first.provenance.licence == "CC0"
    assert [type(refusal.why) for refusal in (big, cut, notes) if isinstance(refusal, Refusal)] == [
        FileTooLarge,
        NotRead,
        NotAPicture,
    ]
    (named,) = FolderConnector([folder / f"a.jpg{suffix}"], None, LIMIT).items()
    assert named == first


@pytest.mark.parametrize("base", ["https://example.org/album", "https://example.org/album/"])
def test_pages_are_looked_up_below_the_page_base(folder: Path, base: str) -> None:
    put(folder / "ä" / "a b#1?.jpg")
    (item,) = read_folder(folder, page_base=base)
    assert isinstance(item, Item)
    assert item.provenance.page_uri == "https://example.org/album/%C3%A4/a%20b%231%3F.jpg"


def test_the_order_is_that_of_the_bytes_each_time(folder: Path) -> None:
    expected = ["B.jpg", "a.jpg", "b.jpg", "é.jpg", "sub1/a.jpg", "sub1/sub/z.jpg", "sub2/a.jpg"]
    for name in random.Random(1).sample(expected, len(expected)):
        put(folder / name)
    for _ in range(2):
        assert list(names(read_folder(folder), folder)) == expected


def test_a_folder_larger_than_what_is_listed_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "NAMES_AT_ONCE", 7)
    expected = [f"{number:03}.jpg" for number in range(50)] + [f"{number:03}/x.jpg" for number in range(15)]
    for name in random.Random(1).sample(expected, len(expected)):
        put(folder / name)
    assert list(names(read_folder(folder), folder)) == expected


def test_suffixes_of_any_case(folder: Path) -> None:
    for name in ("a.JPG", "b.Jpeg", "c.HEIC", "d.TIFF", "e.gif", "f.WebP", "g.bmp"):
        put(folder / name)
    assert set(names(read_folder(folder), folder).values()) == {"picture"}


def test_hidden_files_are_read_and_side_cars_counted(folder: Path) -> None:
    hidden = [".trashed-1-a.jpg", ".Statuses/b.jpg", "c/.thumbnails/d.jpg", "c/.thumbnails/e/f.jpg"]
    for name in (*hidden, "g.jpg"):
        put(folder / name)
    for name in ("a.json", "b.JSON", ".thumbnails/c.Json"):
        put(folder / name, "{}")
    put(folder / "captures.csv", "file\n")
    assert names(read_folder(folder), folder) == dict.fromkeys([*hidden, "g.jpg"], "picture")
    assert left_out(FolderConnector([folder], None, LIMIT)) == {"side_car": 4}


def test_hidden_files_are_counted_if_they_are_to_be_skipped(folder: Path) -> None:
    for name in (".trashed-1-a.jpg", ".Statuses/b.jpg", ".Statuses/c/d.jpg", ".notes.txt", ".x.json", "c/.e.jpg"):
        put(folder / name)
    put(folder / "captures.csv", "file\n.trashed-1-a.jpg\n")
    put(folder / ".Statuses" / "captures.csv", "file\nnot there.jpg\n")
    put(folder / "c" / "f.jpg")
    connector = FolderConnector([folder], None, LIMIT, skip_hidden=True)
    assert names(taken_and_refused(connector), folder) == {"c/f.jpg": "picture"}
    assert left_out(connector) == {"hidden": 7, "side_car": 1}
    assert connector.count() == 8
    inside = FolderConnector([folder / ".Statuses"], None, LIMIT, skip_hidden=True)
    assert set(names(taken_and_refused(inside), folder / ".Statuses")) == {"b.jpg", "c/d.jpg", "not there.jpg"}


def test_files_of_systems_are_refused_for_what_they_are(folder: Path) -> None:
    put(folder / "._x.bin", b"\0\5\x16\7" + bytes(80))
    put(folder / ".DS_Store", b"\0\0\0\1Bud1" + bytes(80))
    put(folder / "Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(80))
    put(folder / ".nomedia", b"")
    found = names(read_folder(folder), folder)
    assert [why for name, why in sorted(found.items())] == [
        "It is not a picture: macOS keeps the view of a folder in it (.DS_Store).",
        "It is not a picture: macOS keeps the attributes of another file in it (AppleDouble).",
        "It is not a picture: it is empty.",
        "It is not a picture: it is an OLE file, as Thumbs.db and old Office documents are.",
    ]


def test_the_first_bytes_of_a_file_with_another_suffix_decide(folder: Path) -> None:
    put(folder / "a picture", b"\xff\xd8\xff\xe0 and so on")
    put(folder / "b.exif.bin", b"\x89PNG\r\n\x1a\n and so on")
    put(folder / "film.mp4", b"no film")
    put(folder / "more.zip", b"PK\3\4")
    put(folder / "no suffix")
    put(folder / "notes.txt")
    other = "It is not a picture: it does not begin as any picture does."
    of_its_own = "It is not a picture: its name is that of the kind “{}”, which is read only if it is named itself: "
    found = names(read_folder(folder), folder)
    assert found == {
        "a picture": "picture",
        "b.exif.bin": "picture",
        "film.mp4": of_its_own.format("video") + "lineament ingest SOURCE PATH.",
        "more.zip": of_its_own.format("archive") + "lineament ingest SOURCE PATH.",
        "no suffix": other,
        "notes.txt": other,
    }


def test_pictures_that_the_decoder_only_names_are_left_to_it(folder: Path) -> None:
    """It says which format they have; “it does not begin as any picture does” would be untrue."""
    starts = {
        "a.pam": b"P7\nWIDTH 4",
        "b.pgm": b"P5 4 4 255\n",
        "c.pcx": b"\n\5\1\x08",
        "d.sgi": b"\x01\xda\1\1",
        "e.dpx": b"XPDS",
        "f.dcm": bytes(128) + b"DICM",
        "g.icns": b"icns",
        "h.xbm": b"#define face_width 64\n",
        "i.x3f": b"FOVb",
    }
    for name, start in starts.items():
        put(folder / name, start + bytes(300))
    assert names(read_folder(folder), folder) == dict.fromkeys(starts, "picture")


def test_a_file_named_itself_is_read_whatever_its_name(folder: Path) -> None:
    evidence, hidden = put(folder / "evidence"), put(folder / ".hidden.bin")
    assert set(names(read_folder(evidence, hidden), folder).values()) == {"picture"}


def test_a_file_named_itself_has_the_provenance_it_has_in_its_folder(folder: Path) -> None:
    put(folder / "a.jpg")
    put(folder / "a.json", '{"uri": "https://example.org/a"}')
    put(folder / "b.jpg")
    put(folder / "captures.csv", "file,uri\nb.jpg,https://example.org/b\nc.jpg,https://example.org/c\n")
    uris = [item.provenance.uri for item in read_folder(folder / "a.jpg", folder / "b.jpg") if isinstance(item, Item)]
    assert uris == ["https://example.org/a", "https://example.org/b"]


def test_the_same_path_twice_is_read_once(folder: Path) -> None:
    put(folder / "a.jpg")
    assert len(read_folder(folder, folder, folder / ".", folder / "a.jpg", folder / "." / "a.jpg")) == 2


def test_missing_paths_are_reported_immediately(folder: Path) -> None:
    with pytest.raises(NoSuchFile, match=r"gone\.jpg"):
        FolderConnector([folder, folder / "gone.jpg"], None, LIMIT)
    with pytest.raises(NoSuchFile, match=r"nul\\x00"):
        FolderConnector([folder / "nul\0"], None, LIMIT)


def test_a_relative_path_has_the_same_uri(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run adds nothing, wherever it is started."""
    put(folder / "a.jpg")
    absolute = read_folder(folder)
    monkeypatch.chdir(folder)
    relative = read_folder(Path())
    monkeypatch.chdir(folder.parent)
    above = read_folder(Path("photos"))
    uris = {item.provenance.uri for item in (*absolute, *relative, *above) if isinstance(item, Item)}
    assert len(uris) == 1
    assert above[0].name == "photos/a.jpg"


# ---------------------------------------------------------------- size


def test_files_over_the_limit_are_refused_unread(folder: Path) -> None:
    put(folder / "fits.jpg", b"x" * LIMIT)
    put(folder / "large.jpg", b"x" * (LIMIT + 1))
    with (folder / "sparse.jpg").open("wb") as file:
        file.truncate(2**40)
    found = names(read_folder(folder), folder)
    assert found["fits.jpg"] == "picture"
    assert "more than the limit of 10000" in found["large.jpg"]
    assert str(2**40) in found["sparse.jpg"]


def test_a_file_that_grows_while_it_is_read_is_refused(folder: Path) -> None:
    """The kernel's own files claim to be empty, and are not."""
    link = Path("/proc/self/mountinfo")
    if not link.exists():
        pytest.skip("no /proc here")
    (refused,) = read_folder(link, max_bytes=10)
    assert isinstance(refused, Refusal)
    assert "more than the limit of 10;" in str(refused.why)
    (item,) = read_folder(link)
    assert isinstance(item, Item)
    assert len(item.untrusted) > 10


def test_an_empty_file_is_yielded(folder: Path) -> None:
    put(folder / "a.jpg", b"")
    (item,) = read_folder(folder)
    assert isinstance(item, Item)
    assert item.untrusted == b""


# ---------------------------------------------------------------- names


def test_names_that_are_no_text(folder: Path) -> None:
    name = b"caf\xe9\xff.jpg"
    raw = os.fsencode(folder) + b"/" + name
    with open(raw, "wb") as file:  # noqa: PTH123 - pathlib has no bytes
        file.write(b"picture")
    (item,) = read_folder(folder)
    assert isinstance(item, Item)
    assert item.provenance.uri == f"file://{folder}/caf%E9%FF.jpg"
    assert item.name == f"{folder}/caf\\xe9\\xff.jpg"
    item.name.encode()


def test_names_that_a_terminal_would_obey(folder: Path) -> None:
    put(folder / "a\x1b[2J\n\u202egpj.jpg")
    (item,) = read_folder(folder)
    assert item.name == f"{folder}/a\\x1b[2J\\n\\u202egpj.jpg"


def test_the_longest_name_that_there_can_be(folder: Path) -> None:
    put(folder / ("x" * 251 + ".jpg"))
    assert list(names(read_folder(folder), folder).values()) == ["picture"]


def test_folders_deeper_than_a_path_can_be_long(folder: Path) -> None:
    here = os.getcwd()  # noqa: PTH109 - to come back
    put(folder / "a.jpg")
    try:
        os.chdir(folder)
        for _ in range(20):
            Path("d" * 250).mkdir()
            os.chdir("d" * 250)
        put(Path("deep.jpg"))
    finally:
        os.chdir(here)
    found = names(read_folder(folder), folder)
    assert found.pop("a.jpg") == "picture"
    assert len(found) == 1
    assert "file name too long" in next(iter(found.values()))


def test_more_folders_in_each_other_than_python_calls_itself(folder: Path) -> None:
    deepest = folder
    for _ in range(1500):
        deepest /= "d"
        os.mkdir(deepest)  # noqa: PTH102 - pathlib and makedirs call themselves
    picture = put(deepest / "deep.jpg")
    assert list(names(read_folder(folder), folder).values()) == ["picture"]
    picture.unlink()
    while deepest != folder:  # or else whoever tidies up after us calls itself too often
        deepest.rmdir()
        deepest = deepest.parent


# ---------------------------------------------------------------- what is no file


def test_pipes_sockets_and_devices_are_never_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    os.mkfifo(folder / "pipe")
    os.mknod(folder / "s.jpg", stat.S_IFSOCK | 0o600)
    (folder / "zero.jpg").symlink_to("/dev/zero")
    put(folder / "z.jpg")
    found = names(read_folder(folder, Path("/dev/zero"), folder / "pipe"), folder)
    assert found["z.jpg"] == "picture"
    assert found["pipe.jpg"] == "It was not read: it is a named pipe."
    assert found["pipe"] == "It was not read: it is a named pipe."
    assert found["s.jpg"] == "It was not read: it is a socket."
    assert found["/dev/zero"] == "It was not read: it is a device."
    assert "outside the folder" in found["zero.jpg"]


def test_side_cars_that_are_no_files(folder: Path) -> None:
    put(folder / "a.jpg")
    os.mkfifo(folder / "a.json")
    put(folder / "b.jpg")
    (folder / "b.jpg.json").mkdir()
    put(folder / "sub" / "c.jpg")
    os.mkfifo(folder / "sub" / "captures.csv")
    found = names(read_folder(folder), folder)
    assert "a.json cannot be used: it is a named pipe" in found["a.jpg"]
    assert "b.jpg.json cannot be used: it is a folder" in found["b.jpg"]
    assert "captures.csv cannot be used: it is a named pipe" in found["sub/c.jpg"]


# ---------------------------------------------------------------- links


def test_links_in_circles_end(folder: Path) -> None:
    put(folder / "a.jpg")
    (folder / "self").symlink_to(folder)
    (folder / "up").symlink_to("..")
    (folder / "sub").mkdir()
    (folder / "sub" / "back").symlink_to(folder)
    (folder / "one.jpg").symlink_to("two.jpg")
    (folder / "two.jpg").symlink_to("one.jpg")
    (folder / "me.jpg").symlink_to("me.jpg")
    found = names(read_folder(folder), folder)
    assert found.pop("a.jpg") == "picture"
    assert "symbolic link to a folder" in found.pop("self")
    assert "outside the folder" in found.pop("up")
    assert "symbolic link to a folder" in found.pop("sub/back")
    assert set(found.values()) == {"It was not read: its symbolic links form a loop."}
    assert set(found) == {"one.jpg", "two.jpg", "me.jpg"}


def test_links_within_the_folder_are_followed(folder: Path) -> None:
    """The layout of git-annex: the bytes are in a hidden folder, and the names are links."""
    put(folder / ".git" / "annex" / "objects" / "k1.jpg", b"annexed")
    put(folder / ".git" / "annex" / "objects" / "k2.json", '{"uri": "https://example.org/a"}')
    (folder / "sub").mkdir()
    (folder / "sub" / "a.jpg").symlink_to("../.git/annex/objects/k1.jpg")
    (folder / "sub" / "a.json").symlink_to("../.git/annex/objects/k2.json")
    first, item = read_folder(folder)
    assert isinstance(first, Item)
    assert isinstance(item, Item)
    assert (item.untrusted, item.provenance.uri) == (b"annexed", "https://example.org/a")
    assert first.untrusted == b"annexed"


def test_links_out_of_the_folder_are_not(folder: Path, tmp_path: Path) -> None:
    """A delivered folder must not reach our own pictures, not even through a name with the same prefix."""
    secret = put(tmp_path / "secret.jpg")
    neighbour = put(tmp_path / "photos-of-others" / "x.jpg")
    (folder / "a.jpg").symlink_to(secret)
    (folder / "b.jpg").symlink_to(neighbour)
    (folder / "c.jpg").symlink_to("/etc/passwd")
    put(folder / "d.jpg")
    (folder / "d.json").symlink_to(put(tmp_path / "x.json", '{"uri": "https://example.org/secret"}'))
    found = names(read_folder(folder), folder)
    assert all("outside the folder" in why for why in found.values())
    assert len(found) == 4


def test_a_link_that_was_named_itself_is_followed(folder: Path, tmp_path: Path) -> None:
    target = put(tmp_path / "elsewhere" / "a.jpg")
    (folder / "link.jpg").symlink_to(target)
    (folder / "all").symlink_to(target.parent)
    for path in (folder / "link.jpg", folder / "all"):
        (item,) = read_folder(path)
        assert isinstance(item, Item)
        assert item.provenance.uri == f"file://{target}"


def test_a_link_that_leads_nowhere(folder: Path) -> None:
    (folder / "a.jpg").symlink_to("gone.jpg")
    (folder / "b").symlink_to("gone")
    found = names(read_folder(folder), folder)
    assert set(found.values()) == {"It was not read: it is gone, or is a broken link."}


# ---------------------------------------------------------------- what changes meanwhile


def test_a_file_that_vanishes_after_it_was_listed(folder: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        put(folder / name)
    items = FolderConnector([folder], None, LIMIT).items()
    assert isinstance(next(items), Item)
    (folder / "b.jpg").unlink()
    refused, last = items
    assert isinstance(refused, Refusal)
    assert "gone" in str(refused.why)
    assert isinstance(last, Item)


def test_a_file_that_becomes_a_pipe_after_it_was_listed(folder: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        put(folder / name)
    items = FolderConnector([folder], None, LIMIT).items()
    next(items)
    (folder / "b.jpg").unlink()
    os.mkfifo(folder / "b.jpg")
    (refused,) = items
    assert isinstance(refused, Refusal)
    assert "named pipe" in str(refused.why)


def test_a_folder_that_vanishes_after_it_was_listed(folder: Path) -> None:
    put(folder / "a.jpg")
    put(folder / "sub" / "b.jpg")
    put(folder / "tub" / "c.jpg")
    items = FolderConnector([folder], None, LIMIT).items()
    next(items)
    (folder / "sub" / "b.jpg").unlink()
    (folder / "sub").rmdir()
    assert [isinstance(item, Item) for item in items][-1]


AS_NOBODY = """
import os, sys
from pathlib import Path
from lineament.sources.folder.connector import FolderConnector
"".encode("utf-8-sig"), "".encode("unicode_escape")  # loads what another user may not be able to read
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for one in FolderConnector([Path(sys.argv[1])], None, 10_000).items():
    print(type(one).__name__, Path(getattr(one, "name", "")).name, getattr(one, "why", ""), sep="|")
"""


def test_an_unreadable_file_is_refused_and_the_rest_is_read(folder: Path, tmp_path: Path) -> None:
    put(folder / "a.jpg")
    put(folder / "closed" / "b.jpg").parent.chmod(0)
    put(folder / "sealed.jpg").chmod(0)
    put(folder / "side.jpg")
    put(folder / "side.json", "{}").chmod(0)
    put(folder / "z" / "z.jpg")
    put(folder / "z" / "captures.csv", "file\n").chmod(0)
    modes = {above: above.stat().st_mode for above in (tmp_path, *tmp_path.parents[:-2])}
    for above, mode in modes.items():
        above.chmod(mode | 0o055)  # another user must get here
    try:
        ran = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(folder)],
            env={"PYTHONPATH": os.fspath(SOURCE)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        (folder / "closed").chmod(0o755)
        for above, mode in modes.items():
            above.chmod(mode)
    assert ran.stderr == ""
    denied = "cannot be used: permission denied; correct it and ingest the picture again."
    assert ran.stdout.splitlines() == [
        "Item|a.jpg|",
        "Refusal|sealed.jpg|It was not read: permission denied.",
        f"Refusal|side.jpg|Its side-car {folder}/side.json {denied}",
        "LeftOut||",
        "Refusal|closed|It was not read: permission denied.",
        "LeftOut||",
        f"Refusal|z.jpg|Its side-car {folder}/z/captures.csv {denied}",
    ]


# ---------------------------------------------------------------- counting, and memory


def test_the_count_is_of_what_comes(folder: Path) -> None:
    for number in range(30):
        put(folder / f"sub{number % 3}" / f"{number}.jpg")
        put(folder / f"sub{number % 3}" / f"{number}.json", "{}")
    put(folder / "notes.txt")
    (folder / "loop").symlink_to(folder)
    connector = FolderConnector([folder, folder / "sub1" / "1.jpg"], None, LIMIT)
    assert connector.count() == len(taken_and_refused(connector)) == 33
    assert left_out(connector) == {"side_car": 30}


def test_memory_does_not_grow_with_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "NAMES_AT_ONCE", 100)
    for number in range(3000):
        (folder / f"{number:05}.jpg").touch()

    def peak(paths: list[Path]) -> int:
        connector = FolderConnector(paths, None, LIMIT)
        tracemalloc.start()
        try:
            assert sum(1 for _ in connector.items()) == connector.count()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak([folder / "00000.jpg"])  # what is loaded once
    assert peak([folder]) < 300_000
