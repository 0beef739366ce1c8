"""What is forgotten within minutes: what clients did before signing in, and pages that answered a form."""

from __future__ import annotations

import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.store.keys import Vault
from lineament.store.short_lived_tables import client_counts, kept_pages

_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(:client)")


class ShortLivedRows:
    """The rows of every process; none holds a name, an address or a readable page."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    # ------------------------------------------------------------ what clients did

    def count(self, kind: str, client: str, most: int, now: datetime, until: datetime) -> str | datetime:
        """Count what a client does, until then; return its id.

        If the client did as much as it may, nothing is counted: then return when it may again. Processes that count
        the same client wait for each other.
        """
        lookup = self._lookup(kind, client)
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(_ONE_AT_A_TIME, {"client": int.from_bytes(lookup[:8], "big", signed=True)})
        self._forget_counts(now)
        if (full := self.full_until(kind, client, most, now)) is not None:
            return full
        new = secrets.token_hex(16)
        self._connection.execute(sa.insert(client_counts), {"id": new, "lookup": lookup, "until": until})
        return new

    def full_until(self, kind: str, client: str, most: int, now: datetime) -> datetime | None:
        """Return when a client that did as much as it may can do so again; None if it may now."""
        mine = (client_counts.c.lookup == self._lookup(kind, client), client_counts.c.until > now)
        newest = sa.select(client_counts.c.until).where(*mine).order_by(client_counts.c.until.desc())
        return self._connection.scalar(newest.offset(most - 1).limit(1))

    def take_back(self, id: str) -> None:  # noqa: A002 - the column
        """Count something no longer."""
        self._connection.execute(sa.delete(client_counts).where(client_counts.c.id == id))

    def _forget_counts(self, now: datetime) -> None:
        over = sa.select(client_counts.c.id).where(client_counts.c.until <= now).with_for_update(skip_locked=True)
        self._connection.execute(sa.delete(client_counts).where(client_counts.c.id.in_(over)))

    def _lookup(self, kind: str, client: str) -> bytes:
        return self._vault.lookup("clients", f"{kind}|{client}")

    # ------------------------------------------------------------ pages

    def keep_page(self, digest: bytes, content: bytes, now: datetime, until: datetime, most_bytes: int) -> None:
        """Keep a page until then. The oldest make room for it, so that all together have at most so many bytes."""
        size = sa.func.length(kept_pages.c.content)
        left, gone = most_bytes - len(content), []
        newest = sa.select(kept_pages.c.digest, size, kept_pages.c.until).order_by(kept_pages.c.until.desc())
        for of_page, length, its_end in self._connection.execute(newest).all():
            left -= length
            if left < 0 or its_end <= now:
                gone.append(of_page)
        if gone:
            self._connection.execute(sa.delete(kept_pages).where(kept_pages.c.digest.in_(gone)))
        self._connection.execute(sa.insert(kept_pages), {"digest": digest, "content": content, "until": until})

    def page(self, digest: bytes, now: datetime) -> bytes | None:
        """Return the content of a page; None if it is gone."""
        mine = (kept_pages.c.digest == digest, kept_pages.c.until > now)
        return self._connection.scalar(sa.select(kept_pages.c.content).where(*mine))
