"""The pages in a real browser: a case and a search by mouse, by keyboard and without JavaScript; accessibility."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect
from tests.conftest import PORTRAITS
from tests.support.axe import violations
from tests.support.browsers import NEEDS_CHROMIUM, close_context, silent_page
from tests.support.serving import Served, serving
from tests.support.world import CASE, PROBE, gallery

from lineament.web.addresses import case_address

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
ABUSE = replace(CASE, ref="OP/ELM 7", offence="Sexual abuse of a child")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("browser")
    with gallery(home / "ws") as workspace:
        workspace.desk_at_the_machine().casework.open(ABUSE)
        with serving(workspace) as running:
            yield running


@pytest.fixture
def page(chromium: Browser, served: Served) -> Iterator[Page]:
    # Chromium requests an icon beside a sandboxed original
    with silent_page(chromium, served, unless=lambda text: text.endswith("/favicon.ico)")) as page:
        yield page


def choose_photograph(page: Page, case: str, name: str = PROBE.name) -> None:
    page.goto(f"/search?case={case}")
    page.get_by_label("The photograph").set_input_files(PORTRAITS / name)
    page.get_by_role("button", name="Find the faces").click()
    page.wait_for_url("**/probes/*")


def search(page: Page, *, investigation: bool = False) -> None:
    page.get_by_label("Why is this face searched?").fill("to find where it was published")
    if investigation:
        page.get_by_label("Investigation").check()
    page.get_by_role("button", name="Search 1 source").click()
    page.wait_for_url("**/searches/*")


def test_a_case_and_a_search_by_mouse(page: Page) -> None:
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.get_by_role("heading", name="My cases")).to_be_visible()

    page.get_by_role("link", name="Open a case").click()
    page.get_by_label("Reference").fill("K/1 story")
    page.get_by_label("Offence").fill("fraud")
    page.get_by_label("Purpose").fill("to find where it was published")
    page.get_by_label("Legal basis").fill("CPP 77")
    page.get_by_role("button", name="Open the case").click()
    expect(page.get_by_role("heading", name="K/1 story")).to_be_visible()

    page.get_by_role("link", name="New search").first.click()
    page.get_by_label("The photograph").set_input_files(PROBE)
    expect(page.get_by_alt_text("The photograph chosen")).to_be_visible()
    page.keyboard.press("Enter")  # the button has the focus
    expect(page.get_by_role("heading", name="1 face found")).to_be_visible()
    expect(page.get_by_role("radio", name="Face 1")).to_be_checked()
    search(page, investigation=True)

    expect(page.get_by_role("heading", name="4 candidates among 5 faces")).to_be_visible()
    cards = page.locator(".candidate")
    expect(cards).to_have_count(4)  # two pictures of one face share an entry
    expect(cards.first).to_contain_text("Emmanuel Macron")
    widths = page.evaluate("[...document.querySelectorAll('.candidate img')].map((image) => image.naturalWidth)")
    assert all(width > 0 for width in widths)

    page.get_by_role("link", name=re.compile("Candidate 1")).click()
    expect(page.get_by_role("heading", name="Candidate 1 of 5")).to_be_visible()
    link = page.get_by_role("link", name=re.compile("Emmanuel Macron"))
    assert link.get_attribute("rel") == "noreferrer noopener external"
    assert (link.get_attribute("href") or "").startswith("https://commons.wikimedia.org/")

    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Open the original").click()
    opened.value.wait_for_load_state()
    assert opened.value.evaluate("document.images[0].naturalWidth") == 722
    opened.value.close()

    page.get_by_role("link", name="Ledger").click()
    page.get_by_role("link", name="Show them").click()
    expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text("opened the original of candidate 1")
    page.get_by_role("button", name="Check the ledger").click()
    expect(page.get_by_role("status")).to_have_text(re.compile(r"checked \d+ entries in \d+\.\d\d s: sound"))


def arrive(page: Page, heading: str) -> None:
    """Wait until a page is there and its keys work, which they do once its scripts have run."""
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.wait_for_load_state()


def test_a_search_by_keyboard(page: Page) -> None:
    choose_photograph(page, CASE.ref)
    search(page, investigation=True)
    focused = "document.activeElement.getAttribute('href') ?? ''"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused).endswith("/candidates/1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused).endswith("/candidates/3")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    arrive(page, "Candidate 2 of 5")
    page.keyboard.press("ArrowRight")
    arrive(page, "Candidate 3 of 5")
    page.keyboard.press("u")
    arrive(page, "4 candidates among 5 faces")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("n")
    arrive(page, "1 face found")
    page.keyboard.press("/")
    page.keyboard.type("0412")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Cases with “0412”")).to_be_visible()


def test_both_faces_are_zoomed_moved_and_faded_together(page: Page) -> None:
    choose_photograph(page, CASE.ref)
    search(page, investigation=True)
    page.goto(f"{page.url}/candidates/1")
    sizes = [page.locator(".pane").nth(at).bounding_box() for at in (0, 1)]
    assert sizes[0] is not None
    assert sizes[1] is not None
    assert (sizes[0]["width"], sizes[0]["height"]) == (sizes[1]["width"], sizes[1]["height"])
    transforms = "[...document.querySelectorAll('.pane .view')].map((group) => group.getAttribute('transform'))"
    page.keyboard.press("z")
    left, right = page.evaluate(transforms)
    assert left == right
    assert left.endswith("scale(2)")
    page.mouse.move(sizes[1]["x"] + 200, sizes[1]["y"] + 200)
    page.mouse.down()
    page.mouse.move(sizes[1]["x"] + 140, sizes[1]["y"] + 170)
    page.mouse.up()
    panned = page.evaluate(transforms)
    assert panned[0] == panned[1] != left
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(transforms)[0] != panned[0]
    expect(page).to_have_url(re.compile("candidates/1$"))
    page.keyboard.press("0")
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Fade")).to_have_attribute("aria-pressed", "true")
    places = [page.locator(".pane").nth(at).bounding_box() for at in (0, 1)]
    assert places[0] == places[1]
    page.get_by_role("slider").fill("25")
    assert page.evaluate("document.querySelectorAll('.pane')[1].style.opacity") == "0.25"
    page.get_by_role("button", name="Grid").click()
    assert page.evaluate("document.querySelector('.pane image').getAttribute('transform')").startswith("matrix(")
    page.get_by_role("button", name="Eyes level").click()
    assert page.evaluate("document.querySelector('.pane image').getAttribute('transform')") == ""
    expect(page.locator("#stage")).to_have_class(re.compile("grid"))
    page.keyboard.press("b")
    for opacity in ("0", "1", "0"):
        expect(page.locator(".pane").nth(1)).to_have_css("opacity", opacity)
    page.keyboard.press("s")
    assert page.evaluate("document.querySelectorAll('.pane')[1].style.opacity") == ""


def test_a_photograph_can_be_dropped_and_pasted(page: Page) -> None:
    give = """([kind, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], `${kind}.jpg`, { type: "image/jpeg" }));
        const event = kind === "drop" ? new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true })
            : new ClipboardEvent(kind, { clipboardData: data, bubbles: true, cancelable: true });
        document.getElementById("drop").dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        page.goto(f"/search?case={CASE.ref}")
        page.evaluate(give, [kind, list(PROBE.read_bytes())])
        expect(page.get_by_text(f"{kind}.jpg")).to_be_visible()
        expect(page.get_by_alt_text("The photograph chosen")).to_be_visible()
        page.get_by_role("button", name="Find the faces").click()
        expect(page.get_by_role("heading", name=re.compile("1 face found"))).to_be_visible()


