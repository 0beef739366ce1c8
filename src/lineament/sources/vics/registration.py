"""Registers the connector for case exports in the format of Project VIC."""

from __future__ import annotations

import os
import re

from lineament.sources.base import Connector
from lineament.sources.registry import Locations, Registration, Terms

_NAME = re.compile(rb"(?:.*[^a-z])?(?:project[ _-]?)?vics?(?:[^a-z].*)?\.json", re.DOTALL)


def recognises(untrusted: str) -> bool:
    """Return whether it is the name of a JSON file with “VIC” or “VICS” as a word of it."""
    return _NAME.fullmatch(os.path.basename(os.fsencode(untrusted)).lower()) is not None  # noqa: PTH119 - bytes


def _connect(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.vics.connector import VicsConnector

    return VicsConnector(locations.paths[0], terms.max_bytes, terms.beside)


REGISTRATIONS = (
    Registration(
        kind="vics",
        reads="case exports in the format of Project VIC (VICS 1.3 and 2.0), with their media beside them",
        recognised_by="a name as case-vics.json, with “VIC” or “VICS” as a word",
        order=75,
        recognises=recognises,
        connect=_connect,
    ),
)
