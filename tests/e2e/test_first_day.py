"""The first day of an agency, without a terminal after `lineament serve`: by mouse, and by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, expect
from pypdf import PdfReader
from tests.conftest import Ran
from tests.support.browsers import NEEDS_CHROMIUM, Actor, Browsers, open_chromium
from tests.support.clock import Clock
from tests.support.keyboard import KeyboardActor
from tests.support.processes import vary_portraits
from tests.support.proxied import free_port
from tests.support.serve_command import serve_command
from tests.support.world import PROBE

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]
HERE = "This agency"
CASE = "2026-0412"
SOURCE = "press"
PHOTOGRAPH = FilePayload(name="counter.jpg", mimeType="image/jpeg", buffer=PROBE.read_bytes())
CONTRACT = FilePayload(name="contract.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7 the contract")
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
        self._result = ""

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

    def register_source(self) -> None:
        """One operator drafts a source, another approves it with the document; then pictures can be taken in."""
        olga, otto = self._people.actors["Olga Oak"], self._people.actors["Otto Osier"]
        olga.go("/sources")
        olga.expect_text("No source is registered")
        olga.follow("Register a source")
        olga.fill({"Name": SOURCE, "Controller": "Press agency of Ys", "Legal basis": "contract 2026-17; LED Art. 8"})
        olga.fill({"Jurisdiction": "fr", "Last day": f"{self._today + timedelta(days=365)}"})
        olga.unfold("More:")
        olga.fill({"Licence of its pictures": "editorial use"})
        olga.press("Draft the source")
        olga.expect_heading(SOURCE)
        olga.expect_text("A draft.", "somebody else has to approve it")
        otto.go("/")
        otto.follow(re.compile(f"^Look at it.*{SOURCE}$"))
        otto.expect_text("Press agency of Ys", "editorial use")
        otto.choose_files("The document that permits it", [CONTRACT])
        otto.press(f"Approve {SOURCE}")
        otto.expect_text(CONTRACT["name"], "Drop its pictures here")

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
        sven.follow("Authorisation")
        hour_ago = (datetime.now(UTC) - timedelta(hours=1)).astimezone()
        sven.fill({"Court or other authority": "Court of Ys", "What it allows": "One search with the photograph."})
        sven.fill({"Decided at": f"{hour_ago:%Y-%m-%d %H:%M}"})
        sven.fill({"Last day, if it ends": f"{self._today + timedelta(days=60)}"})
        sven.choose_files("The document", [ORDER])
        sven.press("Record the authorisation")
        sven.expect_text("granted", "May be searched until")

    def take_pictures_in(self, folder: Path, count: int) -> None:
        otto = self._people.actors["Otto Osier"]
        otto.go(f"/sources/{SOURCE}")
        otto.follow("Take pictures in")
        otto.bring_folder(folder)
        result = otto.section("Result")
        expect(result).to_contain_text(f"{count} pictures seen, {count} new faces taken in", timeout=600_000)

    def search(self, faces: int) -> None:
        eva = self._people.actors["Eva Elm"]
        eva.go("/")
        eva.follow(re.compile(CASE))
        eva.follow("New search")
        eva.expect_text("May be searched until")
        eva.choose_files("The photograph", [PHOTOGRAPH])
        eva.tick("CCTV")
        eva.press("Find the faces")
        eva.expect_heading("1 face found")
        eva.fill({"Why is this face searched?": "To find where this man was published."})
        eva.press("Search 1 source")
        eva.expect_heading(f"among {faces} faces")
        self._result = eva.path
        eva.follow("Begin the review")
        eva.page.wait_for_url("**/candidates/**")
        while "/candidates/" in eva.path:
            decided = eva.path
            eva.press("different")
            eva.press("Commit the decision")
            eva.page.wait_for_url(lambda url, decided=decided: decided not in url)  # type: ignore[misc]

    def save_the_report(self) -> None:
        eva = self._people.actors["Eva Elm"]
        eva.go(self._result)
        eva.follow("Report")
        with eva.page.expect_download() as saved:
            eva.press("Save the PDF")
        assert "To find where this man was published." in PdfReader(saved.value.path()).pages[0].extract_text()

    def stop(self) -> None:
        eva, sven = self._people.actors["Eva Elm"], self._people.actors["Sven Spruce"]
        sven.follow("Stop")
        sven.fill({"Reason": "The procedure is being reviewed."}, sven.section("Your agency"))
        sven.press("Stop searching by your agency")
        sven.expect_text("Stopped", "The procedure is being reviewed.")
        eva.go("/")
        expect(eva.page.get_by_text("The procedure is being reviewed.").first).to_be_visible()
        eva.go("/search")
        eva.expect_text("No search can run now, so nothing is uploaded")


@pytest.mark.parametrize(("kind", "pictures"), [(Actor, 500), (KeyboardActor, 60)], ids=["mouse", "keyboard"])
def test_the_first_day_of_an_agency(
    tmp_path: Path, lineament: Callable[..., Ran], kind: type[Actor], pictures: int
) -> None:
    assert lineament("init").code == 0
    with serve_command(tmp_path / "ws", free_port(), {}) as entrance, open_chromium() as browser:
        day = FirstDay(browser, entrance, kind)
        day.invite_everybody()
        day.register_source()
        day.open_case()
        day.take_pictures_in(vary_portraits(tmp_path / "press", pictures, width=200), pictures)
        day.search(pictures)
        day.save_the_report()
        day.stop()
        assert day.messages == []
