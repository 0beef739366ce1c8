"""``lineament serve`` as a process that a test kills and starts again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class KillableServer:
    """``lineament serve`` as a process, which can be killed and started again on its port."""

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None, errors: IO[bytes] | None = None) -> None:
        """``settings`` are added to the environment; ``errors`` takes what it writes on standard error."""
        self.port, self._home, self._errors = free_port(), home, errors
        self._environment = {**os.environ, **(settings or {}), "PYTHONUNBUFFERED": "1"}
        self.entrance = ""
        self.start()

    def start(self) -> None:
        line = [sys.executable, "-m", "lineament", "--home", str(self._home), "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(
            line, stdout=subprocess.PIPE, stderr=self._errors, text=True, env=self._environment
        )
        self._read_entrance()

    def _read_entrance(self) -> None:
        assert self.process.stdout is not None
        while "token=" not in (printed := self.process.stdout.readline()):
            assert printed
        self.entrance = next(word for word in printed.split() if "token=" in word)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.end()

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60) as browser:
            assert browser.get(self.entrance).status_code == 303
            self._read_entrance()  # of the next browser
            yield browser

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
