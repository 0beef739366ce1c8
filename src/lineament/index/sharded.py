"""Many shards are one index: a hash of its id routes each face, and the shortlists of all shards are merged."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lineament.errors import ShardsUnreachable
from lineament.index.among import EVERY_FACE, Among, Days
from lineament.index.base import (
    ExactVectors,
    Shortlist,
    checked_faces,
    checked_vector,
    checked_vectors,
    rescore,
)
from lineament.index.codes import Codes
from lineament.index.rotation import Rotation
from lineament.index.scan import RESCORED, RESCORED_EACH
from lineament.model.faces import FaceIds, Vector, Vectors
from lineament.model.scores import Scores
from lineament.model.search import Hit

NOTHING: FaceIds = np.empty(0, dtype=np.int64)
"""No faces."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_PIECE = 2**16
"""Faces added at a time, between which searches can run."""
_AT_ONCE = 32
"""Shards that are added to at once."""


@dataclass(frozen=True, slots=True)
class ShardQuery:
    """The faces of one shard that a search is to compare."""

    ids: FaceIds  # that the shard should hold, shape (n,)
    among: Among = EVERY_FACE


@dataclass(frozen=True, slots=True)
class ShardAnswer:
    """The answer of one shard: for each probe the faces whose codes are closest, and their approximate scores."""

    nearest: Sequence[tuple[FaceIds, Scores]]
    lacks: FaceIds = field(default_factory=lambda: NOTHING)  # faces asked for that the shard did not hold


class Shards(Protocol):
    """Numbered shards that hold the codes of turned vectors. They have neither the rotation nor a key."""

    def __len__(self) -> int:
        """Return how many shards there are."""

    def ids(self, shard: int) -> FaceIds:
        """Return the faces that a shard should hold, shape (n,), in arbitrary order; the array never changes."""

    def days(self, shard: int) -> Days:
        """Return the days of capture of these faces, shape (n,), in their order."""

    def within(self, shard: int, among: Among) -> int:
        """Count those of these faces that may be in an answer."""

    def add(self, shard: int, ids: FaceIds, turned: Vectors, days: Days) -> None:
        """Add faces that the shard should hold from now on, whether or not it can be reached."""

    def remove(self, shard: int, ids: FaceIds) -> None:
        """Remove faces, which the shard should hold no longer; ids that are not there are ignored."""

    def nearest(self, turned: Vectors, most: int, asked: Sequence[ShardQuery]) -> Sequence[ShardAnswer | None]:
        """Return the answer of every shard for probes of shape (m, d); None for one that did not answer in time."""

    def sync(self) -> None:
        """Make additions and removals durable."""


def homes(ids: FaceIds, shards: int) -> NDArray[np.intp]:
    """Return the shard of each face, shape (n,): the one that draws the highest number for it.

    With one shard more, only the faces that go to the new one move, one in ``shards + 1`` (Thaler and Ravishankar,
    rendezvous hashing, 1998). The numbers are SplitMix64 of the id and the shard, so they are the same everywhere.
    """
    home = np.zeros(len(ids), dtype=np.intp)
    highest = np.zeros(len(ids), dtype=np.uint64)
    keys = _mixed(ids.astype(np.uint64))
    for shard in range(shards):
        drawn = _mixed(keys ^ _mixed(np.array([shard + 1], dtype=np.uint64)))
        above = drawn > highest
        home[above], highest[above] = shard, drawn[above]
    return home


