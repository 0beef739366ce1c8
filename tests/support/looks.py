"""Every page after the story, with the person who opens it; and the checks that every page must pass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from playwright.sync_api import Page
from tests.conftest import PORTRAITS
from tests.support.axe import violations
from tests.support.browsers import Actor
from tests.support.oversight import add_report, publish
from tests.support.reading_order import reading_faults
from tests.support.reviewing import store_leads
from tests.support.story import YS, Story

from lineament.model.accounts import HOME_AGENCY
from lineament.model.events.oversight import PublicationBegun
from lineament.model.jobs import JobProgress, JobRequest
from lineament.model.search import ProbeKind

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (1280, 390)
HEIGHT = 844
TEXT = {13, 15, 20}
"""Sizes of text, in px."""

NOT_PAGES = {
    "/cases/{ref}/files/{paper_id}": "a file to be saved",
    "/cases/{ref}/disclosure/{pack_id}": "a file to be saved",
    "/probes/{probe_id}/picture": "a picture",
    "/probes/{probe_id}/faces/{face}": "a picture",
    "/searches/{search_id}/candidates/{picture}/crop": "a picture",
    "/searches/{search_id}/candidates/{picture}/thumbnail": "a picture",
    "/sources/{name}/permission": "a file to be saved",
    "/sources/{name}/pictures/{capture_id}/thumbnail": "a picture",
    "/sources/{name}/pictures/{capture_id}/picture": "a picture",
    "/sources/{name}/faces/{face_id}/crop": "a picture",
    "/sources/{name}/newest/{face_id}/crop": "a picture",
    "/sources/{name}/progress": "read by a script",
    "/sources/{name}/runs/{run_id}/progress": "read by a script",
    "/sources/{name}/take-in/{drop_id}": "read by a script",
    "/sources/{name}/take-in/{drop_id}/missing": "read by a script",
    "/answers/{token}": "the answer to a form, as the story and the guards see it",
    "/batches/{batch_id}/progress": "read by a script",
    "/jobs/progress": "read by a script",
    "/jobs/{job_id}/progress": "read by a script",
    "/sign-in/openid": "leads on to the provider",
    "/sign-in/openid/back": "leads on from the provider",
    "/static/{name}": "a style sheet or script",
    "/healthz": "one word, for programs",
    "/readyz": "one word, for programs",
}


@dataclass(frozen=True, slots=True)
class Look:
    """A page as somebody sees it."""

    name: str  # of its picture
    actor: Actor
    address: str


def prepare_looks(story: Story) -> dict[str, list[Look]]:
    """Run the story and sign everybody in again; return what is looked at, by the route of the page."""
    story.run()
    _sign_everybody_in(story)
    eva, sven, adam = (story.actor(name) for name in ("Eva Elm", "Sven Spruce", "Adam Ash"))
    anna, olga, gerda = (story.actor(name) for name in ("Anna Almond", "Olga Operator", "Gerda Gorse"))
    nobody, half, new = (story.actor(name) for name in ("Nobody", "Half", "Nina Nettle"))
    at = story.at
    open_case, gone = at["missing"], at["case"]
    candidate = _candidate(eva, at["missing search"])
    _keep_watch(eva, at["missing probe"])
    _make_key(eva, f"/account/keys/new?case={open_case.rpartition('/')[2]}")
    lead = _lead(story, eva)
    return {
        "/": [Look("home", eva, "/"), Look("home-guest", gerda, "/"), Look("home-operator", olga, "/")],
        "/back-to-form": [Look("back-to-form", eva, "/back-to-form")],
        "/help": [Look("help", eva, "/help")],
        "/cases": [Look("cases", sven, "/cases"), Look("cases-none", gerda, "/cases?q=nothing+of+that+name")],
        "/cases/new": [Look("case-new", eva, "/cases/new")],
        "/cases/{ref}": [
            Look("case", eva, open_case),
            Look("case-read", adam, open_case),
            Look("case-gone", eva, gone),
            Look("case-awaiting", eva, at["awaiting"]),
            Look("case-urgent", eva, at["urgent"]),
        ],
        "/cases/{ref}/watches": [
            Look("case-watches", eva, f"{open_case}/watches"),
            Look("case-watches-none", eva, f"{at['awaiting']}/watches"),
        ],
        "/probes/{probe_id}/watch": [
            Look("watch-new", eva, f"{at['missing probe']}/watch"),
            Look("watch-new-refused", eva, f"{at['awaiting probe']}/watch"),
        ],
        "/web-hooks": [Look("web-hooks", anna, "/web-hooks")],
        "/cases/{ref}/people": [Look("case-people", sven, f"{open_case}/people")],
        "/cases/{ref}/room": [
            Look("case-room", eva, f"{open_case}/room"),
            Look("case-room-gone", eva, f"{gone}/room"),
        ],
        "/cases/{ref}/timeline": [
            Look("case-timeline", sven, f"{open_case}/timeline"),
            Look("case-timeline-gone", sven, f"{gone}/timeline"),
        ],
        "/cases/{ref}/leads": [
            Look("case-leads", eva, f"{open_case}/leads"),
            Look("case-leads-gone", eva, f"{gone}/leads"),
        ],
        "/searches/{search_id}/candidates/{picture}/lead": [Look("lead", eva, lead)],
        "/cases/{ref}/disclosure": [
            Look("case-disclosure", sven, f"{open_case}/disclosure"),
            Look("case-disclosure-gone", sven, f"{gone}/disclosure"),
        ],
        "/cases/{ref}/authorisation": [
            Look("case-authorisation", sven, f"{at['awaiting']}/authorisation"),
            Look("case-authorisation-urgent", eva, f"{at['urgent']}/authorisation"),
            Look("case-authorisation-ask", eva, f"{at['awaiting']}/authorisation"),
            Look("case-authorisation-gone", sven, f"{gone}/authorisation"),
        ],
        "/sources": [Look("sources", eva, "/sources"), Look("sources-operator", olga, "/sources")],
        "/register-source": [Look("source-new", olga, "/register-source")],
        "/sources/{name}": [
            Look("source", olga, "/sources/portraits"),
            Look("source-faces", olga, "/sources/portraits?faces=newest"),
            Look("source-draft", olga, _draft_source(olga)),
        ],
        "/sources/{name}/withdraw": [Look("source-withdraw", olga, "/sources/portraits/withdraw")],
        "/sources/{name}/erase": [Look("source-erase", olga, "/sources/portraits/erase")],
        "/sources/{name}/take-in": [Look("take-in", olga, "/sources/portraits/take-in")],
        "/sources/{name}/without-face": [Look("without-face", olga, "/sources/portraits/without-face")],
        "/sources/{name}/pictures/{capture_id}": [Look("picture", olga, "/sources/portraits/pictures/1")],
        "/sources/{name}/not-comparable": [Look("not-comparable", olga, "/sources/portraits/not-comparable")],
        "/sources/{name}/runs/{run_id}": [Look("run", olga, "/sources/portraits/runs/1")],
        "/jobs": [Look("jobs", olga, "/jobs"), Look("jobs-none", eva, "/jobs")],
        "/jobs/{job_id}": [Look("job", olga, f"/jobs/{_add_job(story)}")],
        "/search": [
            Look("search", eva, f"/search?case={open_case.rpartition('/')[2]}"),
            Look("search-refused", eva, f"/search?case={at['awaiting'].rpartition('/')[2]}"),
        ],
        "/batches/{batch_id}": [Look("batch", eva, _add_batch(story, open_case.rpartition("/")[2]))],
        "/probes/{probe_id}": [
            Look("probe", eva, at["missing probe"]),
            Look("probe-refused", eva, at["awaiting probe"]),
        ],
        "/searches/{search_id}": [Look("result", eva, at["missing search"])],
        "/searches/{search_id}/new": [Look("search-new", eva, f"{at['missing search']}/new")],
        "/reviews": [Look("reviews", eva, "/reviews"), Look("reviews-none", gerda, "/reviews")],
        "/searches/{search_id}/known-pairs": [Look("known-pairs", sven, f"{at['missing search']}/known-pairs")],
        "/proficiency": [Look("proficiency", sven, "/proficiency")],
        "/cases/{ref}/candidates": [Look("case-candidates", eva, f"{open_case}/candidates")],
        "/searches/{search_id}/report": [Look("report", eva, f"{at['missing search']}/report")],
        "/searches/{search_id}/candidates/{picture}": [Look("candidate", eva, candidate)],
        "/ledger": [
            Look("ledger", adam, "/ledger"),
            Look("ledger-filtered", adam, "/ledger?kind=searches&views=shown"),
        ],
        "/misuse": [Look("misuse", adam, "/misuse"), Look("misuse-supervisor", sven, "/misuse")],
        "/misuse/faces": [Look("misuse-faces", sven, "/misuse/faces")],
        "/accounts": [Look("accounts", adam, "/accounts")],
        "/accounts/processing": [Look("accounts-processing", adam, "/accounts/processing")],
        "/accounts/impact": [Look("accounts-impact", anna, "/accounts/impact")],
        "/accounts/annual": [Look("accounts-annual", adam, "/accounts/annual")],
        "/publication": [Look("publication", anna, "/publication"), Look("publication-operator", olga, "/publication")],
        "/transparency": [Look("transparency", nobody, "/transparency")],
        "/transparency/{agency_id}": [Look("transparency-agency", nobody, _published(story))],
        "/sign-in": [Look("sign-in", nobody, "/sign-in")],
        "/join/{token}": [Look("join", nobody, at["late"])],
        "/second-factor": [
            Look("second-factor", half, "/second-factor"),
            Look("second-factor-first", new, "/second-factor"),
        ],
        "/step-up": [Look("step-up", eva, at["step-up"])],
        "/locked": [Look("locked", story.actor("Rita Rowan"), "/locked")],
        "/account": [Look("account", anna, "/account")],
        "/account/passkey": [Look("account-passkey", anna, "/account/passkey")],
        "/account/app": [Look("account-app", anna, "/account/app")],
        "/account/recovery": [Look("account-recovery", anna, "/account/recovery")],
        "/account/keys": [Look("keys", eva, "/account/keys"), Look("keys-none", gerda, "/account/keys")],
        "/account/keys/new": [
            Look("key-new", eva, f"/account/keys/new?case={open_case.rpartition('/')[2]}"),
            Look("key-new-without", eva, "/account/keys/new"),
            Look("key-new-operator", olga, "/account/keys/new"),
        ],
        "/keys": [Look("keys-agency", anna, "/keys")],
        "/people": [Look("people", anna, "/people")],
        "/people/{account_id}": [Look("person", anna, at["person"]), Look("person-oneself", anna, at["oneself"])],
        "/usage": [Look("usage", sven, "/usage")],
        "/policy": [Look("policy", anna, "/policy")],
        "/threshold": [Look("threshold", olga, "/threshold"), Look("threshold-none", eva, "/threshold")],
        "/jurisdictions": [Look("jurisdictions", eva, "/jurisdictions")],
        "/jurisdictions/{code}": [Look("jurisdiction", eva, "/jurisdictions/US-MD")],
        "/stop": [Look("stop", sven, "/stop"), Look("stop-operator", olga, "/stop"), Look("stop-none", eva, "/stop")],
        "/agencies": [Look("agencies", olga, "/agencies")],
        "/agencies/new": [Look("agency-new", olga, "/agencies/new")],
        "/agencies/{agency_id}": [
            Look("agency", olga, at["agency"]),
            Look("agency-home", olga, "/agencies/home"),
            Look("agency-to-vet", olga, at["unvetted"]),
        ],
        "nothing": [Look("nothing", eva, "/nothing")],
    }


def _published(story: Story) -> str:
    """Publish figures, and report misuse; return the address of the agency's public page."""
    agency_id, machine = story.at["agency"].rpartition("/")[2], story.workspace.desk_at_the_machine()
    with machine.record.change() as change:
        accounts = {account.name: account.id for account in change.tx.accounts.of_agency(agency_id)}
        case = change.tx.cases.by_key(story.at["missing"].rpartition("/")[2])
        publish(change.tx, agency_id, change.at)
        add_report(change.tx, agency_id, [accounts["Eva Elm"], accounts["Rita Rowan"]], case.id, change.at)
        change.record(PublicationBegun(agency=None, reason="the council asked"))
    return f"/transparency/{agency_id}"


