"""Lists in parts: as many items as asked for, and a cursor for those that follow."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from lineament.errors import InvalidValue

_UNKNOWN = "it is no “next” of this list; leave it out to begin"
_MOST_NUMBER = 2**63
MOST = 200
USUAL = 50

Limit = Annotated[int, Query(ge=1, le=MOST, description="Most items of this part of the list.")]
After = Annotated[
    str | None,
    Query(max_length=200, description="The `next` of the part before; without it, the list begins."),
]


Place = TypeVar("Place", bound=int | str)


def cursor(place: int | str) -> str:
    """Return a cursor for what follows a place; only this server reads it."""
    return base64.urlsafe_b64encode(json.dumps([place], separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(untrusted: str | None, kind: type[Place]) -> Place | None:
    """Return the place in a cursor; None if there is no cursor. Raises InvalidValue."""
    if untrusted is None:
        return None
    try:
        padded = untrusted + "=" * (-len(untrusted) % 4)
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if isinstance(place, list) and len(place) == 1 and type(place[0]) is kind:
            found: Place = place[0]
            if _is_sound(found):
                return found
    except (ValueError, RecursionError):
        place = None
    raise InvalidValue(what="The cursor", value="…", why=_UNKNOWN, field="after")


def _is_sound(place: int | str) -> bool:
    return 0 <= place < _MOST_NUMBER if isinstance(place, int) else place.isascii() and place.isprintable()


Listed = TypeVar("Listed")


def first_part(
    found: Sequence[Listed], limit: int, place: Callable[[Listed], int | str]
) -> tuple[Sequence[Listed], str | None]:
    """Return the first ``limit`` of what was found, and the cursor of the next part; None if nothing follows.

    ``found`` has more items than that if something follows; ``place`` returns the place of an item.
    """
    shown = found[:limit]
    return shown, cursor(place(shown[-1])) if len(found) > limit else None


def part_of(
    items: Sequence[Listed], name: Callable[[Listed], str], limit: int, after: str | None
) -> tuple[Sequence[Listed], str | None]:
    """Return the part of a whole list that follows a cursor, and the cursor of the next part; None if none follows.

    ``name`` names an item. Raises InvalidValue for a cursor that names none.
    """
    begin = 0
    if (last := place_of(after, str)) is not None:
        names = [name(item) for item in items]
        if last not in names:
            raise InvalidValue(what="The cursor", value="…", why=_UNKNOWN, field="after")
        begin = names.index(last) + 1
    return first_part(items[begin:], limit, name)
