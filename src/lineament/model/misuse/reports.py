"""The weekly report as it is kept, the answers to its findings, and faces that are searched only with a supervisor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from lineament.model.faces import Template
from lineament.model.misuse.findings import Finding, LookedAt


class FindingState(StrEnum):
    """What became of a finding."""

    OPEN = "open"
    EXPLAINED = "explained"  # it was in order, as the answer says
    PASSED_ON = "passed on"  # to whoever decides about people


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingAnswer:
    """Who answered a finding, and why."""

    by: str
    account_id: str | None
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFinding:
    """A finding in a report."""

    id: str
    report_id: str
    state: FindingState
    finding: Finding
    answer: FindingAnswer | None = None  # None: it waits


@dataclass(frozen=True, slots=True, kw_only=True)
class MisuseReport:
    """The report of a week."""

    id: str
    agency_id: str
    week: date  # its Monday
    made_at: datetime
    looked_at: tuple[LookedAt, ...]
    repeated: int = 0  # findings that were left out, because the same was answered in the weeks before


class GuardedKind(StrEnum):
    """Whose face is on the list."""

    COLLEAGUE = "colleague"  # who agreed
    PUBLIC = "public person"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedFace:
    """A face that the agency does not want searched without a supervisor. The photograph is not kept."""

    id: str
    agency_id: str
    name: str
    kind: GuardedKind
    because: str
    added_by: str
    added_at: datetime
    template: Template
    grade: int
