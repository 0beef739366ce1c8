"""Model packs as JSON and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lineament.services.gallery.packs import KnownPack


def state_words(pack: KnownPack) -> str:
    """Return whether a pack is in use, or how far the gallery is moved to it; and what is wrong with it."""
    words = []
    if pack.in_use:
        words.append("in use")
    if pack.left is not None:
        words.append(f"the gallery is being moved to it: {pack.left:,} pictures left")
    if pack.description.trouble:
        words.append(f"cannot be used: {pack.description.trouble}")
    return "; ".join(words)


def packs_json(packs: Sequence[KnownPack]) -> dict[str, Any]:
    """Return the list of packs."""
    return {"packs": [pack_json(pack) for pack in packs]}


def pack_json(pack: KnownPack) -> dict[str, Any]:
    """Return a pack as one line of the list."""
    of = pack.description
    return {
        "name": of.manifest.name,
        "model": of.model,
        "dimension": of.manifest.dimension if pack.added is None else pack.added.dimension,
        "licence": of.manifest.licence,
        "measured": of.measured,
        "shipped": pack.added is None,
        "in_use": pack.in_use,
        "pictures_left": pack.left,
        "trouble": of.trouble or None,
    }
