"""Looks for every kind of misuse, in the order of the page."""

from __future__ import annotations

from collections.abc import Sequence

from lineament.model.misuse import faces, people, work
from lineament.model.misuse.facts import Facts
from lineament.model.misuse.findings import Found

_RULES = (
    faces.guarded,
    faces.same_face,
    faces.repeated,
    work.many_faces,
    people.volume,
    people.hours,
    people.reading,
    work.probe_kinds,
    work.refused,
    work.loosened,
    work.revived,
    work.unreviewed,
)


def find_misuse(facts: Facts) -> Sequence[Found]:
    """Return what was looked at and what was found, kind by kind."""
    return [rule(facts) for rule in _RULES]
