"""Ingest from file to commit: photographs a second in f32 and bf16, compared with the nets' own limit and a peer.

Each measurement runs in its own process and includes everything except starting Python and loading the nets:
reading, decoding in confined processes, detection, the second look, alignment, two embeddings, quality, hashes,
crops, sealing, the database and the ledger. The peer gets the same files and keeps nothing.

    python -m bench.ingest [--photographs 1000] [--kinds] [--no-peer]
    python -m bench.ingest --against CHECKOUT

--kinds ingests photographs of 12 megapixels, pictures of fifty people, and tiny ones instead: a tenth, a fiftieth and
twice as many.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench import machine, photographs
from bench.nets import SECONDS, limit
from lineament.model.sources import SourceTerms
from lineament.settings import Precision, Settings
from lineament.sources.folder.connector import FolderConnector
from lineament.vision.runtime import bf16_is_native
from lineament.workspace import Workspace

ROOT = Path(__file__).parents[1]
TARGETS = {"f32": (40, 5), "bf16": (70, 8)}
"""Targets: photographs a second, and multiple of the peer's rate."""
PARTS = {"large": 0.1, "group": 0.02, "tiny": 2.0}
"""Pictures of each kind, for each photograph that is asked for."""


def ours(folder: Path, precision: str) -> dict[str, float]:
    """Measure one ingest of ``folder`` into a new workspace."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        settings = Settings(home=Path(home) / "ws", precision=Precision(precision))
        with Workspace.create(settings) as workspace:
            terms = SourceTerms(name="bench", controller="bench", basis="bench", jurisdiction="FR")
            workspace.desk_at_the_machine().sources.add(terms)
            first = next(iter(sorted(folder.glob("*.jpg")))).read_bytes()
            for _ in range(workspace.workers):
                workspace.analyser.analyse(first, enrolling=True)
            connector = FolderConnector([folder], page_base=None, max_bytes=settings.max_file_bytes)
            with _peak_of_children() as peak:
                report = workspace.desk_at_the_machine().ingest.run("bench", connector, workers=workspace.workers)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "rate": report.seen / report.seconds,
        "faces": report.faces,
        "photographs": report.seen,
        "memory": own + peak[0],
    }


class _peak_of_children:  # noqa: N801 - reads like a function
    """Context manager: the peak of the child processes' total resident memory, in bytes, sampled twice a second."""

    def __enter__(self) -> list[int]:
        self.peak = [0]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self.peak

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self.peak[0] = max(self.peak[0], sum(_children()))


def _children() -> Iterator[int]:
    for task in Path("/proc/self/task").iterdir():
        try:
            ids = (task / "children").read_text().split()
            for process in ids:
                pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
                yield pages * os.sysconf("SC_PAGE_SIZE")
        except FileNotFoundError:
            continue


def _peer(path: str) -> int:
    import face_recognition

    return len(face_recognition.face_encodings(face_recognition.load_image_file(path)))


def peer(folder: Path, count: int) -> dict[str, float]:
    """Measure ``face_recognition`` (dlib) with its defaults and two processes on the first ``count`` photographs."""
    paths = [str(path) for path in sorted(folder.glob("*.jpg"))[:count]]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(_peer, paths[:2])
        began = time.perf_counter()
        faces = sum(pool.map(_peer, paths, chunksize=4))
        seconds = time.perf_counter() - began
    return {"rate": len(paths) / seconds, "faces": faces, "photographs": len(paths)}


def apart(*arguments: str, tree: Path = ROOT) -> dict[str, float]:
    """Run one measurement in its own process, of the code in a checkout, with what that has installed if anything."""
    installed = tree / ".venv" / "bin" / "python"
    python = str(installed) if tree != ROOT and installed.exists() else sys.executable
    done = subprocess.run(
        [python, "-W", "ignore", "-m", "bench.ingest", *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree / "src")},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(folder: str, other: Path, runs: int) -> str:
    """Ingest ``folder`` in f32 with this code and another version's in turn; return a line with the ratio."""
    rates: dict[Path, list[float]] = {ROOT: [], other: []}
    for number in range(runs):
        for tree in sorted(rates, reverse=bool(number % 2)):
            rates[tree].append(apart("--inner", "f32", folder, tree=tree)["rate"])
    ours, theirs = (sum(of_tree) / runs for of_tree in rates.values())
    ratios = sorted(mine / its for mine, its in zip(*rates.values(), strict=True))
    return (
        f"lineament f32: {ours:.1f} photographs/s; the code in {other.name}: {theirs:.1f}; "
        f"ratio {ours / theirs:.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f} in {runs} runs, in turn)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photographs", type=int, default=1000)
    parser.add_argument("--peer-photographs", type=int, default=120)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for the nets' own limit")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--kinds", action="store_true", help="large, crowded and tiny pictures instead")
    parser.add_argument("--against", type=Path, help="a checkout of another version, to be compared with, alone")
    parser.add_argument("--runs", type=int, default=6, help="of each version")
    parser.add_argument("--inner", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inner:
        contender, folder = given.inner[0], Path(given.inner[1])
        print(json.dumps(peer(folder, given.peer_photographs) if contender == "peer" else ours(folder, contender)))
        return
    print(machine.line("openvino", "opencv-python-headless", "pillow"))
    with tempfile.TemporaryDirectory(prefix="bench-photos-") as name:
        folder = Path(name)
        if given.kinds:
            for kind, part in PARTS.items():
                print(photographs.make_kind(folder / kind, kind, max(1, round(given.photographs * part))))
                print(f"  {_told(apart('--inner', 'f32', str(folder / kind)))}", flush=True)
            return
        print(photographs.make(folder, given.photographs))
        if given.against:
            print(compare(name, given.against.absolute(), given.runs))
            return
        rate = None
        if not given.no_peer and not machine.absent("face_recognition"):
            known = apart("--inner", "peer", name, "--peer-photographs", str(given.peer_photographs))
            rate = known["rate"]
            print(
                f"face_recognition (dlib, two processes): {rate:.1f} photographs/s, "
                f"{known['faces']:.0f} faces in {known['photographs']:.0f}"
            )
        for precision in ["f32", "bf16"] if bf16_is_native() else ["f32"]:
            _report(precision, apart("--inner", precision, name), rate, given.seconds)


def _told(found: dict[str, float]) -> str:
    return (
        f"{found['rate']:.1f} pictures/s, {found['faces'] / found['photographs'] * found['rate']:.1f} faces/s; "
        f"{found['faces']:.0f} faces in {found['photographs']:.0f}, "
        f"peak memory {found['memory'] / 2**20:.0f} MiB with its decoders"
    )


def _report(precision: str, found: dict[str, float], peer_rate: float | None, seconds: float) -> None:
    most = limit(precision, seconds)
    target, times = TARGETS[precision]
    text = (
        f"lineament {precision}: {found['rate']:.1f} photographs/s (target {target}), {found['faces']:.0f} faces in "
        f"{found['photographs']:.0f}, peak memory {found['memory'] / 2**20:.0f} MiB with its decoders; "
        f"the nets' own limit is {most:.1f}/s, so {found['rate'] / most:.0%} of it (target 75 %)"
    )
    if peer_rate is not None:
        text += f"; {found['rate'] / peer_rate:.1f} times the peer (target {times})"
    print(text)


if __name__ == "__main__":
    main()
