"""Searches and their candidate lists, as they were shown. The database refuses one without its reasons (R7)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import NotFound
from lineament.model.faces import FaceId
from lineament.model.search import Candidate, Mode, Outcome, SearchResult
from lineament.store.keys import Vault
from lineament.store.tables import among, candidates, cases, near_duplicates, searches
from lineament.store.values import box_from, box_to, quality_from, quality_to, snapshot_from, snapshot_to, text

_SELECT = sa.select(searches, cases.c.ref).join(cases, cases.c.id == searches.c.case_id)
_MOST = 10_000
"""Ids in one IN (…)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedCandidate:
    """What is left of a candidate whose face was erased."""

    rank: int
    score: float
    expected_false: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSearch:
    """A search with who made it, and what was erased from its list since."""

    result: SearchResult  # its candidates without the erased ones, ranks as they were
    examiner: str
    erased: tuple[ErasedCandidate, ...]

    @property
    def outcome(self) -> Outcome:
        """Whether there was a candidate when the search was made."""
        return Outcome.CANDIDATES if self.result.candidates or self.erased else Outcome.NO_CANDIDATE


class SearchRows:
    """The searches of all cases."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def add(self, result: SearchResult, case_id: int, examiner: str) -> None:
        """Store an answer; its ledger entry must be there already (R40), and its probe be one of that case."""
        self._connection.execute(sa.insert(searches), _row(result, case_id, examiner))
        if result.candidates:
            rows = [_candidate_row(result.search_id, one) for one in result.candidates]
            self._connection.execute(sa.insert(candidates), rows)
        twins = [
            {"search_id": result.search_id, "rank": one.rank, "position": position, "face_id": twin}
            for one in result.candidates
            for position, twin in enumerate(one.near_duplicates)
        ]
        if twins:
            self._connection.execute(sa.insert(near_duplicates), twins)

    def get(self, search_id: str) -> SearchResult:
        """A search as it was shown, without what was erased since; NotFound where there is none."""
        return self.stored(search_id).result

    def stored(self, search_id: str) -> StoredSearch:
        """The same with the examiner and with what is left of the erased candidates."""
        row = self._connection.execute(_SELECT.where(searches.c.id == search_id)).mappings().one_or_none()
        if row is None:
            raise NotFound(what="search", name=search_id, hint="lineament case show")
        return self._stored(row)

    def of_case(self, case_id: int) -> list[SearchResult]:
        """The searches of a case, the newest first, those without candidates too (R22)."""
        return [one.result for one in self.stored_of_case(case_id)]

    def stored_of_case(self, case_id: int) -> list[StoredSearch]:
        """The same with examiners and with what is left of the erased candidates."""
        query = _SELECT.where(searches.c.case_id == case_id).order_by(searches.c.ledger_entry.desc())
        return [self._stored(row) for row in self._connection.execute(query).mappings().all()]

    def ledger_entries(self) -> Iterator[tuple[str, int]]:
        """Every search and its entry in the ledger, in the order of the entries."""
        query = sa.select(searches.c.id, searches.c.ledger_entry).order_by(searches.c.ledger_entry)
        yield from ((row.id, row.ledger_entry) for row in self._connection.execute(query))

    def forget_faces(self, ids: Iterable[int]) -> None:
        """Erase faces from every list: of a candidate only rank, score and expectation stay."""
        wanted = [int(face_id) for face_id in ids]
        for start in range(0, len(wanted), _MOST):
            some = wanted[start : start + _MOST]
            self._connection.execute(sa.delete(near_duplicates).where(among(near_duplicates.c.face_id, some)))
            self._blank(among(candidates.c.face_id, some))

    def forget_source(self, name: str) -> None:
        """Erase everything that came from a source from every list."""
        self._blank(candidates.c.source == name)

    def _blank(self, which: sa.ColumnElement[bool]) -> None:
        named = sa.select(candidates.c.search_id, candidates.c.rank).where(which)
        pair = sa.tuple_(near_duplicates.c.search_id, near_duplicates.c.rank)
        self._connection.execute(sa.delete(near_duplicates).where(pair.in_(named)))
        self._connection.execute(sa.update(candidates).where(which).values(face_id=None, source=None, snapshot=None))

    def _stored(self, row: RowMapping) -> StoredSearch:
        shown, erased = [], []
        twins = self._near_duplicates(row["id"])
        query = sa.select(candidates).where(candidates.c.search_id == row["id"]).order_by(candidates.c.rank)
        for one in self._connection.execute(query).mappings():
            kept = {name: one[name] for name in ("rank", "score", "expected_false")}
            if one["snapshot"] is None:
                erased.append(ErasedCandidate(**kept))
                continue
            kept |= snapshot_from(json.loads(one["snapshot"]))
            kept |= {"face_id": FaceId(one["face_id"]), "source": one["source"]}
            shown.append(Candidate(**kept, near_duplicates=tuple(twins.get(one["rank"], ()))))
        return StoredSearch(result=_result(row, tuple(shown)), examiner=row["examiner"], erased=tuple(erased))

    def _near_duplicates(self, search_id: str) -> dict[int, list[FaceId]]:
        query = sa.select(near_duplicates).where(near_duplicates.c.search_id == search_id)
        twins: dict[int, list[FaceId]] = {}
        for one in self._connection.execute(query.order_by(near_duplicates.c.rank, near_duplicates.c.position)):
            twins.setdefault(one.rank, []).append(FaceId(one.face_id))
        return twins


def _candidate_row(search_id: str, candidate: Candidate) -> dict[str, Any]:
    return {
        "search_id": search_id,
        "rank": candidate.rank,
        "score": float(candidate.score),
        "expected_false": float(candidate.expected_false),
        "face_id": int(candidate.face_id),
        "source": candidate.source,
        "snapshot": text(snapshot_to(candidate)),
    }


def _row(result: SearchResult, case_id: int, examiner: str) -> dict[str, Any]:
    return {
        "id": result.search_id,
        "case_id": case_id,
        "reason": result.reason,
        "examiner": examiner,
        "made_at": result.made_at,
        "model": result.model,
        "gallery_faces": result.gallery_faces,
        "sources": text(result.sources),
        "mode": result.mode.value,
        "threshold": float(result.threshold),
        "since": result.since,
        "until": result.until,
        "most": result.limit,
        "probe_id": result.probe_id,
        "probe_sha256": result.probe_sha256,
        "face": result.face,
        "face_box": text(box_to(result.face_box)),
        "quality": text(quality_to(result.quality)),
        "seconds": float(result.seconds),
        "ledger_entry": result.ledger_entry,
    }


def _result(row: RowMapping, shown: tuple[Candidate, ...]) -> SearchResult:
    return SearchResult(
        search_id=row["id"],
        case=row["ref"],
        reason=row["reason"],
        made_at=row["made_at"],
        model=row["model"],
        gallery_faces=row["gallery_faces"],
        sources=tuple(json.loads(row["sources"])),
        mode=Mode(row["mode"]),
        threshold=row["threshold"],
        since=row["since"],
        until=row["until"],
        limit=row["most"],
        probe_id=row["probe_id"],
        probe_sha256=row["probe_sha256"],
        face=row["face"],
        face_box=box_from(json.loads(row["face_box"])),
        quality=quality_from(json.loads(row["quality"])),
        candidates=shown,
        seconds=row["seconds"],
        ledger_entry=row["ledger_entry"],
    )
