"""Cases: why a search is made, by whose authority, and until when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import field as made
from datetime import date, datetime, timedelta
from enum import StrEnum

from lineament.errors import InvalidValue
from lineament.model.accounts import HOME_AGENCY
from lineament.model.distress import distressing_words
from lineament.model.events.base import Event
from lineament.model.jurisdictions import COMMON, Jurisdiction, packs
from lineament.model.policy import Policy
from lineament.model.purposes import Doubt, PurposeReading, read_purposes
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.sources import checked_jurisdiction
from lineament.model.texts import require_said


class CaseState(StrEnum):
    """The state of a case. Whether its authorisation covers it is computed from the time (``CaseStanding``)."""

    OPEN = "open"
    CLOSED = "closed"
    REFUSED = "refused"  # its authorisation was refused: everything in it is deleted except a tombstone
    DESTROYED = "destroyed"  # its retention period is over: everything in it is deleted except a tombstone


class CaseEvent(StrEnum):
    """An event in the life of a case."""

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
"""States in which only a tombstone is left."""


class Seeks(StrEnum):
    """Whom a case seeks; this decides whether it needs an authorisation (EU AI Act 26(10))."""

    SUSPECT = "suspect"  # suspected or convicted: needs an authorisation
    INITIAL = "initial identification"  # of a suspect not known yet, from stated facts linked to the offence
    MISSING = "missing person"
    VICTIM = "victim"
    DECEASED = "deceased person"


_SAID = {"ref": "reference", "offence": "offence", "purpose": "purpose", "basis": "legal basis"}
_EXEMPTION = "The exemption of an initial identification"
_FACTS = "say which facts link the person to the offence; they are why no authorisation is needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTerms:
    """The terms under which a case is opened (R7)."""

    ref: str  # the agency's own reference
    offence: str
    purpose: str
    basis: str
    authorised_by: str | None = None  # as the examiner says; the authorisation itself is recorded by a supervisor
    jurisdiction: str | None = None  # ISO 3166-1 alpha-2, or ISO 3166-2; None: that of the agency
    seeks: Seeks = Seeks.SUSPECT
    exempt_because: str | None = None  # the facts, for an initial identification (R8)
    distressing: bool | None = None  # its pictures are blurred until pointed at; None: if its words suggest it

    def texts(self) -> tuple[str, ...]:
        """Return what may name a purpose: offence, purpose, legal basis and the facts of an initial identification."""
        return (self.offence, self.purpose, self.basis, self.exempt_because or "")

    @property
    def distressing_words(self) -> tuple[str, ...]:
        """The words that suggest that its pictures are distressing."""
        return distressing_words(self.offence, self.purpose, self.basis)

    @property
    def is_distressing(self) -> bool:
        """Whether its pictures are blurred: as somebody said, or else as its words suggest."""
        return bool(self.distressing_words) if self.distressing is None else self.distressing

    def require_said(self) -> None:
        """Raise InvalidValue if a text that a new case needs holds nothing that can be seen."""
        for field, words in _SAID.items():
            require_said(getattr(self, field), f"The {words} of a case", field)
        if self.seeks is Seeks.INITIAL:
            require_said(self.exempt_because or "", _EXEMPTION, "exempt_because", _FACTS)

    def __post_init__(self) -> None:
        if len(self.ref) > 100 or self.ref != self.ref.strip() or not self.ref.isprintable():
            why = "use at most 100 printable characters, without blanks at the ends"
            raise InvalidValue(what="The reference of a case", value=self.ref[:100], why=why, field="ref")
        for field, words in _SAID.items():
            if not getattr(self, field).strip():
                label = f"The {words} of a case"
                raise InvalidValue(what=label, value=getattr(self, field), why="write something", field=field)
        if self.jurisdiction is not None:
            checked_jurisdiction(self.jurisdiction)
        if self.seeks is Seeks.INITIAL and not (self.exempt_because or "").strip():
            raise InvalidValue(what=_EXEMPTION, value="", why=_FACTS, field="exempt_because")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Why words that may name a refused purpose are allowed in a case, as a supervisor stated it (R10)."""

    words: tuple[str, ...]  # folded, as in ``Doubt.words``
    because: str
    by: str
    at: datetime
    alone: bool  # in a solo workspace the examiner states it


class AuthorisationOutcome(StrEnum):
    """The decision of the authority."""

    GRANTED = "granted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The decision of a court or another authority on the searches of a case."""

    authority: str  # who decided: the court, and the judge or prosecutor
    decided_at: datetime
    outcome: AuthorisationOutcome
    document_sha256: str | None  # of the document, which is in the case's room
    scope: str  # what it allows
    expires_on: date | None  # the last day on which it is valid
    recorded_by: str
    recorded_at: datetime

    def __post_init__(self) -> None:
        for field, text in (("authority", self.authority), ("scope", self.scope)):
            if not text.strip():
                label = f"The {field} of an authorisation"
                raise InvalidValue(what=label, value=text, why="write something", field=field)


