"""Sources: their terms, their wrapped keys, and how much they hold."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AlreadyThere, NotFound
from lineament.model.faces import SourceId
from lineament.model.sources import Source, SourceState, SourceTerms
from lineament.store.meta import new_ids
from lineament.store.tables import captures, faces, sources, templates

_TERMS = tuple(SourceTerms.__dataclass_fields__)
_SELECT = sa.select(*(column for column in sources.c if column.name != "wrapped_key"))
_HINT = "lineament source list"


def count(connection: Connection, source_id: int, *, captures: int = 0, faces: int = 0, last_face: int = 0) -> None:
    """Keep the counts of a source in step, in the transaction that adds or erases."""
    columns = sources.c
    newest = sa.case((columns.last_face_id < last_face, last_face), else_=columns.last_face_id)
    connection.execute(
        sa.update(sources)
        .where(columns.id == source_id)
        .values(captures=columns.captures + captures, faces=columns.faces + faces, last_face_id=newest)
    )


class SourceRows:
    """The register."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, terms: SourceTerms, wrapped_key: bytes, at: datetime) -> Source:
        """Register a source, live from now on; AlreadyThere where the name was ever used."""
        taken = self._connection.scalar(sa.select(sources.c.id).where(sources.c.name == terms.name))
        if taken is not None:
            raise AlreadyThere(what="source", name=terms.name)
        (new,) = new_ids(self._connection, "source", 1)
        row = asdict(terms) | {"id": new, "state": SourceState.LIVE.value, "registered_at": at}
        row |= {"wrapped_key": wrapped_key, "captures": 0, "faces": 0, "last_face_id": 0}
        self._connection.execute(sa.insert(sources), row)
        return self.by_id(SourceId(new))

    def get(self, name: str) -> Source:
        """The source of that name; NotFound where there is none."""
        row = self._connection.execute(_SELECT.where(sources.c.name == name)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="source", name=name, hint=_HINT)
        return _source(row)

    def by_id(self, source_id: SourceId) -> Source:
        """The source with that id; NotFound where there is none."""
        row = self._connection.execute(_SELECT.where(sources.c.id == source_id)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="source", name=source_id, hint=_HINT)
        return _source(row)

    def all(self) -> list[Source]:
        """All sources in the order of their names, the withdrawn ones too."""
        rows = self._connection.execute(_SELECT).mappings()
        return sorted(map(_source, rows), key=lambda source: source.name)  # by code point, whatever the database

    def wrapped_key(self, source_id: SourceId) -> bytes | None:
        """The wrapped data key, None once it is destroyed."""
        found = self._connection.scalar(sa.select(sources.c.wrapped_key).where(sources.c.id == source_id))
        return None if found is None else bytes(found)

    def set_state(self, source_id: SourceId, state: SourceState) -> None:
        """Put the source in another state; the caller has asked the lifecycle."""
        self._connection.execute(sa.update(sources).where(sources.c.id == source_id).values(state=state.value))

    def destroy(self, source_id: SourceId) -> None:
        """Withdraw a source: its key, faces, templates and captures are deleted; a tombstone with its terms stays."""
        for table in (templates, faces, captures):
            self._connection.execute(sa.delete(table).where(table.c.source_id == source_id))
        gone = {"wrapped_key": None, "state": SourceState.WITHDRAWN.value, "captures": 0, "faces": 0}
        self._connection.execute(sa.update(sources).where(sources.c.id == source_id).values(**gone))


def _source(row: RowMapping) -> Source:
    return Source(
        id=SourceId(row["id"]),
        terms=SourceTerms(**{name: row[name] for name in _TERMS}),
        state=SourceState(row["state"]),
        registered_at=row["registered_at"],
        captures=row["captures"],
        faces=row["faces"],
        last_face_id=row["last_face_id"],
    )
