"""Compares codes of templates: what share of the exact best 50 each finds, how fast, in how many bytes.

The templates are made up (bench/templates.py), with those of LFW among them if ``--lfw`` names its folder; probes are
further pictures of the same people. Every contender gets the same, uses all processors for a probe, and looks at every
face. ``recall`` is of the exact best 50: among the best 50 codes, and among as many as are scored exactly afterwards
(``--rescored``). ``limit`` is the bytes that one probe reads, divided by the bandwidth of a plain copy.

Each runs in a process of its own, one after the other.

    python -m bench.codings [--faces 1000000] [--only NAME …] [--folder DIR] [--lfw FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bench import lfw, machine, templates
from bench.contenders import K
from bench.search import clocked, memory
from lineament.index.among import EVERY_FACE
from lineament.index.codes import Codes, processors
from lineament.index.rotation import rotation

TURN = rotation(b"of the bench, not secret", templates.DIMENSION)
AT_ONCE = 65_536
TOGETHER = 64
REMOVED = 1000
_PARTS: list[Any] = []
Vectors = np.ndarray
Found = np.ndarray
"""Rows of the gallery, shape (probes, most)."""


class Contender(Protocol):
    """Codes of a gallery."""

    reads: float  # bytes that one probe reads, for each face

    def add(self, vectors: Vectors) -> None:
        """Add rows."""

    def search(self, probes: Vectors, most: int) -> Found:
        """Return the rows whose codes are closest."""

    def remove(self, rows: np.ndarray) -> str:
        """Remove rows; return how, if it is no plain removal."""


# ---------------------------------------------------------------- contenders


class Ours:
    """Two coarse bits of every face, two fine ones where they can matter."""

    reads = 32.0

    def __init__(self) -> None:
        self.codes = Codes(templates.DIMENSION)

    def add(self, vectors: Vectors) -> None:
        count = len(self.codes)
        self.codes.add(np.arange(count, count + len(vectors)), vectors @ TURN, np.zeros(len(vectors), dtype=np.int32))

    def search(self, probes: Vectors, most: int) -> Found:
        found = self.codes.nearest(probes @ TURN, [(most, EVERY_FACE)] * len(probes))
        return np.stack([ids for ids, _ in found])

    def remove(self, rows: np.ndarray) -> str:
        self.codes.remove(rows)
        return ""


class TurboVec:
    """turbovec, all bits of every face."""

    def __init__(self, bits: int) -> None:
        from turbovec import TurboQuantIndex

        self.index = TurboQuantIndex(dim=templates.DIMENSION, bit_width=bits)
        self.reads = templates.DIMENSION * bits / 8 + 4

    def add(self, vectors: Vectors) -> None:
        self.index.add(vectors @ TURN, chunk_size=0)

    def search(self, probes: Vectors, most: int) -> Found:
        return np.asarray(self.index.search(probes @ TURN, most, chunk_size=0)[1])

    def remove(self, rows: np.ndarray) -> str:
        for row in np.sort(rows)[::-1].tolist():
            self.index.swap_remove(row)
        return "" if self.index else "moves rows"


class Faiss:
    """An index of FAISS, one shard for each processor, because one probe is compared by one thread."""

    def __init__(self, make: Callable[[Any], Any], reads: float) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self.reads = reads
        self.parts = [make(faiss) for _ in range(processors())]
        self.index = faiss.IndexShards(templates.DIMENSION, True, False)  # in threads, rows as given
        for part in self.parts:
            self.index.add_shard(part)
        self.rows = 0

    def add(self, vectors: Vectors) -> None:
        turned = np.ascontiguousarray(vectors @ TURN)
        if not self.parts[0].is_trained:
            for part in self.parts:
                part.train(turned)
        self.index.add_with_ids(turned, np.arange(self.rows, self.rows + len(turned)))
        self.rows += len(turned)

    def search(self, probes: Vectors, most: int) -> Found:
        return np.asarray(self.index.search(np.ascontiguousarray(probes @ TURN), most)[1])

    def remove(self, rows: np.ndarray) -> str:
        import faiss

        try:
            for part in self.parts:
                part.remove_ids(faiss.IDSelectorBatch(rows))
        except RuntimeError:
            return "cannot"
        return "moves everything behind"


class RabitqLib:
    """RaBitQ's own library with a single cluster, so that every face is looked at."""

    def __init__(self, bits: int, faces: int) -> None:
        from rabitqlib import IvfIndex

        self.index = IvfIndex(templates.DIMENSION, faces, 1, bits, "ip")
        self.reads = templates.DIMENSION / 8 + 12
        self.centre = np.zeros((1, templates.DIMENSION), dtype=np.float32)
        self.faces, self.kept = faces, list[Vectors]()

    def add(self, vectors: Vectors) -> None:
        self.kept.append(vectors @ TURN)
        if sum(map(len, self.kept)) >= self.faces:
            clusters = np.zeros(self.faces, dtype=np.uint32)
            self.index.build(np.concatenate(self.kept), self.centre, clusters, num_threads=processors())
            self.kept.clear()

    def search(self, probes: Vectors, most: int) -> Found:
        return np.asarray(self.index.search(probes @ TURN, most, 1, num_threads=processors())[0])

    def remove(self, rows: np.ndarray) -> str:
        self.index.remove(rows.astype(np.uint32))
        return "stays in memory"


