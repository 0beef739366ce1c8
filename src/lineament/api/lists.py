"""Lists in parts: as many items as asked for, and a cursor for those that follow."""

from __future__ import annotations

import base64
import json
from typing import Annotated

from fastapi import Query

from lineament.errors import InvalidValue

MOST = 200
USUAL = 50

Limit = Annotated[int, Query(ge=1, le=MOST, description="Most items of this part of the list.")]
After = Annotated[
    str | None,
    Query(max_length=200, description="The `next` of the part before; without it, the list begins."),
]


def cursor(*place: int | str) -> str:
    """Return a cursor for what follows a place; only this server reads it."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(untrusted: str | None, kind: type[int | str] = int) -> int | str | None:
    """Return the place in a cursor of one value; None if there is no cursor. Raises InvalidValue."""
    if untrusted is None:
        return None
    try:
        padded = untrusted + "=" * (-len(untrusted) % 4)
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if isinstance(place, list) and len(place) == 1 and type(place[0]) is kind:
            found: int | str = place[0]
            return found
    except (ValueError, RecursionError):
        place = None
    why = "it is no “next” of this list; leave it out to begin"
    raise InvalidValue(what="The cursor", value="…", why=why, field="after")
