"""One file in an archive of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Self

from lineament.errors import FileTooLarge, LineamentError, NotRead

ENCRYPTED = "it is encrypted; unlock the archive first"
NOT_REGULAR = "it is a link or a device in the archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveEntry:
    """A file in an archive. It can be read until the next entry is requested."""

    name: bytes  # as in the archive
    size: int  # unpacked bytes, as the archive claims
    why_not: LineamentError | None = None
    parts: Callable[[], Iterator[bytes]] = lambda: iter(())

    def opened(self) -> tuple[bytes, Self]:
        """Return its first part, b"" if it is empty, and the entry to read from instead of this one."""
        parts = iter(self.parts())
        first = next(parts, b"")
        return first, replace(self, parts=lambda: chain([first], parts))

    def read(self, limit: int) -> bytes:
        """Return its bytes. Raises FileTooLarge over ``limit``, or whatever a parser raises."""
        if self.size > limit:
            raise FileTooLarge(size=self.size, limit=limit)
        parts, length = [], 0
        for part in self.parts():
            parts.append(part)
            length += len(part)
            if length > limit:
                raise FileTooLarge(size=length, limit=limit)
        if length != self.size:
            raise NotRead(why=f"it is truncated after {length:,} of {self.size:,} bytes")
        return b"".join(parts)
