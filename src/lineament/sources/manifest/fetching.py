"""The port through which a connector fetches a picture by its address."""

from __future__ import annotations

from typing import Protocol


class Fetcher(Protocol):
    """Fetches only what a source and its publishers allow (R2, R3)."""

    def fetch(self, uri: str) -> bytes:
        """Return the untrusted bytes at ``uri``.

        Raises:
            LineamentError: It may not be fetched, or cannot be.
        """

    def close(self) -> None:
        """Close all connections; the next ``fetch`` opens new ones."""
