"""A second pack of real nets, through the command line: added, verified, used, and searched with."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from tests.conftest import PORTRAITS, ROOT
from tests.support.clock import TODAY
from tests.support.database import raw_database
from tests.support.once import once
from tests.support.processes import command, create, portrait_of, run, run_well, vary_portraits

from lineament.errors import MixedModels, PackDamaged
from lineament.model.faces import Template
from lineament.settings import Settings
from lineament.workspace import Workspace

NETS = ROOT.parent / "shared" / "data" / "models"
NAME = "omz-reid-0095"

pytestmark = pytest.mark.skipif(
    not (NETS / "face-reidentification-retail-0095.bin").exists(), reason="the nets of the recipe are not here"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return create(tmp_path / "ws")


@pytest.fixture(scope="session")
def pack_added(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the pack, to be copied; its nets are expanded and tried only once."""
    return once(tmp_path_factory, "pack-added", lambda folder: added(create(folder / "ws"))) / "ws"


@pytest.fixture
def home_with_pack(pack_added: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pack_added, tmp_path / "ws"))


def added(home: Path) -> Path:
    """Add the pack; return the folder of its files."""
    run_well(home, "pack", "add", NAME, "--from", NETS, "--accept-licence")
    return home / "packs" / NAME


def enrol(home: Path, tmp_path: Path, photographs: int) -> None:
    run_well(home, "ingest", "press", vary_portraits(tmp_path / "photos", photographs))
    run_well(home, "case", "open", "K-1", "--offence", "x", "--purpose", "x", "--basis", "x")


def search(home: Path) -> dict[str, object]:
    """Search with a portrait of somebody who is enrolled."""
    options = ("--case", "K-1", "--reason", "why", "--investigate", "--json")
    answer: dict[str, object] = json.loads(run_well(home, "search", PORTRAITS / "obama.jpg", *options))
    return answer


def facts(home: Path, name: str) -> dict[str, object]:
    listed = json.loads(run_well(home, "pack", "list", "--json"))["packs"]
    (found,) = (pack for pack in listed if pack["name"] == name)
    return dict(found)


def models(home: Path) -> set[str]:
    with raw_database(home, read_only=True) as database:
        return {row[0] for row in database.execute("SELECT DISTINCT model FROM templates")}


def test_without_a_terminal_nobody_accepts_a_licence_by_chance(home: Path) -> None:
    refused = run(home, "pack", "add", NAME, "--from", NETS)
    assert refused.returncode == 4
    assert "Intel Corporation" in refused.stderr
    assert "--accept-licence" in refused.stderr
    assert not (home / "packs").exists()


def test_an_added_pack_is_listed_shown_and_verified(home: Path) -> None:
    folder = added(home)
    assert {path.name for path in folder.iterdir()} >= {"pack.json", "face-reidentification-retail-0095.xml"}
    shown = json.loads(run_well(home, "pack", "show", NAME, "--json"))
    assert (shown["dimension"], shown["measured"], shown["in_use"]) == (384, shown["measured"], False)
    assert len(shown["files"]) == 4
    assert shown["accepted_by"]
    assert [part["part"] for part in shown["licences"]] == ["face-reidentification-retail-0095", "SFace"]
    verified = json.loads(run_well(home, "pack", "verify", NAME, "--json"))
    assert verified["good"]
    assert {check["what"] for check in verified["checks"]} >= {"vector of a portrait", "portraits"}
    again = run_well(home, "pack", "add", NAME, "--from", NETS)
    assert "there already" in again
    with raw_database(home, read_only=True) as database:
        (many,) = database.execute("SELECT count(*) FROM ledger_entries WHERE action = 'pack_added'").fetchone()
    assert many == 1


@pytest.mark.parametrize(
    ("file", "trouble", "files"),
    [
        ("pack.json", "the file pack.json is not the one that was added", 0),
        ("face-reidentification-retail-0095.bin", "the file face-reidentification-retail-0095.bin is missing", 4),
        ("rates.json", "the file rates.json is not the one that was added", 4),
    ],
)
def test_what_is_known_of_a_damaged_pack_is_shown(home_with_pack: Path, file: str, trouble: str, files: int) -> None:
    home, folder = home_with_pack, home_with_pack / "packs" / NAME
    if file.endswith(".bin"):
        (folder / file).unlink()
    else:
        (folder / file).write_text("{}")
    shown = json.loads(run_well(home, "pack", "show", NAME, "--json"))
    assert (shown["trouble"], len(shown["files"])) == (trouble, files)
    assert f"cannot be used: {trouble}" in " ".join(run_well(home, "pack", "show", NAME).split())
    used = run(home, "pack", "use", NAME)
    assert (used.returncode, trouble in used.stderr) == (PackDamaged.exit_code, True)
    assert facts(home, NAME)["pictures_left"] is None, "no move has begun"


