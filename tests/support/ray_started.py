"""A cluster as an agency starts it: with `lineament cluster`, a token and certificates; all nodes are this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.proxied import free_port


@dataclass(frozen=True, slots=True)
class StartedCluster:
    """Where it is, and the commands that use it."""

    address: str  # of this machine
    port: int
    keys: Path
    scratch: Path  # part of the command line of each of its processes
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """What commands need to reach it."""
        own = {"LINEAMENT_CLUSTER": f"{self.address}:{self.port}", "LINEAMENT_CLUSTER_KEYS": str(self.keys)}
        return dict(os.environ) | own | {"LINEAMENT_HOME": str(self.home), "LINEAMENT_CLUSTER_DEADLINE": "5"}

    def run(self, *words: object, code: int = 0, **changes: str) -> str:
        """Run a command of lineament; return what it wrote."""
        command = [sys.executable, "-m", "lineament", *map(str, words)]
        environment = self.environment | changes
        ended = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def json(self, *words: object) -> Any:
        """Run a command; return the JSON that it wrote."""
        out = self.run(*words, "--json")
        return json.loads(out[out.index("{") :])

    def processes(self) -> dict[int, str]:
        """Return the processes of Ray that belong to it, and the workers that they started, with their titles."""
        titles = _titles()
        own = {pid for pid, title in titles.items() if str(self.scratch) in title and pid != os.getpid()}
        return {pid: title for pid, title in titles.items() if pid in own or _parent(pid) in own}

    def shards(self) -> list[int]:
        """Return the processes of the shards."""
        return [pid for pid, title in self.processes().items() if title.startswith("ray::ShardActor")]

    def end(self) -> None:
        """Kill every process of it."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def started_cluster(folder: Path, scratch: Path, home: Path) -> Iterator[StartedCluster]:
    """Make keys and start two nodes with two shards; kill all of it afterwards."""
    cluster = _first_node(folder, scratch, home)
    try:
        cluster.run("cluster", "up", "--at", cluster.address, "--capacity", 2, "--join")
        yield cluster
    finally:
        cluster.end()


def _first_node(folder: Path, scratch: Path, home: Path) -> StartedCluster:
    """Begin a cluster. Ray gives a node 30 s to start, which a busy machine may need more than once."""
    import ray

    shape = ("--shards", 2, "--copies", 1, "--folder", folder / "shards", "--scratch", scratch)
    for left in (2, 1, 0):
        cluster = StartedCluster(ray.util.get_node_ip_address(), free_port(), folder / "keys", scratch, home)
        cluster.run("cluster", "keys", cluster.keys, "--address", cluster.address)
        try:
            cluster.run("cluster", "up", "--at", cluster.address, "--capacity", 2, *shape)
        except AssertionError:
            cluster.end()
            if not left:
                raise
        else:
            return cluster
    raise AssertionError


def _titles() -> Mapping[int, str]:
    titles = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            titles[int(path.parent.name)] = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return titles


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0
