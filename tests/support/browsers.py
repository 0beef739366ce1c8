"""People at their browsers: each has their own context and authenticator, and a console that must stay silent."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    FilePayload,
    Locator,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)
from tests.support.clock import Clock
from tests.support.serving import Served
from tests.support.world import PASSWORD

ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--in-process-gpu",
    "--renderer-process-limit=1",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
WIDTH, HEIGHT = 1280, 800
LAPTOP = ViewportSize(width=1366, height=768)
PHONE = ViewportSize(width=390, height=844)
CHROMIUM = shutil.which("chromium")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (make test installs it)")


def start_chromium(
    playwright: Playwright, arguments: Sequence[str], *, program: str | Path | None = CHROMIUM
) -> Browser:
    """Start Chromium; once more if it crashes on its way up, as Debian's did once in CI."""
    try:
        return playwright.chromium.launch(executable_path=program, args=arguments)
    except Error as error:
        if "signal=SIGSEGV" not in str(error):
            raise
    return playwright.chromium.launch(executable_path=program, args=arguments)


@contextmanager
def open_chromium(*arguments: str) -> Iterator[Browser]:
    """Start Chromium without a window, and close it at the end of the block."""
    with sync_playwright() as playwright:
        browser = start_chromium(playwright, [*ARGUMENTS, *arguments])
        yield browser
        browser.close()


def close_context(context: BrowserContext) -> None:
    """Close a browser's context, and each of its pages before.

    Chromium waits forever for a page that goes on to another address in the moment in which it is told to close, so
    that a page is told again; it may have closed meanwhile, which is an error of the second telling.
    """
    assert context.browser is not None
    devtools = context.browser.new_browser_cdp_session()
    for page in context.pages:
        target = context.new_cdp_session(page).send("Target.getTargetInfo")["targetInfo"]["targetId"]
        while not page.is_closed():
            with suppress(Error), page.expect_event("close", timeout=500):
                devtools.send("Target.closeTarget", {"targetId": target})
    devtools.detach()
    context.close()


