"""Searches and their candidate lists, as they were shown. The database refuses a search without its reasons (R7)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import NotFound, RecordAltered
from lineament.model.agencies import month_of
from lineament.model.faces import FaceId
from lineament.model.folding import says_something
from lineament.model.search import Candidate, Outcome, ProbeFace, SearchResult
from lineament.model.together import OtherPerson
from lineament.store.columns import among
from lineament.store.keys import Vault
from lineament.store.ledger import LedgerRows
from lineament.store.ledger_tables import ledger_entries
from lineament.store.raw import batched
from lineament.store.sealed import checked_id
from lineament.store.search_digests import BoundList, bound_list, bound_lists, first_altered
from lineament.store.search_rows import (
    about_examiner,
    candidate_row,
    person_from,
    probe_rows,
    result_from,
    search_row,
    twin_rows,
)
from lineament.store.search_tables import candidates, near_duplicates, probes, search_probes, searches, searches_gone
from lineament.store.tables import cases
from lineament.store.values import snapshot_from
from lineament.store.watch_tables import watches

_OF_PROBE = (
    *("part", "parts", "incomplete", "missing", "edits", "kind", "erased_at"),
    *("origin_search", "origin_face", "origin_capture", "origin_source"),
)
_SELECT = (
    sa.select(
        searches,
        cases.c.ref,
        cases.c.key.label("case_key"),
        ledger_entries.c.commitment,
        *(getattr(probes.c, name).label(f"probe_{name}") for name in _OF_PROBE),
    )
    .join(cases, cases.c.id == searches.c.case_id)
    .join(probes, probes.c.id == searches.c.probe_id)
    .join(ledger_entries, ledger_entries.c.seq == searches.c.ledger_entry)
)
_AT_ONCE = 200
"""Searches whose lists are read in one query."""
_MOST = 10_000
"""Most ids in one IN clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedCandidate:
    """A candidate whose face was erased: only rank, score and expectation are left."""

    rank: int
    score: float
    expected_false: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSearch:
    """A search with its examiner, and the candidates that were erased from its list since."""

    result: SearchResult  # its candidates without the erased ones; ranks are unchanged
    examiner: str
    erased: tuple[ErasedCandidate, ...]  # empty while the list is hidden
    commitment: str = ""  # of its ledger entry; it names the entry to readers who must not count them (R46)
    gone: int = 0  # erased candidates of a list that is hidden

    @property
    def outcome(self) -> Outcome:
        """Whether the search had any candidate when it was made."""
        return Outcome.CANDIDATES if self.result.listed or self.erased or self.gone else Outcome.NO_CANDIDATE


