"""Whatever is typed or chosen in a form stays until the form is accepted: every form of the product, in a real browser.

Each form is filled in. Then the page is loaded again, another page is visited, the session locks and is unlocked, the
server fails, and the connection goes: after each, every value is still there. So it is if a second factor becomes due.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, Route, expect
from tests.support.browsers import NEEDS_CHROMIUM, close_context
from tests.support.route_forms import ValidRequest, age_sessions, prepare, valid_request
from tests.support.serving import Served, serving
from tests.support.two_agencies import Participant, TwoAgencies, build_two_agencies
from tests.support.world import PASSWORD, PROBE

from lineament.model.accounts import Permission
from lineament.web.addresses import case_address
from lineament.web.app import declared
from lineament.web.pages import PageRoute

pytestmark = [pytest.mark.enable_socket, NEEDS_CHROMIUM]

NOT_TRIED = {
    "/probes/{probe_id}/page": "only files of several pictures have it; its number of a page is not worth a draft",
    "/probes/{probe_id}/undo": "nothing is typed in it",
    "/probes/{probe_id}/replay": "nothing is typed in it",
    "/probes/{probe_id}/approve": "nothing is typed in it",
    "/probes/{probe_id}/remove": "nothing is typed in it",
    "/ledger/entry": "nothing is typed in it",
    "/sources/{name}/receipt": "nothing is typed in it",
    "/sources/{name}/look-again": "nothing is typed in it",
    "/sources/{name}/runs/{run_id}/go-on": "nothing is typed in it",
    "/sources/{name}/take-in/{drop_id}/stop": "nothing is typed in it",
    "/second-factor": "only a code is typed in it",
    "/locked": "only a code or a password is typed in it",
    "/sources/{name}/pictures/{capture_id}/add-face": "no picture here lacks a face; its fields are those of /draw",
    "/account/passkey": "its script asks the authenticator before anything is sent; test_sign_in.py",
}
UNKEPT = {
    "password": "a password is never kept",
    "one-time-code": "a code works once",
    "file": "no script may fill it in: it stays while the page stays, and the browser asks before the page is left",
    "hidden": "nobody types it",
}
"""Kinds of fields that no draft holds, with the reason; forms.js leaves out the same."""
FORMS = [route for route in declared() if route.method == "POST" and route.page is not None]
TRIED = [route for route in FORMS if route.path not in NOT_TRIED and route.access is not Permission.PUBLIC]

KEPT = """const kept = (field) => field.matches("input[name], select[name], textarea[name]")
    && !["hidden", "file", "submit", "password"].includes(field.type) && field.autocomplete !== "one-time-code";"""
FIND = """(address) => [...document.querySelectorAll("main form[method=post]")].find((form) =>
    form.getAttribute("action") === address || form.querySelector(`[formaction="${address}"]`))"""
FILL = f"""(form) => {{
    {KEPT}
    const words = {{ number: "3", email: "typed@nowhere.example" }};
    const picked = new Set();
    const type = (field) => {{
        const alike = [...form.elements].filter((other) => other.name === field.name);
        if (field.type === "radio") field.checked = field === alike.at(alike[0].defaultChecked ? -1 : 0);
        else if (field.type === "checkbox") field.checked = !field.checked;
        else if (field.matches("select")) {{
            field.selectedIndex = [...field.options].findLastIndex((option) => !option.disabled);
        }} else if (/^2\\d{{3}}-/.test(field.placeholder)) field.value = field.placeholder;  // a day or a moment
        else field.value = words[field.type] ?? `typed in ${{field.name}}`;
    }};
    for (const field of [...form.elements].filter(kept).filter((field) => !field.closest("[data-decided]"))) {{
        type(field);
        for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, {{ bubbles: true }}));
    }}
}}"""
VALUES = f"""(form) => {{
    {KEPT}
    const ticked = (field) => ["checkbox", "radio"].includes(field.type);
    return [...form.elements].filter(kept).map((field) => [field.name, ticked(field) ? field.checked : field.value]);
}}"""
SEND = """([form, address]) => {
    form.noValidate = true;
    const button = form.querySelector(`[formaction="${address}"]`) ?? form.querySelector("button:not([type=button])");
    form.requestSubmit(button);
}"""
TYPE = """(form, typed) => {
    for (const [name, value] of Object.entries(typed)) {
        for (const field of form.querySelectorAll(`[name="${name}"]`)) {
            if (["checkbox", "radio"].includes(field.type)) field.checked = field.value === value;
            else if (field.type !== "submit") field.value = value;
            for (const event of ["input", "change"]) field.dispatchEvent(new Event(event, { bubbles: true }));
        }
    }
}"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoAgencies]:
    built = tmp_path_factory.mktemp("two")
    build_two_agencies(built)
    with TwoAgencies.load(built).copy(tmp_path_factory.mktemp("forms")) as world:
        yield world