def _candidate(examiner: Actor, search: str) -> str:
    """Return the address of a candidate of a search, as the examiner sees it."""
    examiner.go(search)
    address = examiner.page.locator(".candidate").first.get_attribute("href")
    assert address is not None
    return address


def _lead(story: Story, examiner: Actor) -> str:
    """Search again, let every candidate of that list, whose truth is known, be a lead; return the page of one."""
    examiner.go(story.at["missing probe"])
    search = story._search(examiner)
    _know(story, search.rpartition("/")[2])
    store_leads(story.workspace, search.rpartition("/")[2], story.clock.at, evidence=True)
    return f"{_candidate(examiner, search)}/lead"


def _know(story: Story, search: str) -> None:
    """Let the supervisor record that only the first candidate of a list, as they see it, is the person of the probe."""
    with story.workspace.store.read() as tx:
        sven = tx.accounts.by_email("sven@ys.example")
    assert sven is not None
    desk = story.workspace.desk(sven.official)
    names = [entry.name for entry in desk.reviews.of_search(search).entries]
    desk.measuring.know(search, {name: name == names[0] for name in names})


def _draft_source(operator: Actor) -> str:
    """Draft a source, which waits for somebody else; return its address."""
    operator.go("/register-source")
    terms = {"Name": "press-archive", "Controller": "Press agency of Ys", "Legal basis": "contract 2026-17; LED Art. 8"}
    operator.fill(terms | {"Jurisdiction": "FR", "Last day": "2027-05-04"})
    operator.press("Draft the source")
    operator.expect_heading("press-archive")
    return operator.path


