"""What one shard holds in its process: its part of every index, as codes of turned vectors.

A shard has neither a rotation nor a key of a source. It gets turned vectors and turned probes, and for each index a
key that authenticates the files it keeps of it, from which nothing else follows.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lineament.errors import Damaged, NotFound
from lineament.index.among import Among, Days
from lineament.index.codes import Codes
from lineament.index.folder import Coding, IndexFolder
from lineament.index.turnstile import Turnstile
from lineament.model.faces import FaceIds, Vectors
from lineament.model.scores import Scores

_REMEMBERED = 256
"""Changes that a part remembers; whoever missed more gets all ids."""
_KEPT = re.compile(r"head|(coarse|fine|faces)-[0-9a-f]{16}")
_NONE: FaceIds = np.empty(0, dtype=np.int64)
_NO_DAYS: Days = np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class PartKey:
    """Names the part of an index, authenticates its files, and says how its codes are made."""

    name: str  # 64 hexadecimal digits: of its source, its model, and its key
    secret: bytes
    coding: Coding

    @classmethod
    def of(cls, place: Sequence[str], head_key: bytes, coding: Coding) -> PartKey:
        """Return the key of an index, which is kept at ``place``, its source and model.

        Both its name and its secret follow from the key that authenticates the heads of an index, not the reverse.
        """
        name = prefix(place) + hmac.digest(head_key, b"lineament part name", "sha256").hex()[:32]
        return cls(name, hmac.digest(head_key, b"lineament part head", "sha256"), coding)


def prefix(place: Sequence[str]) -> str:
    """Return what the names of all parts of a source begin with, or of a source and a model."""
    return "".join(hashlib.sha256(each.encode()).hexdigest()[:16] for each in place)


@dataclass(frozen=True, slots=True)
class PartState:
    """The faces that a part holds, as a point in its history."""

    generation: str  # another one each time that the part is opened
    version: int  # how often its faces changed since
    faces: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What an addition or removal did: how many faces it changed, and the state after it."""

    faces: int
    state: PartState


@dataclass(frozen=True, slots=True)
class Changes:
    """What was added to a part and removed from it up to a state; ``whole``: the added are all that it holds."""

    state: PartState
    added: FaceIds
    days: Days  # of capture, of those added
    removed: FaceIds
    whole: bool


