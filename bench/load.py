"""Measures examiners who search at once through `lineament serve` beside an ingest, as long as one likes.

    python -m bench.load [--minutes 10] [--clients 50] [--think 10] [--faces 10000] [--processes 1]

Each examiner signs in, opens a case, and searches as a browser does: the form, a photograph that nobody has sent
before, the page with its faces, the reason, the list, and the pictures on both pages. A person takes --think seconds
before each of the two forms, half as long to one and a half times as long. Meanwhile the worker beside the pages takes
in one folder after the other. Afterwards each list that was shown has to be on the ledger, complete, and the ledger to
verify. Ends with 1 if a request failed, a search is lost, p99 is 1 s or more, or the memory of the server grew.

One process serves one person's workspace on SQLite; several serve an agency's on PostgreSQL, where each examiner has an
account.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO

import httpx
import numpy as np
from tests.memory import descendants, memory
from tests.support.killable_server import KillableServer
from tests.support.postgresql import postgresql_server
from tests.support.several import on_postgresql, several

from bench import machine
from bench.examiners import AnsweredSearch, Examiner, UnexpectedAnswerError, fill, photographs
from bench.serving import ServerProcess
from bench.whole import build, enrol_made_up, made_up
from lineament.errors import LineamentError
from lineament.model.accounts import HOME_AGENCY, FactorKind, Role
from lineament.model.jobs import ENDED, JobState
from lineament.services.jobs.kinds import INGEST, ingest_arguments
from lineament.services.people.sessions import digest_of
from lineament.settings import Settings
from lineament.web.security import new_key
from lineament.workspace import Desk, Workspace

LIMIT_SECONDS = 1.0
MOST_GROWTH = 0.05
"""By how much the memory of the last fifth may exceed that of the middle one."""
FOLDER = 200
"""Photographs that one job takes in."""
SHOWN = 5


@dataclass(slots=True)
class Load:
    """What was done and seen while the examiners searched."""

    answered: list[tuple[int, AnsweredSearch]] = field(default_factory=list)  # with the number of the examiner
    errors: Counter[str] = field(default_factory=Counter)
    ingested: int = 0  # faces
    memory: list[int] = field(default_factory=list)  # KiB of all processes, once a second
    seconds: float = 0.0
    processor: float = 0.0  # ms of the server alone


@dataclass(frozen=True, slots=True)
class Site:
    """A workspace that is served."""

    process: int  # which started all others
    serving: Callable[[], list[int]]  # the processes that answer
    port: int
    browser: Callable[[int], AbstractContextManager[httpx.Client]]  # of an examiner, signed in
    desk: Callable[[int], Desk]  # of that examiner
    operator: Callable[[], Desk]
    auditor: Callable[[], Desk]

    def processor(self) -> float:
        """Return the CPU time of the processes that answer, in ms."""
        return sum(ServerProcess(self.port, one).processor() for one in self.serving())


@contextmanager
def one_process(folder: Path, faces: int, environment: Mapping[str, str], said: IO[bytes]) -> Iterator[Site]:
    """Serve one person's workspace on SQLite."""
    home = folder / "ws"
    build(home, faces)
    with Workspace.open(Settings(home=home)) as workspace:
        workspace.desk_at_the_machine().sources.add(made_up("growing"))
        fill(workspace, folder / "shown")
    server = KillableServer(home, environment, said)
    try:
        with Workspace.open(Settings(home=home)) as workspace:
            pid, desk = server.process.pid, workspace.desk_at_the_machine
            yield Site(pid, lambda: [pid], server.port, lambda _: server.browser(), lambda _: desk(), desk, desk)
    finally:
        server.end()


