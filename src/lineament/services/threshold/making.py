"""Lets changes take effect; a change of the model does so when the gallery has been moved to its pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lineament.errors import Refused
from lineament.model.accounts import HOME_AGENCY
from lineament.model.events.base import JSON
from lineament.model.events.proposals import ChangeMade, ChangeProposed, ChangeWithdrawn
from lineament.model.jobs import Awaited
from lineament.model.packs import NEXT_MODEL
from lineament.model.proposals import Proposal, ProposalKind, ProposalState
from lineament.model.reasons import ReasonCode
from lineament.model.texts import checked_reason
from lineament.services.gallery.model_in_use import MODEL
from lineament.services.people.policies import policy_for
from lineament.services.record import Change, Record
from lineament.services.threshold.in_force import (
    check_proposal,
    digest,
    evidence_digest,
    number_in_force,
    sign_made,
    sign_proposal,
    threshold_in_force,
    unaltered,
)
from lineament.store.db import Tx

UNSAID = "no reason was given"
"""The reason of a change of the model that one person makes without naming one."""
ENDED = "the move to the pack was ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is proposed."""

    kind: ProposalKind
    strangers: float
    pack: str
    model: str
    reason: str
    evidence: Mapping[str, JSON] | None


def new_proposal(change: Change, record: Record, wanted: Wanted, *, against: str, based_on: int | None) -> Proposal:
    """Sign, store and record a proposal.

    Args:
        change: The transaction.
        record: Whose proposal it is.
        wanted: What is proposed.
        against: The model in use.
        based_on: The number of the change in force; None for the default of the product.
    """
    proposal = Proposal(
        number=change.tx.proposals.next_number(),
        kind=wanted.kind,
        strangers=wanted.strangers,
        pack=wanted.pack,
        model=wanted.model,
        against=against,
        based_on=based_on,
        reason=checked_reason(wanted.reason),
        by=change.signatory,
        evidence=wanted.evidence,
        note="",
    )
    signed = replace(proposal, note=sign_proposal(record.ledger, proposal))
    change.tx.proposals.add(signed)
    change.record(
        ChangeProposed(
            change=signed.number,
            kind=signed.kind.value,
            strangers=signed.strangers,
            pack=signed.pack,
            model=signed.model,
            against=signed.against,
            based_on=signed.based_on,
            reason=signed.reason,
            evidence_sha256=evidence_digest(signed.evidence),
            note_sha256=digest(signed.note),
        )
    )
    return signed


def make_change(change: Change, record: Record, proposal: Proposal) -> Proposal:
    """Let a change take effect: record it, and sign that with the number of the entry."""
    made = replace(proposal, state=ProposalState.MADE, entry=change.next_entry, made_at=change.at)
    signed = replace(made, made=sign_made(record.ledger, made))
    change.record(
        ChangeMade(
            change=proposal.number,
            kind=proposal.kind.value,
            strangers=proposal.strangers,
            pack=proposal.pack,
            model=proposal.model,
            note_sha256=digest(proposal.note),
            alone=proposal.decision is None,
        ),
        change.tx.proposals.digests(signed),
    )
    change.tx.proposals.put(signed)
    return signed


def change_approved(tx: Tx, record: Record, model: str, against: str) -> Proposal | None:
    """Return the approved proposal to use a model instead of ``against``; None if there is none.

    Raises ThresholdUntrusted if it was altered.
    """
    in_force = number_in_force(tx)
    with unaltered():
        proposals = tx.proposals.all()
    for proposal in proposals:
        seen = proposal.seen_from(against, in_force)
        wanted = seen.kind is ProposalKind.PACK and seen.model == model
        if wanted and seen.state is ProposalState.APPROVED:
            check_proposal(proposal, record.ledger.public_key)
            return proposal
    return None


def may_change_model(tx: Tx, record: Record, model: str, against: str) -> bool:
    """Return whether the workspace may use another model: somebody approved it, or the policy does not ask for that."""
    return _suffices(tx, change_approved(tx, record, model, against))


def awaited_change(tx: Tx, model: str) -> Awaited | None:
    """Return what is awaited until the workspace uses a model that has looked at every picture; None if nothing is.

    Raises ThresholdUntrusted if a proposal cannot be read.
    """
    in_use, after = tx.meta.get(MODEL), tx.meta.get(NEXT_MODEL)
    if in_use == model or (after is not None and after != model):
        return None
    in_force = number_in_force(tx)
    with unaltered():
        proposals = [each for each in tx.proposals.all() if each.kind is ProposalKind.PACK and each.model == model]
    states = [each.seen_from(in_use or each.against, in_force).state for each in proposals[:1]]
    if states == [ProposalState.APPROVED] or not policy_for(tx, HOME_AGENCY).change_approval:
        return Awaited.SECOND_LOOK
    undecided = not states or states[0] in {ProposalState.PENDING, ProposalState.EXPIRED}
    return Awaited.APPROVAL if undecided else None


def make_change_of_model(change: Change, record: Record, pack: str, model: str, against: str) -> Proposal:
    """Record and sign that the workspace uses another model from now on; the threshold stays.

    Args:
        change: The transaction in which it takes over.
        record: Whose work it is.
        pack: The name of the pack.
        model: Its model.
        against: The model in use until now.

    Raises:
        Refused: The policy asks for a second person, and nobody approved.
        ThresholdUntrusted: The threshold in force, or the proposal, was altered.
    """
    approved = change_approved(change.tx, record, model, against)
    if not _suffices(change.tx, approved):
        raise Refused(ReasonCode.CHANGE_NOT_APPROVED.reason(model=model))
    before = threshold_in_force(change.tx, record.ledger.public_key, against)
    if approved is None:
        unmeasured = Wanted(
            kind=ProposalKind.PACK,
            strangers=before.strangers,
            pack=pack,
            model=model,
            reason=UNSAID,
            evidence=None,
        )
        approved = new_proposal(change, record, unmeasured, against=against, based_on=before.number)
    return make_change(change, record, approved)


def _suffices(tx: Tx, approved: Proposal | None) -> bool:
    """Return whether another model may be used now: the policy asks for no second person, or one approved."""
    needs_two = policy_for(tx, HOME_AGENCY).change_approval
    return not needs_two or (approved is not None and approved.decision is not None)


def end_approvals(change: Change) -> None:
    """Withdraw every approved change of the model that has not taken effect, because the move was ended."""
    with unaltered():
        proposals = change.tx.proposals.all()
    for proposal in proposals:
        if proposal.kind is ProposalKind.PACK and proposal.state is ProposalState.APPROVED:
            change.tx.proposals.put(replace(proposal, state=ProposalState.WITHDRAWN))
            change.record(ChangeWithdrawn(change=proposal.number, reason=ENDED))
