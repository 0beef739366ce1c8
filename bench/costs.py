"""Measures what one face costs: to compare, to keep, to add, to read back and to send."""

from __future__ import annotations

import os
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench import templates
from bench.codings import TOGETHER, TURN, bandwidth
from bench.photographs import PORTRAITS
from bench.search import clocked, memory
from bench.store import BATCH, Rows, clock, median, postgresql
from lineament.index.among import EVERY_FACE
from lineament.index.base import best
from lineament.index.codes import Codes, processors
from lineament.index.folder import Coding, IndexFolder
from lineament.index.scan import RESCORED
from lineament.model.scores import scores
from lineament.model.sources import SourceTerms
from lineament.settings import Settings
from lineament.sources.folder.connector import FolderConnector
from lineament.workspace import Workspace

K = 50
READS = 32
"""Bytes of a face that a probe reads: its coarse code (docs/adr/0046)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What was measured on one machine. Seconds and bytes, of one face unless it says otherwise."""

    processors: int
    copy: float  # bytes a second that a plain copy reads and writes with all processors
    searches: np.ndarray  # seconds of each single search of ``faces``
    faces: int
    linear: float  # R² of a line through the medians of a quarter, a half and all of the faces
    alone: float  # seconds of all processors to compare a probe with a face, by the median
    work: float  # CPU seconds to compare a probe with a face
    together: float  # seconds of all processors for each of 64 probes at once
    work_together: float  # CPU seconds of that
    adding: float  # seconds to code a face
    memory: float
    disk: float
    sqlite: float
    postgres: float | None
    writing: float  # seconds to commit a photograph in a batch of 64, in the slower database
    reading: float  # seconds to read and open a template, in order, from the slower database
    rescoring: float  # seconds to look up, open and score the shortlist of one search
    pictures: float  # bytes of a photograph of the portraits, as kept: itself, thumbnail and crops, sealed
    asking: int  # bytes of a probe on its way to one shard
    answer: int  # bytes of the answer of one shard


