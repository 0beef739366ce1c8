"""Registers the connector for archives."""

from __future__ import annotations

from lineament.sources.base import Connector
from lineament.sources.registry import Locations, Registration, Terms, by_suffix

SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".tbz", ".txz", ".tzst", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def _connect(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.archive.connector import ArchiveConnector

    return ArchiveConnector(
        locations.paths[0], page_base=terms.page_base, max_bytes=terms.max_bytes, skip_hidden=terms.skip_hidden
    )


REGISTRATIONS = (
    Registration(
        kind="archive",
        reads="zip, 7z and tar archives, also in each other, with the pictures in them",
        recognised_by=", ".join(SUFFIXES),
        order=70,  # after those whose names may end in .gz as well
        recognises=by_suffix(*SUFFIXES),
        connect=_connect,
    ),
)
