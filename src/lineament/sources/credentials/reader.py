"""Content credentials (C2PA) in a picture, read in a process of its own: hostile bytes, and a parser by others."""

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
"""Both are in every file with credentials in it (ISO/IEC 19566-5, C2PA 2.1); one that has none starts no process."""
_MAGIC = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG": "image/png",
    b"RIFF": "image/webp",
    b"GIF8": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}


def read_credentials(untrusted: bytes) -> Credentials | None:
    """What the credentials of a picture say, and None where it has none; state “unreadable” where they are broken."""
    if not all(mark in untrusted for mark in _MARKS):
        return None
    try:
        said = [content for _, content in messages_from(_WORKER, _file(untrusted), _LIMITS, _media_type(untrusted))]
    except NotRead:
        said = []
    return parse_claims(said[0]) if said else Credentials(state=UNREADABLE)


def parse_claims(untrusted: bytes) -> Credentials:
    """What the process that reads them answered, which may have been taken over by the picture."""
    try:
        return _checked(json.loads(untrusted))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Credentials(state=UNREADABLE)


def _media_type(untrusted: bytes) -> str:
    return next((kind for magic, kind in _MAGIC.items() if untrusted.startswith(magic)), "image/heic")


def _file(untrusted: bytes) -> int:
    """The bytes as an open file, in memory alone."""
    try:
        descriptor = os.memfd_create("picture", os.MFD_CLOEXEC)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(untrusted)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:
        raise StorageFull(path="memory") from None
    return descriptor


def _checked(said: Mapping[str, Any]) -> Credentials:
    return Credentials(
        state=one_line(str(said["state"])) or UNREADABLE,
        generator=_line(said["generator"]),
        issuer=_line(said["issuer"]),
        signed_at=_line(said["signed_at"]),
        kinds=tuple(filter(None, map(_line, said["kinds"]))),
        reserved=tuple(filter(None, map(_line, said["reserved"]))),
    )


def _line(untrusted: object) -> str | None:
    return one_line(untrusted[:300]) if isinstance(untrusted, str) else None
