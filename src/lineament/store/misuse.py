"""The weekly reports of misuse, what they are made from, and the list of faces that are not to be searched (R44)."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.actions import Action
from lineament.model.faces import Template
from lineament.model.misuse.facts import Act
from lineament.model.misuse.findings import Finding, FindingKind, LookedAt
from lineament.model.misuse.reports import (
    FindingAnswer,
    FindingState,
    GuardedFace,
    GuardedKind,
    KeptFinding,
    MisuseReport,
)
from lineament.store.guard import checked
from lineament.store.keys import DataKey, Vault
from lineament.store.ledger_tables import ledger_details, ledger_entries
from lineament.store.oversight_tables import guarded_faces, misuse_findings, misuse_reports
from lineament.store.raw import fetched
from lineament.store.review_tables import decisions
from lineament.store.sealed import SealedColumn, checked_id
from lineament.store.search_tables import candidates, probes, search_probes, searches
from lineament.store.tables import cases
from lineament.store.values import text
from lineament.store.watch_tables import watches

_PAGE = 20_000
"""Most entries in one query."""
_BY_WATCHES = frozenset({Action.WATCH_FIRED.value, Action.WATCH_HELD.value})


class MisuseRows:
    """Reports and their findings, and what an agency did, as the ledger files it."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault
        self._reports = SealedColumn(vault, "misuse_reports")
        self._findings = SealedColumn(vault, "misuse_findings")

    # ------------------------------------------------------------ what was done

    def acts(self, agency_id: str, first: int, stop: int) -> Iterator[Act]:
        """Yield what an agency's people did, and others in its cases, in entries ``first`` to ``stop`` (exclusive).

        The indexes that file entries find them; no details are opened. Cases may be those of other agencies.
        What watches did in the name of whoever began them is left out: that person began each once.
        """
        filed, entries = ledger_details.c, ledger_entries.c
        by_watches = sa.select(searches.c.ledger_entry).where(searches.c.watch_id.is_not(None))
        by_watches = by_watches.where(searches.c.ledger_entry >= first, searches.c.ledger_entry < stop)
        left_out = frozenset(self._connection.scalars(by_watches))
        for whose in (filed.agency_id, filed.host_id):
            after = first - 1
            columns = sa.select(filed.seq, entries.at, filed.account_id, filed.entry_action, filed.case_id)
            query = columns.join(ledger_entries, entries.seq == filed.seq).where(whose == agency_id, filed.seq < stop)
            query = query.order_by(filed.seq).limit(_PAGE)
            while page := fetched(self._connection.execute(query.where(filed.seq > after))):
                for seq, at, account, action, case in page:
                    if seq not in left_out and action not in _BY_WATCHES:
                        yield Act(datetime.fromisoformat(at), account or "", action, case)
                after = page[-1][0]

    def searches_in_cases(self, agency_id: str, since: datetime, until: datetime) -> list[RowMapping]:
        """Return the searches in an agency's cases that are still kept, oldest first, with who made them."""
        listed = sa.select(sa.func.count()).where(candidates.c.search_id == searches.c.id).scalar_subquery()
        query = (
            sa.select(
                *(searches.c[name] for name in ("id", "case_id", "made_at", "mode", "threshold", "most", "reason")),
                *(searches.c[name] for name in ("since", "after_search", "watch_id")),
                probes.c.kind,
                ledger_details.c.account_id,
                listed.label("listed"),
            )
            .join(cases, cases.c.id == searches.c.case_id)
            .join(probes, probes.c.id == searches.c.probe_id)
            .outerjoin(ledger_details, ledger_details.c.seq == searches.c.ledger_entry)
            .where(cases.c.agency_id == agency_id, searches.c.made_at >= since, searches.c.made_at < until)
            .order_by(searches.c.ledger_entry)
        )
        return list(self._connection.execute(query).mappings())

    def watches_in_cases(self, agency_id: str, since: datetime, until: datetime) -> list[RowMapping]:
        """Return the watches that were begun in an agency's cases and are still kept, oldest first."""
        columns = (watches.c[name] for name in ("id", "case_id", "begun_at", "account_id", "reason"))
        query = (
            sa.select(*columns, probes.c.kind)
            .join(cases, cases.c.id == watches.c.case_id)
            .join(probes, probes.c.id == watches.c.probe_id)
            .where(cases.c.agency_id == agency_id, watches.c.begun_at >= since, watches.c.begun_at < until)
            .order_by(watches.c.begun_at, watches.c.id)
        )
        return list(self._connection.execute(query).mappings())

    def faces_in_cases(self, agency_id: str, since: datetime, until: datetime) -> list[RowMapping]:
        """Return each photograph of these searches and watches: of which person of the search it is, from 1."""
        search, probe, watch, first = searches.c, search_probes.c, watches.c, sa.literal(1).label("person")
        made = (search.id, search.case_id, search.made_at.label("at"))
        searched = sa.select(*made, search.probe_id, search.face, first)
        further = sa.select(*made, probe.probe_id, probe.face, sa.func.coalesce(probe.person, 1))
        further = further.join(search_probes, probe.search_id == search.id)
        watched = sa.select(watch.id, watch.case_id, watch.begun_at, watch.probe_id, watch.face, first)
        every = sa.union_all(searched, further, watched).subquery()
        query = sa.select(every).join(cases, cases.c.id == every.c.case_id).where(cases.c.agency_id == agency_id)
        query = query.where(every.c.at >= since, every.c.at < until).order_by(every.c.at, every.c.id, every.c.person)
        return list(self._connection.execute(query).mappings())

    def reviewed(self, agency_id: str) -> frozenset[str]:
        """Return the searches in an agency's cases of which somebody decided about a candidate."""
        query = sa.select(decisions.c.search_id).distinct().join(searches, searches.c.id == decisions.c.search_id)
        query = query.join(cases, cases.c.id == searches.c.case_id).where(cases.c.agency_id == agency_id)
        return frozenset(self._connection.scalars(query))

    # ------------------------------------------------------------ reports

    def add(self, report: MisuseReport, findings: Sequence[KeptFinding]) -> None:
        """Store a report with its findings."""
        facts = {"looked_at": [asdict(line) for line in report.looked_at], "repeated": report.repeated}
        row = {"id": report.id, "agency_id": report.agency_id, "week": report.week, "made_at": report.made_at}
        self._connection.execute(sa.insert(misuse_reports), row | {"sealed": self._reports.seal(report.id, facts)})
        for kept in findings:
            values = {"id": kept.id, "report_id": report.id, "agency_id": report.agency_id, "state": kept.state.value}
            self._connection.execute(sa.insert(misuse_findings), values | {"sealed": self._sealed(kept)})

    def reports(self, agency_id: str, limit: int | None = None) -> list[MisuseReport]:
        """Return the reports of an agency, the newest first. Raises AccessAltered if one was changed from outside."""
        query = sa.select(misuse_reports).where(misuse_reports.c.agency_id == agency_id)
        query = query.order_by(misuse_reports.c.week.desc()).limit(limit)
        return [self._report(row) for row in self._connection.execute(query).mappings()]

    def newest_weeks(self) -> dict[str, date]:
        """Return the week of the newest report of each agency that has one."""
        query = sa.select(misuse_reports.c.agency_id, sa.func.max(misuse_reports.c.week).label("week"))
        rows = self._connection.execute(query.group_by(misuse_reports.c.agency_id))
        return {row.agency_id: row.week for row in rows}

    def findings(self, report_id: str) -> list[KeptFinding]:
        """Return the findings of a report, in the order of their kinds."""
        query = sa.select(misuse_findings).where(misuse_findings.c.report_id == report_id)
        found = [self._finding(row) for row in self._connection.execute(query).mappings()]
        kinds = list(FindingKind)
        return sorted(found, key=lambda kept: (kinds.index(kept.finding.kind), kept.finding.who, kept.id))

    def in_state(self, agency_id: str, state: FindingState) -> list[KeptFinding]:
        """Return an agency's findings in a state."""
        which = (misuse_findings.c.agency_id == agency_id, misuse_findings.c.state == state.value)
        rows = self._connection.execute(sa.select(misuse_findings).where(*which).order_by(misuse_findings.c.id))
        return [self._finding(row) for row in rows.mappings()]

    def finding(self, finding_id: str, agency_id: str) -> KeptFinding:
        """Return a finding of an agency. Raises the same NotFound for one of another agency."""
        which = (misuse_findings.c.id == checked_id(finding_id), misuse_findings.c.agency_id == agency_id)
        row = self._connection.execute(sa.select(misuse_findings).where(*which)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="finding", name=finding_id, hint="lineament misuse report")
        return self._finding(row)

    def put(self, kept: KeptFinding) -> None:
        """Replace a finding by what became of it."""
        values = {"state": kept.state.value, "sealed": self._sealed(kept)}
        self._connection.execute(sa.update(misuse_findings).where(misuse_findings.c.id == kept.id).values(**values))

    def delete_before(self, agency_id: str, week: date) -> int:
        """Delete the reports of weeks before that one, with their findings; return how many."""
        old = sa.select(misuse_reports.c.id).where(
            misuse_reports.c.agency_id == agency_id, misuse_reports.c.week < week
        )
        self._connection.execute(sa.delete(misuse_findings).where(misuse_findings.c.report_id.in_(old)))
        return self._connection.execute(sa.delete(misuse_reports).where(misuse_reports.c.id.in_(old))).rowcount

    def _sealed(self, kept: KeptFinding) -> bytes:
        finding, answer = asdict(kept.finding), None
        finding |= {"since": kept.finding.since.isoformat(), "until": kept.finding.until.isoformat()}
        if kept.answer is not None:
            answer = asdict(kept.answer) | {"at": kept.answer.at.isoformat()}
        return self._findings.seal(kept.id, {"finding": finding, "answer": answer})

    def _report(self, row: RowMapping) -> MisuseReport:
        checked(self._connection, self._vault, misuse_reports.name, row)
        facts = self._reports.open(row["id"], row["sealed"])
        lines = tuple(LookedAt(**line | {"kind": FindingKind(line["kind"])}) for line in facts["looked_at"])
        names = ("id", "agency_id", "week", "made_at")
        return MisuseReport(**{name: row[name] for name in names}, looked_at=lines, repeated=facts["repeated"])

    def _finding(self, row: RowMapping) -> KeptFinding:
        checked(self._connection, self._vault, misuse_findings.name, row)
        opened = self._findings.open(row["id"], row["sealed"])
        facts: dict[str, Any] = opened["finding"]
        facts |= {name: tuple(facts[name]) for name in ("who", "cases", "searches")}
        facts |= {name: datetime.fromisoformat(facts[name]) for name in ("since", "until")}
        answer = opened["answer"]
        if answer is not None:
            answer = FindingAnswer(**answer | {"at": datetime.fromisoformat(answer["at"])})
        return KeptFinding(
            id=row["id"],
            report_id=row["report_id"],
            state=FindingState(row["state"]),
            finding=Finding(**facts | {"kind": FindingKind(facts["kind"])}),
            answer=answer,
        )


