"""What the fuzzers found is tried again, and what they begin with."""

from __future__ import annotations

import pytest
from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_was_found_is_found_no_more(name: str) -> None:
    tried = list(seeds(name))
    assert tried
    for case in tried:
        TARGETS[name](case)
