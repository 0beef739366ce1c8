"""The pages on which a guard refuses, warns or proves, one after the other as somebody sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from playwright.sync_api import Browser, Page
from tests.support.browsers import Actor, Browsers
from tests.support.clock import TICK, Clock
from tests.support.database import raw_database
from tests.support.deliveries import collected
from tests.support.serving import Served, serving
from tests.support.stamps import authority
from tests.support.witnesses import witness
from tests.support.world import CASE, PROBE, SOURCE, World, gallery

from lineament.ledger.checkpoint import PublicKey
from lineament.model.accounts import Role
from lineament.model.cases import Seeks
from lineament.model.search import Mode, ProbeKind, SearchRequest
from lineament.model.sources import SourceTerms
from lineament.model.witnessing import StampAuthority, WitnessAddress, WitnessPolicy
from lineament.services.gallery.answers import Filling
from lineament.services.gallery.indexes import Gallery
from lineament.web.addresses import case_address
from lineament.workspace import Workspace

REASON = "Is the man at the counter someone who was published?"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A page that is open."""

    name: str  # of its picture
    page: Page
    words: str  # that it must show
    door: bool = False  # it has no page to go back to


Pages = Iterator[Guarded]


# ---------------------------------------------------------------- one person


def alone(folder: Path, browser: Browser) -> Pages:
    """Yield the pages of a person who works alone, until somebody changes the database and the clock."""
    clock = Clock(datetime.now(UTC), tick=TICK)
    with World(gallery(folder / "ws", clock), clock) as world, serving(world.workspace) as served:
        page, entrance = browser.new_page(), served.entrance
        page.goto(entrance)
        yield from _ledger(world, served, page, folder)
        yield from _filling(world, served, page)
        yield from _incomplete(world, served, page)
        yield from _links(served, browser.new_page(), entrance)
        yield from _changed_outside(world, served, page)
        clock.advance(days=-3)
        page.goto(f"{served.url}/ledger")
        yield Guarded("ledger-clock-behind", page, "set the clock")
        page.goto(f"{served.url}/cases")
        yield Guarded("clock-behind", page, "The clock of this machine cannot be believed")


def _ledger(world: World, served: Served, page: Page, folder: Path) -> Pages:
    page.goto(f"{served.url}/ledger")
    page.locator("#entry-3 summary").click()
    page.get_by_role("button", name="Prove entry 3").click()
    page.wait_for_url("**/answers/*")
    yield Guarded("ledger-proof", page, "Proof of entry 3")
    _open(page, "Witnesses", "Checkpoint")
    yield Guarded("ledger-not-witnessed", page, "Nobody outside witnesses the record")
    with _witnessed(world, folder):
        page.goto(f"{served.url}/ledger")
        page.get_by_role("button", name="Check the ledger").click()
        page.wait_for_url("**/answers/*")
        _open(page, "Witnesses")
        yield Guarded("ledger-witnessed", page, "by 1 of 1 witness and 1 of 1 time-stamp authority")
        _open(page, "Checkpoint")
        page.get_by_label("A checkpoint that you kept").fill("lineament\n3\nnonsense\n")
        page.get_by_role("button", name="Save the proof that it continues").click()
        yield Guarded("ledger-no-checkpoint", page, "It is not a signed note.")
    world.clock.advance(hours=30)
    page.goto(f"{served.url}/ledger")
    yield Guarded("ledger-stale", page, "has to be witnessed from outside every 24 hours")


def _open(page: Page, *summaries: str) -> None:
    for summary in summaries:
        page.get_by_text(summary, exact=True).click()


@contextmanager
def _witnessed(world: World, folder: Path) -> Iterator[None]:
    """Have the ledger witnessed by a witness and a time-stamp authority, both of which must see it every day."""
    with ExitStack() as stack:
        key = PublicKey.parse(world.machine.audit.public_key)
        one = stack.enter_context(witness(folder / "witness", key, clock=lambda: world.clock.at))
        stamps = stack.enter_context(authority(folder / "stamps.court.example"))
        policy = WitnessPolicy(
            witnesses=(WitnessAddress(key=str(one.key), url=one.url),),
            witnesses_needed=1,
            authorities=(StampAuthority(name=stamps.folder.name, url=stamps.url, roots=stamps.roots),),
            stamps_needed=1,
        )
        world.machine.witnesses.propose(policy, "the court asks for it")
        assert [each.why for each in world.machine.witnesses.submit() if each.why] == []
        yield


