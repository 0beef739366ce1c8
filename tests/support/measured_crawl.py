"""A crawl in a process of its own, which tells how much memory the crawling process took at most."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lineament.sources.base import Item, LeftOut, Refusal
from lineament.sources.crawl.connector import SiteConnector
from lineament.sources.crawl.kept import KeptCrawl
from lineament.sources.crawl.plan import Crawl, crawl_from_json

ROOT = Path(__file__).parents[2]
MOST = 2**26


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCrawl:
    """What a crawl found, and its memory."""

    memory: int  # bytes that the crawling process had resident at most
    pictures: list[str]  # addresses
    refused: dict[str, str]  # addresses and reasons
    log: str  # of errors in the crawling process


def measured_crawl(crawl: Crawl, folder: Path) -> MeasuredCrawl:
    """Run a crawl to its end."""
    command = [sys.executable, "-c", "from tests.support.measured_crawl import main; main()", str(folder)]
    ran = subprocess.run(command, input=crawl.to_json(), stdout=subprocess.PIPE, check=True, cwd=ROOT)
    found = json.loads(ran.stdout)
    return MeasuredCrawl(log=(folder / "crawl.log").read_text(), **found)


def main() -> None:
    """Crawl into the folder that is named; the only child of this process is the crawling one."""
    crawl = crawl_from_json(sys.stdin.buffer.readline())
    pictures: list[str] = []
    refused: dict[str, str] = {}
    for found in SiteConnector(crawl, KeptCrawl(Path(sys.argv[1]), b"k" * 32), MOST).items():
        if isinstance(found, Item):
            pictures.append(found.provenance.uri)
        elif isinstance(found, Refusal):
            refused[found.name] = str(found.why)
        else:
            assert isinstance(found, LeftOut)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 2**10
    print(json.dumps({"memory": memory, "pictures": pictures, "refused": refused}))  # noqa: T201
