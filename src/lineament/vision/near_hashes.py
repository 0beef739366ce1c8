"""Finds the perceptual hashes that differ from one in few bits, among millions.

A hash has 16 bands of 16 bits. Two hashes that differ in at most 31 bits differ in at most one bit in some band: so
only hashes with a band that is equal, or differs in one bit, are compared. Each takes about 100 bytes of memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HASH_BYTES = 32
MOST_BITS = 31
"""The greatest distance that is found: with 16 more bits, every band of two hashes could differ in two."""

_BANDS = 16
_VALUES = 2**16
_FLIPS = np.array([0, *(1 << bit for bit in range(16))], np.uint16)


class NearHashes:
    """A set of 256-bit hashes. It does not change once it is made, so that threads may share it."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        """Take hashes of HASH_BYTES bytes; equal ones count once."""
        unique = np.frombuffer(b"".join(dict.fromkeys(hashes)), np.uint8).reshape(-1, HASH_BYTES)
        self._hashes: NDArray[np.uint64] = np.ascontiguousarray(unique).view(np.uint64)
        bands = np.ascontiguousarray(unique).view(np.uint16).T
        self._order = [np.argsort(band, kind="stable").astype(np.uint32) for band in bands]
        bounds = np.arange(_VALUES + 1)
        self._starts = [
            np.searchsorted(band[order], bounds).astype(np.uint32)
            for band, order in zip(bands, self._order, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._hashes)

    def distance(self, hash_: bytes) -> int | None:
        """Return in how many bits the nearest hash differs; None if none differs in MOST_BITS or fewer."""
        if len(hash_) != HASH_BYTES or not len(self):
            return None
        some: list[NDArray[np.uint32]] = []
        for band, order, starts in zip(np.frombuffer(hash_, np.uint16), self._order, self._starts, strict=True):
            values = (_FLIPS ^ band).astype(np.uint32)
            filled = values[starts[values] < starts[values + 1]]
            some.extend(order[starts[value] : starts[value + 1]] for value in filled)
        if not some:
            return None
        near = self._hashes[np.unique(np.concatenate(some))]
        differing = np.bitwise_count(near ^ np.frombuffer(hash_, np.uint64)).sum(axis=1)
        nearest = int(differing.min())
        return nearest if nearest <= MOST_BITS else None