def _keep_watch(examiner: Actor, probe: str) -> None:
    """Keep the face of a photograph on watch."""
    examiner.go(f"{probe}/watch")
    examiner.fill({"Why is this face kept on watch?": "She may appear in new pictures.", "Last day": "2026-06-30"})
    examiner.press("Keep on watch")
    examiner.expect_text("It has found nothing.")


def _make_key(examiner: Actor, address: str) -> None:
    """Make a key for a program that searches in a case."""
    examiner.go(address)
    examiner.fill({"Name of the program": "the agency's case system", "Why does it search?": "She is missing."})
    examiner.page.get_by_role("checkbox", name="search each search").check()
    examiner.press("Make the key")
    examiner.expect_text("never again")


def _add_batch(story: Story, case: str) -> str:
    """Send two photographs of Eva Elm's case to a batch; return its address."""
    with story.workspace.store.read() as tx:
        eva = tx.accounts.by_email("eva@ys.example")
    assert eva is not None
    batches = story.workspace.desk(eva.official).batches
    batch = batches.begin(case, ProbeKind.CCTV)
    for name in ("macron-2014.jpg", "obama.jpg"):
        batches.add(batch.id, name, (PORTRAITS / name).read_bytes())
    return f"/batches/{batch.id}"


def _add_job(story: Story) -> str:
    """Add an ingest of Olga Operator that is partly done."""
    at = story.clock.at
    with story.workspace.store.begin() as tx:
        olga = story.operator_person.account
        request = JobRequest(
            kind="ingest",
            arguments={"source": "portraits", "what": ["/data/portraits"]},
            agency_id=HOME_AGENCY,
            account_id=olga.id,
            requested_by=olga.name,
        )
        job = tx.jobs.add(request, at)
        tx.jobs.claim_this(job.id, "a worker", at)
        tx.jobs.renew(
            job.id, "a worker", JobProgress(done=1204, total=5000, words="pictures"), at + timedelta(minutes=2)
        )
    return job.id