@contextmanager
def several_processes(
    folder: Path, faces: int, environment: Mapping[str, str], said: IO[bytes], *, processes: int, examiners: int
) -> Iterator[Site]:
    """Serve an agency's workspace on PostgreSQL, with an account for each examiner."""
    with postgresql_server() as server, on_postgresql(server.uri, folder) as made:
        world, operator = made.world, made.desk
        second = world.sign_up("second@agency.example", Role.OPERATOR)
        made_up_faces, growing = (operator().sources.add(made_up(name)) for name in ("made", "growing"))
        for source in (made_up_faces, growing):
            world.fresh_desk(second.account).sources.approve(source.name)
        enrol_made_up(world.workspace, made_up_faces, faces)
        accounts = [
            world.join(HOME_AGENCY, Role.EXAMINER, email=f"{number}@agency.example") for number in range(examiners)
        ]
        keys = []
        for account in accounts:
            world.train(account, days=3650)
            with world.setting_up() as tx:
                keys.append(new_key())
                session = tx.sessions.begin(account.id, digest_of(keys[-1]), world.clock(), "bench", terminal=False)
                tx.factors.add(account.id, FactorKind.TOTP, "phone", {"secret": "A" * 32}, world.clock())
                tx.sessions.prove(session.id, world.clock())
        with several(made, processes=processes, worker=True, errors=said, **environment) as running:

            def browser(number: int) -> httpx.Client:
                at = f"http://localhost:{running.port}"
                return httpx.Client(base_url=at, cookies={f"lineament-{running.port}": keys[number]}, timeout=60)

            def desk(number: int) -> Desk:
                operator()  # the clock goes on
                return world.fresh_desk(accounts[number])

            yield Site(running.first.pid, running.serving, running.port, browser, desk, operator, lambda: world.machine)


def examine(site: Site, load: Load, clients: int, think: float, minutes: float) -> None:
    """Let the examiners search until the time is over."""
    with ExitStack() as stack:
        examiners = [Examiner(stack.enter_context(site.browser(number)), number) for number in range(clients)]
        for examiner in examiners[: 2 * len(site.serving())]:  # the nets are loaded, the indexes open
            examiner.search()
        began, spent = time.monotonic(), site.processor()

        def work(examiner: Examiner) -> None:
            chance = random.Random(examiner.number)
            time.sleep(chance.uniform(0, 2 * think))
            while time.monotonic() < began + 60 * minutes:
                try:
                    load.answered.append((examiner.number, examiner.search(think * chance.uniform(0.5, 1.5))))
                except (UnexpectedAnswerError, httpx.HTTPError) as error:
                    load.errors[f"{type(error).__name__}: {error}"] += 1

        with ThreadPoolExecutor(clients) as pool:
            for done in [pool.submit(work, examiner) for examiner in examiners]:
                done.result()
        load.seconds, load.processor = time.monotonic() - began, site.processor() - spent


def ingest(site: Site, folder: Path, load: Load, over: threading.Event) -> None:
    """Have the worker beside the pages take in one folder after the other until the searches are over."""
    for number in count():
        what = str(photographs(folder / str(number), FOLDER))
        arguments = ingest_arguments("growing", [what], None, None, skip_hidden=False)
        job = site.operator().jobs.add(INGEST, arguments, source="growing")
        while job.state not in ENDED:
            if over.wait(0.5):
                return
            job = site.operator().jobs.show(job.id)
        if job.state is not JobState.DONE:
            load.errors[f"ingest: {job.state} {job.error}"] += 1


def watch(process: int, load: Load, over: threading.Event) -> None:
    """Sample the memory of the server and of everything that it started."""
    while not over.wait(1.0):
        load.memory.append(sum(map(memory, descendants(process))))


@contextmanager
def beside(*works: Callable[[threading.Event], None]):  # type: ignore[no-untyped-def]
    """Do other things while the block runs."""
    over = threading.Event()
    with ThreadPoolExecutor(len(works)) as pool:
        running = [pool.submit(work, over) for work in works]
        try:
            yield
        finally:
            over.set()
        for work in running:
            work.result()


