"""Pictures for a source in one request: each is told what became of it, and the faces that it has in the gallery."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from lineament.api.multipart import SentParts
from lineament.api.routes import CurrentCall, Routes
from lineament.api.sent import of_parts, read_parts
from lineament.api.shapes import GalleryFace
from lineament.errors import InvalidValue
from lineament.model.accounts import Permission
from lineament.services.gallery.enrol import SentPicture
from lineament.sources.provenance import FIELDS
from lineament.views.enrolled import enrolled_json

routes = Routes("pictures")

MOST_PICTURES = 100
"""Most pictures of a request; more are uploaded."""
MOST_TOGETHER = 64 * 2**20
"""Most bytes of a request with pictures."""


class PictureShape(BaseModel):
    """What became of a picture."""

    name: str = Field(description="As it was sent.")
    sha256: str
    outcome: str = Field(description="enrolled, no_face, too_weak, already_there, another_place, refused or another.")
    words: str = Field(description="The outcome in words.")
    why: str | None = Field(description="Why it was refused.")
    faces: list[GalleryFace] = Field(description="The faces that the gallery has of this file.")


class PicturesShape(BaseModel):
    """What became of the pictures, in the order in which they were sent."""

    pictures: list[PictureShape]


async def _read(request: Request) -> SentParts:
    return await read_parts(request, MOST_PICTURES)


_ABOUT = of_parts(
    {
        "picture": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": f"The files, at most {MOST_PICTURES}, each under its name.",
        },
        "provenance": {
            "type": "string",
            "description": f"A list in JSON: for each picture null, or an object with {', '.join(FIELDS)}.",
        },
    },
    ["picture"],
)


@routes.act(
    "/v1/sources/{source}/pictures",
    access=Permission.MANAGE_SOURCES,
    most=MOST_TOGETHER,
    response_model=PicturesShape,
    openapi_extra=_ABOUT,
)
def enrol_pictures(call: CurrentCall, source: str, parts: Annotated[SentParts, Depends(_read)]) -> Any:
    """Take pictures into a source, and answer once all of them are in the gallery or refused.

    Each picture has its own outcome: one that cannot be used keeps no other out.
    """
    if not parts.files:
        raise InvalidValue(what="The body", value="without a picture", why="send at least one file", field="picture")
    stated = _stated(parts)
    pictures = [
        SentPicture(name=file.name[:200], untrusted=file.untrusted, stated=said)
        for file, said in zip(parts.files, stated, strict=True)
    ]
    return {"pictures": [enrolled_json(found) for found in call.desk.enrol.run(call.source(source), pictures)]}


def _stated(parts: SentParts) -> list[dict[str, object] | None]:
    """Return what the request says about each of its pictures. Raises InvalidValue."""
    text = dict(parts.texts).get("provenance")
    if text is None:
        return [None] * len(parts.files)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != len(parts.files):
        why = f"it is no list in JSON with one entry for each of the {len(parts.files):,} pictures"
        raise InvalidValue(what="The provenance", value="…", why=why, field="provenance")
    if not all(entry is None or isinstance(entry, dict) for entry in found):
        why = "each of its entries is null or an object"
        raise InvalidValue(what="The provenance", value="…", why=why, field="provenance")
    return found
