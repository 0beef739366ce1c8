"""Folders of files for connectors. Connectors never decode, so the pictures need not be real."""

from __future__ import annotations

from pathlib import Path

from lineament.sources.base import Item, Refusal
from lineament.sources.folder.connector import FolderConnector

LIMIT = 10_000


def put(path: Path, text: str | bytes = b"picture") -> Path:
    """Write a file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read_folder(*paths: Path, page_base: str | None = None, max_bytes: int = LIMIT) -> list[Item | Refusal]:
    """Return what a connector yields for paths."""
    return list(FolderConnector(paths, page_base=page_base, max_bytes=max_bytes).items())


def names(found: list[Item | Refusal], folder: Path) -> dict[str, str]:
    """Return "picture" or the refusal for each name relative to the folder."""
    return {
        item.name.removeprefix(f"{folder}/"): "picture" if isinstance(item, Item) else str(item.why) for item in found
    }
