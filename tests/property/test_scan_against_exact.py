"""The scan index, compared with the exact one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.templates import DIMENSION, EVEN, Templates, as_ids, days_of, scan, vectors

from lineament.index.among import EVERY_FACE, Among
from lineament.index.exact import ExactIndex
from lineament.model.faces import FaceIds
from lineament.model.scores import scores

MOST = 400
"""The number of faces, all of which are re-scored here, so that the answers are the same to the last byte."""
some_ids = st.lists(st.integers(0, 2000), max_size=60)


class ScanAgainstExact(RuleBasedStateMachine):
    """Adds, removes, erases from the store, searches, syncs and reopens, in any order."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.templates = Templates()
        self.scan = scan(self.folder / "index", self.templates, rescored=MOST)
        self.exact = ExactIndex(DIMENSION)
        self.synced: dict[int, None] | None = None  # ids at the last sync
        self.erased: set[int] = set()
        self.seed = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(ids=some_ids)
    def add(self, ids: list[int]) -> None:
        new = as_ids(sorted(set(ids) - set(self.scan.ids.tolist()) - self.erased)[: MOST - len(self.scan)])
        self.seed += 1
        some = vectors(len(new), self.seed)
        some[1::3] = some[0:1]  # several faces with the very same score
        self.templates.add(new, some)
        self.scan.add(new, some, days_of(new))
        self.exact.add(new, some, days_of(new))

    @rule(ids=some_ids)
    def remove(self, ids: list[int]) -> None:
        self.scan.remove(as_ids(ids))
        self.exact.remove(as_ids(ids))
        self.templates.erase(as_ids(ids))
        self.erased |= set(ids)

    @rule(ids=some_ids)
    def erase_from_the_store_alone(self, ids: list[int]) -> None:
        """The index is not told, but its answers no longer hold the face."""
        self.templates.erase(as_ids(ids))
        self.exact.remove(as_ids(ids))
        self.erased |= set(ids)

    @rule(
        k=st.integers(1, MOST),
        seed=st.integers(0, 2**32),
        among=st.sampled_from([EVERY_FACE, EVEN, Among(after=1000), Among(first_day=2)]),
    )
    def search(self, k: int, seed: int, among: Among) -> None:
        probes = vectors(2, seed)
        assert self.scan.search(probes, k, among=among) == self.exact.search(probes, k, among=among)

    @rule()
    def sync(self) -> None:
        self.scan.sync()
        self.synced = dict.fromkeys(self.scan.ids.tolist())

    @precondition(lambda self: self.synced is not None)
    @rule()
    def open_again(self) -> None:
        """Unsynced changes are lost; the gallery catches up with the store."""
        self.scan = scan(self.folder / "index", self.templates, load=True, rescored=MOST)
        assert self.scan.ids.tolist() == list(self.synced or {})
        self.catch_up()

    def catch_up(self) -> None:
        held = as_ids(sorted(self.templates.held))
        self.scan.remove(np.setdiff1d(self.scan.ids, held))
        missing = np.setdiff1d(held, self.scan.ids)
        if len(missing):
            self.scan.add(*self.templates.faces(missing))

    @invariant()
    def as_many(self) -> None:
        assert len(self.scan) == len(self.scan.ids) == len(set(self.scan.ids.tolist()))
        assert set(self.exact.ids.tolist()) <= set(self.scan.ids.tolist())


ScanAgainstExact.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, suppress_health_check=list(HealthCheck)
)
test_any_order_of_changes = ScanAgainstExact.TestCase


def test_every_face_is_compared(tmp_path: Path) -> None:
    """More faces than are re-scored, and than one thread compares alone."""
    faces, dimension, k = 60_000, 128, 50
    ids: FaceIds = np.arange(1, faces + 1, dtype=np.int64)
    spread = np.exp(-np.arange(dimension) / 70)  # as unevenly as templates of faces (bench/search.py)
    some = vectors(faces, 1, dimension) * spread.astype(np.float32)
    probes = vectors(60, 2, dimension) * spread.astype(np.float32)
    some /= np.linalg.norm(some, axis=1, keepdims=True)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    templates = _Matrix(some)
    index = scan(tmp_path / "index", templates)
    index.add(ids, some, days_of(ids))
    exact = ExactIndex(dimension)
    exact.add(ids, some, days_of(ids))
    for among in (EVERY_FACE, EVEN):
        assert index.search(probes, k, among=among) == exact.search(probes, k, among=among)


class _Matrix(Templates):
    """Vectors by row: id 1 is row 0."""

    def __init__(self, rows: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
        super().__init__(rows.shape[1])
        self.rows = rows

    def __call__(self, ids: FaceIds) -> tuple[FaceIds, np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
        return ids, self.rows[ids - 1]


def test_scores_do_not_depend_on_company() -> None:
    """A score does not depend on the other faces or the alignment: the sums have a fixed order."""
    some = vectors(500, 3, 128)
    together = scores(some[0], some)
    for at in (0, 1, 17, 499):
        alone = scores(some[0], np.ascontiguousarray(some[at : at + 1]))
        assert alone.tobytes() == together[at : at + 1].tobytes()
    assert scores(some[0], np.asfortranarray(some)).tobytes() == together.tobytes()
    assert np.allclose(together, some.astype(np.float64) @ some[0].astype(np.float64), atol=1e-7)
