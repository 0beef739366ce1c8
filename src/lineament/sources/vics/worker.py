"""The worker that reads a VICS file from standard input, and sends its media records as JSON.

Started by ``sandbox.process`` with the number of records to skip.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import IO

from lineament.sandbox.process import END, FAILED, confine_worker, send
from lineament.sources.provenance import Unusable
from lineament.sources.vics.records import LARGEST_RECORD, RECORDS, TOO_LARGE
from lineament.sources.vics.stream import read_media

_MEMORY = 2**29
_SECONDS = 24 * 3600
_AT_ONCE = 2**17  # bytes of records in one message, at least, unless they are the last
_WARM = b'{"odata.metadata": "/DataModels/1.3.xml#Media", "value": [{"MD5": "0", "Category": 0}]}'


def main(after: str) -> None:
    """Send the records after the record ``after``."""
    list(_lines(io.BytesIO(_WARM), 0))  # imports and starts now what would come later
    confine_worker(memory=_MEMORY, seconds=_SECONDS)
    waiting: list[bytes] = []
    size = 0
    try:
        for line in _lines(sys.stdin.buffer, int(after)):
            waiting.append(line)
            size += len(line)
            if size >= _AT_ONCE:
                _send(waiting)
                size = 0
        _send(waiting)
        send(END)
    except Unusable as error:
        _send(waiting)
        send(FAILED, str(error).encode())
    except MemoryError:
        waiting = waiting[:0]
        send(FAILED, b"it takes too much memory")
    except Exception:  # noqa: BLE001 - parsers raise anything over hostile bytes
        send(FAILED, b"it is not JSON, or damaged")


def _lines(file: IO[bytes], after: int) -> Iterator[bytes]:
    for fields in islice(read_media(file), after, None):
        line = json.dumps(fields).encode()
        yield line if len(line) <= LARGEST_RECORD else json.dumps(TOO_LARGE).encode()


def _send(waiting: list[bytes]) -> None:
    if waiting:
        send(RECORDS, b"\n".join(waiting))
        waiting.clear()
