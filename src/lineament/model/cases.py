"""Cases: why a search is made, by whose authority, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from lineament.errors import InvalidValue
from lineament.model.accounts import HOME_AGENCY
from lineament.model.events.base import Event
from lineament.model.policy import Policy
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.sources import checked_country


class CaseState(StrEnum):
    """Where a case stands. That its authorisation is missing, running out or over comes by itself, with the time."""

    OPEN = "open"
    CLOSED = "closed"
    REFUSED = "refused"  # its authorisation was refused: everything that hung on it is deleted, a tombstone stays
    DESTROYED = "destroyed"  # its time of retention is over: the same


class CaseEvent(StrEnum):
    """What happens to a case."""

    CLOSED = "closed"
    REFUSED = "refused"
    DESTROYED = "destroyed"


NEXT = {
    CaseState.OPEN: {CaseEvent.CLOSED: CaseState.CLOSED, CaseEvent.REFUSED: CaseState.REFUSED},
    CaseState.CLOSED: {CaseEvent.REFUSED: CaseState.REFUSED, CaseEvent.DESTROYED: CaseState.DESTROYED},
    CaseState.REFUSED: {},
    CaseState.DESTROYED: {},
}

GONE = frozenset({CaseState.REFUSED, CaseState.DESTROYED})
"""Of these only a tombstone is left."""


class Seeks(StrEnum):
    """Who is looked for; it decides whether an authorisation is needed (EU AI Act 26(10))."""

    SUSPECT = "suspect"  # a person suspected or convicted: needs an authorisation
    INITIAL = "initial identification"  # of a suspect not known yet, from facts linked to the offence: says which
    MISSING = "missing person"
    VICTIM = "victim"
    DECEASED = "deceased person"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTerms:
    """What is known when a case is opened (R7)."""

    ref: str  # the agency's own reference
    offence: str
    purpose: str
    basis: str
    authorised_by: str | None = None  # as the examiner says; the authorisation itself is recorded by a supervisor
    jurisdiction: str | None = None  # ISO 3166-1 alpha-2; None: that of the agency
    seeks: Seeks = Seeks.SUSPECT
    exempt_because: str | None = None  # the facts, for an initial identification (R8)

    def __post_init__(self) -> None:
        if len(self.ref) > 100 or self.ref != self.ref.strip() or not self.ref.isprintable():
            why = "use at most 100 printable characters, without blanks at the ends"
            raise InvalidValue(what="The reference of a case", value=self.ref[:100], why=why, field="ref")
        texts = {
            "ref": ("reference", self.ref),
            "offence": ("offence", self.offence),
            "purpose": ("purpose", self.purpose),
            "basis": ("legal basis", self.basis),
        }
        for field, (words, text) in texts.items():
            if not text.strip():
                what = f"The {words} of a case"
                raise InvalidValue(what=what, value=text, why="write something", field=field)
        if self.jurisdiction is not None:
            checked_country(self.jurisdiction)
        if self.seeks is Seeks.INITIAL and not (self.exempt_because or "").strip():
            why = "say which facts link the person to the offence, for that is why no authorisation is needed"
            what = "The exemption of an initial identification"
            raise InvalidValue(what=what, value="", why=why, field="exempt_because")


class AuthorisationOutcome(StrEnum):
    """What the authority said."""

    GRANTED = "granted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The decision of a court or another authority on the searches of a case."""

    authority: str  # who decided: the court, and the judge or prosecutor
    decided_at: datetime
    outcome: AuthorisationOutcome
    document_sha256: str | None  # of the decision; the document itself lies in the case's room
    scope: str  # what it allows
    expires_on: date | None  # the last day on which it holds
    recorded_by: str
    recorded_at: datetime

    def __post_init__(self) -> None:
        for field, text in (("authority", self.authority), ("scope", self.scope)):
            if not text.strip():
                what = f"The {field} of an authorisation"
                raise InvalidValue(what=what, value=text, why="write something", field=field)


