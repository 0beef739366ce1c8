"""The worker that reads a Parquet manifest from standard input, and sends each row as JSON.

Started by ``sandbox.process`` with the number of rows to skip.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pyarrow as pa
from pyarrow import compute, parquet

from lineament.sandbox.process import END, FAILED, confine_worker, send
from lineament.sources.manifest.rows import NAMES, columns
from lineament.sources.provenance import LONGEST_URI, Unusable

_MEMORY = 2**30
_SECONDS = 24 * 3600
_ROWS = b"R"
_AT_ONCE = 256
_LONGEST_METADATA = 2**24  # bytes of one text, and entries of one list, in the footer
_LONGEST_TEXT = 2 * LONGEST_URI  # characters; an address that is too long stays too long
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_WANTED = {name for names in NAMES.values() for name in names}


def main(after: str) -> None:
    """Send all rows after the row ``after``."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    with io.BytesIO() as warm:  # imports and starts now what would come later
        parquet.write_table(pa.table({"uri": ["a"], "date": [_EPOCH]}), warm)
        warm.seek(0)
        list(_rows(parquet.ParquetFile(warm), 0))
    confine_worker(memory=_MEMORY, seconds=_SECONDS)
    try:
        file = parquet.ParquetFile(
            pa.PythonFile(sys.stdin.buffer, mode="r"),
            thrift_string_size_limit=_LONGEST_METADATA,
            thrift_container_size_limit=_LONGEST_METADATA,
        )
        for row in _rows(file, int(after)):
            send(_ROWS, json.dumps(row).encode())
        send(END)
    except Unusable as error:
        send(FAILED, str(error).encode())
    except MemoryError:
        send(FAILED, b"it takes too much memory")
    except Exception:  # noqa: BLE001 - parsers raise anything over hostile bytes
        send(FAILED, b"it is no Parquet file, or damaged")


def _rows(file: parquet.ParquetFile, after: int) -> Iterator[dict[str, object]]:
    schema = file.schema_arrow
    columns(schema.names)
    names = [name for name in schema.names if name.strip().lower() in _WANTED]
    groups: list[int] = []
    for group in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if not groups and size <= after:
            after -= size
        else:
            groups.append(group)
    batches = file.iter_batches(_AT_ONCE, row_groups=groups, columns=names, use_threads=False)
    rows = (row for batch in batches for row in _plain(batch, names))
    yield from islice(rows, after, None)


def _plain(batch: pa.RecordBatch, names: list[str]) -> Iterator[dict[str, object]]:
    values = [_truncate_texts(batch.column(name)) for name in names]
    for at in range(batch.num_rows):
        yield {name: _value(column[at]) for name, column in zip(names, values, strict=True)}


def _truncate_texts(column: pa.Array) -> pa.Array:
    """Cut texts before any is read: one dictionary entry of many megabytes may serve all rows."""
    if isinstance(column, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(column.indices, _truncate_texts(column.dictionary))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return compute.utf8_slice_codeunits(column, 0, _LONGEST_TEXT)
    return column


def _value(scalar: pa.Scalar) -> object:
    """Return a value for JSON; what is neither text nor a valid date is False, which is refused."""
    if isinstance(scalar, pa.DictionaryScalar):
        scalar = scalar.value
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.StringScalar | pa.LargeStringScalar):
        text: str = scalar.as_py()
        return text
    try:
        if isinstance(scalar, pa.TimestampScalar):
            return (_EPOCH + timedelta(microseconds=scalar.value * 10**6 // _A_SECOND[scalar.type.unit])).isoformat()
        if isinstance(scalar, pa.Date32Scalar):
            return (_EPOCH + timedelta(days=scalar.value)).isoformat()
    except OverflowError:
        return False
    return False
