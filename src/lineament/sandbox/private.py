"""Keeps the memory of a process to itself: no core dump holds it, and no process of the same user reads it.

Every process of ours that holds keys or pictures begins with this: ``lineament.__main__``, and whatever
``sandbox.launch`` starts.
"""

from __future__ import annotations

import os
import resource

from lineament.errors import GuardsMissing
from lineament.sandbox.kernel import call, succeeds

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4


def keep_private() -> bool:
    """Let nobody but the superuser read this process's memory or have it dumped; return whether the kernel agreed."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return succeeds("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0) and call("prctl", _PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
    except (OSError, ValueError):
        return False


def must_be_private() -> None:
    """Do so, or raise GuardsMissing: a dump of this process would hold the keys."""
    if not keep_private():
        raise GuardsMissing(guards="no core dumps")


def begin_worker() -> None:
    """Begin a process that will read what it does not trust: the first to end when memory runs out, and private.

    Whether it is private is reported by ``confine.confine``, before it reads anything.
    """
    try:
        file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    except OSError:
        keep_private()
        return  # no /proc: to be ended first is a convenience, not a guard
    try:
        os.write(file, b"1000")
    finally:
        os.close(file)
    keep_private()
