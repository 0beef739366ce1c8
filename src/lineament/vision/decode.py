"""Untrusted bytes to pixels, in separate limited processes (docs/adr/0009).

A picture that crashes a decoder or takes too long costs one process; the next picture gets a new one. The answer of a
process is as untrusted as the file, and is checked here.
"""

from __future__ import annotations

import math
import queue
import re
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from lineament.errors import (
    BadPicture,
    DecoderDied,
    DecoderUnavailable,
    EmptyPicture,
    FileTooLarge,
    PictureTooLarge,
    PictureTooSmall,
    PictureTruncated,
    UnknownFormat,
)
from lineament.model.faces import Pixels, Place
from lineament.sandbox.confine import GUARDS
from lineament.vision.decode_process import DecodeLimits, DecodingProcess, ProcessEndedError
from lineament.vision.decode_protocol import (
    LONGEST_SIDE,
    MEDIA_TYPES,
    PIXEL_BYTES,
    REPLY,
    SMALLEST_SIDE,
    DecodeReply,
    Status,
    most_pixels,
)

_TAKEN_AT = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)([+-]\d\d:\d\d)?")
_FIRST_YEAR = 1826  # of photography; an earlier year means a camera whose clock was never set


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPicture:
    """An upright picture, with what is useful of its EXIF."""

    pixels: Pixels  # upright, RGB; large pictures are reduced
    width: int  # of the upright original, pixels; boxes and landmarks are in these
    height: int
    media_type: str
    taken_at: datetime | None  # by the camera's clock; with its zone if the EXIF has one, else naive
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """A guard that confines the decoders, for ``lineament doctor``."""

    name: str
    in_force: bool


class Decoder:
    """Processes that decode pictures, started when first needed. Any number of threads may use it."""

    def __init__(self, *, workers: int, max_pixels: int, max_bytes: int, memory: int, seconds: float) -> None:
        """Prepare to start processes.

        Args:
            workers: How many pictures are decoded at once.
            max_pixels: Pictures with more are refused before decoding.
            max_bytes: Larger files are refused.
            memory: Address space of one process, in bytes.
            seconds: Time for one picture; then its process is killed.
        """
        self._limits = DecodeLimits(max_pixels=max_pixels, memory=memory, seconds=seconds)
        self._max_bytes = max_bytes
        self._slots = [_Slot() for _ in range(workers)]
        self._free: queue.LifoQueue[_Slot] = queue.LifoQueue()  # the last used first, as it is warm
        for slot in self._slots:
            self._free.put(slot)
        self._finalizer = weakref.finalize(self, _end_all, self._slots)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def start(self) -> None:
        """Start one process without waiting for it, so that it is ready when the first picture comes."""
        with self._slot() as slot:
            slot.ready(self._limits)

    def decode(self, untrusted: bytes) -> DecodedPicture:
        """Decode a picture; wait while all processes are busy.

        Raises:
            BadPicture: A subclass of it; the picture cannot be used.
            DecoderUnavailable: No process can be started.
        """
        if not untrusted:
            raise EmptyPicture
        if len(untrusted) > self._max_bytes:
            raise FileTooLarge(size=len(untrusted), limit=self._max_bytes)
        with self._slot() as slot:
            process = slot.ready(self._limits)
            try:
                untrusted_reply = DecodeReply(*REPLY.unpack(process.ask(untrusted)))
                _check_status(untrusted_reply, self._limits)
                _check_sizes(untrusted_reply, self._limits.max_pixels)
                pixels = process.pixels(untrusted_reply.across, untrusted_reply.down)
            except ProcessEndedError as ended:
                slot.end()
                raise DecoderDied(why=str(ended)) from None
            except DecoderDied:
                slot.end()
                raise
            except BadPicture:
                raise
            except OSError as error:
                slot.end()
                raise DecoderUnavailable(why=error.strerror) from None
            except BaseException:  # also on Ctrl-C, because nobody waits for the result
                slot.end()
                raise
        return DecodedPicture(
            pixels=pixels,
            width=untrusted_reply.width,
            height=untrusted_reply.height,
            media_type=MEDIA_TYPES[untrusted_reply.media],
            taken_at=checked_time(untrusted_reply.taken_at),
            place=checked_place(untrusted_reply),
        )

    @property
    def confinement(self) -> tuple[Guard, ...]:
        """Return the guards that the kernel grants; starts a process to find out."""
        with self._slot() as slot:
            guards = slot.ready(self._limits).wait_until_ready()
        return tuple(Guard(name=name, in_force=bool(guards & bit)) for bit, name in GUARDS.items())

    def close(self) -> None:
        """Wait for the pictures being decoded, then end the processes. A later picture would start them again."""
        slots = [self._free.get() for _ in self._slots]
        for slot in slots:
            slot.end()
            self._free.put(slot)

    @contextmanager
    def _slot(self) -> Iterator[_Slot]:
        slot = self._free.get()
        try:
            yield slot
        finally:
            self._free.put(slot)


