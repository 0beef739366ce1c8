"""Uploads of many pictures, which go on where they were: files are listed, sent part by part, and taken in by a job."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field, StringConstraints

from lineament.api.routes import CurrentCall, Routes
from lineament.api.sent import OF_BYTES, SentBytes
from lineament.api.shapes import AskedFor, Count, RefusedShape
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.model.drops import PART, OfferedFile
from lineament.services.gallery.take_in import MOST_LISTED, MOST_PARTS, MOST_SENT, SentPart
from lineament.views.enrolled import files_json, upload_json

routes = Routes("uploads")

MOST_HEAD = 64 * 2**10
"""Most bytes of the line that names the parts of a request."""
_LARGEST = 2**53
_LONGEST_PATH = 4000


class ArrivedShape(BaseModel):
    """How much of an upload is durable."""

    files: int = Field(description="Whole files.")
    bytes: int
    refused: int = Field(description="Files that are refused without being sent.")


class UploadShape(BaseModel):
    """How far an upload is."""

    upload: str
    begun_at: datetime
    ended_at: datetime | None = Field(description="When all of it was taken in, or it was stopped.")
    files: int = Field(description="Files that are listed.")
    bytes: int
    listed: bool = Field(description="Whether the list is complete.")
    arrived: ArrivedShape
    job: str | None = Field(description="The last job that takes it in.")
    run: int | None = Field(description="The number of its run within the source, once one has begun.")
    counts: dict[str, int] = Field(description="Pictures by outcome, so far.")
    faces: int
    refused_first: list[RefusedShape]


class UploadedFile(BaseModel):
    """A file of an upload."""

    file: int = Field(description="Its number.")
    path: str
    size: int
    received: int = Field(description="Bytes that are durable; the next part begins here.")
    why: str | None = Field(description="Why it is refused without being sent.")


class UploadFiles(BaseModel):
    """Files of an upload."""

    files: list[UploadedFile]


class FileAsked(AskedFor):
    """A file that is going to be sent."""

    path: Annotated[str, StringConstraints(max_length=_LONGEST_PATH)]
    size: Count = Field(description="In bytes.")
    modified: Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)] = Field(
        default=0, description="Milliseconds since 1970; with path and size it tells whether a file is known."
    )


class FilesAsked(AskedFor):
    """Files that are going to be sent."""

    files: Annotated[list[FileAsked], Field(max_length=MOST_LISTED)]
    last: bool = Field(default=False, description="Whether the list is complete; the upload is then taken in.")
    notify: bool = Field(default=False, description="With last: tell the agency's web hooks when it was taken in.")


class GivenUp(AskedFor):
    """Files that are not sent any more."""

    files: Annotated[list[Count], Field(max_length=MOST_LISTED, description="Their numbers.")]


class ReceivedFile(BaseModel):
    """How much of a file is durable."""

    file: int
    received: int


class ReceivedShape(BaseModel):
    """How much of each file in a request is durable."""

    received: list[ReceivedFile]


@routes.act("/v1/sources/{source}/uploads", access=Permission.MANAGE_SOURCES, response_model=UploadShape)
def begin_upload(call: CurrentCall, source: str) -> Any:
    """Begin an upload into a source, or go on with the one that is under way.

    Each official has one at a time in each source. An upload of which nothing arrives for seven days is deleted.
    """
    take_in, name = call.desk.take_in, call.source(source)
    return upload_json(take_in.standing(name, take_in.begin(name).id))


@routes.read("/v1/sources/{source}/uploads/{upload}", access=Permission.MANAGE_SOURCES, response_model=UploadShape)
def show_upload(call: CurrentCall, source: str, upload: str) -> Any:
    """Read how much of an upload has arrived, and was taken in."""
    return upload_json(call.desk.take_in.standing(call.source(source), upload))


@routes.act("/v1/sources/{source}/uploads/{upload}/files", access=Permission.MANAGE_SOURCES, response_model=UploadFiles)
def list_upload_files(call: CurrentCall, source: str, upload: str, asked: FilesAsked) -> Any:
    """List files of an upload; the answer has their numbers, and what of each has arrived.

    A file with the path, the size and the time of one in the list is that file. A side-car (FILE.json, captures.csv)
    says where a picture is from, as in a folder.
    """
    offered = [OfferedFile(path=file.path, size=file.size, modified=file.modified) for file in asked.files]
    name = call.source(source)
    return files_json(call.desk.take_in.offer(name, upload, offered, last=asked.last, notify=asked.notify))


@routes.read(
    "/v1/sources/{source}/uploads/{upload}/missing", access=Permission.MANAGE_SOURCES, response_model=UploadFiles
)
def missing_upload_files(
    call: CurrentCall,
    source: str,
    upload: str,
    after: Annotated[int, Query(ge=0, le=_LARGEST, description="The number of the last file of the part before.")] = 0,
) -> Any:
    """List the next files of an upload of which something is yet to arrive."""
    return files_json(call.desk.take_in.missing(call.source(source), upload, after, MOST_LISTED))


@routes.act(
    "/v1/sources/{source}/uploads/{upload}/parts",
    access=Permission.MANAGE_SOURCES,
    method="PUT",
    most=MOST_SENT + MOST_HEAD,
    response_model=ReceivedShape,
    openapi_extra=OF_BYTES,
)
def send_upload_parts(call: CurrentCall, source: str, upload: str, content: SentBytes) -> Any:
    """Send parts of files, of one or of many; the answer says how many bytes of each file are durable.

    The body begins with one line: a list in JSON that has for each part the number of its file, its first byte and its
    length, as [[1,0,4096],[2,0,517]]. After the line feed come the bytes of the parts, in that order. Every part has
    4 MiB, except the last of a file. A part that is durable already is not written again, and one that comes before
    its turn is left out.
    """
    received = call.desk.take_in.take(call.source(source), upload, parts_in(content))
    return {"received": [{"file": number, "received": many} for number, many in sorted(received.items())]}


@routes.act(
    "/v1/sources/{source}/uploads/{upload}/give-up", access=Permission.MANAGE_SOURCES, response_model=UploadShape
)
def give_up_upload_files(call: CurrentCall, source: str, upload: str, asked: GivenUp) -> Any:
    """Have files of an upload refused that cannot be read any more, so that nothing waits for them."""
    take_in, name = call.desk.take_in, call.source(source)
    take_in.give_up(name, upload, asked.files)
    return upload_json(take_in.standing(name, upload))


@routes.act("/v1/sources/{source}/uploads/{upload}/stop", access=Permission.MANAGE_SOURCES, response_model=UploadShape)
def stop_upload(call: CurrentCall, source: str, upload: str) -> Any:
    """Delete what of an upload is not taken in yet; what is taken in stays."""
    take_in, name = call.desk.take_in, call.source(source)
    return upload_json(take_in.standing(name, take_in.stop(name, upload).id))


def parts_in(untrusted: bytes) -> list[SentPart]:
    """Return the parts in a body: a line that names them, and their bytes. Raises InvalidValue."""
    end = untrusted.find(b"\n", 0, MOST_HEAD)
    try:
        named = json.loads(untrusted[:end]) if end >= 0 else None
    except (ValueError, RecursionError):
        named = None
    if not isinstance(named, list) or len(named) > MOST_PARTS:
        raise _wrong(f"it begins with a line that lists at most {MOST_PARTS} parts in JSON")
    content, at, found = memoryview(untrusted)[end + 1 :], 0, []
    for entry in named:
        if not (isinstance(entry, list) and len(entry) == 3 and all(map(_is_whole, entry))):
            raise _wrong("each part has the number of a file, its first byte and its length")
        number, first, length = entry
        if length > PART:
            raise _wrong(f"a part has at most {PART:,} bytes")
        found.append(SentPart(number=number, first=first, untrusted=content[at : at + length]))
        at += length
    if at != len(content):
        raise _wrong(f"its parts have {at:,} bytes, but {len(content):,} were sent")
    return found


def _is_whole(entry: object) -> bool:
    return isinstance(entry, int) and not isinstance(entry, bool) and 0 <= entry <= _LARGEST


def _wrong(why: str) -> InvalidValue:
    return InvalidValue(what="The body", value="…", why=why, field="body")