@pytest.fixture(scope="module")
def served(world: TwoAgencies) -> Iterator[Served]:
    with serving(world.workspace) as served:
        yield served


@pytest.fixture(scope="module")
def site(served: Served) -> str:
    return served.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def page(chromium: Browser, site: str, served: Served, world: TwoAgencies) -> Iterator[Page]:
    context = chromium.new_context(base_url=site, viewport={"width": 1366, "height": 768})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    close_context(context)
    served.wait_until_idle()
    world.restore()
    assert errors == []


def sign_in(page: Page, site: str, person: Participant) -> None:
    page.context.add_cookies([{"name": f"lineament-{site.rpartition(':')[2]}", "value": person.key, "url": site}])


def lock(world: TwoAgencies, person: Participant) -> None:
    """Make the sessions of somebody idle for so long that they lock."""
    age_sessions(world, person, "seen_at", hours=2)


def open_form(page: Page, site: str, world: TwoAgencies, route: PageRoute) -> tuple[Participant, ValidRequest]:
    """Open the page that has the form of a route, as somebody who may send it; return whom, and what is valid in it."""
    person, request = valid_request(world, route)
    prepare(world, route, request)
    (shown,) = [page.path for page in declared() if page.method == "GET" and page.endpoint is route.page]
    sign_in(page, site, person)
    page.goto(shown.format(**request.names))
    return person, request


def form_at(page: Page, address: str) -> Any:
    form = page.evaluate_handle(FIND, address).as_element()
    assert form is not None, f"{page.url} has no form for {address}"
    return form


def values(page: Page, address: str) -> list[list[Any]]:
    found: list[list[Any]] = form_at(page, address).evaluate(VALUES)
    return found


def fail(page: Page, address: str, *, status: int | None) -> None:
    """Answer what is sent to an address with an error of the server; None: the connection is gone."""

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
        elif status is None:
            route.abort("connectionrefused")
        else:
            route.fulfill(status=status, content_type="text/html", body="<h1>Bad gateway</h1>")

    page.unroute_all()
    page.route(lambda url: url.partition("://")[2].partition("/")[2] == address[1:], answer)


@pytest.mark.parametrize("route", TRIED, ids=lambda route: route.path)
def test_nothing_is_lost(page: Page, site: str, world: TwoAgencies, route: PageRoute) -> None:
    person, request = open_form(page, site, world, route)
    address = request.address.replace("/unlock", "/close")
    there = page.url.removeprefix(site)
    before = values(page, address)
    form_at(page, address).evaluate(FILL)
    typed = values(page, address)
    assert (typed != before) == bool(typed)

    page.reload()
    assert values(page, address) == typed
    page.goto("/help")
    page.goto(there)
    assert values(page, address) == typed
    page.goto("/help")
    page.go_back()
    assert values(page, address) == typed
    lock(world, person)
    page.goto(there)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Unlock").last.click()
    page.wait_for_url(f"**{there}")
    assert values(page, address) == typed

    chosen = form_at(page, address).query_selector_all("input[type=file]:not([disabled])")
    for field in chosen:
        field.set_input_files(PROBE)
    for status in (503, None):
        fail(page, address, status=status)
        page.evaluate(SEND, [form_at(page, address), address])
        expect(page.locator("#unsent")).to_contain_text("still here")
        assert values(page, address) == typed
        assert [field.evaluate("(field) => field.files.length") for field in chosen] == [1] * len(chosen)
        page.locator("#unsent").evaluate("(notice) => notice.remove()")


