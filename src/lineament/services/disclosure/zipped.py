"""A ZIP file that is the same byte for byte whenever the same is written, with the SHA-256 of each file."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, TextIO

_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file: the ledger says when the pack was made."""
_PACKED = (".txt", ".json", ".jsonl", ".jsonld", ".html", ".py", ".note", ".xmp")
"""What is deflated; pictures are packed already."""


class Zipped:
    """Files of a pack, in the order in which they are added."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._zip = zipfile.ZipFile(self._bytes, "w")
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, content: bytes) -> str:
        """Add a file, once, and return its name."""
        if name not in self.files:
            with self._opened(name) as file:
                file.write(content)
        return name

    def add_json(self, name: str, value: object) -> None:
        """Add a value as JSON that people can read too."""
        self.add(name, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())

    @contextmanager
    def text(self, name: str) -> Iterator[TextIO]:
        """Add a text that is written in the block."""
        with self._opened(name) as file, io.TextIOWrapper(file, encoding="utf-8", newline="\n") as out:
            yield out

    def picture(self, jpeg: bytes) -> str:
        """Add a picture under its digest, once, and return its name."""
        return self.add(f"pictures/{hashlib.sha256(jpeg).hexdigest()}.jpg", jpeg)

    def finish(self) -> bytes:
        """Return the ZIP file."""
        self._zip.close()
        return self._bytes.getvalue()

    @contextmanager
    def _opened(self, name: str) -> Iterator[_Counted]:
        info = zipfile.ZipInfo(name, _DATE)
        info.create_system = 3
        info.external_attr = 0o100644 << 16
        info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_PACKED) else zipfile.ZIP_STORED
        with self._zip.open(info, "w", force_zip64=True) as file:
            counted = _Counted(file)
            yield counted
        self.files[name] = {"sha256": counted.digest.hexdigest(), "bytes": counted.size}


class _Counted(io.BufferedIOBase):
    """A file that is written, with digest and size; closing it leaves the file open."""

    def __init__(self, file: IO[bytes]) -> None:
        self.name = str(getattr(file, "name", ""))
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        """Return whether it can be written, which it can."""
        return True

    def write(self, content: Any) -> int:
        """Write bytes."""
        self._file.write(content)
        self.digest.update(content)
        self.size += len(content)
        return len(content)
