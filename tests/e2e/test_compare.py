"""A candidate beside the probe in a real browser: its size, the wheel, two fingers, and turning."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect
from tests.support.browsers import LAPTOP, NEEDS_CHROMIUM, PHONE, silent_page
from tests.support.serving import Served

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
SCALE = "document.querySelector('.pane .view').transform.baseVal.consolidate().matrix.a"
VIEWS = "[...document.querySelectorAll('.pane .view')].map((group) => group.getAttribute('transform'))"
TURNS = """[...document.querySelectorAll('.pane .turn')].map((group) => {
    const { a = 1, b = 0, c = 0, d = 1 } = group.transform.baseVal.consolidate()?.matrix ?? {};
    return [a, b, c, d];
})"""


@pytest.fixture(scope="module")
def candidate(result: str) -> str:
    return f"{result}/candidates/2"


@pytest.fixture
def page(chromium: Browser, served: Served, candidate: str) -> Iterator[Page]:
    with silent_page(chromium, served, candidate) as page:
        yield page


@pytest.fixture
def phone(chromium: Browser, served: Served, candidate: str) -> Iterator[Page]:
    with silent_page(chromium, served, candidate, size=PHONE, touch=True) as page:
        yield page


def box_of(page: Page, at: int) -> dict[str, float]:
    box = page.locator(".pane").nth(at).bounding_box()
    assert box is not None
    return {name: box[name] for name in ("x", "y", "width", "height")}


def wait_until(page: Page, condition: str) -> None:
    """Wait until an expression is true; the pages forbid what Playwright's own function for it does."""
    deadline = time.monotonic() + 20
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(20)


# ---------------------------------------------------------------- size


def test_both_pictures_are_as_large_as_the_window_allows(page: Page) -> None:
    probe, candidate = box_of(page, 0), box_of(page, 1)
    assert probe["width"] == probe["height"] == candidate["width"] >= 480
    assert probe["y"] == candidate["y"]
    assert probe["y"] + probe["height"] < LAPTOP["height"]
    expect(page.get_by_role("button", name="Turn the probe left by 1°")).to_be_in_viewport()
    page.set_viewport_size({"width": 1920, "height": 1080})
    assert box_of(page, 0)["width"] > 740
    page.set_viewport_size({"width": 1024, "height": 600})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_fade_has_the_full_width_of_both(page: Page) -> None:
    probe, candidate = box_of(page, 0), box_of(page, 1)
    page.keyboard.press("f")
    faded = box_of(page, 0)
    assert faded == box_of(page, 1)
    assert faded["width"] == candidate["x"] + candidate["width"] - probe["x"]
    assert faded["height"] == probe["height"]
    slider = page.get_by_role("slider").bounding_box()
    assert slider is not None
    assert slider["width"] > 0.8 * faded["width"]
    page.keyboard.press("z")
    x, y = (float(number) for number in page.evaluate(VIEWS)[0].split("(")[1].split(")")[0].split())
    assert (x, y) == pytest.approx((-128, -128))  # wider than the square picture: it stays in the middle


# ---------------------------------------------------------------- the wheel and two fingers


def test_the_wheel_zooms_over_the_pictures_and_scrolls_elsewhere(page: Page) -> None:
    box = box_of(page, 1)
    corner = (box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
    page.mouse.move(*corner)
    page.mouse.wheel(0, -300)
    wait_until(page, f"{SCALE} > 2")
    assert page.evaluate("scrollY") == 0
    left, right = page.evaluate(VIEWS)
    assert left == right
    x, y = (float(number) for number in left.split("(")[1].split(")")[0].split())
    scale = page.evaluate(SCALE)
    assert (x / 256 + 0.75 * scale, y / 256 + 0.25 * scale) == pytest.approx((0.75, 0.25), abs=0.01)
    page.mouse.wheel(0, 3000)
    wait_until(page, f"{SCALE} === 1")
    assert page.evaluate("scrollY") == 0
    page.mouse.move(600, 745)  # below the pictures
    page.mouse.wheel(0, 200)
    wait_until(page, "scrollY > 100")
    assert page.evaluate(SCALE) == 1


def touch(devtools: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    at: list[dict[str, Any]] = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})


def test_two_fingers_zoom_from_the_first_moment(phone: Page) -> None:
    devtools = phone.context.new_cdp_session(phone)
    box = box_of(phone, 0)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(devtools, "touchStart", (x - 20, y))
    touch(devtools, "touchStart", (x - 20, y), (x + 20, y))
    for apart in (25, 30, 40, 50, 60):
        touch(devtools, "touchMove", (x - apart, y), (x + apart, y))
    touch(devtools, "touchEnd")
    wait_until(phone, f"{SCALE} > 2.5")
    assert phone.evaluate(SCALE) == pytest.approx(3, abs=0.1)
    assert phone.evaluate("visualViewport.scale") == pytest.approx(1)  # the page itself was not enlarged
    left, right = phone.evaluate(VIEWS)
    assert left == right
    before = left
    touch(devtools, "touchStart", (x, y))
    for moved in (10, 20, 30):
        touch(devtools, "touchMove", (x + moved, y + moved))
    touch(devtools, "touchEnd")
    wait_until(phone, f"{VIEWS}[0] !== {before!r}")
    assert phone.evaluate("scrollY") == 0


def test_one_finger_scrolls_the_page_until_the_pictures_are_zoomed(phone: Page) -> None:
    devtools = phone.context.new_cdp_session(phone)
    box = box_of(phone, 1)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] - 10
    touch(devtools, "touchStart", (x, y))
    for moved in range(15, 180, 15):
        touch(devtools, "touchMove", (x, y - moved))
        phone.wait_for_timeout(20)
    touch(devtools, "touchEnd")
    wait_until(phone, "scrollY > 60")
    assert phone.evaluate(SCALE) == 1


# ---------------------------------------------------------------- turning


def rotation(degrees: float) -> Any:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return pytest.approx([cosine, sine, -sine, cosine], abs=1e-6)  # no mirror, no stretching


def test_either_side_is_turned_by_keys(page: Page) -> None:
    for key, probe, candidate in (
        ("r", 0, 90),
        (".", 0, 91),
        (",", 0, 90),
        ("Shift+R", 0, 0),
        ("Alt+r", 90, 0),
        ("Alt+.", 91, 0),
        ("Alt+Shift+R", 1, 0),
        ("Alt+,", 0, 0),
        ("Alt+Shift+R", -90, 0),
        ("Shift+R", -90, -90),
        ("t", 0, 0),
    ):
        page.keyboard.press(key)
        left, right = page.evaluate(TURNS)
        assert left == rotation(probe), key
        assert right == rotation(candidate), key


def test_either_side_is_turned_by_buttons(page: Page) -> None:
    turner = page.get_by_role("group", name="Turn the candidate")
    turner.get_by_role("button", name="right by 90°").click()
    turner.get_by_role("button", name="left by 1°").click()
    back = turner.get_by_role("button", name="The candidate is turned by 89°")
    expect(back).to_have_text("89°")
    left, right = page.evaluate(TURNS)
    assert left == rotation(0)
    assert right == rotation(89)
    page.keyboard.press("b")  # in every mode
    assert page.evaluate(TURNS)[1] == rotation(89)
    back.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(TURNS)[1] == rotation(0)
    assert page.evaluate("document.activeElement.dataset.turn") == "-90"
