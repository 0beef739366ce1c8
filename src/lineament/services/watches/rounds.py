"""One round of comparisons: the watches that may compare, those that may not, and how far each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from lineament.model.faces import SourceId
from lineament.model.proposals import Threshold
from lineament.model.search import Hit
from lineament.model.sources import Source
from lineament.model.watches import ProbeWatch, WatchProgress
from lineament.services.gallery.answers import GallerySearch
from lineament.services.listing import ChangedMeanwhileError
from lineament.services.watches.acting import WatchReading
from lineament.store.db import Tx

Refusal = tuple[WatchReading, WatchProgress]
"""A watch that something stands against, and how far it is."""


@dataclass(slots=True)
class ReadyWatch:
    """A watch that may compare, and what it found so far in this round."""

    reading: WatchReading
    before: WatchProgress
    census: GallerySearch  # of its sources
    threshold: float
    passed: dict[SourceId, int] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)
    compared: int = 0
    uncompared: int = 0

    @property
    def watch(self) -> ProbeWatch:
        """The watch itself."""
        return self.reading.watch

    def after(self, source: Source) -> int:
        """Return the last face of a source that it has passed."""
        return self.passed.get(source.id, self.before.faces.get(source.id, 0))

    def progress(self, at: datetime) -> WatchProgress:
        """Return how far it is now."""
        return replace(
            self.before,
            faces={**self.before.faces, **self.passed},
            compared=self.before.compared + self.compared,
            looked_at=at,
            against=(),
        )


@dataclass(slots=True)
class Round:
    """What one round compares."""

    ready: list[ReadyWatch]
    refused: list[Refusal]
    sources: dict[SourceId, Source]
    in_force: Threshold | None
    seen: dict[SourceId, tuple[int, int]] = field(default_factory=dict)  # the first and the last face that was compared
    faces: int = 0
    advanced: int = 0  # watches that came further
    redo: bool = False  # something was changed meanwhile, or more faces are left


def codes_of(reading: WatchReading) -> tuple[str, ...]:
    """Return the codes of what stands against a watch, in order."""
    return tuple(sorted({reason.code.value for reason in reading.against}))


def refused_now(reading: WatchReading, before: WatchProgress, at: datetime) -> WatchProgress:
    """Return how far a watch is that may not compare now: no further, and refused once more."""
    return replace(before, against=codes_of(reading), refused=before.refused + 1, refused_at=at)


def is_behind(progress: WatchProgress | None, newest: Mapping[SourceId, int]) -> bool:
    """Return whether any source has a face that a watch has not passed, whether it may search that source or not."""
    passed = {} if progress is None else progress.faces
    return any(last > passed.get(source_id, 0) for source_id, last in newest.items())


def require_same(tx: Tx, ready: Sequence[ReadyWatch]) -> None:
    """Raise ChangedMeanwhileError if a watch was compared by another process meanwhile, or ended, or destroyed."""
    now = tx.watches.progress([each.watch.id for each in ready])
    if any(now.get(each.watch.id) != each.before for each in ready):
        raise ChangedMeanwhileError
