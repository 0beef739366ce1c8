"""Connectors register themselves, and what is named is given to the right one."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import lineament.sources
from lineament.errors import InvalidValue, NoSuchFile
from lineament.sources.archive.connector import ARCHIVES
from lineament.sources.base import Connector
from lineament.sources.choose import choose, kind_of
from lineament.sources.manifest import registration as manifest
from lineament.sources.manifest.rows import READERS
from lineament.sources.registry import Terms, registrations

PACKAGE = Path(lineament.sources.__file__).parent
REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
TERMS = Terms(max_bytes=1000)
HEAVY = (
    "av",
    "fastwarc",
    "httpcore",
    "lxml",
    "numpy",
    "py7zr",
    "pyarrow",
    "protego",
    "scrapy",
    "sqlite3",
    "selectolax",
)


def connectors(package: Path) -> set[str]:
    """Return the names of the connectors that a package defines."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in package.glob("*.py")]
    classes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return {
        node.name
        for node in classes
        if any(isinstance(method, ast.FunctionDef) and method.name == "items" for method in node.body)
    }


def test_every_connector_is_registered_by_its_own_package() -> None:
    packages = {folder: names for folder in PACKAGE.iterdir() if folder.is_dir() and (names := connectors(folder))}
    assert len(packages) >= 7, "the connectors were found"
    for folder, names in packages.items():
        declaration = (folder / "registration.py").read_text(encoding="utf-8")
        assert [name for name in names if f"return {name}(" not in declaration] == []
        module = import_module(f"lineament.sources.{folder.name}.registration")
        assert len(module.REGISTRATIONS) == len(names)
        assert all(registrations()[registration.kind] is registration for registration in module.REGISTRATIONS)


def test_kinds_and_their_order_are_unambiguous() -> None:
    known = registrations().values()
    assert len({registration.order for registration in known}) == len(known)
    assert list(registrations()) == [entry.kind for entry in sorted(known, key=lambda registration: registration.order)]


@pytest.mark.parametrize("page", ["commands.md", "connectors.md"])
def test_every_kind_is_in_the_reference(page: str) -> None:
    text = (REFERENCE / page).read_text(encoding="utf-8")
    listed = next(line for line in text.splitlines() if "--as KIND" in line) if page == "commands.md" else text
    missing = [kind for kind in registrations() if kind not in listed]
    assert missing == (["upload"] if page == "commands.md" else [])  # which only the page of a source queues


def test_the_registry_loads_no_parser() -> None:
    script = (
        "import sys; from lineament.sources.registry import registrations; registrations();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("https://press.example/a.jpg", "site"),
        ("HTTP://press.example", "site"),
        ("a.jpg", "folder"),
        ("without-suffix", "folder"),
        ("A.ZIP", "archive"),
        ("a.tar.gz", "archive"),
        ("a.7z", "archive"),
        ("a.JPG.gz", "folder"),
        ("a.warc.gz", "warc"),
        ("a.warc", "warc"),
        ("a.wacz", "warc"),
        ("a.csv", "manifest"),
        ("a.jsonl", "manifest"),
        ("a.parquet", "manifest"),
        ("a.mp4", "video"),
        ("a.MKV", "video"),
        ("a.an2", "itl"),
        ("a.eft", "itl"),
    ],
)
def test_a_name_tells_the_kind(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_a_folder_is_one_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.zip").mkdir()
    assert kind_of(str(tmp_path / "a.zip")) == "folder"


def test_suffixes_are_those_that_the_parsers_know() -> None:
    assert {suffix.encode() for suffix in manifest.SUFFIXES} == set(READERS)
    assert b".zip" in ARCHIVES


def test_every_kind_of_file_is_connected_as_named(tmp_path: Path) -> None:
    for registration in registrations().values():
        if registration.takes_addresses:
            continue
        (found,) = choose([str(tmp_path)], TERMS, registration.kind)
        assert found.kind == registration.kind
        assert isinstance(found.connector, Connector)
        assert found.locations == str(tmp_path)


def test_neighbours_of_a_kind_are_one_run_if_the_kind_combines(tmp_path: Path) -> None:
    names = ["a.jpg", "b.jpg", "a.zip", "b.zip", "c.jpg"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    found = choose([str(tmp_path / name) for name in names], TERMS)
    assert [(item.kind, len(item.locations.splitlines())) for item in found] == [
        ("folder", 2),
        ("archive", 1),
        ("archive", 1),
        ("folder", 1),
    ]


def test_unreadable_locations_are_refused_immediately(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        choose([str(tmp_path / "gone.jpg")], TERMS)
    for name in (" ", "rtsp://camera.example/1"):
        with pytest.raises(InvalidValue):
            choose([name], TERMS)
    with pytest.raises(InvalidValue, match="it is one of"):
        choose([str(tmp_path)], TERMS, "nothing")


def test_fetching_requires_a_contact(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("uri\n")
    with pytest.raises(InvalidValue, match="--contact"):
        choose([str(tmp_path / "a.csv")], Terms(max_bytes=1000, hosts=("press.example",)))
    with pytest.raises(InvalidValue, match="--contact"):
        choose(["https://press.example/"], Terms(max_bytes=1000, hosts=("press.example",)))
