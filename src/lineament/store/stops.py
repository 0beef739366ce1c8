"""Stops: while one is in force, no search is answered (R12)."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AccessAltered, InvalidValue
from lineament.model.agencies import Stop, StopScope
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.ledger import LedgerRows
from lineament.store.people_tables import stops
from lineament.store.sealed import SealedColumn

_EVERYTHING = StopScope.EVERYTHING.value
_WIDEST_FIRST = sa.case((stops.c.agency_id.is_(None), 0), else_=1)


class StopRows:
    """The stops in force: at most one for everything, and one for each agency."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "stops")

    def put(self, stop: Stop) -> None:
        """Stop searching, replacing the last stop of the same scope."""
        row = _row_id(stop.scope, stop.agency_id)
        agency_id = None if stop.scope is StopScope.EVERYTHING else stop.agency_id
        sealed = self._sealed.seal(row, {"reason": stop.reason, "by": stop.by})
        self.lift(stop.scope, stop.agency_id)
        self._connection.execute(sa.insert(stops), {"id": row, "agency_id": agency_id, "sealed": sealed, "at": stop.at})

    def lift(self, scope: StopScope, agency_id: str | None = None) -> bool:
        """Lift a stop; return whether there was one."""
        deleted = self._connection.execute(sa.delete(stops).where(stops.c.id == _row_id(scope, agency_id)))
        return deleted.rowcount > 0

    def in_force(self, agency_id: str) -> list[Stop]:
        """Return the stops that forbid a search by that agency: that of everything first, then its own.

        Raises AccessAltered if one was changed, or if the ledger knows of one that is not there.
        """
        in_force = sa.or_(stops.c.agency_id.is_(None), stops.c.agency_id == agency_id)
        found = self._stops(sa.select(stops).where(in_force))
        standing = {_row_id(stop.scope, stop.agency_id) for stop in found}
        for row in LedgerRows(self._connection, self._vault).stopped(agency_id):
            if row not in standing:
                raise AccessAltered(row=f"stops/{row}")
        return found

    def all(self) -> list[Stop]:
        """Return all stops: that of everything first, then those of agencies, oldest first."""
        return self._stops(sa.select(stops))

    def _stops(self, selected: sa.Select[tuple[object, ...]]) -> list[Stop]:
        ordered = selected.order_by(_WIDEST_FIRST, stops.c.at, stops.c.id)
        return [self._stop(row) for row in self._connection.execute(ordered).mappings()]

    def _stop(self, row: RowMapping) -> Stop:
        checked(self._connection, self._vault, "stops", row)
        opened = self._sealed.open(row["id"], row["sealed"])
        scope = StopScope.EVERYTHING if row["agency_id"] is None else StopScope.AGENCY
        return Stop(scope=scope, agency_id=row["agency_id"], reason=opened["reason"], by=opened["by"], at=row["at"])


def _row_id(scope: StopScope, agency_id: str | None) -> str:
    if scope is StopScope.EVERYTHING:
        return _EVERYTHING
    if agency_id is None:
        raise InvalidValue(what="The stop of an agency", value="", why="it needs to say which agency")
    return agency_id
