"""Searches 1,000,000 templates, compared with FAISS, usearch and LanceDB: time, memory and recall.

Each contender runs in its own process, one at a time, on the same templates and probes (bench/templates.py), with one
probe at a time on all processors and a list of 50. Lineament's time includes everything: the scan of the codes, the
look-up of the shortlist in the encrypted SQLite store, opening the templates, and the exact scores. The others keep
vectors unsealed, in memory (except LanceDB), and look nothing up.

An approximate index is measured at the fastest setting that finds 99 % of the exact best 50, or else at the one that
finds most.

    python -m bench.search [--faces 1000000] [--only lineament --only faiss-flat …] [--folder DIR]

--folder keeps the templates and indexes for the next run.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine, templates

K = 50
RECALL = 0.99
TARGETS = {"p50": 8.0, "bytes": 100.0, "genuine": 0.999}
CONTENDERS = ["lineament", "faiss-flat", "faiss-hnsw", "usearch", "lancedb"]
MODULES = {"faiss-flat": "faiss", "faiss-hnsw": "faiss", "usearch": "usearch", "lancedb": "lancedb"}
PACKAGES = {"faiss-flat": "faiss-cpu", "faiss-hnsw": "faiss-cpu", "usearch": "usearch", "lancedb": "lancedb"}
WIDTHS = [9, 9, 7, 12, 9, 8, 9]
Found = Callable[[np.ndarray], Iterable[int]]


# ---------------------------------------------------------------- shared by all


class Shared:
    """The templates, the probes and the exact results, generated once."""

    def __init__(self, folder: Path, faces: int, probes: int) -> None:
        self.folder = folder
        if not (folder / "truth.npz").exists():
            self._generate(faces, probes)
        self.gallery = np.load(folder / "gallery.npy", mmap_mode="r")
        with np.load(folder / "truth.npz") as truth:
            self.probes, self.best, self.mated = truth["probes"], truth["best"], truth["mated"]

    def _generate(self, faces: int, probes: int) -> None:
        data = templates.generate(faces, probes)
        np.save(self.folder / "gallery.npy", data.gallery)
        best = np.empty((probes, K), dtype=np.int64)
        for start in range(0, probes, 50):
            scores = data.probes[start : start + 50] @ data.gallery.T
            rows = np.argpartition(-scores, K, axis=1)[:, :K]
            order = np.argsort(-np.take_along_axis(scores, rows, 1), axis=1)
            best[start : start + 50] = np.take_along_axis(rows, order, 1)
        mated = data.people[best] == data.probe_people[:, np.newaxis]
        templates.store(self.folder, data.gallery)
        np.savez(self.folder / "truth.npz", probes=data.probes, best=best + 1, mated=mated)

    def recall(self, found: Found, probes: int) -> tuple[float, float]:
        """Return the share found of the exact best 50, and of the mates among them."""
        total = mates = 0
        for probe, best, mated in zip(self.probes[:probes], self.best, self.mated, strict=False):
            hit = np.isin(best, list(found(probe)))
            total += int(hit.sum())
            mates += int((hit & mated).sum())
        return total / self.best[:probes].size, mates / max(1, int(self.mated[:probes].sum()))

    def times(self, found: Found, seconds: float) -> np.ndarray:
        """Return the milliseconds of single searches, as many as fit into ``seconds``."""
        taken: list[float] = []
        began = time.perf_counter()
        for probe in np.concatenate([self.probes] * 10):
            start = time.perf_counter()
            found(probe)
            taken.append(1000 * (time.perf_counter() - start))
            if time.perf_counter() - began > seconds and len(taken) >= 20:
                break
        return np.array(taken[5:])

    def tuned(self, set_effort: Callable[[Any], Found], efforts: list[Any]) -> tuple[Found, Any]:
        """Return the fastest effort with enough recall on fifty probes, or else the one with the highest recall."""
        tried = []
        for effort in efforts:
            (recall, _), taken = clocked(lambda: self.recall(set_effort(effort), 50))  # noqa: B023 - called here
            tried.append((recall < RECALL, taken if recall >= RECALL else -recall, effort))
        chosen = min(tried, key=lambda trial: trial[:2])[2]
        return set_effort(chosen), chosen


def resident() -> int:
    """Return the bytes of resident memory, without free memory of the allocator."""
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def clocked(act: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return act(), time.perf_counter() - start


# ---------------------------------------------------------------- the contenders: each returns its figures


def lineament(shared: Shared, seconds: float) -> dict[str, Any]:
    from lineament.index.among import Among
    from lineament.index.rotation import rotation
    from lineament.index.scan import ScanIndex

    store, key = templates.opened(shared.folder)
    turn = rotation(key.derive("rotation"), templates.DIMENSION)
    looked_up: list[float] = []

    def nothing(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return ids[:0], np.empty((0, 0), dtype=np.float32)

    def stored(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        start = time.perf_counter()
        with store.read() as tx:
            answer = tx.faces.vectors(ids, key)
        looked_up.append(1000 * (time.perf_counter() - start))
        return answer

    source = [nothing]

    def exact(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return source[0](ids)

    how: dict[str, Any] = {"model": templates.MODEL, "rotation": turn, "exact": exact}
    folder = shared.folder / "index"
    ids = np.arange(1, len(shared.gallery) + 1)
    built: dict[str, float] = {}
    if not (folder / "head").exists():
        index = ScanIndex(folder, **how)
        adding = 0.0
        for start in range(0, len(ids), 65_536):
            vectors = np.array(shared.gallery[start : start + 65_536])
            some = ids[start : start + 65_536]
            days = (some % templates.DAYS).astype(np.int32)
            adding += clocked(lambda: index.add(some, vectors, days))[1]  # noqa: B023 - called here
        writing = clocked(index.sync)[1]
        built = {"build_s": adding + writing, "adds_a_second": len(ids) / adding}
        del index
        return built | {"again": True}
    # do not count what the libraries allocate once
    warm = ScanIndex(shared.folder / "warm", **how)
    warm.add(ids[:10_000], np.array(shared.gallery[:10_000]), np.zeros(len(ids[:10_000]), dtype=np.int32))
    warm.search(shared.probes[:1], K)
    del warm
    before = resident()
    index, loading = clocked(lambda: ScanIndex.load(folder, **how))
    for probe in shared.probes[:20]:
        index.search(probe[np.newaxis], K)
    each = (resident() - before) / len(index)
    scanning = shared.times(lambda probe: index.search(probe[np.newaxis], K), seconds / 4)
    source[0] = stored

    def found(probe: np.ndarray) -> list[int]:
        return [hit.face_id for hit in index.search(probe[np.newaxis], K)[0]]

    recalls = shared.recall(found, len(shared.probes))
    looked_up.clear()
    times = shared.times(found, seconds)
    half = Among(last_day=templates.DAYS // 2 - 1)
    masked = shared.times(
        lambda probe: [hit.face_id for hit in index.search(probe[np.newaxis], K, among=half)[0]], seconds / 4
    )
    more = {
        "scan_p50": float(np.median(scanning)),
        "look_up_p50": float(np.median(looked_up)),
        "masked_p50": float(np.median(masked)),
        "load_s": loading,
        "disk_bytes": sum(path.stat().st_size for path in folder.iterdir()) / len(index),
        **_changes(folder, how, ids),
    }
    store.close()
    return _figures(times, recalls, each, "exact re-scoring from the encrypted store") | more


def _changes(folder: Path, how: dict[str, Any], ids: np.ndarray) -> dict[str, float]:
    """Return the milliseconds of removing and writing, on a copy of the files."""
    from lineament.index.scan import ScanIndex

    changed = folder.with_name("changed")
    shutil.copytree(folder, changed)
    index = ScanIndex.load(changed, **how)
    removed = np.random.default_rng(1).choice(ids, 1000, replace=False)
    removing = clocked(lambda: index.remove(removed))[1]
    removing_one = clocked(lambda: index.remove(ids[len(ids) // 2 : len(ids) // 2 + 1]))[1]
    rewriting = clocked(index.sync)[1]
    more = np.repeat(np.eye(1, templates.DIMENSION, dtype=np.float32), 1000, axis=0)
    index.add(ids[-1:] + 1 + np.arange(1000), more, np.zeros(1000, dtype=np.int32))
    appending = clocked(index.sync)[1]
    shutil.rmtree(changed)
    return {
        "remove_1000_ms": 1000 * removing,
        "remove_one_ms": 1000 * removing_one,
        "sync_after_removal_ms": 1000 * rewriting,
        "sync_after_adding_ms": 1000 * appending,
    }


def faiss_flat(shared: Shared, seconds: float) -> dict[str, Any]:
    import faiss

    before = resident()
    index = faiss.IndexFlatIP(templates.DIMENSION)
    building = clocked(lambda: _fill(index, shared.gallery))[1]
    each = (resident() - before) / len(shared.gallery)

    def found(probe: np.ndarray) -> Any:
        return (index.search(probe[np.newaxis], K)[1][0] + 1).tolist()

    recalls = shared.recall(found, min(100, len(shared.probes)))
    return _figures(shared.times(found, seconds), recalls, each, "all, float32") | {"build_s": building}


def _fill(index: Any, gallery: np.ndarray) -> None:
    for start in range(0, len(gallery), 65_536):
        index.add(np.array(gallery[start : start + 65_536]))


def faiss_hnsw(shared: Shared, seconds: float) -> dict[str, Any]:
    import faiss

    path = shared.folder / "hnsw.faiss"
    before, building = resident(), 0.0
    if path.exists():
        index = faiss.read_index(str(path))
    else:
        index = faiss.IndexHNSWFlat(templates.DIMENSION, 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 40
        building = clocked(lambda: _fill(index, shared.gallery))[1]
        faiss.write_index(index, str(path))
        return {"again": True, "build_s": building}
    each = (resident() - before) / len(shared.gallery)

    def effort(width: int) -> Found:
        def found(probe: np.ndarray) -> Any:
            index.hnsw.efSearch = width
            return (index.search(probe[np.newaxis], K)[1][0] + 1).tolist()

        return found

    found, width = shared.tuned(effort, [64, 256, 1024, 2048, 4096])
    recalls = shared.recall(found, len(shared.probes))
    return _figures(shared.times(found, seconds), recalls, each, f"M 16, efConstruction 40, efSearch {width}")


def usearch(shared: Shared, seconds: float) -> dict[str, Any]:
    from usearch.index import Index

    path = shared.folder / "usearch"
    before, building = resident(), 0.0
    index = Index(ndim=templates.DIMENSION, metric="ip", dtype="f16", connectivity=16, expansion_add=40)
    if path.exists():
        index.load(str(path))
    else:
        keys = np.arange(1, len(shared.gallery) + 1)
        building = clocked(lambda: index.add(keys, np.array(shared.gallery)))[1]
        index.save(str(path))
        return {"again": True, "build_s": building}
    each = (resident() - before) / len(shared.gallery)

    def effort(width: int) -> Found:
        def found(probe: np.ndarray) -> Any:
            index.expansion_search = width
            return index.search(probe, K).keys.tolist()

        return found

    found, width = shared.tuned(effort, [64, 256, 1024, 2048, 4096])
    recalls = shared.recall(found, len(shared.probes))
    return _figures(shared.times(found, seconds), recalls, each, f"float16, 16 links, expansion 40/{width}")


def lancedb(shared: Shared, seconds: float) -> dict[str, Any]:
    import lancedb as lance
    import pyarrow as pa
    from lancedb.index import IvfRq

    database = lance.connect(str(shared.folder / "lance"))
    partitions = max(16, int(np.sqrt(len(shared.gallery)) / 2))
    before = resident()
    if "faces" not in database.table_names():

        def build() -> None:
            flat = pa.array(np.array(shared.gallery).reshape(-1))
            columns = {
                "id": np.arange(1, len(shared.gallery) + 1),
                "vector": pa.FixedSizeListArray.from_arrays(flat, templates.DIMENSION),
            }
            table = database.create_table("faces", pa.table(columns))
            table.create_index("vector", config=IvfRq(distance_type="dot", num_partitions=partitions))

        return {"again": True, "build_s": clocked(build)[1]}
    table = database.open_table("faces")

    def effort(both: tuple[int, int]) -> Found:
        def found(probe: np.ndarray) -> Any:
            query = table.search(probe).distance_type("dot").nprobes(both[0]).refine_factor(both[1]).limit(K)
            return query.select(["id", "_distance"]).to_arrow()["id"].to_pylist()

        return found

    shares = (0.1, 0.25, 0.5, 0.75, 1)
    efforts = [(max(1, int(partitions * share)), refined) for refined in (10, 40, 160) for share in shares]
    found, (visited, refined) = shared.tuned(effort, efforts)
    recalls = shared.recall(found, min(200, len(shared.probes)))
    times = shared.times(found, seconds)
    each = (resident() - before) / len(shared.gallery)
    how = f"IVF_RQ, {visited} of {partitions} partitions, {K * refined:,} refined, from disk"
    return _figures(times, recalls, each, how)


def _figures(times: np.ndarray, recalls: tuple[float, float], each: float, how: str) -> dict[str, Any]:
    p50, p95 = np.percentile(times, [50, 95])
    return {
        "p50": float(p50),
        "p95": float(p95),
        "searches": len(times),
        "all": recalls[0],
        "genuine": recalls[1],
        "bytes": each,
        "how": how,
    }


# ---------------------------------------------------------------- running and printing


def main() -> int:
    """Measure all and print the table; return 1 if a target is missed at a million faces."""
    options = _options()
    if options.measure:
        shared = Shared(options.folder, options.faces, options.probes)
        measure: dict[str, Callable[[Shared, float], dict[str, Any]]] = {
            "lineament": lineament,
            "faiss-flat": faiss_flat,
            "faiss-hnsw": faiss_hnsw,
            "usearch": usearch,
            "lancedb": lancedb,
        }
        print(json.dumps(measure[options.measure](shared, options.seconds)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return _run(options, folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=8.0, help="of timing for each")
    parser.add_argument("--only", action="append", choices=CONTENDERS)
    parser.add_argument("--folder", type=Path, help="keep templates and indexes there for the next run")
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(options: argparse.Namespace, folder: Path) -> int:
    wanted = options.only or CONTENDERS
    absent = machine.absent(*sorted({MODULES[name] for name in wanted if name in MODULES}))
    contenders = [name for name in wanted if MODULES.get(name) not in absent]
    packages = {PACKAGES[name] for name in contenders if name in PACKAGES}
    print(machine.line("numpy", *sorted(packages)))
    print(
        f"load before: {os.getloadavg()[0]:.1f}; {options.faces:,} faces, k = {K}, {options.probes} probes", flush=True
    )
    making = clocked(lambda: Shared(folder, options.faces, options.probes))[1]
    print(f"templates, store and exact results: {making:.0f} s", flush=True)
    results: dict[str, dict[str, Any]] = {}
    for name in contenders:
        results[name] = _child(name, options, folder)
        _print_row(name, results[name], results.get("lineament"))
    if "lineament" not in results:
        return 0
    return _verdict(results["lineament"], options.faces)


def _child(name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure in a child process; in a second one if the first had to build, so that memory is the index's alone."""
    command = [sys.executable, "-m", "bench.search", "--measure", name, "--folder", str(folder)]
    command += ["--faces", str(options.faces), "--probes", str(options.probes), "--seconds", str(options.seconds)]
    built = folder / f"{name}.json"
    figures: dict[str, Any] = json.loads(built.read_text()) if built.exists() else {}
    while True:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            print(ran.stderr, file=sys.stderr)
            raise SystemExit(f"{name} failed")
        figures |= json.loads(ran.stdout.splitlines()[-1])
        if not figures.pop("again", False):
            return figures
        built.write_text(json.dumps(figures))


