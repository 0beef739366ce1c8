"""The gate: the one place that decides whether a search may run, with every reason against it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property, partial

from lineament.errors import Refused
from lineament.model.accounts import Official, Permission
from lineament.model.agencies import Agency, Stop, month_of
from lineament.model.cases import Case, CaseRole, CaseState
from lineament.model.folding import says_something
from lineament.model.policy import Policy
from lineament.model.purposes import Doubt
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.search import Probe
from lineament.model.sources import Source
from lineament.services.cases.access import may_as, member_role, seen_source
from lineament.services.people.policies import policy_for, stepped_up
from lineament.services.record import Record
from lineament.services.witnessing.in_force import reason_not_witnessed
from lineament.store.db import Tx

UNSAID = "unsaid"
"""Placeholder for a reason that nobody has typed yet, to learn every other reason against the search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Everything that decides whether a search may run, read in the transaction of the search."""

    official: Official
    allowed: bool  # by role, and in this case
    trained: bool
    agency: Agency  # of the official
    policy: Policy  # of that agency
    used: int  # searches of the agency this month
    stops: Sequence[Stop]
    case: Case | None  # None: no case is chosen yet
    case_policy: Policy  # of the case's agency: how it is covered
    sources: Sequence[Source]
    reason: str
    approvals: tuple[int, str] | None  # fewest by others, and of which probe; None: no photograph yet, or none wanted
    at: datetime
    copied: Sequence[Source] = ()  # whose pictures the probes copy
    unattended: bool = False  # a watch fires: its second factor was shown when it was begun
    not_witnessed: Reason | None = None  # why the record is not witnessed from outside as the policy asks (R42)


def chosen(tx: Tx, record: Record, names: Sequence[str]) -> list[Source]:
    """Return the sources to search: those named, or every one that the official's agency may search today.

    Raises NotFound if one does not exist or is not shared with that agency.
    """
    if names:
        return [seen_source(tx, record, name) for name in dict.fromkeys(names)]
    today = record.today
    mine = [source for source in tx.sources.all() if _may_use(source, record.official, today)]
    return [source for source in mine if source.why_closed(today) is None]


def _may_use(source: Source, official: Official, today: date) -> bool:
    return official.may_use(source.name) and (official.solo or source.open_to(official.agency_id, today))


class SharedFacts:
    """What is the same for many searches of one transaction; each is read once."""

    def __init__(self, tx: Tx, record: Record, cases: Collection[int] = (), accounts: Collection[str] = ()) -> None:
        """``cases`` are those in which the roles of these accounts are read at once."""
        self._tx, self._record, self._read = tx, record, frozenset(cases)
        self._roles = tx.members.roles(self._read, accounts, record.today) if self._read else {}
        self.account = cache(tx.accounts.get)
        self.agency = cache(tx.agencies.get)
        self.policy = cache(partial(policy_for, tx))
        self.stops = cache(tx.stops.in_force)
        self.used = cache(tx.searches.count_of)

    def role(self, record: Record, case: Case) -> CaseRole | None:
        """Return the role of the official as a member of a case."""
        if case.id not in self._read:
            return member_role(self._tx, record, case)
        return self._roles.get((case.id, record.official.account_id or ""))

    @cached_property
    def not_witnessed(self) -> Reason | None:
        """Why the record is not witnessed from outside as the policy asks (R42)."""
        return reason_not_witnessed(self._tx, self._record)


def attempt(  # noqa: PLR0913 - what a search consists of
    tx: Tx,
    record: Record,
    case: Case | None,
    sources: Sequence[Source],
    reason: str,
    *,
    probes: Sequence[Probe] | None = None,
    unattended: bool = False,
    facts: SharedFacts | None = None,
) -> Attempt:
    """Read everything that decides whether a search may run now; without a case, what holds for all of them.

    ``unattended``: a watch compares, whose second factor was shown when it was begun. ``facts`` are those of other
    searches of the same transaction.
    """
    official, at = record.official, record.clock()
    known = facts or SharedFacts(tx, record)
    account = None if official.account_id is None else known.account(official.account_id)
    policy = known.policy(official.agency_id)
    copied = _copied(probes or ())
    return Attempt(
        official=official,
        allowed=case is None or may_as(official, case, Permission.SEARCH, known.role(record, case)),
        trained=account is None or account.trained(at.date()),
        agency=known.agency(official.agency_id),
        policy=policy,
        used=known.used(official.agency_id, *month_of(at.date())),
        stops=known.stops(official.agency_id),
        case=case,
        case_policy=policy if case is None else known.policy(case.agency_id),
        sources=sources,
        reason=reason,
        approvals=_fewest(tx, official, probes) if probes is not None and policy.further_approvals else None,
        at=at,
        copied=tx.sources.of_names(copied) if copied else (),
        unattended=unattended,
        not_witnessed=known.not_witnessed,
    )


def _copied(probes: Sequence[Probe]) -> set[str]:
    """Return the names of the sources whose pictures these probes copy."""
    return {probe.origin.source for probe in probes if probe.origin is not None and probe.origin.source is not None}


def _fewest(tx: Tx, official: Official, probes: Sequence[Probe]) -> tuple[int, str]:
    """Return how often the probe was approved by others that was approved least, and its id."""
    return min((len(set(tx.members.approvers(probe.id)) - {official.account_id}), probe.id) for probe in probes)


def reasons_against(search: Attempt) -> list[Reason]:
    """Return every reason why this search may not run now (R7 to R12, R23, R49); none means that it may."""
    return [
        *(stop.why for stop in search.stops),
        *_official(search),
        *_agency(search),
        *_record(search),
        *([] if search.case is None else _case(search, search.case)),
        *_sources(search),
    ]


def _official(search: Attempt) -> list[Reason]:
    policy, official, against = search.policy, search.official, []
    if not search.allowed and search.case is not None:
        against.append(ReasonCode.ROLES.reason(ref=search.case.ref))
    if policy.training and not search.trained:
        against.append(ReasonCode.UNTRAINED.reason())
    if not search.unattended and not stepped_up(official, policy, search.at):
        against.append(ReasonCode.SECOND_FACTOR.reason(minutes=policy.step_up_minutes))
    return against


def _agency(search: Attempt) -> list[Reason]:
    against = search.agency.why_closed(search.at.date())
    licence = search.agency.licence
    if not search.agency.home and licence is not None and search.used >= licence.searches_a_month:
        _, following = month_of(search.at.date())
        against.append(ReasonCode.SEARCHES_USED.reason(limit=licence.searches_a_month, following=following))
    return against


def _record(search: Attempt) -> list[Reason]:
    """Refuse if others saw another record; and if what they saw is too old, except for one person who works alone."""
    against = search.not_witnessed
    return [] if against is None or not stops_searching(against, search.official) else [against]


def stops_searching(not_witnessed: Reason, official: Official) -> bool:
    """Return whether a reason why the record is not witnessed as the policy asks stops the searches of an official."""
    return not official.solo or not_witnessed.code is not ReasonCode.ANCHOR_STALE


def _case(search: Attempt, case: Case) -> list[Reason]:
    against = []
    if case.state is not CaseState.OPEN:
        return [ReasonCode.CASE_NOT_OPEN.reason(ref=case.ref, state=case.state)]
    if (uncovered := case.why_uncovered(search.case_policy, search.at)) is not None:
        against.append(uncovered)
    if not says_something(search.reason):
        against.append(ReasonCode.NO_REASON.reason())
    against.extend(purposes_against(case, search.reason))
    wanted = search.policy.further_approvals
    if search.approvals is not None and search.approvals[0] < wanted:
        given, probe_id = search.approvals
        against.append(ReasonCode.APPROVALS.reason(given=given, wanted=wanted, probe=probe_id))
    return against


def purposes_against(case: Case, *reasons: str) -> list[Reason]:
    """Return the reasons against searches for the purposes (R10) and the offence that the case and reasons name."""
    reading = case.read_purposes(*reasons)
    doubts: dict[str, list[Doubt]] = {}
    for doubt in reading.doubts:
        doubts.setdefault(doubt.purpose.name, []).append(doubt)
    return [
        *(refused.reason for refused in reading.refused),
        *(about[0].purpose.in_doubt(", ".join(doubt.words for doubt in about), case.ref) for about in doubts.values()),
    ]


def _sources(search: Attempt) -> list[Reason]:
    if not search.sources:
        return [ReasonCode.NO_SOURCE.reason()]
    today, against = search.at.date(), []
    for source in {source.name: source for source in (*search.sources, *search.copied)}.values():
        if not _may_use(source, search.official, today):
            against.append(ReasonCode.SOURCE_NOT_SHARED.reason(name=source.name))
        elif (why := source.why_closed(today)) is not None:
            against.append(why)
    return against


def admit(search: Attempt) -> None:
    """Raise Refused with all reasons if the search may not run."""
    if against := reasons_against(search):
        raise Refused(*against)
