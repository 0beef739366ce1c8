"""Events of cases, their members and their rooms. ``case`` is the agency's own reference."""

from __future__ import annotations

from datetime import date, datetime

from lineament.model.actions import Action
from lineament.model.events.base import Event


class CaseOpened(Event, action=Action.CASE_OPENED):
    """A case was opened."""

    key: str
    ref: str
    offence: str
    purpose: str
    basis: str
    authorised_by: str | None
    jurisdiction: str | None
    seeks: str
    exempt_because: str | None
    distressing: bool = False  # its pictures are blurred until somebody points at them


class CaseBlurSet(Event, action=Action.CASE_BLUR_SET):
    """Somebody said whether the pictures of a case are distressing, and so blurred."""

    case: str
    distressing: bool


class CaseRead(Event, action=Action.CASE_READ):
    """Somebody read a part of a case."""

    case: str
    part: str


class CaseClosed(Event, action=Action.CASE_CLOSED):
    """A case was closed."""

    case: str


class CaseUrgent(Event, action=Action.CASE_URGENT):
    """A case was declared urgent."""

    case: str
    because: str
    hours: int  # until it locks


class PurposeAllowed(Event, action=Action.PURPOSE_ALLOWED):
    """A supervisor stated why words that may name a refused purpose are allowed in a case."""

    case: str
    words: tuple[str, ...]  # folded
    because: str
    alone: bool  # stated by the examiner of a solo workspace


class PurposeRefused(Event, action=Action.PURPOSE_REFUSED):
    """A case or a search was refused, because its words name a refused purpose."""

    case: str | None  # None: the case was not opened
    purposes: tuple[str, ...]
    words: str  # as they were typed


class CaseAuthorised(Event, action=Action.CASE_AUTHORISED):
    """An authority granted the searches of a case."""

    case: str
    authority: str
    decided_at: datetime
    outcome: str
    scope: str
    document: str | None  # SHA-256
    expires_on: date | None


class CaseRefused(Event, action=Action.CASE_REFUSED):
    """An authority refused the searches of a case, and what the case held was destroyed."""

    case: str
    authority: str
    decided_at: datetime
    outcome: str
    scope: str
    document: str | None  # SHA-256
    expires_on: date | None
    searches: int
    photographs: int
    papers: int


class CaseHeld(Event, action=Action.CASE_HELD):
    """A case was put on legal hold, or was on hold when its retention period was over."""

    case: str
    because: str


class CaseReleased(Event, action=Action.CASE_RELEASED):
    """The legal hold of a case ended."""

    case: str
    because: str | None  # always None; every entry of a case has this key


class CaseDestroyed(Event, action=Action.CASE_DESTROYED):
    """The retention period of a case was over, and what it held was destroyed."""

    case: str
    days: int  # of retention
    searches: int
    photographs: int
    papers: int


class MemberAdded(Event, action=Action.MEMBER_ADDED):
    """An official of the case's own agency was added to it."""

    case: str
    member: str
    role: str
    until: date | None


class MemberInvited(Event, action=Action.MEMBER_INVITED):
    """An official of another agency was invited to a case."""

    case: str
    email: str | None  # hidden from guests of the case
    role: str
    until: date | None


class MemberJoined(Event, action=Action.MEMBER_JOINED):
    """An invited official joined a case."""

    case: str
    member: str
    agency: str  # its name
    role: str


class MemberRemoved(Event, action=Action.MEMBER_REMOVED):
    """A member was removed from a case."""

    case: str
    member: str


class InvitationWithdrawn(Event, action=Action.INVITATION_WITHDRAWN):
    """An invitation to a case was withdrawn."""

    case: str
    invitation: str


class PaperAdded(Event, action=Action.PAPER_ADDED):
    """A message, a note or a file was put into the room of a case."""

    case: str
    paper: str
    kind: str
    sha256: str | None = None  # of a file
    size: int | None = None  # of a file, bytes
    notes_of: str | None = None  # of a note: the only agency that may read it


class PaperOpened(Event, action=Action.PAPER_OPENED):
    """A file of the room was opened."""

    case: str
    paper: str


class CaseDisclosed(Event, action=Action.CASE_DISCLOSED):
    """A disclosure pack of a case was made: what it holds, as it was then."""

    case: str
    pack: str  # its id
    searches: int
    candidates: int
    erased: int  # candidates among them whose faces were erased
    photographs: int
    decisions: int = 0
    watches: int = 0
    sharp: bool = True  # pictures marked as distressing are sharp too


class DisclosureTaken(Event, action=Action.DISCLOSURE_TAKEN):
    """Somebody saved a disclosure pack, to hand it over."""

    case: str
    pack: str
    sha256: str  # of the ZIP file


class TransactionWritten(Event, action=Action.TRANSACTION_WRITTEN):
    """The photographs of whom a search asked about were written as an ANSI/NIST-ITL transaction."""

    case: str
    search: str
    transaction: str  # its control number
    to: str  # the identifier of the agency that gets it
    photographs: int
    sha256: str


class CaseExported(Event, action=Action.CASE_EXPORTED):
    """Photographs and leads of a case were exported for other programs, and handed over."""

    case: str
    format: str  # as “VICS 2.0”
    photographs: int
    leads: int
    left_out: int  # photographs and leads that may not leave
    sha256: str  # of the list of its files
