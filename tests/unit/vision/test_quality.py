from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.support.nets import NAMES, PORTRAITS, pack

from lineament.model.faces import Box, Quality, QualityReason
from lineament.vision.analyse import Analyser
from lineament.vision.decode import Decoder
from lineament.vision.packs import SFACE_YUNET
from lineament.vision.quality import cropped_share, with_reasons, yaw

TEMPLATE = np.array(SFACE_YUNET.recognisers[0].points, np.float32)
GOOD = Quality(face_height=200, detector_score=0.95, norm=13, sharpness=300, exposure=0.5, yaw=0, cropped=0)


@pytest.fixture(scope="module")
def analyser() -> Iterator[Analyser]:
    decoder = Decoder(workers=1, max_pixels=10**8, max_bytes=10**8, memory=1 << 30, seconds=60)
    opened = Analyser(pack=pack(), decoder=decoder, runtime="openvino", precision="f32", threads=1)
    yield opened
    opened.close()


def _quality(analyser: Analyser, picture: np.ndarray) -> Quality:
    done, png = cv2.imencode(".png", picture)
    assert done
    return analyser.analyse(png.tobytes()).faces[0].quality


@pytest.mark.parametrize("name", NAMES)
def test_a_portrait_has_no_reasons_against_it(analyser: Analyser, name: str) -> None:
    quality = analyser.analyse((PORTRAITS / f"{name}.jpg").read_bytes()).faces[0].quality
    assert quality.reliable, quality.reasons
    assert quality.face_height > 100
    assert abs(quality.yaw) < 20
    assert quality.cropped == 0


def _sunak() -> np.ndarray:
    picture = cv2.imread(str(PORTRAITS / "sunak.jpg"))
    assert picture is not None
    return picture


def test_each_degradation_has_its_reason(analyser: Analyser) -> None:
    """Names of reasons with pictures that have them."""
    whole = _sunak()
    small = cv2.resize(whole, None, fx=0.065, fy=0.065, interpolation=cv2.INTER_AREA)
    third = cv2.resize(whole, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    spoiled = {
        QualityReason.SMALL: small,
        QualityReason.BLURRED: cv2.GaussianBlur(third, (0, 0), 4),
        QualityReason.DARK: (whole * 0.08).astype(np.uint8),
        QualityReason.BRIGHT: (whole * 0.2 + 204).astype(np.uint8),
        QualityReason.CROPPED: np.ascontiguousarray(whole[:, 340:]),
        QualityReason.WEAK: cv2.GaussianBlur(third, (0, 0), 6),
    }
    for reason, picture in spoiled.items():
        quality = _quality(analyser, picture)
        assert reason in quality.reasons, (reason, quality)
        assert not quality.reliable


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"face_height": 31.9}, QualityReason.SMALL),
        ({"detector_score": 0.79}, QualityReason.UNSURE),
        ({"norm": 9.0}, QualityReason.WEAK),
        ({"sharpness": 5.0}, QualityReason.BLURRED),
        ({"exposure": 0.03}, QualityReason.DARK),
        ({"exposure": 0.9}, QualityReason.BRIGHT),
        ({"yaw": 50.0}, QualityReason.TURNED),
        ({"yaw": -50.0}, QualityReason.TURNED),
        ({"cropped": 0.3}, QualityReason.CROPPED),
    ],
)
def test_one_bad_measure_is_one_reason(change: dict[str, float], reason: QualityReason) -> None:
    assert with_reasons(GOOD).reasons == ()
    assert with_reasons(replace(GOOD, **change)).reasons == (reason,)  # type: ignore[arg-type]  # all are floats


def test_a_dark_face_is_dark_and_not_blurred() -> None:
    """The variance of the Laplacian grows with the square of the light."""
    dim = replace(GOOD, exposure=GOOD.exposure * 0.15, sharpness=GOOD.sharpness * 0.15**2)
    assert dim.sharpness < 10
    assert with_reasons(dim).reasons == ()
    assert with_reasons(replace(dim, exposure=0.03)).reasons == (QualityReason.DARK,)
    assert with_reasons(replace(dim, sharpness=0.1)).reasons == (QualityReason.BLURRED,)


def test_outdated_reasons_are_removed() -> None:
    assert with_reasons(replace(GOOD, reasons=(QualityReason.DARK,))).reasons == ()


class TestYaw:
    def test_a_frontal_face(self) -> None:
        assert abs(yaw(TEMPLATE)) < 3

    @pytest.mark.parametrize("degrees", [-60, -30, 30, 60])
    def test_a_turned_head(self, degrees: float) -> None:
        """A model of eyes, mouth and a nose that protrudes half the distance between the eyes, seen from afar."""
        eyes_and_mouth = np.array([[-1, -1, 0], [1, -1, 0], [0, 0, 1], [-0.8, 1, 0], [0.8, 1, 0]])
        turn = np.deg2rad(degrees)
        projected = np.stack(
            [eyes_and_mouth[:, 0] * np.cos(turn) + eyes_and_mouth[:, 2] * np.sin(turn), eyes_and_mouth[:, 1]], axis=1
        )
        assert yaw((projected * 40 + 100).astype(np.float32)) == pytest.approx(degrees, abs=1)

    def test_a_tilted_head_is_not_turned(self) -> None:
        tilt = np.deg2rad(25)
        turned = TEMPLATE @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]], np.float32)
        assert yaw(turned) == pytest.approx(yaw(TEMPLATE), abs=0.1)

    def test_points_that_fall_together(self) -> None:
        assert np.isfinite(yaw(np.zeros((5, 2), np.float32)))


@pytest.mark.parametrize(
    ("box", "share"),
    [
        ((10, 10, 20, 20), 0),
        ((-10, 0, 20, 20), 0.5),
        ((90, 90, 20, 20), 0.75),
        ((200, 0, 10, 10), 1),
        ((0, 0, 100, 100), 0),
    ],
)
def test_cropped(box: tuple[float, float, float, float], share: float) -> None:
    x, y, width, height = box
    assert cropped_share(Box(x=x, y=y, width=width, height=height), 100, 100) == pytest.approx(share)
