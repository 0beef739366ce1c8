"""The tree is that of RFC 9162, tested with the reference data of Certificate Transparency and a naive definition."""

from __future__ import annotations

import pytest
from tests.support.merkle import naive_root

from lineament.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [  # of the first 1, 2, ... 8 leaves, as in the reference implementations of RFC 6962
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


class Tree:
    """A tree with its stored nodes."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.reads = 0
        frontier = Frontier()
        for leaf in leaves:
            self.nodes.update({(level, at): node for level, at, node in frontier.append(leaf_hash(leaf))})
        self.size, self.root = frontier.size, frontier.root()

    def node(self, level: int, position: int) -> bytes:
        self.reads += 1
        return self.nodes[level, position]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_the_reference_data(size: int) -> None:
    assert root_of(leaf_hash(leaf) for leaf in LEAVES[:size]).hex() == ROOTS[size - 1]
    assert naive_root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_the_empty_tree() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of([]) == EMPTY_ROOT == naive_root([])


def test_a_leaf_is_not_an_interior_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [  # worked out by hand from the picture in RFC 9162, 2.1.5
        (0, 7, [(0, 1), (1, 1), "6789"]),
        (3, 7, [(0, 2), (1, 0), "6789"]),
        (6, 7, [(1, 2), (2, 0)]),
    ],
)
def test_the_inclusion_proofs_of_the_rfc(index: int, size: int, path: list[tuple[int, int] | str]) -> None:
    tree = Tree(LEAVES[:size])
    right = node_hash(tree.nodes[1, 2], tree.nodes[0, 6])  # what covers the leaves 4 to 6
    expected = [right if isinstance(node, str) else tree.nodes[node] for node in path]
    assert inclusion_proof(index, size, tree.node) == expected


def test_the_consistency_proofs_of_the_rfc() -> None:
    tree = Tree(LEAVES[:7])
    c, d, g, j = tree.nodes[0, 2], tree.nodes[0, 3], tree.nodes[1, 0], tree.nodes[0, 6]
    right = node_hash(tree.nodes[1, 2], j)
    assert consistency_proof(3, 7, tree.node) == [c, d, g, right]
    assert consistency_proof(4, 7, tree.node) == [right]
    assert consistency_proof(6, 7, tree.node) == [tree.nodes[1, 2], j, tree.nodes[2, 0]]


def test_proofs_read_few_nodes_of_a_large_tree() -> None:
    tree = Tree([number.to_bytes(4) for number in range(5_000)])
    for index in (0, 1, 2_047, 4_096, 4_999):
        tree.reads = 0
        path = inclusion_proof(index, 5_000, tree.node)
        assert tree.reads <= 26  # 2 log2(5000)
        assert verify_inclusion(index, 5_000, tree.nodes[0, index], path, tree.root)
    tree.reads = 0
    path = consistency_proof(4_097, 5_000, tree.node)
    assert tree.reads <= 26
    old = root_of(tree.nodes[0, at] for at in range(4_097))
    assert verify_consistency(4_097, 5_000, path, (old, tree.root))


def test_an_append_makes_few_nodes() -> None:
    frontier = Frontier()
    nodes = [frontier.append(leaf_hash(b"x")) for _ in range(1024)]
    assert sum(map(len, nodes)) == 2 * 1024 - 1  # a tree of n leaves has 2n - 1 nodes
    assert len(nodes[1023]) == 11


def test_a_frontier_continues_another() -> None:
    whole = Tree(LEAVES)
    for size in range(9):
        begun = Tree(LEAVES[:size])
        frontier = Frontier.read(size, begun.node)
        nodes = [node for leaf in LEAVES[size:] for node in frontier.append(leaf_hash(leaf))]
        assert frontier.root() == whole.root
        assert begun.nodes | {(level, at): node for level, at, node in nodes} == whole.nodes


@pytest.mark.parametrize(("size", "hashes"), [(1, 0), (3, 1), (4, 2), (-1, 0)])
def test_a_frontier_has_as_many_hashes_as_its_size_has_ones(size: int, hashes: int) -> None:
    with pytest.raises(ValueError, match="does not have"):
        Frontier(size, [bytes(32)] * hashes)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 3)])
def test_there_is_no_proof_of_a_leaf_outside(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        inclusion_proof(index, size, Tree(LEAVES).node)
    assert not verify_inclusion(index, size, bytes(32), [], bytes(32))


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3), (-1, 3)])
def test_there_is_no_proof_from_a_larger_or_an_empty_tree(old: int, size: int) -> None:
    with pytest.raises(ValueError, match="no proof"):
        consistency_proof(old, size, Tree(LEAVES).node)
    assert not verify_consistency(old, size, [bytes(32)], (bytes(32), bytes(32)))


def test_consistency_with_itself_needs_no_path() -> None:
    root = Tree(LEAVES).root
    assert consistency_proof(8, 8, Tree(LEAVES).node) == []
    assert verify_consistency(8, 8, [], (root, root))
    assert not verify_consistency(8, 8, [], (root, bytes(32)))
    assert not verify_consistency(8, 8, [bytes(32)], (root, root))
    assert not verify_consistency(3, 8, [], (root, root))
