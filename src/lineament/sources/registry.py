"""The kinds of connectors: each package below this one declares its own in ``registration.py``, as REGISTRATIONS.

A new connector is a package with that module. Registrations are read to choose a connector and to list the kinds, so
they load nothing heavy: their functions import the connector and its parsers when they are called.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from lineament.errors import InvalidValue

if TYPE_CHECKING:
    from lineament.model.faces import ArchiveRecord
    from lineament.sources.base import Connector
    from lineament.sources.crawl.kept import KeptCrawl
    from lineament.sources.upload.arrivals import Arrivals

OnReserved = Callable[[str, str], None]
"""Called for a picture that was ingested before its publisher reserved it: address and reservation (R4)."""

PageReader = Callable[["ArchiveRecord"], bytes | None]
"""Returns the whole record of a page that showed a picture; None if it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideFile:
    """A file that lies beside a manifest or a case export, though not in a folder of this machine."""

    uri: str
    size: int  # bytes
    parts: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of the source and the limits of this machine, for connectors."""

    max_bytes: int  # of one picture
    page_base: str | None = None
    hosts: tuple[str, ...] = ()
    contact: str | None = None
    crawl: Callable[[str], KeptCrawl] | None = None  # returns the folder and key of a crawl of this source, by name
    uploads: Callable[[str], Arrivals] | None = None  # returns a drop of this source, by its id
    beside: Callable[[str], BesideFile | None] | None = None  # finds what a list names, by its path
    on_reserved: OnReserved | None = None
    skip_hidden: bool = False  # leave out files and folders whose names begin with a dot

    def required_contact(self) -> str:
        """Return the contact. Raises InvalidValue if the source names none."""
        if self.contact is None:
            why = (
                "visited sites must be able to complain, and the source names no contact; "
                "register one with: lineament source add NAME … --host HOST --contact ADDRESS"
            )
            raise InvalidValue(what="The contact", value="", why=why)
        return self.contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """The paths or addresses that one connector reads."""

    names: tuple[str, ...]  # as given
    text: str  # absolute paths or addresses, sorted, one per line; what a run is recorded under

    @property
    def paths(self) -> list[Path]:
        """The names as paths."""
        return [Path(name) for name in self.names]


def by_suffix(*suffixes: str) -> Callable[[str], bool]:
    """Return a recogniser of names that end in one of ``suffixes``, which are in lower case."""
    endings = tuple(os.fsencode(suffix) for suffix in suffixes)
    return lambda untrusted: os.fsencode(untrusted).lower().endswith(endings)


def only_if_named(_: str) -> bool:
    """Recognise nothing: a connector of this kind is used only if the kind is given."""
    return False


def no_pages(_locations: Locations, _terms: Terms) -> PageReader:
    """Return the reader of a connector whose pictures come from no page."""
    return lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One kind of connector."""

    kind: str  # in lower case; ``--as`` takes it and runs record it
    reads: str  # what it reads, for people
    recognised_by: str  # for people
    order: int  # recognisers are called lowest first
    recognises: Callable[[str], bool]  # given an untrusted path or address
    connect: Callable[[Locations, Terms], Connector]
    page_reader: Callable[[Locations, Terms], PageReader] = no_pages
    combines: bool = False  # several locations make one run
    takes_addresses: bool = False  # rather than paths


@cache
def registrations() -> Mapping[str, Registration]:
    """Return every registration by its kind, in the order in which their recognisers are called."""
    folders = sorted(path.parent.name for path in Path(__file__).parent.glob("*/registration.py"))
    modules = [import_module(f"{__package__}.{folder}.registration") for folder in folders]
    declared = [registration for module in modules for registration in module.REGISTRATIONS]
    ordered = sorted(declared, key=lambda registration: registration.order)
    return MappingProxyType({registration.kind: registration for registration in ordered})