def test_a_second_photograph_replaces_the_first_and_says_so(page: Page) -> None:
    drop = """(names) => {
        const data = new DataTransfer();
        for (const name of names) data.items.add(new File(["x"], name, { type: "image/jpeg" }));
        const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
        document.getElementById("drop").dispatchEvent(event);
    }"""
    chosen = "document.getElementById('photograph').files[0].name"
    page.goto(f"/search?case={CASE.ref}")
    page.evaluate(drop, ["first.jpg"])
    page.evaluate(drop, ["second.jpg"])
    expect(page.get_by_text("“second.jpg” is chosen instead of “first.jpg”.")).to_be_visible()
    page.get_by_role("button", name="Take back “first.jpg”").click()
    assert page.evaluate(chosen) == "first.jpg"
    page.evaluate(drop, ["third.jpg", "fourth.jpg"])
    expect(page.get_by_role("heading", name=re.compile("2 photographs"))).to_be_visible()
    for name in ("third.jpg", "fourth.jpg"):
        expect(page.get_by_role("row", name=re.compile(name))).to_contain_text("not searched")


def test_the_search_button_is_in_view_without_scrolling(page: Page) -> None:
    choose_photograph(page, CASE.ref, "obama.jpg")
    button = page.get_by_role("button", name=re.compile("^Search")).bounding_box()
    assert button is not None
    assert button["y"] + button["height"] <= 768


