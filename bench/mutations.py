"""Random changes by somebody who can write to the database and the files but has no key: what notices each.

Every change is made to a copy of one workspace: any column of any row of any table, a row deleted or doubled, any byte
of an index, a picture or the checkpoint. It is *refused* by the database, *detected* by ``verify``, ``doctor`` or the
refusal to answer, or *harmless*: everything that anybody is shown is as before. What is none of these is listed.

    python -m bench.mutations --changes 500 --seed 1
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tests.support.attacked import Victim, build_victim
from tests.support.squad import build_portraits
from tests.support.world import World

from bench import machine
from lineament.errors import LineamentError
from lineament.model.search import Mode, SearchRequest
from lineament.services.doctor import Verdict
from lineament.services.gallery.unsearched import Which

EXCEPTIONS = {
    "sessions: row deleted": "somebody is signed out; only a table of ended sessions could tell it from signing out",
}
"""Tables, or what was done, of which a change that nobody notices does no harm, and why."""


def shown(target: Victim, world: World) -> list[Any]:
    """Return everything that the people of the target are shown, and what a new search answers."""
    examiner, machine_desk = world.fresh_desk(target.examiner), world.machine
    supervisor, operator = world.fresh_desk(target.supervisor), world.desk(target.operator)
    administrator = world.desk(target.administrator)
    request = SearchRequest(case=target.case.key, reason="again", mode=Mode.INVESTIGATION)
    with world.workspace.store.read() as tx:
        session = tx.sessions.of(target.session_digest)
        stops, jobs = tx.stops.all(), tx.jobs.visible("home", None, whole_agency=True, most=50)
        factors = tx.factors.of_account(target.administrator.id)
    stored = examiner.search.stored(target.search.search_id)
    named = [entry.name for entry in stored.result.hidden]  # in an agency nobody decided yet
    pictures = [examiner.pictures.crop(target.search.search_id, name) for name in named[:3]]
    original = examiner.pictures.beside_probe(target.search.search_id, named[0]).source
    seen: list[Any] = [
        session, stops, jobs, factors, stored, pictures, original,
        [case for desk in (examiner, supervisor) for case in desk.casework.page()],
        [supervisor.casework.outlook(case.key) for case in (target.case, target.other)],
        [supervisor.members.of(case.key) for case in (target.case, target.other)],
        [supervisor.room.papers(case.key) for case in (target.case, target.other)],
        examiner.casework.stored_searches(target.case.key), examiner.casework.probes(target.case.key),
        examiner.probes.approvers(target.probe.id),
        operator.sources.list(), [operator.sources.runs(name) for name in ("portraits",)],
        [operator.unsearched.page("portraits", which) for which in Which],
        operator.agencies.list(), administrator.people.list(closed=True), operator.proposals.list(),
        machine_desk.audit.size() > 0,
    ]  # fmt: skip
    operator.stops.resume_everything()
    found = examiner.search.run(target.probe.id, request)
    with world.workspace.store.read() as tx:
        answer = tx.searches.get(found.search_id)  # whole: what is hidden has other names in each search
    seen.append(replace(answer, search_id="", seconds=0, made_at=target.at, ledger_entry=0))
    return [plain(item) for item in seen]


def plain(value: Any) -> Any:
    """Return a value that compares by everything in it."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value).__name__, [plain(getattr(value, part.name)) for part in fields(value)])
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def change_database(home: Path, chance: random.Random) -> tuple[str, str]:
    """Change, delete or double a row; return the table, and what was done. Raises sqlite3.IntegrityError."""
    with contextlib.closing(sqlite3.connect(home / "lineament.db")) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        filled = [name for name in sorted(names) if database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]]
        table = chance.choice([name for name in filled if not name.startswith(("sqlite_", "alembic"))])
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        rows = database.execute(f"SELECT * FROM {table}").fetchall()
        row = chance.choice(rows)
        which = " AND ".join(f"{name} IS ?" for name in columns)
        if chance.random() < 0.15:
            database.execute(f"DELETE FROM {table} WHERE {which}", row)
            return table, f"{table}: row deleted"
        column = chance.choice(columns)
        other = chance.choice(rows)[columns.index(column)]
        value = row[columns.index(column)]
        new = other if other != value and chance.random() < 0.4 else mutated(value, chance)
        database.execute(f"UPDATE {table} SET {column} = ? WHERE {which}", (new, *row))
        return table, f"{table}.{column}"