def _sign_everybody_in(story: Story) -> None:
    """Sign in; one session is locked, one lacks its second factor, and one person has no factor yet."""
    browsers = story.browsers
    story.actor("Rita Rowan").sign_in()
    story.clock.at += timedelta(minutes=31)
    for name in ("Eva Elm", "Sven Spruce", "Adam Ash", "Anna Almond", "Olga Operator", "Gerda Gorse"):
        story.actor(name).sign_in()
    browsers.add("Nobody")
    browsers.add("Half", "anna@ys.example").enter_password()
    anna = story.actor("Anna Almond")
    link = anna.invite("Nina Nettle", "nina@ys.example", "Examiner")
    browsers.add("Nina Nettle", "nina@ys.example").begin_joining(link, YS)
    anna.go("/people")
    anna.follow("Anna Almond")
    story.at["oneself"] = anna.path


# ---------------------------------------------------------------- what is wrong with a page

_SIZES = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = new Set();
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        const shown = walker.currentNode.data.trim() && parent.checkVisibility({ visibilityProperty: true });
        if (shown && !parent.closest("svg")) found.add(Math.round(parseFloat(getComputedStyle(parent).fontSize)));
    }
    return [...found];
}"""
_NO_CELLS = (
    "[...document.querySelectorAll('td, th')].filter((cell) => getComputedStyle(cell).display !== 'table-cell').length"
)
_CUT_SENTENCES = (
    "[...document.querySelectorAll('code')].filter((code) => getComputedStyle(code).display === 'block'"
    " && code.nextSibling?.textContent.trim()).length"
)
_WAYS_BACK = "header a[href='/'], .crumbs a, .leave a, .leave button, main a.button"


def faults(page: Page, address: str, *, door: bool) -> list[str]:
    """Return what is wrong with a page in two widths and two schemes; ``door``: it has no page to go back to."""
    page.goto(address)
    return faults_shown(page, door=door)


def faults_shown(page: Page, *, door: bool) -> list[str]:
    """Return what is wrong with the page that is open, as ``faults`` does."""
    page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    found = []
    if (headings := page.locator("h1:visible").count()) != 1:
        found.append(f"{headings} first headings")
    if not door and not page.locator(_WAYS_BACK).count():
        found.append("no way back")
    if page.evaluate(_NO_CELLS):
        found.append("a table whose cells are not displayed as cells")
    if page.evaluate(_CUT_SENTENCES):
        found.append("a sentence that goes on after a command, which has a line of its own")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(f"{wide} px wide at {width}")
        if width == min(WIDTHS):
            found += reading_faults(page)
        if odd := set(page.evaluate(_SIZES)) - TEXT:
            found.append(f"text of {sorted(odd)} px")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found += [f"{fault} ({width} px, {scheme})" for fault in violations(page, scheme=scheme, iframes=False)]
    return found
