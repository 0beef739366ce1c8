"""What a program sends besides JSON: bytes, and pictures in a multipart body; in memory only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from lineament.errors import InvalidValue

OF_BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""What the description of a route says whose body is bytes."""
_MOST_FIELDS = 10
_MOST_FIELD_BYTES = 2**20


async def _body(request: Request) -> bytes:
    return await request.body()


SentBytes = Annotated[bytes, Depends(_body)]
"""The body as it was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A file in a multipart body; nothing of it was examined."""

    name: str
    untrusted: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SentParts:
    """The parts of a multipart body."""

    files: list[FilePart]
    texts: dict[str, str]


class _MemoryParser(MultiPartParser):
    """Starlette's parser without its temporary files: no picture is on disk unsealed."""

    spool_max_size = 2**62


async def read_parts(request: Request, most_files: int) -> SentParts:
    """Return the parts of a multipart body. Raises InvalidValue if it is none, or has more files than that."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise _unreadable("send it as multipart/form-data")
    parser = _MemoryParser(
        request.headers,
        request.stream(),
        max_files=most_files,
        max_fields=_MOST_FIELDS,
        max_part_size=_MOST_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise _unreadable(f"it cannot be read ({error.message})") from error
    files, texts = [], {}
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                files.append(FilePart(name=value.filename or "", untrusted=await value.read()))
            else:
                texts[name] = value
    finally:
        await form.close()
    return SentParts(files=files, texts=texts)


def of_parts(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """Return what the description of a route says whose body is multipart."""
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _unreadable(why: str) -> InvalidValue:
    return InvalidValue(what="The body", value="…", why=why, field="body")
