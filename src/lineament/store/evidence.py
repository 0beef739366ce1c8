"""Evidence that is independent of a search: sealed under the case's key, and destroyed with the case."""

from __future__ import annotations

import json

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.model.evidence import Evidence, EvidenceKind
from lineament.store.evidence_table import evidence
from lineament.store.keys import DataKey

_SEALED = ("kind", "text", "reference", "recorded_by", "because")
_PLAIN = tuple(column.name for column in evidence.c if column.name not in {"case_id", "sealed"})


class EvidenceRows:
    """The evidence of all cases. A row never changes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, case_id: int, piece: Evidence, key: DataKey) -> None:
        """Add a piece of evidence to a lead of a case; ``key`` is that of the case."""
        said = json.dumps({name: getattr(piece, name) for name in _SEALED}).encode("ascii")
        row = {name: getattr(piece, name) for name in _PLAIN}
        row |= {"case_id": case_id, "sealed": key.seal(said, _associated_data(case_id, piece.id))}
        self._connection.execute(sa.insert(evidence), row)

    def of_case(self, case_id: int, key: DataKey) -> list[Evidence]:
        """Return all evidence of a case, also what was replaced, the oldest first. Raises Damaged."""
        query = sa.select(evidence).where(evidence.c.case_id == case_id).order_by(evidence.c.at, evidence.c.id)
        return [_piece(row, key) for row in self._connection.execute(query).mappings()]

    def reseal(self, case_id: int, old: DataKey, new: DataKey) -> int:
        """Seal the evidence of a case under a new key; return how many pieces. Raises Damaged if one does not open."""
        query = sa.select(evidence.c.id, evidence.c.sealed).where(evidence.c.case_id == case_id)
        rows = self._connection.execute(query).all()
        for row in rows:
            about = _associated_data(case_id, row.id)
            sealed = new.seal(old.open(bytes(row.sealed), about), about)
            self._connection.execute(sa.update(evidence).where(evidence.c.id == row.id).values(sealed=sealed))
        return len(rows)

    def delete_of(self, case_id: int) -> None:
        """Delete the evidence of a case; a piece goes before the one that it replaces."""
        its = evidence.c.case_id == case_id
        replaced = sa.select(evidence.c.replaces).where(its, evidence.c.replaces.is_not(None)).scalar_subquery()
        while self._connection.execute(sa.delete(evidence).where(its, evidence.c.id.not_in(replaced))).rowcount:
            pass


def _associated_data(case_id: int, id_: str) -> bytes:
    return f"evidence|{case_id}|{id_}".encode()


def _piece(row: RowMapping, key: DataKey) -> Evidence:
    said = json.loads(key.open(bytes(row["sealed"]), _associated_data(row["case_id"], row["id"])))
    kind = EvidenceKind(said.pop("kind"))
    return Evidence(**{name: row[name] for name in _PLAIN}, **said, kind=kind)
