"""How a connector that knows only the address of a picture comes by its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What an address answered."""

    untrusted: bytes
    uri: str  # after redirects
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case


class Fetcher(Protocol):
    """Fetches what a source allows to be fetched (R2, R3), and nothing else."""

    def fetch(self, uri: str) -> Fetched:
        """What is at ``uri``.

        Raises:
            LineamentError: It may not be fetched, or cannot.
        """
