"""The faces of a picture are given to the people as every possible way of doing it, tried one by one, would have it."""

from __future__ import annotations

from itertools import permutations
from math import fsum

from hypothesis import given
from hypothesis import strategies as st

from lineament.model.faces import FaceId
from lineament.model.together import assigned

FACES = st.integers(1, 6).map(FaceId)
SCORES = st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5, 0.7])
PEOPLE = st.lists(st.dictionaries(FACES, SCORES, max_size=6), min_size=1, max_size=4)


def by_trying(people: list[dict[FaceId, float]]) -> tuple[float, float, tuple[int, ...]] | None:
    faces = sorted({face for scored in people for face in scored})
    values = [
        (
            min(scored[face] for scored, face in zip(people, chosen, strict=True)),
            fsum(scored[face] for scored, face in zip(people, chosen, strict=True)),
            tuple(-face for face in chosen),
        )
        for chosen in permutations(faces, len(people))
        if all(face in scored for scored, face in zip(people, chosen, strict=True))
    ]
    return max(values, default=None)


@given(PEOPLE)
def test_no_other_way_of_giving_faces_to_people_is_better(people: list[dict[FaceId, float]]) -> None:
    assert value_of(people, assigned(people)) == by_trying(people)


def value_of(
    people: list[dict[FaceId, float]], found: tuple[FaceId, ...] | None
) -> tuple[float, float, tuple[int, ...]] | None:
    """Return the weakest score, the sum and the faces, as ``by_trying`` does; no face is given to two people."""
    if found is None:
        return None
    assert len(set(found)) == len(people)
    scores = [scored[face] for scored, face in zip(people, found, strict=True)]
    return min(scores), fsum(scores), tuple(-face for face in found)
