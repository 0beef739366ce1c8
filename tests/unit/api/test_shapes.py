"""The shapes of answers leave out nothing of what the views tell, and those of requests take nothing else."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError
from tests.support.samples import ENTRY, ISO, QUALITY, result

from lineament.api.asked_searches import HowSearched, NewSearch
from lineament.api.jobs import SecondLookAsked
from lineament.api.shapes import FaceQuality
from lineament.api.shapes_cases import NewEdit
from lineament.api.shapes_searches import SearchShape
from lineament.model.faces import Landmarks
from lineament.views.searches import quality_json, search_json

POINTS = Landmarks(left_eye=(10, 10), right_eye=(80, 10), nose=(45, 40), left_mouth=(20, 60), right_mouth=(70, 60))


def test_the_quality_of_a_face_is_answered_whole() -> None:
    told = quality_json(QUALITY, POINTS)
    assert FaceQuality(**told).model_dump() == told
    assert told["iso_29794_5"]["InterEyeDistance"]["measure"] == "landmarks"


def test_a_search_is_answered_whole() -> None:
    told = {**search_json(result(), ENTRY), "made_at": ISO, "made_by": "Eve", "reason": "a tip"}
    assert SearchShape(**told).model_dump(mode="json") | {"made_at": ISO} == told


@pytest.mark.parametrize("said", [0, 1, "true", "yes", 1.0])
def test_what_is_only_read_as_true_or_false_is_refused(said: object) -> None:
    assert SecondLookAsked.model_validate({"notify": True}).notify
    with pytest.raises(ValidationError, match="valid boolean"):
        SecondLookAsked.model_validate({"notify": said})


@pytest.mark.parametrize("said", ["5", 5.0, True])
def test_what_is_only_read_as_a_whole_number_is_refused(said: object) -> None:
    assert HowSearched.model_validate({"limit": 5}).limit == 5
    with pytest.raises(ValidationError, match="valid integer"):
        HowSearched.model_validate({"limit": said})


@pytest.mark.parametrize("said", ["5", True])
def test_what_is_only_read_as_a_number_is_refused(said: object) -> None:
    assert NewEdit.model_validate({"kind": "crop", "box": [1, 2.5, 3, 4]}).box == [1, 2.5, 3, 4]
    with pytest.raises(ValidationError, match="valid number"):
        NewEdit.model_validate({"kind": "crop", "box": [1, said, 3, 4]})


@pytest.mark.parametrize("said", [86_400, "86400", "2026-11-30T00:00:00", "20261130", "2026-11-31", True])
def test_what_is_only_read_as_a_day_is_refused(said: object) -> None:
    assert HowSearched.model_validate({"since": "2026-11-30"}).since == date(2026, 11, 30)
    with pytest.raises(ValidationError):
        HowSearched.model_validate({"since": said})


def test_parts_of_a_request_are_as_strict() -> None:
    asked = {"probe": "P-1", "mode": "manual", "others": [{"probe": "P-2", "face": 1}]}
    assert NewSearch.model_validate(asked).others[0].face == 1
    with pytest.raises(ValidationError, match="valid integer"):
        NewSearch.model_validate({**asked, "others": [{"probe": "P-2", "face": True}]})
