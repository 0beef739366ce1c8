"""Changes of the threshold and of the model pack, as proposed and decided; sealed, because they name people (R46)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.proposals import Decision, Proposal, ProposalKind, ProposalState, Signatory
from lineament.store.bound import Digests, row_digest
from lineament.store.keys import Vault
from lineament.store.proposal_table import proposals
from lineament.store.protected import PROTECTED
from lineament.store.sealed import SealedColumn


class ProposalRows:
    """All proposals. A row does not open under another number."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "proposals")

    def next_number(self) -> int:
        """Return the number of the next proposal; one transaction writes at a time."""
        return int(self._connection.scalar(sa.select(sa.func.max(proposals.c.id))) or 0) + 1

    def add(self, proposal: Proposal) -> None:
        """Add a proposal."""
        self._connection.execute(sa.insert(proposals), self._row(proposal))

    def put(self, proposal: Proposal) -> None:
        """Replace a proposal by what became of it."""
        row = self._row(proposal)
        self._connection.execute(sa.update(proposals).where(proposals.c.id == proposal.number).values(**row))

    def digests(self, proposal: Proposal) -> Digests:
        """Return the digest of a proposal as ``put`` will store it, for the entry that makes it take effect."""
        row = self._row(proposal)
        protected = PROTECTED[proposals.name]
        return {protected.subject(row): row_digest(self._vault, protected, row)}

    def get(self, number: int) -> Proposal:
        """Return a proposal. Raises NotFound if there is none of that number, or Damaged if it was altered."""
        where = proposals.c.id == (number if 0 < number < 2**63 else 0)
        row = self._connection.execute(sa.select(proposals).where(where)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="change", name=number, hint="lineament threshold list")
        return self._proposal(row)

    def all(self) -> list[Proposal]:
        """Return all proposals, the newest first. Raises Damaged if one was altered."""
        query = sa.select(proposals).order_by(proposals.c.id.desc())
        return [self._proposal(row) for row in self._connection.execute(query).mappings()]

    def newest_made(self) -> Proposal | None:
        """Return the change that took effect last; None if there is none. Raises Damaged if it was altered."""
        made = sa.select(proposals).where(proposals.c.entry.is_not(None)).order_by(proposals.c.entry.desc()).limit(1)
        row = self._connection.execute(made).mappings().one_or_none()
        return None if row is None else self._proposal(row)

    def _row(self, proposal: Proposal) -> dict[str, Any]:
        facts = {name: value for name, value in asdict(proposal).items() if name not in {"number", "entry"}}
        made_at = None if proposal.made_at is None else proposal.made_at.isoformat()
        facts |= {"by": proposal.by.to_json(), "made_at": made_at}
        if proposal.decision is not None:
            facts["decision"] |= {"by": proposal.decision.by.to_json()}
        sealed = self._sealed.seal(str(proposal.number), facts)
        return {"id": proposal.number, "sealed": sealed, "entry": proposal.entry}

    def _proposal(self, row: RowMapping) -> Proposal:
        facts = self._sealed.open(str(row["id"]), row["sealed"])
        decision = facts.pop("decision")
        if decision is not None:
            state, by = ProposalState(decision["state"]), Signatory.from_json(decision["by"])
            decision = Decision(state=state, by=by, reason=decision["reason"])
        facts |= {"kind": ProposalKind(facts["kind"]), "state": ProposalState(facts["state"])}
        made_at = facts.pop("made_at")
        facts |= {"by": Signatory.from_json(facts["by"]), "decision": decision}
        facts["made_at"] = None if made_at is None else datetime.fromisoformat(made_at)
        return Proposal(number=row["id"], entry=row["entry"], **facts)
