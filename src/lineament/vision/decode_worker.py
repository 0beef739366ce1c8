"""The process that decodes pictures: it reads requests, decodes the file in the inbox, and fills the outbox.

It is started by ``decode_process`` with an empty environment and five open files: requests, replies, nothing to
complain to, the inbox and the outbox. It confines itself before it looks at the first picture, and ends when its
parent does.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
import os
import select
import signal
import warnings

from lineament.sandbox.confine import Limits, ask_for_threads, confine, needed_guards
from lineament.sandbox.threads import hand_over
from lineament.vision import decode_before, decode_pillow, decode_read, decode_write
from lineament.vision.decode_formats import NotDecodedError
from lineament.vision.decode_protocol import RARE, READY, REQUEST, TICKET, DecodeReply, Status, Wish, pixel_bytes

LIFETIME_SECONDS = 1200
"""Processor time after which a worker is stopped; its parent replaces it well before."""
_OPEN_FILES = 16
_PARENT_CHECK = 5000  # milliseconds
_REQUESTS, _REPLIES = 0, 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # mallopt(3)


def main(*words: str) -> None:
    """Serve the parent until it closes its end or exits."""
    kind = words[0]
    inbox, outbox, max_pixels, memory, milliseconds = map(int, words[1:])
    parent = os.getppid()
    warnings.simplefilter("ignore")
    decode_pillow.set_up(max_pixels)
    handler = RequestHandler(
        max_pixels, mmap.mmap(outbox, pixel_bytes(max_pixels)), _rare_opener() if kind == RARE else None
    )
    poll = select.poll()
    poll.register(_REQUESTS, select.POLLIN)
    _keep_memory()
    seconds = milliseconds / 1000
    space = memory + pixel_bytes(max_pixels)
    limits = Limits(memory=space, cpu_seconds=LIFETIME_SECONDS + math.ceil(seconds), open_files=_OPEN_FILES)
    if not _is_confined(limits):
        return
    while True:
        if not poll.poll(_PARENT_CHECK):
            if os.getppid() != parent:
                return
            continue
        request = os.read(_REQUESTS, REQUEST.size)
        if len(request) < REQUEST.size:
            return
        ticket, size, part, wish = REQUEST.unpack(request)
        signal.setitimer(signal.ITIMER_REAL, seconds + 1)  # in case the parent is not there to end it
        reply = handler.answer(os.pread(inbox, size, 0) if size else None, part, wish)
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.write(_REPLIES, TICKET.pack(ticket) + reply.pack())


def _is_confined(limits: Limits) -> bool:
    """Confine this process and tell the parent what holds; return whether it is enough to read a picture."""
    needed, listener = needed_guards(), ask_for_threads()
    hand_over(listener, _REPLIES)
    guards = confine(limits, threads=listener is not None)
    os.write(_REPLIES, READY.pack(guards))
    return not needed & ~guards


def _rare_opener() -> decode_read.RareOpener:
    from lineament.vision import decode_rare

    decode_rare.warm()
    return decode_rare.open_rare


def _keep_memory() -> None:
    """Keep freed memory for the next picture: new pages for each would cost a third of its time (bench/decode.py)."""
    with contextlib.suppress(AttributeError):  # a C library without mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
        mallopt(_M_TRIM_THRESHOLD, 64 * 2**20)
        mallopt(_M_ARENA_MAX, 1)


class RequestHandler:
    """Answers requests; keeps the file of the last one, because further pictures of it may be asked for."""

    def __init__(self, max_pixels: int, outbox: mmap.mmap, rare: decode_read.RareOpener | None) -> None:
        self._max_pixels, self._outbox, self._rare = max_pixels, outbox, rare
        self._file: decode_read.PictureFile | None = None

    def answer(self, untrusted: bytes | None, part: int, wish: int) -> DecodeReply:
        """Decode a picture of ``untrusted``, or of the file of the last request if it is None."""
        try:
            if untrusted is not None:
                self._file = None  # its memory is free before the next is opened
                if wish & Wish.AS_BEFORE:
                    return self._written(_read_as_before(untrusted, self._max_pixels))
                self._file = decode_read.PictureFile(untrusted, self._max_pixels, self._rare)
            if self._file is None:
                return DecodeReply(Status.NO_MORE)
            return self._written(self._file.read(part, large_too=bool(wish & Wish.LARGE_TOO)))
        except NotDecodedError as refused:
            return refused.reply
        except MemoryError:
            self._file = None
            return DecodeReply(Status.OUT_OF_MEMORY)

    def _written(self, picture: decode_read.ReadPicture) -> DecodeReply:
        try:
            decode_write.write_pixels(picture, self._outbox)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a conversion that a library refuses
            if "memory" in str(error):
                raise MemoryError from None
            return picture.reply._replace(status=Status.DAMAGED)
        if picture.reply.parts == 1:
            self._file = None
        return picture.reply


def _read_as_before(untrusted: bytes, max_pixels: int) -> decode_read.ReadPicture:
    try:
        return decode_before.read_as_before(untrusted, max_pixels)
    except (NotDecodedError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - decoders raise anything over hostile bytes
        raise NotDecodedError(Status.DAMAGED) from None
