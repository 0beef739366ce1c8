"""A decoding process, as its parent handles it.

The two share only a pipe, a socket and two memfds: the inbox holds the file, the outbox the pixels. The outbox is as
large as the largest picture, but takes memory only for the pixels in it. They have no name, so nothing is left when
both processes are killed. The outbox is sealed against shrinking: a hostile worker could otherwise remove the memory
while its parent reads it.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
import select
import signal
import socket
import subprocess
import termios
import time
from dataclasses import dataclass

import numpy as np

from lineament.errors import DecoderUnavailable
from lineament.model.faces import Pixels
from lineament.observe.stages import Stage, timed
from lineament.sandbox.confine import require
from lineament.sandbox.launch import Channels, launch
from lineament.sandbox.threads import ThreadGate, handed_over
from lineament.vision.decode_protocol import COMMON, RARE, READY, REPLY, REQUEST, TICKET, pixel_bytes

_WORKER = "lineament.vision.decode_worker"
_PACKAGES = {COMMON: ("PIL", "pillow_heif"), RARE: ("PIL", "pillow_heif", "numpy", "rawpy", "imagecodecs")}
_START_SECONDS = 30.0
_FOREIGN = "it sent a reply that nobody had asked for"
_KEPT_BYTES = 8 * 2**20  # of the outbox kept between pictures; more is returned to the system
_COPIED_BYTES = 16 * 2**20  # of a large picture copied before so much of the outbox is returned to the system
_PICTURES = 2000
_BUSY_SECONDS = 500.0
"""Limits after which a process is replaced, so that a picture cannot affect it for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """The limits of a decoding process."""

    max_pixels: int
    memory: int  # bytes of address space
    seconds: float  # for one picture


class ProcessEndedError(Exception):
    """The process did not answer; the message, the end of a sentence, says why."""


class ForeignReplyError(ProcessEndedError):
    """A reply that belongs to no request that waits: an earlier picture took the process over."""


class ProcessTooSlowError(ProcessEndedError):
    """The process did not answer in time."""