def _print_row(name: str, figures: dict[str, Any], ours: dict[str, Any] | None) -> None:
    if ours is None or ours is figures:
        heads = ["p50 ms", "p95 ms", "×", "genuine@50", "best 50", "B/face", "build s"]
        print(" " * 12 + "".join(f"{head:>{width}}" for head, width in zip(heads, WIDTHS, strict=True)))
    ratio = f"{figures['p50'] / ours['p50']:.1f}" if ours else ""
    building = f"{figures['build_s']:.0f}" if "build_s" in figures else "kept"
    cells = [f"{figures['p50']:.2f}", f"{figures['p95']:.2f}", ratio]
    cells += [f"{figures['genuine']:.4f}", f"{figures['all']:.4f}", f"{figures['bytes']:.0f}", building]
    row = "".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    print(f"{name:12}{row}  {figures['how']}", flush=True)


def _verdict(ours: dict[str, Any], faces: int) -> int:
    lines = [
        f"scan {ours['scan_p50']:.2f} ms, look-up and opening of templates {ours['look_up_p50']:.2f} ms",
        f"half of the faces masked {ours['masked_p50']:.2f} ms",
        f"load {ours['load_s']:.2f} s, {ours['disk_bytes']:.0f} bytes a face on disk",
        f"removing one {ours['remove_one_ms']:.1f} ms, a thousand {ours['remove_1000_ms']:.1f} ms",
        f"sync after adding a thousand {ours['sync_after_adding_ms']:.0f} ms",
        f"sync after a removal, all rewritten {ours['sync_after_removal_ms']:.0f} ms",
    ]
    if "adds_a_second" in ours:
        lines.append(f"{ours['adds_a_second']:,.0f} faces added a second")
    for line in lines:
        print(f"lineament: {line}")
    checks = {
        f"p50 {ours['p50']:.2f} ms < {TARGETS['p50']} ms": ours["p50"] < TARGETS["p50"],
        f"{ours['bytes']:.0f} bytes a face < {TARGETS['bytes']:.0f}": ours["bytes"] < TARGETS["bytes"],
        f"genuine recall@50 {ours['genuine']:.4f} ≥ {TARGETS['genuine']}": ours["genuine"] >= TARGETS["genuine"],
    }
    for target, reached in checks.items():
        print(f"{'reached' if reached else 'MISSED'}: {target}")
    return 0 if all(checks.values()) or faces != 1_000_000 else 1


if __name__ == "__main__":
    sys.exit(main())
