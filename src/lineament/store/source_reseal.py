"""Seals what a source's key seals in the database again, for the rotation of that key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import Damaged
from lineament.model.faces import SourceId
from lineament.store import guard
from lineament.store.columns import among
from lineament.store.faces import template_about
from lineament.store.facts import facts_about
from lineament.store.keys import DataKey, Vault
from lineament.store.source_tables import prepared_faces
from lineament.store.tables import captures, faces, templates

_PICTURES = (captures.c.original, captures.c.thumbnail, captures.c.page)
Opens = Callable[[bytes, bytes], bytes]
"""Opens or seals a value; takes it and what it is bound to."""


class SourceResealRows:
    """The captures of sources, with what is sealed of them and of their faces."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def captures(self, source_id: SourceId, after: int, most: int) -> list[int]:
        """Return the next captures of a source with ids above ``after``, in the order of their ids."""
        query = sa.select(captures.c.id).where(captures.c.source_id == source_id, captures.c.id > after)
        return list(self._connection.scalars(query.order_by(captures.c.id).limit(most)))

    def addresses(self, ids: Sequence[int]) -> list[str]:
        """Return the addresses of the pictures of captures and of their faces, each once, ascending."""
        of_captures = [sa.select(column).where(among(captures.c.id, ids), column.is_not(None)) for column in _PICTURES]
        of_faces = sa.select(faces.c.crop).where(among(faces.c.capture_id, ids))
        return sorted(self._connection.scalars(sa.union(*of_captures, of_faces)))

    def reseal(
        self, source_id: SourceId, ids: Sequence[int], key: DataKey, moved: Mapping[str, str]
    ) -> tuple[int, int]:
        """Seal what captures and their faces hold again under the newest key, and give their pictures new addresses.

        ``moved``: addresses, old to new. Returns how many values were sealed, and how many opened under no key and
        stay as they are. Raises AccessAltered if one of the rows was changed from outside.
        """
        of_faces = among(faces.c.capture_id, ids)
        its = sa.select(faces.c.id).where(of_faces)
        signed = {
            "captures": among(captures.c.id, ids),
            "faces": of_faces,
            "prepared_faces": prepared_faces.c.face_id.in_(its),
        }
        for table, rows in signed.items():
            guard.check_rows(self._connection, self._vault, table, rows)
        for column in _PICTURES:
            self._move(column, captures.c.id, signed["captures"], moved)
        self._move(faces.c.crop, faces.c.id, of_faces, moved)
        counts = [
            self._reseal_facts(source_id, key, signed["captures"]),
            self._reseal_templates(source_id, key, templates, its),
            self._reseal_templates(source_id, key, prepared_faces, its),
        ]
        for table, rows in signed.items():
            guard.sign_rows(self._connection, self._vault, table, rows)
        return sum(done for done, _ in counts), sum(damaged for _, damaged in counts)

    def _move(
        self,
        column: sa.Column[Any],
        named_by: sa.Column[Any],
        where: sa.ColumnElement[bool],
        moved: Mapping[str, str],
    ) -> None:
        rows = self._connection.execute(sa.select(named_by, column).where(where, column.is_not(None))).all()
        self._store(column, named_by, [(row, moved[old]) for row, old in rows if moved.get(old, old) != old])

    def _reseal_facts(self, source_id: SourceId, key: DataKey, where: sa.ColumnElement[bool]) -> tuple[int, int]:
        query = sa.select(captures.c.id, captures.c.facts, captures.c.sha256, captures.c.part)
        rows = self._connection.execute(query.where(where, captures.c.facts.is_not(None))).all()
        values = [(row.id, row.facts, facts_about(source_id, row.sha256, row.part)) for row in rows]
        return self._reseal(captures.c.facts, captures.c.id, values, (key.open, key.seal))

    def _reseal_templates(
        self, source_id: SourceId, key: DataKey, table: sa.Table, of: sa.Select[tuple[Any]]
    ) -> tuple[int, int]:
        query = sa.select(table.c.face_id, table.c.sealed, table.c.model)
        rows = self._connection.execute(query.where(table.c.face_id.in_(of), table.c.sealed.is_not(None))).all()
        values = [(row.face_id, row.sealed, template_about(source_id, row.face_id, str(row.model))) for row in rows]
        return self._reseal(table.c.sealed, table.c.face_id, values, (key.templates.open, key.templates.seal))

    def _reseal(
        self,
        column: sa.Column[Any],
        named_by: sa.Column[Any],
        values: Sequence[tuple[int, bytes, bytes]],
        how: tuple[Opens, Opens],
    ) -> tuple[int, int]:
        """Open and seal values, each with its row and what it is bound to; count those that do and do not open."""
        opens, seals = how
        sealed = []
        for row, value, about in values:
            try:
                sealed.append((row, seals(opens(bytes(value), about), about)))
            except (Damaged, TypeError):  # SQLite's columns may hold anything
                continue
        self._store(column, named_by, sealed)
        return len(sealed), len(values) - len(sealed)

    def _store(
        self, column: sa.Column[Any], named_by: sa.Column[Any], values: Sequence[tuple[int, bytes | str]]
    ) -> None:
        """Store a value in each of some rows; the caller checks and signs them."""
        if values:
            change = sa.update(column.table).where(named_by == sa.bindparam("row"))
            change = change.values({column.name: sa.bindparam("value")})
            every = [{"row": row, "value": value} for row, value in values]
            self._connection.execute(change, every, execution_options={"watched": False})
