"""Keeps erased pictures and faces from being ingested again, by keyed digests (R33)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from lineament.model.faces import Box, Face
from lineament.store.db import Tx
from lineament.store.ring import KeyRing

REACH = 0.2
"""How far from the middle of a drawn box an erased face is looked for, as a share of its shorter side."""
MOST_REACH = 40
"""Most pixels of that distance."""


class Suppression:
    """Computes keyed digests of URIs, pictures and regions of pictures; without the key they reveal nothing."""

    def __init__(self, keys: KeyRing) -> None:
        self._key = keys.derive("suppression")

    def capture(self, uri: str, sha256: str) -> list[bytes]:
        """Return the digests that suppress a whole picture: of its URI and of its bytes."""
        return [self._digest("uri", uri), self._digest("picture", sha256)]

    def face(self, sha256: str, box: Box, part: int = 1) -> bytes:
        """Return the digest that suppresses one face of a group picture, wherever the same bytes are found.

        ``part``: which picture of the file shows it, from 1.
        """
        middle = f"{box.x + box.width / 2:.0f},{box.y + box.height / 2:.0f}"
        return self._digest("face", f"{sha256}/{middle}" if part == 1 else f"{sha256}/{part}/{middle}")

    def find_erased(self, tx: Tx, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of the (uri, sha256) pairs that were erased."""
        wanted = {pair: self.capture(*pair) for pair in pairs}
        suppressed = tx.suppressions.any_of([digest for digests in wanted.values() for digest in digests])
        return {pair for pair, digests in wanted.items() if suppressed.intersection(digests)}

    def still_wanted(self, tx: Tx, sha256: str, faces: Sequence[Face], part: int = 1) -> list[Face]:
        """Return the faces of a picture without the erased ones; ``part``: which picture of its file, from 1."""
        digests = [self.face(sha256, face.box, part) for face in faces]
        suppressed = tx.suppressions.any_of(digests)
        return [face for face, digest in zip(faces, digests, strict=True) if digest not in suppressed]

    def erased_near(self, tx: Tx, sha256: str, box: Box, part: int = 1) -> bool:
        """Return whether a face was erased whose middle lay near that of ``box``, which somebody drew."""
        reach = min(MOST_REACH, round(REACH * min(box.width, box.height)))
        steps = range(-reach, reach + 1)
        moved = (Box(x=box.x + x, y=box.y + y, width=box.width, height=box.height) for x in steps for y in steps)
        return bool(tx.suppressions.any_of([self.face(sha256, near, part) for near in moved]))

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._key, f"{kind}/{value}".encode(), hashlib.sha256)
