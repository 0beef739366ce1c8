"""Second factors: their names and secrets are sealed, and each proof counts once."""

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
from lineament.store.keys import Vault
from lineament.store.people_tables import factors
from lineament.store.sealed import SealedColumn, asked_id

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
        """A new factor; ``secret`` is a JSON object. AlreadyThere where its ``lookup_text`` is known.

        A passkey's ``lookup_text`` is its credential id in hexadecimal. ``counter`` is the number that the first proof
        has to exceed: the signature count of a passkey, or the time step of the code that was typed to confirm.
        Recovery codes: ``{"codes": [SHA-256 in hexadecimal, …]}``; they replace the sheet before.
        """
        lookup = None if lookup_text is None else self._lookup(lookup_text)
        if lookup is not None and self._known(lookup):
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
        """The factors of an account, the oldest first."""
        ordered = (
            sa.select(factors).where(factors.c.account_id == account_id).order_by(factors.c.added_at, factors.c.id)
        )
        return [self._factor(row) for row in self._connection.execute(ordered).mappings()]

    def secret(self, factor_id: str) -> dict[str, Any]:
        """What the factor is checked against; NotFound where it is gone."""
        return self._secret(self._row(factor_id))

    def by_credential(self, account_id: str, credential_id: bytes) -> tuple[Factor, dict[str, Any]] | None:
        """The passkey of that account with that credential id, and its secret; None where it is not the account's."""
        found = sa.and_(factors.c.lookup == self._lookup(credential_id.hex()), factors.c.account_id == account_id)
        row = self._connection.execute(sa.select(factors).where(found)).mappings().one_or_none()
        return None if row is None else (self._factor(row), self._secret(row))

    def used(self, factor_id: str, at: datetime, counter: int) -> bool:
        """Record a proof; False where its number was used before, so that one that is replayed counts once.

        The number has to grow. Passkeys that do not count say 0 forever, and that is fine (WebAuthn, 6.1.1).
        """
        grows = factors.c.counter < counter
        if counter == 0:
            grows = sa.and_(factors.c.counter == 0, factors.c.kind == FactorKind.PASSKEY.value)
        fresh = sa.and_(factors.c.id == asked_id(factor_id), factors.c.kind != _RECOVERY, grows)
        changed = self._connection.execute(sa.update(factors).where(fresh).values(used_at=at, counter=counter))
        return changed.rowcount == 1

    def spend(self, account_id: str, code_digest: bytes, at: datetime) -> bool:
        """Use a recovery code up, by its SHA-256; False where it is none, or was used before."""
        of_account = sa.and_(factors.c.account_id == account_id, factors.c.kind == _RECOVERY)
        row = self._connection.execute(sa.select(factors).where(of_account)).mappings().one_or_none()
        if row is None:
            return False
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
        """Delete a factor; whether it was there. Whose it is, the caller has asked."""
        return self._connection.execute(sa.delete(factors).where(factors.c.id == asked_id(factor_id))).rowcount > 0

    def remove_all(self, account_id: str) -> int:
        """Delete every factor of an account; how many."""
        return self._connection.execute(sa.delete(factors).where(factors.c.account_id == account_id)).rowcount

    # ------------------------------------------------------------ rows

    def _lookup(self, text: str) -> bytes:
        return self._vault.lookup("factors", text)

    def _known(self, lookup: bytes) -> bool:
        return self._connection.scalar(sa.select(factors.c.id).where(factors.c.lookup == lookup)) is not None

    def _row(self, factor_id: str) -> RowMapping:
        row = (
            self._connection.execute(sa.select(factors).where(factors.c.id == asked_id(factor_id)))
            .mappings()
            .one_or_none()
        )
        if row is None:
            raise NotFound(what="second factor", name=factor_id, hint=_HINT)
        return row

    def _secret(self, row: RowMapping) -> dict[str, Any]:
        return dict(self._sealed.open(row["id"], row["sealed"])["secret"])

    def _factor(self, row: RowMapping) -> Factor:
        kind = FactorKind(row["kind"])
        return Factor(
            id=row["id"],
            kind=kind,
            name=self._sealed.open(row["id"], row["sealed"])["name"],
            added_at=row["added_at"],
            used_at=row["used_at"],
            left=row["counter"] if kind is FactorKind.RECOVERY else 1,
        )
