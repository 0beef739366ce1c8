"""The policy of an agency: what is asked of its people. Two presets; an agency may be stricter, never laxer.

``docs/reference/policy.md`` lists every setting with the rule that it serves, and is made from this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from lineament.errors import InvalidValue


class Preset(StrEnum):
    """Where a policy begins."""

    SOLO = "solo"  # one person on a laptop
    AGENCY = "agency"  # as soon as there is a second account


def _setting(default: Any, rule: str, meaning: str, *, stricter: str) -> Any:
    """A setting with its rule; ``stricter`` says which way: “more”, “less”, or “on”."""
    return field(default=default, metadata={"rule": rule, "meaning": meaning, "stricter": stricter})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Every setting, at its value for an agency."""

    preset: Preset = Preset.AGENCY
    accounts: bool = _setting(True, "R45", "Everybody signs in with an account of their own.", stricter="on")
    second_factor: bool = _setting(
        True, "R49", "Signing in takes a passkey, or a code from an app, beside the password.", stricter="on"
    )
    passkey_only: bool = _setting(False, "R49", "Codes from an app do not count; only passkeys do.", stricter="on")
    password_length: int = _setting(12, "R49", "A password has at least so many characters.", stricter="more")
    failures: int = _setting(5, "R49", "So many failures in a row lock an account's sign-in.", stricter="less")
    locked_minutes: int = _setting(15, "R49", "For how long it is locked.", stricter="more")
    idle_minutes: int = _setting(30, "R49", "A session that long without a click is locked.", stricter="less")
    session_hours: int = _setting(12, "R49", "A session ends after that, whatever happens.", stricter="less")
    step_up_minutes: int = _setting(
        15, "R49", "Before a search or an export, the second factor was shown within so long.", stricter="less"
    )
    invitation_days: int = _setting(7, "R49", "An invitation can be followed for so long.", stricter="less")
    probe_kind: bool = _setting(True, "R13", "The examiner declares what kind of picture a probe is.", stricter="on")
    authorisation: bool = _setting(
        True, "R8", "A search for a suspect needs an authorisation, or runs against the clock.", stricter="on"
    )
    urgent_hours: int = _setting(
        48, "R8", "An urgent search may come first; so long after it the case locks. 0: never first.", stricter="less"
    )
    training: bool = _setting(True, "R23", "Who searches or reviews has training that has not lapsed.", stricter="on")
    source_approval: bool = _setting(
        True, "R1", "A source that one person drafted goes live once a second one approves it.", stricter="on"
    )
    further_approvals: int = _setting(
        0, "R11", "So many others (0 to 2) approve a photograph before it is searched.", stricter="more"
    )
    case_days: int = _setting(
        365, "R35", "A closed case is destroyed after so many days, unless it is on legal hold.", stricter="less"
    )
    probe_days: int = _setting(
        30, "R35", "A photograph that nobody searched is destroyed after so many days.", stricter="less"
    )
    audit_days: int = _setting(
        730, "R35", "The details of ledger entries are kept so many days, never under a year.", stricter="more"
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
    source_approval=False,
)
"""One person on a laptop: the record, the case and the reason stay; what takes a second person or a device goes."""

SETTINGS = tuple(setting for setting in fields(Policy) if setting.name != "preset")
_RANGES = {
    "further_approvals": (0, 2),
    "audit_days": (365, 36500),
    "password_length": (8, 128),
    "locked_minutes": (0, 1440),
    # At nought nobody could sign in any more, to undo it.
    **dict.fromkeys(("failures", "idle_minutes", "session_hours", "step_up_minutes", "invitation_days"), (1, 36500)),
}


def stricter(base: Policy, wishes: Mapping[str, Any]) -> Policy:
    """``base`` with an agency's own wishes; InvalidValue for an unknown setting or one that would be laxer."""
    known = {setting.name: setting for setting in SETTINGS}
    for name, value in wishes.items():
        if name not in known:
            raise InvalidValue(what="The setting", value=name[:60], why=f"choose one of {', '.join(known)}")
        _check(known[name], getattr(base, name), value)
    return replace(base, **dict(wishes))


def _check(setting: Any, base: bool | int, value: object) -> None:
    what = f"The setting {setting.name}"
    if not isinstance(value, int) or isinstance(value, bool) != isinstance(base, bool):
        why = "it is yes or no" if isinstance(base, bool) else "it must be a whole number"
        raise InvalidValue(what=what, value=value, why=why, field=setting.name)
    low, high = _RANGES.get(setting.name, (0, 36500))
    if not low <= value <= high:
        raise InvalidValue(what=what, value=value, why=f"it must be between {low} and {high}", field=setting.name)
    way = setting.metadata["stricter"]
    if (value < base) if way in {"more", "on"} else (value > base):
        shown = {True: "yes", False: "no"}.get(base, base) if isinstance(base, bool) else base
        why = f"an agency may be stricter than {shown}, not laxer"
        raise InvalidValue(what=what, value=value, why=why, field=setting.name)
