"""Signing in at a real OpenID provider, through its real pages; and everything that may be wrong with the way back."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import pytest
from tests.support.openid_provider import EMAIL, NAME, PASSWORD, REDIRECT, SECRETS, USER

from lineament.errors import OpenIdUnavailable, SignInRefused
from lineament.identity.openid import Provider, ProviderSignIn, Subject


@pytest.fixture
def provider(issuer: str) -> Provider:
    return Provider(issuer, "lineament", SECRETS["lineament"])


@pytest.fixture(scope="module")
def browser(issuer: str) -> Iterator[httpx.Client]:
    """A browser that is signed in at the provider: through its form, once it asks."""
    with httpx.Client(timeout=30, follow_redirects=True) as client:
        yield client


def _form(page: httpx.Response, **filled: str) -> dict[str, str]:
    """What a page's form sends: its hidden fields and what was filled in."""
    fields = re.findall(r"<input[^>]*>", page.text)
    hidden = [dict(re.findall(r'(name|value)="([^"]*)"', one)) for one in fields if 'type="hidden"' in one]
    return {one["name"]: html.unescape(one.get("value", "")) for one in hidden} | filled


def comes_back(browser: httpx.Client, begun: ProviderSignIn, *, consents: bool = True) -> str:
    """Follow the address, sign in and consent, as a person would; the query with which the browser comes back."""
    page = browser.get(begun.address)
    if "/accounts/login/" in str(page.url):
        page = browser.post(page.url, data=_form(page, username=USER, password=PASSWORD))
    assert page.status_code == 200, page.text
    answer = _form(page, allow="Authorize") if consents else _form(page)
    done = browser.post(page.url, data=answer, follow_redirects=False)
    assert done.status_code == 302, done.text
    back = urljoin(str(page.url), done.headers["location"])
    assert back.startswith(REDIRECT + "?")
    return urlsplit(back).query


def changed(query: str, **parameters: str | None) -> str:
    whole = {name: values[0] for name, values in parse_qs(query).items()} | parameters
    return urlencode({name: value for name, value in whole.items() if value is not None})


def test_an_official_signs_in_through_the_providers_own_pages(issuer: str, provider: Provider) -> None:
    begun = provider.begin(REDIRECT)
    asked = parse_qs(urlsplit(begun.address).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["scope"] == ["openid email profile"]
    assert begun.verifier not in begun.address
    with httpx.Client(timeout=30, follow_redirects=True) as client:
        assert "/accounts/login/" in str(client.get(begun.address).url)
        subject = provider.finish(begun, comes_back(client, begun), REDIRECT)
    assert subject == Subject(issuer=issuer, subject="1", email=EMAIL.lower(), email_verified=True, name=NAME)


def test_every_sign_in_has_secrets_of_its_own(provider: Provider) -> None:
    one, other = provider.begin(REDIRECT), provider.begin(REDIRECT)
    assert len({one.state, one.nonce, one.verifier, other.state, other.nonce, other.verifier}) == 6
    assert min(len(one.state), len(one.nonce), len(one.verifier)) >= 43
    assert one.verifier not in repr(one)


@dataclass(frozen=True)
class Way:
    """A sign-in whose code was not taken yet."""

    begun: ProviderSignIn
    query: str


@pytest.fixture
def way(provider: Provider, browser: httpx.Client) -> Way:
    begun = provider.begin(REDIRECT)
    return Way(begun, comes_back(browser, begun))


def refused(provider: Provider, begun: ProviderSignIn, query: str, why: str) -> None:
    with pytest.raises(SignInRefused, match=why) as caught:
        provider.finish(begun, query, REDIRECT)
    for secret in (SECRETS["lineament"], SECRETS["other"], begun.state, begun.nonce, begun.verifier, EMAIL, USER):
        assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"state": "another"}, "not started in this browser"),
        ({"state": ""}, "not started in this browser"),
        ({"state": None}, "not started in this browser"),
        ({"state": "ÿ"}, "not started in this browser"),
        ({"code": "another"}, "no longer accepts its answer"),
        ({"code": ""}, "did not let you in"),
        ({"code": None}, "did not let you in"),
        ({"iss": "https://evil.example"}, "another provider"),
        ({"iss": None}, "which provider"),
        ({"error": "server_error"}, "did not let you in"),
    ],
)
def test_a_way_back_that_was_changed_is_refused(
    provider: Provider, way: Way, parameters: dict[str, str | None], why: str
) -> None:
    refused(provider, way.begun, changed(way.query, **parameters), why)


