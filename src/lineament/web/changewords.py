"""Formats changes of the threshold and of the model for the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lineament.model.proposals import ProposalState
from lineament.views.proposals import (
    COLUMNS,
    EVERYBODY,
    STATES,
    change_words,
    evidence_note,
    evidence_rates,
    strangers_expected,
)
from lineament.views.values import hundredths

LEVELS = {
    ProposalState.PENDING: "warn",
    ProposalState.APPROVED: "warn",
    ProposalState.DECLINED: "stop",
    ProposalState.EXPIRED: "stop",
}


def change_level(state: ProposalState) -> str:
    """Return the level of a change on the page."""
    return LEVELS.get(state, "calm")


def change_state(state: ProposalState) -> str:
    """Return the state of a change in words."""
    return STATES[state]


def rate_cell(rate: Mapping[str, Any]) -> tuple[str, str]:
    """Return a rate and its interval for a cell, or that and why there are too few data."""
    if "insufficient" in rate:
        what, _, why = str(rate["insufficient"]).partition(": ")
        return what, why
    return f"{hundredths(rate['value'])} %", f"{hundredths(rate['low'])} to {hundredths(rate['high'])}"


def evidence_cells(evidence: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return the rows of the table before and after: the group, and label, rate and interval of each cell."""
    labels = COLUMNS[1:]
    return [
        (group, [(label, *rate_cell(rate)) for label, rate in zip(labels, rates, strict=True)])
        for group, rates in evidence_rates(evidence, EVERYBODY.capitalize())
    ]


CHANGE_FILTERS: dict[str, Callable[..., Any]] = {
    "change_words": change_words,
    "strangers_expected": strangers_expected,
    "change_state": change_state,
    "change_level": change_level,
    "evidence_cells": evidence_cells,
    "evidence_note": evidence_note,
}
