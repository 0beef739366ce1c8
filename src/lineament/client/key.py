"""The key with which a program acts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key, and what a program may do that has it."""

    id: str
    name: str
    acts_for: str
    """The official in whose name the program acts."""
    rights: tuple[str, ...]
    case: str | None
    """The only case that it sees; None: those that the official sees."""
    reason: str
    """The reason of searches that state none."""
    sources: tuple[str, ...]
    """The only sources that it works with; empty: those that the official may."""
    per_minute: int
    ends_at: datetime
