"""Names the process that holds a job, and tells whether that process is certainly dead."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
_UNKNOWN = "unknown"


def this_process() -> str:
    """Return the name of this process for the queue: its host, its id, and when it started.

    The host is this boot of this machine and this pid namespace, so a process of another machine or container is
    never mistaken for a local one. Without /proc it is only a number, and its death cannot be detected.
    """
    pid = os.getpid()
    return f"{_host()} {pid} {_start_time(pid)}"


def dead(workers: Iterable[str]) -> list[str]:
    """Return those of the workers that ran on this host and have ended.

    Nothing is known about workers elsewhere; their leases must expire.
    """
    return [worker for worker in workers if _is_dead(worker)]


def _is_dead(worker: str) -> bool:
    place, process, began = worker.rsplit(" ", 2)
    if place != _host() or place == _UNKNOWN:
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it belongs to another user, so it exists
        return False
    now = _start_time(int(process))
    return now not in {_UNKNOWN, began}


@cache
def _host() -> str:
    try:
        return f"{_BOOT.read_text().strip()}/{_NAMESPACE.readlink()}"
    except OSError:
        return _UNKNOWN


def _start_time(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; "dead" if it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _UNKNOWN
    return "dead" if fields[0] in {"Z", "X"} else fields[19]  # proc_pid_stat(5): state, starttime
