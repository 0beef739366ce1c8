"""The names of the model packs that ship with Lineament."""

from __future__ import annotations

CURRENT = "sface-yunet"
"""The pack of new workspaces."""
BEFORE = "sface-yunet-0.2"
"""The pack of workspaces that versions up to 0.2 made: a template of it is not centred."""
PACK = "pack"
"""The fact of a workspace that names the pack in use."""
