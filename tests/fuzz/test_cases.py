"""Replays the seeds of all fuzz targets, and what was found before."""

from __future__ import annotations

import pytest
from PIL import Image
from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_earlier_findings_stay_fixed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # which a decoding process sets for itself
    cases = list(seeds(name))
    assert cases
    for case in cases:
        TARGETS[name](case)
