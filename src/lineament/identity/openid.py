"""Signing in at the agency's own provider: OpenID Connect, authorisation code flow with PKCE (RFC 6749, RFC 7636)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import get_well_known_url

from lineament.errors import OpenIdUnavailable, SignInRefused
from lineament.identity import fetching
from lineament.identity.id_token import ExpectedToken, Subject, public_keys, subject_of

__all__ = ["Provider", "Subject"]

SCOPE = "openid email profile"
_FRESH = timedelta(minutes=5)  # how long its configuration is cached
_MOST_CHARACTERS = 8192  # of the query with which the browser comes back


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSignIn:
    """A sign-in in progress. Everything except the address stays on the server, and is used once."""

    address: str  # to send the browser to
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


def _now() -> datetime:
    return datetime.now(UTC)


class Provider:
    """One provider, with Lineament as a confidential client. It is contacted only when needed."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, *, clock: Callable[[], datetime] = _now
    ) -> None:
        """Raises OpenIdUnavailable unless the issuer begins with https:// (or http://, on this machine only)."""
        self.issuer = fetching.checked_address(issuer)
        self._client_id = client_id
        self._secret = client_secret
        self._clock = clock
        self._known: tuple[datetime, dict[str, Any]] | None = None

    def __repr__(self) -> str:
        """Return the issuer, without the secret."""
        return f"Provider({self.issuer})"

    def begin(self, redirect_uri: str) -> ProviderSignIn:
        """Return where to send the browser, and what to keep until it comes back to ``redirect_uri``."""
        endpoint = fetching.checked_address(self._configuration().get("authorization_endpoint"))
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        address = prepare_grant_uri(
            endpoint,
            self._client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return ProviderSignIn(address=address, state=state, nonce=nonce, verifier=verifier)

    def finish(self, sign_in: ProviderSignIn, untrusted_query: str, redirect_uri: str) -> Subject:
        """Return who signed in, from the query with which the browser came back.

        Raises SignInRefused if it does not belong to ``sign_in``, or the provider refused or cannot prove it, and
        OpenIdUnavailable if the provider cannot be reached. ``sign_in`` is used up either way.
        """
        configuration = self._configuration()
        code = self._code(sign_in, untrusted_query, configuration)
        tokens = self._tokens(sign_in, code, redirect_uri, configuration)
        keys = public_keys(self._document(configuration.get("jwks_uri")))
        token, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str):
            raise SignInRefused(why="the provider sent no ID token")
        expected = ExpectedToken(
            issuer=self.issuer,
            client_id=self._client_id,
            nonce=sign_in.nonce,
            access_token=access if isinstance(access, str) else None,
        )
        return subject_of(token, keys, expected, self._clock())

    def _configuration(self) -> dict[str, Any]:
        """Return the provider's configuration (OpenID Connect Discovery 1.0, 4); its issuer must be exactly ours."""
        now = self._clock()
        if self._known is not None and abs(now - self._known[0]) < _FRESH:
            return self._known[1]
        found = self._document(get_well_known_url(self.issuer, external=True))
        if found.get("issuer") != self.issuer:
            raise OpenIdUnavailable(why="the provider's own issuer differs from LINEAMENT_OPENID_ISSUER")
        self._known = (now, found)
        return found

    @staticmethod
    def _document(address: object) -> dict[str, Any]:
        answer = fetching.get(address)
        if answer.status != 200:
            raise OpenIdUnavailable(why=f"the provider answered with {answer.status}")
        return answer.json

    def _code(self, sign_in: ProviderSignIn, untrusted_query: str, configuration: dict[str, Any]) -> str:
        """Return the code in the query, once all that must agree with it does (RFC 6749, 4.1.2; RFC 9207)."""
        parameters = _parameters(untrusted_query)
        state = parameters.get("state", "").encode()
        if not sign_in.state or not hmac.compare_digest(state, sign_in.state.encode()):
            raise SignInRefused(why="it was not started in this browser, or not just now")
        if parameters.get("error") == "access_denied":
            raise SignInRefused(why="it was cancelled at the provider")
        if "error" in parameters or not parameters.get("code"):
            raise SignInRefused(why="the provider did not let you in")
        issuer = parameters.get("iss")
        if issuer is None and configuration.get("authorization_response_iss_parameter_supported") is True:
            raise SignInRefused(why="the answer does not say which provider it comes from")
        if issuer not in {None, self.issuer}:
            raise SignInRefused(why="the answer comes from another provider")
        return parameters["code"]

    def _tokens(
        self, sign_in: ProviderSignIn, code: str, redirect_uri: str, configuration: dict[str, Any]
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": sign_in.verifier,
        }
        methods = configuration.get("token_endpoint_auth_methods_supported")
        auth = None
        if isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods:
            form |= {"client_id": self._client_id, "client_secret": self._secret}
        else:
            auth = (quote(self._client_id, safe=""), quote(self._secret, safe=""))  # RFC 6749, 2.3.1
        answer = fetching.post(configuration.get("token_endpoint"), form, auth)
        if answer.status == 200:
            return answer.json
        if answer.json.get("error") == "invalid_grant":
            raise SignInRefused(why="the provider no longer accepts its answer: it was used, or is too old")
        if answer.json.get("error") in {"invalid_client", "unauthorized_client"}:
            raise OpenIdUnavailable(why="the provider does not know this client id with this secret")
        raise OpenIdUnavailable(why=f"the provider answered with {answer.status}")


def _parameters(untrusted_query: str) -> dict[str, str]:
    """Return the parameters of a query, each of which may occur once."""
    if len(untrusted_query) > _MOST_CHARACTERS:
        raise SignInRefused(why="the answer is longer than any provider's")
    try:
        found = parse_qs(untrusted_query.removeprefix("?"), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise SignInRefused(why="the answer cannot be read") from error
    if any(len(values) > 1 for values in found.values()):
        raise SignInRefused(why="the answer holds a parameter twice")
    return {name: values[0] for name, values in found.items()}
