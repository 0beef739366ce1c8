"""Registers the connectors for what other systems export."""

from __future__ import annotations

from lineament.sources.base import Connector
from lineament.sources.registry import Locations, Registration, Terms, by_suffix, only_if_named

ITL_SUFFIXES = (".an2", ".eft", ".nist", ".nst", ".an")


def _itl(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.imports.itl import ItlConnector

    return ItlConnector(locations.paths[0], terms.max_bytes)


def _persons(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.imports.persons import PersonsConnector

    return PersonsConnector(locations.paths[0], terms.max_bytes, skip_hidden=terms.skip_hidden)


def _compreface(locations: Locations, terms: Terms) -> Connector:
    from lineament.sources.imports.persons import CompreFaceConnector

    return CompreFaceConnector(locations.paths[0], terms.max_bytes)


REGISTRATIONS = (
    Registration(
        kind="itl",
        reads="the photographs of faces in ANSI/NIST-ITL transactions",
        recognised_by=", ".join(ITL_SUFFIXES),
        order=60,
        recognises=by_suffix(*ITL_SUFFIXES),
        connect=_itl,
    ),
    Registration(
        kind="persons",
        reads="a folder with a folder for each person",
        recognised_by="`--as persons` only",
        order=80,
        recognises=only_if_named,
        connect=_persons,
    ),
    Registration(
        kind="compreface",
        reads="the answers of CompreFace's API, saved with its pictures",
        recognised_by="`--as compreface` only",
        order=90,
        recognises=only_if_named,
        connect=_compreface,
    ),
)
