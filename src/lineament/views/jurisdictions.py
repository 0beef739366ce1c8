"""What the law of a jurisdiction adds, as JSON and in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lineament.model.jurisdictions import COMMON, NOTICE, Jurisdiction, Line, Topic
from lineament.views.values import iso


def jurisdictions_json(listed: Iterable[Jurisdiction]) -> dict[str, Any]:
    """Return packs as JSON, without their lines."""
    return {"notice": NOTICE, "jurisdictions": [_head(pack) for pack in listed]}


def jurisdiction_json(pack: Jurisdiction) -> dict[str, Any]:
    """Return a pack with its lines and the warnings that it prints as JSON."""
    return {
        **_head(pack),
        "notice": NOTICE,
        "lines": [line_json(line) for line in pack.lines],
        "warnings": [line.words for line in pack.warnings],
        "not_found": list(pack.not_found),
    }


def acts(pack: Jurisdiction) -> Iterator[str]:
    """Return what a pack makes Lineament do, sentence by sentence."""
    listing = pack.about(Topic.OFFENCES)
    if any(line.offences for line in listing):
        yield "A case whose offence is none of those listed is searched only after a supervisor stated which one it is"
    for whom in sorted({seeks for line in listing for seeks in line.seeks}):
        yield f"A case that seeks a {whom} may name any offence"
    for line in pack.about(Topic.AUTHORISATION):
        yield f"An authorisation is needed before a search for: {', '.join(line.seeks)}"
    if pack.retention_days is not None:
        yield f"A closed case is destroyed after {pack.retention_days} days, or sooner if the policy says so"
    if pack.about(Topic.NOTICE):
        yield "A searched case, its leads and their reports list the notice to the defence as due until it is recorded"
    for line in pack.about(Topic.REPORT):
        due = f", which is due by {line.due}" if line.due else ""
        yield f"The report of a year counts what {line.section} asks for{due}, and says what is still to be written"
    yield f"Every result and report prints {'the common warnings' if pack.code == COMMON else 'its warnings'}"


def where(pack: Jurisdiction) -> str:
    """Return for which countries or parts of one a pack is, in words."""
    return ", ".join(pack.covers) or "those without a pack"


def _head(pack: Jurisdiction) -> dict[str, Any]:
    return {"code": pack.code, "name": pack.name, "covers": list(pack.covers), "acts": list(acts(pack))}


def line_json(line: Line) -> dict[str, Any]:
    """Return a line of a pack as JSON."""
    return {
        "about": line.about.name.lower(),
        "words": line.words,
        "act": line.act,
        "section": line.section,
        "url": line.url,
        "read_on": iso(line.read_on),
        "second_hand": line.second_hand,
        "offences": list(line.offences),
        "seeks": list(line.seeks),
        "days": line.days,
        "due": line.due,
        "to_be_written": line.to_write,
    }
