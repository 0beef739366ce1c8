"""A delivery of each kind, made of the portraits, for tests and demonstrations of collecting."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import PORTRAITS
from tests.support.archives import Warc
from tests.support.films import film, pan
from tests.support.local_web import CannedReply, page
from tests.support.signed_pictures import signed
from tests.support.transactions import face, person, transaction
from tests.support.world import settings

from lineament.model.cases import CaseTerms
from lineament.model.sources import SourceTerms
from lineament.services.gallery.items import Task
from lineament.sources.choose import choose
from lineament.sources.registry import Terms
from lineament.workspace import Workspace

SITE = "https://www.press.example"
CASE = CaseTerms(ref="K-1", offence="fraud", purpose="find where it was published", basis="CPP 77")


def portrait(name: str) -> bytes:
    """Return the bytes of a portrait."""
    return (PORTRAITS / f"{name}.jpg").read_bytes()


def gather(folder: Path) -> None:
    """Fill ``folder`` with files that an ingest takes, and some that it refuses."""
    ignored = shutil.ignore_patterns("*.md", "__pycache__", "macron-2014.jpg")
    shutil.copytree(PORTRAITS, folder / "photographs", ignore=ignored)
    (folder / "photographs" / "broken.jpg").write_bytes(portrait("obama")[:200])
    with zipfile.ZipFile(folder / "delivery.zip", "w") as archive:
        archive.writestr("2026/sunak.jpg", portrait("sunak"))
        archive.writestr("../outside.jpg", portrait("obama"))
    (folder / "pictures").mkdir()
    (folder / "pictures" / "elysee.jpg").write_bytes(portrait("macron-2025"))
    (folder / "list.csv").write_text(
        "image_url,page_url,title,date,licence\n"
        "pictures/elysee.jpg,https://www.press.example/2025/elysee,At the Élysée,2025-01-01,CC BY 4.0\n"
        "pictures/gone.jpg,https://www.press.example/2025/gone,Gone,2025-01-02,CC BY 4.0\n",
        encoding="utf-8",
    )
    web_archive(folder / "crawl.warc.gz")
    film(folder / "broadcast.mp4", pan("obama.jpg", 12), pan("sunak.jpg", 12))
    (folder / "booking.an2").write_bytes(transaction(person(), face(1, portrait("ardern-2018"))))
    (folder / "persons" / "Ardern, J.").mkdir(parents=True)
    (folder / "persons" / "Ardern, J." / "1.jpg").write_bytes(portrait("ardern-2022"))
    (folder / "contract.pdf").write_bytes(b"%PDF-1.7 the contract")
    digest = hashlib.sha256(portrait("ardern-2018")).hexdigest()
    (folder / "known-abuse.txt").write_text(f"{digest}\n")


@contextmanager
def collected(folder: Path) -> Iterator[Workspace]:
    """Yield a workspace with sources of several kinds, one of them empty and one withdrawn, and the case K-1."""
    gather(folder)
    with Workspace.create(settings(folder / "ws")) as workspace:
        ingest_into(workspace, "press", folder / "photographs" / "macron-2025.jpg", folder / "list.csv")
        ingest_into(workspace, "web-archive", folder / "crawl.warc.gz")
        ingest_into(workspace, "old", folder / "photographs" / "sunak.jpg")
        ingest_into(workspace, "empty")
        workspace.desk_at_the_machine().erase.source("old", "the contract ended")
        workspace.desk_at_the_machine().casework.open(CASE)
        yield workspace


def ingest_into(workspace: Workspace, source: str, *paths: Path) -> None:
    """Register a source and ingest files into it."""
    workspace.desk_at_the_machine().sources.add(
        SourceTerms(name=source, controller="Press", basis="LED 8", jurisdiction="FR")
    )
    for chosen in choose([str(path) for path in paths], Terms(max_bytes=2**20)):
        task = Task(connector=chosen.connector, kind=chosen.kind, what=chosen.locations, page=chosen.page)
        workspace.desk_at_the_machine().ingest.run(source, task, workers=1)


def web_archive(path: Path) -> None:
    """Write a web archive: one picture signed, one reserved by its page, one made by a program."""
    warc = Warc(path)
    warc.page(f"{SITE}/elysee", html("At the Élysée", "/pictures/macron.jpg", "The president in his office"))
    warc.answer(f"{SITE}/pictures/macron.jpg", signed(portrait("macron-2025")))
    warc.page(f"{SITE}/sunak", html("Reserved", "/pictures/sunak.jpg", head='<meta name="robots" content="noai">'))
    warc.answer(f"{SITE}/pictures/sunak.jpg", portrait("sunak"))
    warc.answer(f"{SITE}/pictures/made.jpg", signed(portrait("obama"), "trainedAlgorithmicMedia"))
    warc.close()


def html(title: str, picture: str, words: str = "a portrait", head: str = "") -> str:
    """Return a newspaper page."""
    style = (
        "<style>body { font: 16px/1.5 Georgia, serif; max-width: 640px; margin: 32px auto; padding: 0 16px }</style>"
    )
    return (
        f'<!doctype html><html lang="en"><head><title>{title}</title>{style}{head}</head><body><h1>{title}</h1>'
        f'<p>On Tuesday the delegations were received.</p><img src="{picture}" alt="{words}" width="300">'
        '<p>They left by the garden gate.</p><p><a href="/politics">More politics</a></p></body></html>'
    )


def newspaper() -> dict[str, CannedReply]:
    """Return the pages of a host, one of which robots.txt reserves."""
    return {
        "/robots.txt": CannedReply(b"User-agent: *\nDisallow: /private/\n", type="text/plain"),
        "/": page("The Harbour News", "/quay.jpg", "/private/"),
        "/quay.jpg": CannedReply(portrait("macron-2025"), type="image/jpeg"),
    }
