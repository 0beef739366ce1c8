"""The files of an index; incomplete files are detected."""

from __future__ import annotations

import hmac
import itertools
import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from tests.support.templates import DIMENSION, TURN, Templates, as_ids, scan, vectors

from lineament.errors import Damaged, IndexUnwritable
from lineament.index.folder import Head, head_key
from lineament.index.rotation import rotation
from lineament.index.scan import ScanIndex


@pytest.fixture
def templates() -> Templates:
    templates = Templates()
    templates.add(as_ids(range(1, 1001)), vectors(1000))
    return templates


@pytest.fixture
def folder(tmp_path: Path, templates: Templates) -> Path:
    """300 faces, synced in three steps."""
    index = scan(tmp_path / "index", templates)
    for start in (1, 101, 201):
        index.add(*templates.faces(as_ids(range(start, start + 100))))
        index.sync()
    return tmp_path / "index"


def agrees(index: ScanIndex, templates: Templates) -> bool:
    """Return whether every code has the id of its face: each face is among the six codes nearest to it."""
    ids, some = templates(index.ids)
    found = index.search(some, 1)
    return bool([hits[0].face_id for hits in found] == ids.tolist())


def test_a_synced_index_is_loaded_again(folder: Path, templates: Templates) -> None:
    index = scan(folder, templates, load=True, rescored=1)
    assert index.ids.tolist() == list(range(1, 301))
    assert agrees(index, templates)


def test_a_head_three_files_and_a_lock(folder: Path) -> None:
    kinds = sorted(path.name.split("-")[0] for path in folder.iterdir())
    assert kinds == ["coarse", "faces", "fine", "head", "lock"]
    assert folder.stat().st_mode & 0o077 == 0


def test_additions_go_behind_what_is_there(folder: Path, templates: Templates) -> None:
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    index = scan(folder, templates, load=True)
    index.add(*templates.faces(as_ids(range(301, 311))))
    index.sync()
    assert {path.name: path.stat().st_ino for path in folder.iterdir() if path.name != "head"} == {
        name: inode for name, inode in before.items() if name != "head"
    }
    again = scan(folder, templates, load=True, rescored=1)
    assert len(again) == 310
    assert agrees(again, templates)


def test_a_sync_without_changes_writes_nothing(folder: Path, templates: Templates) -> None:
    index = scan(folder, templates, load=True)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "lock"}
    index.sync()
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "lock"} == before


def test_no_code_of_a_removed_face_stays_in_the_files(tmp_path: Path) -> None:
    """A removal writes new files, so the bytes are those of an index that never had the face (R32)."""
    templates = Templates()
    templates.add(as_ids(range(1, 101)), vectors(100))
    index = scan(tmp_path / "one", templates)
    index.add(*templates.faces(as_ids(range(1, 101))))
    index.sync()
    index.remove(as_ids([100, 99, 41]))
    index.sync()
    never = scan(tmp_path / "other", templates)
    order = [*range(1, 41), 98, *range(42, 98)]
    never.add(*templates.faces(as_ids(order)))
    never.sync()
    assert index.ids.tolist() == order
    for kind in ("coarse", "fine", "faces"):
        [first], [second] = (list((tmp_path / name).glob(f"{kind}-*")) for name in ("one", "other"))
        ones, others = (np.frombuffer(path.read_bytes(), dtype="<u4").astype(np.int64) for path in (first, second))
        rounded = 1 if kind == "faces" else 0  # a product of matrices may round the last bit of a scale
        assert np.abs(ones - others).max() <= rounded


def test_the_files_of_nothing(tmp_path: Path, templates: Templates) -> None:
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "none", templates, load=True)
    empty = scan(tmp_path / "index", templates)
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "index", templates, load=True)
    empty.sync()
    assert len(scan(tmp_path / "index", templates, load=True)) == 0


def test_an_index_may_become_empty(folder: Path, templates: Templates) -> None:
    index = scan(folder, templates, load=True)
    index.remove(index.ids)
    index.sync()
    again = scan(folder, templates, load=True)
    assert len(again) == 0
    again.add(*templates.faces(as_ids([5])))
    again.sync()
    assert scan(folder, templates, load=True).ids.tolist() == [5]


