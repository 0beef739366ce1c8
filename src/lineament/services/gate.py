"""The gate: the one place that says whether a search may run, with every reason against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lineament.errors import Refused
from lineament.model.accounts import Official, Permission
from lineament.model.agencies import Agency, Stop, month_of
from lineament.model.cases import Case, CaseState
from lineament.model.policy import Policy
from lineament.model.purposes import refused_purposes
from lineament.model.search import Probe
from lineament.model.sources import Source
from lineament.services.cases.access import may_in, seen_source
from lineament.services.people.policies import policy_for, stepped_up
from lineament.services.record import Record
from lineament.store.db import Tx

WHO = "who"
"""Stands in for a reason where nobody has typed one yet, to ask what else stands against a search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that is looked at before a search; read in the transaction that would answer it."""

    official: Official
    allowed: bool  # by role, and in this case
    trained: bool
    agency: Agency  # of the official
    policy: Policy  # of that agency
    used: int  # searches of the agency this month
    stops: Sequence[Stop]
    case: Case
    case_policy: Policy  # of the case's agency: how it is covered
    sources: Sequence[Source]
    reason: str
    approvals: int | None  # by others, the fewest of the probes; None: no photograph is chosen yet
    at: datetime


def chosen(tx: Tx, record: Record, names: Sequence[str]) -> list[Source]:
    """The sources to search: those named, or else every one that may be searched today by the official's agency.

    NotFound for one that is not there, or not shared with that agency.
    """
    if names:
        return [seen_source(tx, record, name) for name in dict.fromkeys(names)]
    mine = [source for source in tx.sources.all() if _shared(source, record.official, record.today)]
    return [source for source in mine if source.why_closed(record.today) is None]


def _shared(source: Source, official: Official, today: date) -> bool:
    return official.solo or source.open_to(official.agency_id, today)


def asked(  # noqa: PLR0913 - what a search consists of
    tx: Tx, record: Record, case: Case, sources: Sequence[Source], reason: str, *, probes: Sequence[Probe] | None = None
) -> Asked:
    """Gather what stands for and against a search now."""
    official, at = record.official, record.clock()
    first, following = month_of(at.date())
    account = None if official.account_id is None else tx.accounts.get(official.account_id)
    return Asked(
        official=official,
        allowed=may_in(tx, record, case, Permission.SEARCH),
        trained=account is None or account.trained(at.date()),
        agency=tx.agencies.get(official.agency_id),
        policy=policy_for(tx, official.agency_id),
        used=tx.searches.count_of(official.agency_id, first, following),
        stops=tx.stops.in_force(official.agency_id),
        case=case,
        case_policy=policy_for(tx, case.agency_id),
        sources=sources,
        reason=reason,
        approvals=None if probes is None else min(_approvals(tx, official, probe) for probe in probes),
        at=at,
    )


def _approvals(tx: Tx, official: Official, probe: Probe) -> int:
    return len(set(tx.members.approvers(probe.id)) - {official.account_id})


def reasons_against(search: Asked) -> list[str]:
    """Every reason why this search may not run now (R7 to R12, R23, R49); none means that it may."""
    return [
        *(stop.why for stop in search.stops),
        *_official(search),
        *_agency(search),
        *_case(search),
        *_sources(search),
    ]


def _official(search: Asked) -> list[str]:
    policy, official, against = search.policy, search.official, []
    if not search.allowed:
        against.append("your roles do not allow you to search in this case")
    if policy.training and not search.trained:
        against.append("your training in face comparison has lapsed or was never recorded")
    if not stepped_up(official, policy, search.at):
        against.append(f"your second factor was not shown within the last {policy.step_up_minutes} minutes")
    return against


def _agency(search: Asked) -> list[str]:
    against = search.agency.why_closed(search.at.date())
    licence = search.agency.licence
    if not search.agency.home and licence is not None and search.used >= licence.searches_a_month:
        _, following = month_of(search.at.date())
        against.append(f"the {licence.searches_a_month:,} searches of this month are used; the next on {following}")
    return against


def _case(search: Asked) -> list[str]:
    case, against = search.case, []
    if case.state is not CaseState.OPEN:
        return [f"the case {case.ref} is {case.state.value}"]
    if (uncovered := case.why_uncovered(search.case_policy, search.at)) is not None:
        against.append(uncovered)
    if not search.reason.strip():
        against.append("no reason is given for the search")
    against.extend(
        f"the purpose is refused ({refused.name}): {refused.why}"
        for refused in refused_purposes((case.terms.purpose, search.reason))
    )
    wanted = search.policy.further_approvals
    if search.approvals is not None and search.approvals < wanted:
        against.append(f"{search.approvals} of the {wanted} further approvals of this photograph are there")
    return against


def _sources(search: Asked) -> list[str]:
    if not search.sources:
        return ["no source may be searched today; register one, or see: lineament source list"]
    today, against = search.at.date(), []
    for source in search.sources:
        if not _shared(source, search.official, today):
            against.append(f"the source {source.name} is not shared with your agency")
        elif (why := source.why_closed(today)) is not None:
            against.append(why)
    return against


def admit(search: Asked) -> None:
    """Refused, with all reasons, where the search may not run."""
    if against := reasons_against(search):
        raise Refused(reasons="; ".join(against))
