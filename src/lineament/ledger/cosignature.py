"""Cosignatures of witnesses: timestamped Ed25519, type 4 (c2sp.org/tlog-cosignature)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lineament.errors import InvalidValue
from lineament.ledger.checkpoint import ID_BYTES, PublicKey, encode_base64, note_lines

COSIGNATURE = b"\x04"
"""The type byte of timestamped Ed25519 cosignatures (C2SP signed-note)."""
_TIME_BYTES = 8
_LATEST = 253402300799
"""The last second of the year 9999; a later time is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessKey(PublicKey):
    """The public key of a witness."""

    TYPE: ClassVar[bytes] = COSIGNATURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """A witness's statement that it saw a checkpoint, consistent with all that it had seen before, at a time."""

    witness: WitnessKey
    at: datetime  # to the second, UTC, by the clock of the witness


class Cosigner:
    """The secret key of a witness."""

    def __init__(self, *, name: str, seed: bytes) -> None:
        """``seed`` is the 32-byte secret of RFC 8032; ``name`` is the name of the witness."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = WitnessKey(name=name, raw=self._key.public_key().public_bytes_raw())

    def cosign(self, text: str, at: datetime) -> str:
        """Return the signature line for the text of a checkpoint; it ends in a newline."""
        seconds = int(at.timestamp())
        signature = self._key.sign(_message(text, seconds))
        whole = self.public.id + seconds.to_bytes(_TIME_BYTES, "big") + signature
        return f"\N{EM DASH} {self.public.name} {encode_base64(whole)}\n"


def cosignatures(untrusted_note: str, keys: Collection[WitnessKey]) -> list[Cosignature]:
    """Return the cosignatures of a note by these witnesses; those of others are ignored.

    Raises InvalidValue if it is not a note, or if the signature of one of these witnesses is wrong.
    """
    text, signatures = note_lines(untrusted_note)
    known = {(key.name, key.id): key for key in keys}
    found = []
    for name, signature in signatures:
        key = known.get((name, signature[:ID_BYTES]))
        if key is not None:
            found.append(Cosignature(witness=key, at=_verified_time(key, signature[ID_BYTES:], text)))
    return found


def add_signatures(note: str, lines: str) -> str:
    """Return the note with further signature lines, each once."""
    seen = note.rpartition("\n\n")[2].splitlines(keepends=True)
    return note + "".join(line for line in lines.splitlines(keepends=True) if line not in seen)


def lines_by(name: str, note: str) -> str:
    """Return the signature lines that name a signer; those of others are left out."""
    lines = note.rpartition("\n\n")[2].splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith(f"\N{EM DASH} {name} "))


def _verified_time(key: WitnessKey, signature: bytes, text: str) -> datetime:
    seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature[_TIME_BYTES:], _message(text, seconds))
    except (InvalidSignature, UnicodeEncodeError, ValueError):
        raise InvalidValue(what="A cosignature", value=key.name, why="its signature is wrong") from None
    if not 0 < seconds <= _LATEST:
        raise InvalidValue(what="A cosignature", value=key.name, why="its time is not a time")
    return datetime.fromtimestamp(seconds, UTC)


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
