"""Starting Chromium for the tests: a crash on its way up is met with a second start, and only one."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright
from tests.support.browsers import ARGUMENTS, CHROMIUM, NEEDS_CHROMIUM, start_chromium

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]


def write_browser(folder: Path, crashes: int) -> Path:
    """Write a program that crashes this many times and then is Chromium."""
    program = folder / "browser"
    program.write_text(
        f"#!/bin/sh\necho >> {folder}/starts\n[ $(wc -l < {folder}/starts) -gt {crashes} ] || kill -SEGV $$\n"
        f'exec {CHROMIUM} "$@"\n'
    )
    program.chmod(0o700)
    return program


def test_a_browser_that_crashes_once_on_its_way_up_is_started_again(tmp_path: Path) -> None:
    with sync_playwright() as playwright:
        browser = start_chromium(playwright, ARGUMENTS, program=write_browser(tmp_path, 1))
        page = browser.new_page()
        page.set_content("<h1>Here</h1>")
        assert page.inner_text("h1") == "Here"
        browser.close()


def test_a_browser_that_always_crashes_is_an_error(tmp_path: Path) -> None:
    with sync_playwright() as playwright, pytest.raises(Error, match="SIGSEGV"):
        start_chromium(playwright, ARGUMENTS, program=write_browser(tmp_path, 9))
    assert (tmp_path / "starts").read_text().count("\n") == 2
