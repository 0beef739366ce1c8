"""Takes screenshots of every page at 1366 and 390 pixels and in the dark scheme, into docs/pictures/pages.

    python -m bench.screenshots [FOLDER] [--readme] [--only NAME ...]

The pages belong to workspaces with the portraits that ship with Lineament: of a person who works alone, with sources of
several kinds, with agencies, in which the story of the tests has happened, and those on whose pages a guard refuses.
``--readme`` takes only the screenshots of the README and the guides, into docs/pictures.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.conftest import PORTRAITS
from tests.support.browsers import open_chromium
from tests.support.deliveries import CASE as GATHERED
from tests.support.deliveries import collected
from tests.support.guarded import WORLDS as GUARDED
from tests.support.looks import prepare_looks
from tests.support.reading_order import NOTHING_FLOATS
from tests.support.serving import Served, serving
from tests.support.story import open_story
from tests.support.widened import widened
from tests.support.world import CASE, PROBE, gallery

from lineament.model.cases import CaseTerms
from lineament.model.sources import SourceTerms
from lineament.web.addresses import case_address
from lineament.workspace import Workspace

DOCS = Path(__file__).parents[1] / "docs" / "pictures"
Scheme = Literal["light", "dark"]
LOOKS: dict[str, tuple[int, int, Scheme]] = {
    "1366": (1366, 768, "light"),
    "390": (390, 844, "light"),
    "dark": (1366, 768, "dark"),
}
"""Width, height and scheme, by the end of the names of the files."""
SHOWN = {
    "result-investigation": "result",
    "case-urgent": "case",
    "people": "people",
    "candidate": "review",
    "candidate-collected": "candidate",
}
"""The screenshots in the README and the guides, with the names of their files."""
COLOURS = 144
QUALITY = 70
_ALL_PICTURES = """async () => {
    for (const image of document.images) image.loading = "eager";
    await Promise.all([...document.images].map((image) => image.decode().catch(() => null)));
}"""
"""Waits for all images, also those that browsers load lazily."""


def add_examples(workspace: Workspace) -> None:
    """Add sources and cases, so that the lists look as in real use."""
    today = datetime.now(UTC).date()
    terms = [
        ("missing-persons", "Missing persons unit", "Consent of the family; LED Art. 10", 4),
        ("museum-loans", "National museum", "Agreement of 2026-03-02", -12),
        ("press-archive", "Press agency", "Contract of 2025-06-30; LED Art. 8", 210),
    ]
    for name, controller, basis, days in terms:
        expires = today + timedelta(days=days)
        workspace.desk_at_the_machine().sources.add(
            SourceTerms(name=name, controller=controller, basis=basis, jurisdiction="FR", expires_on=expires)
        )
    workspace.desk_at_the_machine().sources.suspend("press-archive")
    for ref, offence in (("OP/ELM 7", "Sexual abuse of a child"), ("2026-0398", "Theft from a museum")):
        workspace.desk_at_the_machine().casework.open(
            CaseTerms(ref=ref, offence=offence, purpose="to find who it shows", basis="CPP 77")
        )


def search(page: Page, photograph: Path, *, investigation: bool, case: str = CASE.ref) -> str:
    """Search with a photograph; return the address of the result."""
    page.goto(f"/search?case={case}")
    page.get_by_label("The photograph").set_input_files(photograph)
    page.get_by_role("button", name="Find the faces").click()
    page.wait_for_url("**/probes/*")
    page.get_by_label("Why is this face searched?").fill(
        "Is the man on the forged letterhead someone who was published?"
    )
    if investigation:
        page.get_by_label("Investigation").check()
    page.locator("#go").click()
    page.wait_for_url("**/searches/*")
    return page.url


def group(folder: Path) -> Path:
    """Write a photograph of several people, composed of the portraits; return its path."""
    together = Image.new("RGB", (1640, 520), (52, 58, 60))
    for at, name in enumerate(("obama", "sunak", "ardern-2018", "macron-2025")):
        portrait = Image.open(PORTRAITS / f"{name}.jpg").convert("RGB").resize((400, 500))
        together.paste(portrait, (10 + at * 406, 10))
    together.save(folder / "group.jpg", quality=92)
    return folder / "group.jpg"


def addresses(browser: Browser, served: Served, folder: Path) -> dict[str, str]:
    """Return the addresses of the pages by the names of their screenshots."""
    context = browser.new_context(base_url=served.url, viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto("/")
    empty = page.url
    page.goto(served.entrance)
    result = search(page, PROBE, investigation=False)
    investigation = search(page, PROBE, investigation=True)
    abuse = search(page, PORTRAITS / "ardern-2022.jpg", investigation=False, case="OP/ELM 7")
    faces = {}
    for name, photograph in (("faces", group(folder)), ("face", PROBE), ("none", blank(folder))):
        page.goto(f"/search?case={CASE.ref}")
        page.get_by_label("The photograph").set_input_files(photograph)
        page.get_by_role("button", name="Find the faces").click()
        page.wait_for_url("**/probes/*")
        faces[name] = page.url
    context.close()
    base = served.url
    return {
        "home-solo": empty,
        "cases-solo": f"{base}/cases",
        "case-new-solo": f"{base}/cases/new",
        "case-solo": base + case_address(CASE.ref),
        "case-blurred": base + case_address("OP/ELM 7"),
        "sources-solo": f"{base}/sources",
        "source-solo": f"{base}/sources/missing-persons",
        "photograph-solo": f"{base}/search?case={CASE.ref}",
        **faces,
        "result-solo": result,
        "result-investigation": investigation,
        "result-blurred": abuse,
        "candidate-solo": f"{investigation}/candidates/1",
        "ledger-solo": f"{base}/ledger",
        "keys-solo": f"{base}/help",
        "people-solo": f"{base}/people",
        "stop-solo": f"{base}/stop",
        "account-solo": f"{base}/account",
        "nothing-solo": f"{base}/nothing",
    }


def blank(folder: Path) -> Path:
    """Write a photograph without a face; return its path."""
    Image.linear_gradient("L").resize((900, 600)).convert("RGB").save(folder / "blank.jpg")
    return folder / "blank.jpg"


def alone(browser: Browser, folder: Path, camera: Shooter) -> None:
    """Take the pages of a person who works alone."""
    with gallery(folder / "ws") as workspace, serving(workspace) as served:
        add_examples(workspace)
        pages = addresses(browser, served, folder)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(served.entrance)
        for name, address in pages.items():
            camera(page, name, address)


def collection(browser: Browser, folder: Path, camera: Shooter) -> None:
    """Take the pages about sources and runs."""
    with collected(folder) as workspace, serving(workspace) as served:
        page = browser.new_context(base_url=served.url, viewport={"width": 1280, "height": 800}).new_page()
        page.goto(served.entrance)
        candidate = f"{search(page, PROBE, investigation=True, case=GATHERED.ref)}/candidates/1"
        page.goto(f"{served.url}/sources/web-archive")
        page.get_by_role("region", name="Runs").get_by_role("link").first.click()
        page.wait_for_url("**/runs/*")
        run = page.url
        for name, address in {
            "candidate-collected": candidate,
            "sources-collected": f"{served.url}/sources",
            "source-collected": f"{served.url}/sources/web-archive",
            "source-empty": f"{served.url}/sources/empty",
            "source-withdrawn": f"{served.url}/sources/old",
            "run-collected": run,
        }.items():
            camera(page, name, address)


def together(browser: Browser, folder: Path, camera: Shooter) -> None:
    """Take the pages of agencies."""
    with open_story(folder, browser) as story:
        for looks in prepare_looks(story).values():
            for look in looks:
                camera(look.actor.page, look.name, look.address)


def guarded(browser: Browser, folder: Path, camera: Shooter) -> None:
    """Take the pages on which a guard refuses, warns or proves, and those of watches, batches and several people."""
    for name, pages in (GUARDED | {"widened": widened}).items():
        (folder / name).mkdir()
        for shown in pages(folder / name, browser):
            expect(shown.page.locator("body")).to_contain_text(shown.words)  # its form was sent, and it has loaded
            if camera.wants(shown.name):
                camera.take(shown.page, shown.name)


class Shooter(Protocol):
    """Is shown the pages, one after another."""

    def __call__(self, page: Page, name: str, address: str) -> None:
        """Open a page, if it is wanted."""

    def wants(self, name: str) -> bool:
        """Return whether a page is wanted."""

    def take(self, page: Page, name: str) -> None:
        """Take the page that is open."""


@dataclass(frozen=True, slots=True)
class Camera:
    """Takes the requested screenshots."""

    folder: Path
    readme: bool
    only: frozenset[str]

    def __call__(self, page: Page, name: str, address: str) -> None:
        """Open a page and take its pictures, if they are wanted."""
        if not self.wants(name):
            return
        page.goto(address)
        self.take(page, name)

    def wants(self, name: str) -> bool:
        """Return whether pictures of a page are wanted."""
        return name in SHOWN if self.readme else not self.only or name in self.only

    def take(self, page: Page, name: str) -> None:
        """Take every look of the page that is open, or only the one for the README."""
        page.wait_for_load_state("networkidle")
        page.evaluate(_ALL_PICTURES)
        if not self.readme:
            page.evaluate(NOTHING_FLOATS)
        for look, (width, height, scheme) in list(LOOKS.items())[: 1 if self.readme else None]:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            taken = Image.open(io.BytesIO(page.screenshot(full_page=not self.readme))).convert("RGB")
            if self.readme:
                few = taken.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG)
                few.save(self.folder / f"{SHOWN[name]}.png", optimize=True)
            else:
                taken.save(self.folder / f"{name}-{look}.webp", quality=QUALITY, method=6)


WORLDS = {"alone": alone, "collection": collection, "together": together, "guarded": guarded}


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--readme", action="store_true")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME")
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=WORLDS, help="only these workspaces")
    given = parser.parse_args()
    into = given.folder or (DOCS if given.readme else DOCS / "pages")
    into.mkdir(parents=True, exist_ok=True)
    camera = Camera(into, given.readme, frozenset(given.only))
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        for name in given.worlds:
            (Path(folder) / name).mkdir()
            WORLDS[name](browser, Path(folder) / name, camera)


if __name__ == "__main__":
    main()