class Part:
    """The codes of one index in one shard, with a history that clients follow."""

    def __init__(self, folder: Path, key: PartKey) -> None:
        """Open what ``folder`` holds; start empty if that is nothing or cannot be used."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.key = key
        self._folder = IndexFolder(folder, key.coding, key.secret)
        try:
            self._codes = self._folder.read()
        except (FileNotFoundError, Damaged):
            self._codes = Codes(key.coding.dimension)
        self._codes.threads = 1  # a machine holds as many shards as it has processors
        self._generation = secrets.token_hex(8)
        self._version = 0
        self._changes: deque[tuple[FaceIds, Days, FaceIds]] = deque(maxlen=_REMEMBERED)  # added, their days; removed
        self._turnstile = Turnstile()
        self._change_lock = threading.Lock()

    def state(self) -> PartState:
        """Return what it holds now."""
        with self._turnstile.reading():
            return self._state()

    def add(self, ids: FaceIds, turned: Vectors, days: Days) -> Applied:
        """Add those that are not there yet."""
        with self._change_lock:
            held = self._codes.ids
            new = np.ones(len(ids), dtype=bool)
            if len(ids) and len(held) and ids.min() <= held.max():  # seldom: sorting all is slow
                new = ~np.isin(ids, held)
            if new.any():
                with self._turnstile.writing():
                    self._codes.add(ids[new], turned[new], days[new])
                    return Applied(int(new.sum()), self._changed(ids[new], days[new], _NONE))
            return Applied(0, self._state())

    def remove(self, ids: FaceIds) -> Applied:
        """Remove those that are there."""
        with self._change_lock:
            gone = np.intersect1d(ids, self._codes.ids)
            if len(gone):
                with self._turnstile.writing():
                    self._codes.remove(gone)
                    return Applied(len(gone), self._changed(_NONE, _NO_DAYS, gone))
            return Applied(0, self._state())

    def changes(self, generation: str, version: int) -> Changes:
        """Return what changed since a state."""
        with self._turnstile.reading():
            missed = self._version - version
            if generation != self._generation or not 0 <= missed <= len(self._changes):
                return Changes(self._state(), self._codes.ids, self._codes.days, _NONE, whole=True)
            added, days, removed = _NONE, _NO_DAYS, _NONE
            for more, of_each, gone in list(self._changes)[len(self._changes) - missed :]:
                stay = ~np.isin(added, gone)
                added, days = np.concatenate([added[stay], more]), np.concatenate([days[stay], of_each])
                removed = np.union1d(np.setdiff1d(removed, more), gone)
            order = np.argsort(added)
            return Changes(self._state(), added[order], days[order], removed, whole=False)

    def nearest(
        self, since: tuple[str, int], turned: Vectors, most: int, among: Among
    ) -> list[tuple[FaceIds, Scores]] | None:
        """Return for each probe the ``most`` faces whose codes are closest; None if it is not in that state."""
        with self._turnstile.reading():
            if since != (self._generation, self._version):
                return None
            return self._codes.nearest(turned, [(most, among)] * len(turned))

    def sync(self) -> None:
        """Write it to its folder."""
        with self._change_lock:
            self._folder.write(self._codes)

    def _state(self) -> PartState:
        return PartState(self._generation, self._version, len(self._codes))

    def _changed(self, added: FaceIds, days: Days, removed: FaceIds) -> PartState:
        self._version += 1
        self._changes.append((added, days, removed))
        return self._state()


class HeldShard:
    """One copy of a shard. Its methods may be called by any number of threads at once."""

    def __init__(self, folder: str) -> None:
        """``folder`` is on the disk of the machine that runs it; nobody else writes there."""
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._parts: dict[str, Part] = {}
        self._lock = threading.Lock()

    def open(self, key: PartKey) -> PartState:
        """Open the part of an index, from its files if there are any."""
        home = self._home(key.name)
        with self._lock:
            if key.name not in self._parts:
                self._parts[key.name] = Part(home, key)
            return self._parts[key.name].state()

    def keys(self) -> list[PartKey]:
        """Return the keys of the open parts, for another copy of this shard."""
        with self._lock:
            return [part.key for part in self._parts.values()]

    def states(self) -> dict[str, PartState]:
        """Return the state of each part that is open."""
        with self._lock:
            parts = dict(self._parts)
        return {name: part.state() for name, part in parts.items()}

    def changes(self, name: str, generation: str, version: int) -> Changes | None:
        """Return what changed in a part since a state; None if it is not open."""
        part = self._parts.get(name)
        return None if part is None else part.changes(generation, version)

    def add(self, name: str, ids: FaceIds, turned: Vectors, days: Days) -> Applied | None:
        """Add faces to a part; None if it is not open."""
        part = self._parts.get(name)
        return None if part is None else part.add(ids, turned, days)

    def remove(self, name: str, ids: FaceIds) -> Applied | None:
        """Remove faces from a part; None if it is not open."""
        part = self._parts.get(name)
        return None if part is None else part.remove(ids)

    def nearest(
        self, name: str, since: tuple[str, int], turned: Vectors, most: int, among: Among
    ) -> list[tuple[FaceIds, Scores]] | None:
        """Return the faces of a part that are closest to probes; None unless it is in that state."""
        part = self._parts.get(name)
        return None if part is None else part.nearest(since, turned, most, among)

    def sync(self, name: str) -> bool:
        """Write a part to its folder; return whether it is open."""
        part = self._parts.get(name)
        if part is not None:
            part.sync()
        return part is not None

    def drop(self, names: str) -> bool:
        """Close all parts whose names begin so, and delete their files; return whether they are gone."""
        if not re.fullmatch(r"[0-9a-f]{16,64}", names):
            raise ValueError("the names of parts begin with 16 to 64 hexadecimal digits")
        with self._lock:
            for name in [name for name in self._parts if name.startswith(names)]:
                del self._parts[name]
            for home in self._folder.glob(f"{names}*"):
                shutil.rmtree(home, ignore_errors=True)
            return not any(self._folder.glob(f"{names}*"))

    def discard(self) -> None:
        """Close every part and delete all files; another copy has them."""
        with self._lock:
            self._parts.clear()
            shutil.rmtree(self._folder, ignore_errors=True)

    def kept(self) -> dict[str, dict[str, int]]:
        """Write every open part; return the parts that have files, and the size of each file."""
        with self._lock:
            parts = list(self._parts.values())
        for part in parts:
            part.sync()
        found = {}
        for home in self._folder.iterdir():
            files = [path for path in home.iterdir() if _KEPT.fullmatch(path.name)]
            found[home.name] = {path.name: path.stat().st_size for path in files}
        return found

    def piece(self, name: str, file: str, at: int, size: int) -> bytes:
        """Return a piece of a file of a part, for another copy of this shard. Raises NotFound if it is gone."""
        try:
            with (self._home(name) / _file_name(file)).open("rb") as opened:
                opened.seek(at)
                return opened.read(size)
        except FileNotFoundError:
            raise NotFound(what="file of a shard", name=file, hint="lineament cluster status") from None

    def take(self, name: str, file: str, at: int, piece: bytes) -> None:
        """Keep a piece of a file that another copy of this shard had; the part is opened from it later."""
        home = self._home(name)
        home.mkdir(mode=0o700, exist_ok=True)
        with (home / _file_name(file)).open("r+b" if at else "wb") as opened:
            opened.seek(at)
            opened.write(piece)

    def _home(self, name: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", name):
            raise ValueError("the name of a part is 64 hexadecimal digits")
        return self._folder / name


def _file_name(file: str) -> str:
    if not _KEPT.fullmatch(file):
        raise ValueError("no part has such a file")
    return file
