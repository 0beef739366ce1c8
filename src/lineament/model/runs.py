"""Runs: what was ingested into a source, and the progress of each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from lineament.model.faces import SourceId

RunId = NewType("RunId", int)

MOST_REFUSALS = 1000
"""Most refusals of a run that are kept with name and reason; all are counted."""

BESIDE = frozenset({"side_car", "no_picture", "hinted", "unused_mark"})
"""Outcomes of what is found beside the pictures, or in them: it is counted, but not among them."""


KEPT = frozenset({"enrolled", "too_weak", "no_face"})
"""Outcomes of new pictures that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The changes of a run by one batch."""

    counts: Mapping[str, int]  # items by outcome
    faces: int = 0
    cursor: str | None = None  # position after the batch; None: unchanged
    refused: Sequence[tuple[str, str]] = ()  # names and reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One ingest into a source. The next run of its kind resumes it if it was interrupted."""

    id: RunId
    source_id: SourceId
    number: int  # within its source, from 1, in the order of their beginnings
    connector: str  # as “folder”
    what: str  # the given names, one a line
    begun_at: datetime
    seen_at: datetime  # when it last committed a batch
    ended_at: datetime | None = None  # None: running, or interrupted
    cursor: str | None = None  # where it resumes
    counts: Mapping[str, int] = field(default_factory=dict)  # items by outcome
    faces: int = 0

    @property
    def kept(self) -> int:
        """The number of pictures that it took in, with and without a face."""
        return sum(self.counts.get(outcome, 0) for outcome in KEPT)

    @property
    def seen(self) -> int:
        """The number of processed pictures, without what was found beside them."""
        return sum(many for outcome, many in self.counts.items() if outcome not in BESIDE)
