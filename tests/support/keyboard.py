"""Somebody who uses a page with the keyboard alone: tab, arrows, enter, the space bar, and typing."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import FilePayload, Locator
from tests.support.browsers import Actor

MOST_TABS = 400
"""Nothing on a page is further away."""


class KeyboardActor(Actor):
    """An actor who has no mouse."""

    def press(self, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        self._reach((within or self.page).get_by_role("button", name=name, exact=isinstance(name, str)))
        self.page.keyboard.press("Enter")

    def follow(self, name: str | re.Pattern[str]) -> None:
        self._reach(self.page.get_by_role("link", name=name, exact=isinstance(name, str)).first)
        self.page.keyboard.press("Enter")

    def fill(self, labels: dict[str, str], within: Locator | None = None) -> None:
        for label, value in labels.items():
            self._reach((within or self.page).get_by_label(label, exact=True))
            self.page.keyboard.press("ControlOrMeta+A")
            self.page.keyboard.type(value)

    def tick(self, label: str | re.Pattern[str], within: Locator | None = None) -> None:
        box = (within or self.page).get_by_label(label, exact=isinstance(label, str))
        if box.get_attribute("type") == "radio":
            self._turn_to(box)
        else:
            self._reach(box)
            self.page.keyboard.press("Space")

    def unfold(self, words: str | re.Pattern[str], within: Locator | None = None) -> None:
        self._reach((within or self.page).locator("summary", has_text=words))
        self.page.keyboard.press("Enter")

    def choose_files(self, label: str, files: list[FilePayload] | str) -> None:
        self._reach(self.page.get_by_label(label, exact=True))
        with self.page.expect_file_chooser() as choosing:
            self.page.keyboard.press("Enter")
        choosing.value.set_files(files)

    def bring_folder(self, folder: Path) -> None:
        self.choose_files("Choose a folder", str(folder))

    # ------------------------------------------------------------ how one gets there

    def _reach(self, target: Locator) -> None:
        """Press Tab until something has the focus."""
        target.wait_for()
        element = target.element_handle()
        for _ in range(MOST_TABS):
            if self.page.evaluate("(element) => document.activeElement === element", element):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {target}")

    def _turn_to(self, radio: Locator) -> None:
        """Choose a radio button: Tab leads to its group, the arrows go round in it."""
        element = radio.element_handle()
        group = "(element) => document.activeElement.name === element.name && document.activeElement.type === 'radio'"
        for _ in range(MOST_TABS):
            if self.page.evaluate(group, element):
                break
            self.page.keyboard.press("Tab")
        for _ in range(MOST_TABS):
            if self.page.evaluate("(element) => document.activeElement === element", element):
                self.page.keyboard.press("Space")
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"the arrows do not lead to {radio}")
