"""The port of the sources: a connector yields pictures with their provenance, or says why not, and counts the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias, runtime_checkable

from lineament.errors import MACHINE_FAULTS, InvalidValue, LineamentError, NotRead
from lineament.sandbox.files import os_reason, printable

if TYPE_CHECKING:
    from lineament.model.faces import Provenance
    from lineament.model.regions import RegionHints


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A picture as found; its bytes have not been examined."""

    name: str  # for messages: printable, not unique
    untrusted: bytes
    provenance: Provenance
    hints: RegionHints | None = None  # what a side-car says of the faces in it; None: it has none, or it says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something that was found and is not ingested."""

    name: str  # for messages: printable, not unique
    why: LineamentError

    @classmethod
    def from_error(cls, name: str, error: LineamentError | OSError) -> Self:
        """Return the refusal for an error, without the error's traceback, which would keep a picture's bytes alive.

        Raises one of MACHINE_FAULTS if that is the error.
        """
        if isinstance(error, MACHINE_FAULTS):
            raise error
        why = NotRead(why=os_reason(error)) if isinstance(error, OSError) else error.with_traceback(None)
        return cls(name=name, why=why)


class LeftOutKind(StrEnum):
    """Why something that was found is only counted."""

    HIDDEN = "hidden"  # a hidden file, or one in a hidden folder, left out as asked
    SIDE_CAR = "side_car"  # a side-car or captures.csv: read for what it says of pictures
    NO_PICTURE = "no_picture"  # a record or member that holds no picture, as the pages of a web archive


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something that was found and is only counted."""

    kind: LeftOutKind
    many: int = 1


Found: TypeAlias = Item | Refusal | LeftOut
"""Whatever a connector finds: each thing that is there is one of these, so that nothing is passed over silently."""


@runtime_checkable
class Connector(Protocol):
    """Yields pictures; one that cannot be used does not stop the others."""

    def count(self) -> int | None:
        """Return about how many pictures and refusals there will be, for the progress bar; None if unknown."""

    def items(self) -> Iterator[Found]:
        """Yield everything there is, in the same order each time; one at a time, so that memory stays flat."""


@runtime_checkable
class Resumable(Connector, Protocol):
    """A connector over so much that an interrupted run should not start again."""

    def items_from(self, cursor: str | None) -> Iterator[tuple[Found, str]]:
        """Yield what comes after ``cursor``, in the order of ``items``, each with the cursor to resume from after it.

        A cursor is short, printable, and meaningful only to the connector, given the same paths. Several items may
        share one. Raises InvalidValue if it is not a cursor.
        """


@runtime_checkable
class Arriving(Resumable, Protocol):
    """A connector over what is still arriving: it waits for more, but not for ever."""

    def is_waiting(self) -> bool:
        """Return whether ``items_from`` ended before everything had arrived, so that the run is yet to be resumed."""


def number_in(cursor: str | None, what: str) -> int:
    """Return the number that a cursor is, 0 for None. Raises InvalidValue if it is not “``what``”."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 18):
        raise InvalidValue(what="The cursor", value=printable(cursor)[:50], why=f"it is not {what}")
    return int(cursor)
