"""The compiled loops of scan.c: codes of faces in arrays, and probes that are compared with them.

``hatch_build.py`` compiles them when Lineament is installed. This module is their only caller: it gives them arrays of
the right shape and keeps those alive while they are used.
"""

from __future__ import annotations

import ctypes
import math
import mmap
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lineament.index.among import Among, Days
from lineament.model.faces import FaceIds, Vectors
from lineament.model.scores import Scores

BLOCK = 32
"""Faces whose codes lie together."""
WIDTH = 16
"""Bytes of two dimensions in a block."""
SPREAD = 3.0
"""Standard deviations of its error by which the coarse code of a face may be wrong without losing the face."""
ABOUT = np.dtype([("id", "<i8"), ("day", "<i4"), ("scale", "<f4")])
"""What is known of a face besides its code; the scale makes a sum of levels an inner product."""
_LARGE, _PAGE = 2**20, 2**21
"""Bytes of an array that is in large pages, and of such a page."""
_LIBRARY = Path(__file__).with_name("scan.so")


class _Faces(ctypes.Structure):
    _fields_ = (
        ("coarse", ctypes.c_void_p),
        ("fine", ctypes.c_void_p),
        ("about", ctypes.c_void_p),
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


def _fine_bytes(columns: int) -> int:
    """Return the bytes of a fine code: 32 for each 128 dimensions."""
    return -(-columns // 64) * 32


class CodedFaces:
    """The codes, ids and days of up to ``capacity`` faces; those below ``count`` are in use, the others are zero."""

    def __init__(self, capacity: int, columns: int, count: int = 0) -> None:
        """``capacity`` is a multiple of 32. The memory is not taken before it is written."""
        self.capacity = capacity
        self.columns = columns
        self.coarse = _zeros((capacity // BLOCK, columns * WIDTH), np.uint8)
        self.fine = _zeros((capacity, _fine_bytes(columns)), np.uint8)
        self.about = _zeros((capacity,), ABOUT)
        self.faces = _Faces(*(array.ctypes.data for array in (self.coarse, self.fine, self.about)), count)
        self.anew = True  # its files are written anew: they may have faces that it has not

    @property
    def ids(self) -> FaceIds:
        """The ids of the faces, shape (count,)."""
        ids: FaceIds = self.about["id"][: self.count]
        return ids

    @property
    def days(self) -> Days:
        """Their days of capture, shape (count,)."""
        days: Days = self.about["day"][: self.count]
        return days

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
        self.about["id"][start:end], self.about["day"][start:end] = ids, days
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
        self.anew = last.anew = True

    def clear_unused(self) -> None:
        """Clear what the last block in use holds behind the last face."""
        for slot in range(self.count, self.blocks * BLOCK):
            _library().lineament_clear(ctypes.byref(self.faces), slot, self.columns)

    def copied(self, capacity: int) -> CodedFaces:
        """Return a larger copy."""
        copy = CodedFaces(capacity, self.columns, self.count)
        copy.coarse[: self.blocks] = self.coarse[: self.blocks]
        for name in ("fine", "about"):
            getattr(copy, name)[: self.count] = getattr(self, name)[: self.count]
        copy.anew = self.anew
        return copy

    def within(self, among: Among) -> int:
        """Count the faces that may be in an answer."""
        probe = _Probe(first_day=among.first_day, last_day=among.last_day, after=among.after)
        return int(_library().lineament_count(ctypes.byref(self.faces), ctypes.byref(probe)))


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
        self._tables = np.zeros((many, self._columns * WIDTH), dtype=np.uint8)
        self._rounded = np.zeros((many, 4 * _fine_bytes(self._columns)), dtype=np.int8)
        self._heaps: list[tuple[Scores, FaceIds]] = []
        self._structs = (_Probe * many)()
        for number, (probe, (most, among)) in enumerate(zip(self._structs, wanted, strict=True)):
            vector, table, rounded = (
                array[number].ctypes.data for array in (self._probes, self._tables, self._rounded)
            )
            about = (vector, dimension, self._columns, SPREAD, table, rounded)
            _library().lineament_prepare(ctypes.byref(probe), *about)
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
        """How many faces were compared by both codes, for each probe."""
        return [int(probe.looked) for probe in self._structs]

    def best(self) -> list[tuple[FaceIds, Scores]]:
        """Return the best faces so far of each probe with their approximate scores, in any order."""
        held = (probe.held for probe in self._structs)
        return [(ids[:many], scores[:many]) for many, (scores, ids) in zip(held, self._heaps, strict=True)]


def is_fast() -> bool:
    """Return whether this processor has the instructions that make it fast."""
    return bool(_library().lineament_is_fast())


def _zeros(shape: tuple[int, ...], kind: DTypeLike) -> NDArray[Any]:
    """Return zeros. A large array is in large pages, and goes back to the system when it is no longer used."""
    size = math.prod(shape) * np.dtype(kind).itemsize
    if size < _LARGE:
        return np.zeros(shape, dtype=kind)
    memory = mmap.mmap(-1, size + _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    start = -np.frombuffer(memory, dtype=np.uint8).ctypes.data % _PAGE
    return np.frombuffer(memory, dtype=kind, count=math.prod(shape), offset=start).reshape(shape)


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
        "lineament_count": (pointer, pointer),
        "lineament_prepare": (pointer, pointer, whole, whole, real, pointer, pointer),
    }
    for name, arguments in signatures.items():
        getattr(library, name).argtypes = arguments
        getattr(library, name).restype = None
    library.lineament_is_fast.restype = ctypes.c_int
    library.lineament_count.restype = whole
    return library
