"""Runs of connectors: how far each got, and what it refused."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.faces import SourceId
from lineament.model.runs import MOST_REFUSALS, Run, RunId, Step
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.meta import new_ids
from lineament.store.source_tables import run_refusals, runs

_LONGEST = 500
"""Most characters of a name or a reason."""


class RunRows:
    """The runs of all sources."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def begin(self, source_id: SourceId, connector: str, what: str, at: datetime) -> Run:
        """Start a run, or resume the last one of the same connector and target if it was interrupted."""
        last = self.newest_of(source_id, connector, what)
        if last is not None and last.ended_at is None:
            return last
        (new,) = new_ids(self._connection, "run", 1)
        row = {"id": new, "source_id": source_id, "connector": connector, "what": what, "counts": "{}", "faces": 0}
        self._connection.execute(sa.insert(runs), row | {"begun_at": at, "seen_at": at})
        return self.get(RunId(new))

    def get(self, run_id: RunId) -> Run:
        """Return a run. Raises NotFound if there is none with that id."""
        row = self._connection.execute(_select().where(runs.c.id == run_id)).mappings().one_or_none()
        if row is None:
            raise _not_found(run_id)
        return self._run(row)

    def get_of(self, source_id: SourceId, run_id: RunId) -> Run:
        """Return a run of a source. Raises NotFound, the same for a run of another source as for one that is none."""
        run = self.get(run_id)
        if run.source_id != source_id:
            raise _not_found(run_id)
        return run

    def of_source(self, source_id: SourceId, limit: int | None = None, before: RunId | None = None) -> list[Run]:
        """Return the runs of a source, newest first; with ``before``, those that began before that one."""
        query = _select().where(runs.c.source_id == source_id).order_by(runs.c.id.desc()).limit(limit)
        query = query if before is None else query.where(runs.c.id < before)
        return [self._run(row) for row in self._connection.execute(query).mappings()]

    def numbered(self, source_id: SourceId, number: int) -> Run:
        """Return the run of a source with that number, from 1. Raises NotFound."""
        query = _select().where(runs.c.source_id == source_id).order_by(runs.c.id).offset(max(0, number - 1)).limit(1)
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None or number < 1:
            raise _not_found(number)
        return self._run(row)

    def since(self, source_id: SourceId, moment: datetime) -> list[Run]:
        """Return the runs of a source that took something in since a moment; their numbers are 0."""
        query = sa.select(runs, sa.literal(0).label("number"))
        rows = self._connection.execute(query.where(runs.c.source_id == source_id, runs.c.seen_at >= moment)).mappings()
        return [self._run(row) for row in rows]

    def newest_of(self, source_id: SourceId, connector: str, what: str) -> Run | None:
        """Return the last run of a connector and a target; None if there was none."""
        same_target = (runs.c.source_id == source_id, runs.c.connector == connector, runs.c.what == what)
        query = _select().where(*same_target).order_by(runs.c.id.desc()).limit(1)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else self._run(row)

    def newest(self) -> dict[SourceId, datetime]:
        """Return when each source was last collected into; sources that never were are missing."""
        query = sa.select(runs.c.source_id, sa.func.max(runs.c.seen_at, type_=runs.c.seen_at.type))
        return {SourceId(id_): at for id_, at in self._connection.execute(query.group_by(runs.c.source_id))}

    def advance(self, run_id: RunId, step: Step, at: datetime) -> None:
        """Add the counts of a batch; the first MOST_REFUSALS refused items of a run are kept by name."""
        run = self.get(run_id)
        total = Counter(run.counts) + Counter(step.counts)
        values = {"counts": json.dumps(total), "faces": run.faces + step.faces, "seen_at": at}
        values |= {} if step.cursor is None else {"cursor": step.cursor}
        self._connection.execute(sa.update(runs).where(runs.c.id == run_id).values(**values))
        if not step.refused:
            return
        newest = sa.select(sa.func.max(run_refusals.c.position)).where(run_refusals.c.run_id == run_id)
        kept = self._connection.scalar(newest) or 0
        rows = [
            {"run_id": run_id, "position": position, "name": _plain(name), "why": _plain(why)}
            for position, (name, why) in enumerate(step.refused[: max(0, MOST_REFUSALS - kept)], kept + 1)
        ]
        if rows:
            self._connection.execute(sa.insert(run_refusals), rows)

    def end(self, run_id: RunId, at: datetime) -> None:
        """End a run; the next one starts from the beginning."""
        self._connection.execute(sa.update(runs).where(runs.c.id == run_id).values(ended_at=at, cursor=None))

    def refusals(self, run_id: RunId, limit: int = MOST_REFUSALS) -> list[tuple[str, str]]:
        """Return the first refused items, and why each was."""
        query = sa.select(run_refusals).where(run_refusals.c.run_id == run_id)
        rows = self._connection.execute(query.order_by(run_refusals.c.position).limit(limit)).mappings().all()
        for row in rows:
            checked(self._connection, self._vault, "run_refusals", row)
        return [(row["name"], row["why"]) for row in rows]

    def _run(self, row: RowMapping) -> Run:
        checked(self._connection, self._vault, "runs", row)
        return _run(row)

    def delete_of(self, source_id: SourceId) -> int:
        """Delete the runs of a source, because they name its items; return how many."""
        of_source = sa.select(runs.c.id).where(runs.c.source_id == source_id)
        self._connection.execute(sa.delete(run_refusals).where(run_refusals.c.run_id.in_(of_source)))
        return self._connection.execute(sa.delete(runs).where(runs.c.source_id == source_id)).rowcount


def _plain(untrusted: str) -> str:
    return untrusted[:_LONGEST].replace("\0", "\\0").encode(errors="backslashreplace").decode()


def _select() -> sa.Select[Any]:
    """Select runs, each with its number within its source."""
    earlier = runs.alias()
    of_source = sa.and_(earlier.c.source_id == runs.c.source_id, earlier.c.id <= runs.c.id)
    number = sa.select(sa.func.count()).select_from(earlier).where(of_source).correlate(runs).scalar_subquery()
    return sa.select(*runs.c, number.label("number"))


def _run(row: RowMapping) -> Run:
    return Run(
        id=RunId(row["id"]),
        source_id=SourceId(row["source_id"]),
        number=row["number"],
        connector=row["connector"],
        what=row["what"],
        begun_at=row["begun_at"],
        seen_at=row["seen_at"],
        ended_at=row["ended_at"],
        cursor=row["cursor"],
        counts=json.loads(row["counts"]),
        faces=row["faces"],
    )


def _not_found(run_id: int) -> NotFound:
    return NotFound(what="run", name=run_id, hint="lineament source runs NAME")
