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


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.glob("turned/*.jpg")))
def test_a_turned_face_scores_with_its_upright_portrait_as_that_does_with_itself(
    lineament: Callable[..., Ran], tmp_path: Path, name: str
) -> None:
    """Everybody is in the gallery turned; strangers who are turned alike stay strangers."""
    turned = name.rpartition("-")[2] if "sideways" in name else "upside-down.jpg"
    for path in CASES.glob(f"turned/*{turned}"):
        shutil.copy(path, tmp_path)
    assert lineament("init").code == 0
    assert lineament("source", "add", "press", *SOURCE).code == 0
    assert lineament("ingest", "press", tmp_path, "--json").json["faces"] == 3
    assert lineament("case", "open", "K-1", *CASE).code == 0
    line = ("--case", "K-1", "--reason", "because", "--investigate", "--json")
    person = name.removesuffix(".jpg").removesuffix("-sideways").removesuffix("-upside-down")
    first, *others = lineament("search", PORTRAITS / f"{person}.jpg", *line).json["candidates"]
    assert name in first["uri"]
    assert first["score"] > 0.9
    assert max(candidate["score"] for candidate in others) < 0.3


def test_small_faces_in_a_large_picture_are_all_enrolled(lineament: Callable[..., Ran]) -> None:
    assert lineament("init").code == 0
    assert lineament("source", "add", "press", *SOURCE).code == 0
    for path in sorted(CASES.glob("large/*.jpg")):
        assert lineament("ingest", "press", path, "--json").json["faces"] == 20, path.name
