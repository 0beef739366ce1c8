"""Events of leads: evidence that is independent of a search, reports, and notice to the defence.

``entry`` is that of the list.
"""

from __future__ import annotations

from datetime import date

from lineament.model.actions import Action
from lineament.model.events.base import Event


class EvidenceRecorded(Event, action=Action.EVIDENCE_RECORDED):
    """Evidence that is independent of the search was recorded for a lead, perhaps in place of an earlier piece."""

    case: str
    search: str
    entry: int
    evidence: str  # its id
    kind: str
    text: str
    reference: str
    replaces: str | None = None
    because: str = ""


class LeadReportWritten(Event, action=Action.LEAD_REPORT_WRITTEN):
    """The report of a lead was written."""

    case: str
    search: str
    entry: int
    evidence: tuple[str, ...]  # the ids of what it rests on


class DefenceNotified(Event, action=Action.DEFENCE_NOTIFIED):
    """It was recorded that the defence was told of the searches, perhaps in place of an earlier record."""

    case: str
    notice: str  # its id
    given_to: str
    given_on: date
    way: str
    text: str
    replaces: str | None = None
    because: str = ""
