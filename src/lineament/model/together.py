"""Several people searched at once, and what is new since an earlier search (ADR 0033).

A picture shows all of them if each reaches the threshold on a face of their own. The faces are given to the people so
that the weakest of them is as good as it can be; that is its score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import fsum, inf

from lineament.model.faces import Box, FaceId, Quality

MOST_PEOPLE = 5
"""Most people in one search."""


class Together(StrEnum):
    """What pictures a search of several people lists."""

    ALL = "all"  # that show every one of them
    ANY = "any"  # that show one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPerson:
    """A further person of a search: the face, and how it was compared."""

    number: int  # from 2
    probe_id: str
    face: int  # of that probe, from 1
    sha256: str  # of the probe
    face_box: Box
    quality: Quality
    threshold: float  # the score below which no face is this person's
    missed: float | None  # share of mated faces below the threshold with such a probe; None: unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledSince:
    """An earlier search: only faces that were enrolled after it are compared."""

    search_id: str
    at: datetime
    face: FaceId  # the highest number that a face had by then
    whole_faces: int = 0  # in the gallery searched, new or not: strangers expected are counted for all of them


def assigned(people: Sequence[Mapping[FaceId, float]]) -> tuple[FaceId, ...] | None:
    """Give each person a face of one picture, no face to two; None if that is not possible.

    ``people`` holds for each person the faces that reach the threshold, with their scores. The weakest of the faces
    chosen scores as high as possible, then their sum, then their numbers are low. Of each person only as many faces
    matter as there are people: one of those is always free.
    """
    choices = [sorted(scored.items(), key=lambda item: (-item[1], item[0]))[: len(people)] for scored in people]
    best: tuple[float, float, tuple[int, ...]] | None = None
    found: tuple[FaceId, ...] | None = None

    def choose(chosen: tuple[FaceId, ...], scores: tuple[float, ...]) -> None:
        nonlocal best, found
        if best is not None and min(scores, default=inf) < best[0]:
            return
        if len(chosen) == len(choices):
            value = (min(scores), fsum(scores), tuple(-face for face in chosen))
            if best is None or value > best:
                best, found = value, chosen
            return
        for face, score in choices[len(chosen)]:
            if face not in chosen:
                choose((*chosen, face), (*scores, score))

    if people and all(choices):
        choose((), ())
    return found


def people_words(together: Together | None, people: int) -> str:
    """Return what a search of several people lists, in words; empty for one person. ``people``: of all of them."""
    if together is None:
        return ""
    if together is Together.ALL:
        return f"pictures that show all {people} people, each on a face of their own"
    return f"pictures that show any of {people} people"


def together_words(together: Together, people: int, strangers: float) -> str:
    """Return how many strangers are expected in the list of several people (ADR 0033).

    Each person brings as many as a search for that person alone. For any of them that adds up, whatever depends on
    what. A picture of all of them with a stranger in it has one of these faces, so there are at most as many; how much
    fewer depends on who appears together, which nobody has measured.
    """
    most = f"{people * strangers:.3g}"
    if together is Together.ANY:
        return f"strangers expected: {most} in all, {strangers:g} for each person"
    return (
        f"pictures with a stranger expected: at most {most}, {strangers:g} for each person; how much fewer depends on "
        "who appears together, and is not known"
    )