class CaseStanding(StrEnum):
    """Whether the searches of an open case are covered now."""

    EXEMPT = "exempt"  # whom it seeks needs no authorisation, or neither policy nor law requires one
    AWAITING = "awaiting authorisation"
    URGENT = "urgent"  # searched before the authorisation, within the hours of the policy
    LOCKED = "locked"  # no authorisation came within the hours of the policy
    AUTHORISED = "authorised"
    EXPIRED = "expired"  # the authorisation ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case of an agency."""

    id: int
    key: str  # random; its name in addresses
    agency_id: str = HOME_AGENCY
    terms: CaseTerms
    state: CaseState
    opened_at: datetime
    closed_at: datetime | None
    searches: int
    urgent_since: datetime | None = None  # when it was declared urgent; the hours of the policy count from then
    urgent_because: str | None = None
    authorisation: Authorisation | None = None  # the newest
    hold_because: str | None = None  # on legal hold: not destroyed
    allowances: tuple[Allowance, ...] = ()  # in the order in which they were stated
    law: Jurisdiction = made(default_factory=lambda: packs()[COMMON])  # of its jurisdiction, or else of its agency's

    @property
    def ref(self) -> str:
        """The agency's own reference."""
        return self.terms.ref

    def read_purposes(self, *reasons: str) -> PurposeReading:
        """Return what the case, and reasons of searches, say about refused purposes; what was allowed is left out.

        An offence that the law of its jurisdiction does not list is in doubt too.
        """
        scope = None if self.authorisation is None else self.authorisation.scope
        texts = (*self.terms.texts(), self.urgent_because, scope, *reasons)
        reading = read_purposes(text for text in texts if text is not None)
        unlisted = self.law.offence_in_doubt(self.terms.offence, self.terms.seeks.value)
        if unlisted is not None:
            reading = replace(reading, doubts=(*reading.doubts, Doubt(*unlisted)))
        return reading.without(words for allowance in self.allowances for words in allowance.words)

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """The words that keep an open case from being searched until a supervisor allows them."""
        return self.read_purposes().doubts if self.state is CaseState.OPEN else ()

    def standing(self, policy: Policy, now: datetime) -> CaseStanding:
        """Return whether its searches are covered at that time (R8)."""
        if not self._policy_asks(policy) and self.law.asks_authorisation(self.terms.seeks.value) is None:
            return CaseStanding.EXEMPT
        granted = self.authorisation
        if granted is not None and granted.outcome is AuthorisationOutcome.GRANTED:
            over = granted.expires_on is not None and now.date() > granted.expires_on
            return CaseStanding.EXPIRED if over else CaseStanding.AUTHORISED
        if self.urgent_since is None:
            return CaseStanding.AWAITING
        return CaseStanding.URGENT if now < self.locks_at(policy) else CaseStanding.LOCKED

    def _policy_asks(self, policy: Policy) -> bool:
        """Return whether the policy asks for an authorisation."""
        return policy.authorisation and self.terms.seeks is Seeks.SUSPECT

    def locks_at(self, policy: Policy) -> datetime:
        """Return when an urgent case locks. Raises ValueError if it is not urgent."""
        if self.urgent_since is None:
            raise ValueError(self.key)
        return self.urgent_since + timedelta(hours=policy.urgent_hours)

    def why_uncovered(self, policy: Policy, now: datetime) -> Reason | None:
        """Return why the authorisation does not cover a search now, None if it does."""
        match self.standing(policy, now):
            case CaseStanding.AWAITING:
                asks = self.law.asks_authorisation(self.terms.seeks.value)
                if asks is None or self._policy_asks(policy):
                    return ReasonCode.NOT_AUTHORISED.reason(ref=self.ref)
                section = f"{asks.act}, {asks.section}"
                return ReasonCode.LAW_ASKS_AUTHORISATION.reason(law=self.law.name, section=section, ref=self.ref)
            case CaseStanding.LOCKED:
                locked = {"at": self.locks_at(policy), "hours": policy.urgent_hours}
                return ReasonCode.CASE_LOCKED.reason(ref=self.ref, **locked)
            case CaseStanding.EXPIRED:
                last = None if self.authorisation is None else self.authorisation.expires_on
                return ReasonCode.AUTHORISATION_EXPIRED.reason(ref=self.ref, last=last)
            case _:
                return None

    def destroyed_on(self, policy: Policy) -> date | None:
        """Return the day on which its retention ends; None if it is open, on hold or destroyed (R35)."""
        if self.closed_at is None or self.hold_because is not None or self.state is not CaseState.CLOSED:
            return None
        return (self.closed_at + timedelta(days=self.kept_days(policy))).date()

    def kept_days(self, policy: Policy) -> int:
        """Return how many days after its closing it is destroyed: as the policy says, or sooner if the law does."""
        return min(policy.case_days, self.law.retention_days or policy.case_days)


class CaseRole(StrEnum):
    """The role of a member in a case; it never allows more than the roles of the account."""

    EXAMINER = "examiner"  # searches
    REVIEWER = "reviewer"  # reads and approves
    OBSERVER = "observer"  # reads, and takes part in the room


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a case: an official of its agency, or an invited one of another."""

    account_id: str
    name: str
    agency_id: str
    agency_name: str
    role: CaseRole
    since: datetime
    until: date | None  # the last day; None: as long as the case exists


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseInvitation:
    """An open invitation to a case. It does not reveal whether the address has an account."""

    id: str
    case: str
    email: str
    role: CaseRole
    until: date | None
    invited_by: str
    invited_at: datetime
    agency_name: str = ""  # of the case's agency


class PaperKind(StrEnum):
    """The kinds of papers in the room of a case."""

    MESSAGE = "message"  # for all members
    NOTE = "note"  # for one's own agency
    FILE = "file"  # for all members
    DECISION = "decision"  # the document of an authorisation
    DISCLOSURE = "disclosure"  # a disclosure pack, which is not in the room: only those who disclose the case open it


ROOM_KINDS = tuple(kind for kind in PaperKind if kind is not PaperKind.DISCLOSURE)
"""What is in the room."""


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
    """A line of a case's timeline, which is read from the ledger."""

    seq: int
    at: datetime
    action: str
    actor: str
    details: dict[str, object]  # empty if erased
    event: Event | None = None  # None if the details were erased, or are of another version
    commitment: str = ""  # of the entry; it names the entry to readers who must not learn how many there are (R46)