def test_on_a_phone_search_is_in_view_beside_the_photograph(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    choose_photograph(page, CASE.ref, "obama.jpg")
    expect(page.locator("#photo")).to_be_in_viewport()
    expect(page.get_by_role("button", name=re.compile("^Search"))).to_be_in_viewport(ratio=1)


def test_the_record_of_a_search_is_folded_only_on_a_phone(page: Page) -> None:
    choose_photograph(page, CASE.ref)
    search(page, investigation=True)
    reason = page.locator("dl", has_text="Reason").locator("dd").first
    expect(page.get_by_text("The record of this search")).to_be_hidden()
    expect(reason).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#candidates img").first).to_be_in_viewport()
    page.get_by_text("The record of this search").click()
    expect(reason).to_be_visible()


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(page: Page) -> None:
    page.goto(f"/search?case={CASE.ref}")
    large = FilePayload(name="large.jpg", mimeType="image/jpeg", buffer=bytes(2_000_000))
    page.get_by_label("The photograph").set_input_files(large)
    expect(page.get_by_role("alert")).to_contain_text("larger than")


def test_a_box_is_drawn_and_the_photograph_turned(page: Page) -> None:
    choose_photograph(page, CASE.ref, "obama.jpg")
    page.get_by_role("button", name="Turn right").click()
    expect(page.get_by_text("turned 90° clockwise")).to_be_visible()
    page.get_by_role("button", name="Undo the last edit").click()
    expect(page.get_by_text("turned 90° clockwise")).to_have_count(0)
    expect(page.get_by_role("heading", name="1 face found")).to_be_visible()
    page.get_by_text("Crop, or draw a box around a face").click()
    frame = page.evaluate(
        "(([box, [, , w, h]]) => { const scale = Math.min(box.width / w, box.height / h); return { width: w * scale, "
        "height: h * scale, x: box.x + (box.width - w * scale) / 2, y: box.y + (box.height - h * scale) / 2 }; })"
        "([boxes.getBoundingClientRect(), boxes.getAttribute('viewBox').split(' ')])"
    )
    page.mouse.move(frame["x"] + frame["width"] * 0.2, frame["y"] + frame["height"] * 0.05)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.8, frame["y"] + frame["height"] * 0.7, steps=4)
    page.mouse.up()
    assert float(page.get_by_label("Width").input_value()) == pytest.approx(682 * 0.6, abs=4)
    page.get_by_role("button", name="Find the face in this box").click()
    expect(page.get_by_role("heading", name="2 faces found")).to_be_visible()
    expect(page.get_by_role("radio", name="Face 2")).to_be_checked()
    page.get_by_role("radio", name="Face 2").check()
    page.get_by_text("Crop, or draw a box around a face").scroll_into_view_if_needed()
    middle = page.locator(".box[data-face='1'] .over").bounding_box()
    assert middle is not None
    page.mouse.click(middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2)
    expect(page.locator("input[name=face]:checked")).to_have_count(1)


def test_pictures_of_abuse_are_blurred_until_pointed_at(page: Page) -> None:
    choose_photograph(page, "OP/ELM 7", "ardern-2022.jpg")
    blur = "getComputedStyle(document.querySelector('.pick .picture img')).filter"
    expect(page.get_by_label("Blur pictures")).to_be_checked()
    assert "blur" in page.evaluate(blur)
    page.locator(".pick .picture").hover()
    assert page.evaluate(blur) == "none"
    page.mouse.move(0, 0)
    page.get_by_label("Blur pictures").uncheck()
    assert page.evaluate(blur) == "none"
    page.goto(case_address("OP/ELM 7"))
    expect(page.get_by_label("Blur pictures")).not_to_be_checked()


def fill_case(page: Page, ref: str, offence: str) -> None:
    page.goto("/cases/new")
    page.get_by_label("Reference").fill(ref)
    page.get_by_label("Offence").fill(offence)
    page.get_by_label("Purpose").fill("to find who it shows")
    page.get_by_label("Legal basis").fill("StGB 176")


def test_the_box_for_distressing_pictures_follows_what_is_typed_until_somebody_decides(
    page: Page, served: Served
) -> None:
    fill_case(page, "K-5 words", "sexueller Missbrauch von Kindern")
    box = page.get_by_role("checkbox", name="The pictures of this case are distressing")
    expect(box).to_be_checked()
    expect(page.locator("#blur-because")).to_have_text("Suggested by “sexueller missbrauch”. You decide.")
    page.get_by_label("Offence").fill("Betrug")
    expect(box).not_to_be_checked()
    page.get_by_label("Offence").fill("viol en réunion")
    expect(box).to_be_checked()
    box.uncheck()
    page.get_by_label("Offence").fill("viol")
    expect(page.locator("#blur-because")).to_have_text("Suggested by “viol”. You decide.")
    expect(box).not_to_be_checked()
    page.get_by_role("button", name="Open the case").click()
    expect(page.get_by_role("heading", name="K-5 words")).to_be_visible()
    expect(page.get_by_label("Blur pictures")).not_to_be_checked()
    page.get_by_text("Blur of the pictures").click()
    page.get_by_role("checkbox", name="The pictures of this case are distressing").check()
    page.get_by_role("button", name="Save for everybody").click()
    expect(page.get_by_label("Blur pictures")).to_be_checked()
    assert served.workspace.desk_at_the_machine().casework.get("K-5 words").terms.distressing is True


