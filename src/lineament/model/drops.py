"""Drops: files that an official sends through the browser to be ingested into a source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

from lineament.model.faces import SourceId

DropId = NewType("DropId", str)

PART = 4 * 2**20
"""Bytes of each part in which a file is sent; its last part may be shorter."""
MOST_FILES = 200_000
"""Files of a drop."""
LONGEST_PATH = 1000
"""Most bytes of a file's path, in UTF-8."""
KEPT_FOR = timedelta(days=7)
"""How long a drop is kept of which nothing arrives any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A drop."""

    id: DropId
    source_id: SourceId
    agency_id: str
    account_id: str | None  # None: the official at the machine
    begun_at: datetime
    seen_at: datetime  # when something of it last arrived
    ended_at: datetime | None  # ingested or discarded
    listed: bool  # every file that it will have is in the list
    done: int  # files up to this number are ingested
    files: int
    bytes: int
    job_id: str | None  # the last job that ingests it

    @property
    def what(self) -> str:
        """What its run and its job are recorded under."""
        return f"upload:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedFile:
    """A file that a browser offers to send. Everything but ``why`` is as the browser says it."""

    path: str
    size: int
    modified: int  # milliseconds since 1970
    why: str | None = None  # why it is refused without being sent


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedFile(OfferedFile):
    """A file of a drop."""

    number: int  # from 1, in the order of the list
    received: int  # bytes that are durable

    @property
    def has_arrived(self) -> bool:
        """Whether there is nothing more to send of it."""
        return self.why is not None or self.received == self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class DropArrivals:
    """How much of a drop has arrived."""

    files: int  # whole
    bytes: int
    refused: int  # files that are refused without being sent
