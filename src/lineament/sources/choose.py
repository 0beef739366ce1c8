"""Chooses the connectors for the given names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from lineament.errors import InvalidValue, NoSuchFile
from lineament.sandbox.files import printable
from lineament.sources.base import Connector
from lineament.sources.registry import Locations, PageReader, Registration, Terms, registrations

FALLBACK = "folder"
"""The kind of a name that no connector recognises: a single picture, with any suffix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenConnector:
    """A connector for some of the given names."""

    kind: str
    connector: Connector
    locations: str  # absolute paths or addresses, sorted, one per line
    page: PageReader


def kind_of(untrusted: str) -> str:
    """Return the kind of a path or address, judged only by how it is written."""
    kinds = (registration.kind for registration in registrations().values() if registration.recognises(untrusted))
    return next(kinds, FALLBACK)


def choose(names: Sequence[str], terms: Terms, kind: str | None = None) -> list[ChosenConnector]:
    """Return connectors for all of ``names``, in their order.

    Raises:
        NoSuchFile: A path does not exist.
        InvalidValue: ``kind`` is not registered, a name is neither path nor address, or the source lacks a contact.
        HostRefused: An address may not be collected from.
    """
    if kind is not None and kind not in registrations():
        raise InvalidValue(what="The kind", value=kind[:40], why=f"it is one of {', '.join(registrations())}")
    chosen: list[ChosenConnector] = []
    for of_kind, group in groupby(names, key=lambda name: kind or kind_of(name)):
        registration, together = registrations()[of_kind], tuple(group)
        parts = [together] if registration.combines else [(name,) for name in together]
        chosen += [_connect(registration, part, terms) for part in parts]
    return chosen


def _connect(registration: Registration, names: tuple[str, ...], terms: Terms) -> ChosenConnector:
    locate = printable if registration.takes_addresses else _absolute
    locations = Locations(names=names, text="\n".join(sorted(map(locate, names))))
    return ChosenConnector(
        kind=registration.kind,
        connector=registration.connect(locations, terms),
        locations=locations.text,
        page=registration.page_reader(locations, terms),
    )


def _absolute(untrusted: str) -> str:
    """Return the printable absolute path. Raises InvalidValue or NoSuchFile if there is none."""
    shown = printable(untrusted[:100])
    if not untrusted.strip():
        raise InvalidValue(what="What to ingest", value=shown, why="name a file, a folder or an address")
    if "://" in untrusted:
        why = "it is a file, a folder, or an address that begins with http:// or https://; streams are never read"
        raise InvalidValue(what="What to ingest", value=shown, why=why)
    path = Path(untrusted)
    if not path.exists():
        raise NoSuchFile(path=printable(untrusted))
    return printable(str(path.absolute()))
