"""The page of promises names tests that exist, and leaves out no file of attacks."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from bench.mutations import EXCEPTIONS
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "reference" / "security.md"
HERE = Path(__file__).parent
UNNOTICED = "## What a DB writer changes unnoticed"


def promises() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return each promise with the file and the name of every test that keeps it."""
    found = []
    for line in PAGE.read_text("utf-8").partition(UNNOTICED)[0].splitlines():
        if line.startswith("| ") and not line.startswith(("| promise |", "| --- |")):
            _, promise, kept_by, _ = line.split("|")
            found.append((promise.strip(), re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", kept_by)))
    return found


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_every_promise_is_kept_by_a_test_that_exists() -> None:
    every = promises()
    assert every
    assert [promise for promise, tests in every if not tests] == []
    named = {test for _, tests in every for test in tests}
    assert {(file, name) for file, name in named if name not in functions_of(ROOT / file)} == set()


def test_every_file_of_attacks_keeps_a_promise() -> None:
    named = {file for _, tests in promises() for file, _ in tests}
    files = {f"tests/attacks/{path.name}" for path in HERE.glob("test_*.py")} - {f"tests/attacks/{Path(__file__).name}"}
    assert files - named == set()


def test_the_page_lists_what_a_database_writer_changes_unnoticed() -> None:
    rows = PAGE.read_text("utf-8").partition(UNNOTICED)[2].splitlines()
    listed = [row.strip("| ").split(" | ") for row in rows if row.startswith("| ")]
    assert dict(listed[2:]) == EXCEPTIONS
