"""Reads the content credentials (C2PA) of a picture in a worker, because a third-party parser reads hostile bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from itertools import islice
from typing import Any

from lineament.errors import NotRead
from lineament.model.credentials import UNREADABLE, Credentials
from lineament.sandbox.files import open_in_memory
from lineament.sandbox.process import WorkerLimits, messages_from
from lineament.sources.provenance import one_line

_WORKER = "lineament.sources.credentials.worker"
_LIMITS = WorkerLimits(message=2**16, patience=30, seconds=30)
_MARKS = (b"jumb", b"c2pa")
"""Both occur in every file with credentials (ISO/IEC 19566-5, C2PA 2.1); other files start no worker."""
_MAGIC = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG": "image/png",
    b"RIFF": "image/webp",
    b"GIF8": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}


def read_credentials(untrusted: bytes) -> Credentials | None:
    """Return the credentials of a picture, None if it has none; their state is “unreadable” if they are broken."""
    if not all(mark in untrusted for mark in _MARKS):
        return None
    picture = open_in_memory("picture", untrusted)
    try:
        with closing(messages_from(_WORKER, picture, _LIMITS, _media_type(untrusted))) as messages:
            (claims,) = (content for _, content in islice(messages, 2))  # a hostile worker may send without end
    except (NotRead, ValueError):
        return Credentials(state=UNREADABLE)
    return parse_claims(claims)


def parse_claims(untrusted: bytes) -> Credentials:
    """Parse what the worker sent; a hostile picture may have taken the worker over."""
    try:
        return _check(json.loads(untrusted))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Credentials(state=UNREADABLE)


def _media_type(untrusted: bytes) -> str:
    return next((kind for magic, kind in _MAGIC.items() if untrusted.startswith(magic)), "image/heic")


def _check(claims: Mapping[str, Any]) -> Credentials:
    return Credentials(
        state=one_line(str(claims["state"])) or UNREADABLE,
        generator=_line(claims["generator"]),
        issuer=_line(claims["issuer"]),
        signed_at=_line(claims["signed_at"]),
        kinds=tuple(filter(None, map(_line, claims["kinds"]))),
        reserved=tuple(filter(None, map(_line, claims["reserved"]))),
    )


def _line(untrusted: object) -> str | None:
    return one_line(untrusted[:300]) if isinstance(untrusted, str) else None