# ---------------------------------------------------------------- damage


def _damaged(folder: Path, templates: Templates) -> str:
    with pytest.raises(Damaged) as caught:
        scan(folder, templates, load=True)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["head", "coarse", "fine", "faces"])
def test_a_file_that_is_empty_or_cut_short(folder: Path, templates: Templates, kind: str) -> None:
    [path] = folder.glob(f"{kind}*")
    whole = path.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "rebuilt" in _damaged(folder, templates)


@pytest.mark.parametrize("kind", ["coarse", "fine", "faces"])
def test_a_file_that_is_missing(folder: Path, templates: Templates, kind: str) -> None:
    [path] = folder.glob(f"{kind}*")
    path.unlink()
    assert "missing" in _damaged(folder, templates)


@pytest.mark.parametrize("kind", ["head", "coarse", "fine", "faces"])
def test_any_flipped_bit_is_found_unless_it_belongs_to_no_face(folder: Path, templates: Templates, kind: str) -> None:
    [path] = folder.glob(f"{kind}*")
    whole = path.read_bytes()
    places = np.random.default_rng(1).choice(len(whole), min(40, len(whole)), replace=False)
    found = 0
    for place in [0, len(whole) - 1, *places.tolist()]:
        broken = bytearray(whole)
        broken[place] ^= 1 << (place % 8)
        path.write_bytes(broken)
        try:
            index = scan(folder, templates, load=True, rescored=1)
        except Damaged:
            found += 1
        else:
            assert agrees(index, templates)
            assert kind == "coarse"  # whose last block has room for more faces
    assert found > 30


@pytest.mark.parametrize("kind", ["coarse", "fine", "faces"])
def test_bytes_behind_what_the_head_counts_are_of_a_write_that_was_interrupted(
    folder: Path, templates: Templates, kind: str
) -> None:
    [path] = folder.glob(f"{kind}*")
    path.write_bytes(path.read_bytes() + b"more")
    index = scan(folder, templates, load=True, rescored=1)
    assert agrees(index, templates)
    index.add(*templates.faces(as_ids(range(301, 311))))
    index.sync()
    assert len(path.read_bytes()) % 4 == 0
    assert agrees(scan(folder, templates, load=True, rescored=1), templates)


def test_codes_of_another_index(folder: Path, tmp_path: Path, templates: Templates) -> None:
    other = scan(tmp_path / "other", templates)
    other.add(*templates.faces(as_ids(range(1, 300))))
    other.sync()
    for kind in ("coarse", "fine", "faces"):
        [mine], [others] = folder.glob(f"{kind}*"), (tmp_path / "other").glob(f"{kind}*")
        kept = mine.read_bytes()
        shutil.copy(others, mine)
        _damaged(folder, templates)
        mine.write_bytes(kept + others.read_bytes()[len(kept) :])
    assert agrees(scan(folder, templates, load=True, rescored=1), templates)


def _with_head(folder: Path, **changed: object) -> None:
    """Alter the head as somebody who has the key."""
    path = folder / "head"
    line = json.dumps(json.loads(path.read_bytes().partition(b"\n")[0]) | changed, sort_keys=True).encode() + b"\n"
    path.write_bytes(line + hmac.digest(head_key(TURN), line, "sha256").hex().encode() + b"\n")


def test_a_head_of_another_version(folder: Path, templates: Templates) -> None:
    _with_head(folder, more=1)
    assert "another version" in _damaged(folder, templates)
    (folder / "head").write_bytes(b"null\n")
    assert "key of its source" in _damaged(folder, templates)


def test_another_key_model_or_dimension(folder: Path, templates: Templates) -> None:
    other = {
        "model": ("test/2", TURN),
        "key": ("test/1", rotation(b"another secret of the tests", DIMENSION)),
        "dimension": ("test/1", rotation(b"a secret of the tests", 24)),
    }
    for model, turn in other.values():
        with pytest.raises(Damaged, match=r"another model or version|key of its source"):
            ScanIndex.load(folder, model=model, rotation=turn, exact=templates)


