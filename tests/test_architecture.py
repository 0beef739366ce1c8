"""The house keeps its floors, its words and its documentation."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "lineament"
MODULES = sorted(PACKAGE.rglob("*.py"))


def test_every_folder_and_module_stands_on_a_floor() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    floors = {room.strip() for layer in contract["layers"] for room in layer.split("|")}
    rooms = {path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    rooms |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == floors


def test_only_the_settings_read_the_environment() -> None:
    read = re.compile(r"getenv\(|os\.environ(?!\[\"\w+\"\] = )")  # a library's switch may be set, never read
    readers = [path.name for path in MODULES if path.name != "settings.py" and read.search(path.read_text())]
    assert readers == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_a_drawer_for_odds_and_ends(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}
    frozen = path.parent.name == "versions"  # a migration is never touched again
    assert frozen or len(path.read_text().splitlines()) <= 420


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_error_is_passed_over_in_silence(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass)), f"line {node.lineno}"


FORBIDDEN = re.compile(r"\b(match(es|ed)?|identified|identity|confidence|percent(age)?|per cent)\b", re.IGNORECASE)


@pytest.mark.parametrize(
    "path",
    sorted([*PACKAGE.rglob("*.html"), *PACKAGE.rglob("*.j2")]),
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_no_page_says_what_a_candidate_is_not(path: Path) -> None:
    """R20: a candidate is never a match, an identity or a percentage."""
    text = re.sub(r"\{[%#].*?[%#]\}|\{\{.*?\}\}|<style>.*?</style>", "", path.read_text(), flags=re.DOTALL)
    assert not FORBIDDEN.search(text.replace("false match rate", ""))


def test_nothing_but_the_terminal_prints() -> None:
    printing = [
        path
        for path in MODULES
        if re.search(r"^\s*print\(", path.read_text(), re.MULTILINE) and "cli" not in path.parts
    ]
    assert [path.name for path in printing if path != PACKAGE / "ledger" / "verify.py"] == []