def test_a_way_back_that_says_things_twice_or_at_length_is_refused(provider: Provider, way: Way) -> None:
    refused(provider, way.begun, way.query + "&code=another", "twice")
    refused(provider, way.begun, way.query + "&x=" + "y" * 9000, "longer")
    refused(provider, way.begun, way.query + "&".join(f"a{number}=1" for number in range(30)), "cannot be read")


def test_the_way_back_of_another_sign_in_is_refused(provider: Provider, way: Way) -> None:
    """A page of somebody else's sends the victim's browser back with the attacker's code."""
    mine = provider.begin(REDIRECT)
    refused(provider, mine, way.query, "not started in this browser")
    refused(provider, mine, changed(way.query, state=mine.state), "no longer accepts its answer")  # PKCE
    refused(provider, replace(way.begun, state=""), changed(way.query, state=""), "not started in this browser")


def test_a_code_is_taken_once(provider: Provider, way: Way) -> None:
    assert provider.finish(way.begun, way.query, REDIRECT).subject == "1"
    refused(provider, way.begun, way.query, "no longer accepts its answer")


@pytest.mark.parametrize("nonce", ["another", ""])
def test_an_id_token_of_another_sign_in_is_refused(provider: Provider, way: Way, nonce: str) -> None:
    refused(provider, replace(way.begun, nonce=nonce), way.query, r"not for this sign-in \(nonce\)")


def test_another_verifier_or_way_back_is_refused_by_the_provider(provider: Provider, way: Way) -> None:
    with pytest.raises(SignInRefused, match="no longer accepts its answer"):
        provider.finish(replace(way.begun, verifier="x" * 64), way.query, REDIRECT)
    with pytest.raises((SignInRefused, OpenIdUnavailable)):
        provider.finish(way.begun, way.query, REDIRECT + "/elsewhere")


def test_the_code_of_another_client_is_refused(issuer: str, way: Way) -> None:
    refused(Provider(issuer, "other", SECRETS["other"]), way.begun, way.query, "no longer accepts its answer")


@pytest.mark.parametrize(
    ("later", "why"),
    [(timedelta(hours=11), "has expired"), (timedelta(hours=-1), r"not for this sign-in \(iat\)")],
)
def test_an_id_token_counts_in_its_time_alone(issuer: str, way: Way, later: timedelta, why: str) -> None:
    elsewhen = Provider(issuer, "lineament", SECRETS["lineament"], clock=lambda: datetime.now(UTC) + later)
    refused(elsewhen, way.begun, way.query, why)


def test_who_cancels_at_the_provider_is_told_so(provider: Provider, browser: httpx.Client) -> None:
    begun = provider.begin(REDIRECT)
    refused(provider, begun, comes_back(browser, begun, consents=False), "cancelled")


def test_a_wrong_secret_is_said_without_it(issuer: str, way: Way) -> None:
    wrong = Provider(issuer, "lineament", "a wrong secret")
    with pytest.raises(OpenIdUnavailable, match="client id with this secret") as caught:
        wrong.finish(way.begun, way.query, REDIRECT)
    assert "a wrong secret" not in str(caught.value) + repr(wrong) + repr(way.begun)


def test_a_provider_that_names_itself_otherwise_is_refused(issuer: str) -> None:
    with pytest.raises(OpenIdUnavailable, match="own issuer differs"):
        Provider(issuer + "/", "lineament", SECRETS["lineament"]).begin(REDIRECT)