def add_authenticator(page: Page) -> None:
    """Give a tab an authenticator, whose owner is always present and verified."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


def drag_onto(target: Locator, *paths: Path) -> None:
    """Drag files or folders of this machine onto a part of a page, as from its desktop."""
    box = target.bounding_box()
    assert box is not None
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    at = {"x": box["x"] + 40, "y": box["y"] + 40, "data": data}
    devtools = target.page.context.new_cdp_session(target.page)
    for step in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": step, **at})


class ConsoleLog:
    """The messages of a console: errors of scripts and breaches of the policy, except for expected refusals."""

    def __init__(self, context: BrowserContext) -> None:
        self.messages: list[str] = []
        self.refused: set[str] = set()  # addresses that this person may not open
        context.on("console", self._console)
        context.on("weberror", lambda error: self.messages.append(str(error.error)))

    def _console(self, message: ConsoleMessage) -> None:
        url = message.location["url"]
        if message.type == "info":  # Chromium says what Clear-Site-Data deleted
            return
        if url not in self.refused or not re.search(r"responded with a status of 4\d\d", message.text):
            self.messages.append(f"{message.type}: {message.text} ({url})")


@contextmanager
def silent_page(
    chromium: Browser,
    served: Served,
    path: str = "",
    *,
    size: ViewportSize = LAPTOP,
    touch: bool = False,
    unless: Callable[[str], bool] = lambda _: False,
) -> Iterator[Page]:
    """Open a page as whoever is at the machine; its console must say nothing ``unless`` that is expected."""
    context = chromium.new_context(viewport=size, base_url=served.url, has_touch=touch, is_mobile=touch)
    console = ConsoleLog(context)
    page = context.new_page()
    page.goto(served.entrance)
    if path:
        page.goto(path)
    yield page
    close_context(context)
    assert [text for text in console.messages if not unless(text)] == []


@dataclass(slots=True)
class Actor:
    """Somebody with one tab open."""

    name: str
    email: str
    page: Page
    console: ConsoleLog
    origin: str
    clock: Clock
    secret: str = field(default="", repr=False)  # of the app that shows codes

    # ------------------------------------------------------------ the page

    def go(self, path: str) -> None:
        self.page.goto(path)

    def press(self, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=name, exact=isinstance(name, str)).click()

    def follow(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("link", name=name, exact=isinstance(name, str)).first.click()

    def fill(self, labels: dict[str, str], within: Locator | None = None) -> None:
        """Fill in fields by their labels."""
        for label, value in labels.items():
            (within or self.page).get_by_label(label, exact=True).fill(value)

    def tick(self, label: str | re.Pattern[str], within: Locator | None = None) -> None:
        """Tick a box, or choose a radio button."""
        (within or self.page).get_by_label(label, exact=isinstance(label, str)).check()

    def unfold(self, words: str | re.Pattern[str], within: Locator | None = None) -> None:
        """Unfold what is folded below some words."""
        (within or self.page).locator("summary", has_text=words).click()

    def choose_files(self, label: str, files: list[FilePayload] | str) -> None:
        """Choose files for a field."""
        self.page.get_by_label(label, exact=True).set_input_files(files)

    def bring_folder(self, folder: Path) -> None:
        """Take a folder in on the page for it, dragged from the desktop."""
        drag_onto(self.section("Drop pictures here"), folder)

    def section(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def expect_text(self, *words: str | re.Pattern[str]) -> None:
        for word in words:
            expect(self.page.locator("main")).to_contain_text(word)

    def expect_heading(self, words: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_role("heading", name=words).first).to_be_visible()

    def expect_no_text(self, *words: str) -> None:
        """Check that words are not in the page, visible or not."""
        content = self.page.content()
        assert [word for word in words if word in content] == []

    def expect_refused(self, path: str, status: int = 404) -> None:
        """Check that a page is refused."""
        self.console.refused.add(path if "://" in path else self.origin + path)
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == status, path

    @property
    def path(self) -> str:
        """The path of the page."""
        return "/" + self.page.url.split("/", 3)[3]

    # ------------------------------------------------------------ signing in

    def code(self) -> str:
        return pyotp.TOTP(self.secret).at(self.clock.at)

    def enter_password(self) -> None:
        """Sign in up to the second factor."""
        self.go("/sign-in")
        self.fill({"E-mail address": self.email, "Password": PASSWORD})
        self.press("Sign in")
        self.expect_heading("Your second factor")

    def sign_in(self) -> None:
        """Sign in with the password, and a code if there is an app, otherwise a passkey."""
        self.enter_password()
        if self.secret:
            self.page.get_by_label("Code from your app").fill(self.code())
            self.press("Continue")
        else:
            self.press("Use a passkey")
        self.page.wait_for_url("**/")

    def begin_joining(self, link: str, agency: str) -> None:
        """Follow the link of an invitation, up to the second factor."""
        self.go(link)
        self.expect_heading(f"Join {agency}")
        self.fill({"Password": PASSWORD, "Password again": PASSWORD})
        self.press("Join")
        self.expect_heading("Add a second factor")

    def join_by(self, link: str, agency: str) -> None:
        """Follow the link of an invitation and add a passkey, without recovery codes."""
        self.begin_joining(link, agency)
        self.follow("Add a passkey")
        self.fill({"Name of the passkey": "office laptop"})
        self.press("Make the passkey")
        self.expect_heading("Recovery codes")

    def invite(self, name: str, email: str, role: str) -> str:
        """Invite somebody as an administrator; return the link."""
        self.go("/people")
        return self.fill_invitation(name, email, role)

    def fill_invitation(self, name: str, email: str, *roles: str, within: Locator | None = None) -> str:
        """Fill in the form that invites; return the link, which is shown once."""
        place = within or self.page.locator("main")
        place.get_by_label("Name", exact=True).fill(name)
        place.get_by_label("E-mail address").fill(email)
        for role in roles:
            place.get_by_role("checkbox", name=re.compile(f"^{role}", re.IGNORECASE)).check()
        self.press("Invite", place)
        self.expect_heading("Hand over this link")
        return self.page.get_by_label("Link", exact=True).input_value()


@dataclass(slots=True)
class Browsers:
    """The browsers of everybody."""

    browser: Browser
    url: str
    clock: Clock
    width: int = WIDTH
    height: int = HEIGHT
    kind: type[Actor] = Actor
    actors: dict[str, Actor] = field(default_factory=dict)

    def add(self, name: str, email: str = "", secret: str = "") -> Actor:
        """Open a browser with an authenticator for somebody."""
        context = self.browser.new_context(base_url=self.url, viewport={"width": self.width, "height": self.height})
        console = ConsoleLog(context)
        page = context.new_page()
        add_authenticator(page)
        page.on("filechooser", lambda _: None)  # from the beginning: asked for later, it may come after the key
        actor = self.kind(
            name=name, email=email, page=page, console=console, origin=self.url, clock=self.clock, secret=secret
        )
        self.actors[name] = actor
        return actor

    @property
    def messages(self) -> list[str]:
        """The messages of every console."""
        return [f"{actor.name}: {text}" for actor in self.actors.values() for text in actor.console.messages]


def local(at: datetime) -> str:
    """Return a time as a form takes it, in the zone of this machine."""
    return at.astimezone().strftime("%Y-%m-%dT%H:%M")
