"""How much a source took in by day, as bars and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from lineament.views.values import counted

HEIGHT = 48
STEP = 10
"""The height of the highest bar and the width of a day, in units of the drawing."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A day in the drawing."""

    day: date
    many: int
    x: int
    height: float


def bars(days: Mapping[date, int]) -> list[Bar]:
    """Return a bar for each day, the highest HEIGHT; a day with anything has at least one unit."""
    most = max(days.values(), default=0)
    return [
        Bar(day, many, STEP * place, max(1.0, round(HEIGHT * many / most, 1)) if many else 0.0)
        for place, (day, many) in enumerate(sorted(days.items()))
    ]


def in_words(days: Mapping[date, int]) -> str:
    """Return what the bars show, as sentences."""
    filled = {day: many for day, many in days.items() if many}
    if not filled:
        return f"Nothing was taken in during the last {len(days)} days."
    most = max(filled, key=lambda day: (filled[day], day))
    pictures, on = counted(sum(filled.values()), "picture"), counted(len(filled), "day")
    return f"{pictures} on {on} of the last {len(days)}; most on {most} ({filled[most]:,}), last on {max(filled)}."
