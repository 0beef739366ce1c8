"""What was erased stays erased: keyed digests of what is not taken in again (R33)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.tables import suppressions

_MOST = 500
"""Digests in one IN (…)."""


class SuppressionRows:
    """Digests only; what they stand for is nowhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, digests: Sequence[bytes], at: datetime) -> None:
        """Keep these out from now on; those that are there already keep their time."""
        there = self.any_of(digests)
        new = [{"digest": digest, "at": at} for digest in dict.fromkeys(digests) if digest not in there]
        if new:
            self._connection.execute(sa.insert(suppressions), new)

    def there_are(self) -> bool:
        """Whether anything was ever suppressed."""
        return self._connection.execute(sa.select(suppressions.c.digest).limit(1)).first() is not None

    def any_of(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of the digests that are kept out."""
        there: set[bytes] = set()
        for start in range(0, len(digests), _MOST):
            some = list(digests[start : start + _MOST])
            query = sa.select(suppressions.c.digest).where(suppressions.c.digest.in_(some))
            there.update(map(bytes, self._connection.scalars(query)))
        return there
