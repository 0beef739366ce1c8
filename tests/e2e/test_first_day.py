"""The first day of an agency, without a terminal after `lineament serve`: by mouse, and by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload
from tests.conftest import Ran
from tests.support.browsers import NEEDS_CHROMIUM, Actor, Browsers, open_chromium
from tests.support.clock import Clock
from tests.support.keyboard import KeyboardActor
from tests.support.proxied import free_port
from tests.support.serve_command import serve_command

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
HERE = "This agency"
CASE = "2026-0412"
ORDER = FilePayload(name="order.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7 the order")


def _email(name: str) -> str:
    return f"{name.split(maxsplit=1)[0].lower()}@agency.example"


class FirstDay:
    """The people of an agency, each at a browser of their own."""

    def __init__(self, browser: Browser, entrance: str, kind: type[Actor]) -> None:
        self._entrance = entrance.replace("127.0.0.1", "localhost")  # passkeys want a name
        origin = self._entrance.partition("/?")[0]
        self._people = Browsers(browser, origin, Clock(datetime.now(UTC)), width=1366, height=768, kind=kind)
        self._today = datetime.now(UTC).date()

    @property
    def messages(self) -> list[str]:
        return self._people.messages

    def invite_everybody(self) -> None:
        """Whoever is at the machine invites the first; these invite the others."""
        machine = self._people.add("machine")
        machine.go(self._entrance)
        links = [self._invite(machine, "Olga Oak", "Administrator", "Operator")]
        links.append(self._invite(machine, "Otto Osier", "Operator"))
        olga, _ = (self._join(name, link) for name, link in zip(("Olga Oak", "Otto Osier"), links, strict=True))
        for name, role in (("Eva Elm", "Examiner"), ("Sven Spruce", "Supervisor")):
            self._join(name, self._invite(olga, name, role))
            olga.go("/people")
            olga.follow(name)
            olga.fill({"Last day on which it counts": f"{self._today + timedelta(days=90)}"})
            olga.press("Save the training")
            olga.expect_text("passkey", f"until {self._today + timedelta(days=90)}")

    def _invite(self, inviting: Actor, name: str, *roles: str) -> str:
        inviting.go("/people")
        inviting.fill({"Name": name, "E-mail address": _email(name)})
        for role in roles:
            inviting.tick(re.compile(rf"^\s*{role}", re.IGNORECASE))
        inviting.press("Invite")
        inviting.expect_heading("Hand over this link")
        return inviting.page.get_by_label("Link", exact=True).input_value()

    def _join(self, name: str, link: str) -> Actor:
        joined = self._people.add(name, _email(name))
        joined.join_by(link, HERE)
        return joined

    def open_case(self) -> None:
        eva, sven = self._people.actors["Eva Elm"], self._people.actors["Sven Spruce"]
        eva.go("/")
        eva.follow("Open a case")
        eva.fill({"Reference": CASE, "Offence": "robbery", "Purpose": "find out who it is", "Legal basis": "Art. 77-1"})
        eva.tick("A suspect or a convicted person")
        eva.press("Open the case")
        eva.expect_text("awaiting authorisation")
        sven.go("/")
        sven.follow(re.compile(CASE))


@pytest.mark.parametrize("kind", [Actor, KeyboardActor], ids=["mouse", "keyboard"])
def test_the_first_day_of_an_agency(tmp_path: Path, lineament: Callable[..., Ran], kind: type[Actor]) -> None:
    assert lineament("init").code == 0
    with serve_command(tmp_path / "ws", free_port(), {}) as entrance, open_chromium() as browser:
        day = FirstDay(browser, entrance, kind)
        day.invite_everybody()
        day.open_case()
        assert day.messages == []
