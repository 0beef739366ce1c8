"""Measures how rows go into PostgreSQL: by INSERT, and by COPY as an ingest does it.

    python -m bench.bulk [--captures 20000]

docs/adr/0002-sql-is-the-truth.md has the figures.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bench import machine
from bench.store import BATCH, Rows, postgresql
from lineament.store.raw import COPIED
from lineament.store.tables import captures, faces, templates

LARGE = 5_000
"""Rows that go in together when a gallery is copied; an ingest writes BATCH of them."""

Row = dict[str, Any]


def stored(connection: Connection, table: sa.Table, many: int) -> list[Row]:
    """Return rows as an ingest made them."""
    key = table.c.face_id if table is templates else table.c.id
    return [dict(row) for row in connection.execute(sa.select(table).order_by(key).limit(many)).mappings()]


def measure(rows: Rows, options: dict[str, bool], at_once: int, rounds: int) -> tuple[float, float]:
    """Write captures, faces and templates into empty tables; return ms a photograph, by the clock and of the CPU."""
    taken: list[tuple[float, float]] = []
    with rows.store.read() as tx:
        each = [(table, stored(tx.connection, table, at_once)) for table in (captures, faces, templates)]
    for _ in range(rounds):
        with rows.store.begin() as tx:
            undone = tx.connection.begin_nested()
            tx.connection.execute(sa.delete(captures).where(captures.c.id <= each[0][1][-1]["id"]))
            began, worked = time.perf_counter(), time.process_time()
            for table, some in each:
                tx.connection.execute(sa.insert(table), some, execution_options={"watched": False, **options})
            taken.append((time.perf_counter() - began, time.process_time() - worked))
            undone.rollback()
    wall, processor = (statistics.median(times) / at_once * 1e3 for times in zip(*taken, strict=True))
    return wall, processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--captures", type=int, default=20_000)
    count: int = parser.parse_args().captures
    print(machine.line("sqlalchemy", "psycopg"))
    print(f"load before: {os.getloadavg()[0]:.1f}; {count:,} captures with one face each")
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, postgresql(Path(temporary)) as url:
        rows = Rows(Path(temporary), url, count)
        for at_once, rounds in ((BATCH, 40), (LARGE, 5)):
            for name, options in (("INSERT", {}), ("COPY", {COPIED: True})):
                wall, processor = measure(rows, options, min(at_once, count), rounds)
                print(f"  {name:6} {at_once:5,} at once  {wall:.3f} ms a photograph, {processor:.3f} ms of it CPU here")
        measured = [rows.batch(BATCH) for _ in range(40)]
        wall, processor = (statistics.median(times) / BATCH * 1e3 for times in zip(*measured, strict=True))
        print(f"  a batch of {BATCH}, look-up to commit  {wall:.3f} ms a photograph, {processor:.3f} ms of it CPU here")
        rows.store.close()


if __name__ == "__main__":
    main()
