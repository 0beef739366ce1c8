"""The gain of several photographs of one person over one, as measured by bench/fusion.py; the pages show it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Misses per thousand mated searches, with that many photographs fused."""

    probes: int
    missed: int
    low: int  # the 95 % interval, by resampling people
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """The whole measurement."""

    model: str
    gallery_faces: int
    people: int  # number of people searched for
    by_probes: tuple[Gain, ...]


@cache
def measured_gains() -> Gains | None:
    """Return the figures of this release; None if it has none."""
    packaged = files("lineament.services").joinpath("fusion.json")
    if not packaged.is_file():
        return None
    measured = json.loads(packaged.read_text(encoding="utf-8"))
    gains = tuple(
        Gain(
            probes=search["probes"],
            missed=round(1000 * search["fnir"]["value"]),
            low=round(1000 * search["fnir"]["low"]),
            high=round(1000 * search["fnir"]["high"]),
        )
        for search in measured["searches"]
    )
    return Gains(
        model=measured["model"],
        gallery_faces=measured["gallery_faces"],
        people=measured["mated_people"],
        by_probes=gains,
    )
