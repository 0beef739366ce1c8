"""Events of watches. ``case`` is the agency's own reference; what a watch found is a search."""

from __future__ import annotations

from datetime import date

from lineament.model.actions import Action
from lineament.model.events.base import Event


class WatchBegun(Event, action=Action.WATCH_BEGUN):
    """A face of a probe was put on watch."""

    case: str
    watch: str
    probe: str
    face: int  # of the probe, from 1
    reason: str
    ends_on: date
    sources: tuple[str, ...]  # empty: every permitted one


class WatchEnded(Event, action=Action.WATCH_ENDED):
    """Somebody ended a watch."""

    case: str
    watch: str


class WatchFired(Event, action=Action.WATCH_FIRED):
    """New faces came close to a probe on watch; the case is told."""

    case: str
    watch: str
    search: str  # which lists them
    listed: int  # entries of its list
    told: int  # receivers of a notice


class WatchHeld(Event, action=Action.WATCH_HELD):
    """A watch may not compare any more, or may again."""

    case: str
    watch: str
    against: tuple[str, ...]  # codes of the reasons; empty: it compares again


class WatchLetOn(Event, action=Action.WATCH_LET_ON):
    """Somebody let a watch go on although the key with which a program began it was revoked."""

    case: str
    watch: str


class FindingSeen(Event, action=Action.FINDING_SEEN):
    """Somebody took note of what a watch found."""

    case: str
    watch: str
    search: str


class WatchesCompared(Event, action=Action.WATCHES_COMPARED):
    """The watches of an agency were compared with what was enrolled since they were compared last."""

    watches: tuple[str, ...]
    faces: tuple[tuple[str, int, int], ...]  # source, and the first and the last face
    refused: int  # watches that were not compared because something stands against it
