"""A process of its own for a parser that is not ours, with little memory, no files and no network.

The parent opens the file and hands it over as standard input; the child answers with messages over standard output.
Before the child looks at the file it gives up the right to open anything (``sandbox.confine``, as the decoders
of pictures do): there is no file, no socket and no device that it could reach (R6), and no other process. Where the
kernel has no filter for calls, there is still no descriptor left to have.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lineament.errors import NotRead
from lineament.sandbox.confine import LIMITS, confine
from lineament.sandbox.files import SourcePath, open_regular, os_reason
from lineament.sandbox.launch import PIPE, Channels, launch

HEADER = struct.Struct("<cI")
"""Kind and length of a message."""
END = b"E"
"""The last message."""
FAILED = b"X"
"""The last message, where it cannot go on; with the reason."""

_LONGEST_REASON = 300  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What a process may take."""

    message: int  # bytes
    patience: float  # seconds between two messages
    seconds: float  # spent waiting for it, in all


def messages_about(
    module: str, place: SourcePath, limits: WorkerLimits, *words: object
) -> Iterator[tuple[bytes, bytes]]:
    """What a worker has to say of a file: kind and content of each message.

    Args:
        module: Where its ``main`` is; it gets ``words`` as texts.
        place: The file.
        limits: What it may take.
        words: Anything to be said to it.

    Raises:
        NotRead: The file cannot be opened, or the worker refused it, died over it or took too much.
    """
    try:
        file = open_regular(place)
    except OSError as error:
        raise NotRead(why=os_reason(error)) from None
    yield from messages_from(module, file, limits, *words)


def messages_from(module: str, file: int, limits: WorkerLimits, *words: object) -> Iterator[tuple[bytes, bytes]]:
    """The same of a file that is open already; the descriptor is closed here."""
    try:
        process = launch(module, words, Channels(stdin=file, stdout=PIPE))
    finally:
        os.close(file)
    assert process.stdout is not None  # noqa: S101 - as was asked for
    with contextlib.closing(process.stdout) as pipe:
        try:
            yield from _WorkerOutput(pipe.fileno(), process, limits).messages()
        finally:
            process.kill()
            process.wait()


class _WorkerOutput:
    """The parent's end of the pipe. Nothing that comes out of it is trusted."""

    def __init__(self, pipe: int, process: subprocess.Popen[bytes], limits: WorkerLimits) -> None:
        self._pipe, self._process, self._limits = pipe, process, limits
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)
        self._left = limits.seconds

    def messages(self) -> Iterator[tuple[bytes, bytes]]:
        while True:
            kind, length = HEADER.unpack(self._exactly(HEADER.size))
            if length > self._limits.message:
                raise NotRead(why="the process that reads it answered nonsense; the file may be hostile")
            said = self._exactly(length)
            if kind == END:
                return
            if kind == FAILED:
                raise NotRead(why=_reason(said))
            yield kind, said

    def _exactly(self, length: int) -> bytes:
        parts = []
        while length:
            began = time.monotonic()
            heard = self._poll.poll(max(0, min(self._limits.patience, self._left)) * 1000)
            self._left -= time.monotonic() - began
            if not heard:
                raise NotRead(why="the process that reads it took too long; the file may be hostile")
            part = os.read(self._pipe, min(length, 2**20))
            if not part:
                raise NotRead(why=f"the process that reads it {self._ended()}; the file may be hostile")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _ended(self) -> str:
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "fell silent"
        if code < 0:
            return f"was ended by signal {-code} ({signal.strsignal(-code) or 'unknown'})"
        return "ended early"


def _reason(untrusted: bytes) -> str:
    text = untrusted[:_LONGEST_REASON].decode("utf-8", "replace")
    return "".join(one if one.isprintable() else " " for one in text) or "it is damaged"


# ---------------------------------------------------------------- in the child


def confine_worker(*, memory: int, seconds: int) -> None:
    """Confine this process for good; all that it needs must be imported by now. It ends where there are no limits.

    Args:
        memory: Address space beyond what it has now, in bytes.
        seconds: Time of the processor.
    """
    have = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    if not confine(memory=have + memory, cpu_seconds=seconds, open_files=0) & LIMITS:
        send(FAILED, b"the process that reads it cannot be confined here; see: lineament doctor")
        sys.exit(1)


def send(kind: bytes, *parts: bytes) -> None:
    """Send a message to the parent; ends the process where there is none any more."""
    try:
        for part in (HEADER.pack(kind, sum(map(len, parts))), *parts):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(1, rest) :]
    except BrokenPipeError:
        sys.exit(0)