def test_every_form_is_tried_or_says_why_not() -> None:
    assert set(NOT_TRIED) < {route.path for route in FORMS}
    assert {route.path for route in FORMS if route.access is Permission.PUBLIC} == {"/sign-in", "/join/{token}"}
    assert all(NOT_TRIED.values())
    assert all(UNKEPT.values())


@pytest.mark.parametrize("status", [503, None])
def test_before_signing_in_what_was_typed_stays_on_the_page(page: Page, status: int | None) -> None:
    """Nobody is signed in, so a draft would be shown to whoever comes next."""
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill("anna@ys.example")
    page.get_by_label("Password").fill("typed")
    fail(page, "/sign-in", status=status)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#unsent")).to_contain_text("Lineament did not answer")
    expect(page.get_by_label("E-mail address")).to_have_value("anna@ys.example")
    assert page.evaluate("Object.keys(sessionStorage)") == []


# ---------------------------------------------------------------- what ends a draft

MESSAGE = "The ferry left at nine."


def room(world: TwoAgencies) -> str:
    return f"{case_address(world.cases['A own'].key)}/room"


def type_message(page: Page, site: str, world: TwoAgencies, name: str = "A examiner") -> None:
    sign_in(page, site, world.people[name])
    page.goto(room(world))
    page.get_by_label("Message", exact=True).fill(MESSAGE)


def drafts(page: Page) -> list[str]:
    found: list[str] = page.evaluate("Object.entries(sessionStorage).flat()")
    return found


def test_a_form_that_was_accepted_leaves_no_draft(page: Page, site: str, world: TwoAgencies) -> None:
    type_message(page, site, world)
    assert any(MESSAGE in text for text in drafts(page))
    page.get_by_role("button", name="Post").click()
    expect(page.locator(".papers")).to_contain_text(MESSAGE)
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    assert drafts(page) == []


def test_signing_out_leaves_no_draft(page: Page, site: str, world: TwoAgencies) -> None:
    type_message(page, site, world)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    assert drafts(page) == []


def test_another_account_in_the_tab_sees_no_draft(page: Page, site: str, world: TwoAgencies) -> None:
    type_message(page, site, world)
    sign_in(page, site, world.people["A reviewer"])
    page.goto(room(world))
    expect(page.get_by_label("Message", exact=True)).to_have_value("")
    assert drafts(page) == []


def test_a_draft_says_nothing_of_whose_it_is(page: Page, site: str, world: TwoAgencies) -> None:
    type_message(page, site, world)
    account = world.people["A examiner"].account
    held = " ".join(drafts(page))
    assert [text for text in (account.id, account.name, account.email) if text in held] == []


# ---------------------------------------------------------------- signing in again elsewhere, and sending


def test_a_locked_session_is_unlocked_in_another_tab_and_the_form_sent(
    page: Page, site: str, world: TwoAgencies
) -> None:
    type_message(page, site, world)
    lock(world, world.people["A examiner"])
    page.get_by_role("button", name="Post").click()
    notice = page.locator("#unsent")
    expect(notice).to_contain_text("still here")
    with page.context.expect_page() as opened:
        notice.get_by_role("link", name="Unlock in a new tab").click()
    other = opened.value
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Unlock").last.click()
    expect(other.get_by_role("heading", name="Go back to the other tab")).to_be_visible()
    other.close()
    expect(page.get_by_label("Message", exact=True)).to_have_value(MESSAGE)
    notice.get_by_role("button", name="Try again").click()
    expect(page.locator(".papers")).to_contain_text(MESSAGE)


def fill_in(page: Page, site: str, world: TwoAgencies, path: str) -> tuple[Participant, str, list[list[Any]]]:
    """Fill a form in validly, and let the second factor become due; return whose form, where, and what is typed."""
    (route,) = [form for form in FORMS if form.path == path]
    person, request = open_form(page, site, world, route)
    form_at(page, request.address).evaluate(TYPE, request.data)
    age_sessions(world, person, "proved_at", hours=2)
    return person, request.address, values(page, request.address)


