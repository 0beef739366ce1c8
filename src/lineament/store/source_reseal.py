"""Seals what a source's key seals in the database again, for the rotation of that key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import Damaged
from lineament.model.faces import SourceId
from lineament.store.columns import among
from lineament.store.faces import template_about
from lineament.store.facts import facts_about
from lineament.store.keys import Cipher, DataKey
from lineament.store.source_tables import prepared_faces
from lineament.store.tables import captures, faces, templates

_PICTURES = (captures.c.original, captures.c.thumbnail, captures.c.page)
Opens = Callable[[bytes, bytes], bytes]
"""Opens or seals a value; takes it and what it is bound to."""


class SourceResealRows:
    """The captures of sources, with what is sealed of them and of their faces."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def captures(self, source_id: SourceId, after: int, most: int) -> list[int]:
        """Return the next captures of a source with ids above ``after``, in the order of their ids."""
        query = sa.select(captures.c.id).where(captures.c.source_id == source_id, captures.c.id > after)
        return list(self._connection.scalars(query.order_by(captures.c.id).limit(most)))

    def addresses(self, ids: Sequence[int]) -> list[str]:
        """Return the addresses of the pictures of captures and of their faces, each once, ascending."""
        of_captures = [sa.select(column).where(among(captures.c.id, ids), column.is_not(None)) for column in _PICTURES]
        of_faces = sa.select(faces.c.crop).where(among(faces.c.capture_id, ids))
        return sorted(self._connection.scalars(sa.union(*of_captures, of_faces)))

    def move(self, ids: Sequence[int], moved: Mapping[str, str]) -> None:
        """Let the pictures of captures and of their faces have other addresses; ``moved``: old to new."""
        for column, of in [*((picture, captures.c.id) for picture in _PICTURES), (faces.c.crop, faces.c.capture_id)]:
            row_id = column.table.c.id
            for row, address in self._connection.execute(sa.select(row_id, column).where(among(of, ids))).all():
                if moved.get(address, address) != address:
                    changed = sa.update(column.table).where(row_id == row)
                    self._connection.execute(changed.values({column.name: moved[address]}))

    def reseal(self, source_id: SourceId, ids: Sequence[int], key: DataKey) -> tuple[int, int]:
        """Seal the templates of faces of captures, and what the photographs say of themselves, under the newest key.

        Returns how many values, and how many opened under no key and stay as they are.
        """
        of_captures = (among(captures.c.id, ids), captures.c.facts.is_not(None))
        facts = sa.select(captures.c.id, captures.c.facts, captures.c.sha256, captures.c.part).where(*of_captures)
        counts = [
            self._reseal(captures.c.facts, captures.c.id, row, (key.open, key.seal), facts_about(source_id, *row[2:]))
            for row in self._connection.execute(facts).all()
        ]
        its = sa.select(faces.c.id).where(among(faces.c.capture_id, ids))
        cipher: Cipher = key.templates
        for table in (templates, prepared_faces):
            query = sa.select(table.c.face_id, table.c.sealed, table.c.model)
            sealed = query.where(table.c.face_id.in_(its), table.c.sealed.is_not(None))
            for row in self._connection.execute(sealed).all():
                about = template_about(source_id, row.face_id, str(row.model))
                how = (cipher.open, cipher.seal)
                counts.append(self._reseal(table.c.sealed, table.c.face_id, row, how, about))
        return sum(counts), len(counts) - sum(counts)

    def _reseal(
        self, column: sa.Column[Any], named_by: sa.Column[Any], row: Any, how: tuple[Opens, Opens], about: bytes
    ) -> bool:
        """Open and seal the value of a row, its second column; return False if it opens under no key."""
        opens, seals = how
        try:
            value = seals(opens(bytes(row[1]), about), about)
        except (Damaged, TypeError):  # SQLite's columns may hold anything
            return False
        self._connection.execute(sa.update(column.table).where(named_by == row[0]).values({column.name: value}))
        return True
