"""Known-abuse material, which nobody may see (R52): keyed digests of files, and sealed perceptual hashes.

The digests cannot be read back. The hashes can, with the workspace's key: a near hash cannot be found by a digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.keys import Vault
from lineament.store.raw import batched
from lineament.store.source_tables import known_abuse, known_hashes

_MOST = 500
"""Most digests in one IN clause."""
HASH_BYTES = 32
_SEALED_TOGETHER = 10_000
"""Most perceptual hashes that are sealed as one value."""


class AbuseRows:
    """The list."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self.hashes = KnownHashRows(connection, vault)

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


class KnownHashRows:
    """The perceptual hashes, in the order in which they were listed."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def add(self, hashes: Sequence[bytes], at: datetime) -> None:
        """Add hashes of HASH_BYTES bytes. Those that are listed already have to be left out by the caller."""
        number = self.newest()
        for batch in batched(hashes, _SEALED_TOGETHER):
            number += 1
            sealed = self._vault.seal(b"".join(batch), _about(number))
            self._connection.execute(sa.insert(known_hashes), {"id": number, "sealed": sealed, "at": at})

    def newest(self) -> int:
        """Return the number of the newest part of the list, 0 if it is empty; it grows with the list."""
        return int(self._connection.scalar(sa.select(sa.func.max(known_hashes.c.id))) or 0)

    def after(self, number: int) -> Iterator[bytes]:
        """Yield the hashes of the parts after one. Raises Damaged if a part was changed from outside."""
        query = sa.select(known_hashes.c.id, known_hashes.c.sealed).where(known_hashes.c.id > number)
        for id_, sealed in self._connection.execute(query.order_by(known_hashes.c.id)):
            together = self._vault.open(bytes(sealed), _about(id_))
            yield from (together[at : at + HASH_BYTES] for at in range(0, len(together), HASH_BYTES))


def _about(number: int) -> str:
    return f"known_hashes|sealed|{number}"
