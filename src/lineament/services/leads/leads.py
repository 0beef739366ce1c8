"""The leads of a case, and the evidence without which none of them leaves (R21)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lineament.errors import Refused
from lineament.model.accounts import Permission
from lineament.model.actions import Action
from lineament.model.cases import GONE, Case
from lineament.model.events.leads import EvidenceRecorded
from lineament.model.evidence import Evidence, EvidenceDraft, LeadState, require_stands, standing
from lineament.model.reasons import ReasonCode
from lineament.model.review import Review, ReviewOutcome
from lineament.model.search import Candidate, ListEntry
from lineament.services.cases.access import case_for, may_in
from lineament.services.keyholder import case_key
from lineament.services.leads.defence import DefenceTold, told_to_defence
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.services.review.seen import SeenList, seen_search, seen_searches
from lineament.store.db import Tx
from lineament.store.ledger_parts import LedgerPart
from lineament.store.ring import KeyRing
from lineament.store.searches import StoredSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadReported:
    """That the report of a lead was written."""

    at: datetime
    by: str
    evidence: tuple[str, ...]  # the ids of what it rested on


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A candidate of whom two people decided that it is a lead; its reader may know where it was found."""

    case: Case
    stored: StoredSearch  # as its reader may see it
    entry: int
    name: str  # of its picture in addresses
    candidate: Candidate
    review: Review
    recorded: tuple[Evidence, ...]  # also what was replaced
    reports: tuple[LeadReported, ...]
    defence: DefenceTold
    open: bool  # its reader may see ranks and scores of the list

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence that stands."""
        return standing(self.recorded)

    @property
    def state(self) -> LeadState:
        """What may be done with it."""
        if not self.evidence:
            return LeadState.AWAITING
        return LeadState.REPORTED if self.reports else LeadState.READY

    def require_evidence(self) -> None:
        """Raise Refused unless evidence that is independent of the search is recorded (R21)."""
        if not self.evidence:
            search_id = self.stored.result.search_id
            raise Refused(ReasonCode.NO_EVIDENCE.reason(search=search_id, name=self.name, ref=self.case.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadsOfCase:
    """The leads of a case, the newest search first."""

    case: Case
    leads: tuple[Lead, ...]
    gone: int  # leads whose picture was erased from the gallery since
    defence: DefenceTold
    may_record: bool


class Leads:
    """Lists leads, and records the evidence that is independent of their search."""

    def __init__(self, record: Record, keys: KeyRing) -> None:
        self._record = record
        self._keys = keys

    @needs(Permission.READ_CASES, in_case=True)
    def of_case(self, name: str) -> LeadsOfCase:
        """Return the leads of a case."""
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            may_record = may_in(tx, self._record, case, Permission.OPEN_CASES)
            defence = told_to_defence(tx, self._keys, case)
            if case.state in GONE:
                return LeadsOfCase(case=case, leads=(), gone=0, defence=defence, may_record=False)
            found = tx.searches.compared(tx.searches.stored_of_case(case.id))
            seen = seen_searches(tx, self._record, case, found)
            recorded = tx.evidence.of_case(case.id, case_key(tx, self._keys, case))
            reported = list(_reports(tx, case))
            leads = tuple(
                _lead(of_list, entry, recorded, reported, defence)
                for of_list in seen
                for entry in _entries_decided(of_list)
            )
            decided = sum(review.outcome is ReviewOutcome.LEAD for each in seen for review in each.reviews.values())
            gone = decided - len(leads)
            return LeadsOfCase(case=case, leads=leads, gone=gone, defence=defence, may_record=may_record)

    @needs(Permission.READ_CASES, in_case=True)
    def get(self, search_id: str, name: str) -> Lead:
        """Return the lead with a picture of that name. Raises NotFound, or Refused if the review came to no lead."""
        with self._record.read() as tx:
            return find_lead(tx, self._record, self._keys, search_id, name)

    @needs(Permission.OPEN_CASES, in_case=True)
    def record(self, search_id: str, name: str, draft: EvidenceDraft) -> Evidence:
        """Record evidence that is independent of the search; what is recorded is only ever replaced, with a reason.

        Raises:
            InvalidValue: It does not say what it is, where it is filed or that it is independent, or a piece that is
                to be replaced is not there or was replaced before.
            NotFound: There is no such picture, or the case is not seen.
            Refused: The review came to no lead.
        """
        draft.require_complete()
        official = self._record.official
        with self._record.change() as change:
            lead = find_lead(change.tx, self._record, self._keys, search_id, name)
            case = case_for(change.tx, self._record, lead.case.key, Permission.OPEN_CASES)
            require_stands(draft.replaces, lead.evidence, "evidence")
            piece = Evidence(
                id=secrets.token_hex(8),
                search_id=search_id,
                entry=lead.entry,
                kind=draft.kind,
                text=draft.text.strip(),
                reference=draft.reference.strip(),
                recorded_by=official.name,
                account_id=official.account_id,
                agency_id=official.agency_id,
                at=change.at,
                replaces=draft.replaces,
                because="" if draft.replaces is None else draft.because.strip(),
            )
            change.concerns(case)
            change.tx.evidence.add(case.id, piece, case_key(change.tx, self._keys, case))
            change.record(
                EvidenceRecorded(
                    case=case.ref,
                    search=search_id,
                    entry=lead.entry,
                    evidence=piece.id,
                    kind=piece.kind.value,
                    text=piece.text,
                    reference=piece.reference,
                    replaces=piece.replaces,
                    because=piece.because,
                )
            )
        return piece


def find_lead(tx: Tx, record: Record, keys: KeyRing, search_id: str, name: str) -> Lead:
    """Return the lead with a picture of that name. Raises NotFound, or Refused if the review came to no lead."""
    seen = seen_search(tx, record, search_id)
    rank = seen.rank(name)
    for entry in _entries_decided(seen):
        if rank in {entry.candidate.rank, *(further.rank for further in entry.further)}:
            recorded = tx.evidence.of_case(seen.case.id, case_key(tx, keys, seen.case))
            return _lead(seen, entry, recorded, list(_reports(tx, seen.case)), told_to_defence(tx, keys, seen.case))
    raise Refused(ReasonCode.NO_LEAD.reason())


def _entries_decided(seen: SeenList) -> Iterator[ListEntry]:
    """Yield the entries of a list that are leads, in the reader's order."""
    by_number = {entry.number: entry for entry in seen.entries}
    for number in seen.order:
        review = seen.reviews.get(number)
        if review is not None and review.outcome is ReviewOutcome.LEAD:
            yield by_number[number]


def _lead(
    seen: SeenList,
    entry: ListEntry,
    recorded: Iterable[Evidence],
    reported: Sequence[tuple[str, int, LeadReported]],
    defence: DefenceTold,
) -> Lead:
    its = (seen.whole.result.search_id, entry.number)
    return Lead(
        case=seen.case,
        stored=seen.shown,
        entry=entry.number,
        name=seen.name(entry.candidate.rank),
        candidate=entry.candidate,
        review=seen.reviews[entry.number],
        recorded=tuple(piece for piece in recorded if (piece.search_id, piece.entry) == its),
        reports=tuple(report for search_id, number, report in reported if (search_id, number) == its),
        defence=defence,
        open=seen.is_open,
    )


def _reports(tx: Tx, case: Case) -> Iterator[tuple[str, int, LeadReported]]:
    """Yield the reports of leads of a case that the ledger tells of, the newest first."""
    part = LedgerPart(case_id=case.id, actions=frozenset({Action.LEAD_REPORT_WRITTEN.value}))
    for row in tx.ledger.part(part, None):
        if row.details:
            said = json.loads(row.details)
            written = LeadReported(at=row.at, by=str(said.get("actor", "")), evidence=tuple(said["evidence"]))
            yield said["search"], said["entry"], written
