"""References become one path segment and come back, and only http and https are followed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.web.addresses import case_address, followable, site, slug, unslug


@given(st.text(min_size=1, max_size=100).filter(lambda ref: not any(0xD800 <= ord(c) < 0xE000 for c in ref)))
def test_a_reference_comes_back_and_is_one_plain_segment(ref: str) -> None:
    segment = slug(ref)
    assert unslug(segment) == ref
    assert not set(segment) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")


@given(st.text(max_size=60))
def test_any_segment_is_read_without_an_error(untrusted: str) -> None:
    assert isinstance(unslug(untrusted), str)


@pytest.mark.parametrize("ref", ["..", "2026/0412", "a?b#c", "//evil.example", "%2e%2e"])
def test_no_reference_leads_out_of_the_cases(ref: str) -> None:
    address = case_address(ref)
    assert address.startswith("/cases/")
    assert not set(address.removeprefix("/cases/")) & set("/.?#%")


@pytest.mark.parametrize("uri", ["http://a.example/x", "https://a.example", "HTTPS://A.example/ü"])
def test_pages_are_followed(uri: str) -> None:
    assert followable(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        "javascript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//evil.example/x",
        "https://",
        "https://[broken",
        "http://a.example/\nx",
        "vbscript:x",
    ],
)
def test_nothing_else_is_followed(uri: str | None) -> None:
    assert followable(uri) is None


def test_a_site_is_a_host_or_the_whole() -> None:
    assert site("https://commons.wikimedia.org/wiki/File:X.jpg") == "commons.wikimedia.org"
    assert site("urn:x:1") == "urn:x:1"
    assert site("https://[broken") == "https://[broken"
