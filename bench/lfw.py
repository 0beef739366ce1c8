"""Finds LFW beside the checkout.

G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller, "Labeled Faces in the Wild", University of Massachusetts (2007).
Half of it is used: 250 x 250 pixels, with the named person in the middle.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lineament.model.packs import CURRENT
from lineament.settings import Settings
from lineament.vision import packs
from lineament.vision.packs import Pack

ROOT = Path(__file__).parents[1]
LFW = ROOT.parent / "shared" / "data" / "lfw"
OUT = ROOT / "bench" / "out"
WHOSE = (
    "press photographs of public figures from about 2002 to 2007; mostly adults, mostly men, mostly light-skinned, "
    "mostly facing the camera in good light"
)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Photographs:
    """All photographs, by person and number."""

    paths: tuple[Path, ...]

    @cached_property
    def people(self) -> NDArray[np.int64]:
        """The person of each photograph as a number, shape (photographs,)."""
        return np.unique([path.parent.name for path in self.paths], return_inverse=True)[1]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The people's names, by number."""
        return tuple(sorted({path.parent.name for path in self.paths}))

    def __len__(self) -> int:
        return len(self.paths)


def photographs(folder: Path = LFW) -> Photographs:
    """Return every photograph in ``folder``, which holds one folder for each person; stop if there is none."""
    paths = tuple(sorted(folder.glob("*/*.jpg")))
    if not paths:
        raise SystemExit(f"{folder} holds no folder of photographs; LFW belongs there, one folder for each person")
    return Photographs(paths)


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--lfw FOLDER``, for photographs other than those of LFW."""
    parser.add_argument("--lfw", type=Path, default=LFW, metavar="FOLDER", help="one folder for each person")


def add_pack_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--pack`` and ``--from``, for packs other than the one that ships."""
    parser.add_argument("--pack", default=CURRENT, metavar="NAME|MANIFEST", help="a shipped pack, a recipe or a file")
    parser.add_argument("--from", dest="folders", type=Path, nargs="*", default=[], metavar="FOLDER", help="its files")


def manifest_of(name: str) -> Path | None:
    """Return the manifest of a recipe of that name, or at that path; None for a pack that ships."""
    if name in packs.SHIPPED:
        return None
    recipe = packs.RECIPES / f"{name}.toml"
    return recipe if recipe.exists() else Path(name)


def pack_of(name: str, folders: Sequence[Path] = ()) -> Pack:
    """Return a pack that ships, that of a recipe, or that of a manifest; see ``add_pack_options``."""
    manifest = manifest_of(name)
    if manifest is None:
        return packs.shipped_pack(name, Settings().cache)
    return packs.load_pack(manifest, Settings().cache, folders)


def shipped_pack() -> Pack:
    """Return the pack of new workspaces, expanded in the folder that the settings name."""
    return packs.shipped_pack(CURRENT, Settings().cache)


LIMITS = {"max_pixels": 10**8, "max_bytes": 10**8, "memory": 1536 << 20, "seconds": 20}
