"""The papers in the room of a case: sealed under the case's key, and destroyed with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.cases import Paper, PaperKind
from lineament.store.keys import DataKey
from lineament.store.sealed import checked_id
from lineament.store.tables import case_papers


class PaperRows:
    """Messages, notes, files and decisions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, case_id: int, paper: Paper, key: DataKey, blob: str | None = None) -> None:
        """Add a paper to the room of a case; ``key`` is that of the case, ``blob`` the address of a file."""
        sealed_fields = {name: getattr(paper, name) for name in _SEALED}
        row: dict[str, Any] = {
            "id": paper.id,
            "case_id": case_id,
            "kind": paper.kind.value,
            "agency_id": paper.agency_id,
            "at": paper.at,
            "sealed": key.seal(json.dumps(sealed_fields).encode("ascii"), _associated_data(case_id, paper.id)),
            "size": paper.size,
            "blob": blob,
        }
        self._connection.execute(sa.insert(case_papers), row)

    def of_case(
        self,
        case_id: int,
        key: DataKey,
        *,
        notes_of: str,
        kinds: Collection[PaperKind] = tuple(PaperKind),
        limit: int | None = None,
    ) -> list[Paper]:
        """Return the newest papers of a case, of those kinds, oldest first; notes only of the agency ``notes_of``."""
        note = case_papers.c.kind == PaperKind.NOTE.value
        query = sa.select(case_papers).where(
            case_papers.c.case_id == case_id,
            case_papers.c.kind.in_([kind.value for kind in kinds]),
            sa.or_(~note, case_papers.c.agency_id == notes_of),
        )
        query = query.order_by(case_papers.c.at.desc(), case_papers.c.id.desc()).limit(limit)
        return [_paper(row, key) for row in self._connection.execute(query).mappings()][::-1]

    def get(
        self, case_id: int, paper_id: str, key: DataKey, kinds: Collection[PaperKind] = tuple(PaperKind)
    ) -> tuple[Paper, str]:
        """Return a file of a case and its address. Raises NotFound if it is no file of that case, of those kinds."""
        which = (
            case_papers.c.id == checked_id(paper_id),
            case_papers.c.case_id == case_id,
            case_papers.c.kind.in_([kind.value for kind in kinds]),
            case_papers.c.blob.is_not(None),  # a note's id is as unknown as any other
        )
        row = self._connection.execute(sa.select(case_papers).where(*which)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="file", name=paper_id, hint="lineament case show")
        return _paper(row, key), row["blob"]

    def reseal(self, case_id: int, old: DataKey, new: DataKey, moved: Mapping[str, str]) -> int:
        """Seal the papers of a case under a new key, and let them have their files; return how many.

        ``moved`` gives the new address of each file. Raises Damaged if one does not open.
        """
        query = sa.select(case_papers).where(case_papers.c.case_id == case_id)
        rows = self._connection.execute(query).mappings().all()
        for row in rows:
            about = _associated_data(case_id, row["id"])
            sealed = new.seal(old.open(bytes(row["sealed"]), about), about)
            values = {"sealed": sealed, "blob": None if row["blob"] is None else moved[row["blob"]]}
            self._connection.execute(sa.update(case_papers).where(case_papers.c.id == row["id"]).values(**values))
        return len(rows)

    def of_case_ids(self, case_id: int) -> list[str]:
        """Return the ids of the papers of a case; no key is needed."""
        return list(self._connection.scalars(sa.select(case_papers.c.id).where(case_papers.c.case_id == case_id)))

    def blobs_of(self, case_id: int) -> list[str]:
        """Return the addresses of the files of a case, each once."""
        return list(self._connection.scalars(_BLOBS.where(case_papers.c.case_id == case_id)))

    def addresses(self) -> list[str]:
        """Return the addresses of all files, each once, ascending."""
        return list(self._connection.scalars(_BLOBS.order_by(case_papers.c.blob)))

    def delete_of(self, case_id: int) -> None:
        """Delete the papers of a case; the caller deletes their files."""
        self._connection.execute(sa.delete(case_papers).where(case_papers.c.case_id == case_id))


_BLOBS = sa.select(case_papers.c.blob).where(case_papers.c.blob.is_not(None)).distinct()
_SEALED = ("author", "agency_name", "text", "sha256")
"""The sealed fields."""


def _associated_data(case_id: int, paper_id: str) -> bytes:
    return f"paper|{case_id}|{paper_id}".encode()


def _paper(row: RowMapping, key: DataKey) -> Paper:
    sealed_fields = json.loads(key.open(bytes(row["sealed"]), _associated_data(row["case_id"], row["id"])))
    return Paper(
        id=row["id"],
        kind=PaperKind(row["kind"]),
        agency_id=row["agency_id"],
        at=row["at"],
        size=row["size"],
        **sealed_fields,
    )
