"""What is read from pages, whatever they contain."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lineament.sources.addresses import uri_key
from lineament.sources.html.links import forbids_following
from lineament.sources.html.pages import MOST_PIECES, parse_page
from lineament.sources.permission.reservations import in_meta


@pytest.mark.parametrize("piece", [b"\0", b"<"])
def test_a_page_in_very_many_pieces_is_read_as_far_as_it_is_one(piece: bytes) -> None:
    page = parse_page(b"<title>a</title><img src=b>" + piece * (MOST_PIECES + 9) + b"<img src=c>", "utf-8", "http://d/")
    assert (page.title, [link.uri for link in page.links]) == ("a", ["http://d/b"])


@pytest.mark.parametrize("name", ["robots", "Lineament", "tdm-reservation", "*"])
def test_a_reservation_behind_many_other_meta_elements_counts(name: str) -> None:
    others = "".join(f"<meta property='og:video:tag' content='{number}'><meta name=robots>" for number in range(500))
    value = "1" if name == "tdm-reservation" else "noai, nofollow"
    page = parse_page(f"{others}<meta name='{name}' content='{value}'>".encode(), "utf-8", "http://d/")
    assert in_meta(page.meta, now=datetime.now(UTC)) == f"meta {name.lower()}: {value}"
    assert forbids_following(page.meta) is (name.lower() in {"robots", "lineament"})


def test_a_header_among_the_meta_elements_forbids_following() -> None:
    page = parse_page(b"<meta name=X-Robots-Tag content=nofollow>", "utf-8", "http://d/")
    assert forbids_following(page.meta)


@pytest.mark.parametrize(
    "address",
    ["http://[::1]@ex]/", "http://u@[::1]\x01s@[2001;DB8::1]/", "http://a b/", "http://a\\b/", "http://[v1.x:y]/"],
)
def test_an_address_without_a_host_is_none(address: str) -> None:
    assert uri_key(address) is None


def test_an_address_of_ipv6_is_written_in_one_way() -> None:
    assert uri_key("HTTP://[2001:DB8:0:0::1]:80/?a#b") == "http://[2001:db8::1]/?a"
