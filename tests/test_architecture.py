"""The layers, the names and the words of the code."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "lineament"
CLIENT = PACKAGE / "client"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS_FOLDER = ROOT / "tests"
TESTS = sorted(TESTS_FOLDER.rglob("test_*.py"))


def test_every_package_and_module_is_in_a_layer() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    layers = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
    names = {path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    names |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert names == layers


def test_only_the_settings_read_the_environment() -> None:
    read = re.compile(r"getenv\(|os\.environ(?!\[\"\w+\"\] = )")  # the switch of a library may be set
    readers = [path.name for path in MODULES if path.name != "settings.py" and read.search(path.read_text())]
    assert readers == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_has_a_telling_name_and_is_short(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}
    frozen = path.parent.name == "versions"  # released migrations are frozen
    catalogue = path == PACKAGE / "errors.py"  # a list of all errors, each of a few lines
    made = path == CLIENT / "answers.py"  # by docs/generate.py
    alone = path == PACKAGE / "services" / "disclosure" / "verify.py"  # handed to others, who run one file
    most = 800 if catalogue else 1150 if alone else 420
    assert frozen or made or len(path.read_text().splitlines()) <= most


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_error_is_ignored_silently(path: Path) -> None:
    handlers = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ExceptHandler)]
    assert [node.lineno for node in handlers if [type(step) for step in node.body] == [ast.Pass]] == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(TESTS_FOLDER)))
def test_no_assertion_is_skipped_by_a_condition(path: Path) -> None:
    """An assertion below an ``if`` without ``else``, or a return from a test, passes when its point is missing."""
    tests = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    steps = [step for test in tests if test.name.startswith("test_") for step in _within(test)]
    conditions = [node for node in steps if isinstance(node, ast.If) and not node.orelse]
    below = [node for condition in conditions for node in _within(condition)]
    assert [node.lineno for node in below if isinstance(node, ast.Assert | ast.Return)] == []


def test_no_test_imports_another_test() -> None:
    """Helpers that several tests share are in tests/support."""
    importing = re.compile(r"^\s*(from|import) tests\.(\w+\.)*test_", re.MULTILINE)
    assert [path.name for path in TESTS if importing.search(path.read_text())] == []


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """Yield everything below a node, except the bodies of functions that are defined there."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield child
            yield from _within(child)


@pytest.mark.parametrize("folder", [PACKAGE, CLIENT, TESTS_FOLDER / "support"], ids=lambda folder: str(folder.name))
def test_a_class_name_stands_in_one_module(folder: Path) -> None:
    """The client is a package of its own: for other programs its ``Case`` is the case that the server tells of."""
    places: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        if folder == PACKAGE and path.is_relative_to(CLIENT):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(folder)))
    assert places
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_only_the_terminal_prints() -> None:
    printing = [
        path
        for path in MODULES
        if re.search(r"^\s*print\(", path.read_text(), re.MULTILINE) and "cli" not in path.parts
    ]
    assert [path.name for path in printing if path != PACKAGE / "ledger" / "verify.py"] == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_the_terminal_composes_no_json_of_its_own(path: Path) -> None:
    """What a command prints as JSON is the answer of a view, as it is, so that pages and API can give the same."""
    tree = ast.parse(path.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    of_views = [node for node in imports if str(node.module).startswith("lineament.views")]
    views = {alias.asname or alias.name for node in of_views for alias in node.names}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    printed = [call for call in calls if _root_name(call.func) in {"print_json", "print_json_line"}]
    answers = [(call.lineno, [_root_name(of.func) for of in call.args if isinstance(of, ast.Call)]) for call in printed]
    assert [line for line, names in answers if len(names) != 1 or not set(names) <= views] == []


def _root_name(function: ast.expr) -> str:
    """Return the first name of a function that is called: “jobs” of ``jobs.job_json``; empty for other expressions."""
    while isinstance(function, ast.Attribute):
        function = function.value
    return function.id if isinstance(function, ast.Name) else ""


def test_every_command_that_prints_json_is_looked_at() -> None:
    printing = [
        path for path in (PACKAGE / "cli").glob("*.py") if re.search(r"\bjson\.dumps|print_json\(", path.read_text())
    ]
    dumping = [path.stem for path in printing if "json.dumps" in path.read_text()]
    assert len(printing) > 15
    assert dumping == ["terminal"]
