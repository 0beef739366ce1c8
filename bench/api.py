"""Pictures through ``/v1``, compared with ``lineament ingest`` of the same folder, and what a search there costs more.

    python -m bench.api [--pictures 10000] [--lfw DIR] [--searches 100]

The pictures are the portraits of the demonstration, each a little different (of ten thousand, about half have the bytes
of another, and are a further place of it), or with ``--lfw`` those of a folder. They are uploaded with
``lineament.client`` to ``lineament serve`` with its worker, and taken in while they arrive; both ingests are complete,
each into a new workspace, one after the other. Then that gallery is searched with one photograph, by turns by the
service in this process and by ``lineament serve`` on the loopback, whose JSON is read as it is, or by the client. Ends
with 1 if the rate is below 90 % of that of the command, or the galleries differ, or a search through HTTP costs 5 ms
more.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import httpx
from tests.support.killable_server import free_port
from tests.support.processes import command as command_line
from tests.support.processes import create, run_well, vary_portraits
from tests.support.serve_command import serve_command

from bench import machine
from lineament.client import Client, Face
from lineament.client import Settings as SearchSettings
from lineament.model.cases import CaseTerms
from lineament.model.search import Mode, SearchRequest
from lineament.settings import Settings
from lineament.workspace import Workspace

SOURCE = "press"
CASE = CaseTerms(ref="2026-1", offence="fraud", purpose="to find where it was published", basis="CPP 77")
REASON = "to measure"
LEAST = 0.9
"""The rate through the API, of that of the command."""
MOST_MORE = 5.0
"""Milliseconds that a search may cost more through the API."""


@contextmanager
def served(home: Path) -> Iterator[str]:
    """Run ``lineament serve`` during the block; yield its address."""
    port = free_port()
    with serve_command(home, port, {}):
        yield f"http://127.0.0.1:{port}"


def through_api(home: Path, folder: Path) -> float:
    """Upload a folder to a server; return the seconds until everything of it is in the gallery."""
    asked = ("key", "add", "bench", "--right", "manage-sources", "--per-minute", "60000", "--json")
    key = json.loads(run_well(home, *asked))["key"]
    with served(home) as url, Client(url, key) as client:
        began = time.perf_counter()
        upload = client.uploads.folder(SOURCE, folder).upload
        sent = time.perf_counter() - began
        while client.uploads.get(SOURCE, upload).ended_at is None:
            time.sleep(0.2)
        taken = time.perf_counter() - began
    print(f"uploaded in {sent:.1f} s, all taken in after {taken:.1f} s")
    return taken


def by_command(home: Path, folder: Path) -> float:
    """Ingest a folder with the command; return the seconds."""
    began = time.perf_counter()
    subprocess.run(command_line(home, "ingest", SOURCE, folder), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def taken(home: Path) -> tuple[int, int]:
    """Return how many pictures and faces the source has; pictures of the same bytes are one."""
    found = json.loads(run_well(home, "source", "show", SOURCE, "--json"))
    return found["captures"], found["faces"]


def searches(home: Path, photograph: Path, times: int) -> float:
    """Search by turns in these ways and print what each takes; return how many milliseconds more HTTP costs."""
    home_settings = Settings(home=home)
    with Workspace.open(home_settings) as workspace:
        workspace.desk_at_the_machine().casework.open(CASE)
    asked = ("key", "add", "bench", "--right", "search", "--right", "open-cases", "--right", "read-cases")
    bound = ("--case", CASE.ref, "--reason", REASON, "--per-minute", "60000", "--json")
    key = json.loads(run_well(home, *asked, *bound))["key"]
    with (
        Workspace.open(home_settings) as workspace,
        served(home) as url,
        Client(url, key) as client,
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=120) as http,
    ):
        desk = workspace.desk_at_the_machine()
        probe = desk.probes.take(CASE.ref, photograph.read_bytes())
        request = SearchRequest(case=CASE.ref, reason=REASON, mode=Mode.INVESTIGATION)
        face, how = Face(probe=probe.id, face=1), SearchSettings(reason=REASON, mode=Mode.INVESTIGATION.value)
        sent = {"probe": probe.id, "face": 1, "reason": REASON, "mode": Mode.INVESTIGATION.value}
        ways: dict[str, Callable[[], object]] = {
            "the service": lambda: desk.search.run(probe.id, request, 1),
            "through /v1": lambda: http.post(f"/v1/cases/{CASE.ref}/searches", json=sent).raise_for_status().json(),
            "through /v1, with the client": lambda: client.searches.make(CASE.ref, face, how),
        }
        took: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(times + 3):
            for way, search in ways.items():
                began = time.perf_counter()
                search()
                took[way].append(1000 * (time.perf_counter() - began))
    middle = {}
    for way, found in took.items():
        warm = sorted(found[3:])
        middle[way] = statistics.median(warm)
        print(f"one search, {way}: p50 {middle[way]:.1f} ms, p95 {warm[int(0.95 * len(warm))]:.1f} ms")
    more = middle["through /v1"] - middle["the service"]
    print(f"HTTP and JSON cost {more:.1f} ms of a search (p50)")
    return more


def some_of(lfw: Path, folder: Path, many: int) -> Path:
    """Copy the first pictures of a folder with one folder for each person."""
    for path in islice(sorted(lfw.rglob("*.jpg")), many):
        place = folder / path.relative_to(lfw)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return folder


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; see the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--lfw", type=Path)
    parser.add_argument("--searches", type=int, default=100)
    options = parser.parse_args(arguments)
    print(machine.line("uvicorn", "starlette", "fastapi", "httpx"))
    with tempfile.TemporaryDirectory(prefix="bench-") as where:
        here = Path(where)
        folder = here / "pictures"
        if options.lfw is None:
            vary_portraits(folder, options.pictures)
        else:
            some_of(options.lfw, folder, options.pictures)
        many = sum(path.is_file() for path in folder.rglob("*"))
        command, api = create(here / "command"), create(here / "api")
        rates = many / by_command(command, folder), many / through_api(api, folder)
        ratio = rates[1] / rates[0]
        print(f"{many:,} pictures: the command {rates[0]:.1f} a second, /v1 {rates[1]:.1f} a second, {ratio:.2f} of it")
        galleries = [taken(home) for home in (command, api)]
        for way, (captures, faces) in zip(("the command", "/v1"), galleries, strict=True):
            print(f"in the gallery by {way}: {captures:,} pictures, {faces:,} faces")
        more = searches(api, next(folder.rglob("*.jpg")), options.searches)
    return 0 if galleries[0] == galleries[1] and ratio >= LEAST and more < MOST_MORE else 1


if __name__ == "__main__":
    sys.exit(main())
