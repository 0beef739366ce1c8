"""Watches of all cases: what is on watch, how far each is, and what they found."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.accounts import Sight
from lineament.model.faces import FaceIds, SourceId
from lineament.model.watches import ProbeWatch, WatchFinding, WatchProgress, WatchTerms
from lineament.store.cases import is_visible
from lineament.store.guard import checked
from lineament.store.keys import Vault
from lineament.store.raw import batched, fetched
from lineament.store.sealed import SealedColumn, checked_id
from lineament.store.tables import cases, faces
from lineament.store.values import text
from lineament.store.watch_tables import notices, watch_findings, watch_progress, watches

_MOST = 500
"""Most ids in one IN clause."""
_HINT = "lineament watch list"
_SELECT = sa.select(watches, cases.c.ref, cases.c.key.label("case_key")).join(cases, cases.c.id == watches.c.case_id)
_FOUND = (
    sa.select(watch_findings, cases.c.ref, cases.c.key.label("case_key"), watches.c.probe_id, watches.c.face)
    .join(watches, watches.c.id == watch_findings.c.watch_id)
    .join(cases, cases.c.id == watches.c.case_id)
)


class WatchRows:
    """The watches of all cases."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._begun_by = SealedColumn(vault, "watches", "begun_by")
        self._ended_by = SealedColumn(vault, "watches", "ended_by")
        self._seen_by = SealedColumn(vault, "watch_findings", "seen_by")

    # ------------------------------------------------------------ watches

    def add(self, watch: ProbeWatch) -> None:
        """Add a watch. Raises Refused without a reason, or if its probe is of another case."""
        row = {
            "id": watch.id,
            "case_id": watch.case_id,
            "agency_id": watch.agency_id,
            "account_id": watch.account_id,
            "begun_by": self._begun_by.seal(watch.id, _beginning(watch)),
            "begun_at": watch.begun_at,
            "probe_id": watch.probe_id,
            "face": watch.face,
            "sources": text(watch.terms.sources),
            "reason": watch.terms.reason,
            "ends_on": watch.terms.ends_on,
        }
        self._connection.execute(sa.insert(watches), row)

    def let_on(self, watch: ProbeWatch, by: str) -> None:
        """Note who let a watch go on although the key with which it was begun was revoked."""
        sealed = self._begun_by.seal(watch.id, _beginning(replace(watch, let_on_by=by)))
        self._connection.execute(sa.update(watches).where(watches.c.id == watch.id).values(begun_by=sealed))

    def end(self, watch_id: str, by: str, at: datetime) -> None:
        """End a watch."""
        sealed = self._ended_by.seal(watch_id, by)
        self._connection.execute(
            sa.update(watches).where(watches.c.id == watch_id).values(ended_at=at, ended_by=sealed)
        )

    def get(self, watch_id: str) -> ProbeWatch:
        """Return a watch, of any case. Raises NotFound if there is none."""
        query = _SELECT.where(watches.c.id == checked_id(watch_id))
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(what="watch", name=watch_id[:40], hint=_HINT)
        return self._watch(row)

    def of_case(self, case_id: int) -> list[ProbeWatch]:
        """Return the watches of a case, the newest first."""
        query = _SELECT.where(watches.c.case_id == case_id).order_by(watches.c.begun_at.desc(), watches.c.id)
        return [self._watch(row) for row in self._connection.execute(query).mappings()]

    def on(self, today: date) -> list[ProbeWatch]:
        """Return every watch that nobody ended and whose last day is not over, of every agency, the oldest first."""
        query = _SELECT.where(watches.c.ended_at.is_(None), watches.c.ends_on >= today)
        rows = self._connection.execute(query.order_by(watches.c.begun_at, watches.c.id)).mappings()
        return [self._watch(row) for row in rows]

    def any_on(self, today: date) -> bool:
        """Return whether there is any such watch."""
        query = sa.select(watches.c.id).where(watches.c.ended_at.is_(None), watches.c.ends_on >= today).limit(1)
        return self._connection.scalar(query) is not None

    # ------------------------------------------------------------ how far they are

    def put_progress(self, every: Iterable[WatchProgress]) -> None:
        """Store how far watches are, instead of what was stored before."""
        for batch in batched(every, _MOST):
            ids = [progress.watch_id for progress in batch]
            self._connection.execute(sa.delete(watch_progress).where(watch_progress.c.watch_id.in_(ids)))
            self._connection.execute(sa.insert(watch_progress), [_progress_row(progress) for progress in batch])

    def progress(self, ids: Sequence[str]) -> dict[str, WatchProgress]:
        """Return how far watches are, by their ids. Raises AccessAltered if it was changed from outside."""
        found = {}
        for batch in batched(ids, _MOST):
            query = sa.select(watch_progress).where(watch_progress.c.watch_id.in_(batch))
            for row in self._connection.execute(query).mappings():
                checked(self._connection, self._vault, "watch_progress", row)
                found[row["watch_id"]] = _progress(row)
        return found

    def new_faces(
        self, source_id: SourceId, model: str, after: int, since: date | None, most: int
    ) -> tuple[FaceIds, FaceIds]:
        """Return the next faces of a source with templates of one model and ids above ``after``, ascending.

        Those captured before ``since`` are left out. The second array holds the grades of their templates.
        """
        import numpy as np

        query = sa.select(faces.c.id, faces.c.grade).where(
            faces.c.source_id == source_id, faces.c.model == model, faces.c.comparable, faces.c.id > after
        )
        if since is not None:
            query = query.where(faces.c.captured_day >= (since - date(1970, 1, 1)).days)
        found = fetched(self._connection.execute(query.order_by(faces.c.id).limit(most)))
        table = np.array(found, dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    # ------------------------------------------------------------ what they found

    def add_finding(self, watch_id: str, search_id: str, listed: int, at: datetime) -> str:
        """Note that a watch fired, with the search that lists the new faces; return the id of the finding."""
        new = secrets.token_hex(8)
        row = {"id": new, "watch_id": watch_id, "search_id": search_id, "at": at, "listed": listed}
        self._connection.execute(sa.insert(watch_findings), row)
        return new

    def finding(self, finding_id: str) -> WatchFinding:
        """Return a finding, of any case. Raises NotFound if there is none."""
        query = _FOUND.where(watch_findings.c.id == checked_id(finding_id))
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise NotFound(what="finding", name=finding_id[:40], hint=_HINT)
        return self._finding(row)

    def findings_of_case(self, case_id: int) -> list[WatchFinding]:
        """Return what the watches of a case found, the newest first."""
        return self._findings(_FOUND.where(watches.c.case_id == case_id), None)

    def unseen(self, sight: Sight, limit: int) -> list[WatchFinding]:
        """Return the findings in visible cases that nobody took note of yet, the newest first."""
        return self._findings(_FOUND.where(watch_findings.c.seen_at.is_(None), is_visible(sight)), limit)

    def see(self, finding_id: str, by: str, at: datetime) -> None:
        """Note who took note of a finding first, and when."""
        sealed = self._seen_by.seal(finding_id, by)
        first = sa.update(watch_findings).where(watch_findings.c.id == finding_id, watch_findings.c.seen_at.is_(None))
        self._connection.execute(first.values(seen_at=at, seen_by=sealed))

    def delete_of(self, case_id: int) -> int:
        """Delete the watches of a case, what they found and who was told; return how many watches."""
        mine = sa.select(watches.c.id).where(watches.c.case_id == case_id)
        found = sa.select(watch_findings.c.id).where(watch_findings.c.watch_id.in_(mine))
        self._connection.execute(sa.delete(notices).where(notices.c.finding_id.in_(found)))
        self._connection.execute(sa.delete(watch_findings).where(watch_findings.c.watch_id.in_(mine)))
        self._connection.execute(sa.delete(watch_progress).where(watch_progress.c.watch_id.in_(mine)))
        return self._connection.execute(sa.delete(watches).where(watches.c.case_id == case_id)).rowcount

    # ------------------------------------------------------------ rows

    def _findings(self, query: sa.Select[Any], limit: int | None) -> list[WatchFinding]:
        ordered = query.order_by(watch_findings.c.at.desc(), watch_findings.c.id).limit(limit)
        return [self._finding(row) for row in self._connection.execute(ordered).mappings()]

    def _watch(self, row: RowMapping) -> ProbeWatch:
        checked(self._connection, self._vault, "watches", row)
        ended_by = None if row["ended_by"] is None else self._ended_by.open(row["id"], row["ended_by"])
        begun = self._begun_by.open(row["id"], row["begun_by"])
        begun = begun if isinstance(begun, dict) else {"by": begun}
        return ProbeWatch(
            id=row["id"],
            case_id=row["case_id"],
            case=row["ref"],
            case_key=row["case_key"],
            agency_id=row["agency_id"],
            account_id=row["account_id"],
            begun_by=begun["by"],
            begun_at=row["begun_at"],
            probe_id=row["probe_id"],
            face=row["face"],
            terms=WatchTerms(reason=row["reason"], ends_on=row["ends_on"], sources=tuple(json.loads(row["sources"]))),
            ended_at=row["ended_at"],
            ended_by=ended_by,
            key_id=begun.get("key"),
            let_on_by=begun.get("let_on_by"),
        )

    def _finding(self, row: RowMapping) -> WatchFinding:
        checked(self._connection, self._vault, "watch_findings", row)
        seen_by = None if row["seen_by"] is None else self._seen_by.open(row["id"], row["seen_by"])
        same = ("id", "watch_id", "search_id", "case_key", "probe_id", "face", "at", "listed", "seen_at")
        return WatchFinding(**{name: row[name] for name in same}, case=row["ref"], seen_by=seen_by)


def _beginning(watch: ProbeWatch) -> str | dict[str, str | None]:
    """Return by whom a watch was begun, to be sealed: a name, or more if a program began it."""
    if watch.key_id is None:
        return watch.begun_by
    return {"by": watch.begun_by, "key": watch.key_id, "let_on_by": watch.let_on_by}


def _progress_row(progress: WatchProgress) -> dict[str, Any]:
    return {
        "watch_id": progress.watch_id,
        "faces": text({str(source): int(face) for source, face in sorted(progress.faces.items())}),
        "compared": progress.compared,
        "looked_at": progress.looked_at,
        "against": " ".join(progress.against),
        "refused": progress.refused,
        "refused_at": progress.refused_at,
    }


def _progress(row: RowMapping) -> WatchProgress:
    same = ("watch_id", "compared", "looked_at", "refused", "refused_at")
    faces = {SourceId(int(source)): face for source, face in json.loads(row["faces"]).items()}
    return WatchProgress(**{name: row[name] for name in same}, faces=faces, against=tuple(row["against"].split()))
