"""Pictures of every page at 1366 and 390 pixels, light and dark, for eyes to judge; one of them is the README's.

    python -m bench.screenshots [FOLDER] [--readme]

The pages are those of a workspace made for the purpose from the portraits that ship with Lineament. With ``--readme``
the candidate list alone is taken, into docs/pictures/result.png.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from tests.conftest import PORTRAITS
from tests.serving import CASE, PROBE, Served, serving, with_gallery

from lineament.model.cases import CaseTerms
from lineament.model.sources import SourceTerms
from lineament.web.addresses import case_address
from lineament.workspace import Workspace

DOCS = Path(__file__).parents[1] / "docs" / "pictures"
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
LOOKS = [(width, scheme) for width in (1366, 390) for scheme in SCHEMES]
HEIGHT = {1366: 768, 390: 844}
ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update"]
COLOURS = 192


def furnished(workspace: Workspace) -> None:
    """More sources and cases, so that the lists look as they do in use."""
    today = datetime.now(UTC).date()
    terms = [
        ("missing-persons", "Missing persons unit", "Consent of the family; LED Art. 10", 4),
        ("museum-loans", "National museum", "Agreement of 2026-03-02", -12),
        ("press-archive", "Press agency", "Contract of 2025-06-30; LED Art. 8", 210),
    ]
    for name, controller, basis, days in terms:
        expires = today + timedelta(days=days)
        workspace.sources.add(
            SourceTerms(name=name, controller=controller, basis=basis, jurisdiction="FR", expires_on=expires)
        )
    workspace.sources.suspend("press-archive")
    for ref, offence in (("OP/ELM 7", "Sexual abuse of a child"), ("2026-0398", "Theft from a museum")):
        workspace.casework.open(CaseTerms(ref=ref, offence=offence, purpose="to find who it shows", basis="CPP 77"))


def search(page: Page, photograph: Path, *, investigation: bool, case: str = CASE.ref) -> str:
    """Search with a photograph; the address of the result."""
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
    """A photograph of several people, put together from the portraits."""
    together = Image.new("RGB", (1640, 520), (52, 58, 60))
    for at, name in enumerate(("obama", "sunak", "ardern-2018", "macron-2025")):
        portrait = Image.open(PORTRAITS / f"{name}.jpg").convert("RGB").resize((400, 500))
        together.paste(portrait, (10 + at * 406, 10))
    together.save(folder / "group.jpg", quality=92)
    return folder / "group.jpg"


def addresses(browser: Browser, served: Served, folder: Path) -> dict[str, str]:
    """What is to be seen, by the name of its picture."""
    context = browser.new_context(base_url=served.url, viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto("/")
    empty = page.url
    page.goto(served.entrance)
    found = search(page, PROBE, investigation=False)
    many = search(page, PROBE, investigation=True)
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
        "home": empty,
        "cases": f"{base}/cases",
        "case-new": f"{base}/cases/new",
        "case": base + case_address(CASE.ref),
        "case-blurred": base + case_address("OP/ELM 7"),
        "sources": f"{base}/sources",
        "source": f"{base}/sources/missing-persons",
        "photograph": f"{base}/search?case={CASE.ref}",
        **faces,
        "result": found,
        "result-investigation": many,
        "result-blurred": abuse,
        "candidate": f"{many}/candidates/1",
        "ledger": f"{base}/ledger",
        "keys": f"{base}/help",
        "nothing": f"{base}/nothing",
    }


def blank(folder: Path) -> Path:
    """A photograph of nobody."""
    Image.linear_gradient("L").resize((900, 600)).convert("RGB").save(folder / "blank.jpg")
    return folder / "blank.jpg"


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=DOCS)
    parser.add_argument("--readme", action="store_true")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        with with_gallery(folder / "ws", folder / "photos") as workspace, serving(workspace) as served:
            furnished(workspace)
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
            seen = addresses(browser, served, folder)
            if asked.readme:
                seen, looks = {"result": seen["result-investigation"]}, LOOKS[:1]
            else:
                looks = LOOKS
            for width, scheme in looks:
                _taken(browser, served, seen, width, scheme, asked)
            browser.close()


def _taken(
    browser: Browser, served: Served, seen: dict[str, str], width: int, scheme: Scheme, asked: argparse.Namespace
) -> None:
    context = browser.new_context(viewport={"width": width, "height": HEIGHT[width]}, color_scheme=scheme)
    page = context.new_page()
    page.goto(served.entrance)
    for name, address in seen.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        path = asked.folder / (f"{name}.png" if asked.readme else f"{name}-{width}-{scheme}.png")
        page.screenshot(path=path)
        if asked.readme:
            Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG).save(
                path, optimize=True
            )
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    context.close()


if __name__ == "__main__":
    main()
