"""Measures a disclosure pack of 100 searches, an entry that binds rows, and verifying a million entries.

    python -m bench.disclose [--searches 100] [--pictures 200] [--entries 1000000]

A pack is waited for, so its seconds are wall time, with the load of the machine beside them. An append is CPU time, as
in ``bench/ledger.py``: other work may run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import machine, photographs
from lineament.ledger.checkpoint import Checkpoint, SigningKey
from lineament.ledger.entries import canonical, commitment_to, leaf_bytes, timestamp
from lineament.ledger.merkle import Frontier, leaf_hash
from lineament.ledger.verify import verify_export
from lineament.model.cases import CaseTerms
from lineament.model.events.base import JSON
from lineament.model.events.cases import CaseBlurSet
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.services.disclosure import verify
from lineament.settings import Settings
from lineament.sources.folder.connector import FolderConnector
from lineament.workspace import Desk, Workspace

PACK_SECONDS, APPEND_MS, VERIFY_SECONDS = 30.0, 5.0, 60.0
"""What is to be reached."""
CASE = CaseTerms(ref="B-1", offence="fraud", purpose="to find where it was published", basis="CPP 77")
PROBES = 25
APPENDS = 200
KEY = SigningKey(name="lineament/bench", seed=bytes(32))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--entries", type=int, default=1_000_000)
    options = parser.parse_args()
    print(machine.line("sqlalchemy", "cryptography"))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with Workspace.create(Settings(home=folder / "ws", examiner="bench")) as workspace:
            desk = workspace.desk_at_the_machine()
            build(desk, folder, options.pictures, options.searches)
            measure_append(desk)
            measure_pack(desk, folder)
        measure_export(folder, options.entries)


def build(desk: Desk, folder: Path, pictures: int, searches: int) -> None:
    """Fill a gallery, and search it with several photographs."""
    for part, count in (("gallery", pictures), ("probes", min(PROBES, searches))):
        (folder / part).mkdir()
        photographs.make(folder / part, count)
    desk.sources.add(SourceTerms(name="bench", controller="bench", basis="bench", jurisdiction="FR"))
    desk.ingest.run("bench", FolderConnector([folder / "gallery"], page_base=None, max_bytes=2**24), workers=2)
    desk.casework.open(CASE)
    probes = [desk.probes.take(CASE.ref, path.read_bytes(), kind=ProbeKind.CCTV) for path in _files(folder / "probes")]
    faces = [probe for probe in probes if probe.faces]
    for number in range(searches):
        request = SearchRequest(case=CASE.ref, reason=f"search {number}", mode=Mode.INVESTIGATION)
        desk.search.run(faces[number % len(faces)].id, request, 1)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def measure_append(desk: Desk) -> None:
    """Measure a change of a bound row with its entry: digest, MAC, commit, and the anchor on the disk."""
    cpu, wall = [], []
    for number in range(APPENDS):
        began, busy = time.perf_counter(), time.process_time()
        desk.casework.set_distressing(CASE.ref, bool(number % 2))
        cpu.append((time.process_time() - busy) * 1e3)
        wall.append((time.perf_counter() - began) * 1e3)
    say("an entry with a bound row, as a whole service call, CPU", statistics.median(cpu), APPEND_MS, "ms")
    appended = statistics.median(_appended(desk) for _ in range(APPENDS))
    say("the entry itself: digest of the row, commitment, tree, signature, rows, CPU", appended, APPEND_MS, "ms")
    print(f"  in wall time, with the sync to the disk: {statistics.median(wall):.1f} ms")


def _appended(desk: Desk) -> float:
    """Return the milliseconds of an entry that binds a row which was changed before it."""
    case = desk.casework.get(CASE.ref)
    with desk.record.change() as change:
        change.concerns(case)
        change.tx.cases.set_distressing(case.id, not case.terms.is_distressing)
        began = time.process_time()
        change.record(CaseBlurSet(case=case.ref, distressing=not case.terms.is_distressing))
        return (time.process_time() - began) * 1e3


def measure_pack(desk: Desk, folder: Path) -> None:
    """Measure making a pack, and verifying it as a stranger does."""
    began = time.perf_counter()
    made = desk.disclosure.make(CASE.ref, sharp=True)
    took = time.perf_counter() - began
    held = desk.disclosure.holdings(CASE.ref)
    what = f"a pack of {held.searches} searches, {held.candidates:,} candidates, {held.photographs} photographs"
    say(f"{what}, {len(made.zipped) / 1e6:.1f} MB", took, PACK_SECONDS, "s")
    (folder / "pack.zip").write_bytes(made.zipped)
    command = [sys.executable, "-I", str(verify.__file__), str(folder / "pack.zip")]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    print(f"  verified by verify.py in {time.perf_counter() - began:.1f} s")


def measure_export(folder: Path, entries: int) -> None:
    """Measure both verifiers on so many entries: with details, and as the leaves of other cases."""
    path = folder / "export.jsonl"
    for hidden, what in ((False, "with details"), (True, "as leaves of other cases")):
        write_export(path, entries, hidden=hidden)
        took = timed(lambda: verify_export(path, KEY.public))
        say(f"{entries:,} entries {what}, by lineament.ledger.verify", took, VERIFY_SECONDS, "s")
        took = timed(lambda: _recomputed(path, entries))
        say(f"{entries:,} entries {what}, by verify.py of a pack", took, VERIFY_SECONDS, "s")


def _recomputed(path: Path, entries: int) -> None:
    log = verify.Log()
    with path.open("rb") as lines:
        next(lines)
        log.take(lines)
    assert log.size == entries


def write_export(path: Path, entries: int, *, hidden: bool) -> None:
    """Write an export of that size; each entry is like that of a search, with the digest of its row."""
    frontier = Frontier()
    lines = path.with_suffix(".lines")
    with lines.open("w", encoding="utf-8") as out:
        for line, leaf in _entries(entries, hidden=hidden):
            frontier.append(leaf)
            out.write(line)
    note = Checkpoint(origin=KEY.public.name, size=entries, root=frontier.root()).sign(KEY)
    header: dict[str, JSON] = {"format": "lineament-ledger/1", "origin": KEY.public.name, "public_key": str(KEY.public)}
    with path.open("w", encoding="utf-8") as out, lines.open(encoding="utf-8") as kept:
        out.write(f"{canonical({**header, 'checkpoint': note})}\n")
        out.writelines(kept)


def _entries(entries: int, *, hidden: bool) -> Iterator[tuple[str, bytes]]:
    began, salt = datetime(2026, 1, 1, tzinfo=UTC), bytes(32)
    for seq in range(entries):
        at = began + timedelta(seconds=seq)
        details = canonical({"actor": "bench", "case": f"K-{seq}", "rows": {f"searches/{seq:016x}": "0" * 64}})
        commitment = commitment_to(salt, details)
        leaf = leaf_hash(leaf_bytes(seq, at, "search", commitment))
        if hidden:
            yield f'{{"seq": {seq}, "leaf": "{leaf.hex()}", "hidden": true}}\n', leaf
            continue
        shown: dict[str, JSON] = {"seq": seq, "at": timestamp(at), "action": "search", "commitment": commitment.hex()}
        yield f"{canonical({**shown, 'leaf': leaf.hex(), 'salt': salt.hex(), 'details': details})}\n", leaf


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def say(what: str, took: float, most: float, unit: str) -> None:
    """Print what something took, and whether that is what is to be reached."""
    reached = "reached" if took < most else "NOT reached"
    print(f"{what}: {took:.2f} {unit} (to be reached: {most:g} {unit}, {reached}; load {os.getloadavg()[0]:.1f})")


if __name__ == "__main__":
    main()
