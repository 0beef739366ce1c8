"""axe, which checks a page against the rules of WCAG that a program can check.

Its script has half a megabyte, and its whole answer can have more: the script goes to each page once, and only what is
wrong comes back.
"""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_SCRIPT = Axe().axe_script
_RUN = """async (options) => {
    const found = await axe.run(document, { resultTypes: ["violations"], ...options });
    const wrong = found.violations.map((fault) => `${fault.id}: ${fault.nodes[0].html}`);
    return { passed: found.passes.length, wrong };
}"""


def violations(page: Page, *, scheme: str = "light", iframes: bool = True) -> list[str]:
    """Return the rules that the open page breaks, each with the first element that does.

    In the dark scheme only colours are checked, as nothing else differs. No script runs in a frame that is in a
    sandbox, so that a page with one needs ``iframes=False``.
    """
    options = {"iframes": iframes} | ({"runOnly": ["color-contrast"]} if scheme == "dark" else {})
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(_SCRIPT)
    found = page.evaluate(_RUN, options)
    assert found["passed"], "axe checked nothing"
    return list(found["wrong"])
