"""Drops a folder into a source through the pages, compared with ``lineament ingest`` of the same folder.

    python -m bench.drop [--pictures 10000] [--kill] [--chromium 200]

The pictures are the portraits of the demonstration, each a little different. They are sent by a client as the page
sends them, to ``lineament serve`` with its worker, and ingested while they arrive; both ingests are complete, each into
a new workspace, one after the other. Prints the rates and the memory of the server, which must stay flat. With
``--kill`` the server is killed in the middle (SIGKILL) and started again, and no rate is asked for. A smaller folder is
dropped in Chromium. Ends with 1 if the rate is below 85 % of that of the command, or a picture is not in the gallery
exactly once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.browsers import CHROMIUM, open_chromium
from tests.support.dropping import DropClient, batches
from tests.support.killable_server import KillableServer
from tests.support.processes import command as command_line
from tests.support.processes import create, run_well, vary_portraits

from bench import machine

SOURCE = "press"
LEAST = 0.85
"""The rate of a drop, of that of the command."""


@dataclass
class Memory:
    """The memory of the server over time."""

    samples: list[float] = field(default_factory=list)  # MiB

    @contextmanager
    def watching(self, server: KillableServer) -> Iterator[None]:
        """Sample until the end of the block."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                if (now := resident(server.process.pid)) is not None:
                    self.samples.append(now)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def __str__(self) -> str:
        fifth = max(1, len(self.samples) // 5)
        parts = [max(self.samples[at : at + fifth]) for at in range(0, len(self.samples), fifth)][:5]
        return " → ".join(f"{part:.0f}" for part in parts) + " MiB, the most in each fifth of the time"


def resident(pid: int) -> float | None:
    """Return the memory of a process in MiB; None if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(found[0]) / 1024 if found else None


def dropped(home: Path, folder: Path, memory: Memory, *, kill: bool) -> float:
    """Drop a folder; return the seconds until everything of it is in the gallery."""
    server = KillableServer(home)
    try:
        with memory.watching(server):
            began = time.perf_counter()
            if kill:
                with server.browser() as browser:
                    client = DropClient(browser, SOURCE).open()
                    waiting = list(client.list_folder(folder))
                    for batch in batches(waiting[: len(waiting) // 2]):
                        client.answer(client.parts(batch))
                server.kill()
                server.start()
            with server.browser() as browser:
                client = DropClient(browser, SOURCE).open()
                client.drop(folder)
                while not client.standing()["over"]:
                    time.sleep(0.2)
            return time.perf_counter() - began
    finally:
        server.end()


def in_chromium(home: Path, folder: Path) -> float:
    """Choose a folder on the page in Chromium; return the seconds until everything of it is in the gallery."""
    server = KillableServer(home)
    try:
        with open_chromium() as browser:
            page = browser.new_page()
            page.goto(server.entrance)
            page.goto(f"http://127.0.0.1:{server.port}/sources/{SOURCE}/take-in")
            began = time.perf_counter()
            page.set_input_files("#folder", folder)
            page.wait_for_selector("#finished:not([hidden])", timeout=3_600_000)
            return time.perf_counter() - began
    finally:
        server.end()


def taken(home: Path) -> int:
    """Return how many pictures the source has; each of other bytes is one."""
    found: int = json.loads(run_well(home, "source", "show", SOURCE, "--json"))["captures"]
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; see the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--chromium", type=int, default=200)
    options = parser.parse_args(arguments)
    print(machine.line("uvicorn", "starlette"))
    memory, right = Memory(), True
    with tempfile.TemporaryDirectory(prefix="bench-") as where:
        here = Path(where)
        folder = vary_portraits(here / "pictures", options.pictures)
        by_command = create(here / "command")
        began = time.perf_counter()
        subprocess.run(command_line(by_command, "ingest", SOURCE, folder), check=True, stdout=subprocess.DEVNULL)
        command = options.pictures / (time.perf_counter() - began)
        by_drop = create(here / "drop")
        drop = options.pictures / dropped(by_drop, folder, memory, kill=options.kill)
        right &= taken(by_command) == taken(by_drop)
        print(
            f"{options.pictures:,} pictures: the command {command:.1f} a second, a drop {drop:.1f} a second, ", end=""
        )
        print(f"{drop / command:.2f} of it{' with a kill of the server' if options.kill else ''}")
        print(f"in the gallery: {taken(by_command):,} by the command, {taken(by_drop):,} by the drop")
        print(f"memory of the server: {memory}")
        if options.chromium and CHROMIUM is not None:
            small = vary_portraits(here / "small", options.chromium, width=312)
            seconds = in_chromium(by_drop, small)
            print(f"in Chromium: {options.chromium:,} pictures in {seconds:.1f} s")
    return 0 if right and (drop / command >= LEAST or options.kill) else 1


if __name__ == "__main__":
    sys.exit(main())