class SearchRows:
    """The searches of all cases."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    def bind(self, result: SearchResult, case_id: int, *, agency_id: str, examiner: str) -> BoundList:
        """Return the digests of a search that is about to be added, for its ledger entry."""
        listed = [candidate_row(result.search_id, candidate) for candidate in result.candidates]
        row = search_row(result, case_id) | {"agency_id": agency_id}
        return bound_list(row, examiner, probe_rows(result), listed, twin_rows(result))

    def add(self, result: SearchResult, case_id: int, *, agency_id: str, examiner: str) -> None:
        """Store the result of a search by an official of that agency; the examiner's name is sealed (R46).

        Its ledger entry must already exist (R40) and commit to what ``bind`` returns; its probes belong to that case,
        and the case is open.
        """
        row = search_row(result, case_id) | {
            "agency_id": agency_id,
            "examiner": self._seal_examiner(result.search_id, examiner),
        }
        self._connection.execute(sa.insert(searches), row)
        self._insert(search_probes, probe_rows(result))
        self._insert(candidates, (candidate_row(result.search_id, candidate) for candidate in result.candidates))
        self._insert(near_duplicates, twin_rows(result))

    def get(self, search_id: str) -> SearchResult:
        """Return a search as it was shown, without what was erased since. Raises NotFound if there is none."""
        return self.stored(search_id).result

    def stored(self, search_id: str) -> StoredSearch:
        """Return a search with its examiner and its erased candidates. Raises NotFound if there is none."""
        found = self._read_searches(_SELECT.where(searches.c.id == checked_id(search_id)))
        if not found:
            raise NotFound(what="search", name=search_id, hint="lineament case show")
        return found[0]

    def compared(self, found: list[StoredSearch]) -> list[StoredSearch]:
        """Return searches that are what their entries recorded. Raises RecordAltered, which names the first row."""
        results = [stored.result for stored in found]
        bound = bound_lists(self._connection, self._vault, [result.search_id for result in results])
        entries = LedgerRows(self._connection, self._vault).several(result.ledger_entry for result in results)
        details: dict[int, dict[str, Any]] = {
            entry.seq: json.loads(entry.details) for entry in entries if entry.details
        }
        for result in results:
            recorded = details.get(result.ledger_entry, {})
            if (altered := first_altered(result.search_id, bound[result.search_id], recorded)) is not None:
                raise RecordAltered(row=altered, entry=result.ledger_entry)
        return found

    def of_case(self, case_id: int) -> list[SearchResult]:
        """Return the searches of a case, newest first, including those without candidates (R22)."""
        return [stored.result for stored in self.stored_of_case(case_id)]

    def of_photograph(self, case_id: int, sha256: str) -> list[SearchResult]:
        """Return the searches of a case that were made of the same bytes, newest first."""
        query = _SELECT.where(searches.c.case_id == case_id, searches.c.probe_sha256 == sha256)
        return [stored.result for stored in self._read_searches(query.order_by(searches.c.ledger_entry.desc()))]

    def stored_of_case(
        self, case_id: int, before: int | None = None, limit: int | None = None, *, with_candidates: bool = False
    ) -> list[StoredSearch]:
        """Return the searches of a case with their examiners and erased candidates, newest first.

        ``before``: only those before that ledger entry. ``limit``: at most that many. ``with_candidates``: only those
        that found any.
        """
        query = _SELECT.where(searches.c.case_id == case_id).order_by(searches.c.ledger_entry.desc()).limit(limit)
        if with_candidates:
            query = query.where(sa.exists().where(candidates.c.search_id == searches.c.id))
        return self._read_searches(query if before is None else query.where(searches.c.ledger_entry < before))

    def newest_of(self, case_ids: Collection[int]) -> dict[int, StoredSearch]:
        """Return the newest search of each of these cases, by case number; cases without a search are left out."""
        last = sa.select(sa.func.max(searches.c.ledger_entry)).where(among(searches.c.case_id, case_ids))
        newest = searches.c.ledger_entry.in_(last.group_by(searches.c.case_id))
        query = sa.select(searches.c.id, searches.c.case_id).where(newest)
        of_case = {row.id: row.case_id for row in self._connection.execute(query)}
        found = self._read_searches(_SELECT.where(searches.c.id.in_(of_case)))
        return {of_case[stored.result.search_id]: stored for stored in found}

    def probes_of(self, case_id: int) -> set[str]:
        """Return the ids of the probes that searches and watches of a case used."""
        first = sa.select(searches.c.probe_id).where(searches.c.case_id == case_id)
        others = sa.select(search_probes.c.probe_id).join(searches, searches.c.id == search_probes.c.search_id)
        watched = sa.select(watches.c.probe_id).where(watches.c.case_id == case_id)
        return set(self._connection.scalars(first.union(others.where(searches.c.case_id == case_id), watched)))

    def count_of(self, agency_id: str, since: date, until: date) -> int:
        """Count the searches that officials of an agency made between two firsts of a month, the second excluded; UTC.

        Searches that were destroyed with their cases still count: destroying a case gives no quota back.
        """
        return self._counts(since, until, agency_id).get(agency_id, 0)

    def counts(self, since: date, until: date) -> dict[str, int]:
        """Count the searches of every agency that made any between two firsts of a month, the second excluded; UTC."""
        return self._counts(since, until, None)

    def _counts(self, since: date, until: date, agency_id: str | None) -> dict[str, int]:
        first, last = (datetime.combine(day, time(), UTC) for day in (since, until))
        kept = sa.select(searches.c.agency_id, sa.func.count().label("made")).group_by(searches.c.agency_id)
        kept = kept.where(searches.c.made_at >= first, searches.c.made_at < last)
        destroyed = sa.select(searches_gone.c.agency_id, searches_gone.c.searches.label("made"))
        destroyed = destroyed.where(searches_gone.c.month >= since, searches_gone.c.month < until)
        if agency_id is not None:
            kept = kept.where(searches.c.agency_id == agency_id)
            destroyed = destroyed.where(searches_gone.c.agency_id == agency_id)
        counts = Counter[str]()
        for row in self._connection.execute(kept.union_all(destroyed)):
            counts[row.agency_id] += row.made
        return dict(counts)

    def delete_of(self, case_id: int) -> list[int]:
        """Delete the searches of a case and their lists; return their ledger entries, which stay."""
        every = sa.select(searches.c.id).where(searches.c.case_id == case_id)
        for table in (search_probes, near_duplicates, candidates):
            self._connection.execute(sa.delete(table).where(table.c.search_id.in_(every)))
        deletion = sa.delete(searches).where(searches.c.case_id == case_id)
        rows = self._connection.execute(
            deletion.returning(searches.c.ledger_entry, searches.c.agency_id, searches.c.made_at)
        ).all()
        months = Counter((row.agency_id, month_of(row.made_at.date())[0]) for row in rows)
        for (agency_id, month), many in months.items():
            self._count_gone(agency_id, month, many)
        return sorted(row.ledger_entry for row in rows)

    def _count_gone(self, agency_id: str, month: date, many: int) -> None:
        its = (searches_gone.c.agency_id == agency_id, searches_gone.c.month == month)
        more = sa.update(searches_gone).where(*its).values(searches=searches_gone.c.searches + many)
        if not self._connection.execute(more).rowcount:
            row = {"agency_id": agency_id, "month": month, "searches": many}
            self._connection.execute(sa.insert(searches_gone), row)

    def ledger_entries(self) -> Iterator[tuple[str, int]]:
        """Yield every search id with its ledger entry, in the order of the entries."""
        query = sa.select(searches.c.id, searches.c.ledger_entry).order_by(searches.c.ledger_entry)
        yield from ((row.id, row.ledger_entry) for row in self._connection.execute(query))

    def forget_faces(self, ids: Iterable[int]) -> None:
        """Erase faces from every list; only rank, score and expectation of a candidate stay."""
        for batch in batched(map(int, ids), _MOST):
            self._connection.execute(sa.delete(near_duplicates).where(among(near_duplicates.c.face_id, batch)))
            self._blank(among(candidates.c.face_id, batch))

    def forget_source(self, name: str) -> None:
        """Erase everything that came from a source from every list."""
        self._blank(candidates.c.source == name)

    def forget_lists(self, probe_ids: Sequence[str]) -> list[str]:
        """Erase the candidates of every search that was made with one of these probes; return the searches."""
        made: set[str] = set()
        for batch in batched(probe_ids, _AT_ONCE):
            made.update(self._connection.scalars(sa.select(searches.c.id).where(searches.c.probe_id.in_(batch))))
            fused = sa.select(search_probes.c.search_id).where(search_probes.c.probe_id.in_(batch))
            made.update(self._connection.scalars(fused))
        for some in batched(sorted(made), _AT_ONCE):
            self._blank(candidates.c.search_id.in_(some))
        return sorted(made)

    def _blank(self, which: sa.ColumnElement[bool]) -> None:
        named = sa.select(candidates.c.search_id, candidates.c.rank).where(which)
        pair = sa.tuple_(near_duplicates.c.search_id, near_duplicates.c.rank)
        self._connection.execute(sa.delete(near_duplicates).where(pair.in_(named)))
        self._connection.execute(sa.update(candidates).where(which).values(face_id=None, source=None, snapshot=None))

    # ------------------------------------------------------------ rows

    def _insert(self, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
        if every := list(rows):
            self._connection.execute(sa.insert(table), every)

    def _seal_examiner(self, search_id: str, examiner: str) -> bytes:
        """Seal the examiner's name; a blank one seals to nothing, which the table refuses (R7)."""
        return self._vault.seal((examiner if says_something(examiner) else "").encode(), about_examiner(search_id))

    def _read_searches(self, query: sa.Select[Any]) -> list[StoredSearch]:
        """Return the searches that a query selects, in its order."""
        rows = list(self._connection.execute(query).mappings())
        found = []
        for batch in batched(rows, _AT_ONCE):
            ids = [row["id"] for row in batch]
            shown, others = self._lists(ids), self._others(ids)
            for row in batch:
                examiner = self._vault.open(bytes(row["examiner"]), about_examiner(row["id"])).decode()
                kept, erased = shown.get(row["id"], ([], []))
                result = result_from(row, kept, others.get(row["id"], ()))
                stored = StoredSearch(
                    result=result, examiner=examiner, erased=tuple(erased), commitment=bytes(row["commitment"]).hex()
                )
                found.append(stored)
        return found

    def _lists(self, ids: list[str]) -> dict[str, tuple[list[Candidate], list[ErasedCandidate]]]:
        """Return candidates and erased candidates, by search."""
        lists: dict[str, tuple[list[Candidate], list[ErasedCandidate]]] = {}
        twins = self._near_duplicates(ids)
        query = sa.select(candidates).where(candidates.c.search_id.in_(ids)).order_by(candidates.c.rank)
        for row in self._connection.execute(query).mappings():
            shown, erased = lists.setdefault(row["search_id"], ([], []))
            kept = {name: row[name] for name in ("rank", "score", "expected_false")}
            if row["snapshot"] is None:
                erased.append(ErasedCandidate(**kept))
                continue
            kept |= snapshot_from(json.loads(row["snapshot"]))
            kept |= {"face_id": FaceId(row["face_id"]), "source": row["source"]}
            near = tuple(twins.get((row["search_id"], row["rank"]), ()))
            shown.append(Candidate(**kept, near_duplicates=near))
        return lists

    def _near_duplicates(self, ids: list[str]) -> dict[tuple[str, int], list[FaceId]]:
        query = sa.select(near_duplicates).where(near_duplicates.c.search_id.in_(ids))
        twins: dict[tuple[str, int], list[FaceId]] = {}
        for row in self._connection.execute(query.order_by(near_duplicates.c.position)):
            twins.setdefault((row.search_id, row.rank), []).append(FaceId(row.face_id))
        return twins

    def _others(self, ids: list[str]) -> dict[str, list[OtherPerson | ProbeFace]]:
        query = sa.select(search_probes).where(search_probes.c.search_id.in_(ids)).order_by(search_probes.c.position)
        others: dict[str, list[OtherPerson | ProbeFace]] = {}
        for row in self._connection.execute(query).mappings():
            others.setdefault(row["search_id"], []).append(person_from(row))
        return others
