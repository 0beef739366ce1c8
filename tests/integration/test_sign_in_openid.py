"""Signing in at a real OpenID provider, into a real workspace, by its pages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.support.openid_pages import consent
from tests.support.openid_provider import EMAIL, NAME, REDIRECT, SECRETS
from tests.support.serving import serving
from tests.support.world import OTHER_PASSWORD, World, officials

from lineament.errors import OpenIdUnavailable, SignInRefused, StepUpNeeded
from lineament.model.accounts import Account, AccountState
from lineament.services.people.sessions import SessionKey, SessionState
from lineament.setting_values import Secret

pytestmark = pytest.mark.enable_socket

PUBLIC = "{0.scheme}://{0.netloc}".format(urlsplit(REDIRECT))
BACK = f"{REDIRECT}/back"
ADDRESS = EMAIL.lower()


@pytest.fixture
def world(tmp_path: Path, issuer: str) -> Iterator[World]:
    with officials(
        tmp_path / "ws",
        public_url=PUBLIC,
        openid_issuer=issuer,
        openid_client_id="lineament",
        openid_client_secret=Secret(SECRETS["lineament"]),
    ) as world:
        world.clock.at = datetime.now(UTC)  # the provider's own
        yield world


@pytest.fixture(scope="module")
def at_provider(issuer: str) -> Iterator[httpx.Client]:
    """A browser that stays signed in at the provider."""
    with httpx.Client(timeout=30, follow_redirects=True) as client:
        yield client


def finish(world: World, browser: httpx.Client, invitation: str = "") -> SessionKey:
    begun = world.sign_in.openid_begin(BACK, next_path="/cases", invitation=invitation)
    query = consent(browser, begun.address, BACK)
    done, next_path = world.sign_in.openid_finish(begun.pending, query, BACK, "a browser")
    assert next_path == "/cases"
    return done


def test_somebody_who_is_invited_joins_and_still_needs_a_second_factor(world: World, at_provider: httpx.Client) -> None:
    account, token = world.invite(ADDRESS)
    session = world.session(finish(world, at_provider, token).key)
    assert (session.account.id, session.account.name) == (account.id, NAME)
    assert session.standing is SessionState.UNENROLLED
    assert world.session(finish(world, at_provider).key).account.id == account.id  # and signs in again
    with pytest.raises(SignInRefused):
        world.sign_in.password(ADDRESS, "", "a browser")  # there is no password
    with pytest.raises(SignInRefused):
        world.sign_in.unlock(session, "")
    with pytest.raises(StepUpNeeded):  # and none is chosen before a second factor was shown
        world.sign_in.change_password(session, "", OTHER_PASSWORD)


def test_an_account_with_a_password_is_bound_at_the_first_sign_in(world: World, at_provider: httpx.Client) -> None:
    person = world.sign_up(ADDRESS)
    finish(world, at_provider)
    with world.workspace.store.read() as tx:
        assert tx.accounts.has_openid(person.account.id)
    assert world.enter_password(person).account.id == person.account.id  # the password stays valid


def test_an_account_that_is_bound_to_another_subject_is_not_taken_over(
    world: World, at_provider: httpx.Client, issuer: str
) -> None:
    person = world.sign_up(ADDRESS)
    with world.workspace.store.begin() as tx:
        tx.accounts.set_openid(person.account.id, issuer, "somebody else")
    with pytest.raises(SignInRefused):
        finish(world, at_provider)


def test_nobody_else_signs_in(world: World, at_provider: httpx.Client) -> None:
    world.sign_up("groucho@agency.example")
    _, other = world.invite("chico@agency.example")
    world.invite(ADDRESS)  # invited, but the link was not followed
    for invitation in ("", other, "no such token"):
        with pytest.raises(SignInRefused):
            finish(world, at_provider, invitation)
    assert world.sign_in.invited(other).account.state is AccountState.INVITED


@pytest.mark.parametrize("state", [AccountState.SUSPENDED, AccountState.CLOSED])
def test_an_account_that_is_not_active_does_not_sign_in(
    world: World, at_provider: httpx.Client, state: AccountState
) -> None:
    person = world.sign_up(ADDRESS)
    finish(world, at_provider)
    world.set_state(person.account, state)
    with pytest.raises(SignInRefused):
        finish(world, at_provider)


def test_an_answer_of_the_provider_only_counts_for_its_own_request(world: World, at_provider: httpx.Client) -> None:
    world.sign_up(ADDRESS)
    begun, other = world.sign_in.openid_begin(BACK), world.sign_in.openid_begin(BACK)
    assert begun.pending not in repr(begun)
    query = consent(at_provider, begun.address, BACK)
    for pending in (other.pending, "", "zz", "00" * 200):
        with pytest.raises(SignInRefused):
            world.sign_in.openid_finish(pending, query, BACK, "a browser")
    world.clock.advance(minutes=10, seconds=1)
    with pytest.raises(SignInRefused):
        world.sign_in.openid_finish(begun.pending, query, BACK, "a browser")
    world.clock.at -= timedelta(minutes=10, seconds=1)
    world.sign_in.openid_finish(begun.pending, query, BACK, "a browser")
    with pytest.raises(SignInRefused):
        world.sign_in.openid_finish(begun.pending, query, BACK, "a browser")


def test_a_browser_signs_in_at_the_provider(world: World, at_provider: httpx.Client) -> None:
    account, token = world.invite(ADDRESS)
    host = urlsplit(PUBLIC).netloc
    with (
        serving(world.workspace) as running,
        httpx.Client(base_url=running.url, headers={"host": host}, timeout=60) as browser,
    ):
        link = re.search(r'href="(/sign-in/openid\?invitation=[^"]+)"', browser.get(f"/join/{token}").text)
        assert link is not None
        redirect = browser.get(html.unescape(link[1]))
        assert redirect.status_code == 303
        cookie = next(text for text in redirect.headers.get_list("set-cookie") if "openid" in text.partition("=")[0])
        assert "samesite=lax" in cookie.lower()
        assert "max-age=600" in cookie.lower()
        query = consent(at_provider, redirect.headers["location"], BACK)
        cross_site = {"sec-fetch-site": "cross-site"}
        back = browser.get(f"/sign-in/openid/back?{query}", headers=cross_site)
        assert back.status_code == 200
        assert '<meta http-equiv="refresh" content="0;url=/">' in back.text
        assert browser.get("/").headers["location"] == "/second-factor"
        assert browser.get(f"/sign-in/openid/back?{query}").status_code == 403  # the cookie was used
        assert account_of(world, browser).id == account.id


def account_of(world: World, browser: httpx.Client) -> Account:
    (key,) = [cookie.value for cookie in browser.cookies.jar if cookie.name == f"lineament-{urlsplit(PUBLIC).port}"]
    assert key is not None
    return world.session(key).account


def test_without_a_provider_nobody_signs_in_with_openid(tmp_path: Path) -> None:
    with officials(tmp_path / "ws") as world:
        assert not world.sign_in.openid
        with pytest.raises(OpenIdUnavailable):
            world.sign_in.openid_begin(BACK)
