"""The names and scales of ISO/IEC 29794-5, only for what is measured."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from tests.conftest import ROOT

from lineament.model.faces import Box, CaptureId, EnrolledFace, FaceId, Landmarks, Quality, SourceId
from lineament.views.enrolled import enrolled_face_json
from lineament.views.quality import COMPONENTS, EYES, iso_json

FRONTAL = Quality(
    face_height=120, detector_score=0.9, norm=14, sharpness=80, exposure=0.45, yaw=0, cropped=0, roll=0, grade=3
)
APART = Landmarks(left_eye=(10, 10), right_eye=(80, 10), nose=(45, 40), left_mouth=(20, 60), right_mouth=(70, 60))


def test_a_good_face_has_high_values_where_the_scale_is_one() -> None:
    found = iso_json(FRONTAL, APART)
    assert {name: component["value"] for name, component in found.items()} == {
        "UnifiedQualityScore": None,
        "LuminanceMean": 99,
        "Sharpness": None,
        "HeadPoseYaw": 100,
        "HeadPoseRoll": 100,
        "InterEyeDistance": 50,
    }
    assert found["Sharpness"]["native"] == FRONTAL.sharpness
    assert found["InterEyeDistance"]["native"] == pytest.approx(70)


@pytest.mark.parametrize(
    ("name", "changed", "value"),
    [
        ("HeadPoseYaw", {"yaw": -60.0}, 25),
        ("HeadPoseYaw", {"yaw": 45.0}, 50),
        ("HeadPoseRoll", {"roll": 180.0}, 0),
        ("LuminanceMean", {"exposure": 0.2}, 50),
        ("LuminanceMean", {"exposure": 0.0}, 2),
        ("LuminanceMean", {"exposure": 1.0}, 2),
        ("InterEyeDistance", {"yaw": 60.0}, 97),  # 140 pixels if the head were not turned
    ],
)
def test_values_follow_the_scales_of_the_reference(name: str, changed: dict[str, Any], value: int) -> None:
    assert iso_json(replace(FRONTAL, **changed), APART)[name]["value"] == value


def test_nothing_is_told_that_is_not_measured() -> None:
    assert set(iso_json(FRONTAL)) == {component.name for component in COMPONENTS}
    assert {component.measure for component in COMPONENTS} <= {field.name for field in fields(Quality)}


@pytest.mark.parametrize(("drawn", "is_told"), [(False, True), (True, False)])
def test_the_eyes_of_a_stored_face_are_measured_unless_its_landmarks_may_be_a_guess(drawn: bool, is_told: bool) -> None:
    face = EnrolledFace(
        id=FaceId(1),
        capture_id=CaptureId(1),
        source_id=SourceId(1),
        box=Box(x=0, y=0, width=90, height=120),
        landmarks=APART,
        quality=FRONTAL,
        model="m",
        crop="ab" * 32,
        drawn=drawn,
    )
    assert (EYES.name in enrolled_face_json(face)["quality"]["iso_29794_5"]) is is_told


def test_every_component_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "quality.md").read_text()
    rows = [component for component in (*COMPONENTS, EYES) if f"| `{component.name}` | `{component.measure}`" in page]
    assert rows == [*COMPONENTS, EYES]
