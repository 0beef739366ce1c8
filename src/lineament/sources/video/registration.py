"""Registers the connector for video files."""

from __future__ import annotations

from lineament.sources.base import Connector
from lineament.sources.registry import Locations, Registration, Terms, by_suffix

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"),
    *(".ts", ".mts", ".m2ts", ".vob", ".wmv", ".asf", ".flv", ".ogv", ".mxf", ".dv"),
)


def _connect(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.video.connector import VideoConnector

    return VideoConnector(locations.paths[0], page_base=terms.page_base, max_bytes=terms.max_bytes)


REGISTRATIONS = (
    Registration(
        kind="video",
        reads="video files, frame by frame; never streams",
        recognised_by=", ".join(SUFFIXES),
        order=50,
        recognises=by_suffix(*SUFFIXES),
        connect=_connect,
    ),
)
