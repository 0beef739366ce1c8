"""Signatures of requests, made by AWS's own library and checked by ours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from lineament.api.compat.signatures import (
    CLOCKS_DIFFER,
    Signature,
    check_clock,
    check_signature,
    signature_of,
)
from lineament.errors import SignatureRefused
from lineament.model.signed_requests import SignedRequest

SECRET = "the secret of a key"
ALWAYS = ("host", "x-amz-date", "x-amz-target")
URL = "http://127.0.0.1:8000/compat/rekognition/"
Headers = dict[str, list[str]]
Change = Callable[[SignedRequest], SignedRequest]


def signed(body: bytes = b"{}", url: str = URL, region: str = "eu-central-1", **more: str) -> SignedRequest:
    """Return a request as AWS's library signs it."""
    headers = {"X-Amz-Target": "RekognitionService.ListFaces", "Content-Type": "application/x-amz-json-1.1", **more}
    request = AWSRequest(method="POST", url=url, data=body, headers=headers)
    SigV4Auth(Credentials("0123456789abcdef", SECRET), "rekognition", region).add_auth(request)
    parts = urlsplit(url)
    named: Headers = {name.lower(): [value] for name, value in request.headers.items()} | {"host": [parts.netloc]}
    return SignedRequest(method="POST", path=parts.path, query=parts.query, headers=named, body=body)


def check(request: SignedRequest, secret: str = SECRET) -> Signature:
    signature = signature_of(request.headers, "rekognition", ALWAYS)
    check_signature(signature, request, secret)
    return signature


@given(
    st.binary(max_size=200),
    st.sampled_from(["us-east-1", "eu-west-3", "local"]),
    st.sampled_from([URL, "https://faces.example/compat/rekognition", "http://h:1/a%20b/~c/%C3%A9/"]),
)
def test_what_awss_library_signs_is_right(body: bytes, region: str, url: str) -> None:
    signature = check(signed(body, url, region))
    assert signature.key_id == "0123456789abcdef"
    assert region in signature.scope


def test_blanks_in_a_header_and_another_header_that_is_signed_change_nothing() -> None:
    request = signed(more="  two   blanks ")
    assert "more" in check(request).headers


def test_what_awss_client_for_javascript_signs_besides_is_right() -> None:
    body = b'{"CollectionId": "double-take"}'
    besides = {
        "Amz-Sdk-Invocation-Id": "23fc2a63-e0b0-4694-ba29-45510f915b3c",
        "Amz-Sdk-Request": "attempt=1; max=3",
        "Content-Length": str(len(body)),
        "X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest(),
        "X-Amz-User-Agent": "aws-sdk-js/3.1141.0",
    }
    assert {name.lower() for name in besides} < set(check(signed(body, **besides)).headers)


def header(name: str, value: str) -> Change:
    return lambda request: replace(request, headers={**request.headers, name: [value]})


def rewritten(old: str, new: str) -> Change:
    def change(request: SignedRequest) -> SignedRequest:
        (text,) = request.headers["authorization"]
        assert old in text
        return replace(request, headers={**request.headers, "authorization": [text.replace(old, new)]})

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda request: replace(request, body=b'{"MaxResults": 1}'), "does not fit"),
        (lambda request: replace(request, path="/compat/rekognition/x"), "does not fit"),
        (lambda request: replace(request, query="a=b"), "does not fit"),
        (lambda request: replace(request, method="GET"), "does not fit"),
        (header("x-amz-target", "RekognitionService.DeleteCollection"), "does not fit"),
        (header("host", "elsewhere.example"), "does not fit"),
        (header("x-amz-content-sha256", "0" * 64), "body is not"),
        (header("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), "body is not"),
        (rewritten("eu-central-1", "us-east-1"), "does not fit"),
        (rewritten("/rekognition/", "/s3/"), "scope"),
        (rewritten("/aws4_request", "/aws5_request"), "scope"),
        (rewritten("host;", ""), "does not cover the header host"),
        (rewritten(";x-amz-target", ""), "does not cover the header x-amz-target"),
        (rewritten("content-type;host", "host;content-type"), "not in order"),
        (rewritten("content-type;", "accept;content-type;"), "missing"),
        (rewritten("Signature=", "Signature=0"), "form"),
        (rewritten("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "form"),
        (header("authorization", "Bearer lin_0"), "form"),
        (header("x-amz-date", "yesterday"), "X-Amz-Date"),
        (header("x-amz-date", "20990101T000000Z"), "day"),
    ],
)
def test_what_was_changed_after_it_was_signed_is_refused(change: Change, why: str) -> None:
    with pytest.raises(SignatureRefused, match=why):
        check(change(signed()))


def test_another_secret_and_none_are_refused() -> None:
    for secret in ("another", ""):
        with pytest.raises(SignatureRefused, match="does not fit"):
            check(signed(), secret)


@pytest.mark.parametrize("off", [CLOCKS_DIFFER + timedelta(seconds=1), -CLOCKS_DIFFER - timedelta(seconds=1)])
def test_a_clock_that_is_far_off_is_refused(off: timedelta) -> None:
    signature = signature_of(signed().headers, "rekognition", ALWAYS)
    check_clock(signature, signature.at + CLOCKS_DIFFER)
    check_clock(signature, signature.at - CLOCKS_DIFFER)
    with pytest.raises(SignatureRefused, match="set the clock"):
        check_clock(signature, signature.at + off)


def test_a_time_that_there_is_not_is_refused() -> None:
    signature = signature_of(signed().headers, "rekognition", ALWAYS)
    with pytest.raises(SignatureRefused, match="no time"):
        check_clock(replace(signature, stamp="20260231T250000Z"), datetime.now(UTC))
