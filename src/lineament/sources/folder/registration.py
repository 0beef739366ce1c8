"""Registers the connector for folders and single pictures."""

from __future__ import annotations

import os
from pathlib import Path

from lineament.sources.base import Connector
from lineament.sources.registry import Locations, Registration, Terms


def _recognises(untrusted: str) -> bool:
    """Return whether it is a folder, whatever its name, or a picture that is compressed by itself."""
    from lineament.sources.folder.connector import compressed

    return Path(untrusted).is_dir() or compressed(os.fsencode(untrusted))


def _connect(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.folder.connector import FolderConnector

    return FolderConnector(
        locations.paths, page_base=terms.page_base, max_bytes=terms.max_bytes, skip_hidden=terms.skip_hidden
    )


REGISTRATIONS = (
    Registration(
        kind="folder",
        reads="folders with all that is in them, hidden or not, and single pictures",
        recognised_by="being a folder, or nothing else",
        order=20,
        recognises=_recognises,
        connect=_connect,
        combines=True,
    ),
)
