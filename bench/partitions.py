"""Measures whether partitions by source would serve PostgreSQL: faces and templates in plain and in partitioned tables.

    python -m bench.partitions [--faces 1000000] [--sources 20]

docs/adr/0002-sql-is-the-truth.md has the figures and the decision.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from tests.support.postgresql import superuser_of

from bench import machine
from bench.store import postgresql

BATCH = 64
ROUNDS = 100
LOOKED_UP = 500

PLAIN = """
    CREATE TABLE faces (id bigint PRIMARY KEY, source_id bigint NOT NULL, model text NOT NULL, captured_day int,
        comparable boolean NOT NULL, grade smallint NOT NULL, quality text NOT NULL, crop bytea NOT NULL, mac bytea);
    CREATE INDEX ix_faces_of_source ON faces (source_id, id, model, captured_day, comparable, grade);
    CREATE TABLE templates (face_id bigint PRIMARY KEY REFERENCES faces ON DELETE CASCADE, source_id bigint NOT NULL,
        model text NOT NULL, sealed bytea NOT NULL);
"""
PARTITIONED = """
    CREATE TABLE faces (id bigint, source_id bigint NOT NULL, model text NOT NULL, captured_day int,
        comparable boolean NOT NULL, grade smallint NOT NULL, quality text NOT NULL, crop bytea NOT NULL, mac bytea,
        PRIMARY KEY (source_id, id)) PARTITION BY LIST (source_id);
    CREATE INDEX ix_faces_of_source ON faces (source_id, id, model, captured_day, comparable, grade);
    CREATE TABLE templates (face_id bigint, source_id bigint NOT NULL, model text NOT NULL, sealed bytea NOT NULL,
        PRIMARY KEY (source_id, face_id), FOREIGN KEY (source_id, face_id) REFERENCES faces ON DELETE CASCADE)
        PARTITION BY LIST (source_id);
"""
FACE = """
    INSERT INTO faces SELECT n, %(source)s, 'made/1', n %% 20000, true, 0, repeat('q', 200), sha256(n::text::bytea),
        sha256(n::text::bytea) FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
TEMPLATE = """
    INSERT INTO templates SELECT n, %(source)s, 'made/1', decode(repeat(md5(n::text), 34), 'hex')
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
IN_ORDER = """
    SELECT face_id, sealed FROM templates JOIN faces ON faces.id = templates.face_id{and_source}
    WHERE faces.source_id = %(source)s AND faces.model = 'made/1' AND faces.comparable AND faces.id > %(last)s
    ORDER BY faces.id LIMIT 4096
"""
SCATTERED = "SELECT face_id, sealed FROM unnest(%s::bigint[]) AS wanted(id) JOIN templates ON face_id = wanted.id"


class Gallery:
    """Faces and templates of sources of uneven size: the first has half of them."""

    def __init__(self, connection: psycopg.Connection[Any], faces: int, sources: int, *, partitioned: bool) -> None:
        self.connection = connection
        self.partitioned = partitioned
        self.last = 0
        connection.execute(PARTITIONED if partitioned else PLAIN)
        for source in range(1, sources + 1):
            if partitioned:
                for table in ("faces", "templates"):
                    made = f"CREATE TABLE {table}_{source} PARTITION OF {table} FOR VALUES IN ({source})"
                    connection.execute(made)
        sizes = [faces // 2] + [faces // 2 // (sources - 1)] * (sources - 1)
        for _ in range(10):  # the sources grow side by side, as they do
            for source, size in enumerate(sizes, start=1):
                self.add(source, size // 10)
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")

    def add(self, source: int, many: int) -> None:
        """Add faces to a source in one transaction."""
        its = {"source": source, "first": self.last + 1, "last": self.last + many}
        with self.connection.transaction():
            self.connection.execute(FACE, its)
            self.connection.execute(TEMPLATE, its)
        self.last += many

    def read(self, source: int) -> int:
        """Read the templates of a source in order, as an index does when it is built; return how many."""
        also = " AND faces.source_id = templates.source_id AND templates.source_id = %(source)s"
        query = IN_ORDER.format(and_source=also if self.partitioned else "")
        last = many = 0
        with self.connection.cursor(binary=True) as cursor:
            while rows := cursor.execute(query, {"source": source, "last": last}).fetchall():
                last, many = rows[-1][0], many + len(rows)
        return many

    def look_up(self) -> None:
        """Read scattered templates by the ids of their faces alone, as a search does."""
        step = self.last // LOOKED_UP
        found = self.connection.execute(SCATTERED, [list(range(1, self.last, step))[:LOOKED_UP]], binary=True)
        if len(found.fetchall()) != LOOKED_UP:
            raise SystemExit("a template is missing")

    def withdraw(self, source: int) -> None:
        """Remove a source."""
        with self.connection.transaction():
            if self.partitioned:
                for table in ("templates", "faces"):
                    self.connection.execute(f"ALTER TABLE {table} DETACH PARTITION {table}_{source}")
                    self.connection.execute(f"DROP TABLE {table}_{source}")
            else:
                self.connection.execute("DELETE FROM faces WHERE source_id = %s", [source])


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def figures(gallery: Gallery, sources: int) -> Iterator[tuple[str, str]]:
    """Measure one way to keep the rows."""
    small = sources // 2
    for name, source in (("a small source", small), ("the large source", 1)):
        gallery.read(source)
        many = 0

        def read(of: int = source) -> None:
            nonlocal many
            many = gallery.read(of)

        took = seconds(read)
        yield f"templates of {name} in order", f"{many / took:,.0f} a second of {many:,}"
    gallery.look_up()
    yield f"{LOOKED_UP} scattered templates", f"{sorted(seconds(gallery.look_up) for _ in range(30))[15] * 1e3:.1f} ms"
    batches = sorted(seconds(lambda: gallery.add(small, BATCH)) for _ in range(ROUNDS))
    yield f"{BATCH} faces added and committed", f"{batches[ROUNDS // 2] * 1e3:.1f} ms, p95 {batches[95] * 1e3:.1f} ms"
    yield "withdrawing a small source", f"{seconds(lambda: gallery.withdraw(small)) * 1e3:.0f} ms"
    yield "withdrawing the large source", f"{seconds(lambda: gallery.withdraw(1)) * 1e3:.0f} ms"
    vacuumed = seconds(lambda: gallery.connection.execute("VACUUM faces, templates"))
    yield "freeing the space afterwards", f"{vacuumed:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--sources", type=int, default=20)
    given = parser.parse_args()
    print(machine.line("psycopg"))
    print(
        f"load before: {os.getloadavg()[0]:.1f}; {given.faces:,} faces in {given.sources} sources, half of them in one"
    )
    for partitioned in (False, True):
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as temporary,
            postgresql(Path(temporary)) as url,
            psycopg.connect(superuser_of(url), autocommit=True) as connection,
        ):
            gallery = Gallery(connection, given.faces, given.sources, partitioned=partitioned)
            print("\none partition for each source" if partitioned else "\nplain tables")
            for name, figure in figures(gallery, given.sources):
                print(f"  {name:40} {figure}", flush=True)


if __name__ == "__main__":
    main()
