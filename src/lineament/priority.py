"""The priority of a process that runs jobs, beside those that answer searches."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NICENESS = 5
"""Of a process that runs jobs: somebody waits for each search, so an ingest gets a third of what it would else."""


def give_way() -> None:
    """Let other processes have more of the processors; to be called before this one starts threads, which inherit it.

    Linux may divide the processors among sessions first, and looks at the niceness of processes only within one. So if
    the session is this process's own, the whole of it gives way.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # a kernel that does not group by sessions
            Path("/proc/self/autogroup").write_text(str(NICENESS))