class ShardedIndex:
    """An index whose codes are in shards; it turns vectors and scores the best exactly in this process.

    Answers are those of one ScanIndex with the same faces. Any number of threads may search while others add,
    remove and sync.
    """

    def __init__(self, shards: Shards, *, rotation: Rotation, exact: ExactVectors, rescored: int = RESCORED) -> None:
        self.shards = shards
        self.rotation = np.ascontiguousarray(rotation, dtype=np.float32)
        self._exact = exact
        self._rescored = rescored
        self._change_lock = threading.Lock()
        for shard in range(len(shards)):  # of another number of shards; whoever follows the store adds them again
            held = shards.ids(shard)
            misplaced = held[homes(held, len(shards)) != shard]
            if len(misplaced):
                shards.remove(shard, misplaced)
        self._highest = int(self.ids.max(initial=-1))

    def add(self, ids: FaceIds, vectors: Vectors, days: Days) -> None:
        """Add faces. Raises ValueError, and nothing is added, if an id is already there."""
        ids, vectors, days = checked_faces(ids, vectors, days, len(self.rotation))
        if not len(ids):
            return
        with self._change_lock, ThreadPoolExecutor(min(len(self.shards), _AT_ONCE)) as pool:
            if ids.min() <= self._highest and np.isin(ids, self.ids).any():
                raise ValueError("an id is already there")
            for start in range(0, len(ids), _PIECE):
                piece = slice(start, start + _PIECE)
                self._route(pool, ids[piece], vectors[piece] @ self.rotation, days[piece])
            self._highest = max(self._highest, int(ids.max()))

    def remove(self, ids: FaceIds) -> None:
        """Remove faces; ids that are not there are ignored."""
        ids = np.unique(np.asarray(ids, dtype=np.int64))
        home = homes(ids, len(self.shards))
        with self._change_lock:
            for shard in np.unique(home).tolist():
                self.shards.remove(shard, ids[home == shard])

    def search(self, probes: Vectors, k: int, *, among: Among = EVERY_FACE) -> list[list[Hit]]:
        """Return for each probe, shape (m, d), the best ``k`` faces, best first, ties by id; scores are exact.

        Raises ShardsUnreachable if not every face could be compared.
        """
        if k < 1:
            raise ValueError(f"the best {k} are nothing")
        probes = checked_vectors(probes, len(self.rotation))
        if not len(probes):
            return []
        nearest, uncompared = self._nearest(probes, self.rescored(k), among)
        if uncompared:
            raise ShardsUnreachable(faces=f"{uncompared:,}")
        return rescore(probes, [ids for ids, _ in nearest], self._exact, k)

    def rescored(self, k: int) -> int:
        """Return how many faces are re-scored for the best ``k``."""
        return max(self._rescored, RESCORED_EACH * k)

    def shortlist(self, probe: Vector, most: int, *, among: Among = EVERY_FACE) -> Shortlist:
        """Return the ``most`` faces whose codes are closest, and how many faces no shard compared in time."""
        [(ids, rough)], uncompared = self._nearest(checked_vector(probe, len(self.rotation)), most, among)
        return Shortlist(ids, rough, uncompared)

    def sync(self, note: bytes = b"") -> None:  # noqa: ARG002 - the shards keep none
        """Make additions and removals durable where shards keep files. Raises IndexUnwritable if that fails."""
        self.shards.sync()

    @property
    def note(self) -> bytes:
        """Empty: what the shards have in files is compared with the store when an index is opened."""
        return b""

    @property
    def ids(self) -> FaceIds:
        """The ids of all faces that the shards should hold, shape (n,), in arbitrary order."""
        return np.concatenate([self.shards.ids(shard) for shard in range(len(self.shards))])

    @property
    def days(self) -> Days:
        """The days of capture of these faces, shape (n,), in their order."""
        return np.concatenate([self.shards.days(shard) for shard in range(len(self.shards))])

    def within(self, among: Among) -> int:
        """Count the faces that may be in an answer."""
        return sum(self.shards.within(shard, among) for shard in range(len(self.shards)))

    def __len__(self) -> int:
        return sum(len(self.shards.ids(shard)) for shard in range(len(self.shards)))

    def _route(self, pool: Executor, ids: FaceIds, turned: Vectors, days: Days) -> None:
        """Add faces to all their shards at once: each may be on a machine of its own."""
        home = homes(ids, len(self.shards))

        def add(shard: int) -> None:
            mine = home == shard
            self.shards.add(shard, ids[mine], turned[mine], days[mine])

        list(pool.map(add, np.unique(home).tolist()))

    def _nearest(self, probes: Vectors, most: int, among: Among) -> tuple[list[tuple[FaceIds, Scores]], int]:
        """Return for each probe the ``most`` faces whose codes are closest, and how many faces were not compared."""
        asked = [ShardQuery(self.shards.ids(shard), among) for shard in range(len(self.shards))]
        answers = self.shards.nearest(probes @ self.rotation, most, asked)
        uncompared = sum(
            len(one.ids) if answer is None else len(answer.lacks) for one, answer in zip(asked, answers, strict=True)
        )
        lists = [answer.nearest for answer in answers if answer is not None]
        return [_merged([nearest[at] for nearest in lists], most) for at in range(len(probes))], uncompared


class LocalShards:
    """Shards in this process; what is held on other machines is compared with them."""

    def __init__(self, shards: int, dimension: int) -> None:
        self._codes = [Codes(dimension) for _ in range(shards)]

    def __len__(self) -> int:
        return len(self._codes)

    def ids(self, shard: int) -> FaceIds:
        """Return the faces of a shard, shape (n,)."""
        return self._codes[shard].ids

    def days(self, shard: int) -> Days:
        """Return their days of capture, shape (n,)."""
        return self._codes[shard].days

    def within(self, shard: int, among: Among) -> int:
        """Count those that may be in an answer."""
        return self._codes[shard].within(among)

    def add(self, shard: int, ids: FaceIds, turned: Vectors, days: Days) -> None:
        """Add faces."""
        self._codes[shard].add(ids, turned, days)

    def remove(self, shard: int, ids: FaceIds) -> None:
        """Remove faces."""
        self._codes[shard].remove(ids)

    def nearest(self, turned: Vectors, most: int, asked: Sequence[ShardQuery]) -> Sequence[ShardAnswer | None]:
        """Return the answer of every shard."""
        return [
            ShardAnswer(codes.nearest(turned, [(most, one.among)] * len(turned)))
            for codes, one in zip(self._codes, asked, strict=True)
        ]

    def sync(self) -> None:
        """Do nothing: they are not stored."""


def _merged(lists: Sequence[tuple[FaceIds, Scores]], most: int) -> tuple[FaceIds, Scores]:
    """Return the ``most`` faces with the best scores of all lists, best first, ties by id."""
    ids = np.concatenate([np.empty(0, dtype=np.int64), *(some for some, _ in lists)])
    rough = np.concatenate([np.empty(0, dtype=np.float32), *(some for _, some in lists)])
    order = np.lexsort((ids, -rough))[:most]
    return ids[order], rough[order]


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return SplitMix64's output function of each number (Steele, Lea and Flood 2014)."""
    mixed = numbers + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[0]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[1]
    return mixed ^ (mixed >> np.uint64(31))