def _with_ids(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda faiss: faiss.IndexIDMap2(make(faiss))


def _fast_rabitq(bits: int) -> Callable[[Any], Any]:
    return lambda faiss: faiss.IndexRaBitQFastScan(templates.DIMENSION, faiss.METRIC_INNER_PRODUCT, 32, bits)


def _factory(name: str) -> Callable[[Any], Any]:
    return lambda faiss: faiss.index_factory(templates.DIMENSION, name, faiss.METRIC_INNER_PRODUCT)


def _refined(faiss: Any) -> Any:
    """One bit first, eight bits for the best tenth of a thousandth, times forty."""
    first, second = _fast_rabitq(1)(faiss), _factory("SQ8")(faiss)
    refined = faiss.IndexRefine(first, second)
    refined.k_factor = 40
    _PARTS.extend((first, second))  # which it does not own
    return refined


def contenders(faces: int) -> dict[str, tuple[str, Callable[[], Contender]]]:
    """Return the package and the maker of each."""
    found: dict[str, tuple[str, Callable[[], Contender]]] = {
        "ours, 2 + 2 bits": ("numpy", Ours),
        "turbovec, 4 bits": ("turbovec", lambda: TurboVec(4)),
        "turbovec, 4 bits, one plane first": ("turbovec", lambda: TurboVec(4)),
        "turbovec, 3 bits": ("turbovec", lambda: TurboVec(3)),
        "turbovec, 2 bits": ("turbovec", lambda: TurboVec(2)),
    }
    for bits in (1, 2, 4, 6):
        size = templates.DIMENSION * bits / 8
        found[f"FAISS RaBitQ fast scan, {bits} bits"] = (
            "faiss",
            lambda bits=bits, size=size: Faiss(_with_ids(_fast_rabitq(bits)), size + 8),  # type: ignore[misc]
        )
    for name, size in (("PQ64x4fs", 32), ("PQ128x4fs", 64), ("SQ4", 64), ("SQ6", 96), ("SQ8", 128)):
        found[f"FAISS {name}"] = (
            "faiss",
            lambda name=name, size=size: Faiss(_with_ids(_factory(name)), size),  # type: ignore[misc]
        )
    found["FAISS RaBitQ 1 bit, then SQ8"] = ("faiss", lambda: Faiss(_with_ids(_refined), 24))
    for bits in (5, 7):
        found[f"rabitqlib, {bits} bits"] = ("rabitqlib", lambda bits=bits: RabitqLib(bits, faces))  # type: ignore[misc]
    return found


# ---------------------------------------------------------------- the gallery


@dataclass(frozen=True, slots=True)
class Gallery:
    """Templates in a file, probes, and the rows of the exact best 50 of each probe."""

    path: Path
    faces: int
    probes: Vectors
    best: np.ndarray

    @classmethod
    def at(cls, folder: Path, faces: int, probes: int, real: Path | None) -> Gallery:
        """Return what is kept in ``folder``, made if it is not there."""
        path, about = folder / "codings.npy", folder / "probes.npz"
        if not about.exists():
            asked = _made(path, faces, probes, real)
            np.savez(about, probes=asked, best=templates.exact_best(np.load(path, mmap_mode="r"), asked, K))
        with np.load(about) as kept:
            return cls(path, faces, kept["probes"], kept["best"])

    def some(self, start: int, most: int) -> Vectors:
        """Return rows; the file is mapped no longer, so that its pages do not count as memory of a contender."""
        return np.array(np.load(self.path, mmap_mode="r")[start : start + most])


def _made(path: Path, faces: int, probes: int, real: Path | None) -> Vectors:
    """Write templates, with real ones among them if there is a folder of photographs; return the probes."""
    made = templates.write(path, faces, probes)
    if real is None:
        return made.probes
    from bench.degraded import as_shipped

    chosen = lfw.photographs(real)
    vectors = as_shipped(chosen, lfw.shipped_pack())
    first, counts = np.unique(chosen.people, return_index=True, return_counts=True)[1:]
    own = first[counts > 1][:probes]  # the first photograph of each person is the probe, the others are enrolled
    enrolled = np.delete(vectors, own, axis=0)[:faces]
    made.gallery[np.random.default_rng(7).permutation(faces)[: len(enrolled)]] = enrolled
    return np.concatenate([vectors[own], made.probes])[:probes]


# ---------------------------------------------------------------- measuring


def _measure(name: str, shared: Gallery, rescored: int) -> dict[str, Any]:
    warm = contenders(2000)[name][1]()
    warm.add(shared.some(0, 2000))
    warm.search(shared.probes[:1], min(K, 1000))
    del warm
    before = memory()[0]
    index = contenders(shared.faces)[name][1]()
    adding = 0.0
    for start in range(0, shared.faces, AT_ONCE):
        some = shared.some(start, AT_ONCE)
        adding += clocked(lambda: index.add(some))[1]  # noqa: B023 - called here
    each = (memory()[0] - before) / shared.faces
    recalls = {}
    for most in (K, rescored):
        found = [index.search(probe[np.newaxis], most)[0] for probe in shared.probes]
        hits = sum(int(np.isin(best, rows).sum()) for best, rows in zip(shared.best, found, strict=True))
        recalls[most] = hits / shared.best.size
    taken = [1000 * clocked(lambda: index.search(probe[np.newaxis], rescored))[1] for probe in shared.probes]  # noqa: B023
    many = np.resize(shared.probes, (TOGETHER, shared.probes.shape[1])).astype(np.float32)
    together = 1000 * min(clocked(lambda: index.search(many, rescored))[1] for _ in range(3)) / TOGETHER
    removed = np.random.default_rng(1).choice(shared.faces, min(REMOVED, shared.faces // 2), replace=False)
    how, removing = clocked(lambda: index.remove(removed))
    return {
        "p50": float(np.median(taken)),
        "p95": float(np.percentile(taken, 95)),
        "together": together,
        "at_50": recalls[K],
        "rescored": recalls[rescored],
        "bytes": each,
        "reads": index.reads,
        "adds": shared.faces / adding,
        "removing": 1000 * removing,
        "how": how,
    }


def bandwidth() -> float:
    """Return the bytes a second that all processors read and write together in a plain copy of 256 MiB each."""
    from concurrent.futures import ThreadPoolExecutor

    many = processors()
    pairs = [(np.ones(2**25, dtype=np.int64), np.empty(2**25, dtype=np.int64)) for _ in range(many)]
    with ThreadPoolExecutor(many) as threads:
        best = min(
            clocked(lambda: list(threads.map(lambda pair: np.copyto(pair[1], pair[0]), pairs)))[1] for _ in range(5)
        )
    return 2 * many * pairs[0][0].nbytes / best


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--rescored", type=int, default=300)
    parser.add_argument("--only", action="append", help="part of a name")
    parser.add_argument("--folder", type=Path, help="keep the templates there for the next run")
    parser.add_argument("--lfw", type=Path, help="real templates among those made up")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        shared = Gallery.at(options.folder, options.faces, options.probes, options.lfw)
        print(json.dumps(_measure(options.measure, shared, min(options.rescored, options.faces))))
        return 0
    chosen = contenders(options.faces)
    if options.only:
        chosen = {name: one for name, one in chosen.items() if any(part in name for part in options.only)}
    absent = machine.absent(*sorted({package for package, _ in chosen.values()}))
    print(machine.line("numpy"))
    speed = bandwidth()
    print(f"a plain copy: {speed / 1e9:.1f} GB/s; {options.faces:,} faces, {options.rescored} scored exactly")
    heads = ("p50 ms", "p95 ms", "limit", "64: ms", "best 50", "rescored", "B/face", "adds/s", "remove ms")
    print(" " * 36 + "".join(f"{head:>10}" for head in heads))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        Gallery.at(folder, options.faces, options.probes, options.lfw)
        for name, (package, _) in chosen.items():
            if package not in absent:
                _row(name, options, folder, speed)
    return 0


def _row(name: str, options: argparse.Namespace, folder: Path, speed: float) -> None:
    command = [sys.executable, "-m", "bench.codings", "--measure", name, "--folder", str(folder)]
    command += ["--faces", str(options.faces), "--probes", str(options.probes), "--rescored", str(options.rescored)]
    planes = "1" if "plane first" in name else "0"  # turbovec reads it once in a process
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"TURBOVEC_4BIT_PLANES": planes}
    )
    if ran.returncode:
        print(f"{name:36}failed: {(ran.stderr.strip().splitlines() or [str(ran.returncode)])[-1][:100]}", flush=True)
        return
    of = json.loads(ran.stdout.splitlines()[-1])
    limit = 1000 * of["reads"] * options.faces / speed
    cells = [f"{of['p50']:.2f}", f"{of['p95']:.2f}", f"{limit:.2f}", f"{of['together']:.2f}"]
    cells += [f"{of['at_50']:.4f}", f"{of['rescored']:.5f}", f"{of['bytes']:.0f}", f"{of['adds']:,.0f}"]
    cells += [f"{of['removing']:.0f}"]
    print(f"{name:36}" + "".join(f"{cell:>10}" for cell in cells) + f"  {of['how']}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
