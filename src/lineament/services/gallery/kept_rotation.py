"""The rotation of an index, kept beside it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from lineament.errors import Damaged
from lineament.index.rotation import Rotation, rotation
from lineament.store.keys import DataKey

_ROTATION = "rotation"
"""The file that keeps the rotation of an index, sealed under the source's key."""


def kept_rotation(folder: Path, key: DataKey, dimension: int) -> Rotation:
    """Return the rotation of an index: from its file, which only the source's key opens, or made anew and kept.

    Making one takes some 40 ms, so a gallery of a thousand sources would take 40 s more to open.
    """
    seed = key.derive("rotation")
    about = b"rotation|%d|%s" % (dimension, hashlib.sha256(b"lineament kept rotation\0" + seed).hexdigest().encode())
    path = folder / _ROTATION
    with suppress(OSError, Damaged):
        kept = np.frombuffer(key.open(path.read_bytes(), about), dtype="<f4")
        return kept.astype(np.float32).reshape(dimension, dimension)
    made = rotation(seed, dimension)
    with suppress(OSError):  # it is kept to save time, and nothing is lost without it
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = path.with_name(f"{_ROTATION}.new")
        beside.write_bytes(key.seal(made.astype("<f4").tobytes(), about))
        beside.replace(path)
    return made
