"""The digest of a growing file, updated without reading all of it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PIECE = 4 * 2**20
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """SHA-256 of each piece of 4 MiB of a file.

    A codes file changes in its first piece (turbovec's two headers are there) and after its old end. If anything else
    changed, the digest would not fit at the next reading, and the index would be rebuilt: that is safe.
    """

    file: tuple[int, int]  # device and inode
    digests: tuple[bytes, ...]

    @classmethod
    def of(cls, path: Path, before: Self | None = None) -> Self:
        """Digest a file; if it grew since ``before``, only the first piece and those from its old end are read."""
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            this = (status.st_dev, status.st_ino)
            grew = before and before.file == this and status.st_size >= PIECE * (len(before.digests) - 1)
            kept = before.digests[1:-2] if before and grew else ()  # the last two may have been filled since
            digests = [hashlib.sha256(file.read(PIECE)).digest(), *kept]
            file.seek(PIECE * len(digests))
            while piece := file.read(PIECE):
                digests.append(hashlib.sha256(piece).digest())
        return cls(this, tuple(digests))

    def hexdigest(self) -> str:
        """SHA-256 over the digests of all pieces, hexadecimal."""
        return hashlib.sha256(b"".join(self.digests)).hexdigest()
