"""Video files: the sampled frames, each with its time code.

Files only (R6): no stream, camera or network address can be given, and the worker that reads the file cannot open any
(``video.worker``). The frames of one person are grouped later (``model.tracks``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lineament.errors import LineamentError
from lineament.model.faces import Provenance
from lineament.sandbox.files import locate
from lineament.sources.base import Item, Refusal
from lineament.sources.folder.connector import provenance_of, table_of
from lineament.sources.video.frames import EVERY
from lineament.sources.video.sampled import framed, frames


class VideoConnector:
    """Yields frames of a video file as pictures."""

    def __init__(self, path: Path, page_base: str | None, max_bytes: int) -> None:
        """``page_base`` is the URL below which the video's page has its name.

        Frames over ``max_bytes`` are refused. Raises NoSuchFile if ``path`` does not exist.
        """
        self._place = locate(path)[0]
        page = None if page_base is None else f"{page_base.rstrip('/')}/{self._place.uri.rpartition('/')[2]}"
        self._default = Provenance(uri=self._place.uri, page_uri=page)
        self._max_bytes = max_bytes
        self._expected: int | None = None

    def count(self) -> int | None:
        """Return how many frames there will be if the rest is like what was read so far; None before that."""
        return self._expected

    def items(self) -> Iterator[Item | Refusal]:
        """Yield every sampled frame in order of time; its address is that of the video with the time (#t=…)."""
        name, number = self._place.name, 0
        try:
            with table_of(self._place.parent) as table:
                whole = provenance_of(self._place, table, self._default)
            for number, frame in enumerate(frames(self._place), 1):
                self._expected = max(number, round(number * frame.length / max(frame.time_code, EVERY)))
                yield framed(name, whole, frame, self._max_bytes)
            self._expected = number
        except LineamentError as error:
            self._expected = number + 1
            yield Refusal.from_error(name, error)
