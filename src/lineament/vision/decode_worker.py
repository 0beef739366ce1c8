"""The process that decodes pictures: it reads a size, decodes what lies in the inbox, and leaves pixels in the outbox.

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

from lineament.sandbox.confine import confine
from lineament.vision import decode_read
from lineament.vision.decode_protocol import PIXEL_BYTES, READY, REQUEST, DecodeReply, Status

LIFETIME_SECONDS = 1200
"""Processor time after which a worker is stopped; its parent replaces it well before."""
_OPEN_FILES = 16
_PARENT_CHECK = 5000  # milliseconds
_REQUESTS, _REPLIES = 0, 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # mallopt(3)


def main(*words: str) -> None:
    """Serve the parent until it closes its end or exits."""
    inbox, outbox, max_pixels, memory, milliseconds = map(int, words)
    parent = os.getppid()
    warnings.simplefilter("ignore")
    decode_read.set_up(max_pixels)
    pixels = mmap.mmap(outbox, PIXEL_BYTES)
    poll = select.poll()
    poll.register(_REQUESTS, select.POLLIN)
    _keep_memory()
    seconds = milliseconds / 1000
    guards = confine(memory=memory, cpu_seconds=LIFETIME_SECONDS + math.ceil(seconds), open_files=_OPEN_FILES)
    os.write(_REPLIES, READY.pack(guards))
    while True:
        if not poll.poll(_PARENT_CHECK):
            if os.getppid() != parent:
                return
            continue
        request = os.read(_REQUESTS, REQUEST.size)
        if len(request) < REQUEST.size:
            return
        signal.setitimer(signal.ITIMER_REAL, seconds + 1)  # in case the parent is not there to end it
        reply = _answer(os.pread(inbox, REQUEST.unpack(request)[0], 0), max_pixels, pixels)
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.write(_REPLIES, reply.pack())


def _keep_memory() -> None:
    """Keep freed memory for the next picture: new pages for each would cost a third of its time (bench/decode.py)."""
    with contextlib.suppress(AttributeError):  # a C library without mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
        mallopt(_M_TRIM_THRESHOLD, 64 * 2**20)
        mallopt(_M_ARENA_MAX, 1)


def _answer(untrusted: bytes, max_pixels: int, pixels: mmap.mmap) -> DecodeReply:
    try:
        image, reply = decode_read.read_picture(untrusted, max_pixels)
        across, down = image.size
        pixels[: 3 * across * down] = image.tobytes()
    except decode_read.NotDecodedError as refused:
        return refused.reply
    except MemoryError:
        return DecodeReply(Status.OUT_OF_MEMORY)
    return reply
