"""The port of the sources: a connector brings pictures with their provenance, or says why it does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from lineament.errors import LineamentError
    from lineament.model.faces import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One picture as found: its bytes have not been looked at."""

    name: str  # for messages: printable, not unique
    untrusted: bytes
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something that was found and is not brought."""

    name: str  # for messages: printable, not unique
    why: LineamentError


@runtime_checkable
class Connector(Protocol):
    """Where pictures come from. Whatever one of them is like, the others are brought all the same."""

    def count(self) -> int | None:
        """About how many items and refusals there will be, for the progress bar; None where it cannot be told."""

    def items(self) -> Iterator[Item | Refusal]:
        """Every picture, in the same order each time; one at a time, so that memory stays flat."""


@runtime_checkable
class Resumable(Connector, Protocol):
    """A connector over so much that a second run should not begin at the beginning."""

    def items_from(self, cursor: str | None) -> Iterator[tuple[Item | Refusal, str]]:
        """What comes after ``cursor``, in the order of ``items``, each with the cursor to go on from after it.

        A cursor is short, printable and means something only to the connector, given the same paths. Several
        things may have the same one; InvalidValue where it is none.
        """
