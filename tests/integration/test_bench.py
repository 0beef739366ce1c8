"""Every script under bench/ runs, at toy size. Its figures are for people to read; here it only has to run."""

from __future__ import annotations

import ast
import importlib
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.conftest import PORTRAITS, ROOT

FOLDER = "{folder}"
"""Stands for a temporary folder."""
PEOPLE = "{people}"
"""Stands for a folder of photographs by person, like LFW."""
TOYS: dict[str, tuple[str, ...]] = {
    "accuracy": ("--lfw", PEOPLE, "--few"),
    "at_once": ("--faces", "200", "--searches", "3"),
    "blind": ("--rounds", "2"),
    "casework": ("--cases", "100", "--agencies", "12", "--entries", "3000", "--times", "1", "--only", "/cases"),
    "codings": ("--faces", "2000", "--probes", "5"),
    "decode": ("--rounds", "5"),
    "dlib_net": ("--lfw", PEOPLE),
    "evaluate": ("--lfw", PEOPLE, "--templates", "2000"),
    "disclose": ("--searches", "3", "--pictures", "6", "--entries", "2000"),
    "drop": ("--pictures", "6", "--kill", "--chromium", "1"),
    "error_rates": ("--lfw", PEOPLE, "--few", "18"),
    "false_faces": ("--wheels", PEOPLE),
    "faults": ("--kills", "1", "--clients", "1", "--database", "sqlite", "--only", "web"),
    "fusion": ("--lfw", PEOPLE, "--few"),
    "grouping": ("--lfw", PEOPLE),
    "ingest": ("--photographs", "3", "--peer-photographs", "2", "--seconds", "0.1"),
    "int8": ("--seconds", "0.1"),
    "large": ("--lfw", PEOPLE, "--people", "2", "--heights", "60"),
    "ledger": ("--entries", "100"),
    "linear": ("--faces", "2000", "4000", "--probes", "20", "--seconds", "0.1"),
    "load": ("--minutes", "0.02", "--clients", "2", "--think", "0", "--faces", "60"),
    "many_sources": ("--sources", "6", "--faces", "60", "--rounds", "2"),
    "together": ("--faces", "60", "--rounds", "2"),
    "misuse": ("--years", "0", "--entries", "2000", "--faces", "40"),
    "watch": (
        "--lfw",
        PEOPLE,
        "--watches",
        "3",
        "--gallery",
        "60",
        "--before",
        "1",
        "--photographs",
        "2",
        "--fire",
        "2",
    ),
    "mutations": ("--changes", "4", "--seed", "3"),
    "nets": ("--seconds", "0.1"),
    "once": ("--photographs", "3", "--others", "100"),
    "opening": ("--faces", "1000"),
    "pages": ("--times", "1"),
    "pictures": ("--photographs", "2", "--listed", "20"),
    "paint": ("--times", "1", "--worlds", "collection", "--only", "sources-collected"),
    "peers": ("--lfw", PEOPLE),
    "plan": (
        "--faces",
        "2000",
        "--searches",
        "20",
        "--captures",
        "64",
        "--probes",
        "20",
        "--pruned",
        "2000",
        "--simulated",
        "200",
        "--no-postgresql",
        "--json",
        "{folder}/plan.json",
    ),
    "quality": ("--lfw", PEOPLE, "--people", "2"),
    "rotation": ("--pictures", "10"),
    "screenshots": (FOLDER, "--worlds", "collection", "--only", "run-collected"),
    "shards": ("--faces", "2000", "--probes", "20", "--seconds", "2"),
    "search": (
        "--faces",
        "2000",
        "--probes",
        "60",
        "--seconds",
        "0.1",
        "--only",
        "lineament",
        "--only",
        "pgvector-hnsw",
    ),
    "similarity": (),
    "sign_in": ("--clients", "3", "--pages", "2", "--seconds", "0.5"),
    "shortlist": ("--faces", "1000", "--probes", "3"),
    "startup": ("--faces", "50", "--times", "1"),
    "bulk": ("--captures", "300"),
    "partitions": ("--faces", "2000", "--sources", "4"),
    "store": ("--captures", "500", "--batches", "2"),
    "templates": ("--faces", "2000", "--probes", "10"),
    "tried": ("--lfw", PEOPLE, "--few"),
    "turned": ("--lfw", PEOPLE, "--pictures", "2", "--heights", "60"),
    "video": ("--seconds", "1", "--only", "h264.mp4"),
    "warc": ("--gigabytes", "0.002", "--rounds", "1"),
    "warc_ingest": ("--photographs", "2", "--rounds", "1"),
    "witness": ("--rounds", "3"),
    "whole": ("--faces", "500", "--rounds", "4"),
}
NOT_FASTER_AT_TOY_SIZE = {"blind", "watch", "pages", "paint", "casework", "startup", "many_sources", "load"}
"""They end with 1 if a page, a command or a search is slower than a target, which a busy machine may be."""


