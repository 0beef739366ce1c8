"""Sessions: found by the digest of the key in the cookie; the key itself is never stored."""

from __future__ import annotations

import secrets
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.accounts import SignedIn
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.people_tables import sessions
from lineament.store.sealed import SealedColumn, checked_id

_SELECT = sa.select(sessions)
_HINT = "the list of your sessions"


class SessionRows:
    """The sessions of all accounts. Digests are SHA-256, 32 bytes."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._device = SealedColumn(vault, "sessions", "device")

    def begin(self, account_id: str, key_digest: bytes, at: datetime, device: str, terminal: bool) -> SignedIn:
        """Start a session that has not shown a second factor yet; the first 120 characters of ``device`` are kept."""
        new = secrets.token_hex(8)
        row = {"digest": key_digest, "id": new, "account_id": account_id, "began_at": at, "seen_at": at}
        row |= {"device": self._device.seal(new, _shorten(device)), "terminal": terminal}
        self._connection.execute(sa.insert(sessions), row)
        return self._signed_in(self._connection.execute(_SELECT.where(sessions.c.id == new)).mappings().one())

    def of(self, key_digest: bytes) -> SignedIn | None:
        """Return the session of a key, None if there is none; the caller's policy decides whether it has expired."""
        row = self._connection.execute(_SELECT.where(sessions.c.digest == key_digest)).mappings().one_or_none()
        return None if row is None else self._signed_in(row)

    def of_account(self, account_id: str) -> list[SignedIn]:
        """Return the sessions of an account, the last active one first."""
        ordered = _SELECT.where(sessions.c.account_id == account_id).order_by(
            sessions.c.seen_at.desc(), sessions.c.began_at.desc(), sessions.c.id
        )
        return [self._signed_in(row) for row in self._connection.execute(ordered).mappings()]

    def mark_seen(self, id: str, at: datetime) -> None:  # noqa: A002 - the column
        """Record activity; nothing changes if the time is older than the last one or the session has ended."""
        later = sa.and_(sessions.c.id == checked_id(id), sessions.c.seen_at < at)
        self._connection.execute(sa.update(sessions).where(later).values(seen_at=at))

    def prove(self, id: str, at: datetime) -> None:  # noqa: A002
        """Record a second factor. Raises NotFound if the session has ended."""
        self._change(id, proved_at=at)

    def rekey(self, id: str, new_digest: bytes) -> None:  # noqa: A002
        """Replace the key, so that one planted before signing in is worthless. Raises NotFound if it has ended."""
        self._change(id, digest=new_digest)

    def challenge(self, id: str, challenge: bytes | None) -> None:  # noqa: A002
        """Store the challenge that a passkey is to sign next. Raises NotFound if the session has ended."""
        self._change(id, challenge=challenge)

    def take_challenge(self, id: str) -> bytes | None:  # noqa: A002
        """Return the challenge to the first caller, None to every later one."""
        row = self._connection.execute(_SELECT.where(sessions.c.id == checked_id(id))).mappings().one_or_none()
        if row is None or (challenge := row["challenge"]) is None:
            return None
        checked(self._connection, self._vault, "sessions", row)
        same = sa.and_(sessions.c.id == checked_id(id), sessions.c.challenge == challenge)
        claimed = self._connection.execute(sa.update(sessions).where(same).values(challenge=None))
        return bytes(challenge) if claimed.rowcount else None

    def end(self, id: str) -> bool:  # noqa: A002
        """End a session; return whether it was still there."""
        return self._connection.execute(sa.delete(sessions).where(sessions.c.id == checked_id(id))).rowcount > 0

    def end_all(self, account_id: str, but: str | None = None) -> int:
        """End every session of an account except the one with the id ``but``; return how many."""
        ended = sa.delete(sessions).where(sessions.c.account_id == account_id)
        if but is not None:
            ended = ended.where(sessions.c.id != but)
        return self._connection.execute(ended).rowcount

    def expire(self, before_seen: datetime, before_began: datetime) -> int:
        """Delete sessions last active, or started, before those times; return how many."""
        over = sa.or_(sessions.c.seen_at < before_seen, sessions.c.began_at < before_began)
        return self._connection.execute(sa.delete(sessions).where(over)).rowcount

    def _change(self, id: str, **values: object) -> None:  # noqa: A002
        changed = self._connection.execute(sa.update(sessions).where(sessions.c.id == checked_id(id)).values(**values))
        if changed.rowcount == 0:
            raise NotFound(what="session", name=id, hint=_HINT)

    def _signed_in(self, row: RowMapping) -> SignedIn:
        checked(self._connection, self._vault, "sessions", row)
        return SignedIn(
            id=row["id"],
            account_id=row["account_id"],
            began_at=row["began_at"],
            seen_at=row["seen_at"],
            proved_at=row["proved_at"],
            device=str(self._device.open(row["id"], row["device"])),
            terminal=bool(row["terminal"]),
        )


def _shorten(untrusted: str) -> str:
    return "".join(character if character.isprintable() else " " for character in untrusted[:120]).strip()