@pytest.mark.parametrize("damage", ["a flipped bit", "a missing file", "a changed manifest"])
def test_a_damaged_pack_is_told_refused_and_mended(home_with_pack: Path, damage: str) -> None:
    home, folder = home_with_pack, home_with_pack / "packs" / NAME
    weights = folder / "face-reidentification-retail-0095.bin"
    content = weights.read_bytes()
    if damage == "a flipped bit":
        weights.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    elif damage == "a missing file":
        weights.unlink()
    else:
        (folder / "pack.json").write_text(
            (folder / "pack.json").read_text().replace('"weight": 0.365', '"weight": 0.5')
        )
    verified = run(home, "pack", "verify", NAME, "--json")
    assert verified.returncode == PackDamaged.exit_code
    assert not json.loads(verified.stdout)["good"]
    with Workspace.open(Settings(home=home)) as workspace, pytest.raises(PackDamaged):
        _ = workspace.vision_of(NAME).pack
    added(home)
    run_well(home, "pack", "verify", NAME)


def test_an_addition_that_is_killed_leaves_nothing_in_use(home: Path) -> None:
    adding = subprocess.Popen(
        command(home, "pack", "add", NAME, "--from", NETS, "--accept-licence"), stderr=subprocess.DEVNULL
    )
    _until(lambda: list((home / "packs").glob(f".{NAME}-*/*.bin")))
    adding.send_signal(signal.SIGKILL)
    adding.wait()
    assert [pack["name"] for pack in json.loads(run_well(home, "pack", "list", "--json"))["packs"]] == [
        "sface-yunet",
        "sface-yunet-0.2",
    ]
    added(home)
    assert [path.name for path in (home / "packs").iterdir() if path.is_dir()] == [NAME]


def test_a_gallery_is_moved_killed_on_the_way_and_searched(home_with_pack: Path, tmp_path: Path) -> None:
    home = home_with_pack
    enrol(home, tmp_path, 70)
    before = search(home)
    old = models(home)
    moving = subprocess.Popen(command(home, "pack", "use", NAME), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _until(lambda: _looked(home) > 0)
    moving.send_signal(signal.SIGKILL)
    moving.wait()
    left = facts(home, NAME)["pictures_left"]
    assert isinstance(left, int)
    assert 0 < left < 70
    assert models(home) == old, "the old gallery is whole"
    meanwhile = search(home)
    assert meanwhile["model"] == before["model"]
    assert _candidates(meanwhile) == _candidates(before)

    run_well(home, "source", "look-again", "--all")
    assert facts(home, NAME)["in_use"]
    assert models(home) == {facts(home, NAME)["model"]}
    after = search(home)
    assert str(after["model"]).startswith(NAME)
    assert after["gallery_faces"] == before["gallery_faces"]
    assert portrait_of(_candidates(after)[0]) == portrait_of(_candidates(before)[0])
    assert _first(before) in _shown(after)
    assert json.loads(run_well(home, "doctor", "--json"))["checks"]
    with Workspace.open(Settings(home=home)) as workspace:  # R31: a template of the pack before finds no index
        vector = np.ones(128, np.float32) / np.float32(128**0.5)
        (model,) = old
        with workspace.store.read() as tx, pytest.raises(MixedModels):
            workspace.gallery.search([tx.sources.get("press")], Template(model, vector), 1, TODAY)

    (home / "packs" / NAME / "pack.json").unlink()
    refused = run(home, "search", PORTRAITS / "obama.jpg", "--case", "K-1", "--reason", "why")
    assert refused.returncode == PackDamaged.exit_code
    assert "lineament pack add" in refused.stderr
    told = run(home, "doctor")
    assert "pack.json" in told.stdout
    assert told.returncode != 0


def test_a_pack_of_one_s_own_with_another_net_of_that_name_is_refused(home_with_pack: Path, tmp_path: Path) -> None:
    home = home_with_pack
    mine = tmp_path / "mine"
    mine.mkdir()
    recipe = ROOT / "src" / "lineament" / "vision" / "recipes" / f"{NAME}.toml"
    for path in NETS.glob("*95.*"):
        shutil.copy(path, mine)
    (mine / "pack.toml").write_text(recipe.read_text("utf-8").replace("weight = 0.365", "weight = 0.9"), "utf-8")
    refused = run(home, "pack", "add", mine / "pack.toml", "--accept-licence")
    assert refused.returncode == 4
    assert "another name" in refused.stderr
    (mine / "pack.toml").write_text(recipe.read_text("utf-8").replace(f'"{NAME}"', '"mine"', 1), "utf-8")
    run_well(home, "pack", "add", mine / "pack.toml", "--accept-licence")
    assert facts(home, "mine")["measured"] is False


def _until(condition: object) -> None:
    assert callable(condition)
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 30 seconds")


def _looked(home: Path) -> int:
    with raw_database(home, read_only=True) as database:
        (many,) = database.execute("SELECT count(*) FROM prepared_faces").fetchone()
    return int(many)


def _candidates(answer: dict[str, object]) -> list[dict[str, object]]:
    found = answer["candidates"]
    assert isinstance(found, list)
    return found


def _first(answer: dict[str, object]) -> object:
    return _candidates(answer)[0]["face_id"]


def _shown(answer: dict[str, object]) -> set[object]:
    """Return the faces of a list, with the near-duplicates that it folds."""
    twins = [twin for candidate in _candidates(answer) for twin in cast("list[object]", candidate["near_duplicates"])]
    return {candidate["face_id"] for candidate in _candidates(answer)} | set(twins)
