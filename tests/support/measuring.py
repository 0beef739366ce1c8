"""Measures error rates on the portraits that ship: two people with two pictures, and two with one."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from tests.conftest import PORTRAITS

from lineament.services.evaluate.cache import TemplateCache
from lineament.services.evaluate.templates import Extractor, FaceChoice
from lineament.services.threshold.evidence import MeasuredSide
from lineament.workspace.vision import Vision


def write_people(table: Path, group_of: Callable[[str], str] | None = None) -> Path:
    """Write the table of the portraits for an evaluation, and return it; ``group_of`` names the group of a person."""
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "person", "group"][: 2 if group_of is None else 3])
        for path in sorted(PORTRAITS.glob("*.jpg")):
            person = path.stem.partition("-")[0]
            rows.writerow([path, person] if group_of is None else [path, person, group_of(person)])
    return table


def measured_side(vision: Vision, strangers: float, extractor: Extractor | None = None) -> MeasuredSide:
    """Return a side of a change; both sides may share an extractor, of the same pack."""
    return MeasuredSide(strangers=strangers, pack=vision.pack, extractor=extractor or new_extractor(vision))


def new_extractor(vision: Vision) -> Extractor:
    """Return what makes templates with the nets of ``vision`` and keeps none of them."""
    kept = TemplateCache(None, "", vision.analyser.dimension)
    return Extractor(vision.analyser, kept, choice=FaceChoice.MIDDLE, most=2**28, workers=2)
