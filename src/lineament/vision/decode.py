"""Untrusted bytes to pixels, in separate limited processes (docs/adr/0009).

A picture that crashes a decoder or takes too long costs one process; the next picture gets a new one. The answer of a
process is as untrusted as the file, and is checked here.
"""

from __future__ import annotations

import queue
import weakref
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from lineament.errors import (
    BadPicture,
    DecoderDied,
    DecoderLimit,
    DecoderUnavailable,
    EmptyPicture,
    FileTooLarge,
    NotFound,
)
from lineament.model.faces import Pixels, Place
from lineament.observe.stages import Total, count
from lineament.sandbox.confine import GUARDS
from lineament.vision.decode_checks import INVALID, check_sizes, check_status, checked_place, checked_time
from lineament.vision.decode_process import (
    DecodeLimits,
    DecodingProcess,
    ForeignReplyError,
    ProcessEndedError,
    ProcessTooSlowError,
)
from lineament.vision.decode_protocol import (
    COMMON,
    MEDIA_TYPES,
    MOST_PARTS,
    RARE,
    REPLY,
    DecodeReply,
    Status,
    Wish,
)
from lineament.vision.decode_room import PixelRoom, TakenRoom

MOST_PIXELS = 20
"""Most pixels of one file that are decoded, in pictures of the largest size."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPicture:
    """An upright picture in sRGB, with what is useful of its EXIF."""

    pixels: Pixels  # upright, RGB
    width: int  # of the upright original, pixels; boxes and landmarks are in these
    height: int
    media_type: str
    taken_at: datetime | None  # by the camera's clock; with its zone if the EXIF has one, else naive
    place: Place | None
    orientation: int = 1  # of the stored picture, as EXIF has it, 1 to 8
    part: int = 1  # which picture of the file, from 1
    parts: int = 1  # pictures of the file
    seconds: float | None = None  # the time code, if the file is an animation
    incomplete: bool = False  # the file is damaged; what could be read is there, and the rest is grey
    missing: float | None = None  # the share of the picture that is missing, 0 to 1; None: unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPart:
    """One of several pictures of a file that cannot be used."""

    part: int  # from 1
    parts: int
    why: BadPicture


class Decoder:
    """Processes that decode pictures, started when first needed. Any number of threads may use it."""

    def __init__(self, *, workers: int, max_pixels: int, max_bytes: int, memory: int, seconds: float) -> None:
        """Prepare to start processes.

        Args:
            workers: How many pictures are decoded at once.
            max_pixels: Pictures with more are refused before decoding. Large pictures that are in use have at most so
                many together; a further one waits, unless its thread holds one of them.
            max_bytes: Larger files are refused.
            memory: Address space of one process in bytes, besides the pixels that it hands over.
            seconds: Time for one picture; then its process is killed.
        """
        self._limits = DecodeLimits(max_pixels=max_pixels, memory=memory, seconds=seconds)
        self._max_bytes = max_bytes
        self._room = PixelRoom(max_pixels)
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
            slot.ready(self._limits, COMMON)

    def decode(self, untrusted: bytes, part: int = 1, *, as_before: bool = False) -> DecodedPicture:
        """Decode a picture; wait while all processes are busy.

        Args:
            untrusted: A file.
            part: Which of its pictures, from 1.
            as_before: As versions up to 0.2 did, which reduced large pictures and ignored colour profiles.

        Raises:
            BadPicture: A subclass of it; the picture cannot be used.
            NotFound: There is no such picture in the file.
            DecoderUnavailable: No process can be started.
            GuardsMissing: It cannot be confined here, and has read nothing.
        """
        self._check_file(untrusted)
        with self._slot() as slot:
            answer = self._ask(slot, _Request(untrusted, part, Wish.AS_BEFORE if as_before else 0))
            if answer.reply.status == Status.NO_MORE and part > 1:
                raise NotFound(what="picture", name=part, hint=f"numbers 1 to {answer.reply.parts}")
            return self._picture(slot, answer)

    def pictures(self, untrusted: bytes) -> Generator[DecodedPicture | RefusedPart, None, None]:
        """Yield the pictures of a file: all its pages, or of an animation the frames to look at, in order.

        A process is reserved for a file of several pictures meanwhile. What is not read because the file holds too much
        is refused with the last part.

        Raises:
            BadPicture: A subclass of it; the file cannot be opened, or its only picture cannot be used.
            DecoderUnavailable: No process can be started.
            GuardsMissing: It cannot be confined here, and has read nothing.
        """
        self._check_file(untrusted)
        with self._slot() as slot:
            answer = self._ask(slot, _Request(untrusted, 1))
            if answer.reply.parts > 1:
                yield from self._parts(slot, untrusted, answer)
                return
            picture = self._picture(slot, answer)
        yield picture  # the process is free for another file by now

    def _parts(self, slot: _Slot, untrusted: bytes, first: _Answer) -> Iterator[DecodedPicture | RefusedPart]:
        """Yield the pictures of a file that holds several; ``first`` is the answer for the first of them."""
        parts, animated = first.reply.parts, first.reply.seconds >= 0
        part, pixels, why = 0, 0, ""
        while part < parts and not why:
            number, reply = part + 1, first.reply
            found: DecodedPicture | RefusedPart
            try:
                answer = first
                if part or animated:  # the worker chooses the frames of an animation, from the first again
                    asked = 0 if animated else number
                    answer = self._ask(slot, _Request(untrusted, asked, kind=first.kind, kept=True))
                reply = answer.reply
                if reply.status == Status.NO_MORE:
                    return
                number = reply.part if animated else number
                found = self._picture(slot, answer)
            except BadPicture as error:
                found = RefusedPart(part=number, parts=parts, why=error)
                why = "the decoder was stopped" if isinstance(error, DecoderDied) else ""
            yield found
            pixels += max(1, number - part) * reply.width * reply.height
            part = max(part + 1, number)
            if pixels > MOST_PIXELS * self._limits.max_pixels:
                why = why or "the file holds too many pixels"
        if not why and parts >= MOST_PARTS:
            part, why = MOST_PARTS - 1, f"at most {MOST_PARTS:,} pictures of a file are read"
        if why and part < parts:
            yield _rest_refused(part + 1, parts, why)

    def _check_file(self, untrusted: bytes) -> None:
        if not untrusted:
            raise EmptyPicture
        if len(untrusted) > self._max_bytes:
            raise FileTooLarge(size=len(untrusted), limit=self._max_bytes)

    def _ask(self, slot: _Slot, request: _Request) -> _Answer:
        """Return the answer of a process to a request, once there is room for the picture.

        If the process replies to something else, an earlier picture has taken it over, and this one gets a new process.
        """
        try:
            return self._ask_once(slot, request)
        except _TakenOverError as error:
            if request.kept:
                raise DecoderDied(why=str(error)) from None
        try:
            return self._ask_once(slot, request)
        except _TakenOverError as error:
            raise DecoderDied(why=str(error)) from None

    def _ask_once(self, slot: _Slot, request: _Request) -> _Answer:
        kind, part, wish = request.kind, request.part, request.wish
        with _ended_on_failure(slot):
            process = slot.running(kind) if request.kept else slot.ready(self._limits, kind)
            answer = _answer(process.ask(b"" if request.kept else request.untrusted, part, wish), kind)
            if answer.goes_elsewhere:
                return self._ask(slot, request.elsewhere())
            if answer.reply.status != Status.WAITS:
                return answer
            pixels = answer.reply.width * answer.reply.height
            if pixels > self._limits.max_pixels:
                raise DecoderDied(why=INVALID)
        taken = self._room.take(pixels)
        try:
            with _ended_on_failure(slot):
                answer = _answer(slot.running(kind).ask(b"", part, wish | Wish.LARGE_TOO), kind, taken)
        except BaseException:
            taken.give_back()
            raise
        if not answer.goes_elsewhere:
            return answer
        taken.give_back()
        return self._ask(slot, request.elsewhere())

    def _picture(self, slot: _Slot, answer: _Answer) -> DecodedPicture:
        """Return the picture of an answer. Raises BadPicture."""
        reply, taken = answer.reply, answer.room
        try:
            with _ended_on_failure(slot):
                check_status(reply, self._limits)
                check_sizes(reply, self._limits.max_pixels)
                if taken is not None and reply.across * reply.down > taken.pixels:
                    raise DecoderDied(why=INVALID)
                pixels = slot.running(answer.kind).pixels(reply.across, reply.down)
            if taken is not None:
                weakref.finalize(pixels, taken.give_back).atexit = False
                taken = None
        finally:
            if taken is not None:
                taken.give_back()
        return DecodedPicture(
            pixels=pixels,
            width=reply.width,
            height=reply.height,
            media_type=MEDIA_TYPES[reply.media],
            orientation=reply.orientation,
            taken_at=checked_time(reply.taken_at),
            place=checked_place(reply),
            part=reply.part,
            parts=reply.parts,
            seconds=reply.seconds if reply.seconds >= 0 else None,
            incomplete=reply.incomplete,
            missing=min(1.0, reply.missing) if reply.incomplete and reply.missing >= 0 else None,
        )

    @property
    def confinement(self) -> tuple[str, ...]:
        """Return the guards in force in every kind of process; starts them to find out.

        Raises:
            GuardsMissing: One that must hold does not.
            DecoderUnavailable: No process can be started.
        """
        with self._slot() as slot, _ended_on_failure(slot):
            kinds = [slot.ready(self._limits, kind).wait_until_ready() for kind in (COMMON, RARE)]
        return tuple(name for bit, name in GUARDS.items() if kinds[0] & kinds[1] & bit)

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


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """A request to a process."""

    untrusted: bytes
    part: int
    wish: int = 0
    kind: str = COMMON  # of the process
    kept: bool = False  # the process has the file from the request before

    def elsewhere(self) -> _Request:
        """Return the request to the process for rare formats."""
        return replace(self, kind=RARE, kept=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """What a process replied; nothing of it is checked yet."""

    reply: DecodeReply
    kind: str  # of the process
    room: TakenRoom | None = None  # for a large picture

    @property
    def goes_elsewhere(self) -> bool:
        """Return whether a process for ordinary pictures leaves this one to another."""
        return self.reply.status == Status.ELSEWHERE and self.kind == COMMON


def _answer(untrusted: bytes, kind: str, room: TakenRoom | None = None) -> _Answer:
    return _Answer(DecodeReply(*REPLY.unpack(untrusted)), kind, room)


def _rest_refused(part: int, parts: int, why: str) -> RefusedPart:
    rest = f"picture {part} of {parts} and those after it were not read: {why}"
    return RefusedPart(part=part, parts=parts, why=BadPicture(why=rest))


class _TakenOverError(Exception):
    """A process replied to something else than the request; it was ended. The message says so."""


class _Slot:
    """A slot for one process of each kind."""

    def __init__(self) -> None:
        self.processes: dict[str, DecodingProcess] = {}

    @property
    def process(self) -> DecodingProcess | None:
        """The process for ordinary pictures, if it runs."""
        return self.processes.get(COMMON)

    def ready(self, limits: DecodeLimits, kind: str) -> DecodingProcess:
        """Return a process for the next file; one that is due for replacement is replaced."""
        process = self.processes.get(kind)
        if process is not None and process.spent:
            self.processes.pop(kind).end()
            count(Total.DECODERS)
            process = None
        if process is None:
            try:
                process = self.processes[kind] = DecodingProcess(limits, kind)
            except OSError as error:
                raise DecoderUnavailable(why=error.strerror) from None
        return process

    def running(self, kind: str) -> DecodingProcess:
        """Return the process that has the file and its pixels, even if it is due: a new one would have neither."""
        try:
            return self.processes[kind]
        except KeyError:
            raise ProcessEndedError("it had ended") from None

    def end(self) -> None:
        while self.processes:
            self.processes.popitem()[1].end()
            count(Total.DECODERS)


@contextmanager
def _ended_on_failure(slot: _Slot) -> Iterator[None]:
    """End the processes of a slot if they fail, or if nobody waits for the result any more."""
    try:
        yield
    except ForeignReplyError as foreign:
        slot.end()
        raise _TakenOverError(str(foreign)) from None
    except ProcessTooSlowError as slow:
        slot.end()
        raise DecoderLimit(why=str(slow), setting="LINEAMENT_DECODE_SECONDS") from None
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
    except BaseException:  # also on Ctrl-C
        slot.end()
        raise


def _end_all(slots: list[_Slot]) -> None:
    for slot in slots:
        slot.end()
