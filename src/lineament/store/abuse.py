"""Known-abuse material: keyed digests of files that nobody may look at (R52). There is no way to read the list back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.raw import batched
from lineament.store.source_tables import known_abuse

_MOST = 500
"""Digests in one IN (…)."""


class AbuseRows:
    """The list."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, digests: Iterable[bytes], at: datetime) -> int:
        """Put keyed digests on the list, and how many were not on it."""
        added = 0
        for some in batched(dict.fromkeys(digests), _MOST):
            there = self.any_of(some)
            if new := [{"digest": digest, "at": at} for digest in some if digest not in there]:
                self._connection.execute(sa.insert(known_abuse), new)
                added += len(new)
        return added

    def there_are(self) -> bool:
        """Whether the list holds anything."""
        return self._connection.execute(sa.select(known_abuse.c.digest).limit(1)).first() is not None

    def any_of(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of the digests that are on the list."""
        there: set[bytes] = set()
        for some in batched(digests, _MOST):
            query = sa.select(known_abuse.c.digest).where(known_abuse.c.digest.in_(some))
            there.update(map(bytes, self._connection.scalars(query)))
        return there
