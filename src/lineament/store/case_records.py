"""Records of a case that never change: sealed under its key, replaced by later ones, and destroyed with the case."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.model.defence import DefenceNotice, NoticeWay
from lineament.model.evidence import Evidence, EvidenceKind
from lineament.store.defence_table import defence_notices
from lineament.store.evidence_table import evidence
from lineament.store.keys import DataKey

Recorded = TypeVar("Recorded")


class CaseRecordRows(Generic[Recorded]):
    """Records of one kind of all cases. A row never changes."""

    table: ClassVar[sa.Table]
    sealed: ClassVar[tuple[str, ...]]  # attributes that the column ``sealed`` holds as JSON

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @staticmethod
    @abstractmethod
    def made_of(facts: dict[str, Any]) -> Recorded:
        """Return the record that has these attributes."""

    def add(self, case_id: int, record: Recorded, key: DataKey) -> None:
        """Add a record to a case; ``key`` is that of the case."""
        said = json.dumps({name: getattr(record, name) for name in self.sealed}).encode("ascii")
        row = {name: getattr(record, name) for name in self._plain()}
        row |= {"case_id": case_id, "sealed": key.seal(said, self._associated_data(case_id, row["id"]))}
        self._connection.execute(sa.insert(self.table), row)

    def of_case(self, case_id: int, key: DataKey) -> list[Recorded]:
        """Return all records of a case, also those that were replaced, the oldest first. Raises Damaged."""
        its = self.table.c
        query = sa.select(self.table).where(its.case_id == case_id).order_by(its.at, its.id)
        found = []
        for row in self._connection.execute(query).mappings():
            said = json.loads(key.open(bytes(row["sealed"]), self._associated_data(case_id, row["id"])))
            found.append(self.made_of({**{name: row[name] for name in self._plain()}, **said}))
        return found

    def reseal(self, case_id: int, old: DataKey, new: DataKey) -> int:
        """Seal the records of a case under a new key; return how many. Raises Damaged if one does not open."""
        its = self.table.c
        rows = self._connection.execute(sa.select(its.id, its.sealed).where(its.case_id == case_id)).all()
        for row in rows:
            about = self._associated_data(case_id, row.id)
            sealed = new.seal(old.open(bytes(row.sealed), about), about)
            self._connection.execute(sa.update(self.table).where(its.id == row.id).values(sealed=sealed))
        return len(rows)

    def delete_of(self, case_id: int) -> None:
        """Delete the records of a case; one goes before the one that it replaces."""
        its, where = self.table.c, self.table.c.case_id == case_id
        replaced = sa.select(its.replaces).where(where, its.replaces.is_not(None)).scalar_subquery()
        while self._connection.execute(sa.delete(self.table).where(where, its.id.not_in(replaced))).rowcount:
            pass

    def _plain(self) -> list[str]:
        return [column.name for column in self.table.c if column.name not in {"case_id", "sealed"}]

    def _associated_data(self, case_id: int, id_: str) -> bytes:
        return f"{self.table.name}|{case_id}|{id_}".encode()


class EvidenceRows(CaseRecordRows[Evidence]):
    """Evidence that is independent of a search."""

    table = evidence
    sealed = ("kind", "text", "reference", "recorded_by", "because")

    @staticmethod
    def made_of(facts: dict[str, Any]) -> Evidence:
        """Return the piece that has these attributes."""
        return Evidence(**facts | {"kind": EvidenceKind(facts["kind"])})


class DefenceNoticeRows(CaseRecordRows[DefenceNotice]):
    """Notices to the defence."""

    table = defence_notices
    sealed = ("given_to", "way", "text", "recorded_by", "because")

    @staticmethod
    def made_of(facts: dict[str, Any]) -> DefenceNotice:
        """Return the notice that has these attributes."""
        return DefenceNotice(**facts | {"way": NoticeWay(facts["way"])})
