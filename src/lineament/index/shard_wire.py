"""What a search and a shard send each other, as bytes: a line of JSON, then numbers, little-endian.

Ray packs arguments and answers itself, in a format that runs code, and takes long for it; bytes it passes on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from lineament.index.among import Among
from lineament.model.faces import FaceIds, Vectors
from lineament.model.scores import Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Probes for a part of an index in one of its states."""

    part: str
    generation: str
    version: int
    turned: Vectors  # shape (m, d)
    most: int
    among: Among

    def to_bytes(self) -> bytes:
        """Return it for the wire."""
        said = {"part": self.part, "generation": self.generation, "version": self.version, "most": self.most}
        said |= {"among": asdict(self.among), "probes": len(self.turned)}
        return _line(said) + self.turned.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Question:
        """Return what ``to_bytes`` gave. Raises ValueError, KeyError or TypeError for anything else."""
        line, _, rest = content.partition(b"\n")
        said = json.loads(line)
        turned = np.frombuffer(rest, dtype="<f4").astype(np.float32).reshape(said.pop("probes"), -1)
        return cls(turned=turned, **said | {"among": Among(**said["among"])})


def answer_to_bytes(found: Sequence[tuple[FaceIds, Scores]]) -> bytes:
    """Return ids and scores, for each probe, for the wire."""
    ids = b"".join(ids.astype("<i8").tobytes() for ids, _ in found)
    scores = b"".join(scores.astype("<f4").tobytes() for _, scores in found)
    return _line([len(ids) for ids, _ in found]) + ids + scores


def answer_from_bytes(content: bytes) -> list[tuple[FaceIds, Scores]]:
    """Return what ``answer_to_bytes`` was given. Raises ValueError or TypeError for anything else."""
    line, _, rest = content.partition(b"\n")
    counts = json.loads(line)
    if not isinstance(counts, list):
        raise TypeError("it does not say how many faces there are")
    ends = np.cumsum(counts)[:-1]
    total = sum(counts)
    ids = np.frombuffer(rest, dtype="<i8", count=total).astype(np.int64)
    scores = np.frombuffer(rest, dtype="<f4", count=total, offset=8 * total).astype(np.float32)
    return list(zip(np.split(ids, ends), np.split(scores, ends), strict=True))


def _line(said: object) -> bytes:
    return json.dumps(said).encode() + b"\n"
