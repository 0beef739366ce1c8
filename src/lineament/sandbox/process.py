"""Runs third-party parsers in a worker process with little memory, no files and no network.

The parent opens the file and passes it as standard input; the worker sends messages over standard output. Before it
looks at the file, the worker gives up the right to open anything (``sandbox.confine``): it can reach no file, socket,
device (R6) or other process. Unless every guard holds, it reads nothing.
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
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from lineament.errors import NotRead
from lineament.sandbox.confine import Limits, confine, needed_guards, require
from lineament.sandbox.files import SourcePath, open_regular, os_reason
from lineament.sandbox.launch import PIPE, Channels, launch

HEADER = struct.Struct("<cI")
"""Kind and length of a message."""
READY = b"G"
"""The first message of every worker; its content is the guards in force (``confine.GUARDS``)."""
END = b"E"
"""The last message."""
FAILED = b"X"
"""The last message of a worker that cannot continue; its content is the reason."""
INVALID_REPLY = "the process that reads it sent an invalid reply; the file may be hostile"
"""The reason for not reading a file if its worker sends anything but the agreed messages."""

_LONGEST_REASON = 300  # bytes
_GUARDS = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """The limits of a worker."""

    message: int  # bytes of one message
    patience: float  # seconds between two messages
    seconds: float  # waiting for messages, in total


def messages_about(
    module: str, place: SourcePath, limits: WorkerLimits, *words: object
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the messages of a worker that reads a file: the kind and content of each.

    Args:
        module: The module whose ``main`` runs; it gets ``words`` as text.
        place: The file.
        limits: What the worker may use.
        words: Arguments of ``main``.

    Raises:
        NotRead: The file cannot be opened, or the worker refused it, died or exceeded its limits.
        GuardsMissing: The worker cannot be confined here; it has read nothing.
    """
    try:
        file = open_regular(place)
    except OSError as error:
        raise NotRead(why=os_reason(error)) from None
    yield from messages_from(module, file, limits, *words)


def messages_from(
    module: str, file: int, limits: WorkerLimits, *words: object
) -> Generator[tuple[bytes, bytes], None, None]:
    """Run ``messages_about`` on an open file, and close its descriptor."""
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
        kind, content = self._message()
        if kind != READY or len(content) != _GUARDS.size:
            raise NotRead(why=INVALID_REPLY)
        require(*_GUARDS.unpack(content))
        while True:
            kind, content = self._message()
            if kind == END:
                return
            if kind == FAILED:
                raise NotRead(why=_reason(content))
            yield kind, content

    def _message(self) -> tuple[bytes, bytes]:
        kind, length = HEADER.unpack(self._exactly(HEADER.size))
        if length > self._limits.message:
            raise NotRead(why=INVALID_REPLY)
        return kind, self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        parts = []
        while length:
            started = time.monotonic()
            ready = self._poll.poll(max(0, min(self._limits.patience, self._left)) * 1000)
            self._left -= time.monotonic() - started
            if not ready:
                raise NotRead(why="the process that reads it took too long; the file may be hostile")
            part = os.read(self._pipe, min(length, 2**20))
            if not part:
                raise NotRead(why=f"the process that reads it {self._exit_text()}; the file may be hostile")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _exit_text(self) -> str:
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "stopped responding"
        if code < 0:
            return f"was ended by signal {-code} ({signal.strsignal(-code) or 'unknown'})"
        return "ended early"


def _reason(untrusted: bytes) -> str:
    text = untrusted[:_LONGEST_REASON].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else " " for char in text) or "it is damaged"


# ---------------------------------------------------------------- in the worker


def confine_worker(*, memory: int, seconds: int) -> None:
    """Confine this process for good; everything it needs must be imported by now.

    The parent hears which guards hold. If they are not enough, this process ends before it reads anything.

    Args:
        memory: Address space beyond the present one, in bytes.
        seconds: Processor time.
    """
    present = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    needed = needed_guards()
    guards = confine(Limits(memory=present + memory, cpu_seconds=seconds, open_files=0))
    send(READY, _GUARDS.pack(guards))
    if needed & ~guards:
        sys.exit(1)


def send(kind: bytes, *parts: bytes) -> None:
    """Send a message to the parent; end the process if the parent is gone."""
    try:
        for part in (HEADER.pack(kind, sum(map(len, parts))), *parts):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(1, rest) :]
    except BrokenPipeError:
        sys.exit(0)
