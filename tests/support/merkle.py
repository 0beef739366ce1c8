"""The root of a Merkle tree as RFC 9162 defines it, to compare ours with."""

from __future__ import annotations

from hashlib import sha256


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH, written as RFC 9162, 2.1.1 defines it."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()
