"""Compressed codes of faces with their ids, in memory; the only module that calls turbovec."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from turbovec import TurboQuantIndex

from lineament.errors import Damaged
from lineament.index.base import Mask
from lineament.index.turnstile import Turnstile
from lineament.model.faces import FaceIds, Vectors
from lineament.model.scores import Scores

BITS = 4
"""Bits for each dimension. 2 bits would need a shortlist ten times as long."""
BLOCK = 8
"""turbovec needs dimensions in multiples of this."""
_FEW = 4
"""The most ids that are compared one by one."""


def damaged(why: str) -> Damaged:
    """Return the error for index files that cannot be used."""
    return Damaged(what="The index", why=why, remedy="it is derived, and is rebuilt from the store")


def scan_everything() -> None:
    """Make turbovec compare all bits of every code.

    If the processor has the instructions, turbovec 1.1 compares one bit plane of every code and drops all but a
    shortlist. Of the exact best 50 of a million faces that loses 0.6 %, with a mask 2.8 %, and different ones on
    another processor (docs/adr/0001-every-search-looks-at-every-face.md, bench/shortlist.py). The switch is an
    environment variable that turbovec reads once, so it is set before turbovec is first used.
    """
    os.environ["TURBOVEC_4BIT_PLANES"] = "0"


class Codes:
    """Codes by slot, and the id of each slot. A removal moves the last slot into the gap.

    Any number of threads may search; the caller's lock lets one thread change it at a time.
    """

    def __init__(self, codes: TurboQuantIndex, ids: FaceIds) -> None:
        self._codes = codes
        self._held = ids  # has spare room, so that adding seldom copies; never changed below _count
        self._count = len(ids)
        self._removals = 0
        self._turnstile = Turnstile()

    @classmethod
    def empty(cls, dimension: int) -> Codes:
        """Return codes of no faces. Raises ValueError unless the dimension is a multiple of 8."""
        if dimension < BLOCK or dimension % BLOCK:
            raise ValueError(f"{dimension} dimensions cannot be coded; a multiple of {BLOCK} can")
        scan_everything()
        return cls(TurboQuantIndex(dim=dimension, bit_width=BITS), np.empty(0, dtype=np.int64))

    @classmethod
    def load(cls, path: Path, ids: FaceIds, dimension: int) -> Codes:
        """Load codes that were synced to ``path``, whose slots belong to ``ids``. Raises Damaged if they do not fit."""
        scan_everything()
        try:
            codes = TurboQuantIndex.load(str(path))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic in Rust is not an Exception
            raise damaged(f"its codes cannot be loaded ({error})") from error
        if (codes.dim, codes.bit_width, len(codes)) != (dimension, BITS, len(ids)):
            raise damaged(f"{len(codes)} codes of {codes.dim} dimensions are there for {len(ids)} faces")
        _give_back_memory()
        return cls(codes, ids)

    @property
    def ids(self) -> FaceIds:
        """The ids by slot, shape (n,); read-only, and not affected by later changes."""
        with self._turnstile.reading():
            ids = self._held[: self._count]
        ids.flags.writeable = False
        return ids

    def __len__(self) -> int:
        return self._count

    def add(self, ids: FaceIds, vectors: Vectors) -> None:
        """Add unit vectors, shape (n, d), under new ids. Searches wait meanwhile, some 1 ms for 1,000."""
        with self._turnstile.writing():
            end = self._count + len(ids)
            self._held = _grow(self._held, self._count, end)
            self._held[self._count : end] = ids
            self._codes.add(vectors, chunk_size=0)
            self._count = end

    def remove(self, ids: FaceIds) -> int:
        """Remove those of ``ids`` that are there; return how many were."""
        wanted = np.unique(ids)
        held = self._held[: self._count]
        slots = np.flatnonzero(is_among(held, wanted))
        if len(slots):
            with self._turnstile.writing():
                remaining = held.copy()
                for last, slot in zip(range(len(held) - 1, -1, -1), slots[::-1].tolist(), strict=False):
                    self._codes.swap_remove(slot)
                    remaining[slot] = remaining[last]
                self._held = remaining
                self._count -= len(slots)
                self._removals += 1
        return len(slots)

    def nearest(self, probes: Vectors, most: int, among: Mask | None) -> Sequence[tuple[FaceIds, Scores]]:
        """Return for each probe, shape (m, d), the ``most`` faces whose codes are closest: ids and approximate scores.

        The mask is called without a lock, so it may be slow; it is called again if faces were removed meanwhile.
        """
        while True:
            if among is None:
                with self._turnstile.reading():
                    return self._scan_codes(probes, most, None)
            with self._turnstile.reading():
                removals, before = self._removals, self._held[: self._count]
            allowed = allowed_mask(among, before)
            with self._turnstile.reading():
                if removals == self._removals:
                    return self._scan_codes(probes, most, allowed)

    def sync(self, path: Path) -> None:
        """Write what is new durably, so that the file at ``path`` holds these codes. Raises OSError if that fails."""
        self._codes.sync(str(path))
        _give_back_memory()

    def _scan_codes(
        self, probes: Vectors, most: int, allowed: NDArray[np.bool_] | None
    ) -> Sequence[tuple[FaceIds, Scores]]:
        if not self._count:
            return [(self._held[:0], np.empty(0, dtype=np.float32))] * len(probes)
        if allowed is None:
            rough, slots = self._codes.search(probes, most, chunk_size=0)
        else:
            mask = np.zeros(self._count, dtype=np.bool_)  # faces added since the mask was called are left out
            mask[: len(allowed)] = allowed
            rough, slots = self._codes.search(probes, most, mask=mask, chunk_size=0)
        return list(zip(self._held.take(slots), rough, strict=True))


def _give_back_memory() -> None:
    """Return freed memory to the system: growing and writing leave as much again behind, which glibc keeps."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def allowed_mask(among: Mask, ids: FaceIds) -> NDArray[np.bool_]:
    """Return which of ``ids`` the mask lets through. Raises ValueError if its answer has another shape."""
    allowed = np.asarray(among(ids), dtype=np.bool_)
    if allowed.shape != ids.shape:
        raise ValueError(f"a mask of shape {allowed.shape} for {len(ids)} faces")
    return allowed


def _grow(held: FaceIds, count: int, needed: int) -> FaceIds:
    if needed <= len(held):
        return held
    grown = np.empty(max(needed, count + count // 2), dtype=np.int64)
    grown[:count] = held[:count]
    return grown


def is_among(held: FaceIds, wanted: FaceIds) -> NDArray[np.bool_]:
    """Return which of ``held`` are in ``wanted``, which is sorted: by comparison for few, by binary search for many."""
    found = np.zeros(len(held), dtype=np.bool_)
    if len(wanted) <= _FEW:
        for id_ in wanted:
            found |= held == id_
        return found
    places = np.searchsorted(wanted, held)
    np.equal(wanted[np.minimum(places, len(wanted) - 1)], held, out=found)
    return found
