"""Agencies: vetted before they may use Lineament, licensed for a time, and isolated from each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from lineament.errors import InvalidValue
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.sources import checked_jurisdiction


class VettingOutcome(StrEnum):
    """The outcome of a vetting."""

    OPEN = "open"  # it may use Lineament
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vetting:
    """The vetting of an agency: by whom, when, and on which grounds it was approved or refused."""

    by: str
    at: datetime
    outcome: VettingOutcome
    legal_restrictions: str  # what the law of its country allows and forbids it
    human_rights_record: str
    renew_on: date  # the last day on which this vetting is valid

    def __post_init__(self) -> None:
        grounds = {
            "by": ("who vetted", self.by),
            "legal_restrictions": ("legal restrictions", self.legal_restrictions),
            "human_rights_record": ("human-rights record", self.human_rights_record),
        }
        for field, (words, text) in grounds.items():
            if not text.strip():
                label = f"The field “{words}” of a vetting"
                raise InvalidValue(what=label, value=text, why="write something", field=field)
        if self.renew_on < self.at.date():
            why = "it is in the past"
            raise InvalidValue(what="The day of renewal", value=self.renew_on, why=why, field="renew_on")


class LicenceKind(StrEnum):
    """The kind of a licence."""

    TRIAL = "trial"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """The terms of an agency's licence."""

    kind: LicenceKind
    first_day: date
    last_day: date
    seats: int  # accounts that are not closed
    searches_a_month: int  # by calendar months, UTC
    price: str = ""  # as agreed, with its currency
    reference: str = ""  # reference of the contract

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            why = f"it comes before the first, {self.first_day}"
            raise InvalidValue(what="The last day of the licence", value=self.last_day, why=why, field="last_day")
        for field, number in (("seats", self.seats), ("searches_a_month", self.searches_a_month)):
            if not 1 <= number <= 10_000_000:
                label = f"The number of {field.replace('_', ' ')}"
                raise InvalidValue(what=label, value=number, why="it must be at least 1", field=field)

    def days_left(self, today: date) -> int:
        """Return the days until its last day; 0 on that day, negative after it."""
        return (self.last_day - today).days


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyTerms:
    """The name and country of an agency."""

    name: str
    jurisdiction: str  # ISO 3166-1 alpha-2, or ISO 3166-2

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > 200 or not self.name.isprintable():
            why = "write 1 to 200 characters"
            raise InvalidValue(what="The name of an agency", value=self.name[:200], why=why, field="name")
        checked_jurisdiction(self.jurisdiction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """An agency with its vetting and licence. The agency that runs the workspace needs neither."""

    id: str
    terms: AgencyTerms
    registered_at: datetime
    home: bool  # it runs this workspace
    vetting: Vetting | None
    licence: Licence | None
    seats_taken: int

    @property
    def name(self) -> str:
        """The name it is registered under."""
        return self.terms.name

    def why_closed(self, today: date) -> list[Reason]:
        """Return every reason why its officials may not search today, each with its day."""
        if self.home:
            return []
        return [*self._vetting_reasons(today), *self._licence_reasons(today)]

    def _vetting_reasons(self, today: date) -> list[Reason]:
        if self.vetting is None:
            return [ReasonCode.NOT_VETTED.reason()]
        if self.vetting.outcome is VettingOutcome.REFUSED:
            return [ReasonCode.VETTING_REFUSED.reason(at=self.vetting.at)]
        if today > self.vetting.renew_on:
            return [ReasonCode.VETTING_EXPIRED.reason(last=self.vetting.renew_on)]
        return []

    def _licence_reasons(self, today: date) -> list[Reason]:
        licence = self.licence
        if licence is None:
            return [ReasonCode.NO_LICENCE.reason()]
        kind = "trial" if licence.kind is LicenceKind.TRIAL else "licence"
        if today < licence.first_day:
            return [ReasonCode.LICENCE_NOT_STARTED.reason(kind=kind, first=licence.first_day)]
        if today > licence.last_day:
            return [ReasonCode.LICENCE_EXPIRED.reason(kind=kind, last=licence.last_day)]
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The usage of an agency; only the agency itself and the operator may see it (R46)."""

    agency: Agency
    month: date  # its first day
    searches: int  # of that month
    seats: int  # taken

    @property
    def searches_left(self) -> int | None:
        """How many more searches are allowed this month; None without a limit."""
        return None if self.agency.licence is None else max(0, self.agency.licence.searches_a_month - self.searches)


def month_of(day: date) -> tuple[date, date]:
    """Return the first day of a day's month, and that of the next month."""
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return day.replace(day=1), following


class StopScope(StrEnum):
    """What a stop applies to. To stop a source, suspend it."""

    EVERYTHING = "everything"
    AGENCY = "agency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A stop in force: no search is answered while there is one (R12)."""

    scope: StopScope
    agency_id: str | None  # only with AGENCY
    reason: str
    by: str
    at: datetime

    @property
    def why(self) -> Reason:
        """The reason why no search runs while the stop is in force."""
        code = ReasonCode.ALL_STOPPED if self.scope is StopScope.EVERYTHING else ReasonCode.AGENCY_STOPPED
        return code.reason(at=self.at, reason=self.reason)
