"""Registers the connector for web archives."""

from __future__ import annotations

from functools import partial

from lineament.sources.base import Connector
from lineament.sources.registry import Locations, PageReader, Registration, Terms, by_suffix

WARC_SUFFIXES = (".warc", ".warc.gz", ".warc.zst")
WACZ_SUFFIX = ".wacz"


def _connect(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.webarchive.connector import WarcConnector

    return WarcConnector(locations.paths, terms.max_bytes, terms.on_reserved, skip_hidden=terms.skip_hidden)


def _page_reader(locations: Locations, _: Terms) -> PageReader:
    from lineament.sources.webarchive.archived import page_record

    return partial(page_record, locations.paths)


REGISTRATIONS = (
    Registration(
        kind="warc",
        reads="web archives (WARC, WACZ), with the pages that showed the pictures",
        recognised_by=", ".join((*WARC_SUFFIXES, WACZ_SUFFIX)),
        order=30,
        recognises=by_suffix(*WARC_SUFFIXES, WACZ_SUFFIX),
        connect=_connect,
        page_reader=_page_reader,
        combines=True,
    ),
)
