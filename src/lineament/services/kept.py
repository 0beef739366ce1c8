"""What entries of the ledger say that must outlive their details, because rows of the database depend on it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from lineament.model.actions import Action
from lineament.model.events.base import JSON
from lineament.store.bound import Digests, stored_digests
from lineament.store.db import Tx

ERASING = frozenset(
    {Action.FACE_ERASED, Action.CAPTURE_ERASED, Action.RETENTION_ENDED, Action.SOURCE_WITHDRAWN, Action.DETAILS_ERASED}
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


def kept_digests(tx: Tx, entries: Collection[int]) -> Digests:
    """Return the digests that entries commit to and that are still those of their rows.

    One that differs from its row is left out: a later entry commits to the row, or it was changed outside Lineament.
    """
    said: Digests = {}
    for _, details in _details(tx, entries):
        said |= details.get("rows", {})
    now = stored_digests(tx.connection, tx.vault, said)
    return {subject: digest for subject, digest in said.items() if now[subject] == digest}


def kept_erasures(tx: Tx, entries: Collection[int]) -> dict[str, JSON]:
    """Return the faces and sources that entries say were erased."""
    faces: set[int] = set()
    sources: set[str] = set()
    for action, details in _details(tx, entries):
        if action in ERASING:
            faces.update(erased_faces(action, details))
            sources.update(withdrawn_sources(action, details))
    found: dict[str, JSON] = {}
    if faces:
        found["faces"] = sorted(faces)
    if sources:
        found["sources"] = sorted(sources)
    return found


def _details(tx: Tx, entries: Collection[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    for seq in sorted(entries):
        for row in tx.ledger.entries(seq, seq + 1):
            if row.details is not None:
                yield row.action, json.loads(row.details)
