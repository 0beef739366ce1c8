"""The compiled loops of scan.c: codes of faces in arrays, and probes that are compared with them.

``hatch_build.py`` compiles them when Lineament is installed. This module is their only caller: it gives them arrays of
the right shape and keeps those alive while they are used.
"""

from __future__ import annotations

import ctypes
import math
import mmap
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineament.index.among import Among, Days
from lineament.model.faces import FaceIds, Vectors
from lineament.model.scores import Scores

BLOCK = 32
"""Faces whose codes lie together."""
WIDTH = 16
"""Bytes of two dimensions in a block."""
SPREAD = 3.5
"""Standard deviations of its error by which the coarse code of a face may be wrong without losing the face."""
_LARGE = 2**20
"""Bytes."""
_LIBRARY = Path(__file__).with_name("scan.so")


class _Faces(ctypes.Structure):
    _fields_ = (
        ("coarse", ctypes.c_void_p),
        ("fine", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("ids", ctypes.c_void_p),
        ("days", ctypes.c_void_p),
        ("count", ctypes.c_int64),
    )


class _Probe(ctypes.Structure):
    _fields_ = (
        ("coarse", ctypes.c_void_p),
        ("fine", ctypes.c_void_p),
        ("coarse_step", ctypes.c_float),
        ("fine_step", ctypes.c_float),
        ("bias", ctypes.c_float),
        ("slope", ctypes.c_float),
        ("offset", ctypes.c_float),
        ("margin", ctypes.c_float),
        ("first_day", ctypes.c_int32),
        ("last_day", ctypes.c_int32),
        ("after", ctypes.c_int64),
        ("most", ctypes.c_int64),
        ("scores", ctypes.c_void_p),
        ("ids", ctypes.c_void_p),
        ("held", ctypes.c_int64),
        ("cut", ctypes.c_int64),
        ("looked", ctypes.c_int64),
    )


def columns_of(dimension: int) -> int:
    """Return how many columns of two dimensions a code has: a multiple of eight, the rest of which stays empty."""
    return -(-dimension // 16) * 8


class CodedFaces:
    """The codes, ids and days of up to ``capacity`` faces; those below ``count`` are in use, the others are zero."""

    def __init__(self, capacity: int, columns: int, count: int = 0) -> None:
        """``capacity`` is a multiple of 32. The memory is not taken before it is written."""
        self.capacity = capacity
        self.columns = columns
        codes = (capacity // BLOCK, columns * WIDTH)
        self.coarse, self.fine = _zeros(codes, np.uint8), _zeros(codes, np.uint8)
        self.scales: Scores = _zeros((capacity,), np.float32)
        self.ids: FaceIds = _zeros((capacity,), np.int64)
        self.days: Days = _zeros((capacity,), np.int32)
        arrays = (self.coarse, self.fine, self.scales, self.ids, self.days)
        self.faces = _Faces(*(array.ctypes.data for array in arrays), count)

    @property
    def count(self) -> int:
        """How many faces there are."""
        return int(self.faces.count)

    @count.setter
    def count(self, count: int) -> None:
        self.faces.count = count

    @property
    def blocks(self) -> int:
        """How many blocks are in use."""
        return -(-self.count // BLOCK)

    def add(self, ids: FaceIds, vectors: Vectors, days: Days) -> None:
        """Add faces behind those that are there: unit vectors, turned, of shape (n, d); there has to be room."""
        start, end = self.count, self.count + len(ids)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        dimension = vectors.shape[1]
        if end > self.capacity or columns_of(dimension) != self.columns or len(vectors) != len(ids):
            raise ValueError(f"{vectors.shape} vectors do not fit into {self.capacity - start} slots")
        self.ids[start:end], self.days[start:end] = ids, days
        faces = ctypes.byref(self.faces)
        _library().lineament_encode(faces, start, vectors.ctypes.data, len(ids), dimension, self.columns)
        self.count = end  # last, so that a search that runs meanwhile sees whole faces

    def take_last(self, slot: int, last: CodedFaces) -> None:
        """Replace the face in a slot by the last face of ``last``, which may be this very object."""
        if not 0 <= slot < self.count or not last.count:
            raise ValueError(f"slot {slot} of {self.count} is not in use")
        ending = last.count - 1
        if last is self and slot == ending:
            _library().lineament_clear(ctypes.byref(self.faces), slot, self.columns)
        else:
            faces, others = ctypes.byref(self.faces), ctypes.byref(last.faces)
            _library().lineament_move(faces, slot, others, ending, self.columns)
        last.count = ending

    def clear_unused(self) -> None:
        """Clear what the last block in use holds behind the last face."""
        for slot in range(self.count, self.blocks * BLOCK):
            _library().lineament_clear(ctypes.byref(self.faces), slot, self.columns)

    def copied(self, capacity: int) -> CodedFaces:
        """Return a larger copy."""
        copy = CodedFaces(capacity, self.columns, self.count)
        copy.coarse[: self.blocks], copy.fine[: self.blocks] = self.coarse[: self.blocks], self.fine[: self.blocks]
        for mine, its in ((self.scales, copy.scales), (self.ids, copy.ids), (self.days, copy.days)):
            its[: self.count] = mine[: self.count]
        return copy

    def within(self, among: Among) -> int:
        """Count the faces that may be in an answer."""
        faces = ctypes.byref(self.faces)
        return int(_library().lineament_count(faces, among.first_day, among.last_day, among.after))


class CodeScan:
    """Some probes, being compared with faces: what each is looked up in, and the best so far of each."""

    def __init__(self, probes: Vectors, wanted: Sequence[tuple[int, Among]], *, plainly: bool = False) -> None:
        """Prepare probes, turned as the faces are, of shape (m, d); for each how many faces are wanted, among which.

        ``plainly``: without special instructions of the processor, with the same result.
        """
        self._probes = np.ascontiguousarray(probes, dtype=np.float32)
        many, dimension = self._probes.shape
        self._columns = columns_of(dimension)
        self._plainly = plainly
        self._tables = np.zeros((many, 2, self._columns * WIDTH), dtype=np.uint8)
        self._heaps: list[tuple[Scores, FaceIds]] = []
        self._structs = (_Probe * many)()
        room = np.empty(self._columns * WIDTH, dtype=np.float32)
        for probe, vector, tables, (most, among) in zip(self._structs, self._probes, self._tables, wanted, strict=True):
            places = [table.ctypes.data for table in tables]
            _library().lineament_prepare(
                ctypes.byref(probe), vector.ctypes.data, dimension, self._columns, SPREAD, *places, room.ctypes.data
            )
            probe.first_day, probe.last_day, probe.after = among.first_day, among.last_day, among.after
            probe.most, probe.held, probe.cut, probe.looked = most, 0, 0, 0
            self._heaps.append((np.empty(most, dtype=np.float32), np.empty(most, dtype=np.int64)))
            probe.scores, probe.ids = (array.ctypes.data for array in self._heaps[-1])

    def run(self, slots: Iterable[CodedFaces], share: int = 0, of: int = 1) -> CodeScan:
        """Compare with the faces of ``slots``, or with one of several equal shares of them.

        Nobody may move these faces meanwhile; those that are added are left out. Releases Python's lock.
        """
        for some in slots:
            if some.columns != self._columns:
                raise ValueError(f"codes of {some.columns} columns cannot be compared with {self._columns}")
            faces = _Faces.from_buffer_copy(some.faces)  # as many as there are now
            first, last = (-(-faces.count // BLOCK) * part // of for part in (share, share + 1))
            structs = (self._structs, len(self._structs), self._columns, self._plainly)
            _library().lineament_compare(ctypes.byref(faces), first, last, *structs)
        return self

    @property
    def looked(self) -> list[int]:
        """How many blocks were compared by both codes, for each probe."""
        return [int(probe.looked) for probe in self._structs]

    def best(self) -> list[tuple[FaceIds, Scores]]:
        """Return the best faces so far of each probe with their approximate scores, in any order."""
        held = (probe.held for probe in self._structs)
        return [(ids[:many], scores[:many]) for many, (scores, ids) in zip(held, self._heaps, strict=True)]


def is_fast() -> bool:
    """Return whether this processor has the instructions that make it fast."""
    return bool(_library().lineament_is_fast())


def _zeros(shape: tuple[int, ...], kind: type[np.generic]) -> NDArray[Any]:
    """Return an array of zeros. A large one goes back to the system at once when it is no longer used."""
    size = math.prod(shape) * np.dtype(kind).itemsize
    if size < _LARGE:
        return np.zeros(shape, dtype=kind)
    return np.frombuffer(mmap.mmap(-1, size), dtype=kind).reshape(shape)


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_LIBRARY))
    pointer, whole, real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float
    signatures = {
        "lineament_is_fast": (),
        "lineament_compare": (pointer, whole, whole, pointer, whole, whole, ctypes.c_int),
        "lineament_encode": (pointer, whole, pointer, whole, whole, whole),
        "lineament_move": (pointer, whole, pointer, whole, whole),
        "lineament_clear": (pointer, whole, whole),
        "lineament_count": (pointer, ctypes.c_int32, ctypes.c_int32, whole),
        "lineament_prepare": (pointer, pointer, whole, whole, real, pointer, pointer, pointer),
    }
    for name, arguments in signatures.items():
        getattr(library, name).argtypes = arguments
        getattr(library, name).restype = None
    library.lineament_is_fast.restype = ctypes.c_int
    library.lineament_count.restype = whole
    return library
