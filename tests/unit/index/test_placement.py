"""Copies of shards are spread over nodes evenly, apart from each other, with few moves."""

from __future__ import annotations

from collections import Counter

import pytest

from lineament.index.placement import Placed, PlacementStep, steps


def done(placed: list[Placed], planned: list[PlacementStep]) -> list[Placed]:
    """Return where the copies are once the steps are carried out."""
    for number, step in enumerate(planned):
        placed = [copy for copy in placed if copy.name != step.instead]
        placed.append(Placed(f"new-{len(placed)}-{number}", step.shard, step.node))
    return placed


def spread(shards: int, copies: int, nodes: str, placed: list[Placed] | None = None) -> list[Placed]:
    return done(placed or [], steps(shards, copies, list(nodes), placed or []))


@pytest.mark.parametrize(("shards", "copies", "nodes"), [(4, 1, "abcd"), (5, 2, "abc"), (16, 3, "abcde"), (1, 2, "ab")])
def test_copies_are_spread_evenly_and_two_of_a_shard_are_never_on_one_node(
    shards: int, copies: int, nodes: str
) -> None:
    placed = spread(shards, copies, nodes)
    load = Counter(copy.node for copy in placed)
    assert sum(load.values()) == shards * copies
    assert max(load.values()) - min(load[node] for node in nodes) <= 1
    assert len({(copy.shard, copy.node) for copy in placed}) == shards * copies
    assert steps(shards, copies, list(nodes), placed) == []


def test_fewer_nodes_than_copies_hold_one_copy_each() -> None:
    assert sorted((copy.shard, copy.node) for copy in spread(2, 3, "ab")) == [(0, "a"), (0, "b"), (1, "a"), (1, "b")]


def test_a_node_that_is_added_takes_its_share_and_nothing_else_moves() -> None:
    placed = spread(6, 1, "ab")
    planned = steps(6, 1, list("abc"), placed)
    assert [step.node for step in planned] == ["c", "c"]
    assert all(step.instead == step.peer is not None for step in planned)
    assert sorted(Counter(copy.node for copy in done(placed, planned)).items()) == [("a", 2), ("b", 2), ("c", 2)]


def test_a_node_that_is_drained_keeps_nothing() -> None:
    placed = spread(6, 2, "abc")
    planned = steps(6, 2, list("ab"), placed)
    assert {step.instead for step in planned} == {copy.name for copy in placed if copy.node == "c"}
    assert sorted((copy.shard, copy.node) for copy in done(placed, planned)) == [
        (shard, node) for shard in range(6) for node in "ab"
    ]


def test_a_copy_whose_node_is_not_known_is_left_to_ray() -> None:
    placed = [Placed("there", 0, "a"), Placed("lost", 1, "")]
    assert steps(2, 1, list("ab"), placed) == []


def test_without_a_node_nothing_is_planned() -> None:
    assert steps(4, 1, [], []) == []
