"""Small facts about the workspace, and the counters from which ids come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.tables import counters, meta

_TAKE = (
    sa.update(counters)
    .where(counters.c.name == sa.bindparam("counter"))
    .values(value=counters.c.value + sa.bindparam("many"))
    .returning(counters.c.value)
)


def new_ids(connection: Connection, counter: str, many: int) -> range:
    """Return ``many`` new ids, ascending; an id is never given out twice.

    The counter's row is changed inside the transaction, so ids grow in the order of commits.
    """
    last: int = connection.execute(_TAKE, {"counter": counter, "many": many}).scalar_one()
    return range(last - many + 1, last + 1)


class MetaRows:
    """Facts by name, such as the check value of the key."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> str | None:
        """Return a fact, None if it is not set."""
        found: str | None = self._connection.scalar(sa.select(meta.c.value).where(meta.c.name == name))
        return found

    def database_time(self) -> datetime | None:
        """Return the time of the machine of the database; None if that is this one (SQLite)."""
        if self._connection.dialect.name == "sqlite":
            return None
        found: datetime = self._connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return found

    def last_id(self, counter: str) -> int:
        """Return the highest id of a counter that was given out and committed; 0 if there is none."""
        return int(self._connection.scalar(sa.select(counters.c.value).where(counters.c.name == counter)) or 0)

    def beginning(self, start: str) -> dict[str, str]:
        """Return the facts whose names begin with ``start``, by name."""
        query = sa.select(meta.c.name, meta.c.value).where(meta.c.name.startswith(start, autoescape=True))
        return {row[0]: row[1] for row in self._connection.execute(query.order_by(meta.c.name))}

    def set(self, name: str, value: str) -> None:
        """Set a fact, replacing the last one of that name."""
        row: Mapping[str, str] = {"name": name, "value": value}
        if self._connection.execute(sa.update(meta).where(meta.c.name == name).values(value=value)).rowcount == 0:
            self._connection.execute(sa.insert(meta).values(**row))

    def forget(self, name: str, value: str | None = None) -> None:
        """Delete a fact; if ``value`` is given, only if that is still its value."""
        same = sa.true() if value is None else meta.c.value == value
        self._connection.execute(sa.delete(meta).where(meta.c.name == name, same))
