"""Drops and their files, until they are ingested or discarded."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.drops import Drop, DropArrivals, DropId, DroppedFile, OfferedFile
from lineament.model.faces import SourceId
from lineament.store.drop_tables import drop_files, drops
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.raw import batched
from lineament.store.sealed import checked_id

_MOST = 500
"""Most values in one IN clause."""
_HINT = "lineament source show NAME"
_ARRIVED = sa.or_(drop_files.c.why.is_not(None), drop_files.c.received == drop_files.c.size)


class DropRows:
    """The drops of all sources."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    # ------------------------------------------------------------ drops

    def add(self, source_id: SourceId, agency_id: str, account_id: str | None, at: datetime) -> Drop:
        """Begin a drop into a source, of one official."""
        new = DropId(secrets.token_hex(8))
        row = {"id": new, "source_id": source_id, "agency_id": agency_id, "account_id": account_id}
        counts = {"listed": False, "done": 0, "files": 0, "bytes": 0}
        self._connection.execute(sa.insert(drops), row | counts | {"begun_at": at, "seen_at": at})
        return self.get(new)

    def get(self, id: str) -> Drop:  # noqa: A002 - the column
        """Return a drop, of anybody. Raises NotFound if there is none with that id."""
        row = self._connection.execute(sa.select(drops).where(drops.c.id == checked_id(id))).mappings().one_or_none()
        if row is None:
            raise NotFound(what="drop", name=id[:100], hint=_HINT)
        return self._drop(row)

    def open_of(self, source_id: SourceId, agency_id: str, account_id: str | None) -> Drop | None:
        """Return the newest drop of an official into a source that is under way; None if there is none."""
        own = (drops.c.agency_id == agency_id, drops.c.account_id.is_not_distinct_from(account_id))
        query = sa.select(drops).where(drops.c.source_id == source_id, drops.c.ended_at.is_(None), *own)
        row = (
            self._connection.execute(query.order_by(drops.c.begun_at.desc(), drops.c.id).limit(1))
            .mappings()
            .one_or_none()
        )
        return None if row is None else self._drop(row)

    def under_way(self, source_id: SourceId | None = None) -> list[Drop]:
        """Return the drops that have not ended, of one source or of all, oldest first."""
        query = sa.select(drops).where(drops.c.ended_at.is_(None)).order_by(drops.c.begun_at, drops.c.id)
        if source_id is not None:
            query = query.where(drops.c.source_id == source_id)
        return [self._drop(row) for row in self._connection.execute(query).mappings()]

    def note(self, drop_id: DropId, **values: object) -> None:
        """Change what is counted of a drop, or how far it is."""
        self._connection.execute(sa.update(drops).where(drops.c.id == drop_id).values(values))

    def end(self, drop_id: DropId, at: datetime) -> None:
        """End a drop, and delete its list of files."""
        self._connection.execute(sa.delete(drop_files).where(drop_files.c.drop_id == drop_id))
        self.note(drop_id, ended_at=at)

    def delete_of(self, source_id: SourceId) -> int:
        """Delete the drops of a source with their files; return how many drops."""
        of_source = sa.select(drops.c.id).where(drops.c.source_id == source_id)
        self._connection.execute(sa.delete(drop_files).where(drop_files.c.drop_id.in_(of_source)))
        return self._connection.execute(sa.delete(drops).where(drops.c.source_id == source_id)).rowcount

    def delete_ended(self, before: datetime) -> int:
        """Delete the drops that ended before that moment; return how many."""
        return self._connection.execute(sa.delete(drops).where(drops.c.ended_at < before)).rowcount

    # ------------------------------------------------------------ files

    def add_files(self, drop: Drop, offered: Sequence[OfferedFile]) -> list[DroppedFile]:
        """Add files to the list unless they are in it, and return them in the same order.

        A file with the path, the size and the time of one in the list is that file.
        """
        known = self._known(drop.id, offered)
        fresh = [file for file in dict.fromkeys(offered) if _key(file) not in known]
        rows = [
            {
                "drop_id": drop.id,
                "number": number,
                "path": file.path,
                "size": file.size,
                "modified": file.modified,
                "received": 0,
                "why": file.why,
            }
            for number, file in enumerate(fresh, drop.files + 1)
        ]
        if rows:
            self._connection.execute(sa.insert(drop_files), rows)
            sent = sum(file.size for file in fresh if file.why is None)
            self.note(drop.id, files=drop.files + len(rows), bytes=drop.bytes + sent)
            known |= {_key(file): _file(row) for file, row in zip(fresh, rows, strict=True)}
        return [known[_key(file)] for file in offered]

    def _known(self, drop_id: DropId, offered: Iterable[OfferedFile]) -> dict[tuple[str, int, int], DroppedFile]:
        found: dict[tuple[str, int, int], DroppedFile] = {}
        for paths in batched(dict.fromkeys(file.path for file in offered), _MOST):
            found |= {_key(file): file for file in self._files(drop_id, drop_files.c.path.in_(paths))}
        return found

    def files(self, drop_id: DropId, numbers: Sequence[int]) -> dict[int, DroppedFile]:
        """Return files by their numbers; those that are not there are missing."""
        found: dict[int, DroppedFile] = {}
        for some in batched(numbers, _MOST):
            found |= {file.number: file for file in self._files(drop_id, drop_files.c.number.in_(some))}
        return found

    def after(self, drop_id: DropId, number: int, most: int | None) -> list[DroppedFile]:
        """Return the next files of the list."""
        return self._files(drop_id, drop_files.c.number > number, most=most)

    def between(self, drop_id: DropId, number: int, last: int) -> list[DroppedFile]:
        """Return the files after a number, up to another one."""
        return self._files(drop_id, drop_files.c.number > number, drop_files.c.number <= last)

    def find(self, drop_id: DropId, path: str) -> DroppedFile | None:
        """Return the first file with this path; None if there is none."""
        return next(iter(self._files(drop_id, drop_files.c.path == path, most=1)), None)

    def missing(self, drop_id: DropId, number: int, most: int) -> list[DroppedFile]:
        """Return the next files of which something is yet to arrive."""
        return self._files(drop_id, drop_files.c.number > number, ~_ARRIVED, most=most)

    def ending_in(self, drop_id: DropId, *endings: str) -> list[DroppedFile]:
        """Return the files whose paths end so, in any case of letters."""
        ends = [drop_files.c.path.ilike(f"%{ending}") for ending in endings]
        return self._files(drop_id, sa.or_(*ends))

    def receive(self, drop_id: DropId, received: Mapping[int, int]) -> None:
        """Store how many bytes of files are durable, by number."""
        its = (drop_files.c.drop_id == drop_id, drop_files.c.number == sa.bindparam("its_number"))
        rows = [{"its_number": number, "received": many} for number, many in received.items()]
        if rows:
            self._connection.execute(sa.update(drop_files).where(*its), rows)

    def refuse(self, drop_id: DropId, numbers: Sequence[int], why: str) -> None:
        """Refuse files that have not arrived."""
        for some in batched(numbers, _MOST):
            its = (drop_files.c.drop_id == drop_id, drop_files.c.number.in_(some), ~_ARRIVED)
            self._connection.execute(sa.update(drop_files).where(*its).values(why=why))

    def arrivals(self, drop_id: DropId) -> DropArrivals:
        """Return how much has arrived."""
        refused = drop_files.c.why.is_not(None)
        whole = sa.and_(drop_files.c.why.is_(None), _ARRIVED)
        query = sa.select(
            sa.func.coalesce(sa.func.sum(sa.case((whole, 1), else_=0)), 0),
            sa.func.coalesce(sa.func.sum(drop_files.c.received), 0),
            sa.func.coalesce(sa.func.sum(sa.case((refused, 1), else_=0)), 0),
        ).where(drop_files.c.drop_id == drop_id)
        files, bytes_, refused_files = self._connection.execute(query).one()
        return DropArrivals(files=int(files), bytes=int(bytes_), refused=int(refused_files))

    # ------------------------------------------------------------ rows

    def _files(self, drop_id: DropId, *where: sa.ColumnElement[bool], most: int | None = None) -> list[DroppedFile]:
        query = sa.select(drop_files).where(drop_files.c.drop_id == drop_id, *where)
        rows = self._connection.execute(query.order_by(drop_files.c.number).limit(most)).mappings().all()
        for row in rows:
            checked(self._connection, self._vault, "drop_files", row)
        return [_file(row) for row in rows]

    def _drop(self, row: RowMapping) -> Drop:
        checked(self._connection, self._vault, "drops", row)
        values: dict[str, Any] = {name: row[name] for name in row if name not in {"mac", "id", "source_id"}}
        return Drop(id=DropId(row["id"]), source_id=SourceId(row["source_id"]), **values)


def _key(file: OfferedFile) -> tuple[str, int, int]:
    return file.path, file.size, file.modified


def _file(row: Mapping[str, Any] | RowMapping) -> DroppedFile:
    return DroppedFile(**{name: row[name] for name in ("number", "path", "size", "modified", "received", "why")})
