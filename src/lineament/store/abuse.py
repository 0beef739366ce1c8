"""Known-abuse material: keyed digests of files that nobody may see (R52). The list cannot be read back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.raw import batched
from lineament.store.source_tables import known_abuse

_MOST = 500
"""Most digests in one IN clause."""


class AbuseRows:
    """The list."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, digests: Iterable[bytes], at: datetime) -> int:
        """Add keyed digests to the list; return how many were new."""
        added = 0
        for batch in batched(dict.fromkeys(digests), _MOST):
            listed = self.any_of(batch)
            if new := [{"digest": digest, "at": at} for digest in batch if digest not in listed]:
                self._connection.execute(sa.insert(known_abuse), new)
                added += len(new)
        return added

    def is_filled(self) -> bool:
        """Return whether the list holds any digest."""
        return self._connection.execute(sa.select(known_abuse.c.digest).limit(1)).first() is not None

    def any_of(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of the digests that are on the list."""
        listed: set[bytes] = set()
        for batch in batched(digests, _MOST):
            query = sa.select(known_abuse.c.digest).where(known_abuse.c.digest.in_(batch))
            listed.update(map(bytes, self._connection.scalars(query)))
        return listed
