"""The story of an agency by clicks alone: vetted, licensed on trial, at work on a case, stopped, refused.

Two agencies work in one workspace, and each has names that no page of the other may show. Afterwards the tests of looks
and the screenshots open the pages of the story (looks.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, FilePayload, expect
from tests.conftest import PORTRAITS
from tests.support.browsers import Actor, Browsers, local
from tests.support.clock import TICK, Clock
from tests.support.serving import serving
from tests.support.world import PROBE, Person, World, gallery

from lineament.model.accounts import Role
from lineament.workspace import Workspace

YS, LYONESSE = "Police of Ys", "Harbour Police of Lyonesse"
CASE, MISSING = "2026-0412", "2026-0398"
REASON = "Is the man at the counter someone who was published?"
MESSAGE, NOTE = "The ferry left at nine; our cameras show him on deck.", "Ask Lyonesse for the passenger list."


@dataclass(slots=True)
class Story:
    """The workspace, the browsers, and the addresses of pages by name."""

    workspace: Workspace
    clock: Clock
    browsers: Browsers
    operator_person: Person
    at: dict[str, str] = field(default_factory=dict)  # addresses by name
    begun: bool = False
    done: bool = False

    def actor(self, name: str) -> Actor:
        return self.browsers.actors[name]

    def run(self) -> None:
        """Run the whole story, once."""
        if self.done:
            return
        assert not self.begun, "the story failed before"
        self.begun = True
        self.admit_agency()
        self.add_people()
        self.refuse_case_without_authorisation()
        self.search_authorised_case()
        self.invite_another_agency()
        self.stop_and_resume()
        self.open_another_case()
        self.add_waiting_cases()
        self.refuse_authorisation()
        self.read_ledger()
        self.done = True

    # ------------------------------------------------------------ the agency

    def admit_agency(self) -> None:
        person = self.operator_person
        operator = self.browsers.add("Olga Operator", person.account.email, person.secret)
        self.clock.at += timedelta(minutes=1)  # to a code that was not used
        operator.sign_in()
        operator.expect_text("cannot read cases")
        link = self._agency_with_licence(YS, "FR", "Anna Almond", "anna@ys.example")

        anna = self.browsers.add("Anna Almond", "anna@ys.example")
        anna.join_by(link, YS)
        anna.press("Make recovery codes")
        expect(anna.page.locator(".codes li")).to_have_count(10)
        code = anna.page.locator(".codes li").first.inner_text()
        anna.go("/account/recovery")
        anna.expect_text("You have 10 left")
        anna.expect_no_text(code)
        anna.go("/account/app")
        secret = anna.page.locator(".secret code").inner_text().replace(" ", "")
        anna.secret = secret
        anna.page.get_by_label("Code", exact=True).fill(anna.code())
        anna.press("Add the app")
        anna.expect_heading("My account")
        anna.expect_text("office laptop", "app with codes", "10 of 10 left")
        anna.expect_refused(link, 403)

    def _agency_with_licence(self, name: str, country: str, administrator: str, email: str) -> str:
        """Register, vet and license an agency; return the link for its administrator."""
        operator, today = self.actor("Olga Operator"), self.clock.at.date()
        operator.follow("Agencies")
        operator.follow("Register an agency")
        operator.fill({"Name": name, "Jurisdiction": country})
        operator.press("Register the agency")
        operator.expect_text(
            "to be vetted", "It can be licensed once its vetting has admitted it.", "Possible once it is vetted"
        )
        vetting = operator.section("Vetting")
        vetting.get_by_label("Admitted").check()
        vetting.get_by_label("Legal restrictions").fill("No search for misdemeanours; a judge decides on suspects.")
        vetting.get_by_label("Human-rights record").fill("Nothing known against it in the reports of five years.")
        operator.press("Record the vetting")
        operator.expect_text("to be licensed")
        licence = operator.section("Licence")
        licence.get_by_label("Trial").check()
        licence.get_by_label("Last day").fill((today + timedelta(days=30)).isoformat())
        licence.get_by_label("Seats").fill("8")
        licence.get_by_label("Searches a month").fill("100")
        licence.get_by_label("Reference").fill(f"TRIAL/{country}/26")
        operator.press("Give the licence")
        operator.expect_text("ends soon", "TRIAL/", "100 a month")
        self.at.setdefault("agency", operator.path)
        return operator.fill_invitation(administrator, email, within=operator.section("Invite its administrator"))

    def add_people(self) -> None:
        anna = self.actor("Anna Almond")
        team = (
            ("Eva Elm", "Examiner"),
            ("Rita Rowan", "Reviewer"),
            ("Sven Spruce", "Supervisor"),
            ("Adam Ash", "Auditor"),
        )
        for name, role in team:
            self._add_person(anna, YS, name, "ys.example", role)
        anna.go("/people")
        anna.follow("Eva Elm")
        self.at["person"] = anna.path
        self.at["late"] = anna.invite("Laura Larch", "laura@ys.example", "Examiner")

    def _add_person(self, administrator: Actor, agency: str, name: str, domain: str, role: str) -> Actor:
        """Invite somebody, who joins with a passkey and is trained until next year."""
        email = f"{name.split(maxsplit=1)[0].lower()}@{domain}"
        link = administrator.invite(name, email, role)
        actor = self.browsers.add(name, email)
        actor.join_by(link, agency)
        administrator.go("/people")
        administrator.follow(name)
        trained = (self.clock.at.date() + timedelta(days=400)).isoformat()
        administrator.page.get_by_label("Last day on which it counts").fill(trained)
        administrator.press("Save the training")
        administrator.expect_text(f"until {trained}", "passkey")
        return actor

    # ------------------------------------------------------------ the case

    def refuse_case_without_authorisation(self) -> None:
        eva, sven = self.actor("Eva Elm"), self.actor("Sven Spruce")
        eva.go("/")
        eva.expect_text("No open case")
        self.at["case"] = self._open_case(eva, CASE, "Robbery of a bank", "A suspect or a convicted person")
        eva.expect_text("awaiting authorisation", "No search before an authorisation is recorded")
        eva.go(self._new_search(self.at["case"]))
        eva.expect_text("No search can run now, so nothing is uploaded", "no authorisation yet")
        expect(eva.page.get_by_label("The photograph")).to_be_disabled()
        eva.follow("Authorisation of the case")
        eva.expect_text("No decision of an authority is recorded")
        assert eva.page.get_by_role("button", name="Record the authorisation").count() == 0

        sven.go("/cases")
        sven.expect_text("awaiting authorisation")
        sven.follow(re.compile(CASE))
        sven.follow("Authorisation")
        granting = sven.page.locator("form", has=sven.page.get_by_role("button", name="Record the authorisation"))
        granting.get_by_label("Court or other authority").fill("Court of Ys, Judge Gradlon")
        granting.get_by_label("What it allows").fill("One search with the photograph of the counter.")
        granting.get_by_label("Decided at").fill(local(self.clock.at - timedelta(hours=1)))
        granting.get_by_label("Last day, if it ends").fill((self.clock.at.date() + timedelta(days=60)).isoformat())
        order = FilePayload(name="order-26-117.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7 the order")
        granting.get_by_label("The document").set_input_files(order)
        sven.press("Record the authorisation")
        sven.expect_text("granted", "Judge Gradlon", "order-26-117.pdf", "May be searched until")

    def _open_case(self, examiner: Actor, ref: str, offence: str, seeks: str) -> str:
        examiner.go("/")
        examiner.follow("Open a case")
        terms = {"Reference": ref, "Offence": offence, "Purpose": "Find out who it is", "Legal basis": "Art. 77-1 CPP"}
        examiner.fill(terms)
        examiner.page.get_by_label(seeks, exact=True).check()
        examiner.press("Open the case")
        examiner.expect_heading(ref)
        return examiner.path

    @staticmethod
    def _new_search(case: str) -> str:
        """Return the address of a new search in the case at an address."""
        return f"/search?case={case.rpartition('/')[2]}"

    def _send_photograph(self, examiner: Actor, case: str, kind: str) -> str:
        """Put a photograph into a case that cannot be searched now, past the page that does not take it."""
        examiner.go(self._new_search(case))
        form: dict[str, Any] = {
            "csrf": examiner.page.locator("input[name=csrf]").first.input_value(),
            "case": case.rpartition("/")[2],
            "kind": kind,
            "photograph": FilePayload(name=PROBE.name, mimeType="image/jpeg", buffer=PROBE.read_bytes()),
        }
        answer = examiner.page.request.post("/search", multipart=form)
        assert answer.ok
        return urlsplit(answer.url).path

    def _take_photograph(self, examiner: Actor, kind: str) -> str:
        """Put a photograph into the case whose page is open."""
        examiner.follow("New search")
        examiner.page.get_by_label("The photograph").set_input_files(PROBE)
        examiner.page.get_by_label(kind, exact=True).check()
        examiner.press("Find the faces")
        examiner.expect_heading("1 face found")
        return examiner.path

    def search_authorised_case(self) -> None:
        eva = self.actor("Eva Elm")
        eva.go(self.at["case"])
        self.at["probe"] = self._take_photograph(eva, "CCTV")
        self.clock.at += timedelta(minutes=16)
        eva.go(self.at["probe"])
        eva.expect_text("second factor was not shown within the last 15 minutes")
        expect(eva.page.locator("#go")).to_be_disabled()
        self.at["step-up"] = f"/step-up?next={self.at['probe']}"
        eva.follow("Show it now")
        eva.expect_heading("Show your second factor again")
        eva.press("Use a passkey")
        eva.expect_heading("1 face found")
        self.at["search"] = self._search(eva)
        expect(eva.page.locator("#candidates > li")).to_have_count(4)  # two pictures of one face share an entry
        eva.expect_no_text("Emmanuel Macron", "rank 1")
        eva.follow("Begin the review")
        eva.expect_heading("Candidate 1 of 4, in your order")
        self.at["candidate"] = eva.path

    def _search(self, examiner: Actor) -> str:
        examiner.page.get_by_label("Why is this face searched?").fill(REASON)
        examiner.page.get_by_label("Investigation").check()
        examiner.press("Search 1 source")
        examiner.expect_heading("4 candidates among 5 faces")
        return examiner.path

    # ------------------------------------------------------------ together

    def invite_another_agency(self) -> None:
        sven = self.actor("Sven Spruce")
        link = self._agency_with_licence(LYONESSE, "BE", "Bart Birch", "bart@lyonesse.example")
        bart = self.browsers.add("Bart Birch", "bart@lyonesse.example")
        bart.join_by(link, LYONESSE)
        gerda = self._add_person(bart, LYONESSE, "Gerda Gorse", "lyonesse.example", "Examiner")
        gerda.go("/cases")
        gerda.expect_text("No case yet")

        sven.go(f"{self.at['case']}/people")
        inviting = sven.page.locator("form", has=sven.page.get_by_role("button", name="Invite to the case"))
        inviting.get_by_label("E-mail address").fill(gerda.email)
        inviting.get_by_label("Last day").fill((self.clock.at.date() + timedelta(days=20)).isoformat())
        sven.press("Invite to the case")
        sven.expect_text("Invited, not joined yet", gerda.email)
        sven.expect_no_text("Gerda", LYONESSE)

        gerda.go("/")
        gerda.expect_text("You are invited to", CASE, YS, "Sven Spruce")
        gerda.press(re.compile("Accept"))
        gerda.expect_heading(CASE)
        gerda.follow("Room")
        gerda.page.get_by_label("Message", exact=True).fill(MESSAGE)
        gerda.press("Post")
        gerda.expect_text(MESSAGE, "order-26-117.pdf")

        eva = self.actor("Eva Elm")
        eva.go(f"{self.at['case']}/room")
        eva.expect_text(MESSAGE, "Gerda Gorse", LYONESSE)
        eva.page.get_by_label("Message", exact=True).fill(NOTE)
        eva.page.get_by_label("Only my agency, as a note").check()
        eva.press("Post")
        eva.expect_text(NOTE)
        self.check_separation()

    def check_separation(self) -> None:
        """Check that the agencies only see the case and its room of each other."""
        gerda, bart = self.actor("Gerda Gorse"), self.actor("Bart Birch")
        gerda.go(f"{self.at['case']}/room")
        gerda.expect_no_text(NOTE, "Anna Almond", "ys.example")
        for path in ("/", "/cases", "/sources", "/account", "/stop", "/help"):
            gerda.go(path)
            gerda.expect_no_text("Anna Almond", "Adam Ash", "Rita Rowan", "ys.example", NOTE)
        for path in ("/", "/people", "/usage", "/policy", "/account", "/stop"):
            bart.go(path)
            bart.expect_no_text(YS, "Anna Almond", "Eva Elm", "Sven Spruce", "ys.example", CASE)
            self.actor("Anna Almond").go(path)
            self.actor("Anna Almond").expect_no_text(LYONESSE, "Bart Birch", "Gerda Gorse", "lyonesse.example", CASE)
        gerda.expect_refused(self.at["person"], 403)
        bart.expect_refused(self.at["person"])
        bart.expect_refused(self.at["case"], 403)

    def stop_and_resume(self) -> None:
        sven, eva, gerda = self.actor("Sven Spruce"), self.actor("Eva Elm"), self.actor("Gerda Gorse")
        sven.follow("Stop")
        agency = sven.section("Your agency")
        agency.get_by_label("Reason").fill("The procedure is being reviewed.")
        sven.press("Stop searching by your agency")
        sven.expect_text("Stopped", "The procedure is being reviewed.")
        eva.go(self.at["probe"])
        eva.expect_text("No search can run now", "The procedure is being reviewed.")
        expect(eva.page.locator("#go")).to_be_disabled()
        gerda.go("/stop")
        gerda.expect_no_text("The procedure is being reviewed.")
        sven.press("Resume searching by your agency")
        expect(agency).to_contain_text("Not stopped")
        eva.go(self.at["probe"])
        self._search(eva)

    def open_another_case(self) -> None:
        """Open the case of a missing child, which needs no authorisation and outlives the other case."""
        eva, sven = self.actor("Eva Elm"), self.actor("Sven Spruce")
        self.at["missing"] = self._open_case(eva, MISSING, "Disappearance of a child", "A missing person")
        self.at["missing probe"] = self._take_photograph(eva, "Social media")
        self.at["missing search"] = self._search(eva)
        eva.go(self.at["missing"])
        eva.follow("New search")
        eva.page.get_by_label("The photograph").set_input_files(PORTRAITS / "sunak.jpg")
        eva.page.get_by_label("Seized device", exact=True).check()
        eva.press("Find the faces")
        eva.expect_heading("1 face found")
        sven.go(f"{self.at['missing']}/people")
        adding = sven.page.locator("form", has=sven.page.get_by_role("button", name="Add to the case"))
        adding.get_by_label("E-mail address or account").fill("rita@ys.example")
        adding.get_by_label("Role").select_option("reviewer")
        sven.press("Add to the case")
        sven.expect_text("Rita Rowan")
        inviting = sven.page.locator("form", has=sven.page.get_by_role("button", name="Invite to the case"))
        for email in ("gerda@lyonesse.example", "someone@elsewhere.example"):
            inviting.get_by_label("E-mail address").fill(email)
            inviting.get_by_label("Last day").fill((self.clock.at.date() + timedelta(days=6)).isoformat())
            sven.press("Invite to the case")
            sven.expect_text(email)
        for actor, words in ((sven, "The mother was told."), (eva, "Nothing at the school.")):
            actor.go(f"{self.at['missing']}/room")
            actor.page.get_by_label("Message", exact=True).fill(words)
            actor.press("Post")
            actor.expect_text(words)
        plan = FilePayload(name="plan-of-the-harbour.pdf", mimeType="application/pdf", buffer=b"%PDF" * 9000)
        sven.page.reload()
        sven.page.get_by_label("File for everybody").set_input_files(plan)
        sven.press("Add the file")
        sven.expect_text("plan-of-the-harbour.pdf")

    def add_waiting_cases(self) -> None:
        """Add a case without authorisation, an urgent case, and an agency that is not vetted."""
        eva, olga = self.actor("Eva Elm"), self.actor("Olga Operator")
        self.at["awaiting"] = self._open_case(
            eva, "OP/ELM 7", "Extortion of a family", "A suspect or a convicted person"
        )
        self.at["awaiting probe"] = self._send_photograph(eva, self.at["awaiting"], "identity document")
        self.at["urgent"] = self._open_case(eva, "2026-0440", "Taking of a hostage", "A suspect or a convicted person")
        eva.follow("Authorisation")
        eva.page.get_by_label("Why it cannot wait").fill("The hostage was seen half an hour ago.")
        eva.press("Declare the case urgent")
        eva.expect_text("May be searched until", "of 48 h left")
        self._take_photograph(eva, "CCTV")
        self._search(eva)
        olga.go("/agencies/new")
        olga.fill({"Name": "Coast Guard of Avalon", "Jurisdiction": "IE"})
        olga.press("Register the agency")
        olga.expect_text("to be vetted")
        self.at["unvetted"] = olga.path

    # ------------------------------------------------------------ the end

    def refuse_authorisation(self) -> None:
        """Refuse the authorisation a day later, after everybody signed in again."""
        self.clock.advance(days=1)
        sven, eva, gerda = self.actor("Sven Spruce"), self.actor("Eva Elm"), self.actor("Gerda Gorse")
        for actor in (sven, eva, gerda):
            actor.go("/cases")
            actor.expect_heading("Sign in")
            actor.sign_in()
        candidate = self.at["candidate"]
        for held in (self.at["probe"], self.at["search"], candidate):
            eva.go(held)
        sven.go(f"{self.at['case']}/authorisation")
        sven.page.get_by_text("Record that it was refused").click()
        refusing = sven.page.locator("form", has=sven.page.get_by_role("button", name="Destroy what the case holds"))
        refusing.get_by_label("Who refused it").fill("Court of Ys, Judge Gradlon")
        refusing.get_by_label("What was refused, and why").fill("On appeal: the offence does not allow it.")
        refusing.get_by_label("Refused at").fill(local(self.clock.at - timedelta(hours=1)))
        refusing.get_by_label(f"Type {CASE} to confirm").fill(CASE)
        sven.press("Destroy what the case holds")
        sven.expect_text("The authorisation was refused by Court of Ys, Judge Gradlon", "this page stays")

        for gone in (self.at["probe"], self.at["search"], candidate, f"{candidate}/crop"):
            for actor in (eva, sven, gerda):
                actor.expect_refused(gone)
        eva.go(self.at["case"])
        eva.expect_text("Nothing is left here", "Everything in the case was destroyed")
        eva.expect_no_text("Robbery of a bank", REASON, "New search</a>")
        eva.follow("Room")
        eva.expect_text("The room is gone")
        eva.expect_no_text(MESSAGE, NOTE, "order-26-117.pdf")
        eva.go(f"/search?case={self.at['case'].rpartition('/')[2]}")
        eva.expect_no_text("Robbery of a bank")
        gerda.go("/")
        gerda.expect_no_text("Robbery of a bank")

    def read_ledger(self) -> None:
        adam = self.actor("Adam Ash")
        adam.sign_in()
        adam.follow("Ledger")
        adam.expect_text(re.compile("recorded that .* refused searches in"), "Eva Elm")
        adam.expect_no_text(MESSAGE, NOTE, REASON.encode().hex(), LYONESSE, "Bart Birch")
        adam.press("Check the ledger")
        expect(adam.page.get_by_role("status")).to_have_text(re.compile(r"checked \d+ entries in \d+\.\d\d s: sound"))
        adam.go(f"{self.at['case']}/timeline")
        adam.expect_text(re.compile("What the case held was destroyed: 2 searches, 1 photograph"))
        adam.go(self.at["missing"])
        assert adam.page.get_by_role("link", name="New search").count() == 0


@contextmanager
def open_story(home: Path, browser: Browser) -> Iterator[Story]:
    """Serve a workspace with an operator and an administrator, for the story to begin."""
    clock = Clock(tick=TICK)
    with World(gallery(home / "ws", clock), clock) as world:
        world.leave_solo()
        operator = world.sign_up_with_app("olga@home.example", Role.OPERATOR)
        world.sign_up_with_app("ada@home.example", Role.ADMINISTRATOR)
        workspace = world.workspace
        with serving(workspace) as served:
            browsers = Browsers(browser=browser, url=served.url.replace("127.0.0.1", "localhost"), clock=clock)
            yield Story(workspace=workspace, clock=clock, browsers=browsers, operator_person=operator)
