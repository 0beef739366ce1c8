"""Keys with which programs act for officials, and the answers that a repeated request gets again."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.model.api_keys import ApiKey
from lineament.store.api_tables import FORGOTTEN, TO_FORGET, api_answers, api_keys
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.sealed import SealedColumn, checked_id
from lineament.store.values import text

_HINT = "lineament key list"


class ApiKeyRows:
    """The keys of all agencies; of each only a digest is stored, from which nobody can make it."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "api_keys")

    def add(self, key: ApiKey, digest: bytes) -> None:
        """Add a key; ``digest`` is the SHA-256 of its text."""
        row = {
            "id": key.id,
            "digest": digest,
            "agency_id": key.agency_id,
            "account_id": key.account_id,
            "case_id": key.case_id,
            "rights": text(sorted(right.value for right in key.rights)),
            "sources": text(list(key.sources)),
            "per_minute": key.per_minute,
            "sealed": self._seal(key),
            "made_at": key.made_at,
            "ends_at": key.ends_at,
        }
        self._connection.execute(sa.insert(api_keys), row)

    def of(self, digest: bytes) -> ApiKey | None:
        """Return the key of that digest, valid or not; None if there is none."""
        return self._one(api_keys.c.digest == digest)

    def find(self, key_id: str) -> ApiKey | None:
        """Return the key with that id, of any agency; None if there is none."""
        return self._one(api_keys.c.id == checked_id(key_id))

    def get(self, key_id: str, agency_id: str) -> ApiKey:
        """Return a key of an agency. Raises the same NotFound if there is none or another agency has it."""
        key = self.find(key_id)
        if key is None or key.agency_id != agency_id:
            raise NotFound(what="key", name=key_id[:40], hint=_HINT)
        return key

    def of_agency(self, agency_id: str) -> list[ApiKey]:
        """Return the keys of an agency, the newest first."""
        return self._several(api_keys.c.agency_id == agency_id)

    def of_account(self, agency_id: str, account_id: str | None) -> list[ApiKey]:
        """Return the keys of an account, or of the person at the machine, the newest first."""
        owner = api_keys.c.account_id.is_not_distinct_from(account_id)
        return self._several(sa.and_(api_keys.c.agency_id == agency_id, owner))

    def revoke(self, key: ApiKey, at: datetime) -> None:
        """Let a key open nothing any more; its secret for signing is destroyed."""
        self._end(key, at, self._seal(key, signing_secret=None))

    def end_of_case(self, case_id: int, at: datetime) -> None:
        """Revoke the keys that are bound to a case, and forget what they say of it."""
        for key in self._several(api_keys.c.case_id == case_id):
            self._end(key, key.revoked_at or at, self._seal(key, signing_secret=None, reason=""))

    def mark_used(self, key_id: str, at: datetime) -> None:
        """Note when a key was last used."""
        self._connection.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(used_at=at))

    def _end(self, key: ApiKey, at: datetime, sealed: bytes) -> None:
        its = sa.update(api_keys).where(api_keys.c.id == key.id)
        self._connection.execute(its.values(revoked_at=at, sealed=sealed))

    def _seal(self, key: ApiKey, **other: str | None) -> bytes:
        kept = {
            "name": key.name,
            "by": key.made_by,
            "reason": key.reason,
            "signing_secret": key.signing_secret,
        }
        return self._sealed.seal(key.id, kept | other)

    def _one(self, which: sa.ColumnElement[bool]) -> ApiKey | None:
        row = self._connection.execute(sa.select(api_keys).where(which)).mappings().one_or_none()
        return None if row is None else self._key(row)

    def _several(self, which: sa.ColumnElement[bool]) -> list[ApiKey]:
        query = sa.select(api_keys).where(which).order_by(api_keys.c.made_at.desc(), api_keys.c.id)
        return [self._key(row) for row in self._connection.execute(query).mappings().all()]

    def _key(self, row: RowMapping) -> ApiKey:
        checked(self._connection, self._vault, "api_keys", row)
        kept = self._sealed.open(row["id"], row["sealed"])
        same = ("id", "agency_id", "account_id", "case_id", "per_minute", "made_at", "ends_at", "revoked_at", "used_at")
        return ApiKey(
            **{name: row[name] for name in same},
            made_by=kept["by"],
            name=kept["name"],
            reason=kept["reason"],
            signing_secret=kept["signing_secret"],
            rights=frozenset(map(Permission, json.loads(row["rights"]))),
            sources=tuple(json.loads(row["sources"])),
        )


class ApiAnswerRows:
    """What programs asked with a name for their request, and how it was answered, until that is forgotten."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def begin(self, name: str, request: bytes, at: datetime, until: datetime) -> tuple[bytes, bytes | None] | None:
        """Note that a request is under way, until then. If it was noted before, return its digest and its answer.

        The answer is None if the request is still under way, and FORGOTTEN if something was erased since it began.
        """
        lookup = self._lookup(name)
        self._connection.execute(sa.delete(api_answers).where(api_answers.c.until <= at))
        known = sa.select(api_answers.c.request, api_answers.c.content).where(api_answers.c.lookup == lookup)
        row: Any = self._connection.execute(known).one_or_none()
        if row is not None:
            content = TO_FORGET if row.content is None else bytes(row.content)
            return bytes(row.request), None if content == TO_FORGET else content
        new = {"lookup": lookup, "request": request, "until": until}
        self._connection.execute(sa.insert(api_answers), new)
        return None

    def answer(self, name: str, content: bytes, until: datetime, *, names_nothing: bool = False) -> None:
        """Keep the answer to a request, sealed by the caller; forget it if it may name what was erased meanwhile."""
        its = sa.update(api_answers).where(api_answers.c.lookup == self._lookup(name))
        kept = content if names_nothing else sa.case((api_answers.c.content == TO_FORGET, FORGOTTEN), else_=content)
        self._connection.execute(its.values(content=kept, until=until))

    def forget(self, name: str) -> None:
        """Forget a request that did nothing."""
        self._connection.execute(sa.delete(api_answers).where(api_answers.c.lookup == self._lookup(name)))

    def _lookup(self, name: str) -> bytes:
        return self._vault.lookup("answers", name)
