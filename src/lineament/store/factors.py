"""Second factors: names and secrets are sealed, and each proof is accepted once."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import AlreadyThere, NotFound
from lineament.model.accounts import Factor, FactorKind
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.people_tables import factors
from lineament.store.sealed import SealedColumn, checked_id

_RECOVERY = FactorKind.RECOVERY.value
_HINT = "the list of your second factors"


class FactorRows:
    """The second factors of every account."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "factors")

    def add(  # noqa: PLR0913 - what a factor consists of
        self,
        account_id: str,
        kind: FactorKind,
        name: str,
        secret: Mapping[str, Any],
        at: datetime,
        *,
        lookup_text: str | None = None,
        counter: int = 0,
    ) -> Factor:
        """Add a factor; ``secret`` is a JSON object. Raises AlreadyThere if its ``lookup_text`` is known.

        A passkey's ``lookup_text`` is its credential id in hexadecimal. ``counter`` is the number that the first proof
        must exceed: a passkey's signature count, or the time step of the code that confirmed an app.
        Recovery codes, ``{"codes": [SHA-256 in hexadecimal, …]}``, replace the previous sheet.
        """
        lookup = None if lookup_text is None else self._lookup(lookup_text)
        if lookup is not None and self._exists(lookup):
            raise AlreadyThere(what=kind.value, name=name)
        if kind is FactorKind.RECOVERY:
            counter = len(secret["codes"])
            old = sa.and_(factors.c.account_id == account_id, factors.c.kind == _RECOVERY)
            self._connection.execute(sa.delete(factors).where(old))
        new = secrets.token_hex(8)
        row = {"id": new, "account_id": account_id, "kind": kind.value, "lookup": lookup, "counter": counter}
        sealed = self._sealed.seal(new, {"name": name, "secret": dict(secret)})
        self._connection.execute(sa.insert(factors), row | {"sealed": sealed, "added_at": at})
        return self._factor(self._row(new))

    def of_account(self, account_id: str) -> list[Factor]:
        """Return the factors of an account, oldest first."""
        ordered = (
            sa.select(factors).where(factors.c.account_id == account_id).order_by(factors.c.added_at, factors.c.id)
        )
        return [self._factor(row) for row in self._connection.execute(ordered).mappings()]

    def secret(self, factor_id: str) -> dict[str, Any]:
        """Return the secret of a factor. Raises NotFound if the factor is gone."""
        return self._secret(self._row(factor_id))

    def by_credential(self, account_id: str, credential_id: bytes) -> tuple[Factor, dict[str, Any]] | None:
        """Return the account's passkey with that credential id, and its secret; None if the account has none."""
        found = sa.and_(factors.c.lookup == self._lookup(credential_id.hex()), factors.c.account_id == account_id)
        row = self._connection.execute(sa.select(factors).where(found)).mappings().one_or_none()
        return None if row is None else (self._factor(row), self._secret(row))

    def record_use(self, factor_id: str, at: datetime, counter: int) -> bool:
        """Record a proof; False if its number was used before, so that a replayed proof is refused.

        The number must grow. Passkeys that do not count always say 0, which is allowed (WebAuthn, 6.1.1).
        """
        grows = factors.c.counter < counter
        if counter == 0:
            grows = sa.and_(factors.c.counter == 0, factors.c.kind == FactorKind.PASSKEY.value)
        fresh = sa.and_(factors.c.id == checked_id(factor_id), factors.c.kind != _RECOVERY, grows)
        changed = self._connection.execute(sa.update(factors).where(fresh).values(used_at=at, counter=counter))
        return changed.rowcount == 1

    def spend(self, account_id: str, code_digest: bytes, at: datetime) -> bool:
        """Use up a recovery code, given by its SHA-256; False if it is unknown or was used before."""
        of_account = sa.and_(factors.c.account_id == account_id, factors.c.kind == _RECOVERY)
        row = self._connection.execute(sa.select(factors).where(of_account)).mappings().one_or_none()
        if row is None:
            return False
        checked(self._connection, self._vault, "factors", row)
        values = self._sealed.open(row["id"], row["sealed"])
        codes = list(values["secret"]["codes"])
        left = [code for code in codes if not hmac.compare_digest(bytes.fromhex(code), code_digest)]
        if len(left) == len(codes):
            return False
        sealed = self._sealed.seal(row["id"], values | {"secret": values["secret"] | {"codes": left}})
        same = sa.and_(factors.c.id == row["id"], factors.c.counter == row["counter"])
        changed = sa.update(factors).where(same).values(sealed=sealed, counter=len(left), used_at=at)
        return self._connection.execute(changed).rowcount == 1

    def remove(self, factor_id: str) -> bool:
        """Delete a factor and return whether it was there; the caller has checked whose it is."""
        return self._connection.execute(sa.delete(factors).where(factors.c.id == checked_id(factor_id))).rowcount > 0

    def remove_all(self, account_id: str) -> int:
        """Delete every factor of an account; return how many."""
        return self._connection.execute(sa.delete(factors).where(factors.c.account_id == account_id)).rowcount

    # ------------------------------------------------------------ rows

    def _lookup(self, text: str) -> bytes:
        return self._vault.lookup("factors", text)

    def _exists(self, lookup: bytes) -> bool:
        return self._connection.scalar(sa.select(factors.c.id).where(factors.c.lookup == lookup)) is not None

    def _row(self, factor_id: str) -> RowMapping:
        row = (
            self._connection.execute(sa.select(factors).where(factors.c.id == checked_id(factor_id)))
            .mappings()
            .one_or_none()
        )
        if row is None:
            raise NotFound(what="second factor", name=factor_id, hint=_HINT)
        return row

    def _secret(self, row: RowMapping) -> dict[str, Any]:
        checked(self._connection, self._vault, "factors", row)
        return dict(self._sealed.open(row["id"], row["sealed"])["secret"])

    def _factor(self, row: RowMapping) -> Factor:
        checked(self._connection, self._vault, "factors", row)
        kind = FactorKind(row["kind"])
        return Factor(
            id=row["id"],
            kind=kind,
            name=self._sealed.open(row["id"], row["sealed"])["name"],
            added_at=row["added_at"],
            used_at=row["used_at"],
            left=row["counter"] if kind is FactorKind.RECOVERY else 1,
        )