def mutated(value: Any, chance: random.Random) -> Any:
    """Return a value of the same kind that differs."""
    match value:
        case None:
            return 1
        case int():
            return value + chance.choice([-1, 1, 100])
        case float():
            return value * 1.1 + 0.01
        case bytes():
            at = chance.randrange(len(value)) if value else 0
            return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] if value else b"x"
        case str():
            at = chance.randrange(len(value)) if value else 0
            return f"{value[:at]}{chance.choice('0123456789abcxyz')}{value[at + 1 :]}"
    raise TypeError(type(value))


def change_file(home: Path, chance: random.Random) -> tuple[str, str]:
    """Flip a bit of an index, a picture or the checkpoint; return the folder, and what was done."""
    files = sorted(
        path for name in ("index", "blobs", "checkpoint") for path in [home / name, *(home / name).rglob("*")]
        if path.is_file() and path.stat().st_size
    )  # fmt: skip
    by_folder: dict[str, list[Path]] = {}
    for path in files:
        by_folder.setdefault(path.relative_to(home).parts[0], []).append(path)
    folder = chance.choice(sorted(by_folder))
    path = chance.choice(by_folder[folder])
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content))
    content[at] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return folder, f"{folder}: a bit of {path.name[:12]} at {at}"


def judge(target: Victim, before: list[Any]) -> str:
    """Return how the change of a target was noticed."""
    try:
        with target.world(suspect=True) as world:
            world.machine.audit.verify()
            checks = world.machine.doctor.run(pictures=True)
            if bad := [check.name for check in checks if check.verdict is Verdict.BAD]:
                return f"detected by doctor: {bad[0]}"
    except LineamentError as error:
        return f"detected by verify: {error.code}"
    except Exception as error:  # noqa: BLE001 - what this looks for
        return f"NOT FORESEEN by verify: {type(error).__name__}: {error}"
    try:
        with target.world() as world:
            after = shown(target, world)
    except LineamentError as error:
        return f"refused: {error.code}"
    except Exception as error:  # noqa: BLE001 - what this looks for
        return f"NOT FORESEEN: {type(error).__name__}: {error}"
    return "harmless" if after == before else "NOT NOTICED"


def run(folder: Path, changes: int, seed: int, say: Callable[[str], None] = print) -> Counter[str]:
    """Make so many changes; return how often each was noticed how."""
    chance = random.Random(seed)
    portraits = build_portraits(folder / "portraits")
    built = build_victim(folder, portraits)
    pristine = folder / "ws"
    work = replace(built, home=folder / "work")
    shutil.copytree(pristine, work.home)
    with work.world() as world:
        before = shown(work, world)
    shutil.rmtree(work.home)
    shutil.copytree(pristine, work.home)
    if (control := judge(work, before)) != "harmless":
        raise SystemExit(f"without any change: {control}")
    found: Counter[str] = Counter()
    for number in range(changes):
        shutil.rmtree(work.home)
        shutil.copytree(pristine, work.home)
        change = change_database if chance.random() < 0.75 else change_file
        try:
            table, made = change(work.home, chance)
        except sqlite3.IntegrityError:
            found["refused by the database"] += 1
            continue
        how = judge(work, before)
        if how == "NOT NOTICED" and (excused := {table, made} & EXCEPTIONS.keys()):
            how = f"exception, {min(excused)}"
        found[how.partition(":")[0]] += 1
        if how.startswith("NOT"):
            say(f"change {number}: {made}: {how[:300]}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(machine.line())
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), options.changes, options.seed)
    for how, many in sorted(found.items()):
        print(f"{many:5} {how}")
    return int(any(how.startswith("NOT") for how in found))


if __name__ == "__main__":
    sys.exit(main())
