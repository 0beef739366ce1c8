"""Which policy applies: solo while one person works alone, the agency preset once there is a second account."""

from __future__ import annotations

from datetime import datetime, timedelta

from lineament.errors import StepUpNeeded
from lineament.model.accounts import HOME_AGENCY, Official
from lineament.model.policy import AGENCY, SOLO, Policy, Preset, stricter
from lineament.store.db import Tx


def policy_for(tx: Tx, agency_id: str) -> Policy:
    """Return the policy of an agency: its preset with the settings that it made stricter.

    Solo applies only to the agency that runs the workspace, and only until there is a second account; nobody can
    choose it afterwards.
    """
    chosen, wishes = tx.agencies.policy(agency_id)
    return stricter(_base(tx, agency_id, chosen), wishes)


def base_for(tx: Tx, agency_id: str) -> Policy:
    """Return the preset from which the policy of an agency starts."""
    return _base(tx, agency_id, tx.agencies.preset(agency_id))


def _base(tx: Tx, agency_id: str, chosen: Preset | None) -> Policy:
    alone = agency_id == HOME_AGENCY and tx.accounts.count() < 2
    return SOLO if alone and chosen is not Preset.AGENCY else AGENCY


def at_the_machine(tx: Tx, name: str) -> Official:
    """Return the official at the machine, who has every permission in solo and only upkeep otherwise."""
    return Official(name=name, solo=not policy_for(tx, HOME_AGENCY).accounts)


def stepped_up(official: Official, policy: Policy, at: datetime) -> bool:
    """Return whether the official's second factor is recent enough for a search or an export (R49).

    The official at the machine has no account and needs no second factor. For a key it was shown when the key was made
    (docs/adr/0048-a-key-is-an-official-with-less.md).
    """
    if official.account_id is None or official.key is not None or not policy.second_factor:
        return True
    proved = official.proved_at
    return proved is not None and at - proved <= timedelta(minutes=policy.step_up_minutes)


def require_step_up(tx: Tx, official: Official, at: datetime) -> None:
    """Raise StepUpNeeded before an export if the second factor was not shown recently."""
    if not stepped_up(official, policy_for(tx, official.agency_id), at):
        raise StepUpNeeded
