"""What a photograph says of itself, sealed under the key of its source and bound to its row (R50)."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from lineament.model.credentials import Credentials
from lineament.model.faces import NewCapture, PhotoFacts, Place
from lineament.store.keys import DataKey


def facts_about(source_id: int, sha256: str, part: int) -> bytes:
    """Return the associated data: they open for this picture of this file in this source only."""
    return f"facts|{source_id}|{sha256}|{part}".encode()


def seal_facts(facts: PhotoFacts, capture: NewCapture, key: DataKey) -> bytes | None:
    """Return the facts of a photograph sealed for its capture; None if it says nothing."""
    if facts == PhotoFacts():
        return None
    value = {
        "taken_at": None if facts.taken_at is None else facts.taken_at.isoformat(),
        "place": None if facts.place is None else [facts.place.latitude, facts.place.longitude],
        "credentials": None if facts.credentials is None else asdict(facts.credentials),
    }
    return key.seal(json.dumps(value).encode("ascii"), _about(capture))


def open_facts(capture: NewCapture, key: DataKey) -> PhotoFacts:
    """Return what a photograph says of itself. Raises Damaged if it was altered, or belongs to another capture."""
    if capture.facts is None:
        return PhotoFacts()
    value: dict[str, Any] = json.loads(key.open(capture.facts, _about(capture)))
    taken_at, place, said = value["taken_at"], value["place"], value["credentials"]
    return PhotoFacts(
        taken_at=None if taken_at is None else datetime.fromisoformat(taken_at),
        place=None if place is None else Place(latitude=place[0], longitude=place[1]),
        credentials=None if said is None else _credentials(said),
    )


def _about(capture: NewCapture) -> bytes:
    return facts_about(capture.source_id, capture.sha256, capture.part)


def _credentials(value: dict[str, Any]) -> Credentials:
    return Credentials(**value | {name: tuple(value[name]) for name in ("kinds", "reserved")})
