"""Registers the connector for sites, which crawls the hosts that a source lists."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lineament.sources.base import Connector
from lineament.sources.registry import Locations, PageReader, Registration, Terms

if TYPE_CHECKING:
    from lineament.sources.crawl.kept import KeptCrawl


def crawl_name(locations: str) -> str:
    """Return the name of the crawl that starts at these addresses, given one per line and sorted: 16 hex digits."""
    return hashlib.sha256(locations.encode()).hexdigest()[:16]


def _recognises(untrusted: str) -> bool:
    return untrusted.lower().startswith(("http://", "https://"))


def _connect(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.crawl.connector import SiteConnector
    from lineament.sources.crawl.plan import Crawl

    crawl = Crawl(start=locations.names, hosts=terms.hosts, contact=terms.required_contact())
    return SiteConnector(crawl, _open_crawl(locations, terms), terms.max_bytes, terms.on_reserved)


def _page_reader(locations: Locations, terms: Terms) -> PageReader:
    return _open_crawl(locations, terms).page


def _open_crawl(locations: Locations, terms: Terms) -> KeptCrawl:
    assert terms.crawl is not None  # noqa: S101 - whoever crawls says where that is kept
    return terms.crawl(crawl_name(locations.text))


REGISTRATIONS = (
    Registration(
        kind="site",
        reads="the hosts that the source lists, from these addresses on",
        recognised_by="http://, https://",
        order=10,
        recognises=_recognises,
        connect=_connect,
        page_reader=_page_reader,
        combines=True,
        takes_addresses=True,
    ),
)
