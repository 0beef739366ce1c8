"""The files for whoever works on Lineament agree with each other."""

from __future__ import annotations

import re
import tomllib

import pytest
from tests.conftest import ROOT

import lineament

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
FORMS = sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml"))


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def test_each_python_of_the_classifiers_is_tried() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    tried = re.findall(r'"(3\.\d+)"', WORKFLOW.partition("matrix:")[2].partition("\n    steps:")[0])
    assert named == ["3.11", "3.12", "3.13"]
    assert tried[: len(named)] == named


def test_the_workflow_calls_targets_that_exist() -> None:
    called = set(re.findall(r"run: make (\w+)", WORKFLOW))
    assert called
    assert called <= targets()


def test_hooks_use_the_tools_that_are_locked() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    assert re.findall(r"- repo: (\S+)", hooks) == ["local"]
    tools = re.findall(r"entry: \.venv/bin/(\S+)", hooks)
    locked = (ROOT / "requirements-dev.lock").read_text("utf-8")
    packages = {"lint-imports": "import-linter"}
    assert {"ruff", "mypy", "lint-imports"} <= set(tools)
    assert all(re.search(rf"^{packages.get(tool, tool)}==", locked, re.MULTILINE) for tool in tools)


@pytest.mark.parametrize("form", [path for path in FORMS if path.stem != "config"], ids=lambda path: path.stem)
def test_a_form_warns_of_case_data_before_anything_is_typed(form: object) -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / str(form)).read_text("utf-8")
    assert text.index("Paste no case data") < text.index("type: textarea")
    assert "required: true" in text.partition("type: checkboxes")[2]


def test_the_newest_version_of_the_changelog_is_this_one() -> None:
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert versions[0] == lineament.__version__
