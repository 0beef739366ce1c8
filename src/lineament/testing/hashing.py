"""Passwords for tests that are not about hashing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lineament.identity import passwords


@contextmanager
def cheap_passwords() -> Iterator[None]:
    """Hash passwords with the least memory that argon2id takes, 8 KiB, within the block. Not thread-safe.

    Hashes that were made outside of the block are still verified, at their own cost.
    """
    memory = passwords.MEMORY
    passwords.MEMORY = 8
    passwords.hasher.cache_clear()
    try:
        yield
    finally:
        passwords.MEMORY = memory
        passwords.hasher.cache_clear()
