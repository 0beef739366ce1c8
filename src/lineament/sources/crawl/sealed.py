"""Files of sealed frames: each frame can be read, and destroyed, by itself.

A frame is its state, the length of the rest, a nonce, and its content under AES-256-GCM (NIST SP 800-38D) with the key
of its crawl. The name of the file and the frame's offset are authenticated, so that no frame passes for another.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lineament.errors import Damaged, LineamentError

KEY_BYTES = 32
_HEAD = struct.Struct(">4sQ")
_SEALED, _DESTROYED = b"seal", b"gone"
_NONCE = 12
_LEAST = _NONCE + 16  # bytes behind the head: the nonce and the tag
FRAME_OVERHEAD = _HEAD.size + _LEAST
"""Bytes that a frame has more than its content."""
_AT_ONCE = 2**20
_FINDING = b"crawl addresses"


class Seal:
    """The key of one crawl; its text form never shows it."""

    __slots__ = ("_aead", "_finding", "_older")

    def __init__(self, key: bytes) -> None:
        """``key``: 32 secret bytes, for this crawl alone; every use gets a subkey.

        While the key is being rotated, the 32 bytes of the one before follow; it opens, and never seals.
        """
        if len(key) not in {KEY_BYTES, 2 * KEY_BYTES}:
            raise ValueError(f"the key of a crawl has {KEY_BYTES} bytes")
        own, older = key[:KEY_BYTES], key[KEY_BYTES:]
        self._aead = AESGCM(hmac.digest(own, b"frames", "sha256"))
        self._older = AESGCM(hmac.digest(older, b"frames", "sha256")) if older else None
        self._finding = hmac.digest(older or own, b"addresses", "sha256")

    def __repr__(self) -> str:
        return "Seal(…)"

    def known_by(self, uri: str) -> bytes:
        """Return 32 bytes that identify an address, and are useless without the key."""
        return hmac.digest(self._finding, uri.encode(errors="surrogatepass"), "sha256")

    def frame(self, plain: bytes | bytearray, archive: str, offset: int) -> bytearray:
        """Seal ``plain`` into the frame at byte ``offset`` of the file ``archive``."""
        nonce, size = os.urandom(_NONCE), len(plain) + _LEAST
        frame = bytearray(_HEAD.size + size)
        frame[: _HEAD.size + _NONCE] = _HEAD.pack(_SEALED, size) + nonce
        with memoryview(frame) as view:  # written in place: records are large
            self._aead.encrypt_into(nonce, plain, _associated_data(archive, offset), view[_HEAD.size + _NONCE :])
        return frame

    def opened(self, sealed: bytes, archive: str, offset: int) -> bytes:
        """Open what follows the head of a frame. Raises Damaged if a bit, the place or the key differs."""
        try:
            return self._open(sealed, _associated_data(archive, offset))
        except (InvalidTag, ValueError):
            raise damaged(archive, offset, "it was altered, or sealed elsewhere or under another key") from None

    def sealed_finding(self) -> bytes:
        """Return the key behind ``known_by``, sealed: no rotation changes it, as it digests what is not kept."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, self._finding, _FINDING)

    def take_finding(self, sealed: bytes) -> bool:
        """Use the key that ``sealed_finding`` gave; return False if it was sealed under a key that is not known."""
        try:
            self._finding = self._open(sealed, _FINDING)
        except (InvalidTag, ValueError):
            return False
        return True

    def _open(self, sealed: bytes, about: bytes) -> bytes:
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
        except InvalidTag:
            if self._older is None:
                raise
            return self._older.decrypt(sealed[:_NONCE], sealed[_NONCE:], about)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFrame:
    """A frame in a file."""

    offset: int  # bytes from the beginning of the file
    size: int  # bytes behind the head
    destroyed: bool

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + _HEAD.size + self.size


def frame_at(file: int, archive: str, offset: int) -> SealedFrame | None:
    """Return the frame at ``offset``; None if the file ends first. Raises Damaged if none begins there, or OSError."""
    head = os.pread(file, _HEAD.size, offset)
    if len(head) < _HEAD.size:
        return None
    state, size = _HEAD.unpack(head)
    if state not in {_SEALED, _DESTROYED} or size < _LEAST:
        raise damaged(archive, offset, "no frame begins there")
    found = SealedFrame(offset=offset, size=size, destroyed=state == _DESTROYED)
    return found if found.end <= os.fstat(file).st_size else None


def frames(file: int, archive: str, end: int) -> Iterator[SealedFrame]:
    """Yield the frames up to ``end`` in order, including destroyed ones. Raises Damaged, OSError."""
    at = 0
    while at < end and (found := frame_at(file, archive, at)) is not None:
        yield found
        at = found.end


def content(file: int, frame: SealedFrame) -> bytes:
    """Return the sealed bytes of a frame; fewer than its size if the file is cut off meanwhile. Raises OSError."""
    parts, at = [], frame.end - frame.size
    while at < frame.end and (part := os.pread(file, frame.end - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def destroy(path: Path, offsets: Iterable[int]) -> int:
    """Overwrite the frames at ``offsets`` durably, and return how many; the other frames keep their places.

    Frames that are missing or destroyed already are skipped. Raises Damaged, OSError.
    """
    count = 0
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        for offset in offsets:
            found = frame_at(file, path.name, offset)
            if found is not None and not found.destroyed:
                _overwrite(file, found)
                count += 1
        os.fdatasync(file)
    finally:
        os.close(file)
    return count


def write(file: int, data: bytes | bytearray, offset: int) -> None:
    """Write all of ``data`` at ``offset``. Raises OSError."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, offset)
        rest, offset = rest[written:], offset + written


def damaged(archive: str, offset: int, why: str) -> LineamentError:
    """Return the error for a frame that is not as it was written."""
    remedy = "restore the folder of crawls from a backup"
    return Damaged(what=f"The record at byte {offset} of {archive}", why=why, remedy=remedy)


def _overwrite(file: int, frame: SealedFrame) -> None:
    """Overwrite with zeros, and the state last, so that an interrupted destruction is done again."""
    zeros, begin = bytes(_AT_ONCE), frame.end - frame.size
    for at in range(begin, frame.end, _AT_ONCE):
        write(file, zeros[: frame.end - at], at)
    os.fdatasync(file)
    write(file, _DESTROYED, frame.offset)


def _associated_data(archive: str, offset: int) -> bytes:
    return f"crawl|{archive}|{offset}".encode()
