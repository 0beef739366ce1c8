"""The documentation says what the code does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert _spec is not None
assert _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_the_reference_is_as_new_as_the_code(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == generate.PAGES[name](), "run: python docs/generate.py"


def test_the_client_knows_the_answers_of_the_api() -> None:
    written = generate.ANSWERS.read_text(encoding="utf-8")
    assert written == generate.of_api.answers(), "run: python docs/generate.py"


PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob(".github/**/*.md"), *ROOT.glob("docs/**/*.md")])
OUTSIDE = re.compile(r"https?://[a-z0-9.-]+\.[a-z]{2,}(:\d+)?(/[^\s<>\"]*)?|mailto:[^\s@]+@[a-z0-9.-]+")


def text_of(page: Path) -> str:
    """Return the Markdown of a page without its code."""
    fenced = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", fenced)


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub and MkDocs make them."""
    fenced = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ +(.+)$", fenced, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    """Return where the links and pictures of a page lead."""
    return re.findall(r"\]\(([^)\s]+)", text_of(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    outside = [link for link in links(page) if ":" in link]
    assert [link for link in outside if not OUTSIDE.fullmatch(link)] == []
    for link in [link for link in links(page) if ":" not in link]:
        path, _, anchor = link.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(there), f"{page.name} links to {link}, and no heading has that anchor"


def test_every_page_can_be_reached_from_the_first_page_of_the_documentation() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page not in reached:
            reached.add(page)
            inside = [page.parent / link.partition("#")[0] for link in links(page) if ":" not in link]
            waiting += [path for path in inside if path.suffix == ".md" and path.is_file()]
    assert reached == {page.resolve() for page in ROOT.glob("docs/**/*.md")}


def test_no_link_leaves_the_documentation_site() -> None:
    """The pages under docs/ are a site of their own, so a link to a file beside it would lead nowhere there."""
    for page in ROOT.glob("docs/**/*.md"):
        for link in links(page):
            assert ":" in link or (page.parent / link.partition("#")[0]).resolve().is_relative_to(ROOT / "docs"), link


def test_every_page_of_the_navigation_exists() -> None:
    named = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    written = {str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md")}
    assert set(named) == {name for name in written if not re.match(r"adr/\d", name)}


def test_every_bench_named_in_the_readme_exists() -> None:
    named = set(re.findall(r"bench/(\w+)\.py", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named
    assert all((ROOT / "bench" / f"{name}.py").exists() for name in named)