class CaseStanding(StrEnum):
    """Whether the searches of an open case are covered, now."""

    EXEMPT = "exempt"  # no authorisation is needed for whom it seeks, or the policy asks for none
    AWAITING = "awaiting authorisation"
    URGENT = "urgent"  # searched before the authorisation; the clock runs
    LOCKED = "locked"  # the clock ran out
    AUTHORISED = "authorised"
    EXPIRED = "expired"  # the authorisation ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case of an agency."""

    id: int
    key: str  # random; what addresses name it by
    agency_id: str = HOME_AGENCY
    terms: CaseTerms
    state: CaseState
    opened_at: datetime
    closed_at: datetime | None
    searches: int
    urgent_since: datetime | None = None  # when it was declared urgent: the 48-hour clock begins
    urgent_because: str | None = None
    authorisation: Authorisation | None = None  # the newest
    hold_because: str | None = None  # on legal hold: not destroyed

    @property
    def ref(self) -> str:
        """The agency's own reference."""
        return self.terms.ref

    def standing(self, policy: Policy, now: datetime) -> CaseStanding:
        """Whether its searches are covered at that time (R8)."""
        if not policy.authorisation or self.terms.seeks is not Seeks.SUSPECT:
            return CaseStanding.EXEMPT
        granted = self.authorisation
        if granted is not None and granted.outcome is AuthorisationOutcome.GRANTED:
            over = granted.expires_on is not None and now.date() > granted.expires_on
            return CaseStanding.EXPIRED if over else CaseStanding.AUTHORISED
        if self.urgent_since is None:
            return CaseStanding.AWAITING
        return CaseStanding.URGENT if now < self.locks_at(policy) else CaseStanding.LOCKED

    def locks_at(self, policy: Policy) -> datetime:
        """When the clock of an urgent case runs out; ValueError for one that is not urgent."""
        if self.urgent_since is None:
            raise ValueError(self.key)
        return self.urgent_since + timedelta(hours=policy.urgent_hours)

    def why_uncovered(self, policy: Policy, now: datetime) -> Reason | None:
        """Return why the authorisation does not cover a search now, None if it does."""
        match self.standing(policy, now):
            case CaseStanding.AWAITING:
                return ReasonCode.NOT_AUTHORISED.reason(ref=self.ref)
            case CaseStanding.LOCKED:
                locked = {"at": self.locks_at(policy), "hours": policy.urgent_hours}
                return ReasonCode.CASE_LOCKED.reason(ref=self.ref, **locked)
            case CaseStanding.EXPIRED:
                last = None if self.authorisation is None else self.authorisation.expires_on
                return ReasonCode.AUTHORISATION_EXPIRED.reason(ref=self.ref, last=last)
            case _:
                return None

    def destroyed_on(self, policy: Policy) -> date | None:
        """The day on which the clock of retention ends; None while it is open, on hold, or gone (R35)."""
        if self.closed_at is None or self.hold_because is not None or self.state is not CaseState.CLOSED:
            return None
        return (self.closed_at + timedelta(days=policy.case_days)).date()


class CaseRole(StrEnum):
    """What a member may do in a case; never more than the roles of the account allow."""

    EXAMINER = "examiner"  # searches
    REVIEWER = "reviewer"  # looks and approves
    OBSERVER = "observer"  # reads, and takes part in the room


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An official who works on a case, of the case's agency or of one that was invited."""

    account_id: str
    name: str
    agency_id: str
    agency_name: str
    role: CaseRole
    since: datetime
    until: date | None  # the last day; None: as long as the case


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseInvitation:
    """An invitation to a case that was not taken up yet. It does not tell whether the address has an account."""

    id: str
    case: str
    email: str
    role: CaseRole
    until: date | None
    invited_by: str
    invited_at: datetime
    agency_name: str = ""  # of the case's agency


class PaperKind(StrEnum):
    """What lies in the room of a case, sealed under the case's key."""

    MESSAGE = "message"  # for all members
    NOTE = "note"  # for one's own agency
    FILE = "file"  # for all members
    DECISION = "decision"  # the document of an authorisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A message, a note or a file in the room of a case."""

    id: str
    kind: PaperKind
    author: str
    agency_id: str
    agency_name: str
    at: datetime
    text: str  # of a message or a note; the name of a file
    size: int = 0  # of a file, bytes
    sha256: str | None = None  # of a file


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """A line of a case's timeline, which writes itself: it is what the ledger says of the case."""

    seq: int
    at: datetime
    action: str
    actor: str
    details: dict[str, object]  # empty if they were erased
    event: Event | None = None  # None if the details were erased, or are of another version
    commitment: str = ""  # of the entry: what names it to those who may not count the entries of others (R46)
