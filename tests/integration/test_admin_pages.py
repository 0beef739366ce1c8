"""The pages of agencies, people, policy, usage and the stop, served for real to officials who signed in."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.support.clock import TODAY
from tests.support.serving import ServedWorld, answered, serving, serving_officials, token_in
from tests.support.world import solo

from lineament.model.accounts import HOME_AGENCY, AccountState, Role
from lineament.model.agencies import AgencyTerms

pytestmark = pytest.mark.enable_socket

SCRIPT = '"><script>alert(1)</script>'
LINK = re.compile(r'id="link"[^>]* value="([^"]+)"')
VETTED = {
    "outcome": "open",
    "legal-restrictions": "felonies alone",
    "human-rights-record": "nothing known",
    "renew-on": str(TODAY + timedelta(days=365)),
}
TRIAL = {
    "kind": "trial",
    "first-day": str(TODAY),
    "last-day": str(TODAY + timedelta(days=30)),
    "seats": "3",
    "searches-a-month": "100",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with serving_officials(tmp_path_factory.mktemp("admin") / "ws") as site:
        yield site


@pytest.fixture(scope="module")
def operator(site: ServedWorld) -> Iterator[httpx.Client]:
    with site.signed_in(site.world.sign_up_with_app("olga@home.example", Role.OPERATOR)) as browser:
        yield browser


@pytest.fixture(scope="module")
def administrator(site: ServedWorld, operator: httpx.Client) -> Iterator[httpx.Client]:
    with site.signed_in(site.world.sign_up_with_app("anna@home.example", Role.ADMINISTRATOR)) as browser:
        yield browser


def send(browser: httpx.Client, form_on: str, to: str, **fields: str | list[str]) -> httpx.Response:
    page = browser.get(form_on)
    assert page.status_code == 200, page.text
    return answered(browser, browser.post(to, data={"csrf": token_in(page.text), **fields}))


def register_agency(browser: httpx.Client, name: str) -> str:
    """Register an agency; return its address."""
    answer = send(browser, "/agencies/new", "/agencies", name=name, jurisdiction="fr")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def license_agency(browser: httpx.Client, name: str) -> str:
    """Register, vet and license an agency; return its address."""
    at = register_agency(browser, name)
    assert send(browser, at, f"{at}/vet", **VETTED).status_code == 303
    assert send(browser, at, f"{at}/license", **TRIAL).status_code == 303
    return at


def link_in(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    found = LINK.search(page.text)
    assert found is not None, page.text
    return html.unescape(found[1])


# ---------------------------------------------------------------- agencies


def test_an_agency_is_admitted_step_by_step(operator: httpx.Client) -> None:
    at = register_agency(operator, "Police of Freedonia")
    page = operator.get(at).text
    assert "has not been vetted yet; the agency has no licence yet" in page
    assert f"{at}/invite" not in page
    assert send(operator, at, f"{at}/license", **TRIAL).status_code == 403
    assert send(operator, at, f"{at}/vet", **VETTED).status_code == 303
    assert "to be licensed" in operator.get("/agencies?q=freedonia").text
    assert send(operator, at, f"{at}/license", **TRIAL).status_code == 303
    row = operator.get("/agencies?q=freedonia fr").text
    assert "ends soon" in row
    assert "of 100" in row


def test_the_link_is_shown_once_and_opens_the_account(site: ServedWorld, operator: httpx.Client) -> None:
    at = license_agency(operator, "Police of Sylvania")
    link = link_in(send(operator, at, f"{at}/invite", email="chief@sylvania.example", name="Chief"))
    assert link.startswith(f"{str(operator.base_url).rstrip('/')}/join/")
    token = link.rpartition("/")[2]
    assert token not in operator.get(at).text
    assert "chief@sylvania.example" not in operator.get(at).text  # who works there is the agency's own affair
    with site.browser() as browser:
        assert browser.get(link).status_code == 200


def test_a_form_with_an_error_keeps_what_was_typed(operator: httpx.Client) -> None:
    answer = send(operator, "/agencies/new", "/agencies", name=SCRIPT, jurisdiction="France")
    assert answer.status_code == 422
    assert html.escape(SCRIPT) in answer.text.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    assert SCRIPT not in answer.text
    at = register_agency(operator, "Police of Ruritania")
    wrong = send(operator, at, f"{at}/vet", **(VETTED | {"renew-on": "2020-01-01", "by": "The Board"}))
    assert wrong.status_code == 422
    assert 'value="The Board"' in wrong.text
    assert "in the past" in wrong.text
    for field, value in (("outcome", "perhaps"), ("renew-on", ""), ("renew-on", "tomorrow")):
        assert send(operator, at, f"{at}/vet", **(VETTED | {field: value})).status_code == 422
    again = send(operator, "/agencies/new", "/agencies", name="POLICE OF ruritania", jurisdiction="FR")
    assert again.status_code == 409


def test_a_hostile_name_is_shown_as_it_is(operator: httpx.Client) -> None:
    at = license_agency(operator, SCRIPT)
    for path in (at, "/agencies", "/agencies?q=%3Cscript%3E"):
        page = operator.get(path)
        assert page.status_code == 200
        assert SCRIPT not in page.text


def test_the_home_agency_is_renamed_and_invites_operators(operator: httpx.Client) -> None:
    at = f"/agencies/{HOME_AGENCY}"
    assert send(operator, at, f"{at}/rename", name="Ministry", jurisdiction="CH").status_code == 303
    assert "Ministry" in operator.get(at).text
    assert link_in(send(operator, at, f"{at}/invite", email="otto@home.example", name="Otto"))
    assert send(operator, at, f"{at}/vet", **VETTED).status_code == 403
    other = register_agency(operator, "Police of Genovia")
    assert send(operator, other, f"{other}/rename", name="Mine", jurisdiction="CH").status_code == 403


def test_a_long_register_is_paged_and_narrowed(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world, serving(world.workspace) as served, served.client() as browser:
        with world.workspace.store.begin() as tx:
            for number in range(120):
                tx.agencies.add(AgencyTerms(name=f"Police {number:03}", jurisdiction="FR"), world.clock())
        first = browser.get("/agencies").text
        assert "Police 000" in first
        assert "Police 050" not in first
        assert "1 to 50 of 121 agencies" in first
        last = browser.get("/agencies?page=3").text
        assert "Police 119" in last
        assert browser.get("/agencies?page=99").text == last
        assert browser.get("/agencies?page=0").text == first
        narrowed = browser.get("/agencies?q=police 11").text
        assert narrowed.count('<th scope="row">') == 11  # 011, 110 to 119
        assert "No agency found" in browser.get("/agencies?q=nowhere").text


def test_an_agency_that_does_not_exist_is_not_found(operator: httpx.Client) -> None:
    csrf = token_in(operator.get("/agencies/new").text)
    assert operator.get("/agencies/ffffffffffffffff").status_code == 404
    for act in ("vet", "license", "invite", "policy", "stop", "resume", "rename"):
        fields = {"csrf": csrf, **VETTED, **TRIAL, "email": "a@b.example", "name": "A", "reason": "r"}
        assert operator.post(f"/agencies/ffffffffffffffff/{act}", data=fields).status_code == 404


# ---------------------------------------------------------------- people


def test_somebody_is_invited_and_managed(site: ServedWorld, administrator: httpx.Client) -> None:
    invited = {"email": "emil@home.example", "name": "Emil Examiner"}
    page = send(administrator, "/people", "/people", role=["examiner", "reviewer"], **invited)
    link = link_in(page)
    listed = administrator.get("/people").text
    assert "emil@home.example" in listed
    assert link.rpartition("/")[2] not in listed
    found = re.search(r'href="(/people/[0-9a-f]+)"><bdi>Emil', listed)
    assert found is not None
    at = found[1]
    assert link_in(send(administrator, at, f"{at}/reset")) != link
    assert send(administrator, at, f"{at}/roles", role="supervisor").status_code == 303
    assert send(administrator, at, f"{at}/training", until=str(TODAY + timedelta(90))).status_code == 303
    shown = administrator.get(at).text
    assert "<dd>supervisor</dd>" in shown
    assert f"{TODAY + timedelta(90)}</time>" in shown
    assert send(administrator, at, f"{at}/close").status_code == 422  # not ticked
    assert send(administrator, at, f"{at}/close", sure="yes").status_code == 303
    assert "Emil" not in administrator.get("/people").text
    assert "closed account" in administrator.get("/people?closed=1").text


def test_a_suspension_ends_sessions_at_once(site: ServedWorld, administrator: httpx.Client) -> None:
    rita = site.world.sign_up_with_app("rita@home.example", Role.REVIEWER)
    with site.signed_in(rita) as browser:
        assert browser.get("/cases").status_code == 200
        at = f"/people/{rita.account.id}"
        assert "End 2 sessions" in administrator.get(at).text
        assert send(administrator, at, f"{at}/suspend").status_code == 303
        assert browser.get("/cases").headers.get("location", "").startswith("/sign-in")
        assert send(administrator, at, f"{at}/restore").status_code == 303


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"role": ["auditor", "examiner"]}, 422),
        ({"role": []}, 422),
        ({"role": "god"}, 422),
        ({"email": "no address"}, 422),
        ({"role": "operator"}, 403),
        ({"email": "anna@home.example"}, 409),
    ],
)
def test_invitations_that_are_refused(
    administrator: httpx.Client, fields: dict[str, str | list[str]], status: int
) -> None:
    form: dict[str, str | list[str]] = {"email": "new@home.example", "name": SCRIPT, "role": "examiner", **fields}
    answer = send(administrator, "/people", "/people", **form)
    assert answer.status_code == status
    assert SCRIPT not in answer.text
    assert ("Your roles do not allow this" if status == 403 else "Not done.") in answer.text


def test_an_administrator_cannot_change_the_account_of_an_operator(
    site: ServedWorld, administrator: httpx.Client
) -> None:
    with site.world.workspace.store.read() as tx:
        accounts = {account.email: account for account in tx.accounts.of_agency(HOME_AGENCY)}
        operator = accounts["olga@home.example"]
    at = f"/people/{operator.id}"
    assert send(administrator, at, f"{at}/reset").status_code == 403
    assert send(administrator, at, f"{at}/roles", role="examiner").status_code == 403
    assert send(administrator, at, f"{at}/close", sure="yes").status_code == 403
    with site.world.workspace.store.read() as tx:
        assert tx.accounts.get(operator.id).state is AccountState.ACTIVE


def test_foreign_and_unknown_people_get_the_same_answer(
    site: ServedWorld, operator: httpx.Client, administrator: httpx.Client
) -> None:
    agency = license_agency(operator, "Police of Latveria").rpartition("/")[2]
    chief = site.world.sign_up_with_app("victor@latveria.example", Role.ADMINISTRATOR, agency_id=agency).account
    csrf = token_in(administrator.get("/people").text)
    for act in ("", "/roles", "/training", "/reset", "/suspend", "/restore", "/close", "/unlock", "/end-sessions"):
        answers = set()
        for account_id in (chief.id, "f" * 16):
            path = f"/people/{account_id}{act}"
            fields = {"csrf": csrf, "role": "examiner", "until": str(TODAY), "sure": "yes"}
            answer = administrator.post(path, data=fields) if act else administrator.get(path)
            answers.add((answer.status_code, answer.text.replace(account_id, "…")))
        assert {status for status, _ in answers} == {404}
        assert len(answers) == 1


# ---------------------------------------------------------------- one's own agency


def test_an_agency_sees_its_own_usage(site: ServedWorld, operator: httpx.Client) -> None:
    agency = license_agency(operator, "Police of Wakanda").rpartition("/")[2]
    with site.signed_in(
        site.world.sign_up_with_app("sue@wakanda.example", Role.SUPERVISOR, agency_id=agency)
    ) as browser:
        page = browser.get("/usage").text
        assert "Police of Wakanda" in page
        assert "30 days" in page
        assert "Freedonia" not in page
        assert browser.get("/agencies").status_code == 403
        assert browser.get("/people").status_code == 403
        assert browser.get("/policy").status_code == 403
    assert operator.get("/usage").status_code == 403


def test_the_policy_is_tightened_and_never_loosened(site: ServedWorld, operator: httpx.Client) -> None:
    agency = license_agency(operator, "Police of Madripoor").rpartition("/")[2]
    chief = site.world.sign_up_with_app("chief@madripoor.example", Role.ADMINISTRATOR, agency_id=agency)
    with site.signed_in(chief) as browser:
        page = browser.get("/policy").text
        form = dict(re.findall(r'<input type="number" name="(\w+)" value="(\d+)"', page))
        assert form["idle_minutes"] == "30"
        assert 'name="authorisation"' not in page  # as strict as it can be
        assert send(browser, "/policy", "/policy", **(form | {"further_approvals": "2"})).status_code == 303
        assert re.search(r'name="further_approvals" value="2"', browser.get("/policy").text)
        laxer = send(browser, "/policy", "/policy", **(form | {"idle_minutes": "31"}))
        assert laxer.status_code == 422
        assert "stricter than 30, not laxer" in laxer.text
        assert 'name="idle_minutes" value="31"' in laxer.text
        assert send(browser, "/policy", "/policy", **(form | {"idle_minutes": "x"})).status_code == 422
        forged = send(browser, "/policy", "/policy", **(form | {"authorisation": "", "preset": "solo"}))
        assert forged.status_code == 303
    policy = site.world.workspace.desk(chief.account.official).agencies.own().rules.policy
    assert (policy.further_approvals, policy.authorisation, policy.preset.value) == (0, True, "agency")


# ---------------------------------------------------------------- the stop


def test_a_stop_is_shown_with_its_time_and_author(site: ServedWorld, operator: httpx.Client) -> None:
    agency = license_agency(operator, "Police of Symkaria").rpartition("/")[2]
    with site.signed_in(
        site.world.sign_up_with_app("sam@symkaria.example", Role.SUPERVISOR, agency_id=agency)
    ) as browser:
        assert send(browser, "/stop", "/stop/everything", reason="mine").status_code == 403
        assert send(browser, "/stop", "/stop/agency", reason=" ").status_code == 422
        assert send(browser, "/stop", "/stop/agency", reason="an inquiry").status_code == 303
        page = browser.get("/stop").text
        assert "an inquiry" in page
        assert "<bdi>sam</bdi>" in page
        assert "/stop/everything" not in page
        assert send(operator, "/stop", "/stop/everything", reason=f"a defect {SCRIPT}").status_code == 303
        page = browser.get("/stop").text
        assert "by <bdi>the operator</bdi>" in page
        assert "olga" not in page
        assert SCRIPT not in page
        assert "<bdi>olga</bdi>" in operator.get("/stop").text
        assert send(browser, "/stop", "/stop/everything/resume").status_code == 403
        assert send(operator, "/stop", "/stop/everything/resume").status_code == 303
        assert send(operator, "/stop", "/stop/everything/resume").status_code == 403
        assert send(browser, "/stop", "/stop/agency/resume").status_code == 303
        assert send(operator, f"/agencies/{agency}", f"/agencies/{agency}/stop", reason="complaints").status_code == 303
        assert "Only whoever stopped it can resume it" in browser.get("/stop").text
        assert send(browser, "/stop", "/stop/agency/resume").status_code == 403
        assert send(operator, f"/agencies/{agency}", f"/agencies/{agency}/resume").status_code == 303


def test_an_examiner_sees_stops_without_a_control(site: ServedWorld, operator: httpx.Client) -> None:
    with site.signed_in(site.world.sign_up_with_app("eve@home.example", Role.EXAMINER)) as browser:
        page = browser.get("/stop").text
        assert page.count("Not stopped.") == 2
        assert "<textarea" not in page


# ---------------------------------------------------------------- leaving solo


def test_the_second_account_ends_a_solo_workspace(tmp_path: Path) -> None:
    with solo(tmp_path / "ws") as world, serving(world.workspace) as served, served.client() as browser:
        chief: dict[str, str | list[str]] = {"email": "chief@home.example", "name": "Chief"}
        chief["role"] = ["operator", "administrator"]
        assert "/join/" in link_in(send(browser, "/people", "/people", **chief))
        assert "This will be the second account" in browser.get("/people").text
        second = {"email": "emil@home.example", "name": "Emil", "role": "examiner"}
        page = send(browser, "/people", "/people", **second)
        assert "no longer belongs to one person" in html.unescape(page.text)
        assert browser.get("/people").status_code != 200