def measure(data: templates.Templates, *, searches: int, captures: int, with_postgres: bool) -> Costs:
    """Measure with these templates and ``captures`` rows in each database."""
    probes = np.ascontiguousarray(data.probes @ TURN)
    warm = Codes(templates.DIMENSION)  # what the libraries allocate once does not count
    _add(warm, data.gallery, 0, min(len(data.gallery), 65_536))
    _search(warm, probes, 0)
    del warm
    before = memory()[0]
    codes, adding, medians = Codes(templates.DIMENSION), 0.0, []
    parts = [0, *(max(1, len(data.gallery) // part) for part in (4, 2, 1))]
    taken, work = np.empty(0), 0.0
    for begin, end in pairwise(parts):
        adding += _add(codes, data.gallery, begin, end)
        few = searches if end == len(data.gallery) else max(5, searches // 4)
        began = time.process_time()
        taken = np.array([clocked(lambda: _search(codes, probes, at))[1] for at in range(few)])  # noqa: B023 - called here
        work = (time.process_time() - began) / few
        medians.append(float(np.median(taken)))
    each = float(memory()[0] - before) / len(codes)
    many = np.resize(probes, (TOGETHER, templates.DIMENSION))
    with clock() as batch:
        for _ in range(3):
            codes.nearest(many, [(RESCORED, EVERY_FACE)] * TOGETHER)
    count = len(codes)
    sizes, writing, reading, rescoring = _databases(captures, with_postgres)
    return Costs(
        processors=processors(),
        copy=bandwidth(),
        searches=taken,
        faces=count,
        linear=straightness(parts[1:], medians),
        alone=medians[-1] / count,
        work=work / count,
        together=batch[0] / 3 / TOGETHER / count,
        work_together=batch[1] / 3 / TOGETHER / count,
        adding=adding / count,
        memory=each,
        disk=_on_disk(codes),
        sqlite=sizes[0],
        postgres=sizes[1] if len(sizes) > 1 else None,
        writing=writing,
        reading=reading,
        rescoring=rescoring,
        pictures=_pictures(),
        asking=_sent(("part" * 16, ("generation", 1), probes[:1], RESCORED, EVERY_FACE)),
        answer=_sent(codes.nearest(probes[:1], [(RESCORED, EVERY_FACE)])),
    )


def straightness(sizes: list[int], seconds: list[float]) -> float:
    """Return R² of a straight line through the points."""
    return float(np.corrcoef(sizes, seconds)[0, 1] ** 2)


def _add(codes: Codes, gallery: np.ndarray, begin: int, end: int) -> float:
    """Return the seconds in which the rows from ``begin`` to before ``end`` are turned and coded."""
    began = time.perf_counter()
    for start in range(begin, end, 65_536):
        some = gallery[start : min(end, start + 65_536)]
        ids = np.arange(start, start + len(some)) + 1
        codes.add(ids, some @ TURN, (ids % templates.DAYS).astype(np.int32))
    return time.perf_counter() - began


def _search(codes: Codes, probes: np.ndarray, at: int) -> object:
    return codes.nearest(probes[at % len(probes)][np.newaxis], [(RESCORED, EVERY_FACE)])


def _on_disk(codes: Codes) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        coding = Coding(model=templates.MODEL, dimension=templates.DIMENSION)
        IndexFolder(Path(name), coding, bytes(32)).write(codes)
        return _bytes_below(Path(name)) / len(codes)


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _sent(message: object) -> int:
    return len(pickle.dumps(message, protocol=5))


def _databases(captures: int, with_postgres: bool) -> tuple[list[float], float, float, float]:
    """Return bytes a face in each database, and the slower writing, reading and re-scoring of them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        of_sqlite = _database(Path(name), f"sqlite:///{name}/store.db", captures)
    found = [of_sqlite]
    if with_postgres:
        with tempfile.TemporaryDirectory(prefix="bench-") as name, postgresql(Path(name)) as url:
            found.append(_database(Path(name), url, captures))
    sizes, *seconds = (list(column) for column in zip(*found, strict=True))
    writing, reading, rescoring = map(max, seconds)
    return sizes, writing, reading, rescoring


def _database(folder: Path, url: str, captures: int) -> tuple[float, float, float, float]:
    """Return the bytes that a photograph with one face adds, and the seconds to commit it, read it, and re-score."""
    rows = Rows(folder, url, captures // 2)
    half = _size(rows)
    while rows.count < captures:
        rows.batch(min(5_000, captures - rows.count))
    grown = (_size(rows) - half) / (captures - captures // 2)
    probe = np.eye(1, templates.DIMENSION, dtype=np.float32)[0]

    def rescore() -> None:
        wanted = rows.random.choice(rows.count, min(rows.count, RESCORED), replace=False) + 1
        with rows.store.read() as tx:
            ids, vectors = tx.faces.vectors(wanted, rows.key)
        best(ids, scores(probe, vectors), K)

    writing = statistics.median(rows.batch(BATCH)[0] for _ in range(5)) / BATCH
    answer = grown, writing, median(rows.read_all, 3) / rows.count, median(rescore, 30)
    rows.store.close()
    return answer


def _size(rows: Rows) -> int:
    with rows.store.read() as tx:
        of_file = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        of_server = "SELECT pg_database_size(current_database())"
        asked = of_file if rows.store.dialect == "sqlite" else of_server
        return int(tx.connection.exec_driver_sql(asked).scalar_one())


def _pictures() -> float:
    """Return the bytes that a photograph takes in the folder of pictures, by enrolling the portraits."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        with Workspace.create(Settings(home=Path(name) / "ws")) as workspace:
            desk = workspace.desk_at_the_machine()
            desk.sources.add(SourceTerms(name="bench", controller="bench", basis="bench", jurisdiction="FR"))
            connector = FolderConnector([PORTRAITS], page_base=None, max_bytes=workspace.settings.max_file_bytes)
            report = desk.ingest.run("bench", connector, workers=1)
        return _bytes_below(Path(name) / "ws" / "blobs") / report.seen


MEASURES: dict[str, Callable[[Costs], str]] = {
    "a plain copy, all processors": lambda c: f"{c.copy / 1e9:.1f} GB/s read and written",
    "one probe, a million faces, p50 / p99": lambda c: (
        f"{1e9 * c.alone:.2f} / {1e9 * float(np.percentile(c.searches, 99)) / c.faces:.2f} ms"
        f" ({len(c.searches)} searches of {c.faces:,} faces)"
    ),
    "… CPU": lambda c: f"{1e9 * c.work:.2f} ms",
    "… each of 64 together": lambda c: f"{1e9 * c.together:.2f} ms, {1e9 * c.work_together:.2f} ms CPU",
    "… bytes read a second": lambda c: f"{READS / c.alone / 1e9:.1f} GB/s",
    "time against faces, a quarter, half and all": lambda c: f"R² {c.linear:.4f}",
    "coding new faces": lambda c: f"{1 / c.adding:,.0f} a second",
    "a face in memory / in the index's files": lambda c: f"{c.memory:.0f} / {c.disk:.0f} bytes",
    "a photograph with a face in SQLite / PostgreSQL": lambda c: (
        f"{c.sqlite:,.0f} / {'not measured' if c.postgres is None else f'{c.postgres:,.0f}'} bytes"
    ),
    "its picture, thumbnail and crops (portraits)": lambda c: f"{c.pictures / 1e3:,.0f} kB",
    "committing photographs, one writer": lambda c: f"{1 / c.writing:,.0f} a second",
    "reading and opening templates": lambda c: f"{1 / c.reading:,.0f} a second in one process",
    f"looking up and scoring {RESCORED}": lambda c: f"{1e3 * c.rescoring:.1f} ms",
    "a probe to a shard / its answer": lambda c: f"{c.asking:,} / {c.answer:,} bytes",
}
"""What is printed of the costs."""


def busy() -> str:
    """Return how busy the machine is."""
    return f"load average {os.getloadavg()[0]:.1f} on {processors()} processors"
