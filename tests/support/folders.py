"""Folders of files for connectors. Connectors never decode, so the pictures need not be real."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lineament.sources.base import Connector, Item, LeftOut, Refusal
from lineament.sources.folder.connector import FolderConnector

LIMIT = 10_000


def put(path: Path, text: str | bytes = b"picture") -> Path:
    """Write a file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read_folder(*paths: Path, page_base: str | None = None, max_bytes: int = LIMIT) -> list[Item | Refusal]:
    """Return the pictures and refusals that a connector yields for paths."""
    return taken_and_refused(FolderConnector(paths, page_base=page_base, max_bytes=max_bytes))


def taken_and_refused(connector: Connector) -> list[Item | Refusal]:
    """Return what a connector yields, without what it only counts."""
    return [found for found in connector.items() if not isinstance(found, LeftOut)]


def left_out(connector: Connector) -> Counter[str]:
    """Return what a connector only counts, by kind."""
    counts: Counter[str] = Counter()
    for found in connector.items():
        if isinstance(found, LeftOut):
            counts[found.kind.value] += found.many
    return counts


def names(found: list[Item | Refusal], folder: Path) -> dict[str, str]:
    """Return "picture" or the refusal for each name relative to the folder."""
    return {
        item.name.removeprefix(f"{folder}/"): "picture" if isinstance(item, Item) else str(item.why) for item in found
    }
