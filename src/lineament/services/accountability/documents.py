"""The record of processing, the impact assessment and the report of a year, made from what is there now (R37).

What the software knows is filled in. What only the controller can say is marked as still to be written: a document that
invents it would be worse than none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from lineament.errors import InvalidValue
from lineament.model.accountability import Counts
from lineament.model.accounts import Permission, Role
from lineament.model.agencies import Agency
from lineament.model.events.oversight import AccountGiven
from lineament.model.policy import Policy
from lineament.model.proposals import Threshold
from lineament.model.rates import ErrorRates
from lineament.model.sources import Source, SourceState
from lineament.services.accountability.counting import count_agency
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for
from lineament.services.record import Record
from lineament.services.threshold.in_force import threshold_in_force
from lineament.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """What is known of the processing by an agency."""

    agency: Agency
    policy: Policy
    sources: tuple[Source, ...]  # that it may search
    people: dict[str, int]  # open accounts, by role
    guests: int  # other agencies whose people take part in its cases; their names stay with the cases (R46)
    witnesses: int  # who see the ledger from outside
    model: str
    model_origin: str  # on what its error rates were measured
    strangers: float  # expected above the threshold in force
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnualReport:
    """The report of a year."""

    agency: Agency
    year: int
    counts: Counts
    whole: bool  # the year is over
    kept_since: date  # older details are erased, and not counted
    made_at: datetime


class Documents:
    """Makes the accounts of the official's agency; that they were read is recorded."""

    def __init__(self, record: Record, rates: Callable[[], ErrorRates]) -> None:
        self._record = record
        self._rates = rates

    @needs(Permission.READ_USAGE)
    def processing(self) -> Processing:
        """Return what the record of processing says (GDPR 30; LED 24)."""
        return self._processing("processing")

    @needs(Permission.READ_USAGE)
    def impact(self) -> Processing:
        """Return what the skeleton of the impact assessment says (GDPR 35; LED 27; EU AI Act 27)."""
        return self._processing("impact")

    @needs(Permission.READ_USAGE)
    def annual(self, year: int | None = None) -> AnnualReport:
        """Return the report of a year, or of this one (EU AI Act 26(10)). Raises InvalidValue for a year to come."""
        today = self._record.today
        chosen = today.year if year is None else year
        if not 2000 <= chosen <= today.year:
            why = f"it is between 2000 and {today.year}"
            raise InvalidValue(what="The year", value=chosen, why=why, field="year")
        since, until = datetime(chosen, 1, 1, tzinfo=UTC), datetime(chosen + 1, 1, 1, tzinfo=UTC)
        agency_id = self._record.official.agency_id
        with self._record.read() as tx:
            agency, days = tx.agencies.get(agency_id), policy_for(tx, agency_id).audit_days
            counts = count_agency(tx, agency_id, since, until)
        self._given("annual", chosen)
        kept_since = date.fromordinal(today.toordinal() - days)
        return AnnualReport(
            agency=agency,
            year=chosen,
            counts=counts,
            whole=today >= until.date(),
            kept_since=kept_since,
            made_at=self._record.clock(),
        )

    def _processing(self, document: str) -> Processing:
        agency_id, today = self._record.official.agency_id, self._record.today
        rates = self._rates()
        with self._record.read() as tx:
            found = Processing(
                agency=tx.agencies.get(agency_id),
                policy=policy_for(tx, agency_id),
                sources=tuple(source for source in tx.sources.all() if _searched(source, agency_id, today)),
                people=_people(tx, agency_id),
                guests=tx.members.guest_agencies(agency_id),
                witnesses=_witnesses(tx),
                model=rates.model,
                model_origin=rates.origin,
                strangers=_strangers(tx, self._record, rates),
                made_at=self._record.clock(),
            )
        self._given(document)
        return found

    def _given(self, document: str, year: int | None = None) -> None:
        with self._record.change() as change:
            change.record(AccountGiven(document=document, year=year))


def _searched(source: Source, agency_id: str, today: date) -> bool:
    return source.state in {SourceState.LIVE, SourceState.SUSPENDED} and source.open_to(agency_id, today)


def _people(tx: Tx, agency_id: str) -> dict[str, int]:
    accounts = [account for account in tx.accounts.of_agency(agency_id) if account.state.value == "active"]
    return {role.value: sum(1 for account in accounts if role in account.roles) for role in Role}


def _witnesses(tx: Tx) -> int:
    change = tx.witness_policies.in_force()
    return 0 if change is None else len(change.policy.witnesses) + len(change.policy.authorities)


def _strangers(tx: Tx, record: Record, rates: ErrorRates) -> float:
    """Return the strangers expected above the threshold. Raises ThresholdUntrusted."""
    threshold: Threshold = threshold_in_force(tx, record.ledger.public_key, rates.model)
    return threshold.strangers
