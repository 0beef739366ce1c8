"""The files of ``shared/cases`` beside the checkout, through the whole command line; skipped if they are not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import CASE, PORTRAITS, ROOT, SOURCE, Ran

CASES = ROOT.parent / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="shared/cases is not beside the checkout")
BAR = 0.5  # the least score of two pictures of one person here; different people stay below 0.3

EXPECTED: dict[str, tuple[str, dict[str, int], list[tuple[int | None, int | None]]]] = {
    "several/scan-2-pages-face-on-both.tif": ("", {"enrolled": 2}, [(1, 2), (2, 2)]),
    "several/animated-black-first-frame.gif": ("obama", {"enrolled": 2}, [(2, 3), (3, 3)]),
    "several/two-images-face-in-second.heic": ("", {"enrolled": 1, "no_face": 1}, [(2, 2)]),
    "formats/grey16-big-endian.tif": ("obama", {"enrolled": 1}, [(None, None)]),
    "formats/cmyk-not-inverted-no-adobe-marker.jpg": ("obama", {"enrolled": 1}, [(None, None)]),
    "formats/portrait.avif": ("obama", {"enrolled": 1}, [(None, None)]),
    "truncated/obama-end-marker-missing.jpg": ("obama", {"enrolled": 1}, [(None, None)]),
}
"""For each file: whom it shows, the outcomes, and which picture of how many each face is in."""


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_file_is_ingested_and_its_faces_are_found(lineament: Callable[..., Ran], tmp_path: Path, name: str) -> None:
    person, outcomes, parts = EXPECTED[name]
    folder = tmp_path / "found"
    folder.mkdir()
    shutil.copy(CASES / name, folder)
    assert lineament("init").code == 0
    assert lineament("source", "add", "press", *SOURCE).code == 0
    report = lineament("ingest", "press", folder, "--json").json
    assert {outcome: report[outcome] for outcome in ("enrolled", "no_face", "refused") if report[outcome]} == outcomes
    assert lineament("case", "open", "K-1", *CASE).code == 0
    line = ("--case", "K-1", "--reason", "because", "--investigate", "--json")
    probe = PORTRAITS / f"{person}.jpg" if person else CASES / name
    answer = lineament("search", probe, *line).json
    candidates = sorted(answer["candidates"], key=lambda candidate: candidate["part"] or 0)
    shown = {(candidate["part"], candidate["parts"]) for candidate in candidates}
    assert shown <= set(parts)
    assert len(candidates) + sum(len(candidate["near_duplicates"]) for candidate in candidates) >= len(parts)
    assert max(candidate["score"] for candidate in candidates) > BAR
    assert {candidate["incomplete"] for candidate in candidates} == {name.startswith("truncated/")}