def test_a_folder_that_is_a_file(tmp_path: Path, templates: Templates) -> None:
    (tmp_path / "index").write_text("")
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "index", templates, load=True)
    (tmp_path / "other" / "head").mkdir(parents=True)
    assert "cannot be read" in _damaged(tmp_path / "other", templates)


def test_a_damaged_index_is_replaced_by_a_new_one(folder: Path, templates: Templates) -> None:
    [path] = folder.glob("coarse*")
    path.write_bytes(b"broken")
    rebuilt = scan(folder, templates)
    rebuilt.add(*templates.faces(as_ids(range(1, 51))))
    rebuilt.sync()
    assert scan(folder, templates, load=True).ids.tolist() == list(range(1, 51))
    assert len(list(folder.iterdir())) == 5


# ---------------------------------------------------------------- crashes and other processes


def test_every_mixture_of_an_old_and_a_new_sync(folder: Path, tmp_path: Path, templates: Templates) -> None:
    """A crash during a sync that adds leaves the old state, the new state, or detected damage."""
    old = {path.name: path.read_bytes() for path in folder.iterdir()}
    index = scan(folder, templates, load=True)
    index.add(*templates.faces(as_ids(range(301, 401))))
    index.sync()
    new = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert old.keys() == new.keys()
    opened = set()
    for number, picked in enumerate(itertools.product((old, new), repeat=len(old))):
        mixed = tmp_path / f"mixed-{number}"
        mixed.mkdir()
        for name, source in zip(old, picked, strict=True):
            (mixed / name).write_bytes(source[name])
        try:
            again = scan(mixed, templates, load=True, rescored=1)
        except Damaged:
            continue
        assert again.ids.tolist() in (list(range(1, 301)), list(range(1, 401)))
        assert agrees(again, templates)
        opened.add(len(again))
        again.add(*templates.faces(as_ids(range(500, 520))))
        again.sync()
        assert agrees(scan(mixed, templates, load=True, rescored=1), templates)
    assert opened == {300, 400}


def test_a_crash_before_the_new_files_are_named_leaves_the_old(folder: Path, templates: Templates) -> None:
    old = (folder / "head").read_bytes()
    kept = {path.name: path.read_bytes() for path in folder.glob("*-*")}
    index = scan(folder, templates, load=True)
    index.remove(as_ids([1]))
    index.sync()
    (folder / "head").write_bytes(old)  # as if the last step was not reached
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    (folder / "head.new").write_bytes(b"half a he")
    again = scan(folder, templates, load=True, rescored=1)
    assert len(again) == 300
    assert agrees(again, templates)
    again.remove(as_ids([1]))
    again.sync()
    assert len(list(folder.glob("*-*"))) == 3


def test_two_processes_on_one_folder(folder: Path, templates: Templates) -> None:
    """The last process to write wins; neither damages the other's files."""
    first, second = (scan(folder, templates, load=True) for _ in range(2))
    first.add(*templates.faces(as_ids(range(301, 321))))
    first.sync()
    second.add(*templates.faces(as_ids(range(301, 311))))
    second.sync()
    assert scan(folder, templates, load=True).ids.tolist() == list(range(1, 311))
    first.sync()
    again = scan(folder, templates, load=True, rescored=1)
    assert again.ids.tolist() == list(range(1, 321))
    assert agrees(again, templates)
    assert len(list(folder.iterdir())) == 5


@pytest.mark.parametrize("kind", ["head", "coarse", "fine", "faces", "*"])
def test_files_deleted_meanwhile_are_written_again(folder: Path, templates: Templates, kind: str) -> None:
    index = scan(folder, templates, load=True)
    for path in folder.glob(f"{kind}*" if kind != "*" else "*"):
        path.unlink()
    index.sync()
    assert agrees(scan(folder, templates, load=True, rescored=1), templates)


