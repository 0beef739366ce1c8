"""The threshold, and changes of it and of the model, as JSON and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lineament.model.events.base import JSON
from lineament.model.proposals import Proposal, ProposalKind, ProposalState, Signatory, Threshold
from lineament.services.threshold.changes import InForce
from lineament.services.threshold.in_force import evidence_digest
from lineament.views.values import counted, hundredths, iso

COLUMNS = ("group", "FNIR before", "FNIR after", "FPIR before", "FPIR after")
"""The table of the error rates before and after."""
EVERYBODY = "everybody"
STATES = {
    ProposalState.PENDING: "waits for a second person",
    ProposalState.APPROVED: "approved, not taken over yet",
    ProposalState.MADE: "made",
    ProposalState.DECLINED: "declined",
    ProposalState.WITHDRAWN: "withdrawn",
    ProposalState.EXPIRED: "expired: what it was measured against has changed",
}


def threshold_json(in_force: InForce, public_key: str) -> dict[str, Any]:
    """Return the threshold in force as JSON, with the key that verifies its signatures."""
    threshold = in_force.threshold
    return {
        "strangers": threshold.strangers,
        "change": threshold.number,
        "default": threshold.number is None,
        "alone": threshold.alone,
        "model": in_force.model,
        "needs_two": in_force.needs_two,
        "proposed": _signatory_json(threshold.proposed),
        "approved": _signatory_json(threshold.approved),
        "made_at": iso(threshold.made_at),
        "reason": threshold.reason or None,
        "evidence_sha256": evidence_digest(in_force.evidence),
        "evidence": in_force.evidence,
        "signed": list(in_force.notes),
        "public_key": public_key,
    }


def proposal_json(proposal: Proposal) -> dict[str, Any]:
    """Return a proposed change as JSON, with the error rates before and after."""
    decision = proposal.decision
    return {
        "change": proposal.number,
        "kind": proposal.kind.value,
        "state": proposal.state.value,
        "strangers": proposal.strangers,
        "pack": proposal.pack,
        "model": proposal.model,
        "against": proposal.against,
        "based_on": proposal.based_on,
        "reason": proposal.reason,
        "proposed": _signatory_json(proposal.by),
        "decided": None if decision is None else {"state": decision.state.value, "reason": decision.reason},
        "decided_by": None if decision is None else _signatory_json(decision.by),
        "made_at": iso(proposal.made_at),
        "ledger_entry": proposal.entry,
        "evidence_sha256": evidence_digest(proposal.evidence),
        "evidence": proposal.evidence,
        "signed": [note for note in (proposal.note, proposal.made) if note],
    }


def proposals_json(listed: Sequence[Proposal]) -> dict[str, Any]:
    """Return proposed changes as JSON."""
    return {"changes": [proposal_json(proposal) for proposal in listed]}


def change_words(proposal: Proposal) -> str:
    """Return what a proposal would change, in words."""
    strangers = f"{strangers_expected(proposal.strangers)} expected"
    if proposal.kind is ProposalKind.PACK:
        return f"the pack {proposal.pack} ({proposal.model}), with {strangers}"
    return f"a threshold with {strangers}"


def strangers_expected(strangers: float) -> str:
    """Return a number of strangers with its noun: 0.1 strangers, 1 stranger."""
    return f"{strangers:g} {'stranger' if strangers == 1 else 'strangers'}"


def who_words(threshold: Threshold) -> str:
    """Return who set the threshold, in words: both people, or that it was one."""
    if threshold.proposed is None or threshold.made_at is None:
        return "the default of Lineament; nobody has changed it"
    change = f"change {threshold.number} of {threshold.made_at:%Y-%m-%d}"
    if threshold.approved is None:
        return f"{change}, made by one person: {threshold.proposed.name}"
    if threshold.proposed.name == threshold.approved.name:
        return f"{change}, signed by two people"
    return f"{change}, proposed by {threshold.proposed.name} and approved by {threshold.approved.name}"


def meaning_words(strangers: float) -> str:
    """Return what the number of strangers expected means for somebody who searches."""
    verb = "is" if strangers == 1 else "are"
    if strangers < 1:
        share = round(1 / strangers)
        often = f"about one search in {share:,} for somebody who is not in the gallery lists a stranger"
    else:
        often = f"a search for somebody who is not in the gallery lists about {counted(round(strangers), 'stranger')}"
    return (
        f"A list shows the faces above the score at which {strangers_expected(strangers)} {verb} expected in the "
        f"gallery; {often}. A lower number lists fewer strangers and misses more people who are there."
    )


def evidence_rows(evidence: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the rows of the error rates before and after: everybody first, then each group."""
    return [(group, *map(rate_text, rates)) for group, rates in evidence_rates(evidence)]


def evidence_rates(
    evidence: Mapping[str, Any], everybody: str = EVERYBODY
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return the rates of ``everybody``, then of each group, in the order of COLUMNS."""
    before, after = evidence["before"], evidence["after"]
    groups = {rates["group"]: rates for rates in after["groups"]}
    pairs = [(everybody, before, after)]
    pairs += [(rates["group"], rates, groups[rates["group"]]) for rates in before["groups"]]
    return [(group, [side[rate] for rate in ("fnir", "fpir") for side in sides]) for group, *sides in pairs]


def evidence_note(evidence: Mapping[str, Any]) -> str:
    """Return what was measured, on how many, in sentences."""
    before, after = evidence["before"], evidence["after"]
    searches = f"{evidence['mated_searches']:,} mated and {evidence['non_mated_searches']:,} non-mated searches"
    scores = f"Median threshold {before['threshold']:.3f} before, {after['threshold']:.3f} after."
    return (
        f"{counted(evidence['pictures'], 'picture')} of {evidence['people']:,} people in “{evidence['set']}”; "
        f"N = {evidence['gallery_people']:,} people enrolled, {searches}. FNIR with R = 1; intervals of 95 % by "
        f"resampling people. {scores}"
        + ("" if before["groups"] else " No groups were given, so nothing is known about groups.")
    )


def rate_text(rate: Mapping[str, Any]) -> str:
    """Return a rate in per cent with its interval, or why it is not given."""
    if "insufficient" in rate:
        return str(rate["insufficient"])
    return f"{hundredths(rate['value'])} % ({hundredths(rate['low'])} to {hundredths(rate['high'])})"


def _signatory_json(signatory: Signatory | None) -> dict[str, JSON] | None:
    return None if signatory is None else {"name": signatory.name, "at": iso(signatory.at)}
