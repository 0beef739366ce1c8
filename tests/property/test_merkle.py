"""Proofs of every size up to 200 verify, and fail with one bit changed."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from lineament.ledger.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

MOST = 200
LEAVES = [leaf_hash(number.to_bytes(2)) for number in range(MOST)]


@cache
def nodes() -> dict[tuple[int, int], bytes]:
    frontier = Frontier()
    return {(level, at): node for leaf in LEAVES for level, at, node in frontier.append(leaf)}


def node(level: int, position: int) -> bytes:
    return nodes()[level, position]


@cache
def root(size: int) -> bytes:
    return root_of(LEAVES[:size])


def flipped(data: st.DataObject, value: bytes) -> bytes:
    bit = data.draw(st.integers(0, 8 * len(value) - 1))
    return bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(value))


def test_every_leaf_of_every_tree_is_proven() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            path = inclusion_proof(index, size, node)
            assert verify_inclusion(index, size, LEAVES[index], path, root(size)), (index, size)


def test_every_tree_extends_every_smaller_one() -> None:
    for size in range(1, MOST + 1):
        for old in range(1, size + 1):
            path = consistency_proof(old, size, node)
            assert verify_consistency(old, size, path, (root(old), root(size))), (old, size)


@given(st.data())
def test_no_bit_of_an_inclusion_proof_can_change(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, MOST))
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(index, size, node)
    assert not verify_inclusion(index, size, flipped(data, LEAVES[index]), path, root(size))
    assert not verify_inclusion(index, size, LEAVES[index], path, flipped(data, root(size)))
    at = data.draw(st.integers(0, len(path) - 1))
    changed = [*path[:at], flipped(data, path[at]), *path[at + 1 :]]
    assert not verify_inclusion(index, size, LEAVES[index], changed, root(size))
    assert not verify_inclusion(index, size, LEAVES[index], path[:-1], root(size))
    assert not verify_inclusion(index, size, LEAVES[index], [*path, bytes(32)], root(size))


def test_the_proof_of_the_only_leaf_is_empty() -> None:
    assert inclusion_proof(0, 1, node) == []
    assert verify_inclusion(0, 1, LEAVES[0], [], root(1))
    assert not verify_inclusion(0, 1, LEAVES[1], [], root(1))
    assert not verify_inclusion(0, 1, LEAVES[0], [bytes(32)], root(1))


@given(st.data())
def test_an_inclusion_proof_is_of_one_place_only(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, MOST))
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda at: at != index))
    path = inclusion_proof(index, size, node)
    assert not verify_inclusion(other, size, LEAVES[index], path, root(size))
    assert not verify_inclusion(index, size, LEAVES[other], path, root(size))


@given(st.data())
def test_no_bit_of_a_consistency_proof_can_change(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, MOST))
    old = data.draw(st.integers(1, size - 1))
    path = consistency_proof(old, size, node)
    roots = (root(old), root(size))
    assert not verify_consistency(old, size, path, (flipped(data, roots[0]), roots[1]))
    assert not verify_consistency(old, size, path, (roots[0], flipped(data, roots[1])))
    at = data.draw(st.integers(0, len(path) - 1))
    changed = [*path[:at], flipped(data, path[at]), *path[at + 1 :]]
    assert not verify_consistency(old, size, changed, roots)
    assert not verify_consistency(old, size, path[:-1], roots)
    assert not verify_consistency(old, size, [*path, bytes(32)], roots)


@given(
    st.integers(-5, MOST), st.integers(-5, MOST), st.lists(st.binary(max_size=40), max_size=12), st.binary(max_size=40)
)
def test_noise_is_no_proof(index: int, size: int, path: list[bytes], noise: bytes) -> None:
    """Whatever is sent, the answer is no, not an exception."""
    assert not verify_inclusion(index, size, noise, path, root(MOST))
    assert not verify_consistency(index, size, path, (noise, root(MOST)))