def _filling(world: World, served: Served, page: Page) -> Pages:
    """Yield the page on which a face is chosen, while the indexes of two large sources are being filled."""
    desk = world.workspace.desk_at_the_machine()
    probe = desk.probes.take(CASE.ref, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    sources = [
        Filling(source=SOURCE, held=6_200_000, faces=10_000_000, seconds=40.0),
        Filling(source="press-archive", held=0, faces=2_000_000, seconds=None),
    ]
    with mock.patch.object(Gallery, "filling", return_value=sources):
        page.goto(f"{served.url}/probes/{probe.id}")
        yield Guarded("probe-filling", page, "6,200,000 faces of 10,000,000 can be compared")


def _incomplete(world: World, served: Served, page: Page) -> Pages:
    """Yield the answers of searches that could not compare a face, without a candidate and with some."""
    _change(world, "UPDATE templates SET sealed = zeroblob(540) WHERE face_id = 3")
    for name, mode, least in (
        ("result-incomplete-none", Mode.MANUAL, 0.99),
        ("result-incomplete", Mode.INVESTIGATION, None),
    ):
        page.goto(served.url + _search(world.workspace, CASE.ref, mode, least))
        yield Guarded(name, page, "1 face was not compared, because what is stored of it is damaged or missing")


def _search(workspace: Workspace, case: str, mode: Mode, least: float | None = None) -> str:
    desk = workspace.desk_at_the_machine()
    probe = desk.probes.take(case, PROBE.read_bytes(), kind=ProbeKind.CCTV)
    found = desk.search.run(probe.id, SearchRequest(case=case, reason=REASON, mode=mode, min_score=least))
    return f"/searches/{found.search_id}"


def _links(served: Served, stranger: Page, entrance: str) -> Pages:
    """Yield what a stranger sees who has the link that was used, or guesses one."""
    stranger.goto(entrance)
    yield Guarded("link-used-twice", stranger, "Open the newest address from the terminal", door=True)
    for number in range(12):
        stranger.goto(f"{served.url}/?token=guess{number}")
    yield Guarded("link-too-many", stranger, "try again in 15 minutes", door=True)


def _changed_outside(world: World, served: Served, page: Page) -> Pages:
    """Yield what is shown of rows that somebody changed in the database; the search whose list is open is one."""
    _change(world, "UPDATE candidates SET score = score + 0.25")
    page.reload()
    yield Guarded("record-altered", page, "What is stored was changed outside Lineament")
    page.goto(f"{served.url}/ledger")
    page.get_by_role("button", name="Check the ledger").click()
    page.wait_for_url("**/answers/*")
    yield Guarded("ledger-altered", page, "The database was changed outside Lineament.")
    _change(world, "UPDATE sources SET retention_days = 9999")
    page.goto(f"{served.url}/sources")
    yield Guarded("access-altered", page, "The row sources/1 was changed outside Lineament, so it is not used.")
    _change(world, "UPDATE sources SET retention_days = NULL")


def _change(world: World, statement: str) -> None:
    """Change the database as somebody can who has the file."""
    with raw_database(world.workspace.home) as database:
        assert database.execute(statement).rowcount, statement


# ---------------------------------------------------------------- an agency


def together(folder: Path, browser: Browser) -> Pages:
    """Yield the pages of an agency: words in doubt, devices, a record that was not witnessed, too many attempts."""
    clock = Clock(datetime.now(UTC), tick=TICK)
    with World(gallery(folder / "ws", clock), clock) as world:
        with _witnessed(world, folder):
            world.leave_solo()
        eva, sven, adam = (
            world.sign_up_with_app(f"{name}@home.example", role)
            for name, role in (("eva", Role.EXAMINER), ("sven", Role.SUPERVISOR), ("adam", Role.AUDITOR))
        )
        world.train(eva.account, 400)
        terms = replace(CASE, ref="2026-0440", offence="Immigration officer murdered", seeks=Seeks.MISSING)
        desk = world.fresh_desk(eva.account)
        case = desk.casework.open(terms)
        probe = f"/probes/{desk.probes.take(case.key, PROBE.read_bytes(), kind=ProbeKind.CCTV).id}"
        with serving(world.workspace) as served:
            browsers = Browsers(browser=browser, url=served.url.replace("127.0.0.1", "localhost"), clock=clock)
            clock.advance(minutes=1)  # to codes that were not used
            actors = [browsers.add(each.account.name, each.account.email, each.secret) for each in (eva, sven, adam)]
            for actor in actors:
                actor.sign_in()
            examiner, supervisor, auditor = actors
            yield from _doubt(examiner, supervisor, case_address(case.key), probe)
            supervisor.go("/account")
            yield Guarded("account-devices", supervisor.page, "A browser in which you have signed in is known")
            clock.advance(hours=25)
            for actor in (examiner, auditor):
                actor.sign_in()
            examiner.go(probe)
            yield Guarded("probe-stale", examiner.page, "has to be witnessed from outside every 24 hours")
            auditor.go("/ledger")
            yield Guarded("ledger-stopped", auditor.page, "No search runs.")
            yield from _guesses(browsers.add("Stranger"))


def _doubt(examiner: Actor, supervisor: Actor, case: str, probe: str) -> Pages:
    waits = "No search before a supervisor states why “immigration” is allowed here."
    examiner.go(case)
    yield Guarded("case-doubt", examiner.page, waits)
    examiner.go(probe)
    yield Guarded("probe-doubt", examiner.page, "“immigration” may name a purpose that is refused")
    examiner.go(case)
    examiner.follow("Words in doubt")
    yield Guarded("doubt-examiner", examiner.page, waits)
    supervisor.go(f"{case}/authorisation")
    yield Guarded("doubt-supervisor", supervisor.page, waits)
    supervisor.page.get_by_label("Words", exact=True).fill("robbery")
    supervisor.page.get_by_label("Why they are allowed in this case").fill("The officer is the victim of the murder.")
    supervisor.press("Allow these words")
    yield Guarded("doubt-rejected", supervisor.page, "They are not in doubt; give those that the refusal names.")
    supervisor.go(f"{case}/authorisation")
    supervisor.page.get_by_label("Words", exact=True).fill("immigration")
    supervisor.page.get_by_label("Why they are allowed in this case").fill("The officer is the victim of the murder.")
    supervisor.press("Allow these words")
    yield Guarded("doubt-allowed", supervisor.page, "allowed: The officer is the victim of the murder.")
    supervisor.go(f"{case}/timeline")
    yield Guarded("doubt-timeline", supervisor.page, "stated why “immigration” is allowed")


def _guesses(stranger: Actor) -> Pages:
    for number in range(11):
        stranger.go("/sign-in")
        stranger.fill({"E-mail address": f"nobody{number % 4}@home.example", "Password": "wrong and long"})
        with stranger.page.expect_response(lambda answer: answer.request.method == "POST"):
            stranger.press("Sign in")
        if number == 0:
            yield Guarded("sign-in-refused", stranger.page, "The sign-in was refused", door=True)
    yield Guarded("sign-in-too-many", stranger.page, "try again in 15 minutes", door=True)


# ---------------------------------------------------------------- sources


def collection(folder: Path, browser: Browser) -> Pages:
    """Yield the archived page of a candidate, and a source with a retention."""
    with collected(folder) as workspace, serving(workspace) as served:
        workspace.desk_at_the_machine().sources.add(
            SourceTerms(
                name="retained",
                controller="Press",
                basis="LED 8",
                jurisdiction="FR",
                retention_days=30,
                expires_on=datetime.now(UTC).date() + timedelta(days=200),
            )
        )
        page = browser.new_page()
        page.goto(served.entrance)
        page.goto(f"{served.url}{_search(workspace, 'K-1', Mode.INVESTIGATION)}/candidates/1")
        with page.context.expect_page() as opened:
            page.get_by_role("button", name="Open the archived page").first.click()
        opened.value.wait_for_load_state()
        yield Guarded("archived", opened.value, "Only its text is shown")
        page.goto(f"{served.url}/sources/retained")
        yield Guarded("source-retained", page, "30 days from the day of capture")


WORLDS: dict[str, Callable[[Path, Browser], Pages]] = {"alone": alone, "together": together, "collection": collection}
