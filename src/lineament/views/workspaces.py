"""Workspaces, new ones and their health, as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineament.views.values import iso

if TYPE_CHECKING:
    from lineament.services.doctor import Check


def workspace_json(home: Path, dialect: str) -> dict[str, Any]:
    """Return a new workspace as JSON: its folder and the dialect of its database."""
    return {"home": str(home), "database": dialect}


def health_json(checks: Iterable[Check], *, healthy: bool) -> dict[str, Any]:
    """Return the findings of the doctor as JSON; ``healthy`` says that none of them is bad."""
    listed = [{"name": check.name, "verdict": check.verdict.value, "detail": check.detail} for check in checks]
    return {"healthy": healthy, "checks": listed}


def accepted_clock_json(at: datetime, entry: int) -> dict[str, Any]:
    """Return the time of a clock that was accepted, and the number of the ledger entry that says so, as JSON."""
    return {"at": iso(at), "ledger_entry": entry}
