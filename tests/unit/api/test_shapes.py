"""The shapes of answers leave out nothing of what the views tell, and those of requests take nothing else."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from tests.support.samples import ENTRY, ISO, QUALITY, result

from lineament.api.jobs import SecondLookAsked
from lineament.api.shapes import FaceQuality
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
