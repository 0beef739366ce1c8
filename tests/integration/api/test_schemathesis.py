"""Generated requests to every route, with every check of Schemathesis on (longer: python -m bench.fuzz_api)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.support.api_fuzz import CONFIG, fuzz, fuzzed_api

pytestmark = pytest.mark.enable_socket
_KEPT = (".schemathesis", ".hypothesis", "schemathesis-report")
"""The folders in which the tool keeps what it found."""


def test_generated_requests_get_only_answers_that_are_described(tmp_path: Path) -> None:
    with fuzzed_api(tmp_path) as api:
        for key in api.keys:
            ran = fuzz(api, key, "--phases", "fuzzing", "-n", "1", "--seed", "13", "--generation-deterministic")
            assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
            assert "No issues found" in ran.stdout
        assert api.folder.is_relative_to(tmp_path)
        assert not [path for name in _KEPT for path in ROOT.joinpath("src").rglob(name)]


def test_no_check_is_left_out() -> None:
    text = CONFIG.read_text(encoding="utf-8")
    assert "enabled = false" not in text
    assert "500" not in text
    assert "5xx" not in text
