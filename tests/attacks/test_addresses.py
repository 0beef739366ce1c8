"""Addresses that lead elsewhere than they seem to: into networks, to clouds' own servers, to social networks."""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.crawls import crawl, run_crawl
from tests.support.local_web import CannedReply, LocalWeb, page, picture

from lineament.errors import HostRefused, InvalidValue
from lineament.sources.addresses import uri_key
from lineament.sources.crawl.fetch import HostFetcher
from lineament.sources.permission import special as specials
from lineament.sources.permission.hosts import Hosts, listed_host
from lineament.sources.permission.relays import ENCODED, FRONT_ENDS, OPAQUE, OPEN
from lineament.sources.permission.social import SOCIAL_NETWORKS
from lineament.sources.permission.special import TABLES, special

CONTACT = "https://agency.example/complaints"
PUBLIC = "93.184.216.34"
NEVER = (
    *("0.0.0.0", "0.1.2.3", "169.254.0.1", "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200"),  # noqa: S104
    *("192.0.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "fe80::1", "fec0::1", "fec0:ffff::1", "ff02::1", "64:ff9b:1::1", "64:ff9b:1:ffff::a00:1", "100::1"),
    *("100:0:0:1::1", "2001:db8::1", "2001:2::1", "2001:10::1", "3fff::1", "5f00::1", "fd00:ec2::254", "4000::1"),
    *("::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:169.254.169.254", "::7f00:1", "::808:808"),
    *("64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "2002:a00:1::", "2002:808:808::1", "2001:0:a00:1::"),
    *("2001:0:808:808::f7f7:f7f7", "::ffff:0:808:808"),
)
OWN = ("127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "::1", "fc00::1", "fdff::1")


def hosts(*listed: str, at: str = PUBLIC) -> Hosts:
    return Hosts(listed, lambda _host, _port: [at])


@pytest.fixture
def web() -> Iterator[LocalWeb]:
    with LocalWeb() as web:
        yield web


# ---------------------------------------------------------------- special addresses


@pytest.mark.parametrize("address", NEVER)
def test_an_address_that_no_server_can_have_is_neither_listed_nor_connected_to(address: str) -> None:
    for listed in (address, f"[{address}]:8080" if ":" in address else f"{address}:8080"):
        with pytest.raises(HostRefused, match="ever connected to"):
            listed_host(listed)


@pytest.mark.parametrize("address", [address for address in NEVER if not address.endswith("8.8.8.8")])
def test_a_name_does_not_lead_to_an_address_that_no_server_can_have(address: str) -> None:
    with pytest.raises(HostRefused):
        hosts("a.example", at=address).addresses("a.example", 80)
    with pytest.raises(HostRefused):
        hosts("a.example", at=f"{address}%eth0").addresses("a.example", 80)


def test_a_mapped_address_of_a_name_is_the_ipv4_address() -> None:
    assert hosts("a.example", at="::ffff:8.8.8.8").addresses("a.example", 80) == ["8.8.8.8"]


@pytest.mark.parametrize("address", OWN)
def test_an_agency_lists_its_own_servers_by_their_addresses(address: str) -> None:
    with pytest.raises(HostRefused, match="would have to list"):
        hosts("a.example", at=address).addresses("a.example", 80)
    assert hosts("a.example", address, at=address).addresses("a.example", 80) == [address]


def test_every_row_of_the_registries_is_obeyed() -> None:
    public: list[specials.Address] = []
    other: list[specials.Address] = []
    for table in TABLES:
        path = Path(specials.__file__).with_name(table)
        for row in csv.DictReader(path.read_text("utf-8").splitlines()):
            for block in row["Address Block"].split(","):
                network = ipaddress.ip_network(block.split("[")[0].strip())
                rows = public if row["Globally Reachable"] == "True" else other
                rows += [network[0], network[-1]]
    assert [address for address in other if special(address) is None] == []
    gateways = {"64:ff9b::", "64:ff9b::ffff:ffff"}  # to 0.0.0.0 and 255.255.255.255
    assert {str(address) for address in public if special(address) is not None} == gateways
    assert len(other) >= 60
    assert len(public) >= 20


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2001:4860:4860::8888", "64:ff9b::808:808"]
)
def test_a_public_address_stays_public(address: str) -> None:
    assert special(ipaddress.ip_address(address)) is None
    assert hosts("a.example", at=address).addresses("a.example", 80)


@pytest.mark.parametrize(
    "spelling",
    ["2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "127.0.0.1.",
     "１２７.0.0.1", "127。0。0。1", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]", "①②⑦.0.0.1"],
)  # fmt: skip
def test_no_spelling_of_an_address_gets_past_the_list(spelling: str) -> None:
    for listed in (("example.org",), ("example.org", "127.0.0.2")):
        for url in (f"http://{spelling}/", f"http://{spelling}:80/", f"http://example.org@{spelling}/"):
            key = uri_key(url)
            with pytest.raises(HostRefused):
                hosts(*listed).allows(url if key is None else key)
    with pytest.raises((InvalidValue, HostRefused)):
        listed_host(spelling.replace("127.0.0.1.", "127.0.0.1.."))


def test_a_name_that_moves_into_the_network_is_not_followed(web: LocalWeb) -> None:
    """DNS rebinding: the name is checked at each connection, and the connection goes to what was checked."""
    web.host("own.test", {"/i.jpg": picture("i")})
    web.host("inside.test", {"/i.jpg": picture("inside")})
    answers = [web.addresses["own.test"]]

    def resolve(_host: str, _port: int) -> list[str]:
        return [answers[0]]

    listed = (f"own.test:{web.port}", f"{web.addresses['own.test']}:{web.port}")
    fetching = HostFetcher(Hosts(listed, resolve), CONTACT, 2**20, delay=0.0, seconds=5)
    assert fetching.fetch(web.url("own.test", "/i.jpg"))
    answers[0] = web.addresses["inside.test"]
    fetching.close()  # the next one connects anew
    with pytest.raises(HostRefused, match="would have to list"):
        fetching.fetch(web.url("own.test", "/i.jpg"))
    answers[0] = "169.254.169.254"
    with pytest.raises(HostRefused, match="ever connected to"):
        fetching.fetch(web.url("own.test", "/i.jpg"))
    fetching.close()
    assert web.asked("inside.test") == []


# ---------------------------------------------------------------- hosts that pass on others


@pytest.mark.parametrize(
    "listed",
    [*sorted(OPAQUE), *sorted(ENCODED), *(f"*.{domain}" for domain in sorted(ENCODED)),
     *(f"{label}.example.org" for label in sorted(FRONT_ENDS)),
     "my-nitter.example.org", "www-facebook-com.translate.goog", "x-com.translate.goog", "*.x-com.translate.goog",
     "www-instagram-com.cdn.ampproject.org", "x--y.translate.goog", "nitter.net.", "NITTER.net:8080",
     "archive-ph.translate.goog", "x-com-translate-goog.translate.goog", "0-x-com-0.translate.goog"],
)  # fmt: skip
def test_what_hides_whose_pages_it_passes_on_cannot_be_listed(listed: str) -> None:
    with pytest.raises((HostRefused, InvalidValue)) as caught:
        listed_host(listed)
    assert caught.type is HostRefused or listed.startswith("*.")
    with pytest.raises(HostRefused):
        hosts("example.org").allows(f"https://{listed.removeprefix('*.').rstrip('.').lower()}/i.jpg")


RELAYS = ("web.archive.org", "arquivo.pt", "www-example-org.translate.goog", "www-example-org.cdn.ampproject.org",
          "translate.google.com", "i0.wp.com", "images.weserv.nl", "r.jina.ai",
          "translated.turbopages.org")  # fmt: skip
PATHS = ("/web/2020/https://{}/a", "/web/20200101000000im_/http:/{}/a", "/web/2020/{}/a", "/web/2020/{}:443/a",
         "/web/2020/https%3A%2F%2F{}/a", "/web/2020/https%253A%252F%252F{}/a", "/web/HTTPS://{}./a", "/c/s/{}/a",
         "/{}", "/?url=https://{}/a", "/?u={}", "/translate?sl=de&u=http%3A//{}", "/search?q=cache:abc:{}/a",
         "/proxy_u/de-en/https/{}/a", "/web/2020/user@{}/a", "/web/2020/https://www.example.org/web/2020/https://{}/",
         "//{}/a")  # fmt: skip


@pytest.mark.parametrize("host", RELAYS)
def test_a_page_that_is_passed_on_must_be_permitted_itself(host: str) -> None:
    allowed = hosts(host, "www.example.org", "example.org")
    for path in PATHS:
        for own in ("www.example.org", "example.org"):
            assert allowed.allows(f"https://{host}{path.format(own)}")
        for other in ("x.com", "www.facebook.com", "pbs.twimg.com", "nitter.net", "other.example.net", "10.0.0.1"):
            with pytest.raises(HostRefused):
                allowed.allows(f"https://{host}{path.format(other)}")
    assert allowed.allows(f"https://{host}/robots.txt")
    assert allowed.allows(f"https://{host}/.well-known/tdmrep.json")


def test_a_name_that_tells_another_host_needs_that_host_on_the_list() -> None:
    assert hosts("www-example-org.translate.goog", "www.example.org").allows("https://www-example-org.translate.goog/a")
    with pytest.raises(HostRefused, match=r"www\.example\.org.*does not list"):
        hosts("www-example-org.translate.goog").allows("https://www-example-org.translate.goog/a")
    assert hosts("my--site-example-org.translate.goog", "my-site.example.org").allows(
        "https://my--site-example-org.translate.goog/a"
    )


@pytest.mark.parametrize("network", SOCIAL_NETWORKS[::7])
def test_no_listed_host_passes_on_a_social_network(network: str) -> None:
    allowed = hosts("example.org")
    for path in ("/proxy/https://www.{}/i.jpg", "/?url=https%3A%2F%2Fi.{}/i.jpg", "/cdn-cgi/image/w=9/http://{}/i.jpg",
                 "/20200101000000im_/https://{}/i.jpg", "/p//{}/i.jpg", "/?u=https%253A%252F%252F{}",
                 "/?u=//{}"):  # fmt: skip
        with pytest.raises(HostRefused):
            allowed.allows(f"https://example.org{path.format(network)}")
    for path in ("/about-{}", "/a?utm_source={}", "/login?next=https://example.net/{}", "/a//b.jpg"):
        assert allowed.allows(f"https://example.org{path.format(network)}"), "it is not passed on"


def test_archives_that_tell_their_pages_stay_usable() -> None:
    for domain in OPEN:
        assert listed_host(domain).name == domain


def test_a_crawl_follows_no_link_to_a_copy_of_a_social_network(web: LocalWeb, tmp_path: Path) -> None:
    copies = (
        "https://x-com.translate.goog/a",
        "https://web.archive.org/web/2020/https://x.com/a",
        "https://nitter.net/a",
    )
    through = web.url("a.test", "/proxy?url=https://pbs.twimg.com/media/i.jpg")
    pages = {
        "/": page("a", "/own.jpg", *copies, f'<img src="{through}">', "/moved.jpg"),
        "/own.jpg": picture("own"),
        "/proxy?url=https://pbs.twimg.com/media/i.jpg": picture("social"),
        "/moved.jpg": CannedReply(status=302, headers={"Location": "/proxy?url=https://pbs.twimg.com/media/i.jpg"}),
    }
    web.host("a.test", pages)
    items, refusals = run_crawl(crawl(web, "a.test"), tmp_path)
    assert [item.provenance.uri for item in items] == [web.url("a.test", "/own.jpg")]
    hosts_refused = [str(refusal.why) for refusal in refusals if isinstance(refusal.why, HostRefused)]
    for host in ("x.com", "nitter.net", "pbs.twimg.com"):
        assert [why for why in hosts_refused if host in why], host
    assert not [path for path in web.asked("a.test") if "proxy" in path]
