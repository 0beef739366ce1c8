"""Addresses of pages: a case's own reference as one part of a path, and links that may be followed."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

_PLAIN = re.compile(r"[A-Za-z0-9_-]")


def slug(ref: str) -> str:
    """Return a reference as one path segment: letters, digits, ``-`` and ``_`` as they are, other bytes as ``~2F``.

    Percent-encoding does not work here: servers and browsers decode ``%2F`` and ``%2E%2E`` before they read the path.
    """
    return "".join(
        character if _PLAIN.fullmatch(character) else "".join(f"~{byte:02X}" for byte in character.encode())
        for character in ref
    )


def unslug(untrusted_segment: str) -> str:
    """Return the reference of a path segment; anything else gives a reference that no case has."""
    return unquote_to_bytes(untrusted_segment.replace("%", "").replace("~", "%")).decode(errors="replace")


def case_address(ref: str) -> str:
    """Return the address of a case."""
    return f"/cases/{slug(ref)}"


def search_address(search_id: str) -> str:
    """Return the address of a search."""
    return f"/searches/{quote(search_id, safe='')}"


def candidate_address(search_id: str, name: str | int) -> str:
    """Return the address of a candidate: its name is its rank, or while that is hidden a random one."""
    return f"{search_address(search_id)}/candidates/{quote(str(name), safe='')}"


def new_search_address(case_key: str | None = None) -> str:
    """Return the address of the form of a new search, in a case if one is chosen."""
    return "/search" if case_key is None else f"/search?case={quote(case_key, safe='')}"


def probe_address(probe_id: str) -> str:
    """Return the address of a probe."""
    return f"/probes/{quote(probe_id, safe='')}"


def batch_address(batch_id: str) -> str:
    """Return the address of a batch of photographs."""
    return f"/batches/{quote(batch_id, safe='')}"


def source_address(name: str) -> str:
    """Return the address of a source."""
    return f"/sources/{quote(name, safe='')}"


def followable(untrusted_uri: str | None) -> str | None:
    """Return the URI if a person may follow it (only http and https), else None."""
    if untrusted_uri is None or not untrusted_uri.isprintable():
        return None
    try:
        parts = urlsplit(untrusted_uri)
    except ValueError:
        return None
    return untrusted_uri if parts.scheme in {"http", "https"} and parts.hostname else None


def site(untrusted_uri: str) -> str:
    """Return the host of a URI, for a short line."""
    try:
        return urlsplit(untrusted_uri).hostname or untrusted_uri
    except ValueError:
        return untrusted_uri
