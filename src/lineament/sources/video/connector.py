"""Video files: the sampled frames, each with its time code.

Files only (R6): no stream, camera or network address can be given, and the worker that reads the file cannot open any
(``video.worker``). The frames of one person are grouped later (``model.tracks``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lineament.errors import LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import SourcePath, locate
from lineament.sandbox.process import INVALID_REPLY, WorkerLimits, messages_about
from lineament.sources.base import Item, Refusal
from lineament.sources.folder.connector import provenance_of, table_of
from lineament.sources.video.frames import (
    BROKEN_OFF,
    COUNT,
    DAMAGED,
    EVERY,
    FRAME,
    FRAME_HEADER,
    LENGTHS,
    LONGEST,
    FrameReason,
)

CONNECTOR = "video 1"
_WORKER = "lineament.sources.video.worker"
_LIMITS = WorkerLimits(message=2**28, patience=300, seconds=12 * 3600)
_NO_PICTURES = "it has no pictures"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledFrame:
    """A frame of a video as JPEG; its bytes come from a worker that read a hostile file."""

    untrusted: bytes
    time_code: float  # seconds from the beginning
    length: float  # of the whole video in seconds; 0 if unknown
    why: FrameReason


class VideoConnector:
    """Yields frames of a video file as pictures."""

    def __init__(self, path: Path, page_base: str | None, max_bytes: int) -> None:
        """``page_base`` is the URL below which the video's page has its name.

        Frames over ``max_bytes`` are refused. Raises NoSuchFile if ``path`` does not exist.
        """
        self._place = locate(path)[0]
        page = None if page_base is None else f"{page_base.rstrip('/')}/{self._place.uri.rpartition('/')[2]}"
        self._default = Provenance(uri=self._place.uri, page_uri=page)
        self._max_bytes = max_bytes
        self._expected: int | None = None

    def count(self) -> int | None:
        """Return how many frames there will be if the rest is like what was read so far; None before that."""
        return self._expected

    def items(self) -> Iterator[Item | Refusal]:
        """Yield every sampled frame in order of time; its address is that of the video with the time (#t=…)."""
        name, number = self._place.name, 0
        try:
            with table_of(self._place.parent) as table:
                whole = provenance_of(self._place, table, self._default)
            for number, frame in enumerate(frames(self._place), 1):
                self._expected = max(number, round(number * frame.length / max(frame.time_code, EVERY)))
                at = f"{frame.time_code:.3f}".rstrip("0").rstrip(".")
                provenance = replace(whole, uri=f"{whole.uri}#t={at}", time_code=frame.time_code, connector=CONNECTOR)
                if len(frame.untrusted) <= self._max_bytes:
                    yield Item(
                        name=f"{name} at {time_text(frame.time_code)}", untrusted=frame.untrusted, provenance=provenance
                    )
                else:
                    why = NotRead(why=f"the frame has {len(frame.untrusted):,} bytes, more than {self._max_bytes:,}")
                    yield Refusal(name=f"{name} at {time_text(frame.time_code)}", why=why)
            self._expected = number
        except LineamentError as error:
            self._expected = number + 1
            yield Refusal.from_error(name, error)


def frames(place: SourcePath) -> Iterator[SampledFrame]:
    """Yield the sampled frames of a video. Raises NotRead, after those before it, if it ends early."""
    for kind, content in messages_about(_WORKER, place, _LIMITS):
        if kind == FRAME:
            yield _frame(content)
        else:
            raise NotRead(why=_damage(kind, content))


def _frame(untrusted: bytes) -> SampledFrame:
    try:
        seconds, length, letter = FRAME_HEADER.unpack_from(untrusted)
        why = FrameReason(letter.decode())
    except (struct.error, ValueError):
        raise NotRead(why=INVALID_REPLY) from None
    if not (0 <= seconds <= LONGEST and 0 <= length <= LONGEST):
        raise NotRead(why=INVALID_REPLY)
    return SampledFrame(untrusted=untrusted[FRAME_HEADER.size :], time_code=seconds, length=length, why=why)


def _damage(kind: bytes, untrusted: bytes) -> str:
    if kind == BROKEN_OFF and len(untrusted) == LENGTHS.size:
        ends, length = LENGTHS.unpack(untrusted)
        if 0 <= ends <= length <= LONGEST:
            return f"it is truncated at {time_text(ends)} of {time_text(length)}; what is there was taken"
    if kind == DAMAGED and len(untrusted) == COUNT.size:
        (count,) = COUNT.unpack(untrusted)
        return f"{count:,} of its packets are damaged; what could be decoded was taken" if count else _NO_PICTURES
    return INVALID_REPLY


def time_text(seconds: float) -> str:
    """Return a time code for people: “1:02:03.5”."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes // 60)}:{int(minutes % 60):02}:{rest:04.1f}"
