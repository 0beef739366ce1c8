"""People at their browsers: each has a context of their own, an authenticator, and a console that must stay silent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

import pyotp
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect
from tests.support.clock import Clock
from tests.support.world import PASSWORD

ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
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


class Quiet:
    """Keeps what a console says: a script's error, or a breach of the policy, but for refusals that were asked for."""

    def __init__(self, context: BrowserContext) -> None:
        self.said: list[str] = []
        self.refused: set[str] = set()  # addresses that are not there, or not for this person
        context.on("console", self._console)
        context.on("weberror", lambda error: self.said.append(str(error.error)))

    def _console(self, message: ConsoleMessage) -> None:
        url = message.location["url"]
        if url not in self.refused or not re.search(r"responded with a status of 4\d\d", message.text):
            self.said.append(f"{message.type}: {message.text} ({url})")


@dataclass(slots=True)
class Actor:
    """Somebody, and the one tab they have open."""

    name: str
    email: str
    page: Page
    quiet: Quiet
    origin: str
    clock: Clock
    secret: str = field(default="", repr=False)  # of the app that shows codes

    # ------------------------------------------------------------ what is seen and pressed

    def go(self, path: str) -> None:
        self.page.goto(path)

    def press(self, name: str | re.Pattern[str], within: Locator | None = None) -> None:
        (within or self.page).get_by_role("button", name=name, exact=isinstance(name, str)).click()

    def follow(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("link", name=name, exact=isinstance(name, str)).first.click()

    def fill(self, labels: dict[str, str]) -> None:
        """Fields by their labels."""
        for label, value in labels.items():
            self.page.get_by_label(label).fill(value)

    def section(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def sees(self, *words: str | re.Pattern[str]) -> None:
        for one in words:
            expect(self.page.locator("main")).to_contain_text(one)

    def heading(self, words: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_role("heading", name=words).first).to_be_visible()

    def never_sees(self, *words: str) -> None:
        """Not in the whole page, shown or not."""
        content = self.page.content()
        assert [word for word in words if word in content] == []

    def refused(self, path: str, status: int = 404) -> None:
        """The page is not given; the answer says nothing of what was there."""
        self.quiet.refused.add(path if "://" in path else self.origin + path)
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == status, path

    @property
    def path(self) -> str:
        """Where the tab is."""
        return "/" + self.page.url.split("/", 3)[3]

    # ------------------------------------------------------------ the door

    def code(self) -> str:
        return pyotp.TOTP(self.secret).at(self.clock.at)

    def shows_password(self) -> None:
        """The first half of signing in."""
        self.go("/sign-in")
        self.fill({"E-mail address": self.email, "Password": PASSWORD})
        self.press("Sign in")
        self.heading("Your second factor")

    def signs_in(self) -> None:
        """With the password, and then a passkey, or a code where there is an app."""
        self.shows_password()
        if self.secret:
            self.page.get_by_label("Code from your app").fill(self.code())
            self.press("Continue")
        else:
            self.press("Use a passkey")
        self.page.wait_for_url("**/")

    def half_joins(self, link: str, agency: str) -> None:
        """By the link of an invitation, up to the second factor."""
        self.go(link)
        self.heading(f"Join {agency}")
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_label("Password again").fill(PASSWORD)
        self.press("Join")
        self.heading("Add a second factor")

    def joins(self, link: str, agency: str) -> None:
        """Joins with a passkey; recovery codes are left for later."""
        self.half_joins(link, agency)
        self.follow("Add a passkey")
        self.page.get_by_label("Its name").fill("office laptop")
        self.press("Make the passkey")
        self.heading("Recovery codes")

    def invited(self, name: str, email: str, role: str) -> str:
        """The link for somebody of one's own agency, as an administrator gets it."""
        self.go("/people")
        return self.invitation(name, email, role)

    def invitation(self, name: str, email: str, *roles: str, within: Locator | None = None) -> str:
        """Fill in the form that invites; the link that is shown once."""
        place = within or self.page.locator("main")
        place.get_by_label("Name", exact=True).fill(name)
        place.get_by_label("E-mail address").fill(email)
        for role in roles:
            place.get_by_role("checkbox", name=re.compile(f"^{role}", re.IGNORECASE)).check()
        self.press("Invite", place)
        self.heading("Hand over this link")
        return self.page.get_by_label("Link", exact=True).input_value()


@dataclass(slots=True)
class Troupe:
    """Everybody who has a browser open."""

    browser: Browser
    url: str
    clock: Clock
    width: int = WIDTH
    height: int = HEIGHT
    on: dict[str, Actor] = field(default_factory=dict)

    def enters(self, name: str, email: str = "", secret: str = "") -> Actor:
        """Somebody new, with an authenticator in the browser."""
        context = self.browser.new_context(base_url=self.url, viewport={"width": self.width, "height": self.height})
        quiet = Quiet(context)
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        made = Actor(name=name, email=email, page=page, quiet=quiet, origin=self.url, clock=self.clock, secret=secret)
        self.on[name] = made
        return made

    @property
    def said(self) -> list[str]:
        """What any console said."""
        return [f"{one.name}: {said}" for one in self.on.values() for said in one.quiet.said]


def local(at: datetime) -> str:
    """A moment as a form takes it, in the zone of this machine."""
    return at.astimezone().strftime("%Y-%m-%dT%H:%M")
