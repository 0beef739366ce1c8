"""What an official sees of many cases at once: which wait, their newest searches, and whose they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from lineament.errors import RecordAltered
from lineament.model.accounts import Permission
from lineament.model.cases import Case, CaseStanding
from lineament.services.cases.access import may_as, may_in, roles_in
from lineament.services.cases.casework import policies_of
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for
from lineament.services.record import Record
from lineament.services.review.seen import seen_searches
from lineament.store.searches import StoredSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestOfCases:
    """The newest of several cases, by case number."""

    searches: Mapping[int, StoredSearch]
    probes: Mapping[int, str]  # the newest with a face, of cases without a search
    altered: Sequence[Case]  # those whose newest search was changed from outside


class Overview:
    """Reads many cases for one page."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.READ_CASES)
    def awaiting(self, limit: int) -> list[Case]:
        """Return the open cases that wait for an authorisation, those that wait longest first."""
        with self._record.read() as tx:
            found = tx.cases.awaiting(self._record.sight, limit)
            policies, now = policies_of(tx, found), self._record.clock()
            return [case for case in found if case.standing(policies[case.agency_id], now) is CaseStanding.AWAITING]

    @needs(Permission.APPROVE)
    def unapproved(self, limit: int) -> list[tuple[Case, str]]:
        """Return unsearched probes of the own agency that wait for this official's approval, each after its case.

        Those that wait longest come first. There are none if the policy wants no further approvals (R11).
        """
        official = self._record.official
        with self._record.read() as tx:
            policy = policy_for(tx, official.agency_id)
            if not policy.further_approvals or official.account_id is None:
                return []
            since = self._record.clock() - timedelta(days=policy.probe_days)
            found = tx.probes.unapproved(
                official.agency_id, official.account_id, since, policy.further_approvals, limit
            )
            of_cases = [(tx.cases.of_probe(probe_id, self._record.sight), probe_id) for probe_id in found]
            return [
                (case, probe_id)
                for case, probe_id in of_cases
                if case is not None and may_in(tx, self._record, case, Permission.APPROVE)
            ]

    @needs(Permission.READ_CASES)
    def newest(self, keys: Collection[str]) -> NewestOfCases:
        """Return the newest search of each of these cases, and the newest probe of those that were not searched.

        Cases that the official may not read are left out.
        """
        record = self._record
        searches: dict[int, StoredSearch] = {}
        altered: list[Case] = []
        with record.read() as tx:
            seen = tx.cases.several(keys, record.sight)
            roles = roles_in(tx, record, seen)
            seen = [case for case in seen if may_as(record.official, case, Permission.READ_CASES, roles.get(case.id))]
            policies, newest = policies_of(tx, seen), tx.searches.newest_of([case.id for case in seen])
            for case in seen:
                if case.id not in newest:
                    continue
                try:
                    compared = tx.searches.compared([newest[case.id]])
                    (of_list,) = seen_searches(tx, record, case, compared, policies[case.agency_id])
                    searches[case.id] = of_list.shown
                except RecordAltered:
                    altered.append(case)
            unsearched = {case.id for case in seen}.difference(newest)
            return NewestOfCases(searches=searches, probes=tx.probes.newest_with_face(unsearched), altered=altered)

    @needs(Permission.READ_CASES)
    def owners(self, found: Iterable[Case]) -> dict[str, str]:
        """Return the names of the agencies that these cases belong to, by their ids."""
        with self._record.read() as tx:
            return {agency_id: tx.agencies.get(agency_id).name for agency_id in {case.agency_id for case in found}}
