"""What the connector for uploads reads: the files of a drop, which may still be arriving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lineament.model.drops import DroppedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalStanding:
    """How far a drop is."""

    files: int  # in the list so far
    listed: bool  # the list is complete
    over: bool  # it was ingested, discarded, or its source withdrawn
    quiet: float  # seconds since something last arrived


class Arrivals(Protocol):
    """The files of one drop."""

    @property
    def id(self) -> str:
        """The id of the drop, which is part of every address."""

    @property
    def done(self) -> int:
        """The number of the last file that was ingested before; 0 if none was."""

    def standing(self) -> ArrivalStanding:
        """Return how far the drop is now."""

    def after(self, number: int) -> Sequence[DroppedFile]:
        """Return the next files of the list, as they are now; none at its end."""

    def side_cars(self) -> Sequence[DroppedFile]:
        """Return every file whose name is that of a side-car or of a table of them."""

    def find(self, path: str) -> DroppedFile | None:
        """Return the file with this path, as it is now; None if there is none."""

    def parts(self, file: DroppedFile) -> Iterator[bytes]:
        """Yield the bytes of a file that has arrived. Raises NotRead, Damaged or OSError."""

    def as_file(self, file: DroppedFile, suffix: str) -> Path:
        """Return an unsealed copy of a file that has arrived, which only its owner can read.

        It is named after the number of the file and ``suffix``, and deleted once the file is ingested.
        """

    def forget_copy(self, file: DroppedFile) -> None:
        """Delete the copy that ``as_file`` made of a file, before the file itself is ingested."""

    def copy_of(self, path: str) -> Path | None:
        """Return the copy that ``as_file`` made of the file with this path; None if it made none, or it is deleted."""
