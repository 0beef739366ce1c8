"""Rotations of keys as JSON."""

from __future__ import annotations

from typing import Any

from lineament.services.rotation.report import RotationReport


def rotation_json(report: RotationReport) -> dict[str, Any]:
    """Return what a rotation sealed again, and how much opened under no key, as JSON."""
    return dict(report.result())