def show_factor(page: Page, world: TwoAgencies, person: Participant) -> None:
    later = world.clock() + timedelta(seconds=30)  # the code of now may have been entered when the world was built
    page.get_by_label("Code").fill(person.code(later))
    page.get_by_role("button", name="Continue").click()


def accepted(answer: Response) -> bool:
    return answer.request.method == "POST" and answer.status in {200, 204}


@pytest.mark.parametrize("path", ["/searches/{search_id}/report", "/threshold/{number}/approve"])
def test_a_second_factor_that_is_due_is_shown_in_another_tab_and_the_form_sent(
    page: Page, site: str, world: TwoAgencies, path: str
) -> None:
    person, address, typed = fill_in(page, site, world, path)
    page.evaluate(SEND, [form_at(page, address), address])
    notice = page.locator("#unsent")
    expect(notice).to_contain_text("still here")
    with page.context.expect_page() as opened:
        notice.get_by_role("link", name="Show your second factor in a new tab").click()
    show_factor(opened.value, world, person)
    expect(opened.value.get_by_role("heading", name="Go back to the other tab")).to_be_visible()
    opened.value.close()
    assert values(page, address) == typed
    with page.expect_response(accepted):
        notice.get_by_role("button", name="Try again").click()


def test_a_second_factor_that_is_due_is_shown_and_the_search_runs(page: Page, site: str, world: TwoAgencies) -> None:
    person, address, typed = fill_in(page, site, world, "/probes/{probe_id}/search")
    page.evaluate(SEND, [form_at(page, address), address])
    expect(page.locator("#problem")).to_contain_text("second factor")
    assert values(page, address) == typed
    there = page.url
    page.get_by_role("link", name="Show it now").click()
    show_factor(page, world, person)
    page.wait_for_url(there)
    assert values(page, address) == typed
    with page.expect_response(accepted):
        page.evaluate(SEND, [form_at(page, address), address])


def test_nothing_is_sent_in_the_name_of_somebody_else(page: Page, site: str, world: TwoAgencies) -> None:
    type_message(page, site, world)
    sign_in(page, site, world.people["A reviewer"])
    page.get_by_role("button", name="Post").click()
    expect(page.locator("#unsent")).to_contain_text("Somebody else is signed in")
    expect(page.get_by_label("Message", exact=True)).to_have_value(MESSAGE)
    page.reload()
    expect(page.locator(".papers")).not_to_contain_text(MESSAGE)


def test_an_error_stands_beside_its_field_and_chosen_files_stay(page: Page, site: str, world: TwoAgencies) -> None:
    sign_in(page, site, world.people["A supervisor"])
    page.goto(f"{case_address(world.cases['A own'].key)}/authorisation")
    page.get_by_label("The document").first.set_input_files({"name": "order.pdf", "mimeType": "a/b", "buffer": b"%PDF"})
    page.get_by_label("Court or other authority").fill("Court of Ys")
    page.get_by_label("What it allows").fill("one search")
    page.get_by_label("Decided at").first.evaluate("(field) => { field.type = 'text'; field.value = 'soon'; }")
    granting = page.locator("form", has=page.get_by_role("button", name="Record the authorisation"))
    granting.evaluate("(form) => { form.noValidate = true; }")
    granting.get_by_role("button", name="Record the authorisation").click()
    expect(page.locator("#problem")).to_contain_text("Not done.")
    wrong = page.get_by_label("Decided at").first
    expect(wrong).to_be_focused()
    expect(wrong).to_have_attribute("aria-invalid", "true")
    assert page.get_by_label("The document").first.evaluate("(field) => field.files[0].name") == "order.pdf"
    expect(page.get_by_label("Court or other authority")).to_have_value("Court of Ys")


def test_without_scripts_a_form_still_works(chromium: Browser, site: str, served: Served, world: TwoAgencies) -> None:
    context = chromium.new_context(base_url=site, java_script_enabled=False)
    page = context.new_page()
    type_message(page, site, world)
    page.get_by_role("button", name="Post").click()
    expect(page.locator(".papers")).to_contain_text(MESSAGE)
    close_context(context)
    served.wait_until_idle()
    world.restore()
