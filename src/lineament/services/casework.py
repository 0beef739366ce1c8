"""Cases: opened with offence, purpose and legal basis, closed when they are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from lineament.ledger.log import Action
from lineament.model.cases import NEXT, Case, CaseEvent, CaseTerms
from lineament.model.lifecycle import advance
from lineament.model.search import Probe, SearchResult
from lineament.services.keyholder import about_case, case_key
from lineament.services.record import Record
from lineament.store.keys import KeyRing
from lineament.store.searches import StoredSearch


class Casework:
    """What happens to a case, and what it holds."""

    def __init__(self, record: Record, keys: KeyRing) -> None:
        self._record = record
        self._keys = keys

    def open(self, terms: CaseTerms) -> Case:
        """Open a case with a key of its own; AlreadyThere where the reference is taken."""
        wrapped = self._keys.new_data_key(about_case(terms.ref))
        with self._record.change() as change:
            case = change.tx.cases.add(terms, wrapped, change.at)
            change.record(Action.CASE_OPENED, **asdict(terms))
        return case

    def list(self) -> list[Case]:
        """All cases, the newest first."""
        with self._record.store.read() as tx:
            return tx.cases.all()

    def get(self, ref: str) -> Case:
        """One case; NotFound where there is none."""
        with self._record.store.read() as tx:
            return tx.cases.get(ref)

    def close(self, ref: str) -> Case:
        """Close a case: no search may use it any more."""
        with self._record.change() as change:
            case = change.tx.cases.get(ref)
            state = advance(NEXT, case.state, CaseEvent.CLOSED, what="case", name=ref)
            change.tx.cases.set_state(case.id, state, change.at)
            change.record(Action.CASE_CLOSED, case=ref)
            return change.tx.cases.get(ref)

    def searches(self, ref: str) -> Sequence[SearchResult]:
        """The searches of a case, the newest first; those without candidates too (R22)."""
        with self._record.store.read() as tx:
            return tx.searches.of_case(tx.cases.get(ref).id)

    def stored_searches(self, ref: str) -> Sequence[StoredSearch]:
        """The same with who made them, and with what is left of the candidates that were erased since."""
        with self._record.store.read() as tx:
            return tx.searches.stored_of_case(tx.cases.get(ref).id)

    def probes(self, ref: str) -> Sequence[Probe]:
        """The probes of a case, the newest first."""
        with self._record.store.read() as tx:
            case = tx.cases.get(ref)
            return tx.probes.of_case(case.id, case_key(tx, self._keys, case))
