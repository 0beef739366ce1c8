"""Frames of videos: faces are followed from frame to frame, and of each person the best few are enrolled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lineament.model.tracks import Sighting, Track, Tracker
from lineament.services.gallery.items import Brought, Seen


@dataclass(slots=True, eq=False)
class _Frame:
    """A frame that may be kept, with the faces in it that were chosen so far."""

    brought: Brought
    chosen: set[int] = field(default_factory=set)


_Kept = tuple[_Frame, int]
"""A frame and the number of a face in it."""


def followed(frames: Iterable[Brought]) -> Iterator[Brought]:
    """The frames that are to be kept, each with the chosen of its faces; every other one with what became of it.

    Frames come in the order of time, video after video; those that wait for a better one are few.
    """
    tracker: Tracker[_Kept] = Tracker()
    waiting: list[_Frame] = []
    video = ""
    for one in frames:
        of = one.item.provenance.uri.partition("#")[0]
        if of and of != video:
            yield from _left(tracker.end(), waiting)
            tracker, waiting, video = Tracker(), [], of
        at = one.item.provenance.time_code
        if one.outcome is not Seen.ENROLLED or one.capture is None or at is None:
            yield one.without(one.outcome, one.why)
            continue
        frame = _Frame(one)
        waiting.append(frame)
        seen = [
            Sighting(
                seconds=at, box=face.box, vector=face.template.vector, norm=face.quality.norm, kept=(frame, number)
            )
            for number, face in enumerate(one.found)
        ]
        _choose(tracker.add(at, seen))
        alive = {id(sighting.kept[0]) for sighting in tracker.held()}
        yield from map(_ended, (frame for frame in waiting if id(frame) not in alive))
        waiting = [frame for frame in waiting if id(frame) in alive]
    yield from _left(tracker.end(), waiting)


def _left(tracks: list[Track[_Kept]], waiting: list[_Frame]) -> Iterator[Brought]:
    _choose(tracks)
    yield from map(_ended, waiting)


def _choose(tracks: list[Track[_Kept]]) -> None:
    for track in tracks:
        for sighting in track.best:
            frame, number = sighting.kept
            frame.chosen.add(number)


def _ended(frame: _Frame) -> Brought:
    if not frame.chosen:
        return frame.brought.without(Seen.LESS_GOOD)
    return frame.brought.of_faces(frame.chosen)
