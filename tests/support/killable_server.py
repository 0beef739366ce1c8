"""``lineament serve`` as a process that a test kills and starts again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class KillableServer:
    """``lineament serve`` as a process, which can be killed and started again on its port."""

    def __init__(self, home: Path) -> None:
        self.port, self._home = free_port(), home
        self.entrance = ""
        self.start()

    def start(self) -> None:
        line = [sys.executable, "-m", "lineament", "--home", str(self._home), "serve", "--port", str(self.port)]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment)
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
            yield browser

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
