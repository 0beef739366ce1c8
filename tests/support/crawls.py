"""Crawls of a local web."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from fastwarc.warc import ArchiveIterator
from tests.support.local_web import CannedReply, LocalWeb

from lineament.sources.base import Item, Refusal
from lineament.sources.crawl.connector import SiteConnector
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.plan import Crawl

CONTACT = "complaints@agency.example"
FILES = ["/robots.txt", "/.well-known/tdmrep.json", "/ai.txt"]
MOST = 10**7


def text(content: str, status: int = 200) -> CannedReply:
    """Return a reply in plain text."""
    return CannedReply(content.encode(), status, "text/plain")


def crawl(web: LocalWeb, *begin: str, also: tuple[str, ...] = (), **changed: object) -> Crawl:
    """Return a crawl that starts at the roots of these hosts."""
    values: dict[str, object] = {
        "start": tuple(map(web.url, begin)),
        "hosts": web.listed(*begin, *also),
        "contact": CONTACT,
        "delay": 0.0,
        "resolve": web.addresses,
        **changed,
    }
    return Crawl(**values)  # type: ignore[arg-type]


def run_crawl(crawled: Crawl, folder: Path) -> tuple[list[Item], list[Refusal]]:
    """Run a crawl to its end; return all items and all refusals."""
    found = list(SiteConnector(crawled, stored_crawl(folder), MOST).items())
    log = (folder / "crawl.log").read_text()
    assert not log, log
    return [item for item in found if isinstance(item, Item)], [
        refusal for refusal in found if isinstance(refusal, Refusal)
    ]


def stored_crawl(folder: Path) -> KeptCrawl:
    """Return the stored crawl of a folder."""
    return KeptCrawl(folder, b"k" * 32)


def export_warc(folder: Path) -> Path:
    """Export the stored records as plain WARC."""
    path, crawled = folder / "out.warc.gz", stored_crawl(folder)
    archives = [(archive, archive.stat().st_size) for archive in crawled.archives()]
    path.write_bytes(b"".join(packed for archive in archives for _, packed in crawled.members(*archive)))
    return path


def count_records(folder: Path) -> Counter[str]:
    """Count the stored records of each kind."""
    kinds = Counter[str]()
    with export_warc(folder).open("rb") as file:
        kinds.update(str(record.headers["WARC-Type"]) for record in ArchiveIterator(file))
    return kinds


def paths_of(web: LocalWeb, host: str, items: list[Item]) -> set[str]:
    """Return the paths of the pictures of a host."""
    start = web.url(host, "")
    return {item.provenance.uri.removeprefix(start) for item in items if item.provenance.uri.startswith(start + "/")}
