"""Which face of a photograph is searched."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import cast

import pytest
from tests.support.samples import BOX, QUALITY

from lineament.errors import NoFace, NotFound, SeveralFaces
from lineament.model.faces import Face, Landmarks, Template
from lineament.services.probes import face_of

MARKS = Landmarks(left_eye=(0, 0), right_eye=(1, 0), nose=(0, 1), left_mouth=(0, 2), right_mouth=(1, 2))


def faces(count: int) -> list[Face]:
    """Return faces side by side, each with a template that nobody looks at."""
    template = cast("Template", None)
    return [
        Face(box=replace(BOX, x=50.0 * at), landmarks=MARKS, quality=QUALITY, template=template) for at in range(count)
    ]


def test_the_only_face_is_chosen_without_a_number() -> None:
    (only,) = faces(1)
    assert face_of([only], None, width=400, height=300) is only


def test_a_number_counts_from_1() -> None:
    group = faces(3)
    assert [face_of(group, number, width=400, height=300) for number in (1, 2, 3)] == group


@pytest.mark.parametrize("number", [-1, 0, 4])
def test_a_number_that_no_face_has_is_not_found(number: int) -> None:
    with pytest.raises(NotFound, match="numbers 1 to 3"):
        face_of(faces(3), number, width=400, height=300)


def test_a_picture_without_a_face_says_how_large_it_was() -> None:
    with pytest.raises(NoFace, match="400 × 300 pixels"):
        face_of([], 1, width=400, height=300)


def test_every_face_of_a_group_can_be_chosen_and_the_choice_crosses_processes_whole() -> None:
    with pytest.raises(SeveralFaces) as caught:
        face_of(faces(25), None, width=400, height=40)
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert copy.details["boxes"] == tuple(replace(BOX, x=50.0 * at) for at in range(25))
    assert str(copy) == "The picture shows 25 faces; choose one with --face N."
