"""The names of the model packs that ship with Lineament, and the facts of a workspace about its packs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

CURRENT = "sface-yunet"
"""The pack of new workspaces."""
BEFORE = "sface-yunet-0.2"
"""The pack of workspaces that versions up to 0.2 made: a template of it is not centred."""
PACK = "pack"
"""The fact of a workspace that names the pack in use."""
NEXT_PACK = "next pack"
"""The fact that names the pack to which the gallery is being moved."""
NEXT_MODEL = "next model"
"""The fact that names the model of that pack."""
ADDED = "added pack: "
"""With a name behind it, the fact about a pack that was added to the workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedPack:
    """A pack that was added to a workspace: what its files must be, and who accepted its licences."""

    name: str
    model: str
    dimension: int
    manifest_sha256: str  # of its pack.json
    rates_sha256: str | None  # of its error rates; None if none were measured
    licences_sha256: str  # of the licences as they were shown
    accepted_by: str
    accepted_at: str  # ISO 8601, UTC

    @property
    def fact(self) -> str:
        """The name of the fact that holds it."""
        return ADDED + self.name

    def to_json(self) -> str:
        """Return the value of the fact."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, value: str) -> Self:
        """Return what ``to_json`` wrote."""
        return cls(**json.loads(value))
