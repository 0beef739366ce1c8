"""The worker that reads a video from standard input, and sends the sampled frames as JPEG.

Started by ``sandbox.process``. Only files are read (R6): the permitted formats are listed and include no playlists,
session descriptions or devices; no protocol is allowed; and the process cannot open anything.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from lineament.sandbox.process import END, FAILED, confine_worker, send
from lineament.sources.video.frames import (
    BROKEN_OFF,
    COUNT,
    DAMAGED,
    FRAME,
    FRAME_HEADER,
    LENGTHS,
    LONGEST,
    Chooser,
)

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,asf,flv,ogg,mxf,dv,ivf,nut,wtv"
"""FFmpeg's names of the permitted formats. No playlist, no network, no device (R6)."""
_WITH_LENGTH = {"mov", "matroska", "avi", "flv", "asf"}  # for the others FFmpeg guesses it from the size
_TOLERANCE = 2.0  # seconds that may be missing at the end, or a fiftieth
MOST_PIXELS = 8192 * 4320
MOST_FRAMES = 200_000
"""Sampled frames."""
_MEMORY = 3 * 2**30
_SECONDS = 12 * 3600  # of the processor
_SMALL = (160, 90)
_JPEG = 95
_OPTIONS = {
    "format_whitelist": FORMATS,
    "protocol_whitelist": "none",
    "max_streams": "64",
}


@dataclass(slots=True)
class _ReadState:
    """The progress of reading."""

    damaged: int = 0  # packets
    until: float = 0.0  # seconds of any stream; sound may continue after the pictures


class _TooMuchError(Exception):
    """The video exceeds a limit."""


def main() -> None:
    """Send the frames of the video."""
    _warm()
    confine_worker(memory=_MEMORY, seconds=_SECONDS)
    try:
        _answer(sys.stdin.buffer)
    except _TooMuchError as error:
        send(FAILED, str(error).encode())
    except MemoryError:
        send(FAILED, b"it takes too much memory")
    except Exception:  # noqa: BLE001 - parsers raise anything over hostile bytes
        send(FAILED, b"it is no video of a known kind, or damaged")
    else:
        send(END)


def _warm() -> None:
    """Import now what would be imported later, when no file can be opened."""
    for kind in ("audio", "subtitles", "video"):
        importlib.import_module(f"av.{kind}.stream")
        importlib.import_module(f"av.{kind}.codeccontext")
    frame = VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
    _jpeg(frame, None)
    _grey(frame, VideoReformatter())
    with io.BytesIO(b"none") as none, contextlib.suppress(FFmpegError), _open_container(none):
        pass


def _open_container(file: IO[bytes]) -> InputContainer:
    return av.open(file, "r", container_options=_OPTIONS, options=_OPTIONS, metadata_errors="replace")


def _grey(frame: VideoFrame, smaller: VideoReformatter) -> NDArray[np.uint8]:
    """Return the frame small and grey; with one thread, because more would be started for each frame."""
    small = smaller.reformat(frame, *_SMALL, "gray", interpolation=Interpolation.POINT, threads=1)
    return np.asarray(small.to_ndarray(), np.uint8)


def _answer(file: IO[bytes]) -> None:
    with _open_container(file) as container:
        stream = next((stream for stream in container.streams.video if not _is_cover(stream)), None)
        if stream is None:
            raise _TooMuchError("it has no pictures")
        stream.codec_context.thread_count = 1  # the process may start no thread
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # checked before anything is allocated
        state, length = _ReadState(), _length(container)
        chooser, smaller, taken = Chooser(), VideoReformatter(), 0
        for seconds, frame in _frames(container, stream, state):
            reason = chooser.why(_grey(frame, smaller), seconds, key=bool(frame.key_frame))
            if reason is None:
                continue
            taken += 1
            if taken > MOST_FRAMES:
                raise _TooMuchError(f"it has more than {MOST_FRAMES:,} scenes and key frames; split it")
            send(FRAME, FRAME_HEADER.pack(seconds, length, reason.encode()), _jpeg(frame, stream.sample_aspect_ratio))
        if state.damaged or not taken:
            send(DAMAGED, COUNT.pack(state.damaged))
        elif state.until < length - max(_TOLERANCE, length / 50):
            send(BROKEN_OFF, LENGTHS.pack(state.until, length))


def _length(container: InputContainer) -> float:
    """Return the length in seconds that the file states, 0 if it states none."""
    if container.format.name.split(",")[0] not in _WITH_LENGTH:
        return 0.0
    return min(max(0, container.duration or 0) / av.time_base, float(LONGEST))


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & stream.disposition.attached_pic)


def _frames(container: InputContainer, stream: VideoStream, state: _ReadState) -> Iterator[tuple[float, VideoFrame]]:
    """Yield time code and frame; what cannot be decoded is counted and skipped."""
    first, last = None, 0.0
    step = float(1 / (stream.average_rate or Fraction(25)))
    start = (container.start_time or 0) / av.time_base
    for packet in container.demux():
        if packet.pts is not None and packet.time_base is not None:
            state.until = max(state.until, float(packet.pts * packet.time_base) - start)
        if packet.stream.index != stream.index:
            continue
        try:
            decoded = stream.decode(packet)
        except FFmpegError:
            state.damaged += 1
            continue
        for frame in decoded:
            if frame.width * frame.height > MOST_PIXELS:
                raise _TooMuchError(f"its pictures have more than {MOST_PIXELS:,} pixels")
            at = frame.time
            first = at if first is None and at is not None else first
            last = last + step if at is None or first is None else max(0.0, at - first)
            if last > LONGEST:
                raise _TooMuchError(f"it is longer than {LONGEST // 3600} hours; split it")
            yield last, frame


def _jpeg(frame: VideoFrame, aspect: Fraction | None) -> bytes:
    """Return the frame as JPEG, upright, with square pixels."""
    width = frame.width
    if aspect is not None and Fraction(1, 4) <= aspect <= 4:
        width = round(width * aspect)
    pixels = frame.reformat(width, frame.height, "rgb24", threads=1).to_ndarray()
    turns = round(frame.rotation / 90) % 4
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(pixels, turns))).save(out, "JPEG", quality=_JPEG, subsampling=0)
    return out.getvalue()
