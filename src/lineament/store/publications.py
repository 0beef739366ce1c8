"""Which figures are published, and what was published of each quarter (R37)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.model.figures import Figures
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.oversight_tables import publications, published_figures
from lineament.store.sealed import SealedColumn
from lineament.store.values import text

EVERYTHING = "everything"
"""The scope of the figures of the whole workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A decision to publish figures."""

    agency_id: str | None  # None: of the whole workspace
    by: str
    reason: str
    at: datetime

    @property
    def scope(self) -> str:
        """The name of what is published."""
        return self.agency_id or EVERYTHING


class PublicationRows:
    """The publications in force, and the figures that were published; those stay when a publication ends."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "publications")

    def begin(self, publication: Publication) -> None:
        """Store a decision to publish."""
        sealed = self._sealed.seal(publication.scope, {"by": publication.by, "reason": publication.reason})
        row = {"id": publication.scope, "agency_id": publication.agency_id, "sealed": sealed, "at": publication.at}
        self._connection.execute(sa.insert(publications), row)

    def end(self, scope: str) -> bool:
        """Delete a decision to publish; return whether there was one."""
        return self._connection.execute(sa.delete(publications).where(publications.c.id == scope)).rowcount > 0

    def all(self) -> list[Publication]:
        """Return the publications in force, the oldest first. Raises AccessAltered if one was changed from outside."""
        found = []
        query = sa.select(publications).order_by(publications.c.at, publications.c.id)
        for row in self._connection.execute(query).mappings().all():
            checked(self._connection, self._vault, publications.name, row)
            opened = self._sealed.open(row["id"], row["sealed"])
            found.append(Publication(agency_id=row["agency_id"], at=row["at"], **opened))
        return found

    def put(self, scope: str, figures: Figures, at: datetime) -> str:
        """Store the figures of a quarter, once and for all; return them as they are stored."""
        shown = text(figures.to_json())
        row = {"id": f"{scope} {figures.quarter}", "scope": scope, "quarter": figures.quarter, "shown": shown, "at": at}
        self._connection.execute(sa.insert(published_figures), row)
        return shown

    def figures(self, scope: str, most: int) -> list[Figures]:
        """Return the figures of the newest quarters, the newest first."""
        query = sa.select(published_figures).where(published_figures.c.scope == scope)
        rows = self._connection.execute(query.order_by(published_figures.c.quarter.desc()).limit(most)).mappings().all()
        for row in rows:
            checked(self._connection, self._vault, published_figures.name, row)
        return [Figures.from_json(json.loads(row["shown"])) for row in rows]

    def quarters(self) -> set[date]:
        """Return the quarters of which anything was published."""
        return set(self._connection.scalars(sa.select(published_figures.c.quarter).distinct()))
