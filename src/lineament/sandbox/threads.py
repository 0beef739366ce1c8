"""Bounds the threads of a confined process.

No resource limit does: that of processes counts those of a user, and does not hold for root. So the kernel asks the
parent about each new thread (``confine.ask_for_threads``), which looks at how many there are. Without a parent there
are no new threads.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

MOST_THREADS = 8
"""Threads of one process; a decoder of HEIC starts one for each picture in turn."""

_RECEIVE, _SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV and _SEND
_QUESTION_BYTES = 80  # struct seccomp_notif, which begins with its id
_ANSWER = struct.Struct("=QqiI")  # struct seccomp_notif_resp: id, value, error, flags
_CONTINUE = 1


class ThreadGate:
    """Answers whether a process may start another thread; call ``answer`` when its descriptor is readable."""

    def __init__(self, descriptor: int, process: int) -> None:
        self.descriptor = descriptor
        self._process = process

    def answer(self) -> None:
        """Permit the thread that is waiting, or refuse it if there are MOST_THREADS."""
        question = bytearray(_QUESTION_BYTES)
        with suppress(OSError):  # the thread has ended meanwhile
            fcntl.ioctl(self.descriptor, _RECEIVE, question)
            (number,) = struct.unpack_from("=Q", question)
            permitted = self._threads() < MOST_THREADS
            error, flags = (0, _CONTINUE) if permitted else (-errno.EAGAIN, 0)
            fcntl.ioctl(self.descriptor, _SEND, _ANSWER.pack(number, 0, error, flags))

    def close(self) -> None:
        """Close the descriptor; the process starts no more threads."""
        os.close(self.descriptor)

    def _threads(self) -> int:
        status = Path(f"/proc/{self._process}/stat").read_text(encoding="utf-8", errors="replace")
        return int(status.rpartition(")")[2].split()[17])


def hand_over(listener: int | None, channel: int) -> None:
    """Send the listener of this process through a Unix socket to its parent, and close it here; None: send none."""
    with socket.socket(fileno=os.dup(channel)) as end:
        if listener is None:
            end.send(b"-")
            return
        socket.send_fds(end, [b"-"], [listener])
    os.close(listener)


def handed_over(channel: int) -> int | None:
    """Return the listener that ``hand_over`` sent through a Unix socket; None if it sent none. Blocks."""
    with socket.socket(fileno=os.dup(channel)) as end:
        _, descriptors, _, _ = socket.recv_fds(end, 1, 1)
    return descriptors[0] if descriptors else None
