"""Kills at random moments: ``python -m tests.kills --kills 200 --seed 1``.

Each kill ends one command (SIGKILL) on a copy of a prepared workspace. Then the workspace is opened, which finishes
what was committed and not carried out, and everything must hold: the ledger is sound and goes on from what it was, the
doctor finds nothing bad, and nothing acknowledged is lost. The command is run again to its end, and what the killed one
left behind is swept.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from tests.conftest import CASE, PORTRAITS, SOURCE
from tests.support.database import raw_database
from tests.support.local_web import CannedReply, LocalWeb, page
from tests.support.processes import command, run_well, vary_portraits
from tests.support.world import settings

from lineament.services.doctor import Verdict
from lineament.services.rotation.workspace import STATE
from lineament.store.ring import RING
from lineament.vision import runtime
from lineament.workspace import Workspace

HOST = "127.0.0.2"
LATER = 400
"""Days after which a sweep finds pictures, cases and photographs that are due."""
SWEEP = f"""
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from lineament.settings import Settings
from lineament.workspace import Workspace
clock = lambda: datetime.now(UTC) + timedelta(days={LATER})
with Workspace.open(Settings(home=Path(sys.argv[1])), clock=clock) as workspace:
    workspace.desk_at_the_machine().retain.sweep()
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a workspace holds, past the product."""

    captures: frozenset[tuple[str, str]]  # source and digest
    faces: int
    searches: int
    states: tuple[str, ...]  # of the sources, in the order of their names
    ledger: tuple[bytes, ...]  # hashes of the leaves
    ring: str  # the keys of the workspace, wrapped
    keys: tuple[bytes | None, ...]  # of the sources, wrapped
    rotating: bool  # whether a rotation of any of them is under way


@dataclass(frozen=True, slots=True)
class Work:
    """A command that is killed."""

    line: Callable[[Path], list[str]]
    is_done: Callable[[Rows, Rows], bool]  # before it, and after it has run to its end
    keeps: Callable[[Rows, Rows], bool]  # before it, and after it was killed at any moment
    later: bool = False  # it runs LATER


class Workshop:
    """The prepared workspace, and what the commands need."""

    def __init__(self, folder: Path, web: LocalWeb) -> None:
        self.folder, self.prepared = folder, folder / "prepared"
        self.more = vary_portraits(folder / "more", 8, width=240)
        run_well(self.prepared, "init")
        run_well(self.prepared, "source", "add", "press", *SOURCE, "--retention-days", "30")
        contact = ("--host", f"{HOST}:{web.port}", "--contact", "who@police.example")
        run_well(self.prepared, "source", "add", "site", *SOURCE, *contact)
        shutil.copytree(PORTRAITS, folder / "photos", ignore=shutil.ignore_patterns("*.md", "*.csv", "__pycache__"))
        run_well(self.prepared, "ingest", "press", folder / "photos")
        run_well(self.prepared, "case", "open", "K-1", *CASE)
        run_well(self.prepared, "search", PORTRAITS / "macron-2014.jpg", "--case", "K-1", "--reason", "r")
        self.works = works(self.more, f"http://{HOST}:{web.port}/")

    def copy(self) -> Path:
        """Return a copy of the prepared workspace."""
        home = self.folder / "ws"
        shutil.rmtree(home, ignore_errors=True)
        return Path(shutil.copytree(self.prepared, home))


def works(photographs: Path, site: str) -> dict[str, Work]:
    """Return every kind of command that is killed."""

    def line(*words: object) -> Callable[[Path], list[str]]:
        return lambda home: command(home, *words)

    def all_stay(before: Rows, after: Rows) -> bool:
        return before.captures <= after.captures and before.faces <= after.faces and before.searches <= after.searches

    probe = PORTRAITS / "macron-2014.jpg"
    return {
        "ingest": Work(
            line("ingest", "press", photographs),
            lambda before, after: len(after.captures) == len(before.captures) + 8,
            all_stay,
        ),
        "search": Work(
            line("search", probe, "--case", "K-1", "--reason", "r"),
            lambda before, after: after.searches > before.searches,
            all_stay,
        ),
        "erase": Work(
            line("erase", "--capture", "1", "--reason", "asked", "--yes"),
            lambda before, after: len(before.captures - after.captures) == 1,
            lambda before, after: len(before.captures - after.captures) <= 1 and before.searches == after.searches,
        ),
        "withdraw": Work(
            line("source", "withdraw", "press", "--yes"),
            lambda _, after: not after.captures and "withdrawn" in after.states,
            lambda before, after: (
                after.captures in (before.captures, frozenset()) and before.searches == after.searches
            ),
        ),
        "crawl": Work(
            line("ingest", "site", site),
            lambda before, after: len(after.captures) == len(before.captures) + 3,
            all_stay,
        ),
        "sweep": Work(
            lambda home: [sys.executable, "-c", SWEEP, str(home)],
            lambda _, after: not after.captures,
            lambda before, after: after.captures <= before.captures,
            later=True,
        ),
        "rotate": Work(
            line("keys", "rotate"),
            lambda before, after: after.ring != before.ring and not after.rotating,
            all_stay,
        ),
        "rotate-source": Work(
            line("keys", "rotate-source", "press"),
            lambda before, after: after.keys[0] != before.keys[0] and not after.rotating,
            all_stay,
        ),
    }


@contextmanager
def workshop(folder: Path):  # type: ignore[no-untyped-def]
    """Yield a prepared workspace beside a host that shows three portraits."""
    portraits = [path.read_bytes() for path in sorted(PORTRAITS.glob("*.jpg"))[:3]]
    shown = {f"/{number}.jpg": CannedReply(portrait, type="image/jpeg") for number, portrait in enumerate(portraits)}
    with LocalWeb() as web:
        web.host(HOST, {"/": page("News", *shown), **shown})
        yield Workshop(folder, web)


def rows(home: Path) -> Rows:
    """Read what a workspace holds."""
    with raw_database(home, read_only=True) as database:
        select = database.execute
        captures = select("SELECT source_id, hex(sha256) FROM captures").fetchall()
        ((faces,),) = select("SELECT count(*) FROM faces").fetchall()
        ((searches,),) = select("SELECT count(*) FROM searches").fetchall()
        states = tuple(state for (state,) in select("SELECT state FROM sources ORDER BY name"))
        ledger = tuple(bytes(leaf) for (leaf,) in select("SELECT leaf FROM ledger_entries ORDER BY seq"))
        facts = dict(select("SELECT name, value FROM meta").fetchall())
        keys = tuple(key for (key,) in select("SELECT wrapped_key FROM sources ORDER BY name"))
        ((sources,),) = select("SELECT count(*) FROM sources WHERE previous_key IS NOT NULL").fetchall()
    rotating = STATE in facts or sources > 0
    return Rows(frozenset(map(tuple, captures)), faces, searches, states, ledger, facts[RING], keys, rotating)


def run_whole(work: Work, home: Path) -> None:
    """Run the command to its end."""
    done = subprocess.run(work.line(home), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def kill(work: Work, home: Path, seconds: float) -> Rows:
    """Run the command, kill it after so many seconds, and return what was committed just before."""
    with subprocess.Popen(work.line(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        time.sleep(seconds)
        seen = rows(home)
        running.send_signal(signal.SIGKILL)
    return seen


def faults(home: Path, *, later: bool) -> list[str]:
    """Open a workspace, verify its ledger, and return what the doctor finds bad; sweep what was left behind."""
    ahead = timedelta(days=LATER if later else 0)
    with Workspace.open(settings(home), clock=lambda: datetime.now(UTC) + ahead) as workspace:
        desk = workspace.desk_at_the_machine()
        desk.audit.verify()
        for path in (home / "blobs").rglob("*"):
            if path.is_file():
                os.utime(path, (0, 0))  # as if the kill were long ago
        desk.doctor.mend()
        checks = list(desk.doctor.run(pictures=True))
    found = [f"{check.name}: {check.detail}" for check in checks if check.verdict is Verdict.BAD]
    return found + [check.detail for check in checks if check.name == "pictures" and ", 0 orphaned" not in check.detail]


def one_kill(place: Workshop, name: str, seconds: float) -> bool:
    """Kill a command, examine what is left, and run it to its end; return whether it was killed half done."""
    work, home = place.works[name], place.copy()
    before = rows(home)
    seen = kill(work, home, seconds)
    bad = faults(home, later=work.later)
    after = rows(home)
    assert bad == [], bad
    assert work.keeps(before, after), (before, after)
    assert after.ledger[: len(seen.ledger)] == seen.ledger, "what was in the ledger is in the ledger"
    assert name in {"erase", "withdraw", "sweep"} or seen.captures <= after.captures
    finished = work.is_done(before, after)
    if not finished:
        run_whole(work, home)
    assert work.is_done(before, rows(home)), (before, rows(home))
    bad = faults(home, later=work.later)
    assert bad == [], bad
    return not finished


def durations(place: Workshop, names: Sequence[str]) -> dict[str, float]:
    """Return the seconds that each of some commands takes, measured once."""
    taken = {}
    for name in names:
        home, began = place.copy(), time.monotonic()
        run_whole(place.works[name], home)
        taken[name] = time.monotonic() - began
    return taken


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--only", help="one kind of command")
    chosen = parser.parse_args(arguments)
    say(f"seed {chosen.seed}")
    runtime.OpenVinoSession = lru_cache(2)(runtime.OpenVinoSession)  # type: ignore[assignment,misc]
    chance, half_done, bad = random.Random(chosen.seed), Counter[str](), 0
    folder = tempfile.TemporaryDirectory() if not os.environ.get("KILLS_KEEP") else nullcontext(tempfile.mkdtemp())
    with folder as path, workshop(Path(path)) as place:
        names = [chosen.only] if chosen.only else sorted(place.works)
        taken = durations(place, names)
        say(", ".join(f"{name} {seconds:.1f} s" for name, seconds in taken.items()))
        for number in range(chosen.kills):
            name = chance.choice(names)
            seconds = taken[name] * chance.uniform(0.1, 1.05)
            try:
                half_done[name] += one_kill(place, name, seconds)
            except Exception as error:  # noqa: BLE001 - the next kill is tried all the same
                bad += 1
                say(f"kill {number}, {name} after {seconds:.2f} s: {type(error).__name__}: {error}")
            if number % 20 == 19:
                say(f"{number + 1} kills, {bad} with faults")
    say(f"{chosen.kills} kills, {bad} with faults; killed before their end: {dict(half_done)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
