"""A gallery in which one search lists twenty faces: portraits as several sources might show them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageOps
from tests.conftest import PORTRAITS
from tests.support.world import MEBI

from lineament.model.sources import SourceTerms
from lineament.sources.folder.connector import FolderConnector
from lineament.workspace import Workspace

PEOPLE = ("obama", "sunak", "ardern-2018", "macron-2025")


def _shown(portrait: Image.Image, number: int) -> Image.Image:
    """Return a portrait as another source shows it, so that nobody takes the two for the same picture."""
    turned = portrait.rotate((0, 0, 9, -9, 14)[number], Image.Resampling.BICUBIC, fillcolor=(120, 120, 120))
    return ImageOps.mirror(turned) if number in {1, 3} else turned


def add_many_faces(workspace: Workspace, folder: Path) -> None:
    """Add five sources, each with another picture of four people."""
    desk = workspace.desk_at_the_machine()
    for number in range(5):
        name, photos = f"archive-{number + 1}", folder / f"archive-{number + 1}"
        photos.mkdir(parents=True)
        desk.sources.add(SourceTerms(name=name, controller="Archive", basis="consent", jurisdiction="FR"))
        for person in PEOPLE:
            with Image.open(PORTRAITS / f"{person}.jpg") as portrait:
                _shown(portrait.convert("RGB"), number).save(photos / f"{person}.jpg", quality=90)
        connector = FolderConnector([photos], page_base=None, max_bytes=MEBI)
        assert desk.ingest.run(name, connector, workers=1).faces == len(PEOPLE)
