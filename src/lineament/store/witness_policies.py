"""The policies of who witnesses the ledger, as proposed and as they took effect; sealed, because they name people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.model.proposals import Signatory
from lineament.model.witnessing import WitnessChange, WitnessPolicy
from lineament.store.bound import Digests, row_digest
from lineament.store.keys import Vault
from lineament.store.protected import PROTECTED
from lineament.store.sealed import SealedColumn
from lineament.store.witness_table import witness_policies


class WitnessPolicyRows:
    """All policies. A row does not open under another number."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "witness_policies")

    def newest(self) -> WitnessChange | None:
        """Return the policy that was proposed last, None if there is none. Raises Damaged if it was altered."""
        return self._first(sa.select(witness_policies).order_by(witness_policies.c.id.desc()))

    def in_force(self) -> WitnessChange | None:
        """Return the policy that took effect last, None if none did. Raises Damaged if it was altered."""
        made = sa.select(witness_policies).where(witness_policies.c.entry.is_not(None))
        return self._first(made.order_by(witness_policies.c.entry.desc()))

    def put(self, change: WitnessChange) -> None:
        """Add a policy, or replace it by what became of it."""
        row = self._row(change)
        same = witness_policies.c.id == change.number
        if self._connection.execute(sa.update(witness_policies).where(same).values(**row)).rowcount == 0:
            self._connection.execute(sa.insert(witness_policies), row)

    def digests(self, change: WitnessChange) -> Digests:
        """Return the digest of a policy as ``put`` will store it, for the entry that makes it take effect."""
        row, protected = self._row(change), PROTECTED[witness_policies.name]
        return {protected.subject(row): row_digest(self._vault, protected, row)}

    def _row(self, change: WitnessChange) -> dict[str, Any]:
        facts = {
            "policy": change.policy.to_json(),
            "reason": change.reason,
            "by": change.by.to_json(),
            "approved": None if change.approved is None else change.approved.to_json(),
            "made_at": None if change.made_at is None else change.made_at.isoformat(),
        }
        sealed = self._sealed.seal(str(change.number), facts)
        return {"id": change.number, "sealed": sealed, "entry": change.entry}

    def _first(self, query: sa.Select[Any]) -> WitnessChange | None:
        row = self._connection.execute(query.limit(1)).mappings().one_or_none()
        return None if row is None else self._change(row)

    def _change(self, row: RowMapping) -> WitnessChange:
        facts = self._sealed.open(str(row["id"]), row["sealed"])
        approved, made_at = facts["approved"], facts["made_at"]
        return WitnessChange(
            number=row["id"],
            policy=WitnessPolicy.from_json(facts["policy"]),
            reason=facts["reason"],
            by=Signatory.from_json(facts["by"]),
            approved=None if approved is None else Signatory.from_json(approved),
            made_at=None if made_at is None else datetime.fromisoformat(made_at),
            entry=row["entry"],
        )
