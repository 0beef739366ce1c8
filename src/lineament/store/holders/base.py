"""The port ``KeyHolder``: wraps and unwraps a few secrets under a key-encryption key that it need not give away.

The contract tests in tests/contract/test_key_holders.py hold for every implementation.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Protocol, runtime_checkable

from lineament.errors import KeyExposed, NoSuchFile

LONGEST_SECRET = 4096
"""Most bytes of a PIN or a token in its file."""


@runtime_checkable
class KeyHolder(Protocol):
    """Holds the key-encryption key (KEK) of a workspace, in one version or, during a rotation, in several.

    What it holds is never cached in this process: each call asks it again. Calls may come from several threads.
    Every method raises KeyHolderUnavailable if the holder cannot be asked.
    """

    @property
    def place(self) -> str:
        """Where the key is, for messages; no secret."""

    def create(self) -> None:
        """Make the first version of the key. Raises WorkspaceExists if there is one."""

    def wrap(self, plain: bytes, about: bytes) -> bytes:
        """Return ``plain`` encrypted and authenticated under the newest version, and bound to ``about``.

        Raises WrongKey if there is no key.
        """

    def unwrap(self, wrapped: bytes, about: bytes) -> bytes:
        """Return what any version that is still there wrapped with the same ``about``.

        Raises WrongKey if there is no key, or if the bytes, the key or ``about`` differ.
        """

    def rotate(self) -> None:
        """Add a version, which wraps from now on; earlier ones still unwrap."""

    def retire(self) -> None:
        """Destroy every version but the newest. Doing it again, also after a kill half way, changes nothing."""


def secret_in(path: Path) -> str:
    """Return the secret in a file of mode 0600, without its line end. Raises NoSuchFile or KeyExposed."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LONGEST_SECRET)
    except OSError:
        raise NoSuchFile(path=path) from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyExposed(path=path)
    return content.decode(errors="replace").strip()
