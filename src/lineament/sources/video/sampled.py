"""The sampled frames of a video, from the worker that reads it (``video.worker``), and as pictures."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lineament.errors import LineamentError, NotRead
from lineament.model.faces import Provenance
from lineament.sandbox.files import SourcePath
from lineament.sandbox.process import INVALID_REPLY, WorkerLimits, messages_about, messages_from
from lineament.sources.base import Item, Refusal
from lineament.sources.video.frames import (
    BROKEN_OFF,
    COUNT,
    DAMAGED,
    FRAME,
    FRAME_HEADER,
    LENGTHS,
    LONGEST,
    FrameReason,
)

CONNECTOR = "video 1"
LARGEST_VIDEO = 2**32
"""Most bytes of a video in an archive or a web archive, which is copied to a temporary file to be read."""
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


def frames(place: SourcePath) -> Iterator[SampledFrame]:
    """Yield the sampled frames of a video. Raises NotRead, after those before it, if it ends early."""
    return _frames(messages_about(_WORKER, place, _LIMITS))


def frame_items(name: str, whole: Provenance, file: int, max_bytes: int) -> Iterator[Item | Refusal]:
    """Yield the frames of an open video as pictures, a last refusal if it ends early; close its descriptor.

    ``whole`` is the provenance of the video.
    """
    try:
        for frame in _frames(messages_from(_WORKER, file, _LIMITS)):
            yield framed(name, whole, frame, max_bytes)
    except LineamentError as error:
        yield Refusal.from_error(name, error)


def frames_of(name: str, parts: Iterator[bytes], whole: Provenance, max_bytes: int) -> Iterator[Item | Refusal]:
    """Yield the frames of a video that comes in parts, as ``frame_items`` does of a file."""
    try:
        file = copied(parts)
    except (LineamentError, OSError) as error:
        yield Refusal.from_error(name, error)
        return
    yield from frame_items(name, whole, file, max_bytes)


def framed(name: str, whole: Provenance, frame: SampledFrame, max_bytes: int) -> Item | Refusal:
    """Return a frame as a picture; its address is that of the video with the time (#t=…)."""
    shown = f"{name} at {time_text(frame.time_code)}"
    if len(frame.untrusted) > max_bytes:
        why = f"the frame has {len(frame.untrusted):,} bytes, more than {max_bytes:,}"
        return Refusal(name=shown, why=NotRead(why=why))
    at = f"{frame.time_code:.3f}".rstrip("0").rstrip(".")
    uri = f"{whole.uri}{'&' if '#' in whole.uri else '#'}t={at}"
    provenance = replace(whole, uri=uri, time_code=frame.time_code, connector=CONNECTOR)
    return Item(name=shown, untrusted=frame.untrusted, provenance=provenance)


def copied(parts: Iterator[bytes]) -> int:
    """Return the descriptor of a nameless temporary file with a video's bytes, at its beginning.

    Raises:
        NotRead: It has more than LARGEST_VIDEO bytes.
        OSError: The disk is full.
        Exception: Whatever reading ``parts`` raises.
    """
    with tempfile.TemporaryFile() as file:
        length = 0
        for part in parts:
            length += len(part)
            if length > LARGEST_VIDEO:
                raise NotRead(why=f"it is a video of more than {LARGEST_VIDEO >> 30} GiB; ingest it as a file")
            file.write(part)
        file.seek(0)
        return os.dup(file.fileno())


def _frames(messages: Iterator[tuple[bytes, bytes]]) -> Iterator[SampledFrame]:
    for kind, content in messages:
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
