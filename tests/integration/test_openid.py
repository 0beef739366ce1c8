"""Signing in at a real OpenID provider, through its real pages; and everything that may be wrong with the way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from tests.support.openid_pages import consent
from tests.support.openid_provider import EMAIL, NAME, REDIRECT, SECRETS, USER

from lineament.errors import OpenIdUnavailable, SignInRefused
from lineament.identity.openid import Provider, ProviderSignIn, Subject


@pytest.fixture
def provider(issuer: str) -> Provider:
    return Provider(issuer, "lineament", SECRETS["lineament"])


@pytest.fixture(scope="module")
def browser(issuer: str) -> Iterator[httpx.Client]:
    """A browser that signs in at the provider when its form is first shown."""
    with httpx.Client(timeout=30, follow_redirects=True) as client:
        yield client


def change(query: str, **parameters: str | None) -> str:
    values = {name: found[0] for name, found in parse_qs(query).items()} | parameters
    return urlencode({name: value for name, value in values.items() if value is not None})


def test_an_official_signs_in_on_the_pages_of_the_provider(issuer: str, provider: Provider) -> None:
    begun = provider.begin(REDIRECT)
    query = parse_qs(urlsplit(begun.address).query)
    assert query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == ["openid email profile"]
    assert begun.verifier not in begun.address
    with httpx.Client(timeout=30, follow_redirects=True) as client:
        assert "/accounts/login/" in str(client.get(begun.address).url)
        subject = provider.finish(begun, consent(client, begun.address, REDIRECT), REDIRECT)
    assert subject == Subject(issuer=issuer, subject="1", email=EMAIL.lower(), email_verified=True, name=NAME)


def test_every_sign_in_has_secrets_of_its_own(provider: Provider) -> None:
    begun, other = provider.begin(REDIRECT), provider.begin(REDIRECT)
    assert len({begun.state, begun.nonce, begun.verifier, other.state, other.nonce, other.verifier}) == 6
    assert min(len(begun.state), len(begun.nonce), len(begun.verifier)) >= 43
    assert begun.verifier not in repr(begun)


@dataclass(frozen=True)
class ProviderAnswer:
    """The answer to a sign-in, whose code was not exchanged yet."""

    begun: ProviderSignIn
    query: str


@pytest.fixture
def answer(provider: Provider, browser: httpx.Client) -> ProviderAnswer:
    begun = provider.begin(REDIRECT)
    return ProviderAnswer(begun, consent(browser, begun.address, REDIRECT))


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
def test_a_changed_answer_is_refused(
    provider: Provider, answer: ProviderAnswer, parameters: dict[str, str | None], why: str
) -> None:
    refused(provider, answer.begun, change(answer.query, **parameters), why)


def test_an_answer_with_repeated_or_long_parameters_is_refused(provider: Provider, answer: ProviderAnswer) -> None:
    refused(provider, answer.begun, answer.query + "&code=another", "twice")
    refused(provider, answer.begun, answer.query + "&x=" + "y" * 9000, "longer")
    refused(provider, answer.begun, answer.query + "&".join(f"a{number}=1" for number in range(30)), "cannot be read")


def test_the_answer_of_another_sign_in_is_refused(provider: Provider, answer: ProviderAnswer) -> None:
    """An attacker's page sends the victim's browser back with the attacker's code."""
    mine = provider.begin(REDIRECT)
    refused(provider, mine, answer.query, "not started in this browser")
    refused(provider, mine, change(answer.query, state=mine.state), "no longer accepts its answer")  # PKCE
    refused(provider, replace(answer.begun, state=""), change(answer.query, state=""), "not started in this browser")


def test_a_code_is_exchanged_once(provider: Provider, answer: ProviderAnswer) -> None:
    assert provider.finish(answer.begun, answer.query, REDIRECT).subject == "1"
    refused(provider, answer.begun, answer.query, "no longer accepts its answer")


@pytest.mark.parametrize("nonce", ["another", ""])
def test_an_id_token_of_another_sign_in_is_refused(provider: Provider, answer: ProviderAnswer, nonce: str) -> None:
    refused(provider, replace(answer.begun, nonce=nonce), answer.query, r"not for this sign-in \(nonce\)")


def test_the_provider_refuses_another_verifier_or_redirect(provider: Provider, answer: ProviderAnswer) -> None:
    with pytest.raises(SignInRefused, match="no longer accepts its answer"):
        provider.finish(replace(answer.begun, verifier="x" * 64), answer.query, REDIRECT)
    with pytest.raises((SignInRefused, OpenIdUnavailable)):
        provider.finish(answer.begun, answer.query, REDIRECT + "/elsewhere")


def test_the_code_of_another_client_is_refused(issuer: str, answer: ProviderAnswer) -> None:
    refused(Provider(issuer, "other", SECRETS["other"]), answer.begun, answer.query, "no longer accepts its answer")


@pytest.mark.parametrize(
    ("later", "why"),
    [(timedelta(hours=11), "has expired"), (timedelta(hours=-1), r"not for this sign-in \(iat\)")],
)
def test_an_id_token_is_only_valid_in_its_time(issuer: str, answer: ProviderAnswer, later: timedelta, why: str) -> None:
    at_another_time = Provider(issuer, "lineament", SECRETS["lineament"], clock=lambda: datetime.now(UTC) + later)
    refused(at_another_time, answer.begun, answer.query, why)


def test_cancelling_at_the_provider_is_reported(provider: Provider, browser: httpx.Client) -> None:
    begun = provider.begin(REDIRECT)
    refused(provider, begun, consent(browser, begun.address, REDIRECT, agrees=False), "cancelled")


def test_the_error_about_a_wrong_secret_does_not_contain_it(issuer: str, answer: ProviderAnswer) -> None:
    wrong = Provider(issuer, "lineament", "a wrong secret")
    with pytest.raises(OpenIdUnavailable, match="client id with this secret") as caught:
        wrong.finish(answer.begun, answer.query, REDIRECT)
    assert "a wrong secret" not in str(caught.value) + repr(wrong) + repr(answer.begun)


def test_a_provider_with_another_issuer_is_refused(issuer: str) -> None:
    with pytest.raises(OpenIdUnavailable, match="own issuer differs"):
        Provider(issuer + "/", "lineament", SECRETS["lineament"]).begin(REDIRECT)
