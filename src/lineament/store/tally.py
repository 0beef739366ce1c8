"""What a source vouches for of its faces, sealed under its key (docs/adr/0020-a-source-vouches-for-its-faces.md).

A tally has the number of faces, and a keyed digest of everything in their rows that decides whether a search compares
them. Whoever has no key can neither make one nor see how it changes. It changes in the transaction that changes faces,
by what that adds and removes, so a difference that somebody made in between stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import Damaged
from lineament.model.faces import SourceId
from lineament.store.keys import DataKey
from lineament.store.raw import BINARY, fetched
from lineament.store.source_tables import face_removals
from lineament.store.sources import some_sources
from lineament.store.tables import faces, sources

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lineament.model.faces import FaceIds

_MODULUS = 1 << 64
_AT_ONCE = 100_000
"""Rows read at a time: ten million at once would take gigabytes."""
_REMEMBERED = 10_000
"""Changes of a tally after which it is forgotten which faces one removed; who missed more reads every row."""

COLUMNS = (faces.c.id, faces.c.model, faces.c.captured_day, faces.c.comparable, faces.c.grade)
"""What a tally covers, with the source: everything in a row that decides whether and how a search compares the face."""
FaceRow = Sequence[Any]
"""A row of ``COLUMNS``, as the driver returns it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Some faces of one source: how many there are, how many of each model can be compared, and their digest.

    The digest is the sum of the digests of the faces, so it does not depend on their order: four numbers modulo 2^64.
    """

    faces: int = 0
    comparable: Mapping[str, int] = field(default_factory=dict)  # by model, without zeros
    digest: tuple[int, int, int, int] = (0, 0, 0, 0)

    def plus(self, other: Counted, sign: int = 1) -> Counted:
        """Return both together, or with ``sign`` -1 what is left without the other."""
        models = {*self.comparable, *other.comparable}
        each = {model: self.comparable.get(model, 0) + sign * other.comparable.get(model, 0) for model in models}
        a, b, c, d = ((mine + sign * its) % _MODULUS for mine, its in zip(self.digest, other.digest, strict=True))
        return Counted(
            faces=self.faces + sign * other.faces,
            comparable={model: many for model, many in sorted(each.items()) if many},
            digest=(a, b, c, d),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a source vouches for."""

    version: int = 0  # how often its faces have changed
    newest: int = 0  # the highest id that it ever gave to a face
    counted: Counted = field(default_factory=Counted)

    def to_bytes(self) -> bytes:
        """Return it for sealing."""
        counted = self.counted
        held = {
            "version": self.version,
            "newest": self.newest,
            "faces": counted.faces,
            "comparable": dict(counted.comparable),
            "digest": counted.digest,
        }
        return json.dumps(held, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Tally:
        """Return what ``to_bytes`` gave."""
        held = json.loads(content)
        counted = Counted(faces=held["faces"], comparable=held["comparable"], digest=tuple(held["digest"]))
        return cls(version=held["version"], newest=held["newest"], counted=counted)


def count_rows(rows: Sequence[FaceRow], key: DataKey) -> Counted:
    """Count rows of faces. Raises Damaged if one holds what no face ever held."""
    by_model: dict[str, Sequence[FaceRow]] = {}
    models = {row[1] for row in rows}
    if len(models) == 1:
        by_model[next(iter(models))] = rows
    else:
        by_model = {model: [row for row in rows if row[1] == model] for model in models}
    found = Counted()
    for model, of_model in by_model.items():
        try:
            found = found.plus(_count_model(str(model), of_model, key))
        except (ValueError, TypeError, OverflowError):
            why = "it holds a value that no face has"
            raise Damaged(what="A face in the database", why=why, remedy="restore a backup of the database") from None
    return found


def _count_model(model: str, rows: Sequence[FaceRow], key: DataKey) -> Counted:
    import numpy as np

    ids, days, comparable, grades = (_column(rows, number) for number in (0, 2, 3, 4))
    if not _fits(days, np.int32) or not _fits(grades, np.int16) or not np.isin(comparable, (0, 1)).all():
        raise ValueError(model)
    return Counted(
        faces=len(rows),
        comparable={model: many} if (many := int(comparable.sum())) else {},
        digest=_digest(key.derive(f"tally|{model}"), ids, days, comparable, grades),
    )


def _column(rows: Sequence[FaceRow], number: int) -> FaceIds:
    import numpy as np

    return np.fromiter((row[number] for row in rows), dtype=np.int64, count=len(rows))


def _fits(column: FaceIds, kind: type[np.signedinteger[Any]]) -> bool:
    import numpy as np

    limits = np.iinfo(kind)
    return bool(len(column) == 0 or (column.min() >= limits.min and column.max() <= limits.max))


def _digest(key: bytes, ids: FaceIds, days: FaceIds, comparable: FaceIds, grades: FaceIds) -> tuple[int, int, int, int]:
    """Return the sum of a keyed digest of each face: AES-256 of two distinct blocks that hold the whole row.

    AES under a key of its own is a pseudo-random function of blocks that are all different, and takes 0.1 s for a
    million faces.
    """
    import numpy as np
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    kind = np.dtype([("id", "<i8"), ("day", "<i4"), ("grade", "<i2"), ("comparable", "u1"), ("part", "u1")])
    blocks = np.zeros((len(ids), 2), dtype=kind)
    for name, column in (("id", ids), ("day", days), ("grade", grades), ("comparable", comparable)):
        blocks[name] = column[:, np.newaxis]
    blocks["part"][:, 1] = 1
    encrypted = Cipher(AES256(key), ECB()).encryptor().update(blocks.tobytes())  # noqa: S305 - of distinct blocks, as a function
    sums: NDArray[np.uint64] = np.frombuffer(encrypted, dtype="<u8").reshape(-1, 4).sum(axis=0, dtype=np.uint64)
    a, b, c, d = sums.tolist()
    return a, b, c, d


def read_rows(connection: Connection, *where: sa.ColumnElement[bool], most: int | None = None) -> list[tuple[Any, ...]]:
    """Return the rows of faces that a tally covers, in ascending order of their ids, ``most`` at most."""
    query = sa.select(*COLUMNS).where(*where).order_by(faces.c.id).limit(most)
    return fetched(connection.execute(query, execution_options={BINARY: True}))


class TallyRows:
    """The tallies of all sources."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, source_id: SourceId, key: DataKey) -> None:
        """Give a new source the tally of no faces."""
        self._write(source_id, Tally(), key)

    def sealed(self, ids: Sequence[SourceId]) -> dict[SourceId, tuple[bool, bytes | None]]:
        """Return whether the key of each source is still there, and its tally as it is stored."""
        query = some_sources(sa.select(sources.c.id, sources.c.wrapped_key.is_not(None), sources.c.tally), ids)
        rows = fetched(self._connection.execute(query, execution_options={BINARY: True}))
        return {
            SourceId(row[0]): (bool(row[1]), bytes(row[2]) if isinstance(row[2], (bytes, memoryview)) else None)
            for row in rows
        }

    def sources_without(self) -> list[str]:
        """Return the names of the sources that have a key and no tally."""
        query = sa.select(sources.c.name).where(sources.c.wrapped_key.is_not(None), sources.c.tally.is_(None))
        return list(self._connection.scalars(query.order_by(sources.c.id)))

    def read(self, source_id: SourceId, key: DataKey) -> Tally:
        """Return the tally of a source. Raises Damaged if it is missing or was not sealed for it under its key."""
        return opened_tally(source_id, self.sealed([source_id]).get(source_id, (False, None))[1], key)

    def rows(self, source_id: SourceId, after: int = 0, most: int | None = None) -> list[tuple[Any, ...]]:
        """Return what a tally covers of the faces of a source with ids above ``after``, in the order of their ids.

        ``most``: of so many faces at most.
        """
        return read_rows(self._connection, faces.c.source_id == source_id, faces.c.id > after, most=most)

    def batches(self, source_id: SourceId) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the same of all faces of a source, in the order of their ids, in lists of bounded length."""
        after, its = 0, faces.c.source_id == source_id
        while rows := read_rows(self._connection, its, faces.c.id > after, most=_AT_ONCE):
            yield rows
            after = int(rows[-1][0])

    def agrees(self, source_id: SourceId, key: DataKey) -> bool:
        """Return whether the faces of a source are those that it vouches for."""
        try:
            return self.read(source_id, key).counted == self.count(source_id, key)
        except Damaged:
            return False

    def add(self, source_id: int, rows: Sequence[FaceRow], key: DataKey) -> None:
        """Vouch for new faces, which are stored in this transaction. Raises Damaged as ``read`` does."""
        before = self.read(SourceId(source_id), key)
        newest = max(before.newest, *(int(row[0]) for row in rows))
        counted = before.counted.plus(count_rows(rows, key))
        self._write(source_id, Tally(version=before.version + 1, newest=newest, counted=counted), key)

    def remove(self, source_id: int, rows: Sequence[FaceRow], key: DataKey) -> None:
        """Vouch no longer for faces that are deleted in this transaction; a tally that is damaged stays so."""
        with suppress(Damaged):
            version = self.replace(source_id, count_rows(rows, key), Counted(), key)
            if rows:
                self._remember(source_id, version, rows, key)

    def removed(self, source_id: SourceId, since: int, key: DataKey) -> list[FaceRow]:
        """Return the rows of faces that were deleted since a version of the tally, of those that are remembered.

        Raises Damaged if what is remembered was changed from outside.
        """
        table = face_removals
        query = sa.select(table.c.version, table.c.sealed).where(table.c.source_id == source_id)
        found: list[FaceRow] = []
        for version, sealed in self._connection.execute(query.where(table.c.version > since)).all():
            found += json.loads(key.open(bytes(sealed), _about_removal(source_id, version)))
        return found

    def replace(self, source_id: int, before: Counted, after: Counted, key: DataKey) -> int:
        """Vouch for faces as they are after a change in this transaction, instead of as they were before it.

        Returns the version of the tally.
        """
        known = self.read(SourceId(source_id), key)
        counted = known.counted.plus(before, -1).plus(after)
        self._write(source_id, replace(known, version=known.version + 1, counted=counted), key)
        return known.version + 1

    def carry_over(self, source_id: SourceId, old: DataKey, new: DataKey) -> None:
        """Vouch for the same faces under a new key. Raises Damaged unless they are those vouched for under the old."""
        known = self.read(source_id, old)
        if known.counted != self.count(source_id, old):
            raise altered(source_id)
        self._connection.execute(sa.delete(face_removals).where(face_removals.c.source_id == source_id))
        counted = self.count(source_id, new)
        self._write(source_id, replace(known, version=known.version + 1, counted=counted), new)

    def recount(self, source_id: SourceId, key: DataKey) -> Tally:
        """Vouch for whatever faces are stored; the caller records that, and why."""
        try:
            version = self.read(source_id, key).version
        except Damaged:
            version = 0
        last = sa.select(sa.func.max(faces.c.id)).where(faces.c.source_id == source_id)
        ever = sa.select(sources.c.last_face_id).where(sources.c.id == source_id)
        newest = max(int(self._connection.scalar(query) or 0) for query in (last, ever))
        tally = Tally(version=version + 1, newest=newest, counted=self.count(source_id, key))
        self._write(source_id, tally, key)
        return tally

    def count(self, source_id: SourceId, key: DataKey) -> Counted:
        """Count all faces of a source. Raises Damaged if a row holds what no face ever held."""
        found = Counted()
        for rows in self.batches(source_id):
            found = found.plus(count_rows(rows, key))
        return found

    def _remember(self, source_id: int, version: int, rows: Sequence[FaceRow], key: DataKey) -> None:
        """Note which faces a version of the tally is without, for indexes that know the version before."""
        removed = [(*row[:3], bool(row[3]), row[4]) for row in rows]  # SQLite's driver gives 1 for true
        sealed = key.seal(json.dumps(removed).encode(), _about_removal(source_id, version))
        row = {"source_id": source_id, "version": version, "sealed": sealed}
        self._connection.execute(sa.insert(face_removals), row)
        its = face_removals.c.source_id == source_id
        self._connection.execute(sa.delete(face_removals).where(its, face_removals.c.version < version - _REMEMBERED))

    def _write(self, source_id: int, tally: Tally, key: DataKey) -> None:
        sealed = key.seal(tally.to_bytes(), _about(source_id))
        self._connection.execute(sa.update(sources).where(sources.c.id == int(source_id)).values(tally=sealed))


def opened_tally(source_id: int, sealed: bytes | None, key: DataKey) -> Tally:
    """Return the tally in a row. Raises Damaged if it is missing or was not sealed for that source under its key."""
    if sealed is None:
        raise altered(source_id)
    return Tally.from_bytes(key.open(sealed, _about(source_id)))


def altered(source_id: int) -> Damaged:
    """Return the error for a source whose faces are not those that it vouches for."""
    what = f"What source {source_id} vouches for of its faces"
    return Damaged(what=what, why="it was changed outside Lineament", remedy="restore a backup of the database")


def _about_removal(source_id: int, version: int) -> bytes:
    return b"removed|%d|%d" % (int(source_id), int(version))


def _about(source_id: int) -> bytes:
    return b"tally|%d" % int(source_id)
