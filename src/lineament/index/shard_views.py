"""What a process of the service knows of the copies of its shards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lineament.index.codes import is_among
from lineament.index.held import Applied, Changes, PartState
from lineament.index.sharded import NOTHING, ShardQuery
from lineament.model.faces import FaceIds

if TYPE_CHECKING:
    from ray.actor import ActorHandle


@dataclass(frozen=True, slots=True)
class View:
    """What this process knows of one copy; it is replaced, never changed."""

    name: str
    actor: ActorHandle[Any]
    state: PartState | None = None  # None: it did not answer, or has yet to be compared
    held: FaceIds = field(
        default_factory=lambda: NOTHING
    )  # ascending; the very array of the wanted faces if it holds exactly these
    again: float = 0.0  # when a repair may be tried, by the monotonic clock

    @property
    def generation(self) -> str:
        """The generation of its state; empty if that is not known."""
        return self.state.generation if self.state else ""

    @property
    def version(self) -> int:
        """The version of its state; 0 if that is not known."""
        return self.state.version if self.state else 0

    def knows(self, other: View) -> bool:
        """Return whether it is of the state of ``other``, or of a later one of the same generation."""
        return self.state is not None and self.generation == other.generation and self.version >= other.version

    def after(self, done: Applied | None, sent: FaceIds, held: FaceIds) -> View:
        """Return the view after a change; one that others changed too keeps its old state, so it is looked at again."""
        if done is None or self.state is None:
            return replace(self, state=None)
        ours = (self.generation, self.version + 1, len(sent))
        if (done.state.generation, done.state.version, done.faces) == ours:
            return replace(self, state=done.state, held=held)
        return self

    def changed(self, changes: Changes, wanted: FaceIds) -> View:
        """Return the view at the state that the changes lead to."""
        base = NOTHING if changes.whole else without(self.held, changes.removed)
        return replace(self, state=changes.state, held=shared(together(base, changes.added), wanted))


def together(held: FaceIds, more: FaceIds) -> FaceIds:
    """Return all ids of both, ascending; ``held`` ascends."""
    if not len(held) or (len(more) and int(more.min()) > int(held[-1])):
        return np.concatenate([held, np.unique(more)])
    return np.union1d(held, more)


def without(held: FaceIds, gone: FaceIds) -> FaceIds:
    """Return the ids of ``held`` that are not in ``gone``; both ascend."""
    return held[~is_among(held, gone)]


def shared(held: FaceIds, wanted: FaceIds) -> FaceIds:
    """Return the very array of the wanted faces if ``held`` has the same; comparing them later then costs nothing."""
    return wanted if held is wanted or np.array_equal(held, wanted) else held


def lacking(view: View, asked: ShardQuery) -> FaceIds:
    """Return which faces asked for a copy lacks."""
    return NOTHING if view.held is asked.ids else without(asked.ids, view.held)
