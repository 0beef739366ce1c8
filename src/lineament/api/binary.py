"""Bytes as the body of an answer."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
JPEG: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": {"image/jpeg": {"schema": BINARY}}}
}
"""For ``responses`` of a route that answers with a picture that we encoded ourselves."""
FOUND: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes.", "content": {"application/octet-stream": {"schema": BINARY}}}
}
"""For ``responses`` of a route that answers with bytes as they were found."""


def jpeg(data: bytes) -> Response:
    """Send a picture that we encoded ourselves."""
    return Response(data, media_type="image/jpeg")


def as_found(untrusted: bytes, name: str) -> Response:
    """Send untrusted bytes as they were found, to be saved under a name of ours; nothing in them runs."""
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
    }
    return Response(untrusted, media_type="application/octet-stream", headers=headers)
