"""The port through which a connector fetches a picture by its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A fetched file."""

    untrusted: bytes
    uri: str  # after redirects
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case


class Fetcher(Protocol):
    """Fetches only what a source and its publishers allow (R2, R3)."""

    def fetch(self, uri: str) -> FetchedFile:
        """Return what is at ``uri``.

        Raises:
            LineamentError: It may not be fetched, or cannot be.
        """
