"""What waits for the person who opens the first page: decisions, approvals, invitations, and what ends soon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from lineament.errors import LineamentError, ThresholdUntrusted
from lineament.model.accounts import AccountState, Permission
from lineament.model.cases import Case, CaseStanding
from lineament.model.sources import Source, SourceState
from lineament.services.cases.standings import Outlook
from lineament.services.review.reviews import WaitingReview
from lineament.views.values import counted, upper_first
from lineament.web.addresses import case_address, probe_address, search_address, source_address
from lineament.web.casewords import hours_left, next_step
from lineament.web.pages import Visit
from lineament.web.phrases import SOON_DAYS, age
from lineament.web.sentences.base import tell

MOST = 12
"""Most cases, photographs and drafts on the first page; the rest follows as these are done."""
_UNTRAINED_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One thing that waits, with the page on which it is done."""

    subject: str  # a case, a source, or what it is about
    words: object  # what is to be done, as text or Markup
    address: str
    act: str  # the words of the link
    level: str = "warn"  # or stop
    left: float | None = None  # hours, if it has a clock
    most: int = 0  # hours of that clock


def waiting_for(
    visit: Visit, newest: Sequence[Case], pressing: Sequence[tuple[Case, Outlook]], sources: Sequence[Source]
) -> list[Waiting]:
    """Return what waits for this person, the most urgent first.

    ``newest`` are the newest open cases that they see, ``pressing`` those that lock or end soon, ``sources`` all.
    """
    official = visit.desk.official
    found: list[Waiting] = []
    if official.may(Permission.READ_CASES):
        found += _of_cases(visit, newest, pressing)
    if official.may(Permission.REVIEW) and not official.solo:
        found += _reviews(visit)
    if official.may(Permission.APPROVE):
        found += _photographs(visit)
    if official.may(Permission.MANAGE_SOURCES):
        found += _drafts(visit, sources)
    if official.may(Permission.CHANGE_THRESHOLD):
        found += _changes(visit)
    if official.may(Permission.READ_LEDGER):
        found += _record(visit)
    if official.may(Permission.READ_MISUSE):
        found += _misuse(visit)
    if official.may(Permission.MANAGE_PEOPLE) and not official.solo:
        found += _trainings(visit)
    if official.may(Permission.READ_USAGE) and not official.solo:
        found += _licence(visit)
    return sorted(found, key=lambda each: (each.level != "stop", each.left is None, each.left or 0.0))


def _of_cases(visit: Visit, newest: Sequence[Case], pressing: Sequence[tuple[Case, Outlook]]) -> Iterator[Waiting]:
    """Yield urgent cases for all who work on them; what a supervisor decides, for those who may."""
    decides = visit.desk.official.may(Permission.MANAGE_CASES)
    for case, outlook in pressing:
        if outlook.standing in {CaseStanding.URGENT, CaseStanding.LOCKED}:
            yield _urgent(visit, case, outlook)
    for case in visit.desk.overview.awaiting(MOST) if decides else []:
        yield Waiting(
            subject=case.ref,
            words="waits for the decision of an authority to be recorded",
            address=f"{case_address(case.key)}/authorisation",
            act="Record it",
        )
    for case in newest if decides else []:
        if case.doubts:
            words = " and ".join(f"“{doubt.words}”" for doubt in case.doubts)
            yield Waiting(
                subject=case.ref,
                words=f"cannot be searched before somebody states why {words} may be sought",
                address=f"{case_address(case.key)}/authorisation#doubt",
                act="Decide",
            )


def _urgent(visit: Visit, case: Case, outlook: Outlook) -> Waiting:
    locked = outlook.standing is CaseStanding.LOCKED
    return Waiting(
        subject=case.ref,
        words=next_step(case, outlook).words,
        address=f"{case_address(case.key)}/authorisation",
        act="Authorisation",
        level="stop" if locked else "warn",
        left=None if locked else hours_left(outlook, visit.desk.clock()),
        most=outlook.urgent_hours,
    )


