"""The weekly report of misuse: made by a job for every agency, read and answered by its auditors and supervisors."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from lineament.errors import NotAllowed, NotFound
from lineament.model.accounts import HOME_AGENCY, Permission, Role
from lineament.model.actions import Action
from lineament.model.cases import Case
from lineament.model.events.oversight import MisuseAnswered, MisuseRead, MisuseReported
from lineament.model.jobs import JobProgress, JobRequest
from lineament.model.misuse.find import find_misuse
from lineament.model.misuse.findings import Finding
from lineament.model.misuse.reports import FindingAnswer, FindingState, KeptFinding, MisuseReport
from lineament.model.rates import ErrorRates
from lineament.model.texts import checked_reason
from lineament.services.jobs.kinds import MISUSE, Report
from lineament.services.misuse.gather import gather, monday_of
from lineament.services.needs import needs
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.ledger_parts import LedgerPart
from lineament.store.ring import KeyRing

CATCH_UP = 4
"""Most weeks whose reports are made later, if nothing ran meanwhile."""
REMEMBERED = timedelta(weeks=8)
"""How long a finding that was answered is not told again, unless it has grown by half."""
GROWN = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReport:
    """A report as its reader may see it, with the names of whom and what it is about."""

    report: MisuseReport | None  # None: there is none yet
    findings: tuple[KeptFinding, ...]  # of that week
    waiting: tuple[tuple[date, KeptFinding], ...]  # of earlier weeks, with their Mondays
    weeks: tuple[date, ...]  # that have a report, the newest first
    names: Mapping[str, str]  # of people, by account
    cases: Mapping[int, Case]
    own: frozenset[str]  # findings about the reader, who cannot answer them


class MisuseReports:
    """Makes, reads and answers the reports of the official's agency; ``make`` those of all."""

    def __init__(self, record: Record, keys: KeyRing, rates: Callable[[], ErrorRates]) -> None:
        self._record = record
        self._keys = keys
        self._rates = rates

    # ------------------------------------------------------------ making

    @needs(Permission.MACHINE)
    def due(self) -> list[tuple[str, date]]:
        """Return for which agency and week a report is to be made, oldest first; only of weeks that are over."""
        this_week = monday_of(self._record.today)
        with self._record.read() as tx:
            newest = tx.misuse.newest_weeks()
            agencies = {agency.id: agency.registered_at.date() for agency in tx.agencies.all()}
        found = []
        for agency_id, since in agencies.items():
            week = this_week - timedelta(weeks=CATCH_UP)
            if agency_id in newest:
                week = max(week, newest[agency_id] + timedelta(weeks=1))
            while week < this_week:
                if week + timedelta(weeks=1) > since:
                    found.append((agency_id, week))
                week += timedelta(weeks=1)
        return found

    @needs(Permission.MACHINE)
    def queue_if_due(self) -> bool:
        """Queue the job if a report is due and none is queued; return whether it was."""
        if not self.due():
            return False
        official = self._record.official
        with self._record.begin() as tx:
            if tx.jobs.open_of_kind(MISUSE.name) is not None:
                return False
            request = JobRequest(kind=MISUSE.name, agency_id=HOME_AGENCY, requested_by=official.name)
            tx.jobs.add(request, self._record.clock())
        return True

    @needs(Permission.MACHINE)
    def make(self, report: Report = lambda _: None) -> dict[str, Any]:
        """Make every report that is due; return how many. Counts only, because a job's result is not sealed."""
        due = self.due()
        for number, (agency_id, week) in enumerate(due):
            report(JobProgress(done=number, total=len(due), words="reports"))
            self._make(agency_id, week)
        return {"reports": len(due)}

    def _make(self, agency_id: str, week: date) -> None:
        with self._record.read() as tx:
            facts = gather(tx, self._keys, self._rates(), agency_id, week, self._record.official)
        found = find_misuse(facts)
        every = [finding for each in found for finding in each.findings]
        with self._record.change() as change:
            tx = change.tx
            if tx.misuse.newest_weeks().get(agency_id, date.min) >= week:
                change.in_agency(agency_id)
                change.record(MisuseReported(week=week, findings=0, repeated=0))
                return
            fresh = [finding for finding in every if not _known(tx, agency_id, finding, week)]
            made = MisuseReport(
                id=secrets.token_hex(8),
                agency_id=agency_id,
                week=week,
                made_at=change.at,
                looked_at=tuple(each.looked_at for each in found),
                repeated=len(every) - len(fresh),
            )
            kept = [
                KeptFinding(id=secrets.token_hex(8), report_id=made.id, state=FindingState.OPEN, finding=finding)
                for finding in fresh
            ]
            tx.misuse.add(made, kept)
            change.in_agency(agency_id)
            change.record(MisuseReported(week=week, findings=len(kept), repeated=made.repeated))

    # ------------------------------------------------------------ reading and answering

    @needs(Permission.READ_MISUSE)
    def read(self, week: date | None = None) -> ShownReport:
        """Return the report of a week, or the newest, and record that it was read. Raises NotFound.

        A finding about a supervisor is not shown to that supervisor; auditors see all.
        """
        agency_id = self._record.official.agency_id
        with self._record.change() as change:
            tx = change.tx
            reports = tx.misuse.reports(agency_id)
            chosen = next((each for each in reports if week in {None, each.week}), None)
            if week is not None and chosen is None:
                raise NotFound(what="report of misuse", name=week, hint="lineament misuse report")
            shown = self._shown(tx, reports, chosen)
            change.record(MisuseRead(week=None if chosen is None else chosen.week))
        return shown

    def _shown(self, tx: Tx, reports: list[MisuseReport], chosen: MisuseReport | None) -> ShownReport:
        weeks = {each.id: each.week for each in reports}
        findings = [] if chosen is None else [each for each in tx.misuse.findings(chosen.id) if self._sees(each)]
        waiting = [
            (weeks[each.report_id], each)
            for each in tx.misuse.in_state(self._record.official.agency_id, FindingState.OPEN)
            if self._sees(each) and chosen is not None and weeks[each.report_id] < chosen.week
        ]
        waiting.sort(key=lambda pair: pair[0])
        every = [*findings, *(each for _, each in waiting)]
        cases = tx.cases.of_ids({case for each in every for case in each.finding.cases})
        return ShownReport(
            report=chosen,
            findings=tuple(findings),
            waiting=tuple(waiting),
            weeks=tuple(weeks.values()),
            names=_names(tx, {who for each in every for who in each.finding.who}, self._record.official.name),
            cases={number: case for number, case in cases.items() if self._own(case)},
            own=frozenset(each.id for each in every if self._about_oneself(each)),
        )

    @needs(Permission.READ_MISUSE)
    def waiting(self) -> int:
        """Return how many findings wait for an answer that the official may give."""
        with self._record.read() as tx:
            open_ones = tx.misuse.in_state(self._record.official.agency_id, FindingState.OPEN)
        return sum(1 for each in open_ones if self._sees(each) and not self._about_oneself(each))

    @needs(Permission.READ_MISUSE)
    def unread(self) -> date | None:
        """Return the week of the newest report if the official has not read it yet. Nobody is told of their own."""
        official = self._record.official
        if official.solo:
            return None
        with self._record.read() as tx:
            newest = tx.misuse.reports(official.agency_id, 1)
            if not newest:
                return None
            first, stop = tx.ledger.between(newest[0].made_at, self._record.clock() + timedelta(seconds=1))
            part = LedgerPart(
                agency_id=official.agency_id,
                account_id=official.account_id,
                actions=frozenset({Action.MISUSE_READ.value}),
                first=first,
                stop=stop,
            )
            return None if tx.ledger.count(part) else newest[0].week

    @needs(Permission.READ_MISUSE)
    def answer(self, finding_id: str, state: FindingState, reason: str) -> KeptFinding:
        """Explain a finding, or say that it was passed on. A new answer replaces the last; both are on the record.

        Raises NotFound, also for one that the official may not see, or NotAllowed for one about oneself.
        """
        official = self._record.official
        said = checked_reason(reason)
        with self._record.change() as change:
            kept = change.tx.misuse.finding(finding_id, official.agency_id)
            if not self._sees(kept):
                raise NotFound(what="finding", name=finding_id, hint="lineament misuse report")
            if self._about_oneself(kept):
                raise NotAllowed(what="answering a finding about oneself")
            answer = FindingAnswer(by=official.name, account_id=official.account_id, at=change.at, reason=said)
            kept = replace(kept, state=state, answer=answer)
            change.tx.misuse.put(kept)
            kind = kept.finding.kind.value
            change.record(MisuseAnswered(finding=kept.id, kind=kind, answer=state.value, reason=said))
        return kept

    def _sees(self, kept: KeptFinding) -> bool:
        official = self._record.official
        return official.solo or Role.AUDITOR in official.roles or official.account_id not in kept.finding.who

    def _about_oneself(self, kept: KeptFinding) -> bool:
        official = self._record.official
        return not official.solo and official.account_id in kept.finding.who

    def _own(self, case: Case) -> bool:
        return case.agency_id == self._record.official.agency_id


def _known(tx: Tx, agency_id: str, finding: Finding, week: date) -> bool:
    """Return whether the same waits for an answer, or was answered lately and has not grown by half since."""
    recent = {each.id: each.week for each in tx.misuse.reports(agency_id) if week - each.week <= REMEMBERED}
    for state in FindingState:
        for kept in tx.misuse.in_state(agency_id, state):
            if kept.report_id in recent and _subject(kept.finding) == _subject(finding):
                grown = _size(finding) >= GROWN * max(_size(kept.finding), 1.0)
                if not grown:
                    return True
    return False


def _subject(finding: Finding) -> tuple[object, ...]:
    return finding.kind, frozenset(finding.who), frozenset(finding.cases)


def _size(finding: Finding) -> float:
    return next(iter(finding.numbers.values()), 0.0)


def _names(tx: Tx, accounts: set[str], machine: str) -> dict[str, str]:
    return {who: tx.accounts.get(who).name if who else f"{machine}, at the machine" for who in accounts}


def begins(week: date) -> datetime:
    """Return when a week begins."""
    return datetime.combine(week, time(), UTC)
