"""What the fuzzers found is tried again, and what they begin with."""

from __future__ import annotations

import pytest
from PIL import Image
from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_was_found_is_found_no_more(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # which a decoding process sets for itself
    tried = list(seeds(name))
    assert tried
    for case in tried:
        TARGETS[name](case)
