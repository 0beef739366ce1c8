"""Templates of an evaluation that are kept for the next one, by the digest of the picture and by the model."""

from __future__ import annotations

import lzma
import os
import struct
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineament.errors import Damaged, InvalidValue
from lineament.model.faces import Vector

FORMAT = 2
_UNREADABLE = (
    *(OSError, EOFError, ValueError, KeyError, OverflowError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)
"""What zipfile and NumPy raise for bytes that are no file of arrays."""
LARGEST = 16 * 2**30
"""Most bytes of a file of templates, unpacked."""

Key = tuple[str, str]
"""The SHA-256 of a picture, hexadecimal, and the name of its degradation; empty: none."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundTemplate:
    """The template of a picture, or why it has none."""

    vector: Vector | None
    enrollable: bool = False
    why: str = ""
    norm: float = 0.0  # of the embedding before normalisation


class TemplateCache:
    """Templates by picture and degradation; those of another model or another choice of face are not used."""

    def __init__(self, path: Path | None, made_by: str, dimension: int) -> None:
        """Read what is kept at ``path``; None keeps nothing.

        Args:
            path: A file in NumPy's format, which need not exist.
            made_by: Names everything that determines a template besides the picture.
            dimension: Of the templates.

        Raises:
            Damaged: There is something else at ``path``.
        """
        self._path = path
        self._made_by = made_by
        self._dimension = dimension
        self._kept: dict[Key, FoundTemplate] = {}
        self._changed = False
        self.stale = False
        """Whether the file held templates of another model or choice, which are not used."""
        if path is not None and path.exists():
            self._read(path)

    def get(self, key: Key) -> FoundTemplate | None:
        """Return what is kept of a picture."""
        return self._kept.get(key)

    def put(self, key: Key, found: FoundTemplate) -> None:
        """Keep what was found in a picture."""
        self._kept[key] = found
        self._changed = True

    def save(self) -> None:
        """Write everything, or nothing if it cannot be written completely. Raises OSError."""
        if self._path is None or not self._changed:
            return
        keys = sorted(self._kept)
        found = [self._kept[key] for key in keys]
        empty = np.zeros(self._dimension, np.float32)
        arrays = {
            "format": np.array(FORMAT),
            "made_by": np.array(self._made_by),
            "sha256": np.array([bytes.fromhex(sha256) for sha256, _ in keys], "S32"),
            "degradation": np.array([name for _, name in keys], np.str_),
            "why": np.array([each.why for each in found], np.str_),
            "enrollable": np.array([each.enrollable for each in found], np.bool_),
            "norms": np.array([each.norm for each in found], np.float32),
            "found": np.array([each.vector is not None for each in found], np.bool_),
            "vectors": np.array([empty if each.vector is None else each.vector for each in found], np.float32),
        }
        with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=f".{self._path.name}.", delete=False) as file:
            unfinished = Path(file.name)
            try:
                np.savez(file, allow_pickle=False, **arrays)
            except BaseException:
                unfinished.unlink()
                raise
        os.replace(unfinished, self._path)  # noqa: PTH105 - as in vision.packs
        self._changed = False

    def _read(self, path: Path) -> None:
        remedy = "delete it, or name another file"
        arrays = read_arrays(path, f"The cache {path}", remedy)
        try:
            if int(arrays["format"]) != FORMAT or str(arrays["made_by"]) != self._made_by:
                self.stale = True
                return
            names = ("sha256", "degradation", "why", "enrollable", "norms", "found", "vectors")
            digests, degradations, reasons, enrollable, norms, found, vectors = (arrays[name] for name in names)
            rows = len(digests)
            if vectors.shape != (rows, self._dimension) or vectors.dtype != np.float32:
                raise ValueError("its templates have another shape")
            if not np.isfinite(vectors).all() or {len(arrays[name]) for name in names} != {rows}:
                raise ValueError("its columns do not belong together")
            for row in range(rows):
                key = bytes(digests[row]).ljust(32, b"\0").hex(), str(degradations[row])
                vector = vectors[row] if found[row] else None
                self._kept[key] = FoundTemplate(vector, bool(enrollable[row]), str(reasons[row]), float(norms[row]))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise Damaged(what=f"The cache {path}", why=error, remedy=remedy) from error


def read_arrays(path: Path, what: str, remedy: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file in NumPy's format, which may hold no Python objects.

    Raises:
        Damaged: It is no such file, or too large; the error says ``what`` it is and the ``remedy``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise Damaged(what=what, why=f"it has more than {LARGEST >> 30} GiB unpacked", remedy=remedy)
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (*_UNREADABLE, MemoryError) as error:
        raise Damaged(what=what, why="it is no file of templates", remedy=remedy) from error


def checked_cache(path: Path) -> Path:
    """Return the path of a cache. Raises InvalidValue if it cannot be kept there."""
    if path.suffix != ".npz" or path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        why = "name a file that ends in .npz, in a folder that can be written to"
        raise InvalidValue(what="--cache", value=path, why=why)
    return path
