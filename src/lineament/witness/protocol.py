"""The requests of C2SP tlog-witness: reading one, and why one is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from lineament.errors import InvalidValue
from lineament.ledger.checkpoint import LARGEST_SIZE, LONGEST_NOTE, Checkpoint, decode_base64, note_lines
from lineament.ledger.merkle import HASH_BYTES

MOST_HASHES = 63
"""The most lines of a consistency proof."""
LONGEST_REQUEST = LONGEST_NOTE + 4096
"""The most bytes of a request: a note, and above it the old size and the proof."""
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


class WitnessRefusal(Exception):
    """A request that the witness does not grant, with the status of its answer."""

    def __init__(self, status: int, why: str, *, size: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.size = size  # of what the witness cosigned last, with status 409


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A request to cosign a checkpoint; nothing of it is verified yet."""

    old: int
    proof: tuple[bytes, ...]
    note: str
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, untrusted: bytes) -> Self:
        """Read the body of a request. Raises WitnessRefusal (400) if it is malformed."""
        try:
            head, blank, note = untrusted.decode("utf-8").partition("\n\n")
            first, *lines = head.split("\n")
            old = _OLD.fullmatch(first)
            if not blank or old is None or int(old[1]) > LARGEST_SIZE or len(lines) > MOST_HASHES:
                raise WitnessRefusal(400, "the first lines are not the old size and a proof")
            proof = tuple(decode_base64(line, "A hash") for line in lines)
            if any(len(hash_) != HASH_BYTES for hash_ in proof):
                raise WitnessRefusal(400, "a line of the proof is not a hash")
            text, _ = note_lines(note)
            return cls(old=int(old[1]), proof=proof, note=note, checkpoint=Checkpoint.from_text(text))
        except (UnicodeDecodeError, InvalidValue) as error:
            raise WitnessRefusal(400, "it is not an old size, a proof and a checkpoint") from error
