"""axe, which checks a page against the rules of WCAG that a program can check.

Its script has half a megabyte, and its whole answer can have more: the script goes to each page once, and only what is
wrong comes back.
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_SCRIPT = Axe().axe_script
_RUN = """async (options) => {
    const found = await axe.run(document, { resultTypes: ["violations"], ...options });
    const wrong = found.violations.map((fault) => `${fault.id}: ${fault.nodes[0].html}`);
    return { passed: found.passes.length, wrong };
}"""
COLOURS: dict[str, Any] = {"runOnly": ["color-contrast"]}
"""The options by which only colours are checked."""


def violations(page: Page, **options: Any) -> list[str]:
    """Return the rules that the open page breaks, each with the first element that does; ``options`` are those of axe.

    A frame in a sandbox needs ``iframes=False``, since no script runs in it.
    """
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(_SCRIPT)
    found = page.evaluate(_RUN, options)
    assert found["passed"], "axe checked nothing"
    return list(found["wrong"])
