"""Retention: destroys pictures, closed cases, unsearched photographs and details of the ledger in time (R1, R35)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from lineament.model.accounts import Permission
from lineament.model.cases import NEXT, CaseEvent, CaseState
from lineament.model.events.cases import CaseDestroyed
from lineament.model.events.searches import ProbesDestroyed
from lineament.model.jurisdictions import shortest_retention
from lineament.model.lifecycle import advance
from lineament.model.policy import Policy
from lineament.services.cases.destroy import destroy
from lineament.services.evaluate.asked import EvaluationFolders
from lineament.services.evaluate.ended import EndedEvaluations
from lineament.services.gallery.drops import DropFolders
from lineament.services.gallery.erase import Erase
from lineament.services.gallery.shred import Shredder
from lineament.services.gallery.take_in import discard_abandoned
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for
from lineament.services.record import Record
from lineament.store.blobs import Blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """Counts of what a sweep destroyed."""

    cases: int
    probes: int
    details: int  # of ledger entries; their commitments stay
    pictures: int = 0  # of sources
    faces: int = 0  # of these pictures
    held: int = 0  # pictures of sources that only a legal hold keeps; no search compares them
    drops: int = 0  # drops of which nothing arrived any more
    scrubbed: bool = True  # False: somebody reads the database, whose files still hold it; a job tries again


class _NothingDue(Exception):
    """Nothing is due, or it was held or destroyed by another process since it was read; the change is rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainedFolders:
    """Folders beside the store, of which what is too old is deleted."""

    drops: DropFolders
    evaluations: EvaluationFolders
    ended: EndedEvaluations


class Retain:
    """Destroys everything whose retention period is over. Run it daily: ``lineament sweep``."""

    def __init__(self, record: Record, blobs: Blobs, erase: Callable[[], Erase], folders: RetainedFolders) -> None:
        self._record = record
        self._blobs = blobs
        self._erase = erase
        self._folders = folders

    @needs(Permission.MACHINE)
    def sweep(self) -> SweepReport:
        """Destroy what is due now; a second sweep finds nothing. A case on legal hold stays whole."""
        with self._record.read() as tx:
            agencies = [(agency.id, policy_for(tx, agency.id)) for agency in tx.agencies.all()]
        cases = probes = details = 0
        for agency_id, policy in agencies:
            cases += self._cases(agency_id, policy)
            probes += self._probes(agency_id, policy.probe_days)
            details += self._details(agency_id, policy.audit_days)
            self._jobs(agency_id, policy.audit_days)
        drops = discard_abandoned(self._record, self._folders.drops)
        self._folders.ended.settle()
        self._folders.evaluations.discard_old(self._record.clock())
        Shredder(self._record, self._blobs).finish()
        gone = self._erase().past_retention()  # after the cases: one that is destroyed holds nothing any more
        scrubbed = self._record.store.is_scrubbed()
        return SweepReport(cases=cases, probes=probes, details=details, drops=drops, **asdict(gone), scrubbed=scrubbed)

    def _cases(self, agency_id: str, policy: Policy) -> int:
        now = self._record.clock()
        soonest = min(policy.case_days, shortest_retention() or policy.case_days)  # a law may name fewer days
        with self._record.read() as tx:
            closed = tx.cases.due(agency_id, now - timedelta(days=soonest))
        destroyed = 0
        for case in closed:
            if case.closed_at is not None and case.closed_at < now - timedelta(days=case.kept_days(policy)):
                with suppress(_NothingDue):
                    self._destroy(case.key, now, case.kept_days(policy))
                    destroyed += 1
        return destroyed

    def _destroy(self, key: str, now: datetime, days: int) -> None:
        """Destroy a case. Raises _NothingDue if it was held or destroyed since it was read."""
        before = now - timedelta(days=days)
        with self._record.change() as change:
            case = change.tx.cases.by_key(key)
            if all(due.id != case.id for due in change.tx.cases.due(case.agency_id, before)):
                raise _NothingDue
            change.concerns(case)
            advance(NEXT, case.state, CaseEvent.DESTROYED, what="case", name=case.ref)
            counts = destroy(change, case, CaseState.DESTROYED)
            change.record(
                CaseDestroyed(
                    case=case.ref,
                    days=days,
                    searches=counts.searches,
                    photographs=counts.photographs,
                    papers=counts.papers,
                )
            )

    def _probes(self, agency_id: str, days: int) -> int:
        before = self._record.clock() - timedelta(days=days)
        with suppress(_NothingDue), self._record.change() as change:
            if not (due := change.tx.probes.unsearched(agency_id, before)):
                raise _NothingDue
            blobs = [change.tx.probes.blob(probe_id) for probe_id in due]
            change.tx.probes.delete(due)
            change.tx.deletions.add(blobs)
            change.record(ProbesDestroyed(photographs=len(due), days=days))
            return len(due)
        return 0

    def _jobs(self, agency_id: str, days: int) -> None:
        """Delete jobs and notices that ended that many days ago; the ledger keeps what they did."""
        with self._record.begin() as tx:
            before = self._record.clock() - timedelta(days=days)
            tx.jobs.delete_ended(agency_id, before)
            tx.notices.delete_over(agency_id, before)

    def _details(self, agency_id: str, days: int) -> int:
        before = self._record.clock() - timedelta(days=days)
        with suppress(_NothingDue), self._record.change() as change:
            if not (due := change.tx.ledger.older(agency_id, before)):
                raise _NothingDue
            change.tx.misuse.delete_before(agency_id, before.date() - timedelta(days=7))  # as old as their entries
            change.erase_details(due, f"older than {days} days")
            return len(due)
        return 0