def test_a_withdrawn_source_is_not_written_again(folder: Path, templates: Templates) -> None:
    index = scan(folder, templates, load=True)
    index.add(*templates.faces(as_ids([400])))
    shutil.rmtree(folder)
    index.sync()
    assert not folder.exists()


def test_a_full_disk(folder: Path, templates: Templates) -> None:
    """Files limited to 150 kB: the error says so, and everything works again once there is room."""
    script = f"""
        import resource, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[3])!r})
        from lineament.errors import StorageFull
        from tests.support.templates import Templates, as_ids, scan, vectors
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        templates = Templates()
        templates.add(as_ids(range(1, 20001)), vectors(20000))
        index = scan(Path({str(folder)!r}), templates, load=True)
        index.add(*templates.faces(as_ids(range(301, 20001))))
        without = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, without[1]))
        for _ in range(2):
            try:
                index.sync()
            except StorageFull as error:
                print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, without)
        index.sync()
        print(len(scan(Path({str(folder)!r}), templates, load=True)))
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=60
    )
    first, second, last = ran.stdout.splitlines()
    assert "is full" in first
    assert first == second
    assert last == "20000"


def test_a_folder_that_may_not_be_written(tmp_path: Path, templates: Templates) -> None:
    """A folder in place of the lock file: nothing can be written, not even by root."""
    index = scan(tmp_path / "index", templates)
    (tmp_path / "index" / "lock").mkdir()
    with pytest.raises(IndexUnwritable, match="cannot be written"):
        index.sync()


def test_the_head_is_as_it_was_written(folder: Path) -> None:
    content = (folder / "head").read_bytes()
    assert Head.from_bytes(content, head_key(TURN)).to_bytes(head_key(TURN)) == content


def test_only_the_pieces_that_lost_a_face_are_rewritten(
    tmp_path: Path, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineament.index.codes.SEGMENT", 64)
    index = scan(tmp_path / "index", templates)
    index.add(*templates.faces(as_ids(range(1, 301))))
    index.sync()
    before = Head.from_bytes((tmp_path / "index" / "head").read_bytes(), head_key(TURN)).pieces
    index.remove(as_ids([70]))  # the last face, 300, moves into its place
    index.sync()
    after = Head.from_bytes((tmp_path / "index" / "head").read_bytes(), head_key(TURN)).pieces
    assert [piece.faces for piece in after] == [64, 64, 64, 64, 43]
    assert [old.token == new.token for old, new in zip(before, after, strict=True)] == [True, False, True, True, False]
    index.remove(as_ids(range(257, 301)))  # the last piece goes, and another comes in its place
    index.add(*templates.faces(as_ids(range(400, 450))))
    index.sync()
    again = scan(tmp_path / "index", templates, load=True, rescored=1)
    assert sorted(again.ids.tolist()) == [*range(1, 70), *range(71, 257), *range(400, 450)]
    assert agrees(again, templates)
    assert len(list((tmp_path / "index").glob("*-*"))) == 3 * 5


def test_a_note_comes_back_with_the_faces_it_was_written_with(folder: Path, templates: Templates) -> None:
    index = scan(folder, templates, load=True)
    assert index.note == b""
    index.sync(b"as of today")
    again = scan(folder, templates, load=True)
    assert (again.note, len(again)) == (b"as of today", 300)
    again.add(*templates.faces(as_ids([301])))
    again.sync()
    assert scan(folder, templates, load=True).note == b""


def test_processes_that_hold_the_same_faces_write_them_once(tmp_path: Path, templates: Templates) -> None:
    first, second = (scan(tmp_path / "index", templates) for _ in range(2))
    for index in (first, second):
        index.add(*templates.faces(as_ids(range(1, 41))))
    first.sync()
    written = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "index").glob("*-*")}
    second.sync()
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "index").glob("*-*")} == written
    second.add(*templates.faces(as_ids([50])))
    second.sync()
    first.remove(as_ids([3]))
    first.sync()
    again = scan(tmp_path / "index", templates, load=True, rescored=1)
    assert sorted(again.ids.tolist()) == [1, 2, *range(4, 41)]
    assert agrees(again, templates)
