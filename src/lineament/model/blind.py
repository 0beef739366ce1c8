"""A candidate list as a reviewer sees it before they decided: without rank, score, name and page (R17)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAt:
    """Where a picture was found; shown once the reader decided about the candidate."""

    uri: str
    page_uri: str | None
    page_title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenFace:
    """A picture of a candidate that the reader has yet to judge."""

    name: str  # in addresses; drawn from a secret, so that it tells nothing of the rank
    source: str
    captured_at: datetime | None
    person: int | None = None  # whom it may show, of several who were searched together
    near_duplicates: int = 0
    part: int | None = None  # which picture of its file, from 1
    parts: int | None = None
    time_code: float | None = None  # seconds into a video
    incomplete: bool = False  # the file is damaged
    found_at: FoundAt | None = None  # None until the reader decided


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenEntry:
    """An entry of the list without its numbers; its pictures in the reader's own order."""

    number: int  # of the entry, for the services; nothing that a reader gets may hold it
    faces: tuple[HiddenFace, ...]
    more: bool = False  # further pictures of this face are not listed

    @property
    def name(self) -> str:
        """The name of the picture that stands for the entry."""
        return self.faces[0].name
