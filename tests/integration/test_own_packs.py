"""A net of one's own becomes a pack: its digest and dimension are read from its file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from tests.support.nets import pack
from tests.support.processes import create, run, run_well

from lineament.errors import PackUnusable


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return create(tmp_path / "ws")


def net(tmp_path: Path) -> Path:
    """Return a net with the input of ArcFace: SFace, as it is expanded."""
    weights = pack().recognisers[0].net.weights
    path = tmp_path / "mine.onnx"
    path.write_bytes(weights if isinstance(weights, bytes) else weights.read_bytes())
    return path


def test_it_is_pinned_shown_and_verified(home: Path, tmp_path: Path) -> None:
    path = net(tmp_path)
    plain = tmp_path / "plain.toml"
    plain.write_text(
        f'name = "plain"\nlicence = "mine"\n[[recogniser]]\nfile = "mine.onnx"\nside = 112\ndimension = 128\n'
        f'sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"\ncolours = "RGB"\n'
        f"points = {[list(point) for point in pack().recognisers[0].points]}\n"
    )
    run_well(home, "pack", "add", plain, "--accept-licence")
    assert json.loads(run_well(home, "pack", "verify", "plain", "--json"))["good"]


def test_the_recipe_reads_digest_and_dimension_from_the_file(home: Path, tmp_path: Path) -> None:
    from lineament.vision.added import own_manifest
    from lineament.vision.packs import RECIPES

    path = net(tmp_path)
    found = own_manifest(RECIPES / "insightface.toml", path, "mine")
    assert (found.name, found.dimension) == ("mine", 128)
    assert found.digests["mine.onnx"] == hashlib.sha256(path.read_bytes()).hexdigest()
    refused = run(home, "pack", "add", "insightface", "--accept-licence")
    assert "--from cannot be empty: this recipe is for a net of one's own; name its ONNX file" in refused.stderr
    assert "non-commercial research only" in run(home, "pack", "add", "insightface", "--from", path).stderr


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("dimension = 64", "its vectors are not 64 finite numbers, but 128"),
        ("side = 48", "its nets cannot be"),
        ("file = 'other'", "no ONNX net|cannot be expanded"),
    ],
)
def test_a_net_that_does_not_fit_is_refused_in_one_line(home: Path, tmp_path: Path, change: str, why: str) -> None:
    path = net(tmp_path)
    if change.startswith("file"):
        path.write_bytes(b"no net")
    facts = {"dimension": "128", "side": "112"}
    key, _, value = change.partition(" = ")
    if key in facts:
        facts[key] = value
    (tmp_path / "pack.toml").write_text(
        f'name = "other"\nlicence = "mine"\n[[recogniser]]\nfile = "mine.onnx"\ncolours = "RGB"\n'
        f"side = {facts['side']}\ndimension = {facts['dimension']}\n"
        f'sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"\n'
        f"points = {[list(point) for point in pack().recognisers[0].points]}\n"
    )
    refused = run(home, "pack", "add", tmp_path / "pack.toml", "--accept-licence")
    assert refused.returncode == PackUnusable.exit_code
    assert any(part in refused.stderr for part in why.split("|"))
    assert len([line for line in refused.stderr.splitlines() if line.startswith("lineament:")]) == 1
    assert not (home / "packs" / "other").exists()