class GuardedRows:
    """The faces that are not to be searched without a supervisor, each under a key of its own."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def add(self, face: GuardedFace, key: DataKey, wrapped: bytes) -> None:
        """Add a face; ``wrapped`` is its key under the workspace's."""
        import numpy as np

        vector = np.ascontiguousarray(face.template.vector, dtype="<f4").tobytes()
        facts = {name: getattr(face, name) for name in ("name", "because", "added_by", "grade")}
        facts |= {"kind": face.kind.value, "vector": b64encode(vector).decode()}
        row = {"id": face.id, "agency_id": face.agency_id, "model": face.template.model, "added_at": face.added_at}
        sealed = key.seal(text(facts).encode(), _about(face.id))
        self._connection.execute(sa.insert(guarded_faces), row | {"wrapped_key": wrapped, "sealed": sealed})

    def of_agency(self, agency_id: str) -> list[tuple[RowMapping, bytes]]:
        """Return the rows of an agency with their wrapped keys, oldest first; ``opened`` opens them."""
        query = sa.select(guarded_faces).where(guarded_faces.c.agency_id == agency_id)
        rows = self._connection.execute(query.order_by(guarded_faces.c.added_at, guarded_faces.c.id)).mappings().all()
        for row in rows:
            checked(self._connection, self._vault, guarded_faces.name, row)
        return [(row, bytes(row["wrapped_key"])) for row in rows]

    def opened(self, row: RowMapping, key: DataKey) -> GuardedFace:
        """Return a face. Raises Damaged if it does not open with its key."""
        import numpy as np

        facts = json.loads(key.open(bytes(row["sealed"]), _about(row["id"])))
        vector = np.frombuffer(b64decode(facts.pop("vector")), dtype="<f4").astype(np.float32)
        return GuardedFace(
            **{name: row[name] for name in ("id", "agency_id", "added_at")},
            **facts | {"kind": GuardedKind(facts["kind"]), "template": Template(row["model"], vector)},
        )

    def remove(self, face_id: str, agency_id: str) -> bool:
        """Delete a face of an agency with its key; return whether there was one."""
        which = (guarded_faces.c.id == checked_id(face_id), guarded_faces.c.agency_id == agency_id)
        return self._connection.execute(sa.delete(guarded_faces).where(*which)).rowcount > 0


def _about(face_id: str) -> bytes:
    return f"guarded face|{face_id}".encode()
