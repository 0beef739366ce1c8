"""Signing in with a real browser and the authenticator that it simulates; every page of it read by axe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect
from tests.support.axe import violations
from tests.support.browsers import NEEDS_CHROMIUM, add_authenticator, open_chromium
from tests.support.serving import serving
from tests.support.world import PASSWORD, World, officials

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
EMAIL = "rufus@agency.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with officials(tmp_path / "ws") as world:
        world.clock.at = datetime.now(UTC)
        yield world


@pytest.fixture
def page(world: World) -> Iterator[Page]:
    with serving(world.workspace) as running, open_chromium() as browser:
        context = browser.new_context(base_url=running.url.replace("127.0.0.1", "localhost"))
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        add_authenticator(page)
        yield page


def check_page(page: Page, heading: str) -> None:
    """Check that a page has a heading, fits a telephone, and passes axe."""
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def press_with_its_script_alone(page: Page, name: str) -> None:
    """Check that a button cannot be pressed before the script of passkeys has come; then load it and press."""
    page.route("**/passkeys*", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("button", name=name)).to_be_disabled()
    page.unroute("**/passkeys*")
    page.reload()
    press(page, name)


def test_a_passkey_and_an_app_from_the_invitation_to_signing_out(world: World, page: Page) -> None:
    _, token = world.invite(EMAIL)
    page.goto(f"/join/{token}")
    check_page(page, "Join This agency")
    page.get_by_label("Your name").fill("Rufus T. Firefly")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    press(page, "Join")

    check_page(page, "Add a second factor")
    page.get_by_role("link", name="Add a passkey").click()
    check_page(page, "Add a passkey")
    page.get_by_label("Name of the passkey").fill("office laptop")
    press(page, "Make the passkey")
    check_page(page, "Recovery codes")
    press(page, "Make recovery codes")
    expect(page.locator(".codes li")).to_have_count(10)
    check_page(page, "Recovery codes")

    page.goto("/account/app")
    check_page(page, "Add an app that shows codes")
    secret = page.locator(".secret code").inner_text().replace(" ", "")
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).at(world.clock()))
    press(page, "Add the app")
    check_page(page, "My account")

    world.clock.advance(minutes=16)
    page.goto("/account/passkey")
    check_page(page, "Show your second factor again")
    press(page, "Use a passkey")
    expect(page.get_by_role("heading", name="Add a passkey")).to_be_visible()
    page.get_by_label("Name of the passkey").fill("the same again")
    press(page, "Make the passkey")
    expect(page.get_by_role("alert")).to_contain_text("already has a passkey")

    world.clock.advance(minutes=31)
    page.goto("/cases")
    check_page(page, "Locked")
    press_with_its_script_alone(page, "Use a passkey")
    page.wait_for_url("**/cases")

    page.goto("/account")
    press(page, "Sign out here")
    check_page(page, "Sign in")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill("wrong and long")
    press(page, "Sign in")
    check_page(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("Not done")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    check_page(page, "Your second factor")
    page.get_by_label("Code from your app").fill(pyotp.TOTP(secret).at(world.clock()))
    press(page, "Continue")
    page.wait_for_url("**/")
    assert "factor_shown" in world.actions()
