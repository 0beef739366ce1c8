"""The keys of a workspace: a ring in the database, wrapped by whoever holds the key-encryption key (docs/adr/0025).

The ring holds the workspace's key, in one generation or, while it is being rotated, in two: the newest seals, both
open. The database holds the ring, so a transaction always has the keys of the rows that it sees. Two secrets of the
ring are never rotated, because what they make cannot be made again: ``root``, from which the ledger's signing seed and
the keys of the lists of digests come, and ``finding``, which keys the lookups. Neither opens anything.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lineament.errors import Damaged, WrongKey
from lineament.store.holders.base import KeyHolder
from lineament.store.holders.file import FileHolder
from lineament.store.keys import KEY_BYTES, Cipher, DataKey, Vault, subkey

if TYPE_CHECKING:
    from lineament.store.db import Store

RING = "key ring"
"""The fact in ``meta`` that holds the wrapped ring."""
_KEY_CHECK = "key check"
"""The fact that a workspace before 0.4 held instead: it tells whether a key file is its own."""
_ABOUT = b"lineament key ring 1"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Generation:
    """The workspace's key of one generation: what wraps data keys, and what seals the vault."""

    number: int
    wrapping: bytes
    sealing: bytes

    @classmethod
    def new(cls, number: int) -> Self:
        """Return a random one."""
        return cls(number=number, wrapping=os.urandom(KEY_BYTES), sealing=os.urandom(KEY_BYTES))


