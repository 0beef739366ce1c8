"""Processes on a system that refuses a guard, and attempts made inside our own confined processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lineament.sandbox import launch

SECCOMP, PRCTL, CAPSET, PRLIMIT, RESTRICT_SELF = 317, 157, 126, 302, 446
"""Numbers of system calls on x86-64; the last is Landlock's."""
NO_NEW_PRIVILEGES, DUMPABLE, SET_SECCOMP = 38, 4, 22
"""Options of prctl."""
EPERM, ENOSYS = 1, 38

_REFUSING = """
import ctypes, os, struct, sys
number, option, error, *line = sys.argv[1:]
refused = (0x06, 0, 0, 0x50000 | int(error))
steps = [(0x20, 0, 0, 0), (0x15, 0, 3 if option != "-" else 1, int(number))]
steps += [(0x20, 0, 0, 16), (0x15, 0, 1, int(option))] if option != "-" else []
steps += [refused, (0x06, 0, 0, 0x7FFF0000)]
program = b"".join(struct.pack("=HBBI", *step) for step in steps)
held = ctypes.create_string_buffer(program, len(program))
prctl = ctypes.CDLL(None, use_errno=True).prctl
words = [ctypes.c_ulong(word) for word in (1, 0, 0, 0)]
prctl(38, *words)
header = struct.pack("@HP", len(steps), ctypes.addressof(held))
assert prctl(22, ctypes.c_ulong(2), ctypes.c_char_p(header), *words[2:]) == 0
os.execv(line[0], line)
"""


def where_refused(call: int, option: int | None, error: int, line: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command where the kernel answers ``error`` to a system call (or to one option of prctl)."""
    words = [str(call), "-" if option is None else str(option), str(error), *line]
    return subprocess.run(
        [sys.executable, "-c", _REFUSING, *words], capture_output=True, text=True, timeout=300, check=False
    )


_INSIDE = """
import json, os
out, go = os.open({out!r}, os.O_WRONLY), os.open({go!r}, os.O_RDONLY)
{attempts}
from lineament.sandbox import confine as guards
install = guards._install
def confined(program):
    dumpable = called(157, 3, 0, 0, 0)
    assert install(program)
    found = {{"pid": os.getpid(), "dumpable": dumpable, **attempted()}}
    os.write(out, json.dumps(found).encode())
    os.read(go, 1)
    os._exit(0)
guards._install = confined
import MODULE as worker
worker.main(*sys.argv[1:])
"""


@contextmanager
def inside(attempts: str, start: Callable[[], object], folder: Path) -> Iterator[dict[str, Any]]:
    """Start a process of ours, let it make attempts once it is confined, and yield what it reports.

    Args:
        attempts: Python that defines ``called(number, *words)``, a system call, and ``attempted()``, a dictionary.
        start: Starts the process in the way of the product. It runs in a thread, and may fail when the process ends.
        folder: For the two pipes.

    The process waits until the end of the block, and then ends.
    """
    out, go = folder / "out", folder / "go"
    os.mkfifo(out)
    os.mkfifo(go)
    boot = _INSIDE.format(out=str(out), go=str(go), attempts=attempts)
    boot = boot.replace("{", "{{").replace("}", "}}").replace("import MODULE", "import {module}")

    def begin() -> None:
        try:
            start()
        finally:
            os.close(os.open(out, os.O_RDWR))  # if it never reported, nobody waits for that

    with patch.object(launch, "_BOOT", boot), ThreadPoolExecutor(1) as thread:
        running = thread.submit(begin)
        with out.open("rb") as reports, go.open("wb", buffering=0) as continuing:
            report = os.read(reports.fileno(), 2**16)
            assert report, running.exception()
            yield json.loads(report)
            continuing.write(b".")
        running.exception()
