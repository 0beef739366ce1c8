"""What is particular to the scan index; the rest is in tests/contract/test_index.py."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from tests.support.templates import DIMENSION, TURN, Templates, as_ids, scan, vectors

from lineament.index import codes
from lineament.index.among import Among
from lineament.index.exact import ExactIndex
from lineament.index.scan import ScanIndex
from lineament.model.faces import FaceIds, Vectors


@pytest.fixture
def templates() -> Templates:
    templates = Templates()
    templates.add(as_ids(range(1, 1001)), vectors(1000))
    return templates


@pytest.fixture
def index(tmp_path: Path, templates: Templates) -> ScanIndex:
    index = scan(tmp_path / "index", templates)
    index.add(*templates.faces(as_ids(range(1, 1001))))
    return index


def test_faces_that_the_store_no_longer_has_drop_out(index: ScanIndex, templates: Templates) -> None:
    probe = vectors(1)
    before = [hit.face_id for hit in index.search(probe, 10)[0]]
    templates.erase(as_ids(before[:3]))
    assert [hit.face_id for hit in index.search(probe, 7)[0]] == before[3:]
    templates.held.clear()
    assert index.search(probe, 7) == [[]]


def test_only_shortlisted_templates_are_looked_up(tmp_path: Path, templates: Templates) -> None:
    looked_up: list[FaceIds] = []

    def look_up(ids: FaceIds) -> tuple[FaceIds, Vectors]:
        looked_up.append(ids)
        return templates(ids)

    index = ScanIndex(tmp_path / "index", model="test/1", rotation=TURN, exact=look_up, rescored=100)
    index.add(*templates.faces(as_ids(range(1, 1001))))
    index.search(vectors(1), 5)
    index.search(vectors(1), 50)
    index.search(vectors(1), 5, among=Among(after=970))
    assert [len(ids) for ids in looked_up] == [100, 200, 30]
    assert all((np.diff(ids) > 0).all() for ids in looked_up)  # ascending, in the order of the store


def test_ids_cannot_be_written_through(index: ScanIndex) -> None:
    with pytest.raises(ValueError, match="read-only"):
        index.ids[0] = 7


def test_memory_is_about_eighty_bytes_a_face(tmp_path: Path) -> None:
    """128 dimensions, in a process of its own: codes 64, scale 4, id 8, day 4, and what the allocator keeps."""
    assert 75 < _measured(tmp_path, "added") < 95
    assert 75 < _measured(tmp_path, "loaded") < 95


def _measured(folder: Path, how: str) -> float:
    """Return bytes per face of an index of 600,000, just synced or just loaded."""
    script = """
        import os, sys
        from pathlib import Path
        root, folder, how = sys.argv[1:]
        sys.path.insert(0, root)
        from tests.support.templates import Templates, as_ids, days_of, scan, vectors
        from lineament.index.among import Among
        def resident():
            return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        some = vectors(20_000, 0, 128)
        templates = Templates(128)
        templates.add(as_ids(range(100)), some[:100])
        warm = scan(Path(folder) / "warm", templates)  # the libraries' own threads and buffers
        warm.add(as_ids(range(20_000)), some, days_of(as_ids(range(20_000))))
        warm.search(some[:1], 1)
        warm.sync()
        before = resident()
        index = scan(Path(folder) / "index", templates, load=how == "loaded")
        if how == "added":
            for start in range(0, 600_000, 20_000):
                ids = as_ids(range(start, start + 20_000))
                index.add(ids, some, days_of(ids))
            index.sync()
        index.search(some[:1], 1, among=Among(after=599_900))
        print((resident() - before) / len(index))
    """
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", textwrap.dedent(script), root, str(folder), how]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("probes", [1, 2, 7, 50])
def test_an_answer_is_the_same_with_any_threads_and_beside_any_other_probes(
    threads: int, probes: int, index: ScanIndex, templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "_ALONE", 0)
    monkeypatch.setattr(index._codes, "threads", threads)
    asked = vectors(probes, seed=5)
    exact = ExactIndex(DIMENSION)
    exact.add(*templates.faces(as_ids(range(1, 1001))))
    assert index.search(asked, 10) == exact.search(asked, 10)