class _Slot:
    """A slot for one process."""

    process: DecodingProcess | None = None

    def ready(self, limits: DecodeLimits) -> DecodingProcess:
        if self.process is not None and self.process.spent:
            self.end()
        if self.process is None:
            try:
                self.process = DecodingProcess(limits)
            except OSError as error:
                raise DecoderUnavailable(why=error.strerror) from None
        return self.process

    def end(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.end()


def _end_all(slots: list[_Slot]) -> None:
    for slot in slots:
        slot.end()


def _check_status(untrusted: DecodeReply, limits: DecodeLimits) -> None:
    width, height = untrusted.width, untrusted.height
    match untrusted.status:
        case Status.DECODED:
            return
        case Status.UNKNOWN_FORMAT:
            raise UnknownFormat
        case Status.TRUNCATED:
            raise PictureTruncated
        case Status.DAMAGED:
            raise BadPicture(why="its data are damaged")
        case Status.TOO_LARGE:
            limit = f"{most_pixels(untrusted.media, limits.max_pixels):,} (or {LONGEST_SIDE:,} a side)"
            raise PictureTooLarge(width=width, height=height, limit=limit)
        case Status.TOO_SMALL:
            raise PictureTooSmall(width=width, height=height, limit=SMALLEST_SIDE)
        case Status.NO_COLOURS:
            raise BadPicture(why="it holds measurements, not colours")
        case Status.OUT_OF_MEMORY:
            raise DecoderDied(why=f"it needed more than {limits.memory >> 20} MiB of memory")
    raise DecoderDied(why="it sent an invalid reply")


def _check_sizes(untrusted: DecodeReply, max_pixels: int) -> None:
    """Raise DecoderDied if the sizes are impossible: a worker with invalid replies may be compromised."""
    sides = (untrusted.width, untrusted.height)
    decoded = (untrusted.across, untrusted.down)
    plausible = (
        untrusted.media < len(MEDIA_TYPES)
        and min(sides) >= SMALLEST_SIDE
        and max(sides) <= LONGEST_SIDE
        and math.prod(sides) <= most_pixels(untrusted.media, max_pixels)
        and min(decoded) > 0
        and 3 * math.prod(decoded) <= PIXEL_BYTES
        and all(small <= large for small, large in zip(decoded, sides, strict=True))
        and _same_shape(sides, decoded)
    )
    if not plausible:
        raise DecoderDied(why="it sent an invalid reply")


def _same_shape(sides: tuple[int, int], decoded: tuple[int, int]) -> bool:
    """Return whether the decoded size is the original size reduced equally both ways, rounded to whole pixels."""
    scale = max(decoded) / max(sides)
    return all(abs(side * scale - small) <= 1.5 for side, small in zip(sides, decoded, strict=True))


def checked_time(untrusted: bytes) -> datetime | None:
    """Parse a time in EXIF's notation; None if it is implausible."""
    found = _TAKEN_AT.fullmatch(untrusted.rstrip(b"\0 ").decode("ascii", "replace"))
    if found is None or int(found[1]) < _FIRST_YEAR:
        return None
    year, month, day, time, zone = found.groups(default="")
    try:
        return datetime.fromisoformat(f"{year}-{month}-{day}T{time}{zone}")
    except ValueError:
        return None


def checked_place(untrusted: DecodeReply) -> Place | None:
    """Return the place, None if it is not on Earth; 0, 0 means a receiver without a fix."""
    latitude, longitude = untrusted.latitude, untrusted.longitude
    if not untrusted.has_place or not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    if latitude == longitude == 0:
        return None
    return Place(latitude=latitude, longitude=longitude)
