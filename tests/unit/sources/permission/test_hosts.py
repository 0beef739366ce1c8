"""Which hosts may be asked, and at which addresses."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.errors import HostRefused, InvalidValue, LineamentError
from lineament.sources.addresses import uri_key
from lineament.sources.permission.hosts import Hosts, listed_host, origin_of
from lineament.sources.permission.social import SOCIAL_NETWORKS, social_network

PUBLIC = "93.184.216.34"


def hosts(*listed: str, **names: str) -> Hosts:
    known = {name.replace("_", "."): address for name, address in names.items()}
    return Hosts(listed, lambda host, _port: [known.get(host, PUBLIC)])


@pytest.mark.parametrize(
    ("listed", "url"),
    [
        ("example.org", "http://example.org/"),
        ("Example.ORG", "https://example.org/a?b=c"),
        ("example.org.", "http://example.org/"),
        ("example.org", "http://example.org./"),
        ("example.org:8080", "http://example.org:8080/"),
        ("example.org:8080", "https://example.org:8080/"),
        ("müller.de", "http://xn--mller-kva.de/"),
        ("xn--mller-kva.de", "http://xn--mller-kva.de/"),
        ("*.example.org", "http://a.b.example.org/"),
        ("10.0.0.1", "http://10.0.0.1/"),
        ("[::1]:8080", "http://[::1]:8080/"),
        ("::1", "http://[::1]/"),
    ],
)
def test_a_listed_host_may_be_asked(listed: str, url: str) -> None:
    assert hosts(listed).allows(url)


@pytest.mark.parametrize(
    ("listed", "url"),
    [
        ("example.org", "http://www.example.org/"),
        ("example.org", "http://example.org:8080/"),
        ("example.org", "http://example.org:443/"),
        ("example.org", "https://example.org:80/"),
        ("example.org:8080", "http://example.org/"),
        ("example.org", "http://example.org.evil.test/"),
        ("example.org", "http://notexample.org/"),
        ("*.example.org", "http://example.org/"),
        ("*.example.org", "http://evilexample.org/"),
        ("example.org", "http://user@example.org/"),
        ("example.org", "http://evil.test\\@example.org/"),
        ("example.org", "http://example.org\\@evil.test/"),
        ("example.org", "http://example.org#@evil.test/\n"),
        ("example.org", "ftp://example.org/"),
        ("example.org", "file://example.org/etc/passwd"),
        ("example.org", "//example.org/"),
        ("example.org", "http:///example.org/"),
        ("example.org", "http://example.org:0/"),
        ("example.org", "http://example.org:99999/"),
        ("example.org", "http://exa mple.org/"),
        ("127.0.0.1", "http://2130706433/"),
        ("127.0.0.1", "http://0x7f.1/"),
        ("127.0.0.1", "http://127.1/"),
        ("127.0.0.1", "http://0177.0.0.1/"),
    ],
)
def test_any_other_address_is_refused(listed: str, url: str) -> None:
    with pytest.raises(HostRefused):
        hosts(listed).allows(url)


@pytest.mark.parametrize(
    "listed",
    ["", "*", "*.com", "*.co.uk", "*.github.io", "*.10.0.0.1", "a*.de", "http://a.de", "a.de/", "a.de:", "a.de:0",
     "a.de:65536", "a.de:x", "a b.de", "-a.de", "a..de", "1.2.3", "0x7f.1", "[::1", "[a.de]", "a" * 64 + ".de",
     "a.de:80:80", "[::1]x:80", "a.de:٣", "x" + ".x" * 200, "[fe80::1%eth0]"],
)  # fmt: skip
def test_an_invalid_host_cannot_be_listed(listed: str) -> None:
    with pytest.raises(InvalidValue):
        listed_host(listed)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fc00::1", "fd12:3456::1"],
)
def test_a_private_address_is_refused_unless_it_is_listed_by_itself(address: str) -> None:
    with pytest.raises(HostRefused, match="would have to list"):
        hosts("a.example", a_example=address).addresses("a.example", 80)
    assert hosts("a.example", address, a_example=address).addresses("a.example", 80)
    with pytest.raises(HostRefused):
        hosts("a.example", f"[{address}]:8080" if ":" in address else f"{address}:8080", a_example=address).addresses(
            "a.example", 80
        )


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_a_public_address_is_connected_to(address: str) -> None:
    assert hosts(a_example=address).addresses("a.example", 80)


def test_a_name_with_one_private_address_among_others_is_refused() -> None:
    mixed = Hosts(("a.example",), lambda _host, _port: [PUBLIC, "10.0.0.1"])
    with pytest.raises(HostRefused):
        mixed.addresses("a.example", 80)


def test_a_name_without_an_address_is_an_error() -> None:
    with pytest.raises(OSError, match="no address"):
        Hosts((), lambda _host, _port: []).addresses("a.example", 80)


@pytest.mark.parametrize("network", SOCIAL_NETWORKS)
def test_no_social_network_can_be_listed_or_asked(network: str) -> None:
    for listed in (network, f"www.{network}", f"*.cdn.{network}", network.upper(), f"{network}.", f"{network}:8080"):
        with pytest.raises(HostRefused, match="nothing is ever collected"):
            listed_host(listed)
    with pytest.raises(HostRefused):
        hosts("example.org").allows(f"https://i.{network}/i.jpg")


@pytest.mark.parametrize(
    "host", ["notfacebook.com", "facebook.com.example.org", "xx.com", "at.co", "pinterest.example.org", "x.example.org"]
)
def test_other_hosts_are_no_social_network(host: str) -> None:
    assert social_network(host) is None


def test_each_social_network_stands_there_once() -> None:
    assert len(set(SOCIAL_NETWORKS)) == len(SOCIAL_NETWORKS)
    assert all(domain == domain.lower() and domain.isascii() for domain in SOCIAL_NETWORKS)


@given(st.text(max_size=60))
def test_any_text_gives_an_origin_or_a_refusal(text: str) -> None:
    allowed = hosts("example.org")
    for url in (text, f"http://{text}", f"http://{text}/", f"http://example.org{text}"):
        try:
            origin = allowed.allows(url)
        except LineamentError:
            continue
        assert origin.host == "example.org"
    with suppress(LineamentError):
        listed_host(text)


@given(st.text(max_size=40))
def test_an_address_that_pages_give_out_can_be_judged(text: str) -> None:
    url = uri_key(f"http://example.org/{text}")
    assert url is None or origin_of(url).host == "example.org"
