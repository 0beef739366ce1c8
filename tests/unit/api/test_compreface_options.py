"""The options of CompreFace's addresses."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from lineament.api.compat.compreface_errors import (
    INVALID,
    NO_IMAGE,
    NO_PARAMETER,
    WRONG_ARGUMENT,
    CompreFaceFault,
)
from lineament.api.compat.compreface_options import (
    MOST_SUBJECTS,
    FaceOptions,
    ListPart,
    face_options,
    image_id,
    list_part,
    new_subject,
    subject_in,
)


def test_what_is_not_said_is_as_in_the_documentation() -> None:
    assert face_options(QueryParams("")) == FaceOptions(
        limit=0, least_score=0.0, subjects=1, landmarks=False, status=False
    )
    assert list_part(QueryParams("")) == ListPart(number=0, size=20, subject=None)


def test_options_are_read_as_the_sdk_writes_them() -> None:
    sent = "&limit=2&det_prob_threshold=0.8&prediction_count=3&face_plugins=landmarks&status=true"

    assert face_options(QueryParams(sent)) == FaceOptions(
        limit=2, least_score=0.8, subjects=3, landmarks=True, status=True
    )
    assert face_options(QueryParams("status=True&prediction_count=-1")).subjects == MOST_SUBJECTS
    assert list_part(QueryParams("page=2&size=5&subject=Ann")) == ListPart(number=2, size=5, subject="Ann")


def test_guesses_about_a_person_are_left_out_whatever_is_asked() -> None:
    assert face_options(QueryParams("face_plugins=age,gender,pose,mask")) == FaceOptions()


def test_a_plugin_that_is_not_there_gives_nothing_as_in_compreface() -> None:
    assert face_options(QueryParams("face_plugins=undefined")) == FaceOptions()
    assert face_options(QueryParams("face_plugins=emotions, landmarks")) == FaceOptions(landmarks=True)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("face_plugins=landmarks,calculator", WRONG_ARGUMENT),
        ("detect_faces=false", WRONG_ARGUMENT),
        ("limit=-1", INVALID),
        ("limit=two", INVALID),
        ("limit=²", INVALID),
        ("limit=1e3", INVALID),
        ("det_prob_threshold=1.1", INVALID),
        ("det_prob_threshold=nan", INVALID),
        ("det_prob_threshold=high", INVALID),
        ("prediction_count=-2", INVALID),
        ("status=maybe", INVALID),
    ],
)
def test_what_cannot_be_done_is_refused(query: str, code: int) -> None:
    with pytest.raises(CompreFaceFault) as refused:
        face_options(QueryParams(query))

    assert (refused.value.code, refused.value.status) == (code, 400)


def test_a_template_never_leaves() -> None:
    with pytest.raises(CompreFaceFault, match="template never leaves"):
        face_options(QueryParams("face_plugins=calculator"))


def test_a_subject_is_named_in_the_query_or_in_the_body() -> None:
    assert subject_in(QueryParams("subject=Jonathan%20Petit")) == "Jonathan Petit"
    assert new_subject({"subject": "Updated Subject", "api_endpoint": "Test Subject"}) == "Updated Subject"


@pytest.mark.parametrize(("query", "code"), [("", NO_PARAMETER), ("subject=", INVALID), ("subject=%20", INVALID)])
def test_a_query_without_a_subject_is_refused(query: str, code: int) -> None:
    with pytest.raises(CompreFaceFault) as refused:
        subject_in(QueryParams(query))

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, INVALID),
        ([], INVALID),
        ({"subject": 5}, INVALID),
        ({"subject": " "}, INVALID),
        ({"subject": "x" * 51}, INVALID),
        ({"subject": "a/b"}, WRONG_ARGUMENT),
    ],
)
def test_a_body_without_a_name_is_refused(value: object, code: int) -> None:
    with pytest.raises(CompreFaceFault) as refused:
        new_subject(value)

    assert refused.value.code == code


def test_the_id_of_an_image_is_a_uuid() -> None:
    assert image_id("6B135F5B-A365-4522-B1F1-4C9AC2DD0728") == "6b135f5b-a365-4522-b1f1-4c9ac2dd0728"
    with pytest.raises(CompreFaceFault) as refused:
        image_id("../../keys/kek")

    assert (refused.value.code, refused.value.status) == (NO_IMAGE, 404)
