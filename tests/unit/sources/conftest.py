"""A folder to fill. Connectors never decode, so the pictures need not be real."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineament.sources.base import Item, Refusal
from lineament.sources.folder.connector import FolderConnector

LIMIT = 10_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    return photos


def put(path: Path, text: str | bytes = b"picture") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read_folder(*paths: Path, page_base: str | None = None, max_bytes: int = LIMIT) -> list[Item | Refusal]:
    return list(FolderConnector(paths, page_base=page_base, max_bytes=max_bytes).items())


def names(found: list[Item | Refusal], folder: Path) -> dict[str, str]:
    """Return "picture" or the refusal for each name relative to the folder."""
    return {
        item.name.removeprefix(f"{folder}/"): "picture" if isinstance(item, Item) else str(item.why) for item in found
    }