@pytest.mark.parametrize(
    ("ref", "offence", "ticked", "blurred"),
    [
        ("K-6 words", "viol en réunion", None, True),
        ("K-7 sharp", "viol en réunion", "Show them sharp", False),
        ("K-8 plain", "fraud", None, False),
        ("K-9 ticked", "fraud", "The pictures of this case are distressing", True),
    ],
)
def test_without_javascript_words_decide_unless_somebody_does(
    chromium: Browser, served: Served, ref: str, offence: str, ticked: str | None, blurred: bool
) -> None:
    context = chromium.new_context(java_script_enabled=False, base_url=served.url)
    page = context.new_page()
    page.goto(served.entrance)
    fill_case(page, ref, offence)
    for name in filter(None, [ticked]):
        page.get_by_role("checkbox", name=name).check()
    page.get_by_role("button", name="Open the case").click()
    expect(page.get_by_role("heading", name=ref)).to_be_visible()
    close_context(context)
    assert served.workspace.desk_at_the_machine().casework.get(ref).terms.distressing is blurred


def test_a_case_and_a_search_without_javascript(chromium: Browser, served: Served) -> None:
    context = chromium.new_context(java_script_enabled=False, base_url=served.url)
    page = context.new_page()
    page.goto(served.entrance)
    page.get_by_role("link", name="Open a case").click()
    page.get_by_label("Reference").fill("K-2 plain")
    page.get_by_label("Offence").fill("fraud")
    page.get_by_label("Purpose").fill("to find where it was published")
    page.get_by_label("Legal basis").fill("CPP 77")
    page.get_by_role("button", name="Open the case").click()
    page.get_by_role("link", name="New search").first.click()
    page.get_by_label("The photograph").set_input_files(PROBE)
    page.get_by_role("button", name="Find the faces").click()
    page.get_by_text("Crop, or draw a box around a face").click()
    for name, value in {"From left": "20", "From top": "20", "Width": "170", "Height": "200"}.items():
        page.get_by_label(name).fill(value)
    page.get_by_role("button", name="Crop to this box").click()
    expect(page.get_by_text("cropped to 170 × 200 px")).to_be_visible()
    page.get_by_role("radio", name="Face 1").check()
    search(page)
    expect(page.get_by_role("heading", name="1 candidate among 5 faces")).to_be_visible()
    page.locator(".candidate").first.click()
    expect(page.get_by_role("heading", name="Candidate 1 of 1")).to_be_visible()
    expect(page.get_by_role("toolbar")).to_be_hidden()
    with context.expect_page() as opened:
        page.get_by_role("button", name="Open the original").click()
    opened.value.wait_for_load_state()
    page.get_by_role("link", name="Help", exact=True).click()
    expect(page.get_by_role("heading", name="Keyboard").first).to_be_visible()
    page.goto("/ledger")
    page.get_by_role("button", name="Check the ledger").click()
    expect(page.get_by_role("status")).to_contain_text("sound")
    close_context(context)


@pytest.fixture(scope="module")
def addresses(chromium: Browser, served: Served) -> list[str]:
    """The addresses of every kind of page."""
    context = chromium.new_context(base_url=served.url)
    page = context.new_page()
    page.goto(served.entrance)
    choose_photograph(page, CASE.ref)
    probe = page.url
    search(page, investigation=True)
    result = page.url
    choose_photograph(page, CASE.ref, "sunak.jpg")
    close_context(context)
    case = served.url + case_address(CASE.ref)
    parts = [f"{case}/{part}" for part in ("people", "room", "timeline", "authorisation")]
    plain = [
        "/",
        "/cases",
        "/cases/new",
        "/search",
        "/sources",
        "/sources/portraits",
        "/register-source",
        "/ledger",
        "/help",
        "/nothing",
    ]
    return [*(served.url + path for path in plain), case, *parts, probe, result, f"{result}/candidates/1"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_every_page_is_accessible(
    chromium: Browser, served: Served, addresses: list[str], scheme: Literal["light", "dark"], width: int
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 768},
        color_scheme=scheme,
    )
    page = context.new_page()
    page.goto(served.entrance)
    faults = []
    for address in addresses:
        page.goto(address)
        faults += [f"{address} {fault}" for fault in violations(page, scheme=scheme)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append(f"{address} is wider than the screen")
    close_context(context)
    assert faults == []


def test_no_page_shifts_its_layout(chromium: Browser, served: Served, addresses: list[str]) -> None:
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    context.add_init_script(
        "window.shifts = 0; new PerformanceObserver((list) => { for (const entry of list.getEntries()) "
        "window.shifts += entry.value; }).observe({ type: 'layout-shift', buffered: true });"
    )
    page = context.new_page()
    page.goto(served.entrance)
    for address in addresses:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.shifts") == 0, address
    close_context(context)
