"""The filter of the ledger's page: which person, case, kind and day, as its form sends them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from lineament.model.events.kinds import EntryKind
from lineament.services.audit import WantedEntries
from lineament.web.forms import read_day

KIND_WORDS = {
    EntryKind.SEARCHES: "Searches and photographs",
    EntryKind.CASES: "Cases and who works on them",
    EntryKind.SOURCES: "Sources and pictures",
    EntryKind.PEOPLE: "Agencies and accounts",
    EntryKind.SIGN_INS: "Signing in",
    EntryKind.MODELS: "Threshold and models",
    EntryKind.RECORD: "Ledger and keys",
}
"""The kinds of entries in words, in the order of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilter:
    """What was chosen and typed; an empty value leaves everything in."""

    person: str = ""  # the id of an account
    case: str = ""  # its reference
    kind: str = ""
    day: str = ""
    views: bool = False  # those who only looked are shown

    @property
    def narrows(self) -> bool:
        """Whether some entries are left out besides those of people who only looked."""
        return bool(self.person or self.case or self.kind or self.day)

    @property
    def problem(self) -> str:
        """What is wrong with it, as a sentence; empty if nothing is."""
        if self.kind and self.kind not in set(EntryKind):
            return "There is no such kind of entry."
        return "" if not self.day or self._day() else "Write the day as 2026-11-25."

    def wanted(self) -> WantedEntries:
        """Return it for the service. A day is that of this machine's time zone."""
        day = self._day()
        return WantedEntries(
            person=self.person or None,
            case=self.case or None,
            kind=EntryKind(self.kind) if self.kind else None,
            day=None if day is None else (_midnight(day), _midnight(day + timedelta(days=1))),
            views=self.views,
        )

    def address(self, before: int | None = None, *, views: bool | None = None) -> str:
        """Return the address of a page of these entries, with or without ``views``."""
        shown = self if views is None else replace(self, views=views)
        fields = {"person": shown.person, "case": shown.case, "kind": shown.kind, "day": shown.day}
        fields |= {"views": "shown" if shown.views else "", "before": "" if before is None else str(before)}
        chosen = urlencode({name: value for name, value in fields.items() if value})
        return f"/ledger?{chosen}" if chosen else "/ledger"

    def _day(self) -> date | None:
        try:
            return read_day(self.day)
        except ValueError:
            return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time()).astimezone()