@dataclass(frozen=True, kw_only=True, repr=False)
class Keys:
    """An open ring. Its repr shows nothing of it."""

    generations: tuple[Generation, ...]  # the newest first; one, or two during a rotation
    root: bytes
    finding: bytes

    @cached_property
    def vault(self) -> Vault:
        """For everything that names agencies and officials."""
        found: Vault | None = None
        for generation in reversed(self.generations):
            found = Vault(generation.sealing, self.finding, found)
        assert found is not None  # noqa: S101 - a ring has at least one generation
        return found

    @cached_property
    def wrapping(self) -> Cipher:
        """For data keys."""
        found: Cipher | None = None
        for generation in reversed(self.generations):
            found = Cipher(generation.wrapping, found)
        assert found is not None  # noqa: S101 - as above
        return found

    def to_bytes(self) -> bytes:
        """Return the ring for its holder to wrap."""
        generations = [
            {"number": each.number, "wrapping": each.wrapping.hex(), "sealing": each.sealing.hex()}
            for each in self.generations
        ]
        held = {"root": self.root.hex(), "finding": self.finding.hex(), "generations": generations}
        return json.dumps(held, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Return what ``to_bytes`` gave."""
        held = json.loads(content)
        generations = tuple(
            Generation(
                number=each["number"],
                wrapping=bytes.fromhex(each["wrapping"]),
                sealing=bytes.fromhex(each["sealing"]),
            )
            for each in held["generations"]
        )
        return cls(generations=generations, root=bytes.fromhex(held["root"]), finding=bytes.fromhex(held["finding"]))

    @classmethod
    def new(cls) -> Self:
        """Return a random ring."""
        return cls(generations=(Generation.new(1),), root=os.urandom(KEY_BYTES), finding=os.urandom(KEY_BYTES))

    @classmethod
    def of_older(cls, kek: bytes) -> Self:
        """Return the ring of a workspace before 0.4, which derived everything from the key in its file."""
        generation = Generation(number=0, wrapping=subkey(kek, "wrapping"), sealing=subkey(kek, "vault"))
        return cls(generations=(generation,), root=kek, finding=subkey(kek, "vault lookups"))


class KeyRing:
    """The workspace's keys as the newest transaction of this process saw them. Thread-safe; its repr shows none.

    Once a rotation is over, a process goes on opening with the generation before, for readers that began earlier.
    """

    def __init__(self, holder: KeyHolder, keys: Keys | None = None) -> None:
        """Open nothing yet; ``keys`` are those of a workspace that is being made."""
        self.holder = holder
        self._keys = keys
        self._seen: dict[str | None, int] = {}  # the newest generation in each text that was opened
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"KeyRing({self.holder!r})"

    @classmethod
    def in_file(cls, path: Path) -> Self:
        """Return a new ring whose holder is a new file. Raises WorkspaceExists if the file exists."""
        holder = FileHolder(path)
        holder.create()
        return cls(holder, Keys.new())

    def at(self, stored: str | None) -> Vault:
        """See VaultSource. Raises WrongKey if the holder did not wrap the ring, or KeyHolderUnavailable."""
        if stored not in self._seen:
            with self._lock:
                if stored not in self._seen:
                    self._take(stored)
        return self.keys.vault

    @property
    def keys(self) -> Keys:
        """The open ring. Raises WrongKey before the first transaction."""
        if self._keys is None:
            raise WrongKey(path=self.holder.place)
        return self._keys

    @property
    def vault(self) -> Vault:
        """For everything that names agencies and officials."""
        return self.keys.vault

    def wrapped(self, keys: Keys) -> str:
        """Return a ring as text for the database, wrapped under the holder's newest key."""
        return base64.b64encode(self.holder.wrap(keys.to_bytes(), _ABOUT)).decode()

    def opened(self, stored: str) -> Keys:
        """Return the ring in a text of the database. Raises WrongKey, KeyHolderUnavailable or Damaged."""
        try:
            wrapped = base64.b64decode(stored, validate=True)
        except binascii.Error:
            remedy = "restore the database from a backup"
            raise Damaged(what="The key ring", why="it is not as it was written", remedy=remedy) from None
        return Keys.from_bytes(self.holder.unwrap(wrapped, _ABOUT))

    def new_data_key(self, about: str) -> bytes:
        """Return a new data key, wrapped; only this ring opens it, and only for the same ``about``.

        To be called in the transaction that stores it, so that no rotation comes between.
        """
        return self.wrap(os.urandom(KEY_BYTES), about)

    def wrap(self, key: bytes, about: str) -> bytes:
        """Wrap a data key under the newest generation."""
        return self.keys.wrapping.seal(key, about.encode())

    def rewrapped(self, wrapped: bytes, about: str) -> bytes:
        """Return a wrapped data key, wrapped under the newest generation."""
        return self.wrap(self.unwrap_raw(wrapped, about), about)

    def unwrap_raw(self, wrapped: bytes, about: str) -> bytes:
        """Return the bytes of a data key. Raises WrongKey if this ring did not wrap it for ``about``."""
        try:
            return self.keys.wrapping.open(wrapped, about.encode())
        except Damaged:
            raise WrongKey(path=self.holder.place) from None

    def unwrap(self, wrapped: bytes, about: str, older: bytes | None = None) -> DataKey:
        """Return the data key of ``about``; ``older``: the wrapped key before, while it is being rotated."""
        before = None if older is None else self.unwrap(older, about)
        return DataKey(self.unwrap_raw(wrapped, about), before)

    def derive(self, label: str, length: int = KEY_BYTES) -> bytes:
        """Return a subkey for another use, such as the seed that signs the ledger; no rotation changes it."""
        return subkey(self.keys.root, f"derived: {label}", length)

    def _take(self, stored: str | None) -> None:
        """Take the ring of the database, unless a newer one is known; keep the generation before, to open with."""
        if stored is not None:
            found = self.opened(stored)
        elif self._keys is not None:  # a database that is being made
            found = self._keys
        elif isinstance(self.holder, FileHolder):
            found = Keys.of_older(self.holder.key())
        else:
            raise WrongKey(path=self.holder.place)
        newest = found.generations[0].number
        if self._keys is None or newest >= self._keys.generations[0].number:
            known = () if self._keys is None else self._keys.generations
            numbers = {each.number for each in found.generations}
            before = [each for each in known if each.number not in numbers][: 2 - len(found.generations)]
            self._keys = Keys(generations=(*found.generations, *before), root=found.root, finding=found.finding)
        self._seen[stored] = newest


def rotated(keys: Keys) -> Keys:
    """Return the ring with a new generation before the newest one."""
    newest = keys.generations[0]
    return Keys(generations=(Generation.new(newest.number + 1), newest), root=keys.root, finding=keys.finding)


def with_newest_only(keys: Keys) -> Keys:
    """Return the ring without earlier generations."""
    return Keys(generations=keys.generations[:1], root=keys.root, finding=keys.finding)


def keep_ring(store: Store, ring: KeyRing) -> None:
    """Give a workspace before 0.4 its ring: the keys that it derived from its key file, wrapped under that file's key.

    Raises WrongKey if the key in the file is not this workspace's.
    """
    with store.read() as tx:
        if tx.meta.get(RING) is not None:
            return
        check = tx.meta.get(_KEY_CHECK)
    if check is None or check != _check_value(ring.keys.root):
        raise WrongKey(path=ring.holder.place)
    with store.begin() as tx:
        if tx.meta.get(RING) is None:
            tx.meta.set(RING, ring.wrapped(ring.keys))
            tx.meta.forget(_KEY_CHECK)


def _check_value(kek: bytes) -> str:
    return hashlib.sha256(subkey(kek, "check")).digest()[:16].hex()
