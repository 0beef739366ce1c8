"""What arrives at a web hook is checked as its sender signed it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lineament.client import UnexpectedAnswer, WrongSignature, verified
from lineament.model.watches import Notice, NoticeKind
from lineament.services.watches.sending import body_of, headers_of, new_secret

AT = datetime(2026, 12, 24, 8, tzinfo=UTC)
NOTICE = Notice(id="msg_1", agency_id="home", kind=NoticeKind.WATCH_FIRED, at=AT)
NOW = AT.timestamp()


def test_a_message_of_this_server_is_verified() -> None:
    old, secret, body = new_secret(), new_secret(), body_of(NOTICE)
    headers = headers_of(NOTICE, [old, secret], AT, body)
    for held in (old, secret):  # both are valid while a secret is replaced
        found = verified(held, {name.title(): value for name, value in headers.items()}, body, now=NOW + 299)
        assert (found.id, found.type, found.timestamp) == ("msg_1", "watch.fired", AT)


@pytest.mark.parametrize(
    ("changed", "later"),
    [
        ({"webhook-id": "msg_2"}, 0),
        ({"webhook-timestamp": "1"}, 0),
        ({"webhook-signature": "v1,é v2,x"}, 0),
        ({"webhook-signature": ""}, 0),
        ({}, 301),
        ({}, -301),
    ],
)
def test_any_other_is_not(changed: dict[str, str], later: int) -> None:
    secret, body = new_secret(), body_of(NOTICE)
    headers = headers_of(NOTICE, [secret], AT, body) | changed
    with pytest.raises(WrongSignature):
        verified(secret, headers, body, now=NOW + later)


def test_another_body_or_another_secret_is_not_verified() -> None:
    secret, body = new_secret(), body_of(NOTICE)
    headers = headers_of(NOTICE, [secret], AT, body)
    with pytest.raises(WrongSignature):
        verified(secret, headers, body + b" ", now=NOW)
    with pytest.raises(WrongSignature):
        verified(new_secret(), headers, body, now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_ü", "whsec_c2hvcnQ="])
def test_what_is_no_secret_verifies_nothing(secret: str) -> None:
    body = body_of(NOTICE)
    with pytest.raises(ValueError, match="whsec_"):
        verified(secret, headers_of(NOTICE, [new_secret()], AT, body), body, now=NOW)


@pytest.mark.parametrize("body", [b"hello", b"[" * 100_000], ids=["no JSON", "too deep"])
def test_what_is_signed_and_no_message_is_told(body: bytes) -> None:
    secret = new_secret()
    headers = headers_of(NOTICE, [secret], AT, body)
    with pytest.raises(UnexpectedAnswer):
        verified(secret, headers, body, now=NOW)
