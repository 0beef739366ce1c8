"""Signing in at a real OpenID provider, into a real workspace, by its pages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from tests.support.openid_provider import EMAIL, NAME, PASSWORD, REDIRECT, SECRETS, USER
from tests.support.serving import serving
from tests.support.signing import OTHER_PASSWORD, House, house

from lineament.errors import OpenIdUnavailable, SignInRefused, StepUpNeeded
from lineament.model.accounts import Account, AccountState
from lineament.services.people.sessions import SessionKey, SessionState
from lineament.settings import Secret

pytestmark = pytest.mark.enable_socket

PUBLIC = "{0.scheme}://{0.netloc}".format(urlsplit(REDIRECT))
BACK = f"{REDIRECT}/back"
ADDRESS = EMAIL.lower()


@pytest.fixture
def here(tmp_path: Path, issuer: str) -> Iterator[House]:
    made = house(
        tmp_path / "ws",
        public_url=PUBLIC,
        openid_issuer=issuer,
        openid_client_id="lineament",
        openid_client_secret=Secret(SECRETS["lineament"]),
    )
    made.clock.at = datetime.now(UTC)  # the provider's own
    with made.workspace:
        yield made


@pytest.fixture(scope="module")
def at_provider(issuer: str) -> Iterator[httpx.Client]:
    """The person's browser at the provider, where it stays signed in."""
    with httpx.Client(timeout=30, follow_redirects=True) as client:
        yield client


def sent(page: httpx.Response, **filled: str) -> dict[str, str]:
    fields = re.findall(r"<input[^>]*>", page.text)
    hidden = [dict(re.findall(r'(name|value)="([^"]*)"', one)) for one in fields if 'type="hidden"' in one]
    return {one["name"]: html.unescape(one.get("value", "")) for one in hidden} | filled


def comes_back(browser: httpx.Client, address: str) -> str:
    """Sign in and consent at the provider; the query with which the browser is sent back."""
    page = browser.get(address)
    if "/accounts/login/" in str(page.url):
        page = browser.post(page.url, data=sent(page, username=USER, password=PASSWORD))
    done = browser.post(page.url, data=sent(page, allow="Authorize"), follow_redirects=False)
    assert done.status_code == 302, done.text
    back = urljoin(str(page.url), done.headers["location"])
    assert back.startswith(BACK + "?")
    return urlsplit(back).query


def finish(here: House, browser: httpx.Client, invitation: str = "") -> SessionKey:
    begun = here.door.openid_begin(BACK, next_path="/cases", invitation=invitation)
    done, asked = here.door.openid_finish(begun.pending, comes_back(browser, begun.address), BACK, "a browser")
    assert asked == "/cases"
    return done


def test_somebody_who_is_invited_joins_and_the_second_factor_is_still_asked_here(
    here: House, at_provider: httpx.Client
) -> None:
    account, token = here.invited(ADDRESS)
    session = here.session(finish(here, at_provider, token).key)
    assert (session.account.id, session.account.name) == (account.id, NAME)
    assert session.standing is SessionState.UNENROLLED
    assert here.session(finish(here, at_provider).key).account.id == account.id  # and comes back
    with pytest.raises(SignInRefused):
        here.door.password(ADDRESS, "", "a browser")  # there is no password
    with pytest.raises(SignInRefused):
        here.door.unlock(session, "")
    with pytest.raises(StepUpNeeded):  # nor is one chosen before the second factor was shown
        here.door.change_password(session, "", OTHER_PASSWORD)


def test_who_joined_with_a_password_is_bound_at_the_first_time(here: House, at_provider: httpx.Client) -> None:
    person = here.joined(ADDRESS)
    finish(here, at_provider)
    with here.workspace.store.read() as tx:
        assert tx.accounts.has_openid(person.account.id)
    assert here.password(person).account.id == person.account.id  # the password stays good


def test_an_account_that_is_bound_to_another_subject_is_not_taken_over(
    here: House, at_provider: httpx.Client, issuer: str
) -> None:
    person = here.joined(ADDRESS)
    with here.workspace.store.begin() as tx:
        tx.accounts.set_openid(person.account.id, issuer, "somebody else")
    with pytest.raises(SignInRefused):
        finish(here, at_provider)


def test_nobody_else_comes_in(here: House, at_provider: httpx.Client) -> None:
    here.joined("groucho@agency.example")
    _, other = here.invited("chico@agency.example")
    here.invited(ADDRESS)  # invited, but the link was not followed
    for invitation in ("", other, "no such token"):
        with pytest.raises(SignInRefused):
            finish(here, at_provider, invitation)
    assert here.door.invited(other).account.state is AccountState.INVITED


@pytest.mark.parametrize("state", [AccountState.SUSPENDED, AccountState.CLOSED])
def test_an_account_that_is_not_active_does_not_come_in(
    here: House, at_provider: httpx.Client, state: AccountState
) -> None:
    person = here.joined(ADDRESS)
    finish(here, at_provider)
    here.put(person.account, state)
    with pytest.raises(SignInRefused):
        finish(here, at_provider)


def test_the_way_back_belongs_to_the_way_there(here: House, at_provider: httpx.Client) -> None:
    here.joined(ADDRESS)
    one, other = here.door.openid_begin(BACK), here.door.openid_begin(BACK)
    assert one.pending not in repr(one)
    query = comes_back(at_provider, one.address)
    for pending in (other.pending, "", "zz", "00" * 200):
        with pytest.raises(SignInRefused):
            here.door.openid_finish(pending, query, BACK, "a browser")
    here.clock.advance(minutes=10, seconds=1)
    with pytest.raises(SignInRefused):
        here.door.openid_finish(one.pending, query, BACK, "a browser")
    here.clock.at -= timedelta(minutes=10, seconds=1)
    here.door.openid_finish(one.pending, query, BACK, "a browser")
    with pytest.raises(SignInRefused):
        here.door.openid_finish(one.pending, query, BACK, "a browser")


def test_the_browser_goes_there_and_back(here: House, at_provider: httpx.Client) -> None:
    account, token = here.invited(ADDRESS)
    host = urlsplit(PUBLIC).netloc
    with serving(here.workspace) as running, httpx.Client(base_url=running.url, headers={"host": host}) as browser:
        link = re.search(r'href="(/sign-in/openid\?invitation=[^"]+)"', browser.get(f"/join/{token}").text)
        assert link is not None
        there = browser.get(html.unescape(link[1]))
        assert there.status_code == 303
        kept = next(one for one in there.headers.get_list("set-cookie") if "openid" in one.partition("=")[0])
        assert "samesite=lax" in kept.lower()
        assert "max-age=600" in kept.lower()
        query = comes_back(at_provider, there.headers["location"])
        cross_site = {"sec-fetch-site": "cross-site"}
        back = browser.get(f"/sign-in/openid/back?{query}", headers=cross_site)
        assert back.status_code == 200
        assert '<meta http-equiv="refresh" content="0;url=/">' in back.text
        assert browser.get("/").headers["location"] == "/second-factor"
        assert browser.get(f"/sign-in/openid/back?{query}").status_code == 403  # the cookie is spent
        assert whose(here, browser).id == account.id


def whose(here: House, browser: httpx.Client) -> Account:
    (key,) = [one.value for one in browser.cookies.jar if one.name == f"lineament-{urlsplit(PUBLIC).port}"]
    assert key is not None
    return here.session(key).account


def test_without_a_provider_there_is_no_such_way(tmp_path: Path) -> None:
    made = house(tmp_path / "ws")
    with made.workspace:
        assert not made.door.openid
        with pytest.raises(OpenIdUnavailable):
            made.door.openid_begin(BACK)
