"""Which connector brings what was named: told by its suffix, or said outright."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import groupby
from pathlib import Path

from lineament.errors import InvalidValue, NoSuchFile
from lineament.model.faces import ArchiveRecord
from lineament.sandbox.files import printable
from lineament.sources.archive.connector import ARCHIVES, ArchiveConnector
from lineament.sources.base import Connector
from lineament.sources.crawl.connector import SiteConnector
from lineament.sources.crawl.fetch import HostFetcher
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.plan import Crawl
from lineament.sources.folder.connector import FolderConnector, compressed
from lineament.sources.imports.itl import SUFFIXES as ITL
from lineament.sources.imports.itl import ItlConnector
from lineament.sources.imports.persons import CompreFaceConnector, PersonsConnector
from lineament.sources.manifest.connector import ManifestConnector
from lineament.sources.manifest.rows import READERS
from lineament.sources.permission.hosts import Hosts
from lineament.sources.video.connector import SUFFIXES as VIDEO
from lineament.sources.video.connector import VideoConnector
from lineament.sources.webarchive.archived import page_record
from lineament.sources.webarchive.connector import WarcConnector
from lineament.sources.webarchive.wacz import WACZ, WARCS

Reserved = Callable[[str, str], None]
"""Hears of a picture that was brought and turned out to be reserved: its address and the reservation (R4)."""


Pages = Callable[[ArchiveRecord], bytes | None]
"""Gives the record of a page that showed a picture, whole; None where it is not there."""


class Kind(StrEnum):
    """What pictures are brought from."""

    FOLDER = "folder"  # and single pictures
    ARCHIVE = "archive"
    MANIFEST = "manifest"
    WARC = "warc"  # and WACZ
    VIDEO = "video"
    SITE = "site"
    ITL = "itl"
    PERSONS = "persons"
    COMPREFACE = "compreface"


TOGETHER = frozenset({Kind.FOLDER, Kind.WARC, Kind.SITE})
"""Kinds of which several are one run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What connectors need to know of the source, and of this machine."""

    max_bytes: int  # of one picture
    page_base: str | None = None
    hosts: tuple[str, ...] = ()
    contact: str | None = None
    crawl: Callable[[str], KeptCrawl] | None = None  # where a crawl of this source is kept, by its name
    reserved_later: Reserved | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A connector for some of what was named."""

    kind: Kind
    connector: Connector
    what: str  # the absolute paths or the addresses, a line each
    page: Pages


def kind_of(untrusted: str) -> Kind:
    """What it is by its looks; whatever has the suffix of nothing else is a folder or a picture."""
    if untrusted.lower().startswith(("http://", "https://")):
        return Kind.SITE
    if Path(untrusted).is_dir():
        return Kind.FOLDER
    name = os.fsencode(untrusted).lower()
    if compressed(name):
        return Kind.FOLDER
    return next((kind for kind, endings in _ENDINGS.items() if name.endswith(endings)), Kind.FOLDER)


def chosen(what: Sequence[str], terms: Terms, kind: Kind | None = None) -> list[Chosen]:
    """Connectors for everything that was named, in its order; NoSuchFile, InvalidValue, HostRefused at once."""
    found: list[Chosen] = []
    for one, together in groupby(what, key=lambda name: kind or kind_of(name)):
        named = list(together)
        for some in [named] if one in TOGETHER else [[name] for name in named]:
            lines = sorted(_line(name, one) for name in some)
            said = "\n".join(lines)
            connector, page = _connector(one, some, said, terms), _pages(one, some, said, terms)
            found.append(Chosen(kind=one, connector=connector, what=said, page=page))
    return found


def _line(untrusted: str, kind: Kind) -> str:
    if kind is Kind.SITE:
        return printable(untrusted)
    shown = printable(untrusted[:100])
    if not untrusted.strip():
        raise InvalidValue(what="What to bring", value=shown, why="name a file, a folder or an address")
    if "://" in untrusted:
        why = "it is a file, a folder, or an address that begins with http:// or https://; streams are never read"
        raise InvalidValue(what="What to bring", value=shown, why=why)
    path = Path(untrusted)
    if not path.exists():
        raise NoSuchFile(path=printable(untrusted))
    return printable(str(path.absolute()))


def _connector(kind: Kind, what: Sequence[str], said: str, terms: Terms) -> Connector:  # noqa: PLR0911 - a table
    paths, most, base = [Path(one) for one in what], terms.max_bytes, terms.page_base
    match kind:
        case Kind.FOLDER:
            return FolderConnector(paths, page_base=base, max_bytes=most)
        case Kind.ARCHIVE:
            return ArchiveConnector(paths[0], page_base=base, max_bytes=most)
        case Kind.MANIFEST:
            return _manifest(paths[0], terms)
        case Kind.WARC:
            return WarcConnector(paths, most, terms.reserved_later)
        case Kind.VIDEO:
            return VideoConnector(paths[0], page_base=base, max_bytes=most)
        case Kind.ITL:
            return ItlConnector(paths[0], most)
        case Kind.PERSONS:
            return PersonsConnector(paths[0], most)
        case Kind.COMPREFACE:
            return CompreFaceConnector(paths[0], most)
        case Kind.SITE:
            return _site(what, said, terms)


def _pages(kind: Kind, what: Sequence[str], said: str, terms: Terms) -> Pages:
    if kind is Kind.SITE:
        return _kept(said, terms).page
    return partial(page_record, [Path(one) for one in what] if kind is Kind.WARC else [])


def _kept(said: str, terms: Terms) -> KeptCrawl:
    assert terms.crawl is not None  # noqa: S101 - whoever crawls says where that is kept
    return terms.crawl(crawl_name(said))


def crawl_name(what: str) -> str:
    """What the crawl is called that begins at these addresses, a line each."""
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def _manifest(path: Path, terms: Terms) -> Connector:
    """Addresses are fetched where the source lists hosts; else only what lies beside it is brought."""
    if not terms.hosts:
        return ManifestConnector(path, None, terms.max_bytes)
    fetcher = HostFetcher(Hosts(terms.hosts), _contact(terms), terms.max_bytes)
    return ManifestConnector(path, fetcher, terms.max_bytes)


def _site(what: Sequence[str], said: str, terms: Terms) -> Connector:
    crawl = Crawl(begin=tuple(what), hosts=terms.hosts, contact=_contact(terms))
    return SiteConnector(crawl, _kept(said, terms), terms.max_bytes, terms.reserved_later)


def _contact(terms: Terms) -> str:
    if terms.contact is None:
        why = (
            "whoever is visited must be able to complain, and the source names nobody; "
            "register one with: lineament source add NAME … --host HOST --contact ADDRESS"
        )
        raise InvalidValue(what="The contact", value="", why=why)
    return terms.contact


_ENDINGS: dict[Kind, tuple[bytes, ...]] = {
    Kind.WARC: tuple(ending.encode() for ending in (*WARCS, WACZ)),
    Kind.MANIFEST: tuple(READERS),
    Kind.VIDEO: tuple(VIDEO),
    Kind.ITL: tuple(ITL),
    Kind.ARCHIVE: tuple(ARCHIVES),
}
