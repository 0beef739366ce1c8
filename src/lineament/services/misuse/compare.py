"""Tells which searches and watches show the same face, and which show one that is guarded.

The templates are opened in memory for one report and let go; nothing but numbers leaves this module.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import RowMapping

from lineament.errors import Damaged, Refused, WrongKey
from lineament.model.cases import GONE, Case
from lineament.model.faces import NO_GRADE, Vector
from lineament.model.misuse.faces import alike, fmr_for
from lineament.model.misuse.facts import FacesCompared
from lineament.model.misuse.reports import GuardedFace
from lineament.model.rates import ErrorRates
from lineament.model.search import Probe
from lineament.services.keyholder import case_key
from lineament.services.misuse.guarded import guarded_faces
from lineament.store.db import Tx
from lineament.store.ring import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """Which searches and watches show the same face."""

    faces: Mapping[str, tuple[int, ...]]  # of the people of a search, ascending, by its id
    guarded: Mapping[str, tuple[str, ...]]  # the ids of guarded faces, by search of the week
    how: FacesCompared


@dataclass(slots=True)
class _Templates:
    """The templates of photographs of searches."""

    searches: list[str]
    people: list[int]  # of the search, from 1
    vectors: list[Vector]
    grades: list[int]


def compare_faces(  # noqa: PLR0913, PLR0917 - what is compared, and with which keys
    tx: Tx,
    keys: KeyRing,
    rates: ErrorRates,
    agency_id: str,
    cases: Mapping[int, Case],
    rows: Sequence[RowMapping],
    week: datetime,
) -> Numbered:
    """Number the faces of searches in the cases of an agency, and find those of the week that are guarded."""
    templates = _templates(tx, keys, rates, cases, rows)
    recent = {row["id"] for row in rows if row["at"] >= week}
    fresh = [place for place, search in enumerate(templates.searches) if search in recent]
    pairs = len(fresh) * len(templates.searches)
    fmr = fmr_for(pairs)
    listed = guarded_faces(tx, keys, agency_id)
    usable = [face for face in listed if face.template.model == rates.model and face.grade != NO_GRADE]
    faces: dict[str, set[int]] = defaultdict(set)
    guarded: Mapping[str, tuple[str, ...]] = {}
    if templates.searches:
        vectors, grades = np.stack(templates.vectors), np.array(templates.grades, np.int64)
        numbers = alike(vectors, grades, _scores(rates, fmr), _of_one(templates))
        for search, number in zip(templates.searches, numbers.tolist(), strict=True):
            faces[search].add(number)
        guarded = _guarded(rates, templates, vectors, fresh, usable)
    how = FacesCompared(
        fmr=fmr,
        pairs=pairs,
        compared=len(templates.searches),
        left_out=len(rows) - len(templates.searches),
        guarded=len(listed),
        guarded_left_out=len(listed) - len(usable),
    )
    return Numbered(faces={search: tuple(sorted(of)) for search, of in faces.items()}, guarded=guarded, how=how)


def _templates(
    tx: Tx, keys: KeyRing, rates: ErrorRates, cases: Mapping[int, Case], rows: Sequence[RowMapping]
) -> _Templates:
    """Open the templates of searches, case by case; those that do not open, or are too weak, are left out."""
    by_case: dict[int, list[RowMapping]] = {}
    for row in rows:
        by_case.setdefault(row["case_id"], []).append(row)
    found = _Templates([], [], [], [])
    for number, its in by_case.items():
        case = cases.get(number)
        if case is None or case.state in GONE:
            continue
        try:
            probes = {probe.id: probe for probe in tx.probes.of_case(number, case_key(tx, keys, case))}
        except (Damaged, Refused, WrongKey):  # “lineament verify” tells; the report counts them as left out
            continue
        for row in its:
            _take(found, row, probes.get(row["probe_id"]), rates)
    return found


def _take(found: _Templates, row: RowMapping, probe: Probe | None, rates: ErrorRates) -> None:
    if probe is None or not 1 <= row["face"] <= len(probe.faces):
        return
    face = probe.faces[row["face"] - 1]
    if face.template.model != rates.model or face.quality.grade == NO_GRADE:
        return
    found.searches.append(row["id"])
    found.people.append(row["person"])
    found.vectors.append(face.template.vector)
    found.grades.append(min(face.quality.grade, len(rates.grades) - 1))


def _of_one(templates: _Templates) -> list[tuple[int, int]]:
    """Return the pairs of photographs that a search fused as those of one person."""
    first: dict[tuple[str, int], int] = {}
    people = enumerate(zip(templates.searches, templates.people, strict=True))
    return [(before, place) for place, person in people if (before := first.setdefault(person, place)) != place]


def _guarded(
    rates: ErrorRates,
    templates: _Templates,
    vectors: NDArray[np.float32],
    fresh: Sequence[int],
    listed: Sequence[GuardedFace],
) -> dict[str, tuple[str, ...]]:
    """Return which guarded faces a search of the week shows: of each photograph the closest that reaches the score."""
    if not listed or not fresh:
        return {}
    least = _scores(rates, fmr_for(len(fresh) * len(listed)))
    grades = np.array([min(face.grade, len(rates.grades) - 1) for face in listed])
    scores = vectors[fresh] @ np.stack([face.template.vector for face in listed]).T
    reached = scores >= least[np.array(templates.grades)[fresh][:, None], grades[None, :]]
    closest = np.where(reached, scores, -2.0).argmax(axis=1)
    found: dict[str, set[str]] = defaultdict(set)
    for place, best, some in zip(fresh, closest.tolist(), reached.any(axis=1).tolist(), strict=True):
        if some:
            found[templates.searches[place]].add(listed[best].id)
    return {search: tuple(sorted(of)) for search, of in found.items()}


def _scores(rates: ErrorRates, fmr: float) -> NDArray[np.float64]:
    """Return the score that so small a share of strangers reaches, by the grades of both faces."""
    grades = range(len(rates.grades))
    gallery = np.eye(len(rates.grades))
    return np.array([[rates.score_for(fmr, first, gallery[second].tolist()) for second in grades] for first in grades])
