"""The policy of an agency: the rules for its people. There are two presets; an agency may only be stricter.

``docs/reference/policy.md`` lists every setting with the rule that it serves, and is made from this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from lineament.errors import InvalidValue


class Preset(StrEnum):
    """The preset that a policy starts from."""

    SOLO = "solo"  # one person on a laptop
    AGENCY = "agency"  # as soon as there is a second account


def _setting(default: Any, rule: str, meaning: str, *, stricter: str) -> Any:
    """Define a setting with its rule; ``stricter`` is the direction: “more”, “less” or “on”."""
    return field(default=default, metadata={"rule": rule, "meaning": meaning, "stricter": stricter})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All settings, with the values of the preset for an agency."""

    preset: Preset = Preset.AGENCY
    accounts: bool = _setting(True, "R45", "Everybody signs in with their own account.", stricter="on")
    second_factor: bool = _setting(
        True, "R49", "Signing in needs a passkey, or a code from an app, besides the password.", stricter="on"
    )
    passkey_only: bool = _setting(
        False, "R49", "Only passkeys count as a second factor; codes from an app do not.", stricter="on"
    )
    password_length: int = _setting(12, "R49", "The fewest characters of a password.", stricter="more")
    failures: int = _setting(
        5,
        "R49",
        "The number of failures in a row that lock an account's sign-in, on every device that it does not know.",
        stricter="less",
    )
    locked_minutes: int = _setting(
        15, "R49", "How many minutes the first lock lasts; each further failure doubles it.", stricter="more"
    )
    idle_minutes: int = _setting(
        30, "R49", "A session without a request for that many minutes is locked.", stricter="less"
    )
    session_hours: int = _setting(12, "R49", "A session ends after that many hours in any case.", stricter="less")
    step_up_minutes: int = _setting(
        15, "R49", "A search or an export needs a second factor shown within that many minutes.", stricter="less"
    )
    invitation_days: int = _setting(7, "R49", "An invitation is valid for that many days.", stricter="less")
    key_days: int = _setting(
        90,
        "R49",
        "A key with which a program acts for somebody ends at most that many days after it was made; 0: at once.",
        stricter="less",
    )
    probe_kind: bool = _setting(
        True, "R13", "The examiner must declare what kind of picture a probe is.", stricter="on"
    )
    authorisation: bool = _setting(
        True, "R8", "A search for a suspect needs an authorisation, except in an urgent case.", stricter="on"
    )
    urgent_hours: int = _setting(
        48,
        "R8",
        "An urgent case may be searched for that many hours before its authorisation; 0: not at all.",
        stricter="less",
    )
    training: bool = _setting(
        True, "R23", "Whoever searches or reviews must have training that has not lapsed.", stricter="on"
    )
    blind_review: bool = _setting(
        True,
        "R17",
        "Whoever reviews candidates sees neither rank, score, name nor page before they decided, each in an own order.",
        stricter="on",
    )
    second_review: bool = _setting(
        True, "R19", "A second person, who does not know the first decision, must review each candidate.", stricter="on"
    )
    source_approval: bool = _setting(
        True, "R1", "A second person must approve a source before it goes live.", stricter="on"
    )
    change_approval: bool = _setting(
        True, "R28", "A second person must approve a change of the threshold or of the model.", stricter="on"
    )
    further_approvals: int = _setting(
        0,
        "R11",
        "The number of other people (0 to 2) who must approve a photograph before it is searched.",
        stricter="more",
    )
    case_days: int = _setting(
        365, "R35", "A closed case is destroyed after that many days, unless it is on legal hold.", stricter="less"
    )
    probe_days: int = _setting(
        30, "R35", "A photograph that nobody searched with is destroyed after that many days.", stricter="less"
    )
    audit_days: int = _setting(
        730, "R35", "The details of ledger entries are kept for that many days, at least a year.", stricter="more"
    )


AGENCY = Policy()
SOLO = replace(
    AGENCY,
    preset=Preset.SOLO,
    accounts=False,
    second_factor=False,
    probe_kind=False,
    authorisation=False,
    training=False,
    blind_review=False,
    second_review=False,
    source_approval=False,
    change_approval=False,
)
"""For one person on a laptop: rules that need a second person or another device are off."""

SETTINGS = tuple(setting for setting in fields(Policy) if setting.name != "preset")
_RANGES = {
    "further_approvals": (0, 2),
    "audit_days": (365, 36500),
    "password_length": (8, 128),
    "locked_minutes": (0, 1440),
    # With 0 nobody could sign in again to undo it.
    **dict.fromkeys(("failures", "idle_minutes", "session_hours", "step_up_minutes", "invitation_days"), (1, 36500)),
}


def stricter(base: Policy, wishes: Mapping[str, Any]) -> Policy:
    """Return ``base`` with an agency's settings. Raises InvalidValue for an unknown or a laxer setting."""
    known = {setting.name: setting for setting in SETTINGS}
    for name, value in wishes.items():
        if name not in known:
            raise InvalidValue(what="The setting", value=name[:60], why=f"choose one of {', '.join(known)}")
        _check(known[name], getattr(base, name), value)
    return replace(base, **dict(wishes))


def _check(setting: Any, base: bool | int, value: object) -> None:
    label = f"The setting {setting.name}"
    if not isinstance(value, int) or isinstance(value, bool) != isinstance(base, bool):
        why = "it must be yes or no" if isinstance(base, bool) else "it must be a whole number"
        raise InvalidValue(what=label, value=value, why=why, field=setting.name)
    low, high = _RANGES.get(setting.name, (0, 36500))
    if not low <= value <= high:
        raise InvalidValue(what=label, value=value, why=f"it must be between {low} and {high}", field=setting.name)
    way = setting.metadata["stricter"]
    if (value < base) if way in {"more", "on"} else (value > base):
        shown = {True: "yes", False: "no"}.get(base, base) if isinstance(base, bool) else base
        why = f"an agency may be stricter than {shown}, not laxer"
        raise InvalidValue(what=label, value=value, why=why, field=setting.name)