def _reviews(visit: Visit) -> Iterator[Waiting]:
    """Yield the lists that wait for decisions; those that somebody asked for first."""
    waiting = visit.desk.reviews.waiting()
    now = visit.desk.clock()
    for each in sorted(waiting, key=lambda review: not review.asked_by)[:MOST]:
        many = counted(each.left, "candidate")
        words = tell("has {} for you to decide about, {}", many, _since(each, now))
        yield Waiting(subject=each.case.ref, words=words, address=search_address(each.search_id), act="Review")
    if len(waiting) > MOST:
        more = f"{counted(len(waiting) - MOST, 'more list')} {'waits' if len(waiting) - MOST == 1 else 'wait'} for you"
        yield Waiting(subject="Reviews", words=more, address="/reviews", act="See all")


def _since(each: WaitingReview, now: datetime) -> Markup:
    since = age(now - each.since)
    return tell("asked by {} {} ago", each.asked_by, since) if each.asked_by else tell("for {}", since)


def _photographs(visit: Visit) -> Iterator[Waiting]:
    for case, probe_id in visit.desk.overview.unapproved(MOST):
        words = "has a photograph that waits for your approval"
        yield Waiting(subject=case.ref, words=words, address=f"{probe_address(probe_id)}#approvals", act="Look at it")


def _drafts(visit: Visit, sources: Sequence[Source]) -> Iterator[Waiting]:
    drafted = [source for source in sources if source.state is SourceState.DRAFTED]
    for source in drafted[:MOST]:
        if visit.desk.sources.standing(source.name).may_approve:
            words = "was drafted and waits for your approval"
            yield Waiting(subject=source.name, words=words, address=source_address(source.name), act="Look at it")


def _changes(visit: Visit) -> Iterator[Waiting]:
    try:
        visit.desk.proposals.in_force()
        waiting = visit.desk.proposals.waiting()
    except ThresholdUntrusted as error:
        yield Waiting(subject="Threshold", words=str(error), address="/threshold", act="Threshold", level="stop")
        return
    if waiting:
        wait = f"{counted(waiting, 'change')} {'waits' if waiting == 1 else 'wait'} for your decision"
        yield Waiting(subject="Threshold and model", words=wait, address="/threshold", act="Decide")


def _record(visit: Visit) -> Iterator[Waiting]:
    try:
        against = visit.desk.audit.not_witnessed()
    except LineamentError as error:
        yield Waiting(subject="Ledger", words=str(error), address="/ledger", act="Ledger", level="stop")
        return
    if against is not None:
        words = f"{upper_first(str(against))}."
        yield Waiting(subject="Ledger", words=words, address="/ledger", act="Ledger", level="warn")


def _misuse(visit: Visit) -> Iterator[Waiting]:
    waiting, unread = visit.desk.misuse.waiting(), visit.desk.misuse.unread()
    words = [] if unread is None else [f"the report of the week of {unread} is there for you to read"]
    if waiting:
        words.append(f"{counted(waiting, 'finding')} {'waits' if waiting == 1 else 'wait'} for an answer")
    if words:
        yield Waiting(subject="Misuse", words="; ".join(words), address="/misuse", act="Read the report")


def _trainings(visit: Visit) -> Iterator[Waiting]:
    today = visit.desk.clock().date()
    soon = today + timedelta(days=_UNTRAINED_DAYS)
    for account in visit.desk.people.list():
        until = account.trained_until
        if account.state is AccountState.ACTIVE and until is not None and today <= until <= soon:
            words = f"may search until {until}, when the training ends"
            yield Waiting(subject=account.name, words=words, address=f"/people/{account.id}", act="Training")


def _licence(visit: Visit) -> Iterator[Waiting]:
    own = visit.desk.agencies.own()
    if against := own.agency.why_closed(own.today):
        words = f"{upper_first('; '.join(map(str, against)))}."
        yield Waiting(subject="Licence", words=words, address="/usage", act="Usage", level="stop")
    elif own.agency.licence is not None and own.agency.licence.last_day <= own.today + timedelta(days=SOON_DAYS):
        words = f"The licence ends on {own.agency.licence.last_day}."
        yield Waiting(subject="Licence", words=words, address="/usage", act="Usage")
