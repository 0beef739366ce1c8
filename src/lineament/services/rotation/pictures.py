"""Pictures and files that a rotation seals again."""

from __future__ import annotations

from collections.abc import Iterable

from lineament.errors import Damaged
from lineament.store.blobs import Blobs
from lineament.store.keys import DataKey


def seal_again(blobs: Blobs, old: DataKey, new: DataKey, addresses: Iterable[str]) -> dict[str, str]:
    """Seal pictures under another key; return their old and new addresses, without those that open under no key.

    Raises Damaged if the system does not let one be read: it may at another time, and then the old key is needed.
    """
    moved = {}
    for address in addresses:
        try:
            plain = blobs.get(old, address)
        except Damaged as error:
            if isinstance(error.__cause__, OSError):
                raise
            continue
        moved[address] = blobs.put(new, plain)
    return moved
