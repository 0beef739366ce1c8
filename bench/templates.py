"""Generates millions of templates that resemble those of faces, and a store that holds them sealed.

The model is all of LFW with the pack sface-yunet: strangers reach a cosine of 0.364 at a rate of 1e-3, 0.427 at 1e-4
and 0.490 at 1e-5; two pictures of one person have 0.65 on average, and d' is 5.8.

- A direction: normal numbers whose variance falls by a factor of e every 35 of 128 dimensions, of unit length.
- A person is half such a direction and half that of one of 10,000 kinds: people of one kind look alike. Without kinds
  the best of a million strangers would be too far away.
- A picture is ``a`` times the person plus ``sqrt(1 - a²)`` times another direction, with ``a`` random for each picture
  around 0.806 (0.083): two pictures of one person have ``a₁a₂`` on average, and some much less, as in reality.
- A million faces show 400,000 people, so a person has 2.5 pictures; probes are further pictures of enrolled people.

``python -m bench.templates`` prints how close they come.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineament.model.faces import SourceId
from lineament.model.sources import SourceTerms
from lineament.services.keyholder import about_source
from lineament.store.db import Store
from lineament.store.holders.file import FileHolder
from lineament.store.keys import DataKey
from lineament.store.ring import KeyRing
from lineament.store.sources import count

DIMENSION = 128
MODEL = "made/1"
KINDS = 10_000
DAYS = 2000
"""The day of capture of a face is the rest of its id divided by this."""
_SPREAD = np.sqrt(np.exp(-np.arange(DIMENSION) / 35)).astype(np.float32)
_CHUNK = 100_000
_PART = 1_000_000
_ABOUT = about_source("made")

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Templates:
    """A gallery (row 0 has id 1), probes, and the person of each row."""

    gallery: Vectors
    people: NDArray[np.int64]  # of each row
    probes: Vectors
    probe_people: NDArray[np.int64]


def generate(faces: int, probes: int, seed: int = 1) -> Templates:
    """Return ``faces`` templates of enrolled people, and ``probes`` further ones of the same people."""
    random = np.random.default_rng(seed)
    return _generated(random, _directions(random, KINDS), faces, probes)


def parts(faces: int, probes: int, most: int, seed: int = 1) -> Iterator[Templates]:
    """Yield the same in parts of at most ``most`` faces, each with people and probes of its own, for little memory."""
    random = np.random.default_rng(seed)
    kinds = _directions(random, KINDS)
    people = 0
    for start in range(0, faces, most):
        end = min(faces, start + most)
        made = _generated(random, kinds, end - start, probes * end // faces - probes * start // faces)
        yield replace(made, people=made.people + people, probe_people=made.probe_people + people)
        people += int(made.people.max()) + 1


def write(path: Path, faces: int, probes: int) -> Templates:
    """Write a gallery to a file, a million faces at a time; return the file as an array, with its people and probes."""
    gallery = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(faces, DIMENSION))
    written, start = [], 0
    for part in parts(faces, probes, _PART):
        gallery[start : start + len(part.gallery)] = part.gallery
        start += len(part.gallery)
        written.append((part.people, part.probes, part.probe_people))
    return Templates(gallery, *(np.concatenate(arrays) for arrays in zip(*written, strict=True)))


def _generated(random: np.random.Generator, kinds: Vectors, faces: int, probes: int) -> Templates:
    count = max(1, faces * 2 // 5)
    directions = _unit(kinds[random.integers(0, KINDS, count)] + _directions(random, count))
    people = random.integers(0, len(directions), faces)
    gallery = np.empty((faces, DIMENSION), dtype=np.float32)
    for start in range(0, faces, _CHUNK):
        gallery[start : start + _CHUNK] = _pictures(random, directions[people[start : start + _CHUNK]])
    probe_people = people[random.integers(0, faces, probes)]
    return Templates(gallery, people, _pictures(random, directions[probe_people]), probe_people)


def _directions(random: np.random.Generator, count: int) -> Vectors:
    return _unit(random.standard_normal((count, DIMENSION), dtype=np.float32) * _SPREAD)


def _pictures(random: np.random.Generator, people: Vectors) -> Vectors:
    share = np.clip(random.normal(0.806, 0.083, (len(people), 1)), 0.4, 0.98).astype(np.float32)
    return _unit(share * people + np.sqrt(1 - share * share) * _directions(random, len(people)))


def _unit(vectors: Vectors) -> Vectors:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def exact_best(gallery: Vectors, probes: Vectors, most: int) -> np.ndarray:
    """Return the rows of the exact best of a gallery, which may be a file, shape (probes, most), best first."""
    best = np.empty((len(probes), 0), dtype=np.int64)
    scores = np.empty((len(probes), 0), dtype=np.float32)
    for start in range(0, len(gallery), 500_000):
        some = probes @ gallery[start : start + 500_000].T
        rows = np.argpartition(-some, min(most, some.shape[1] - 1), axis=1)[:, :most]
        best = np.concatenate([best, rows + start], axis=1)
        scores = np.concatenate([scores, np.take_along_axis(some, rows, 1)], axis=1)
    order = np.argsort(-scores, axis=1)[:, :most]
    return np.take_along_axis(best, order, 1)


# ---------------------------------------------------------------- the store


def store(folder: Path, gallery: Vectors) -> None:
    """Create the SQLite store of a workspace with all faces sealed, bypassing the mapper to save time."""
    keys = KeyRing.in_file(folder / "kek")
    (folder / "ring").write_text(keys.wrapped(keys.keys))
    wrapped = keys.new_data_key(_ABOUT)
    created = Store.create(_url(folder), keys.vault)
    with created.begin() as tx:
        terms = SourceTerms(name="made", controller="bench", basis="made up", jurisdiction="FR")
        tx.sources.add(terms, wrapped, datetime.now(UTC))
    created.close()
    (folder / "wrapped").write_bytes(wrapped)
    key = keys.unwrap(wrapped, _ABOUT)
    raw = sqlite3.connect(folder / "store.db", isolation_level=None)
    raw.execute("PRAGMA synchronous = OFF")
    raw.execute("BEGIN")
    capture = {"id": 1, "source_id": 1, "finding": bytes(32), "uri": "made:", "sha256": bytes(32), "phash": bytes(32)}
    capture |= {"media_type": "image/jpeg", "size": 1, "width": 1, "height": 1, "enrolled_at": "2025-01-01 00:00:00"}
    capture |= {"evidence": "{}", "barred": False}
    _insert(raw, "captures", capture, [tuple(capture.values())])
    names = ("id", "capture_id", "source_id", "model", "captured_day", "x", "y", "width", "height")
    _insert(
        raw,
        "faces",
        [*names, "landmarks", "quality", "crop"],
        (_face(face_id) for face_id in range(1, len(gallery) + 1)),
    )
    _insert(raw, "templates", ["face_id", "source_id", "model", "sealed"], _sealed(gallery, key))
    raw.execute("UPDATE counters SET value = ? WHERE name = 'face'", (len(gallery),))
    raw.execute("COMMIT")
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    filled, key = opened(folder)
    with filled.begin() as tx:
        count(tx.connection, 1, captures=1, faces=len(gallery), last_face=len(gallery))
        tx.tallies.recount(SourceId(1), key)
    filled.close()


def opened(folder: Path) -> tuple[Store, DataKey]:
    """Open the store; return it with the key of its source."""
    keys = key_ring(folder)
    return Store.open(_url(folder), keys.vault), keys.unwrap((folder / "wrapped").read_bytes(), _ABOUT)


def key_ring(folder: Path) -> KeyRing:
    """Return the keys of the store."""
    keys = KeyRing(FileHolder(folder / "kek"))
    keys.at((folder / "ring").read_text())
    return keys


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.db'}"


def _insert(raw: sqlite3.Connection, table: str, names: Any, rows: Any) -> None:
    names = list(names)
    places = ", ".join("?" * len(names))
    raw.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", rows)


def _face(face_id: int) -> tuple[object, ...]:
    landmarks, quality = "[" + "123.456, " * 10 + "1]", '{"' + "x" * 180 + '": 1}'  # of realistic length
    return (face_id, 1, 1, MODEL, face_id % DAYS, 1.5, 1.5, 99.5, 99.5, landmarks, quality, face_id.to_bytes(32, "big"))


def _sealed(gallery: Vectors, key: DataKey) -> Any:
    aead = key.templates.aead
    for start in range(0, len(gallery), _CHUNK):  # which may be a file
        for face_id, vector in enumerate(np.array(gallery[start : start + _CHUNK]), start + 1):
            nonce = os.urandom(12)
            about = b"template|1|%d|%s" % (face_id, MODEL.encode())
            yield face_id, 1, MODEL, nonce + aead.encrypt(nonce, vector.tobytes(), about)


def main() -> None:
    """Print how close the generated templates come to those of faces."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=200)
    options = parser.parse_args()
    data = generate(options.faces, options.probes)
    scores = data.probes @ data.gallery.T
    mated = data.probe_people[:, np.newaxis] == data.people[np.newaxis, :]
    print(f"two pictures of one person: {scores[mated].mean():.3f}, standard deviation {scores[mated].std():.3f}")
    strangers = scores[~mated]
    strangers.sort()
    for rate in (1e-3, 1e-4, 1e-5, 1e-6):
        print(f"strangers reach {strangers[-max(1, int(rate * len(strangers)))]:.3f} at a rate of {rate:g}")
    scores[mated] = -1
    print(f"the best of {options.faces:,} strangers: {np.median(scores.max(axis=1)):.3f} (median)")


if __name__ == "__main__":
    main()
