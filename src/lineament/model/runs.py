"""Runs: what was ingested into a source, and how far each run has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from lineament.model.faces import SourceId

RunId = NewType("RunId", int)

MOST_REFUSALS = 1000
"""Refusals of a run that are kept with name and reason; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a batch added to a run."""

    counts: Mapping[str, int]  # things dealt with, by outcome
    faces: int = 0
    cursor: str | None = None  # after it; None: as before
    refused: Sequence[tuple[str, str]] = ()  # names and reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One ingest into a source; an interrupted run resumes with the next of the same kind."""

    id: RunId
    source_id: SourceId
    number: int  # within its source, from 1, in the order in which they began
    connector: str  # as “folder”
    what: str  # it was given, a line each
    begun_at: datetime
    seen_at: datetime  # when it last committed something
    ended_at: datetime | None = None  # None: it is still running, or was interrupted
    cursor: str | None = None  # from which it resumes
    counts: Mapping[str, int] = field(default_factory=dict)  # things dealt with, by outcome
    faces: int = 0

    @property
    def seen(self) -> int:
        """Things dealt with."""
        return sum(self.counts.values())
