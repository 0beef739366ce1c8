"""Merkle trees after RFC 9162, section 2.1, on hashlib alone.

A tree of ``size`` leaves is stored as the hashes of its complete subtrees: the node (level, position) covers
the leaves position · 2^level to (position + 1) · 2^level, and level 0 holds the leaf hashes. Reading single nodes
(a ``NodeReader``) is enough to prove inclusion and consistency for every size so far in O(log n) reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves (RFC 9162, 2.1.1)."""

NodeReader = Callable[[int, int], bytes]
"""(level, position) to the hash of that complete subtree, 32 bytes."""
Node = tuple[int, int, bytes]
"""A complete subtree: level, position, hash."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 || leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an interior node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes given in order, in O(log n) memory."""
    frontier = Frontier()
    for hash_ in leaf_hashes:
        frontier.append(hash_)
    return frontier.root()


class Frontier:
    """The right edge of a tree: the hashes of its largest complete subtrees, from left to right.

    There is one for each 1 in the binary form of the size, so a tree of a million leaves has at most twenty.
    """

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Start at ``size`` leaves whose edge is ``hashes``. Raises ValueError if their numbers do not agree."""
        if size < 0 or len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves does not have {len(hashes)} subtrees at its edge")
        self.size = size
        self._hashes = list(hashes)

    @classmethod
    def read(cls, size: int, node: NodeReader) -> Frontier:
        """Read the edge of the tree of ``size`` leaves, in O(log n) reads."""
        return cls(size, [node(level, position) for level, position in _edge(size)])

    def append(self, leaf: bytes) -> list[Node]:
        """Add a leaf hash; return the complete subtrees that it completes, itself first, then upwards."""
        completed = [(0, self.size, leaf)]
        self._hashes.append(leaf)
        level, position = 0, self.size
        while position & 1:
            right = self._hashes.pop()
            self._hashes[-1] = node_hash(self._hashes[-1], right)
            level, position = level + 1, position >> 1
            completed.append((level, position, self._hashes[-1]))
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        return _root_above(self._hashes)


def _edge(size: int) -> list[tuple[int, int]]:
    """Return the largest complete subtrees of a tree of ``size`` leaves, left to right, as (level, position)."""
    levels = range(size.bit_length() - 1, -1, -1)
    return [(level, (size >> level) - 1) for level in levels if size >> level & 1]


def _root_above(hashes: Sequence[bytes]) -> bytes:
    """Return the root above the edge ``hashes``."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def _split(count: int) -> int:
    """Return the largest power of two below ``count``, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def subtree(start: int, stop: int, node: NodeReader) -> bytes:
    """Return the hash over the leaves ``start`` to ``stop`` (exclusive).

    ``start`` is a multiple of the smallest power of two that is at least stop - start, as in every range that
    RFC 9162 splits a tree into.
    """
    count = stop - start
    if count.bit_count() == 1:
        level = count.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(count)
    return node_hash(subtree(start, middle, node), subtree(middle, stop, node))


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Return the path from leaf ``index`` to the root of ``size`` leaves (RFC 9162, 2.1.3.1), lowest first."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, stop = 0, size
    path = []
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(subtree(middle, stop, node))
            stop = middle
        else:
            path.append(subtree(start, middle, node))
            start = middle
    return path[::-1]


def consistency_proof(old: int, size: int, node: NodeReader) -> list[bytes]:
    """Return the proof that the tree of ``size`` leaves begins with that of ``old`` (RFC 9162, 2.1.4.1)."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {size} leaves has no proof that it begins with {old}")
    start, stop = 0, size
    path = []
    while old != stop:
        middle = start + _split(stop - start)
        if old <= middle:
            path.append(subtree(middle, stop, node))
            stop = middle
        else:
            path.append(subtree(start, middle, node))
            start = middle
    if start:  # otherwise the old tree is a complete subtree, whose root the verifier has
        path.append(subtree(start, stop, node))
    return path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether ``path`` leads from the leaf hash at ``index`` to ``root`` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, reached = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            reached = node_hash(sibling, reached)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and reached == root


def verify_consistency(old: int, size: int, path: Sequence[bytes], roots: tuple[bytes, bytes]) -> bool:
    """Return whether ``path`` shows that a tree of ``size`` leaves begins with that of ``old`` (RFC 9162, 2.1.4.2).

    ``roots`` are those of the old and of the new tree.
    """
    if old == size:
        return not path and roots[0] == roots[1]
    if not 0 < old < size or not path:
        return False
    rest = [roots[0], *path] if old.bit_count() == 1 else list(path)
    position, last = old - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    reached_old = reached_new = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            reached_old, reached_new = node_hash(sibling, reached_old), node_hash(sibling, reached_new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            reached_new = node_hash(reached_new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and (reached_old, reached_new) == roots
