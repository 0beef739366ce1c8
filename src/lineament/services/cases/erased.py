"""When a candidate was erased from a list, as far as the ledger tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lineament.model.actions import Action
from lineament.store.db import Tx
from lineament.store.searches import StoredSearch

_ERASURES = (Action.FACE_ERASED, Action.CAPTURE_ERASED, Action.RETENTION_ENDED, Action.SOURCE_WITHDRAWN)


def erased_at(tx: Tx, stored: StoredSearch, rank: int) -> datetime | None:
    """Return when the candidate of that rank was erased; None if the ledger does not tell it for certain.

    An entry names the face, or that a source was withdrawn. A withdrawal counts if no other source that was searched
    was withdrawn since, because the list no longer says which source the candidate came from.
    """
    result = stored.result
    entry = next(iter(tx.ledger.entries(result.ledger_entry, result.ledger_entry + 1)), None)
    recorded: Mapping[str, Any] = json.loads(entry.details) if entry is not None and entry.details else {}
    face = next((face for listed, face, _ in recorded.get("candidates", ()) if listed == rank), None)
    withdrawn: dict[str, datetime] = {}
    for erasure in tx.ledger.of_actions([action.value for action in _ERASURES], result.ledger_entry):
        details: Mapping[str, Any] = json.loads(erasure.details) if erasure.details else {}
        if erasure.action == Action.SOURCE_WITHDRAWN.value:
            if details.get("source") in result.sources:
                withdrawn[details["source"]] = erasure.at
        elif face is not None and face in (details.get("face"), *details.get("faces", ())):
            return erasure.at
    return next(iter(withdrawn.values())) if len(withdrawn) == 1 else None
