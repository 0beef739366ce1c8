"""Case exports of Project VIC among dropped files: which JSON files are some, and which files their records name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from lineament.errors import NotRead
from lineament.sandbox.files import locate
from lineament.sources.provenance import Unusable
from lineament.sources.vics.connector import paths_beside
from lineament.sources.vics.records import media_records, without_mark

HEAD = 2**16
"""How many bytes of a JSON file may stand before the name of its data model."""

_MODEL = re.compile(r'\s*\{.*"@?odata\.(?:metadata|context)"\s*:\s*"[^"]*/DataModels/', re.DOTALL | re.IGNORECASE)


def begins_as_export(untrusted: bytes) -> bool:
    """Return whether a JSON file names a data model of Project VIC in its first HEAD bytes; a side-car never does."""
    head, encoding = without_mark(untrusted[:HEAD])
    text = head.decode(encoding, "replace").replace("\\/", "/")
    return _MODEL.match(text) is not None


def media_paths(export: Path) -> Iterator[list[str]]:
    """Yield of each record of an export the paths below its folder that it may mean, as far as it can be read."""
    try:
        with closing(media_records(locate(export)[0], 0)) as found:
            for _, media in found:
                if not isinstance(media, Unusable):
                    yield _paths(media.relative_path)
    except NotRead:
        return  # the connector refused what follows, too


def _paths(stated: str) -> list[str]:
    try:
        return paths_beside(stated) if stated else []
    except NotRead:
        return []
