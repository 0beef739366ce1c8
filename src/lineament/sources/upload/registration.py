"""Registers the connector for what an official sends through the browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lineament.errors import InvalidValue
from lineament.sources.base import Connector
from lineament.sources.registry import Locations, PageReader, Registration, Terms, only_if_named

if TYPE_CHECKING:
    from lineament.model.faces import ArchiveRecord
    from lineament.sources.upload.arrivals import Arrivals

KIND = "upload"
"""The kind, and the scheme of the addresses."""


def _connect(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.upload.connector import UploadConnector

    return UploadConnector(_arrivals(locations, terms), terms)


def _page_reader(locations: Locations, terms: Terms) -> PageReader:
    from lineament.sources.webarchive.archived import page_record

    arrivals = _arrivals(locations, terms)

    def read(record: ArchiveRecord) -> bytes | None:
        name, _, inner = record.archive.partition("/")
        copy = arrivals.copy_of(name)
        if copy is None:
            return None
        return page_record([copy], replace(record, archive=f"{copy.name}/{inner}" if inner else copy.name))

    return read


def _arrivals(locations: Locations, terms: Terms) -> Arrivals:
    scheme, _, drop = locations.names[0].partition(":")
    if scheme != KIND or terms.uploads is None:
        why = "it is read only by the job of the page on which it was dropped"
        raise InvalidValue(what="The drop", value=drop[:40], why=why)
    return terms.uploads(drop)


REGISTRATIONS = (
    Registration(
        kind=KIND,
        reads="files and folders that were dropped in the browser",
        recognised_by="the page of the source only",
        order=100,
        recognises=only_if_named,
        connect=_connect,
        page_reader=_page_reader,
        takes_addresses=True,
    ),
)
