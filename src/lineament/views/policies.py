"""Policies of agencies as JSON and in words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineament.services.people.agencies import Rules


def rules_json(rules: Rules) -> dict[str, Any]:
    """Return the policy of an agency as JSON: every setting, the preset, and the settings that are stricter."""
    return {**asdict(rules.policy), "preset": rules.policy.preset.value, "stricter": dict(rules.wishes)}


def setting_words(value: bool | int) -> str:
    """Return the value of a setting in words: “yes”, “no” or the number."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
