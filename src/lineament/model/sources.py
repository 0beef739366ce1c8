"""Sources: who gave us images, on what legal basis, and for how long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from lineament.errors import InvalidValue
from lineament.model.distress import distressing_words
from lineament.model.faces import SourceId
from lineament.model.reasons import Reason, ReasonCode


class SourceState(StrEnum):
    """The state of a source. Expiry is not a state; it follows from the date."""

    DRAFTED = "drafted"
    LIVE = "live"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


class SourceEvent(StrEnum):
    """An event in the life of a source; the value completes “it cannot be …”."""

    APPROVED = "approved"
    DECLINED = "declined"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    WITHDRAWN = "withdrawn"


NEXT = {
    SourceState.DRAFTED: {
        SourceEvent.APPROVED: SourceState.LIVE,
        SourceEvent.DECLINED: SourceState.WITHDRAWN,
        SourceEvent.WITHDRAWN: SourceState.WITHDRAWN,
    },
    SourceState.LIVE: {
        SourceEvent.SUSPENDED: SourceState.SUSPENDED,
        SourceEvent.WITHDRAWN: SourceState.WITHDRAWN,
    },
    SourceState.SUSPENDED: {
        SourceEvent.RESUMED: SourceState.LIVE,
        SourceEvent.WITHDRAWN: SourceState.WITHDRAWN,
    },
    SourceState.WITHDRAWN: {},
}

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_JURISDICTION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_CONTACT = re.compile(r"(https?://[!-~]{3,200}|[!-?A-~]{1,64}@[!-?A-~]{3,190})", re.ASCII)
MOST_HOSTS = 10_000


def checked_jurisdiction(untrusted: str) -> str:
    """Return the code of a country or of a part of one (ISO 3166-1 alpha-2, ISO 3166-2); else raise InvalidValue."""
    if not _JURISDICTION.fullmatch(untrusted):
        why = "use two capital letters, as in FR, or the code of a part of a country, as in US-MD (ISO 3166)"
        raise InvalidValue(what="The jurisdiction", value=untrusted[:40], why=why, field="jurisdiction")
    return untrusted


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTerms:
    """The terms of a source, registered before anything is ingested (R1)."""

    name: str
    controller: str
    basis: str
    jurisdiction: str  # ISO 3166-1 alpha-2, or ISO 3166-2
    permission_sha256: str | None = None  # digest of the document that grants it
    expires_on: date | None = None  # the last day on which its faces may be searched
    retention_days: int | None = None  # days after the day of capture on which a picture is still kept
    page_base: str | None = None  # pages of file names are looked up below this URL
    hosts: tuple[str, ...] = ()  # HOST[:PORT] from which pictures may be fetched; none: nothing is fetched (R2)
    licence: str | None = None  # of its pictures that state none themselves
    contact: str | None = None  # where visited sites can complain: an e-mail address or a URL

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            why = "use 1 to 63 lower-case letters, digits, dots, dashes or underscores"
            raise InvalidValue(what="The name of a source", value=self.name[:80], why=why, field="name")
        for label, field in (("The controller", "controller"), ("The legal basis", "basis")):
            if not getattr(self, field).strip():
                raise InvalidValue(what=label, value=getattr(self, field), why="write something", field=field)
        checked_jurisdiction(self.jurisdiction)
        if self.retention_days is not None and self.retention_days < 1:
            why = "it must be at least one day"
            raise InvalidValue(what="The retention", value=self.retention_days, why=why, field="retention_days")
        if self.page_base is not None and not self.page_base.startswith(("http://", "https://")):
            why = "it must begin with http:// or https://"
            raise InvalidValue(what="The page base", value=self.page_base[:200], why=why, field="page_base")
        if len(self.hosts) > MOST_HOSTS:
            why = f"list at most {MOST_HOSTS:,}"
            raise InvalidValue(what="The list of hosts", value=len(self.hosts), why=why, field="hosts")
        if self.contact is not None and not _CONTACT.fullmatch(self.contact):
            why = "write an e-mail address or a URL, which is sent with every request"
            raise InvalidValue(what="The contact", value=self.contact[:100], why=why, field="contact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """An agency that may search a source."""

    agency_id: str
    until: date | None = None  # the last day; None: as long as the source is live

    def lasts(self, today: date) -> bool:
        """Return whether it is valid today."""
        return self.until is None or today <= self.until


def read_share(untrusted: str) -> tuple[str, date | None]:
    """Return the agency and the last day in AGENCY or AGENCY:DATE, as a command and a form take them."""
    agency, _, day = untrusted.rpartition(":")
    try:
        return (agency.strip(), date.fromisoformat(day.strip())) if agency.strip() else (untrusted, None)
    except ValueError:
        return untrusted, None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A registered source."""

    id: SourceId
    terms: SourceTerms
    state: SourceState
    registered_at: datetime
    captures: int
    faces: int
    last_face_id: int  # the highest id ever enrolled from it, 0 if none
    changes: int = 0  # how often templates of faces that were there already were replaced
    drafted_by: str | None = None  # the account; None: the person at the machine of a solo workspace
    approved_by: str | None = None
    approved_at: datetime | None = None
    permission_name: str | None = None  # name of the sealed document; None: none is kept
    distressing: bool | None = None  # its pictures are blurred until pointed at; None: if its words suggest it
    shares: tuple[Share, ...] | None = None  # the agencies that may search it; None: every agency of the workspace

    @property
    def name(self) -> str:
        """The name it is registered under."""
        return self.terms.name

    @property
    def distressing_words(self) -> tuple[str, ...]:
        """The words that suggest that its pictures are distressing."""
        return distressing_words(self.name, self.terms.controller, self.terms.basis)

    @property
    def is_distressing(self) -> bool:
        """Whether its pictures are blurred until somebody points at them."""
        return bool(self.distressing_words) if self.distressing is None else self.distressing

    @property
    def crawl_starts(self) -> tuple[str, ...]:
        """The hosts at which a crawl may start: those listed by name, if the source is live and names a contact."""
        if self.state is not SourceState.LIVE or self.terms.contact is None:
            return ()
        return tuple(host for host in self.terms.hosts if not host.startswith("*."))

    def may_be_decided_by(self, account_id: str | None) -> bool:
        """Return whether that account may approve or decline it: not the one that drafted it."""
        return self.drafted_by != account_id

    def open_to(self, agency_id: str, today: date) -> bool:
        """Return whether that agency may see and search it today."""
        if self.shares is None:
            return True
        return any(share.agency_id == agency_id and share.lasts(today) for share in self.shares)

    def days_left(self, today: date) -> int | None:
        """Return the days until its basis ends, 0 on the last day, negative after it; None if it does not end."""
        return None if self.terms.expires_on is None else (self.terms.expires_on - today).days

    def kept_since(self, today: date) -> date | None:
        """Return the first day of capture whose pictures are still kept; None if they are kept as long as the basis.

        Pictures captured before it are searched no more, and erased by the next sweep.
        """
        days = self.terms.retention_days
        return None if days is None else today - timedelta(days=min(days, (today - date.min).days))

    def why_closed(self, today: date) -> Reason | None:
        """Return why it may not be searched or ingested into today; None if it may."""
        if self.state is SourceState.DRAFTED:
            return ReasonCode.SOURCE_DRAFTED.reason(name=self.name)
        if self.state is not SourceState.LIVE:
            return ReasonCode.SOURCE_NOT_LIVE.reason(name=self.name, state=self.state)
        left = self.days_left(today)
        if left is not None and left < 0:
            return ReasonCode.SOURCE_EXPIRED.reason(name=self.name, last=self.terms.expires_on)
        return None
