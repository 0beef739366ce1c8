"""Checkpoints: the size and the root of the ledger, signed with Ed25519.

The formats are those of C2SP (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), so that the tools of other
transparency logs can read and witness them. Signatures of others (witnesses) in a note are ignored here.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lineament.errors import InvalidValue
from lineament.ledger.merkle import HASH_BYTES

ED25519 = b"\x01"
"""The type byte of plain Ed25519 signatures (C2SP signed-note)."""
SEED_BYTES = 32
KEY_BYTES = 32
ID_BYTES = 4
LONGEST_NOTE = 100_000
"""Most characters of a note, enough for sixteen post-quantum signatures."""
LARGEST_SIZE = 2**63 - 1


def _checked_name(name: str) -> str:
    """Return a name for a key and its log. Raises InvalidValue if it cannot be one."""
    if not name or "+" in name or len(name) > 200 or not name.isprintable() or any(map(str.isspace, name)):
        why = "use 1 to 200 printable characters, without blanks and plus signs"
        raise InvalidValue(what="The origin of a ledger", value=name[:200], why=why)
    return name


def decode_base64(text: str, label: str) -> bytes:
    """Decode standard base64, strictly: encoding the result again must give the same text. Raises InvalidValue."""
    try:
        decoded = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        decoded = b""
    if not decoded or encode_base64(decoded) != text:
        raise InvalidValue(what=label, value=text[:100], why="it is not base64")
    return decoded


def encode_base64(raw: bytes) -> str:
    """Encode bytes as standard base64, with padding."""
    return base64.b64encode(raw).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """The signer of checkpoints: a name and an Ed25519 public key."""

    TYPE: ClassVar[bytes] = ED25519
    """The type byte of its signatures."""

    name: str
    raw: bytes  # 32 bytes, RFC 8032

    def __post_init__(self) -> None:
        _checked_name(self.name)
        if len(self.raw) != KEY_BYTES:
            why = f"an Ed25519 key has {KEY_BYTES} bytes"
            raise InvalidValue(what="The key of a ledger", value=self.raw.hex()[:100], why=why)

    @classmethod
    def parse(cls, untrusted: str) -> Self:
        """Read a C2SP verifier key, ``name+id+key``. Raises InvalidValue if it is none or its id is wrong."""
        label, text = "The key of a ledger", untrusted.strip()
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        decoded = decode_base64(encoded, label)
        if decoded[:1] != cls.TYPE:
            raise InvalidValue(what=label, value=text[:300], why=f"it is not an Ed25519 key (type {cls.TYPE[0]})")
        key = cls(name=name, raw=decoded[1:])
        if key_id != key.id.hex():
            raise InvalidValue(what=label, value=text[:300], why="its id does not match it; copy all of it again")
        return key

    @property
    def id(self) -> bytes:
        """The four bytes that identify the key in a signature line."""
        return sha256(self.name.encode() + b"\n" + self.TYPE + self.raw).digest()[:ID_BYTES]

    def __str__(self) -> str:
        """The C2SP verifier key, to be given to whoever checks the ledger."""
        return f"{self.name}+{self.id.hex()}+{encode_base64(self.TYPE + self.raw)}"


class SigningKey:
    """The key that signs the checkpoints of one ledger."""

    def __init__(self, *, name: str, seed: bytes) -> None:
        """``seed`` is the 32-byte secret of RFC 8032; ``name`` is the origin of the ledger."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"the seed of a signing key has {SEED_BYTES} bytes, not {len(seed)}")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(name=name, raw=self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return a signed note with ``text``, which ends in a newline."""
        signature = self._key.sign(text.encode())
        return f"{text}\n\N{EM DASH} {self.public.name} {encode_base64(self.public.id + signature)}\n"


def note_lines(untrusted_note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a note, and of each signature its key's name and its bytes, the id of the key first.

    Nothing is verified. Raises InvalidValue if it is not a note.
    """
    label = "A checkpoint"
    shown = untrusted_note[:60].replace("\n", " ")
    text, blank, lines = untrusted_note.rpartition("\n\n")
    if len(untrusted_note) > LONGEST_NOTE or not blank or not lines.endswith("\n"):
        raise InvalidValue(what=label, value=shown, why="it is not a signed note")
    if any(character < " " and character != "\n" for character in untrusted_note):
        raise InvalidValue(what=label, value=shown, why="it has control characters")
    signatures = []
    for line in lines[:-1].split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if dash != "\N{EM DASH}" or not name:
            raise InvalidValue(what=label, value=shown, why="a line of signature is malformed")
        signatures.append((name, decode_base64(encoded, label)))
    return f"{text}\n", signatures


@lru_cache(maxsize=64)
def open_note(untrusted_note: str, key: PublicKey) -> str:
    """Return the text of a note that ``key`` signed. Raises InvalidValue if it is no note or not signed by it.

    Within a search the same few notes are opened ten times; those that are not refused are kept.
    """
    text, signatures = note_lines(untrusted_note)
    shown = untrusted_note[:60].replace("\n", " ")
    for name, signature in signatures:
        if name == key.name and signature[:ID_BYTES] == key.id:
            _check(signature[ID_BYTES:], text, key, shown)
            return text
    raise InvalidValue(what="A checkpoint", value=shown, why=f"it is not signed by {key}")


def _check(signature: bytes, text: str, key: PublicKey, shown: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, text.encode())
    except (InvalidSignature, UnicodeEncodeError, ValueError):
        raise InvalidValue(what="A checkpoint", value=shown, why="its signature is wrong") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of a ledger: how many entries it has, and the root hash over all of them."""

    origin: str
    size: int
    root: bytes  # 32 bytes

    def sign(self, key: SigningKey) -> str:
        """Return the checkpoint as a signed note."""
        return key.sign(f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n")

    @classmethod
    def parse(cls, untrusted_note: str, key: PublicKey) -> Self:
        """Read a checkpoint that ``key`` signed. Raises InvalidValue with a reason for any other text."""
        found = cls.from_text(open_note(untrusted_note, key))
        if found.origin != key.name:
            why = f"it belongs to another ledger than {key.name}"
            raise InvalidValue(what="A checkpoint", value=found.origin[:200], why=why)
        return found

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the text of a checkpoint, which ends in a newline. Raises InvalidValue."""
        origin, size, root, *extensions = text[:-1].split("\n") + [""] * (3 - text.count("\n"))
        label = "A checkpoint"
        if not (size.isascii() and size.isdecimal() and len(size) <= 19) or str(int(size)) != size:
            raise InvalidValue(what=label, value=size[:40], why="its size is not a whole number")
        decoded = decode_base64(root, label)
        if len(decoded) != HASH_BYTES or int(size) > LARGEST_SIZE or "" in extensions or not origin:
            raise InvalidValue(what=label, value=origin[:200], why="its lines are not size and root")
        return cls(origin=origin, size=int(size), root=decoded)
