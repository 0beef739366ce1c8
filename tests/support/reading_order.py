"""The order in which a screen reader says a page, from Chromium's accessibility tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import CDPSession, Error, Page

CONTROLS = frozenset(
    {
        "button",
        "checkbox",
        "combobox",
        "link",
        "radio",
        "searchbox",
        "slider",
        "spinbutton",
        "textbox",
        "DisclosureTriangle",
    }
)
LANDMARKS = ("banner", "main", "contentinfo")
SLACK = 2.0
"""Pixels by which a line may stand above the one before, because of borders and baselines."""


NOTHING_FLOATS = """() => {
    for (const each of document.body.querySelectorAll("*"))
        if (getComputedStyle(each).position === "sticky") each.style.position = "static";
}"""
"""Lets what stays in view while one scrolls stand where it belongs, until the page is loaded again."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A heading, a control or a landmark, in the order of the tree."""

    role: str
    name: str
    level: int  # of a heading, otherwise 0
    node: int  # its number in the document

    def __str__(self) -> str:
        return f"{self.role} “{self.name}”"


def spoken(devtools: CDPSession) -> list[Spoken]:
    """Return the headings, controls and landmarks of the page in the order in which they are said."""
    nodes = {node["nodeId"]: node for node in devtools.send("Accessibility.getFullAXTree")["nodes"]}
    root = next(node for node in nodes.values() if "parentId" not in node)
    return list(_walk(root, nodes))


def _walk(node: dict[str, Any], nodes: dict[str, dict[str, Any]]) -> Iterator[Spoken]:
    role = str(node.get("role", {}).get("value", ""))
    if not node["ignored"] and (role in CONTROLS or role in LANDMARKS or role == "heading"):
        level = next((each["value"]["value"] for each in node.get("properties", ()) if each["name"] == "level"), 0)
        yield Spoken(role, str(node.get("name", {}).get("value", "")), int(level), node.get("backendDOMNodeId", 0))
    for child in node.get("childIds", ()):
        if child in nodes:
            yield from _walk(nodes[child], nodes)


def reading_faults(page: Page) -> list[str]:
    """Return what is wrong with the order of a page: it should be in one column, as on a phone."""
    devtools = page.context.new_cdp_session(page)
    try:
        said = spoken(devtools)
        page.evaluate(NOTHING_FLOATS)
        return [*_unnamed(said), *_landmarks(said), *_headings(said), *_jumps(devtools, said)]
    finally:
        devtools.detach()


def _unnamed(said: list[Spoken]) -> Iterator[str]:
    for each in said:
        if not each.name.strip() and each.role not in LANDMARKS:
            yield f"a {each.role} without a name"


def _landmarks(said: list[Spoken]) -> Iterator[str]:
    found = [each.role for each in said if each.role in LANDMARKS]
    if found != list(LANDMARKS):
        yield f"landmarks in the order {found}"
    if said and (said[0].role, said[0].name) != ("link", "To the content"):
        yield f"the first thing said is the {said[0]}"


def _headings(said: list[Spoken]) -> Iterator[str]:
    before = 0
    for heading in (each for each in said if each.role == "heading"):
        if heading.level > before + 1:
            yield f"the {heading} of level {heading.level} follows one of level {before}"
        before = heading.level


def _jumps(devtools: CDPSession, said: list[Spoken]) -> Iterator[str]:
    """Yield what stands above something that is said before it."""
    above: Spoken | None = None
    edge = 0.0
    for each in said[next(at for at, landmark in enumerate(said) if landmark.role == "main") + 1 :]:
        place = _place(devtools, each)
        if each.role == "contentinfo":
            return
        if place is None:
            continue
        top, bottom = place
        if above is not None and bottom < edge - SLACK:
            yield f"the {each} stands above the {above}, and is said after it"
        above, edge = each, top


def _place(devtools: CDPSession, said: Spoken) -> tuple[float, float] | None:
    """Return the top and bottom of something in the window, None if it takes no room or is hidden from the eye."""
    try:
        quad = devtools.send("DOM.getBoxModel", {"backendNodeId": said.node})["model"]["border"]
    except Error:  # it has no box
        return None
    top, bottom = min(quad[1::2]), max(quad[1::2])
    return None if bottom - top <= 1 else (top, bottom)
