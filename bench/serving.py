"""Serves the pages of a workspace in a process of its own, for benches that measure them.

python -m bench.serving WORKSPACE
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lineament.settings import Settings
from lineament.web.serve import listening, server
from lineament.workspace import Workspace

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """The server, in its own process."""

    port: int
    process: int

    def processor(self) -> float:
        """Return its CPU time so far, in ms."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(home: Path, environment: Mapping[str, str] | None = None) -> Iterator[ServerProcess]:
    """Serve a workspace while the block runs; ``environment`` is added to that of this process."""
    command = [sys.executable, "-m", "bench.serving", str(home)]
    variables = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, env=variables) as running:
        assert running.stdout is not None
        try:
            yield ServerProcess(int(running.stdout.readline()), running.pid)
        finally:
            running.terminate()


def serve(home: Path) -> None:
    """Serve until terminated, with the port on standard output."""
    with Workspace.open(Settings(home=home)) as workspace, closing(listening("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        server(workspace, "the token of the bench").run(sockets=[listener])


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
