"""Watches: a probe that a case keeps, to be compared with the faces that are enrolled from then on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from lineament.errors import InvalidValue
from lineament.model.faces import SourceId

LONGEST_WATCH = timedelta(days=366)
"""The longest time for which a watch is kept; whoever still needs it then begins another, and says why."""


class WatchStanding(StrEnum):
    """Whether a watch still compares."""

    ON = "on watch"
    EXPIRED = "expired"  # its last day is over
    ENDED = "ended"  # somebody ended it


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTerms:
    """What somebody asks for who begins a watch."""

    reason: str
    ends_on: date  # the last day on which it compares
    sources: tuple[str, ...] = ()  # empty: every source that whoever began it may search, also those to come

    def check_end(self, today: date, covered_until: date | None) -> None:
        """Raise InvalidValue unless the last day lies between today and the end of the authorisation."""
        why = None
        if self.ends_on < today:
            why = "it is over"
        elif self.ends_on > today + LONGEST_WATCH:
            why = f"a watch is kept for {LONGEST_WATCH.days} days at most"
        elif covered_until is not None and self.ends_on > covered_until:
            why = f"the authorisation of the case ends on {covered_until}"
        if why is not None:
            raise InvalidValue(what="The last day of the watch", value=self.ends_on, why=why, field="until")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeWatch:
    """A face of a probe on watch."""

    id: str
    case_id: int
    case: str  # the reference of its case
    case_key: str
    agency_id: str  # of whoever began it, in whose name it compares
    account_id: str | None  # None: the person at the machine
    begun_by: str
    begun_at: datetime
    probe_id: str
    face: int  # of the probe, from 1
    terms: WatchTerms
    ended_at: datetime | None = None
    ended_by: str | None = None
    key_id: str | None = None  # of the key with which a program began it
    let_on_by: str | None = None  # who let it go on although that key was revoked

    def standing(self, today: date) -> WatchStanding:
        """Return whether it still compares on that day, its case and the gate permitting."""
        if self.ended_at is not None:
            return WatchStanding.ENDED
        return WatchStanding.EXPIRED if today > self.terms.ends_on else WatchStanding.ON


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchProgress:
    """How far a watch is: which faces it has compared, and why it could not."""

    watch_id: str
    faces: Mapping[SourceId, int] = field(default_factory=dict)  # by source, the last face that it has passed
    compared: int = 0  # faces, since it was begun
    looked_at: datetime | None = None  # when it compared last
    against: tuple[str, ...] = ()  # codes of the reasons why it could not compare the last time
    refused: int = 0  # how often it could not
    refused_at: datetime | None = None  # the last time


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFinding:
    """A watch that fired: new faces came close to its probe, and a search lists them."""

    id: str
    watch_id: str
    search_id: str
    case: str  # the reference of the case
    case_key: str
    probe_id: str
    face: int
    at: datetime
    listed: int  # entries of the list
    seen_at: datetime | None = None  # when somebody of the case took note of it
    seen_by: str | None = None


class NoticeKind(StrEnum):
    """What a notice is about. It is sent as it is, so it tells nothing of a case."""

    WATCH_FIRED = "watch.fired"
    TEST = "test"
    JOB_ENDED = "job.ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to one receiver: it says that something happened and nothing else; no case, no name, no picture."""

    id: str  # opaque; the receiver drops what it has had already by it
    agency_id: str
    kind: NoticeKind
    at: datetime
    hook_id: str | None = None  # to a web hook, or
    account_id: str | None = None  # by e-mail to this account
    finding_id: str | None = None
    attempts: int = 0
    next_at: datetime | None = None  # None: it is delivered or given up
    delivered_at: datetime | None = None
    why: str = ""  # why the last attempt failed

    @property
    def standing(self) -> str:
        """Its state in a word or two."""
        if self.delivered_at is not None:
            return "delivered"
        return "given up" if self.next_at is None else "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebHook:
    """An address of an agency that is told when a watch fires."""

    id: str
    agency_id: str
    url: str
    added_by: str
    added_at: datetime
    removed_at: datetime | None = None
    rotated_at: datetime | None = None  # when its secret was replaced last


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSecrets:
    """What the messages to a web hook are signed with."""

    current: str = field(repr=False)  # whsec_…
    before: str | None = field(default=None, repr=False)  # signs as well for a while
    before_until: datetime | None = None

    def valid(self, at: datetime) -> tuple[str, ...]:
        """Return the secrets that sign at that time, the current one first."""
        if self.before is None or self.before_until is None or at >= self.before_until:
            return (self.current,)
        return (self.current, self.before)


NOTICE_DELAYS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 3 * 60, 6 * 60, 12 * 60, 24 * 60, 24 * 60)
)
"""How long a notice waits after each failure; after the last it is given up: almost three days after the first."""


def next_attempt(attempts: int, at: datetime) -> datetime | None:
    """Return when a notice is tried again after so many failures, None if it is given up."""
    return at + NOTICE_DELAYS[attempts - 1] if attempts <= len(NOTICE_DELAYS) else None
