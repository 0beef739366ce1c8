"""Style and scripts, read once from the package. Only their names are looked up: no path is ever opened."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from fastapi import Request
from fastapi.responses import Response

from lineament.errors import NotFound
from lineament.model.accounts import Permission
from lineament.web.pages import Pages

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One of our static files."""

    data: bytes
    media_type: str
    digest: str  # the first 12 hex digits of its SHA-256; part of its address, so that the address changes with it


def load() -> Mapping[str, Asset]:
    """Read every file in ``static/``, by name."""
    assets = {}
    for entry in files("lineament.web").joinpath("static").iterdir():
        kind = MEDIA_TYPES.get(entry.name[entry.name.rfind(".") :])
        if kind is not None:
            data = entry.read_bytes()
            assets[entry.name] = Asset(data, kind, hashlib.sha256(data).hexdigest()[:12])
    return assets


pages = Pages()


@pages.page("/static/{name}", access=Permission.PUBLIC)
async def asset(request: Request, name: str, v: str = "") -> Response:
    """A style sheet or script."""
    found: Asset | None = request.app.state.assets.get(name)
    if found is None:
        raise NotFound(what="file", name=name, hint="nothing; it is not part of the pages")
    caching = _FOREVER if v == found.digest else "no-cache"
    return Response(found.data, media_type=found.media_type, headers={"cache-control": caching})
