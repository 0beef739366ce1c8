"""Two machines with a network of their own, made of namespaces: what runs there is reached from nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import ROOT

FIRST, SECOND = "10.0.0.1", "10.0.0.2"
"""Their addresses."""
_NETWORK = f"""
ip link set lo up
unshare --net sleep infinity & second=$!
ip link add wire type veth peer name far
until [ "$(readlink /proc/$second/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link set far netns $second
ip addr add {FIRST}/24 dev wire
ip link set wire up
nsenter --target $second --net sh -c 'ip link set lo up; ip addr add {SECOND}/24 dev far; ip link set far up'
echo $second
exec sleep infinity
"""


@dataclass(frozen=True, slots=True)
class Machines:
    """Both machines; they share files and processes."""

    first: int  # a process of the first one
    second: int  # a process of the second one, as the first one counts

    def command(self, address: str, *words: object) -> list[str]:
        """Return the command that runs another one on a machine."""
        inside = ["nsenter", f"--target={self.second}", "--net"] if address == SECOND else []
        namespaces = ("--user", "--net", "--pid", "--mount", "--preserve-credentials")
        return ["nsenter", f"--target={self.first}", *namespaces, *inside, *map(str, words)]

    def run(
        self, address: str, *words: object, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a machine to its end."""
        variables = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
        return subprocess.run(
            self.command(address, *words),
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Cut the wire between them."""
        self._set_wire("down")
        try:
            yield
        finally:
            self._set_wire("up")

    def _set_wire(self, how: str) -> None:
        done = self.run(SECOND, "ip", "link", "set", "far", how)
        assert done.returncode == 0, done.stderr


@contextmanager
def two_machines() -> Iterator[Machines]:
    """Make both machines; end everything that runs there afterwards. Skips the test where that is not allowed."""
    line = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with subprocess.Popen([*line, "sh", "-ec", _NETWORK], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        try:
            said = running.stdout.readline().strip()
            if not said:
                pytest.skip(f"no namespaces can be made here: {running.stderr.read().decode().strip()}")
            [first] = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text("ascii").split()
            yield Machines(int(first), int(said))
        finally:
            running.send_signal(signal.SIGKILL)  # the kernel ends the processes of the namespace with its first one
