"""The templates hold to the policy by themselves: nothing inline, every form with its token, every picture sized."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lineament.web

FOLDER = Path(lineament.web.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
SCRIPTS = sorted((FOLDER / "static").glob("*.js"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nothing_is_inline(path: Path) -> None:
    html = path.read_text()
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=|javascript:", html)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
    assert "| safe" not in html
    assert "|safe" not in html


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    loaded = re.findall(r'<(?:script|link|img|image)\b[^>]*(?:src|href)="([^"]*)"', path.read_text())
    things = ("here", "address", "p", "search", "each.", "finding.", "watch.", "row.")
    own = ("{{ asset(", *(f"{{{{ {thing}" for thing in things))
    assert all(address.startswith(own) for address in loaded)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_form_that_changes_something_has_the_token(path: Path) -> None:
    for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", path.read_text(), re.DOTALL):
        assert "token()" in form


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_picture_has_its_size_so_that_nothing_moves(path: Path) -> None:
    for tag in re.findall(r"<img\b[^>]*>", path.read_text()):
        assert "width=" in tag
        assert "height=" in tag
        assert "alt=" in tag


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_or_code_from_text(path: Path) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function", path.read_text())


def test_only_forms_files_and_the_progress_of_jobs_are_sent_and_fetched_by_scripts() -> None:
    fetching = [
        path.name for path in SCRIPTS if re.search(r"fetch\(|XMLHttpRequest|WebSocket|EventSource", path.read_text())
    ]
    assert fetching == ["blur.js", "forms.js", "jobs.js", "photograph.js", "take_in.js"]
