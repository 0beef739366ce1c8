"""What a program sends besides JSON: bytes, and pictures in a multipart body; in memory only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from lineament.api.multipart import SentParts, read_multipart
from lineament.errors import InvalidValue

OF_BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""What the description of a route says whose body is bytes."""
_MOST_FIELDS = 10
_BODY = "The body"


async def _body(request: Request) -> bytes:
    return await request.body()


SentBytes = Annotated[bytes, Depends(_body)]
"""The body as it was sent."""


async def read_parts(request: Request, most_files: int) -> SentParts:
    """Return the parts of a multipart body. Raises InvalidValue if it is none, or has more files than that."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise InvalidValue(what=_BODY, value="…", why="send it as multipart/form-data", field="body")
    return await read_multipart(request, _BODY, most_files=most_files, most_texts=_MOST_FIELDS)


def of_parts(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """Return what the description of a route says whose body is multipart."""
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