class DecodingProcess:
    """A worker process. One thread at a time may use it."""

    def __init__(self, limits: DecodeLimits, kind: str = COMMON) -> None:
        """Start the process, without waiting until it is ready."""
        self._kind = kind
        size = pixel_bytes(limits.max_pixels)
        self._seconds = limits.seconds
        self._pictures = 0
        self._busy = 0.0
        self.guards: int | None = None  # keys of confine.GUARDS in force, once it is ready
        with contextlib.ExitStack() as undo:
            self._inbox = _memory("inbox", undo)
            self._outbox = _memory("outbox", undo)
            self._complaints = _memory("complaints", undo)
            os.ftruncate(self._outbox, size)
            fcntl.fcntl(self._outbox, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
            self._pixels = mmap.mmap(self._outbox, size)  # writable, so that pages can be returned to the system
            read_requests, self._requests = _pipe(undo)
            self._replies, write_replies = _pair(undo)
            self._process = self._start_worker(limits, read_requests, write_replies)
            os.close(read_requests)
            os.close(write_replies)
            undo.pop_all()
        self._poll = select.poll()
        self._poll.register(self._replies, select.POLLIN)
        self._gate: ThreadGate | None = None

    def _start_worker(self, limits: DecodeLimits, requests: int, replies: int) -> subprocess.Popen[bytes]:
        milliseconds = round(limits.seconds * 1000)
        words = [self._kind, self._inbox, self._outbox, limits.max_pixels, limits.memory, milliseconds]
        inherited = (self._inbox, self._outbox)
        channels = Channels(stdin=requests, stdout=replies, stderr=self._complaints, inherited=inherited)
        try:
            return launch(_WORKER, words, channels, packages=_PACKAGES[self._kind])
        except ModuleNotFoundError as error:
            raise DecoderUnavailable(why=f"the package {error.name} is not installed") from None

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def spent(self) -> bool:
        """Whether it has ended, said something unasked, or is due for replacement."""
        ended = self._process.poll() is not None or (self.guards is not None and self._speaks())
        return ended or self._pictures >= _PICTURES or self._busy >= _BUSY_SECONDS

    def wait_until_ready(self) -> int:
        """Return the guards in force, a sum of keys of ``confine.GUARDS``.

        Raises:
            DecoderUnavailable: It could not be started.
            GuardsMissing: It cannot be confined here.
        """
        if self.guards is None:
            try:
                self._wait(_START_SECONDS)
                if (listener := handed_over(self._replies)) is not None:
                    self._gate = ThreadGate(listener, self.pid)
                    self._poll.register(listener, select.POLLIN)
                guards: int = READY.unpack(self._answer(READY.size, _START_SECONDS))[0]
            except ProcessEndedError as ended:
                complaints = os.pread(self._complaints, 10_000, 0).decode("utf-8", "replace").strip()
                last = complaints.splitlines()[-1] if complaints else str(ended)
                raise DecoderUnavailable(why=last) from None
            require(guards)
            self.guards = guards
        return self.guards

    @timed(Stage.DECODE)
    def ask(self, untrusted: bytes, part: int = 1, wish: int = 0) -> bytes:
        """Let it decode a picture.

        Args:
            untrusted: The file; empty for that of the previous request.
            part: Which of its pictures, from 1; 0 for the next frame of an animation to look at.
            wish: A sum of ``decode_protocol.Wish``.

        Returns:
            Its reply, ``REPLY.size`` untrusted bytes.

        Raises:
            ProcessEndedError: It died, was too slow, or replied to something else. It must be ended and replaced.
            DecoderUnavailable: It could not be started.
            GuardsMissing: It cannot be confined here.
        """
        self.wait_until_ready()
        if self._speaks():
            raise ForeignReplyError(_FOREIGN)
        ticket = secrets.randbits(64)
        started = time.monotonic()
        try:
            written = 0
            while written < len(untrusted):
                written += os.pwrite(self._inbox, memoryview(untrusted)[written:], written)
            os.write(self._requests, REQUEST.pack(ticket, len(untrusted), part, wish))
            answer = self._answer(TICKET.size + REPLY.size, self._seconds)
            if answer[: TICKET.size] != TICKET.pack(ticket) or self._speaks():
                raise ForeignReplyError(_FOREIGN)
            return answer[TICKET.size :]
        except BrokenPipeError:
            raise ProcessEndedError(self._why()) from None
        finally:
            os.ftruncate(self._inbox, 0)
            self._pictures += 1
            self._busy += time.monotonic() - started

    def pixels(self, across: int, down: int) -> Pixels:
        """Copy the decoded pixels, shape (down, across, 3); a large picture is in memory only once meanwhile."""
        shared = np.frombuffer(self._pixels, np.uint8, 3 * across * down)
        if shared.nbytes <= _KEPT_BYTES:
            return shared.reshape(down, across, 3).copy()
        copied = np.empty(shared.nbytes, np.uint8)
        for at in range(0, shared.nbytes, _COPIED_BYTES):
            copied[at : at + _COPIED_BYTES] = shared[at : at + _COPIED_BYTES]
            self._pixels.madvise(mmap.MADV_REMOVE, at, min(_COPIED_BYTES, len(self._pixels) - at))
        return copied.reshape(down, across, 3)

    def end(self) -> None:
        """Kill it and free everything it used."""
        self._process.kill()
        self._process.wait()
        self._pixels.close()
        for file in (self._requests, self._replies, self._inbox, self._outbox, self._complaints):
            os.close(file)
        if self._gate is not None:
            self._gate.close()

    def _wait(self, seconds: float) -> None:
        """Wait until it says something, and answer meanwhile whether it may start threads."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            ready = dict(self._poll.poll(left * 1000))
            if self._replies in ready:
                return
            for descriptor, event in ready.items():
                if event & select.POLLIN and self._gate is not None:
                    self._gate.answer()
                else:
                    self._poll.unregister(descriptor)  # the process has ended, which the other end will say
        self._process.kill()
        raise ProcessTooSlowError(f"it took longer than {seconds:g} s")

    def _speaks(self) -> bool:
        """Return whether it has said something that nobody has read yet."""
        waiting = fcntl.ioctl(self._replies, termios.FIONREAD, bytes(4))
        return waiting != bytes(4)

    def _answer(self, size: int, seconds: float) -> bytes:
        self._wait(seconds)
        answer = os.read(self._replies, size)
        if len(answer) < size:
            raise ProcessEndedError(self._why())
        return answer

    def _why(self) -> str:
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "it closed its output"
        if code in {-signal.SIGXCPU, -signal.SIGALRM}:
            return "it took too long"
        if code < 0:
            return f"it was ended by signal {-code} ({signal.strsignal(-code) or 'unknown'})"
        return f"it ended with code {code}"


def _memory(name: str, undo: contextlib.ExitStack) -> int:
    file = os.memfd_create(f"lineament-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    undo.callback(os.close, file)
    return file


def _pair(undo: contextlib.ExitStack) -> tuple[int, int]:
    """Return both ends of a socket: the process hands over its listener for threads, which a pipe does not carry."""
    ends = tuple(end.detach() for end in socket.socketpair())
    for end in ends:
        undo.callback(os.close, end)
    return ends[0], ends[1]


def _pipe(undo: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        undo.callback(os.close, end)
    return ends
