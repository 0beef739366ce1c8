"""What entries of the ledger say that must outlive their details, because rows of the database depend on it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from lineament.ledger.log import ranges
from lineament.model.actions import Action
from lineament.model.events.base import JSON
from lineament.store.bound import Digests, stored_digests
from lineament.store.db import Tx

ERASING = frozenset(
    {
        Action.FACE_ERASED,
        Action.CAPTURE_ERASED,
        Action.RETENTION_ENDED,
        Action.SOURCE_WITHDRAWN,
        Action.COPIES_ERASED,
        Action.DETAILS_ERASED,
    }
)
"""The actions whose entries explain why a candidate lost its picture."""


def erased_faces(action: str, details: dict[str, Any]) -> Iterator[int]:
    """Yield the faces that an entry says were erased."""
    if action == Action.FACE_ERASED:
        yield details["face"]
    elif action != Action.SOURCE_WITHDRAWN:  # whose faces are a number
        yield from details.get("faces", ())


def withdrawn_sources(action: str, details: dict[str, Any]) -> Iterator[str]:
    """Yield the sources that an entry says were withdrawn."""
    if action == Action.SOURCE_WITHDRAWN:
        yield details["source"]
    yield from details.get("sources", ())


def emptied_lists(details: dict[str, Any]) -> Iterator[str]:
    """Yield the searches whose lists an entry says were emptied, because they were made with an erased copy."""
    yield from details.get("emptied", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of entries whose details are erased."""

    digests: Digests  # that are still those of their rows
    erased: dict[str, JSON]  # the faces and the sources that they say were erased, and the lists that were emptied


def kept_of(tx: Tx, entries: Collection[int]) -> Kept:
    """Return what must outlive the details of entries.

    A digest that differs from its row is left out: a later entry commits to the row, or it was changed outside
    Lineament.
    """
    said: Digests = {}
    faces: set[int] = set()
    sources: set[str] = set()
    emptied: set[str] = set()
    for first, last in ranges(entries):
        for row in tx.ledger.entries(first, last + 1):
            if row.details is None:
                continue
            details = json.loads(row.details)
            said |= details.get("rows", {})
            if row.action in ERASING:
                faces.update(erased_faces(row.action, details))
                sources.update(withdrawn_sources(row.action, details))
                emptied.update(emptied_lists(details))
    now = stored_digests(tx.connection, tx.vault, said)
    erased: dict[str, JSON] = {"faces": sorted(faces), "sources": sorted(sources), "emptied": sorted(emptied)}
    return Kept(
        digests={subject: digest for subject, digest in said.items() if now[subject] == digest},
        erased={name: value for name, value in erased.items() if value},
    )
