"""The threshold in force. Its signatures and its place in the ledger are verified at every use.

Whoever can only write to the database can neither set a threshold nor go back to an earlier one or to the default: what
took effect last is also an entry of the ledger (docs/adr/0019-two-people-change-the-threshold.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lineament.errors import Damaged, InvalidValue, ThresholdUntrusted
from lineament.ledger.checkpoint import PublicKey, open_note
from lineament.ledger.entries import canonical
from lineament.ledger.log import Ledger
from lineament.model.events.base import JSON
from lineament.model.proposals import Proposal, Threshold
from lineament.model.search import ThresholdOrigin
from lineament.store.db import Tx

PROPOSED = "lineament-change-proposed/1"
MADE = "lineament-change-made/1"
"""The first lines of the signed texts, so that one can never be taken for the other, or for a checkpoint."""


def threshold_in_force(tx: Tx, key: PublicKey, model: str) -> Threshold:
    """Return the verified threshold, or the default of the product if none was ever set; see ``change_in_force``."""
    change = change_in_force(tx, key, model)
    return Threshold() if change is None else Threshold.set_by(change)


def change_in_force(tx: Tx, key: PublicKey, model: str) -> Proposal | None:
    """Return the change that took effect last, verified; None if there was none.

    Args:
        tx: A transaction.
        key: The public key of the workspace.
        model: The model in use.

    Raises:
        ThresholdUntrusted: Something was altered, exchanged or deleted, or it was made for another model.
    """
    recorded = tx.ledger.newest_change()
    with unaltered():
        proposal = tx.proposals.newest_made()
    if recorded is None and proposal is None:
        return None
    if proposal is None or proposal.entry != recorded:
        raise ThresholdUntrusted(why=f"the change that the ledger records last, in entry {recorded}, is not in force")
    check_made(proposal, key)
    if proposal.model != model:
        why = f"it was set for the model {proposal.model}, and the workspace uses {model}"
        raise ThresholdUntrusted(why=why)
    return proposal


@contextmanager
def unaltered() -> Iterator[None]:
    """Raise ThresholdUntrusted if a row that is read in the block does not open, or holds something else."""
    try:
        yield
    except (Damaged, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ThresholdUntrusted(why="what is stored of a change was altered") from error


def number_in_force(tx: Tx) -> int | None:
    """Return the number of the change that took effect last, None if there is none; it is not verified."""
    with unaltered():
        proposal = tx.proposals.newest_made()
    return None if proposal is None else proposal.number


def origin_of(threshold: Threshold) -> ThresholdOrigin | None:
    """Return which change set a threshold, for the record of a search; None for the default of the product."""
    if threshold.number is None or threshold.made_at is None:
        return None
    return ThresholdOrigin(number=threshold.number, on=threshold.made_at.date(), alone=threshold.alone)


def sign_proposal(ledger: Ledger, proposal: Proposal) -> str:
    """Return the signed statement of a proposal."""
    return ledger.attest(_text(PROPOSED, _proposed(proposal)))


def sign_made(ledger: Ledger, proposal: Proposal) -> str:
    """Return the signed statement that a change took effect."""
    return ledger.attest(_text(MADE, _made(proposal)))


def check_proposal(proposal: Proposal, key: PublicKey) -> None:
    """Raise ThresholdUntrusted unless what is stored of a proposal is what was signed when it was made."""
    _check(proposal, proposal.note, _text(PROPOSED, _proposed(proposal)), key)


def check_made(proposal: Proposal, key: PublicKey) -> None:
    """Raise ThresholdUntrusted unless both signatures of a change fit it, and two people made it or one alone."""
    check_proposal(proposal, key)
    _check(proposal, proposal.made or "", _text(MADE, _made(proposal)), key)
    if proposal.decision is not None and proposal.decision.by.account_id == proposal.by.account_id:
        raise ThresholdUntrusted(why=f"change {proposal.number} was approved by whoever proposed it")


def digest(text: str) -> str:
    """Return the SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def evidence_digest(evidence: Mapping[str, JSON] | None) -> str | None:
    """Return the SHA-256 of the error rates before and after, as canonical JSON; None if nothing was measured."""
    return None if evidence is None else digest(canonical(evidence))


def _check(proposal: Proposal, note: str, text: str, key: PublicKey) -> None:
    try:
        signed = open_note(note, key)
    except InvalidValue as error:
        raise ThresholdUntrusted(why=f"a signature of change {proposal.number} is wrong") from error
    if signed != text:
        raise ThresholdUntrusted(why=f"a signature of change {proposal.number} is for something else")


def _text(form: str, statement: Mapping[str, JSON]) -> str:
    return f"{form}\n{canonical(statement)}\n"


def _proposed(proposal: Proposal) -> dict[str, JSON]:
    return {
        "change": proposal.number,
        "kind": proposal.kind.value,
        "strangers": proposal.strangers,
        "pack": proposal.pack,
        "model": proposal.model,
        "against": proposal.against,
        "based_on": proposal.based_on,
        "reason": proposal.reason,
        "evidence_sha256": evidence_digest(proposal.evidence),
        "proposed_by": proposal.by.name,
        "account": proposal.by.account_id,
        "proposed_at": proposal.by.at.isoformat(),
    }


def _made(proposal: Proposal) -> dict[str, JSON]:
    decision = proposal.decision
    return {
        "change": proposal.number,
        "entry": proposal.entry,
        "kind": proposal.kind.value,
        "strangers": proposal.strangers,
        "pack": proposal.pack,
        "model": proposal.model,
        "proposal_sha256": digest(proposal.note),
        "approved_by": None if decision is None else decision.by.name,
        "account": None if decision is None else decision.by.account_id,
        "approved_at": None if decision is None else decision.by.at.isoformat(),
        "approval": None if decision is None else decision.reason,
        "made_at": None if proposal.made_at is None else proposal.made_at.isoformat(),
    }
