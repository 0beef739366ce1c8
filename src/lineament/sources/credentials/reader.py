"""Reads the content credentials (C2PA) of a picture in a worker, because a third-party parser reads hostile bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from lineament.errors import NotRead, StorageFull
from lineament.model.credentials import UNREADABLE, Credentials
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
    try:
        messages = messages_from(_WORKER, _file(untrusted), _LIMITS, _media_type(untrusted))
        contents = [content for _, content in messages]
    except NotRead:
        contents = []
    return parse_claims(contents[0]) if contents else Credentials(state=UNREADABLE)


def parse_claims(untrusted: bytes) -> Credentials:
    """Parse what the worker sent; a hostile picture may have taken the worker over."""
    try:
        return _check(json.loads(untrusted))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Credentials(state=UNREADABLE)


def _media_type(untrusted: bytes) -> str:
    return next((kind for magic, kind in _MAGIC.items() if untrusted.startswith(magic)), "image/heic")


def _file(untrusted: bytes) -> int:
    """Return the descriptor of a file in memory that holds the bytes."""
    try:
        descriptor = os.memfd_create("picture", os.MFD_CLOEXEC)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(untrusted)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:
        raise StorageFull(path="memory") from None
    return descriptor


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
