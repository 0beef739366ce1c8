"""What the service manager is told: ready, stopping, alive (sd_notify); nothing without a manager that asks."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

READY = b"READY=1"
"""What a process says when it has started."""


class Notifier:
    """Tells systemd how the process stands. Errors are ignored: the manager's own deadline finds them."""

    def __init__(self, path: str | None, watchdog_seconds: float | None) -> None:
        """``path`` of the manager's socket, None without one; ``watchdog_seconds`` it waits for a sign of life."""
        self._address = None if path is None else "\0" + path[1:] if path.startswith("@") else path
        self._every = None if watchdog_seconds is None else watchdog_seconds / 3
        self._told = 0.0

    def ready(self) -> None:
        """Say that requests are answered from now on, or jobs run."""
        self._send(READY)

    def stopping(self) -> None:
        """Say that the process is ending."""
        self._send(b"STOPPING=1")

    def alive(self) -> None:
        """Say that the process still works, if that is asked for and due; cheap enough to be called all the time."""
        if self._every is not None and (now := time.monotonic()) - self._told >= self._every:
            self._told = now
            self._send(b"WATCHDOG=1")

    def _send(self, state: bytes) -> None:
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(state, self._address)