def scripts() -> list[str]:
    """Return the names of the modules under bench/ that have a function ``main``."""
    found = []
    for path in sorted((ROOT / "bench").glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if path.stem != "__main__" and any(
            isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body
        ):
            found.append(path.stem)
    return found


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen photographs of four people, made of the six portraits: 250 x 250 pixels, a folder for each person.

    Two people have eight photographs each, and two have a single one.
    """
    folder = tmp_path_factory.mktemp("people")
    for path in sorted(PORTRAITS.glob("*.jpg")):
        pixels = cv2.imread(str(path))
        assert pixels is not None
        side = min(pixels.shape[:2])
        left = (pixels.shape[1] - side) // 2
        small = cv2.resize(pixels[:side, left : left + side], (250, 250), interpolation=cv2.INTER_AREA)
        person = folder / path.stem.partition("-")[0]
        person.mkdir(exist_ok=True)
        variants = (small, small[:, ::-1], cv2.GaussianBlur(small, (0, 0), 1.5), small // 2)
        for number, variant in enumerate(variants if "-" in path.stem else variants[:1]):
            assert cv2.imwrite(str(person / f"{path.stem}_{number:04}.jpg"), np.ascontiguousarray(variant))
    return folder


def test_every_script_has_a_toy_size() -> None:
    assert scripts() == sorted(TOYS)


@pytest.mark.parametrize("name", sorted(TOYS))
def test_a_script_runs_at_toy_size(
    name: str, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if name in {"paint", "screenshots"} and not shutil.which("chromium"):
        pytest.skip("chromium is not installed")
    arguments = [argument.format(folder=tmp_path, people=people) for argument in TOYS[name]]
    monkeypatch.setattr(sys, "argv", [f"bench/{name}.py", *arguments])
    code = importlib.import_module(f"bench.{name}").main()
    assert code in ((0, 1) if name in NOT_FASTER_AT_TOY_SIZE else (0, None))
    assert name == "screenshots" or capsys.readouterr().out


def test_load_on_several_processes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bench/load.py", *TOYS["load"], "--processes", "2"])
    importlib.import_module("bench.load").main()
    assert "errors: 0; searches lost or incomplete, or the ledger broken: 0" in capsys.readouterr().out


def test_large_crowded_and_tiny_pictures_are_ingested(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench/ingest.py", "--kinds", "--photographs", "1"])
    importlib.import_module("bench.ingest").main()
    assert capsys.readouterr().out.count("faces/s") == 3


def test_ingest_is_compared_with_another_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").symlink_to(ROOT)
    options = ("--photographs", "2", "--runs", "1", "--against", str(tmp_path / "other"))
    monkeypatch.setattr(sys, "argv", ["bench/ingest.py", *options])
    importlib.import_module("bench.ingest").main()
    assert "the code in other: " in capsys.readouterr().out
