"""Keys of programs, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.model.accounts import Permission
    from lineament.model.api_keys import MadeKey
    from lineament.services.people.api_keys import KeyInUse


def rights_json(rights: Iterable[Permission]) -> list[str]:
    """Return rights as JSON, in snake case and in the order of the alphabet."""
    return sorted(right.value.replace(" ", "_") for right in rights)


def key_json(found: KeyInUse) -> dict[str, Any]:
    """Return a key as JSON, which never has its text."""
    key = found.key
    return {
        "id": key.id,
        "name": key.name,
        "acts_for": key.made_by,
        "rights": rights_json(key.rights),
        "case": found.case,
        "sources": list(key.sources),
        "per_minute": key.per_minute,
        "signs": key.signing_secret is not None,
        "state": found.standing.value,
        "made_at": iso(key.made_at),
        "ends_at": iso(key.ends_at),
        "used_at": iso(key.used_at),
        "revoked_at": iso(key.revoked_at),
    }


def keys_json(found: Iterable[KeyInUse]) -> dict[str, Any]:
    """Return a list of keys as JSON."""
    return {"keys": [key_json(key) for key in found]}


def made_key_json(made: MadeKey) -> dict[str, Any]:
    """Return a new key as JSON, with its text, which is shown this once."""
    return {
        "id": made.key.id,
        "key": made.text,
        "access_key_id": made.key.id if made.key.signing_secret else None,
        "secret_access_key": made.key.signing_secret,
        "case": made.case,
        "ends_at": iso(made.key.ends_at),
    }