def lost(site: Site, load: Load) -> list[str]:
    """Count what was taken in; return what is not as it was answered, and the fault of the ledger, if it has one."""
    faults: list[str] = []
    desk = site.operator()
    load.ingested = next(source.faces for source in desk.sources.list() if source.name == "growing")
    for number, one in load.answered:
        try:
            result = site.desk(number).search.stored(one.name).result
            if result.ledger_entry is None or result.uncompared:
                faults.append(f"{one.name}: entry {result.ledger_entry}, {result.uncompared} not compared")
        except LineamentError as error:
            faults.append(f"{one.name}: {error}")
    try:
        site.auditor().audit.verify()
    except LineamentError as error:
        faults.append(str(error))
    return faults


def times(name: str, seconds: Sequence[float]) -> str:
    """Return percentiles."""
    if not seconds:
        return f"{name}: none"
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    return f"{name}: p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s, longest {max(seconds):.2f} s"


def fifths(samples: Sequence[int]) -> list[float]:
    """Return the memory in MiB, the median of each fifth of the time."""
    return [float(np.median(part)) / 1024 for part in np.array_split(samples, min(5, len(samples)))]


def report(load: Load, faults: Sequence[str]) -> int:
    """Print what was measured; return 1 if it is not as it should be."""
    made, megabytes = len(load.answered), fifths(load.memory)
    answered = [one for _, one in load.answered]
    whole = [one.whole for one in answered]
    print(
        f"{made:,} searches in {load.seconds:.0f} s, {made / load.seconds:.1f} a second; "
        f"{load.ingested:,} faces taken in meanwhile"
    )
    each = load.processor / max(1, made)
    print(
        f"processor time of the server, without its decoders: {each:.0f} ms a search with its pages and pictures, "
        f"{load.processor / 10 / load.seconds:.0f} % of one processor"
    )
    print(times("a search, photograph to list", whole))
    print(times("  of which photograph to its faces", [one.photograph for one in answered]))
    print(times("  of which reason to the list", [one.search for one in answered]))
    print(times("the pictures on both pages, after it", [one.pictures for one in answered]))
    print(
        "memory of the server, its worker and decoders (PSS): "
        + " → ".join(f"{size:.0f}" for size in megabytes)
        + " MiB"
    )
    print(f"errors: {load.errors.total()}; searches lost or incomplete, or the ledger broken: {len(faults)}")
    for line in [*(f"{many} × {words}" for words, many in load.errors.most_common(SHOWN)), *faults[:SHOWN]]:
        print(f"  {line}")
    slow = not whole or float(np.percentile(whole, 99)) >= LIMIT_SECONDS
    grew = megabytes[-1] > (1 + MOST_GROWTH) * megabytes[len(megabytes) // 2]
    return 1 if load.errors or faults or slow or grew else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--think", type=float, default=10.0, help="seconds of a person before each form")
    parser.add_argument("--faces", type=int, default=10_000, help="of strangers in the gallery")
    parser.add_argument("--processes", type=int, default=1, help="of the pages; several need PostgreSQL")
    given = parser.parse_args()
    print(machine.line("uvicorn", "openvino", "sqlalchemy"))
    print(
        f"load before: {os.getloadavg()[0]:.1f}; {given.clients} examiners, {given.think:g} s of thought before each "
        f"form, {given.faces:,} faces of strangers, served by {given.processes}"
    )
    load = Load()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        temporary, said = folder / "temporary", folder / "said"
        temporary.mkdir()
        environment = {"TMPDIR": str(temporary)}
        with said.open("wb") as errors:
            serving = (
                one_process(folder, given.faces, environment, errors)
                if given.processes == 1
                else several_processes(
                    folder, given.faces, environment, errors, processes=given.processes, examiners=given.clients
                )
            )
            with serving as site:
                with beside(
                    lambda over: ingest(site, folder / "photographs", load, over),
                    lambda over: watch(site.process, load, over),
                ):
                    examine(site, load, given.clients, given.think, given.minutes)
                faults = lost(site, load)
        left = [path for path in temporary.rglob("*") if path.is_file()]
        faults += [f"a file was left in the folder of temporary ones: {path.name}" for path in left]
        faults += [f"the server said: {line}" for line in said.read_text().splitlines() if not line.endswith("): done")]
    return report(load, faults)


if __name__ == "__main__":
    sys.exit(main())
