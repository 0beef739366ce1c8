"""Shards answer what one index answers, hold a stable part of the faces each, and never leave one out silently."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.support.templates import DIMENSION, EVEN, TURN, Templates, as_ids, days_of, scan, vectors

from lineament.errors import ShardsUnreachable
from lineament.index.among import EVERY_FACE, Among
from lineament.index.sharded import LocalShards, ShardAnswer, ShardedIndex, ShardQuery, homes
from lineament.model.faces import Vectors

FACES = 3000


class Lossy(LocalShards):
    """Shards of which some do not answer."""

    silent: frozenset[int] = frozenset()

    def nearest(self, turned: Vectors, most: int, asked: Sequence[ShardQuery]) -> Sequence[ShardAnswer | None]:
        answers = super().nearest(turned, most, asked)
        return [None if shard in self.silent else answer for shard, answer in enumerate(answers)]


def test_answers_are_those_of_one_index_to_the_last_bit(tmp_path: Path) -> None:
    templates = Templates()
    ids, some = as_ids(range(1, FACES + 1)), vectors(FACES)
    templates.add(ids, some)
    sharded = ShardedIndex(LocalShards(5, DIMENSION), rotation=TURN, exact=templates)
    one = scan(tmp_path / "index", templates)
    for index in (sharded, one):
        index.add(ids, some, days_of(ids))
        index.remove(as_ids(range(7, FACES, 11)))
    probes = vectors(20, seed=4)
    for among in (EVERY_FACE, EVEN):
        assert sharded.search(probes, 30, among=among) == one.search(probes, 30, among=among)
        for probe in probes:
            found, expected = (index.shortlist(probe, 100, among=among) for index in (sharded, one))
            assert dict(zip(*found[:2], strict=True)) == dict(zip(*expected[:2], strict=True))


def test_a_face_is_always_in_the_same_shard() -> None:
    assert homes(as_ids(range(1, 13)), 4).tolist() == [0, 1, 2, 3, 3, 2, 2, 0, 2, 3, 2, 3]


def test_shards_have_equal_parts_and_one_more_shard_moves_only_its_own() -> None:
    ids = as_ids(range(1, 100_001))
    for shards in (1, 4, 16):
        before, after = homes(ids, shards), homes(ids, shards + 1)
        share = len(ids) / shards
        assert np.bincount(before, minlength=shards) == pytest.approx(share, rel=0.06)
        moved = before != after
        assert set(after[moved].tolist()) == {shards}
        assert moved.mean() == pytest.approx(1 / (shards + 1), rel=0.06)


@pytest.mark.parametrize("among", [EVERY_FACE, EVEN], ids=["all", "some days"])
def test_faces_of_a_shard_that_does_not_answer_are_counted(among: Among) -> None:
    """All of them: only the shard knows which are of the days that are asked for."""
    templates = Templates()
    ids, some = as_ids(range(1, 201)), vectors(200)
    templates.add(ids, some)
    shards = Lossy(3, DIMENSION)
    index = ShardedIndex(shards, rotation=TURN, exact=templates)
    index.add(ids, some, days_of(ids))
    assert index.shortlist(some[0], 10, among=among).uncompared == 0
    shards.silent = frozenset({1})
    lost = ids[homes(ids, 3) == 1]
    expected = len(lost)
    found = index.shortlist(some[0], 200, among=among)
    assert 0 < found.uncompared == expected
    assert not np.isin(found.ids, lost).any()
    with pytest.raises(ShardsUnreachable, match=f"^{expected} faces could not be compared"):
        index.search(some[:1], 5, among=among)


def test_faces_that_shards_hold_for_another_number_of_shards_move_home() -> None:
    templates = Templates()
    ids, some = as_ids(range(1, 201)), vectors(200)
    templates.add(ids, some)
    shards = LocalShards(3, DIMENSION)
    for shard in range(2):  # as if there had been two
        held = homes(ids, 2) == shard
        shards.add(shard, ids[held], some[held] @ TURN, days_of(ids[held]))
    index = ShardedIndex(shards, rotation=TURN, exact=templates)
    stayed = index.ids
    assert len(stayed) == (homes(ids, 2) == homes(ids, 3)).sum()
    missing = np.setdiff1d(ids, stayed)
    index.add(
        missing, some[missing - 1], days_of(missing)
    )  # as the gallery does when it compares the index with its store
    assert [hits[0].face_id for hits in index.search(some, 1)] == ids.tolist()
