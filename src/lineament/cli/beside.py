"""A worker beside the pages: a process of its own, started again if it dies, and ended with them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lineament.errors import LineamentError

if TYPE_CHECKING:
    from lineament.settings import Settings

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds before a worker that died is started again; twice as long each time."""
PATIENCE = 30.0
"""Seconds for a worker to hand its job back."""
LAST_QUESTION = 5.0
"""Seconds for a question to a witness to be answered when a worker ends."""
ASKED_EVERY = 60.0
"""Seconds between two looks whether the ledger has to be witnessed."""


class WorkerBeside:
    """Keeps one ``lineament worker`` running as long as the block lasts."""

    def __init__(self, home: Path) -> None:
        line = ["--home", str(home.absolute()), "worker", "--with-parent"]
        self._line = [sys.executable, "-P", "-m", "lineament", *line]
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, name="worker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        with self._lock:
            process = self._process
        if process is not None:
            process.send_signal(signal.SIGINT)  # the service manager may have sent SIGTERM to it, too
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()  # another worker takes its job over
        self._thread.join()

    def _keep_running(self) -> None:
        pause = FIRST_PAUSE
        while (process := self._start()) is not None:
            began = time.monotonic()
            process.wait()
            if time.monotonic() - began > LONGEST_PAUSE:  # it had started well
                pause = FIRST_PAUSE
            if self._over.wait(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE)

    def _start(self) -> subprocess.Popen[bytes] | None:
        """Start a worker in its own session, so that Ctrl-C reaches only the pages; None if the block is over."""
        with self._lock:
            if self._over.is_set():
                return None
            self._process = subprocess.Popen(  # noqa: S603 - every word is ours
                self._line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
            )
            return self._process


class WitnessingBeside:
    """Has the ledger witnessed as long as the block lasts, in a thread of its own, beside jobs that take hours."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_asking, name="witnessing", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join(LAST_QUESTION)

    def _keep_asking(self) -> None:
        try:
            self._ask_until_over()
        except ImportError:  # the signal that ends the block may break off what the main thread was importing
            if not self._over.wait(LAST_QUESTION):
                raise

    def _ask_until_over(self) -> None:
        from lineament.workspace import Workspace

        while True:
            with suppress(LineamentError, OSError), Workspace.open(self._settings) as opened:  # “verify” and pages tell
                desk = opened.desk_at_the_machine()
                desk.misuse.queue_if_due()
                desk.publications.queue_if_due()
                desk.witnesses.submit_if_due()
            if self._over.wait(ASKED_EVERY):
                return
