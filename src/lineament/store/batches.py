"""Batches of photographs, and what became of each."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.batches import BatchedPhotograph, SearchBatch
from lineament.model.search import ProbeKind
from lineament.store.batch_tables import batch_photographs, search_batches
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.sealed import SealedColumn, checked_id
from lineament.store.tables import cases
from lineament.store.values import text

_SELECT = sa.select(search_batches, cases.c.ref, cases.c.key.label("case_key")).join(
    cases, cases.c.id == search_batches.c.case_id
)


def no_batch(untrusted_id: str) -> NotFound:
    """Return the error for a batch that is not there, or that the official does not see."""
    return NotFound(what="batch", name=untrusted_id[:40], hint="lineament case show")


class BatchRows:
    """The batches of all cases."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._sealed = SealedColumn(vault, "batch_photographs")

    def add(self, case_id: int, kind: ProbeKind | None, at: datetime) -> SearchBatch:
        """Begin a batch in a case."""
        row = {
            "id": secrets.token_hex(8),
            "case_id": case_id,
            "made_at": at,
            "kind": None if kind is None else kind.value,
        }
        self._connection.execute(sa.insert(search_batches), row)
        return self.get(str(row["id"]))

    def get(self, batch_id: str) -> SearchBatch:
        """Return a batch. Raises NotFound."""
        query = _SELECT.where(search_batches.c.id == checked_id(batch_id))
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise no_batch(batch_id)
        return self._batch(row)

    def of_case(self, case_id: int, most: int) -> list[SearchBatch]:
        """Return the newest batches of a case, newest first."""
        query = _SELECT.where(search_batches.c.case_id == case_id)
        newest = query.order_by(search_batches.c.made_at.desc(), search_batches.c.id).limit(most)
        return [self._batch(row) for row in self._connection.execute(newest).mappings()]

    def start(self, batch_id: str, reason: str, settings: Mapping[str, Any], at: datetime, job_id: str) -> None:
        """Note that a batch is searched, why and how, and by which job."""
        values = {"reason": reason, "settings": text(settings), "started_at": at, "job_id": job_id}
        self._connection.execute(sa.update(search_batches).where(search_batches.c.id == batch_id).values(**values))

    def delete_of(self, case_id: int) -> None:
        """Delete the batches of a case."""
        its = sa.select(search_batches.c.id).where(search_batches.c.case_id == case_id)
        self._connection.execute(sa.delete(batch_photographs).where(batch_photographs.c.batch_id.in_(its)))
        self._connection.execute(sa.delete(search_batches).where(search_batches.c.case_id == case_id))

    # ------------------------------------------------------------ photographs

    def add_photograph(
        self, batch_id: str, name: str, probe_id: str | None, face: int | None, why: str
    ) -> BatchedPhotograph:
        """Add a photograph to a batch and return it. One that is in it already is not added again."""
        known = self.photographs(batch_id)
        if probe_id is not None and (same := [one for one in known if one.probe_id == probe_id]):
            return same[0]
        new = BatchedPhotograph(
            id=secrets.token_hex(8),
            position=len(known) + 1,
            name=name,
            why=why,
            probe_id=probe_id,
            face=face,
            search_id=None,
        )
        row = {
            "id": new.id,
            "batch_id": batch_id,
            "position": new.position,
            "sealed": self._sealed.seal(new.id, {"name": name, "why": why}),
            "probe_id": probe_id,
            "face": face,
        }
        self._connection.execute(sa.insert(batch_photographs), row)
        return new

    def photographs(self, batch_id: str) -> Sequence[BatchedPhotograph]:
        """Return the photographs of a batch, in order."""
        query = sa.select(batch_photographs).where(batch_photographs.c.batch_id == batch_id)
        rows = self._connection.execute(query.order_by(batch_photographs.c.position)).mappings().all()
        return [self._photograph(row) for row in rows]

    def choose(self, photograph_id: str, face: int) -> None:
        """Note which face of a photograph is searched."""
        self._note(photograph_id, face=face)

    def searched(self, photograph_id: str, search_id: str) -> None:
        """Note which search was made of a photograph."""
        self._note(photograph_id, search_id=search_id)

    def failed(self, photograph: BatchedPhotograph, why: str) -> None:
        """Note why a photograph could not be searched; empty: nothing is against it any more."""
        self._note(photograph.id, sealed=self._sealed.seal(photograph.id, {"name": photograph.name, "why": why}))

    def _note(self, photograph_id: str, **values: object) -> None:
        changed = sa.update(batch_photographs).where(batch_photographs.c.id == photograph_id).values(**values)
        self._connection.execute(changed)

    def _batch(self, row: RowMapping) -> SearchBatch:
        own = {column.name: row[column.name] for column in search_batches.c}
        checked(self._connection, self._vault, "search_batches", own)
        return SearchBatch(
            id=row["id"],
            case=row["ref"],
            case_key=row["case_key"],
            made_at=row["made_at"],
            kind=None if row["kind"] is None else ProbeKind(row["kind"]),
            reason=row["reason"],
            settings=None if row["settings"] is None else json.loads(row["settings"]),
            started_at=row["started_at"],
            job_id=row["job_id"],
        )

    def _photograph(self, row: RowMapping) -> BatchedPhotograph:
        checked(self._connection, self._vault, "batch_photographs", row)
        said = self._sealed.open(row["id"], row["sealed"])
        return BatchedPhotograph(
            id=row["id"],
            position=row["position"],
            name=said["name"],
            why=said["why"],
            probe_id=row["probe_id"],
            face=row["face"],
            search_id=row["search_id"],
        )
