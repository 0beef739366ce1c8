"""Registers the connector for manifests."""

from __future__ import annotations

from lineament.sources.base import Connector
from lineament.sources.registry import Locations, Registration, Terms, by_suffix

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


def _connect(locations: Locations, terms: Terms) -> Connector:
    """Addresses are fetched only if the source lists hosts; otherwise only files beside the manifest are read."""
    from lineament.sources.manifest.connector import ManifestConnector

    if not terms.hosts:
        return ManifestConnector(locations.paths[0], None, terms.max_bytes, terms.beside)
    from lineament.sources.crawl.fetch import HostFetcher
    from lineament.sources.permission.hosts import Hosts

    fetcher = HostFetcher(Hosts(terms.hosts), terms.required_contact(), terms.max_bytes)
    return ManifestConnector(locations.paths[0], fetcher, terms.max_bytes, terms.beside)


REGISTRATIONS = (
    Registration(
        kind="manifest",
        reads="tables and lists of addresses, or of files beside them",
        recognised_by=", ".join(SUFFIXES),
        order=40,
        recognises=by_suffix(*SUFFIXES),
        connect=_connect,
    ),
)
