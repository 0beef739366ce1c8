"""Enrols the best few frames of each person in a video, following faces from frame to frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lineament.model.tracks import Sighting, Track, Tracker
from lineament.services.gallery.items import IngestItem, IngestOutcome


@dataclass(slots=True, eq=False)
class _Frame:
    """A frame that may be kept, and the numbers of its faces chosen so far."""

    item: IngestItem
    chosen: set[int] = field(default_factory=set)


_Kept = tuple[_Frame, int]
"""A frame and the number of a face in it."""


def follow(items: Iterable[IngestItem]) -> Iterator[IngestItem]:
    """Yield every item: frames to keep with their chosen faces, other frames with their outcome, the rest unchanged.

    The frames of a video come together, in order of time. Only the few that may still be chosen are held in memory.
    """
    tracker: Tracker[_Kept] = Tracker()
    waiting: list[_Frame] = []
    video = ""
    for item in items:
        provenance = item.collected.provenance
        of = provenance.uri.rpartition("t=")[0] if item.is_frame else ""
        if of != video:
            yield from _finish_video(tracker.end(), waiting)
            tracker, waiting, video = Tracker(), [], of
        at = provenance.time_code
        if at is None:
            yield item
            continue
        if item.outcome is not IngestOutcome.ENROLLED or item.capture is None:
            yield item.without(item.outcome, item.why)
            continue
        frame = _Frame(item)
        waiting.append(frame)
        seen = [
            Sighting(
                seconds=at, box=face.box, vector=face.template.vector, norm=face.quality.norm, kept=(frame, number)
            )
            for number, face in enumerate(item.found)
        ]
        _choose(tracker.add(at, seen))
        alive = {id(sighting.kept[0]) for sighting in tracker.open_sightings()}
        yield from map(_with_chosen_faces, (frame for frame in waiting if id(frame) not in alive))
        waiting = [frame for frame in waiting if id(frame) in alive]
    yield from _finish_video(tracker.end(), waiting)


def _finish_video(tracks: list[Track[_Kept]], waiting: list[_Frame]) -> Iterator[IngestItem]:
    _choose(tracks)
    yield from map(_with_chosen_faces, waiting)


def _choose(tracks: list[Track[_Kept]]) -> None:
    for track in tracks:
        for sighting in track.best:
            frame, number = sighting.kept
            frame.chosen.add(number)


def _with_chosen_faces(frame: _Frame) -> IngestItem:
    if not frame.chosen:
        return frame.item.without(IngestOutcome.LESS_GOOD)
    return frame.item.of_faces(frame.chosen)
