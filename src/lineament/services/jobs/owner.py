"""Which process holds a job, and whether it is dead for certain."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
_UNKNOWN = "unknown"


def this_process() -> str:
    """Return the name of this process for the queue: where it runs, its id, and when it began.

    "Where" is this boot of this machine and this namespace of process ids, so that no process of another machine or
    container is ever taken for one of ours. Without /proc it is only a number, and nobody can tell that it is dead.
    """
    pid = os.getpid()
    return f"{_here()} {pid} {_began(pid)}"


def dead(workers: Iterable[str]) -> list[str]:
    """Return those of the workers that ran here, under this name, and run no more.

    Of whoever runs elsewhere nothing is known: their leases have to run out.
    """
    return [worker for worker in workers if _is_dead(worker)]


def _is_dead(worker: str) -> bool:
    place, process, began = worker.rsplit(" ", 2)
    if place != _here() or place == _UNKNOWN:
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is somebody else's, so it is there
        return False
    now = _began(int(process))
    return now not in {_UNKNOWN, began}


@cache
def _here() -> str:
    try:
        return f"{_BOOT.read_text().strip()}/{_NAMESPACE.readlink()}"
    except OSError:
        return _UNKNOWN


def _began(pid: int) -> str:
    """When a process began, in clock ticks after the boot; "dead" if nothing but its entry is left of it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _UNKNOWN
    return "dead" if fields[0] in {"Z", "X"} else fields[19]  # proc_pid_stat(5): state, starttime
