"""What a disclosure pack says, read in the transaction that records it: rows, entries and lists as they are then."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lineament.model.cases import Case, PaperKind
from lineament.model.proposals import Proposal
from lineament.model.search import Probe
from lineament.model.watches import WatchProgress
from lineament.services.cases.erased import erased_at
from lineament.services.kept import ERASING, emptied_lists, erased_faces, withdrawn_sources
from lineament.services.keyholder import case_key
from lineament.services.record import Record
from lineament.store.bound import row_texts
from lineament.store.db import Tx
from lineament.store.keys import DataKey
from lineament.store.ledger import LedgerRow
from lineament.store.ring import KeyRing
from lineament.store.search_digests import ListTexts, list_texts
from lineament.store.searches import StoredSearch

TOLD = frozenset(
    {"cases", "probes", "approvals", "case_papers", "decisions", "candidate_notes", "evidence"}
    | {"watches", "watch_findings", "defence_notices"}
)
"""Tables whose rows a pack holds besides searches and candidates; no other row is ever in one (``verify.TOLD``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a case holds for its pack, in counts."""

    searches: int
    empty: int  # searches that found no candidate
    candidates: int
    erased: int  # candidates among them whose faces were erased since
    photographs: int
    decisions: int  # about candidates, those that were replaced too
    watches: int  # those that are over too


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedSearch:
    """A search, with the texts that the ledger commits to."""

    stored: StoredSearch
    texts: ListTexts
    erased_at: Mapping[int, datetime | None]  # when each erased candidate was erased, by its rank; None: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A case at a moment, and what is needed to make its pack."""

    case: Case
    key: DataKey
    pack: str  # the id of the pack
    sharp: bool
    at: datetime
    by: str
    size: int  # of the ledger, with the entry that records the pack
    checkpoint: str
    entries: Sequence[LedgerRow]  # of the case and of the changes of the threshold in it, the oldest first
    erasures: frozenset[int]  # entries that say that a candidate's face was erased; shown without details
    searches: Sequence[DisclosedSearch]
    probes: Sequence[tuple[Probe, str | None]]  # with the address of each original; None for a copy that was erased
    rows: Mapping[str, str]  # the texts of the other rows, by their names
    blurred_sources: frozenset[str]
    holdings: Holdings
    document: tuple[str, str] | None  # name and address of the document of the authorisation
    changes: Sequence[Proposal]  # of the threshold, that set it for a search
    progress: Mapping[str, WatchProgress]  # of the watches
    agency: str

    @property
    def all_blurred(self) -> bool:
        """Whether every picture is blurred."""
        return self.case.terms.is_distressing and not self.sharp


def holdings_of(tx: Tx, case: Case, found: Sequence[StoredSearch]) -> Holdings:
    """Return what a case and its searches amount to. Raises AccessAltered if a decision was changed from outside."""
    return Holdings(
        searches=len(found),
        empty=sum(not (one.result.candidates or one.erased) for one in found),
        candidates=sum(len(one.result.candidates) + len(one.erased) for one in found),
        erased=sum(len(one.erased) for one in found),
        photographs=len(tx.probes.of_case_ids(case.id)),
        decisions=len(tx.reviews.of_case(case.id)),
        watches=len(tx.watches.of_case(case.id)),
    )


def searches_of(tx: Tx, case: Case) -> list[StoredSearch]:
    """Return the searches of a case, the oldest first. Raises RecordAltered if one is not what its entry recorded."""
    return tx.searches.compared(tx.searches.stored_of_case(case.id))[::-1]


def read_snapshot(  # noqa: PLR0913 - a case, and whose pack of it
    tx: Tx, record: Record, keys: KeyRing, case: Case, *, entry: int, pack: str, sharp: bool
) -> Snapshot:
    """Read a case for the pack that ``entry``, the newest, records."""
    size, key = entry + 1, case_key(tx, keys, case)
    own = record.official.agency_id
    stored = searches_of(tx, case)
    changes = _changes(tx, stored)
    found = {row.seq: row for row in tx.ledger.of_case(case.id, size, None)}
    found |= {row.seq: row for change in changes if change.entry for row in _entry(tx, change.entry)}
    entries = [row for _, row in sorted(found.items()) if _is_told(row, own)]
    texts = list_texts(tx.connection, tx.vault, [one.result.search_id for one in stored])
    disclosed = [
        DisclosedSearch(
            stored=one,
            texts=texts[one.result.search_id],
            erased_at={gone.rank: erased_at(tx, one, gone.rank) for gone in one.erased},
        )
        for one in stored
    ]
    listed = sorted({candidate.source for one in stored for candidate in one.result.candidates})
    rows = row_texts(tx.connection, tx.vault, _subjects(entries))
    gone = {f"probes/{probe.id}" for probe in tx.probes.of_case(case.id, key) if probe.erased_at is not None}
    distressing = {source.name for source in tx.sources.of_names(listed) if source.is_distressing}
    return Snapshot(
        case=case,
        key=key,
        pack=pack,
        sharp=sharp,
        at=_entry(tx, entry)[0].at,
        by=record.official.name,
        size=size,
        checkpoint=record.ledger.checkpoint_of(tx.ledger, size),
        entries=entries,
        erasures=_erasures(tx, disclosed, entries),
        searches=disclosed,
        probes=[
            (probe, tx.probes.blob(probe.id) if probe.erased_at is None else None)
            for probe in reversed(tx.probes.of_case(case.id, key))
        ],
        rows={name: text for name, text in rows.items() if name not in gone},
        blurred_sources=frozenset() if sharp else frozenset(distressing),
        holdings=holdings_of(tx, case, stored),
        document=_document(tx, case, key, own),
        changes=changes,
        progress=tx.watches.progress([watch.id for watch in tx.watches.of_case(case.id)]),
        agency=tx.agencies.name(case.agency_id),
    )


def _is_told(row: LedgerRow, agency_id: str) -> bool:
    """Return whether an entry of a case may be shown: not if it is about a note of another agency."""
    return row.details is not None and json.loads(row.details).get("notes_of", agency_id) == agency_id


def _subjects(entries: Sequence[LedgerRow]) -> list[str]:
    """Return the names of the rows that entries commit to, each once, in order."""
    named = {name for row in entries for name in json.loads(row.details or "{}").get("rows", ())}
    return sorted(name for name in named if name.partition("/")[0] in TOLD)


def _erasures(tx: Tx, found: Sequence[DisclosedSearch], entries: Sequence[LedgerRow]) -> frozenset[int]:
    """Return the entries that say that the face of a candidate was erased, or its source withdrawn."""
    gone = {(one.stored.result.search_id, erased.rank) for one in found for erased in one.stored.erased}
    if not gone:
        return frozenset()
    faces: set[int] = set()
    sources: set[str] = set()
    for row in entries:
        details = json.loads(row.details or "{}") if row.action == "search" else {}
        for rank, _, face, source in details.get("shown", ()):
            if (details["search"], rank) in gone:
                faces.add(face)
                sources.add(source)
    named: set[int] = set()
    for row in tx.ledger.of_actions([action.value for action in ERASING], -1):
        details = json.loads(row.details or "{}")
        said = faces.intersection(erased_faces(row.action, details)) if details else set()
        emptied = {search for search, _ in gone}.intersection(emptied_lists(details))
        if said or emptied or (details and sources.intersection(withdrawn_sources(row.action, details))):
            named.add(row.seq)
    return frozenset(named)


def _document(tx: Tx, case: Case, key: DataKey, agency_id: str) -> tuple[str, str] | None:
    """Return name and address of the document of the newest authorisation; None if there is none."""
    wanted = None if case.authorisation is None else case.authorisation.document_sha256
    if wanted is None:
        return None
    papers = tx.papers.of_case(case.id, key, notes_of=agency_id, kinds=(PaperKind.DECISION,))
    found = next((paper for paper in papers if paper.sha256 == wanted), None)
    return None if found is None else (found.text, tx.papers.get(case.id, found.id, key)[1])


def _changes(tx: Tx, found: Sequence[StoredSearch]) -> list[Proposal]:
    """Return the changes of the threshold that set it for searches, in their order."""
    numbers = sorted({one.result.signed.number for one in found if one.result.signed is not None})
    return [tx.proposals.get(number) for number in numbers]


def _entry(tx: Tx, seq: int) -> list[LedgerRow]:
    """Return an entry of the ledger."""
    return list(tx.ledger.entries(seq, seq + 1))
