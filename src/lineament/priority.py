"""The priority of a process that runs jobs, beside those that answer searches."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NICENESS = 10
"""Of a process that runs jobs. Somebody waits for each search: a thread of it gets nine times the time of one of an
ingest where both want a processor. With 5 it is three times, and an ingest has more threads (bench/load.py)."""


def give_way() -> None:
    """Let other processes have more of the processors; to be called before this one starts threads, which inherit it.

    Linux may divide the processors among sessions first, and looks at the niceness of processes only within one. So if
    the session is this process's own, the whole of it gives way.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # a kernel that does not group by sessions
            Path("/proc/self/autogroup").write_text(str(NICENESS))
