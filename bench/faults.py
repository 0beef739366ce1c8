"""Kills the pages, an ingest and PostgreSQL at random moments, while examiners search; the clock jumps, too.

    python -m bench.faults [--kills 100] [--seed 1] [--database postgresql] [--only web]

`kill -9` ends `lineament serve` (web), a decoder of it, `lineament ingest`, or every process of PostgreSQL; each is
started again, and the next kill comes 1 to 8 seconds later. After each, every list that an examiner was shown is looked
up: its entry is on the ledger, its candidates are those that were shown, and it is complete. Every picture of a folder
that an ingest reported as taken in is there, once. Every twenty kills and at the end the ledger verifies and the doctor
finds nothing bad. An examiner may get no answer, or be told to try again (503); anything else is a fault.

The clock of the pages and of the ingest (clock) jumps an hour back for some seconds, in which nothing may be recorded,
or twenty seconds ahead for good. That needs a C compiler.

With --full-disk nothing is killed: the disk of the workspace fills up instead, which has to be told as such (507), and
searches go on as soon as there is space again. It needs user namespaces. Ends with 1 if there is a fault.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import sqlalchemy as sa
from hatch_build import compiler
from tests.support.killable_server import KillableServer
from tests.support.postgresql import PostgresServer, owner_of, postgresql_server, role_address, separate_roles
from tests.support.processes import command

from bench import machine
from bench.examiners import AnsweredSearch, Examiner, UnexpectedAnswerError, fill, photographs
from bench.whole import made_up
from lineament.errors import LineamentError
from lineament.services.doctor import Verdict
from lineament.setting_values import Secret
from lineament.settings import Settings
from lineament.store.tables import captures
from lineament.workspace import Workspace

FOLDER = 12
"""Photographs in one folder that is taken in."""
TRY_AGAIN, FULL = 503, 507
WHOLE_CHECK = 20
"""Kills between two checks of everything."""
_ROOT = Path(__file__).parents[1]


class JumpingClock:
    """The time of this machine and some seconds, also in processes that are started with ``environment``."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "jumping_clock.so", folder / "clock"
        source = str(_ROOT / "bench" / "jumping_clock.c")
        subprocess.run([*compiler(), "-shared", "-fPIC", "-O2", "-o", str(library), source], check=True)
        self.environment = {"LD_PRELOAD": str(library), "JUMPING_CLOCK": str(self._file)}
        self.ahead = 0
        self.jump(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def jump(self, seconds: int) -> None:
        """Be so many seconds ahead of this machine's clock."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:  # mapped: it stays the same file
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))


@dataclass
class Place:
    """The workspace, what runs on it, and what was acknowledged."""

    folder: Path
    workspace: Workspace
    environment: dict[str, str]
    server: KillableServer
    browser: httpx.Client
    undo: ExitStack  # ends what the place holds
    postgresql: PostgresServer | None
    clock: JumpingClock
    chance: random.Random
    ingest: subprocess.Popen[str] | None = None
    away: bool = False  # the pages are being started again; nobody has signed in yet
    over: bool = False
    answered: list[AnsweredSearch] = field(default_factory=list)
    taken_in: dict[str, int] = field(default_factory=dict)  # digests of files that were reported as taken in
    looked_up: int = 0  # of those answered
    not_answered: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def sign_in(self) -> None:
        """Open the pages in a new browser."""
        pages = f"http://127.0.0.1:{self.server.port}"
        browser = self.undo.enter_context(httpx.Client(base_url=pages, timeout=60))
        assert browser.get(self.server.entrance).status_code == 303
        self.browser = browser  # now that it is signed in; an examiner takes it at once


# ---------------------------------------------------------------- what goes on meanwhile


def examine(place: Place, number: int) -> None:
    """Search until it is over, in the browser that is open now."""
    examiner = Examiner(place.browser, number)
    while not place.over:
        examiner.browser = place.browser
        try:
            place.answered.append(examiner.search())
        except httpx.HTTPError as error:
            place.not_answered[type(error).__name__] += 1
            time.sleep(0.5)
        except UnexpectedAnswerError as error:
            place.not_answered[str(error.status)] += 1
            signed_out = place.away or examiner.browser is not place.browser
            if error.status != TRY_AGAIN and not signed_out:
                place.faults.append(f"an examiner was answered: {error}")
            time.sleep(0.5)


def take_in(place: Place) -> None:
    """Take in one folder after the other until it is over; an ingest that was killed is run again."""
    for number in count():
        folder = photographs(place.folder / "photographs" / str(number), FOLDER)
        line = command(place.workspace.home, "ingest", "growing", folder, "--json")
        while True:
            if place.over:
                return
            with subprocess.Popen(
                line, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as place.ingest:
                told, said = place.ingest.communicate()
            if place.ingest.returncode == 0:
                break
            place.not_answered[f"ingest ended with {place.ingest.returncode}"] += 1
            if place.ingest.returncode > 0 and len(said.strip().splitlines()) != 1:
                place.faults.append(f"an ingest ended with {place.ingest.returncode} and said: {said.strip()[-500:]}")
        place.faults += [f"an ingest refused a picture: {one['why']}" for one in json.loads(told)["refused"]]
        for path in folder.iterdir():
            place.taken_in[hashlib.sha256(path.read_bytes()).hexdigest()] = number


# ---------------------------------------------------------------- kills


def kill_web(place: Place) -> bool:
    """Kill `lineament serve`, and start it again."""
    place.away = True
    place.server.kill()
    place.server.start()
    place.sign_in()
    place.away = False
    return True


def kill_decoder(place: Place) -> bool:
    """Kill a process that decodes photographs for the pages."""
    for process in psutil.Process(place.server.process.pid).children():
        with suppress(psutil.Error):  # it has ended meanwhile
            if "decode" in " ".join(process.cmdline()):
                process.kill()
                return True
    return False


def kill_ingest(place: Place) -> bool:
    """Kill `lineament ingest`, which is run again."""
    running = place.ingest
    if running is None or running.poll() is not None:
        return False
    running.kill()
    return True


def kill_postgresql(place: Place) -> bool:
    """Kill every process of PostgreSQL, and start it again."""
    assert place.postgresql is not None
    place.postgresql.kill()
    place.postgresql.start_again()
    return True


def jump_clock(place: Place) -> bool:
    """Set the clock an hour back for a while, or twenty seconds ahead for good."""
    if place.chance.random() < 0.5:
        place.clock.jump(place.clock.ahead - 3600)
        time.sleep(4)
        place.clock.jump(place.clock.ahead)
    else:
        place.clock.ahead += 20
        place.clock.jump(place.clock.ahead)
    return True


KILLS = {
    "web": kill_web,
    "decoder": kill_decoder,
    "ingest": kill_ingest,
    "postgresql": kill_postgresql,
    "clock": jump_clock,
}


# ---------------------------------------------------------------- checks


def look_up(place: Place) -> None:
    """Look up the lists that were shown since the last time."""
    desk = place.workspace.desk_at_the_machine()
    for one in place.answered[place.looked_up :]:
        place.looked_up += 1
        try:
            result = desk.search.stored(one.name).result
        except LineamentError as error:
            place.faults.append(f"search {one.name}: {error}")
            continue
        ranks = {candidate.rank for candidate in result.candidates}
        if result.ledger_entry is None or result.uncompared or ranks != one.ranks:
            place.faults.append(
                f"search {one.name}: entry {result.ledger_entry}, {result.uncompared} faces not compared, "
                f"candidates {sorted(ranks)}, shown {sorted(one.ranks)}"
            )


def check_everything(place: Place) -> None:
    """Look up what was taken in, verify the ledger and ask the doctor."""
    with place.workspace.store.read() as tx:
        kept = Counter(tx.connection.scalars(sa.select(captures.c.sha256)))
    wrong = [digest for digest in place.taken_in if kept[digest] != 1]
    place.faults += [f"picture {digest[:12]} is there {kept[digest]} times" for digest in wrong]
    desk = place.workspace.desk_at_the_machine()
    try:
        desk.audit.verify()
    except LineamentError as error:
        place.faults.append(f"the ledger: {error}")
    checks = desk.doctor.run(pictures=True)
    place.faults += [f"the doctor: {one.name}: {one.detail}" for one in checks if one.verdict is Verdict.BAD]


# ---------------------------------------------------------------- the runs


@contextmanager
def running(folder: Path, database: str, seed: int = 1) -> Iterator[Place]:
    """Yield a workspace with a few faces, served."""
    with ExitStack() as stack:
        settings, environment, postgresql = Settings(home=folder / "ws"), dict(os.environ), None
        clock = JumpingClock(folder)
        if database == "postgresql":
            postgresql = stack.enter_context(postgresql_server())
            separate_roles(postgresql.uri, "faults")
            url = role_address(postgresql.uri, "lineament", "faults")
            environment["LINEAMENT_DATABASE_URL"] = url
            owner = Secret(owner_of(url) or "")
            settings = Settings(home=settings.home, database_url=Secret(url), database_owner_url=owner)
        workspace = stack.enter_context(Workspace.create(settings, clock=clock))
        workspace.desk_at_the_machine().sources.add(made_up("growing"))
        fill(workspace, folder / "shown")
        environment |= clock.environment
        server = KillableServer(settings.home, environment)
        stack.callback(server.end)
        browser, chance = stack.enter_context(httpx.Client()), random.Random(seed)
        place = Place(folder, workspace, environment, server, browser, stack, postgresql, clock, chance)
        place.sign_in()
        yield place


def kill_at_random(place: Place, kills: int, clients: int, names: list[str]) -> None:
    """Kill so many times while examiners search and an ingest runs."""
    chance, began = place.chance, time.monotonic()
    with ThreadPoolExecutor(clients + 1) as pool:
        at_work = [pool.submit(examine, place, number) for number in range(clients)] + [pool.submit(take_in, place)]
        try:
            for number in range(1, kills + 1):
                time.sleep(chance.uniform(1, 8))
                name, known = chance.choice(names), len(place.faults)
                moment, killed = time.monotonic() - began, KILLS[name](place)
                look_up(place)
                if number % WHOLE_CHECK == 0:
                    check_everything(place)
                print(
                    f"{moment:6.1f} s {name}{'' if killed else ', which was not running'}; "
                    f"{place.looked_up} lists looked up, {len(place.taken_in)} pictures reported",
                    flush=True,
                )
                for fault in place.faults[known:]:
                    print(f"  {fault}", flush=True)
        finally:
            place.over = True
        for work in at_work:
            work.result()
    look_up(place)
    check_everything(place)


def fill_the_disk(place: Place, rounds: int) -> None:
    """Fill the disk, see that searches are refused in so many words, make space and see that they go on."""
    examiner = Examiner(place.browser, 0)
    filler = place.workspace.home.parent / "filler"
    for number in range(rounds):
        more = photographs(place.folder / f"more-{number}", 3)
        place.answered.append(examiner.search())
        with filler.open("wb", buffering=0) as file, suppress(OSError):  # it is full
            while file.write(bytes(4096)):
                pass
        refused = 0
        while refused < FOLDER:  # what was reserved before may suffice for some
            try:
                place.answered.append(examiner.search())
            except UnexpectedAnswerError as error:
                refused += 1
                place.not_answered[str(error.status)] += 1
                if error.status != FULL:
                    place.faults.append(f"on a full disk: {error}")
        done = subprocess.run(
            command(place.workspace.home, "ingest", "growing", more),
            capture_output=True,
            text=True,
            check=False,
        )
        place.not_answered[f"ingest ended with {done.returncode}"] += 1
        if done.returncode == 0 or len(done.stderr.strip().splitlines()) != 1:
            place.faults.append(f"an ingest on a full disk ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        filler.unlink()
        place.answered.append(examiner.search())
        look_up(place)
    check_everything(place)


def report(place: Place) -> int:
    """Print what happened; return 1 if there is a fault."""
    refused = ", ".join(f"{many} × {what}" for what, many in place.not_answered.most_common())
    print(f"{len(place.answered)} lists were shown, {len(place.taken_in)} pictures reported as taken in")
    print(f"without an answer, or told to try again: {refused or 'none'}")
    print(f"faults: {len(place.faults)}")
    for fault in place.faults:
        print(f"  {fault}")
    return 1 if place.faults else 0


def on_a_small_disk(folder: Path) -> int:
    """Run this again with a file system of 48 MiB in the folder, in a namespace of its own."""
    mount = f'mount -t tmpfs -o size=48m tmpfs {folder} && exec "$@"'
    inner = [sys.executable, "-m", "bench.faults", "--full-disk", "--inner", str(folder)]
    line = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh", *inner]
    return subprocess.run(line, cwd=_ROOT, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--only", choices=KILLS, help="kill nothing else")
    parser.add_argument("--full-disk", action="store_true")
    parser.add_argument("--inner", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inner is not None:
        with running(given.inner, "sqlite") as place:
            fill_the_disk(place, 2)
            return report(place)
    print(machine.line("sqlalchemy", "psycopg"))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        if given.full_disk:
            return on_a_small_disk(Path(name))
        print(f"seed {given.seed}, {given.database}, load before: {os.getloadavg()[0]:.1f}")
        names = [name for name in KILLS if given.database == "postgresql" or name != "postgresql"]
        with running(Path(name), given.database, given.seed) as place:
            kill_at_random(place, given.kills, given.clients, [given.only] if given.only else names)
            return report(place)


if __name__ == "__main__":
    sys.exit(main())
