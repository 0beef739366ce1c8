"""Notice to the defence: to whom it was told that faces were searched, when, and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from lineament.errors import InvalidValue
from lineament.model.texts import require_said, require_short

MOST_OF_NAME = 300
MOST_OF_TEXT = 4000
"""Most letters of what was told, and of why a notice is replaced."""


class NoticeWay(StrEnum):
    """How notice was given. The value is its name on the page and in the record."""

    PACK = "with a disclosure pack"
    REPORT = "with the report of a lead"
    LETTER = "by letter"
    COURT = "through the court"
    OTHER = "in another way"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenceNoticeDraft:
    """Notice to the defence as somebody states it."""

    given_to: str
    given_on: date | None
    way: NoticeWay
    text: str  # what was told or handed over
    replaces: str | None = None  # the id of an earlier notice
    because: str = ""  # why that is replaced

    def complete(self, today: date) -> date:
        """Return the day. Raises InvalidValue unless it says to whom notice was given, when, and what was told."""
        require_said(self.given_to, "The defence", "given_to", "say to whom notice was given")
        require_said(self.text, "The notice", "text", "say what was told or handed over")
        require_short(self.given_to, MOST_OF_NAME, "given_to")
        require_short(self.text, MOST_OF_TEXT, "text")
        require_short(self.because, MOST_OF_TEXT, "because")
        if self.replaces is not None:
            require_said(self.because, "The reason", "because", "say why the earlier notice is replaced")
        if self.given_on is None or self.given_on > today:
            why = "say on which day it was given" if self.given_on is None else "it is still to come"
            raise InvalidValue(what="The day", value=self.given_on or "missing", why=why, field="given_on")
        return self.given_on


@dataclass(frozen=True, slots=True, kw_only=True)
class DefenceNotice:
    """Notice to the defence as it was recorded. It never changes; a later one may replace it."""

    id: str
    given_to: str
    given_on: date
    way: NoticeWay
    text: str
    recorded_by: str
    account_id: str | None
    agency_id: str
    at: datetime
    replaces: str | None = None
    because: str = ""
