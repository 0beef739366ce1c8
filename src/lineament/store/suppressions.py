"""Keyed digests of what was erased and must not be collected again (R33)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.raw import batched
from lineament.store.tables import suppressions

_MOST = 500
"""Most digests in one IN clause."""


class SuppressionRows:
    """Stores keyed digests only, not what they stand for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, digests: Sequence[bytes], at: datetime) -> None:
        """Add digests; those already there keep their time."""
        known = self.any_of(digests)
        new = [{"digest": digest, "at": at} for digest in dict.fromkeys(digests) if digest not in known]
        if new:
            self._connection.execute(sa.insert(suppressions), new)

    def is_filled(self) -> bool:
        """Return whether anything is suppressed."""
        return self._connection.execute(sa.select(suppressions.c.digest).limit(1)).first() is not None

    def any_of(self, digests: Sequence[bytes]) -> set[bytes]:
        """Return those of the digests that are suppressed."""
        known: set[bytes] = set()
        for batch in batched(digests, _MOST):
            query = sa.select(suppressions.c.digest).where(suppressions.c.digest.in_(batch))
            known.update(map(bytes, self._connection.scalars(query)))
        return known
