"""Proposes, approves, declines and withdraws changes of the threshold and of the model (R28)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lineament.errors import InvalidValue, Refused
from lineament.model.accounts import HOME_AGENCY, Permission
from lineament.model.events.base import JSON
from lineament.model.events.proposals import (
    ChangeApproved,
    ChangeDeclined,
    ChangeWithdrawn,
)
from lineament.model.lifecycle import advance
from lineament.model.packs import NEXT_PACK
from lineament.model.proposals import (
    NEXT,
    Decision,
    Proposal,
    ProposalEvent,
    ProposalKind,
    ProposalState,
    Signatory,
    Threshold,
    checked_strangers,
)
from lineament.model.reasons import ReasonCode
from lineament.model.texts import checked_reason
from lineament.services.gallery.model_in_use import require_model, start_move
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for, require_step_up
from lineament.services.people.stops import OPERATOR
from lineament.services.record import Change, Record
from lineament.services.threshold.in_force import (
    change_in_force,
    check_proposal,
    digest,
    evidence_digest,
    number_in_force,
    threshold_in_force,
    unaltered,
)
from lineament.services.threshold.making import Wanted, make_change, new_proposal
from lineament.store.db import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInUse:
    """The pack and the model that the workspace uses."""

    pack: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The threshold in force, with the error rates that were measured for it."""

    threshold: Threshold
    model: str
    evidence: Mapping[str, JSON] | None  # None: the default of the product, or nothing was measured
    notes: tuple[str, ...]  # the signed statements, for those who may change it
    needs_two: bool  # whether a second person must approve a change


class Proposals:
    """Changes the threshold of identification, and decides about changes of the model.

    The policy that counts is that of the agency that runs the workspace, because both hold for the whole workspace.
    """

    def __init__(self, record: Record, in_use: ModelInUse, model_of: Callable[[str], str]) -> None:
        """``model_of`` returns the model of a pack by its name, and raises NotFound or PackDamaged."""
        self._record = record
        self._in_use = in_use
        self._model_of = model_of

    @needs(Permission.OWN_ACCOUNT)
    def in_force(self) -> InForce:
        """Return the threshold in force, to every official; only those who may change it see names and reason (R46).

        Raises ThresholdUntrusted if it was altered.
        """
        model = self._in_use.model
        with self._record.read() as tx:
            last = change_in_force(tx, self._record.ledger.public_key, model)
            needs_two = policy_for(tx, HOME_AGENCY).change_approval
        if last is None:
            return InForce(threshold=Threshold(), model=model, evidence=None, notes=(), needs_two=needs_two)
        threshold, notes = Threshold.set_by(last), tuple(filter(None, (last.note, last.made)))
        if not self._record.official.may(Permission.CHANGE_THRESHOLD):
            proposed, approved = _unnamed(threshold.proposed), _unnamed(threshold.approved)
            threshold, notes = replace(threshold, proposed=proposed, approved=approved, reason=""), ()
        return InForce(threshold=threshold, model=model, evidence=last.evidence, notes=notes, needs_two=needs_two)

    @needs(Permission.CHANGE_THRESHOLD)
    def list(self) -> Sequence[Proposal]:
        """Return every change that was proposed, the newest first. Raises ThresholdUntrusted if one was altered."""
        with self._record.read() as tx:
            with unaltered():
                proposals = tx.proposals.all()
            in_force = number_in_force(tx)
        for proposal in proposals:
            check_proposal(proposal, self._record.ledger.public_key)
        return [proposal.seen_from(self._in_use.model, in_force) for proposal in proposals]

    @needs(Permission.CHANGE_THRESHOLD)
    def get(self, number: int) -> Proposal:
        """Return one change. Raises NotFound if there is none, or ThresholdUntrusted if it was altered."""
        with self._record.read() as tx:
            return self._checked(tx, number)

    @needs(Permission.CHANGE_THRESHOLD)
    def waiting(self) -> int:
        """Return how many changes wait for the decision of this official."""
        return sum(self.may_decide(proposal) for proposal in self.list())

    @needs(Permission.CHANGE_THRESHOLD)
    def may_decide(self, proposal: Proposal) -> bool:
        """Return whether a change waits and somebody else proposed it."""
        return proposal.state is ProposalState.PENDING and not self._own(proposal)

    @needs(Permission.CHANGE_THRESHOLD)
    def propose_threshold(self, strangers: float, reason: str, evidence: Mapping[str, JSON]) -> Proposal:
        """Propose that another number of strangers is expected above the threshold.

        Where the policy does not ask for a second person it takes effect at once, and is marked as made by one.

        Args:
            strangers: Expected in the gallery searched, in the range of the setting.
            reason: Why, for the record.
            evidence: What ``measure_change`` measured for exactly this change.

        Raises:
            InvalidValue: The value is out of range or in force, or the evidence is for another change.
            ThresholdUntrusted: The threshold in force was altered.
            StepUpNeeded: The second factor was not shown recently.
        """
        in_use, strangers = self._in_use, checked_strangers(strangers)
        with self._record.change() as change:
            require_step_up(change.tx, self._record.official, change.at)
            require_model(change.tx, in_use.model)
            before = threshold_in_force(change.tx, self._record.ledger.public_key, in_use.model)
            if strangers == before.strangers:
                raise InvalidValue(
                    what="The threshold", value=f"{strangers:g}", why="it is in force", field="strangers"
                )
            _check_evidence(evidence, (before.strangers, in_use.model), (strangers, in_use.model))
            wanted = Wanted(
                kind=ProposalKind.THRESHOLD,
                strangers=strangers,
                pack=in_use.pack,
                model=in_use.model,
                reason=reason,
                evidence=evidence,
            )
            proposal = self._propose(change, wanted, before)
            if policy_for(change.tx, HOME_AGENCY).change_approval:
                return proposal
            return make_change(change, self._record, proposal)

    @needs(Permission.CHANGE_THRESHOLD)
    def propose_pack(self, pack: str, reason: str, evidence: Mapping[str, JSON] | None) -> Proposal:
        """Propose that the workspace uses another pack; the threshold stays.

        Once it is approved, or at once where the policy does not ask for a second person, the gallery is moved to the
        pack; the change takes effect when every picture was looked at with it.

        Args:
            pack: The name of the pack.
            reason: Why, for the record.
            evidence: What ``measure_change`` measured for exactly this change. None only if no second person decides.

        Raises:
            NotFound: There is no such pack.
            PackDamaged: Files of the pack are missing or altered.
            InvalidValue: The pack is in use, or the evidence is for another change or missing.
            ThresholdUntrusted: The threshold in force was altered.
            StepUpNeeded: The second factor was not shown recently.
        """
        in_use, model = self._in_use, self._model_of(pack)
        with self._record.change() as change:
            require_step_up(change.tx, self._record.official, change.at)
            require_model(change.tx, in_use.model)
            before = threshold_in_force(change.tx, self._record.ledger.public_key, in_use.model)
            if model == in_use.model:
                raise InvalidValue(what="The pack", value=pack, why="it is in use", field="pack")
            needs_two = policy_for(change.tx, HOME_AGENCY).change_approval
            if evidence is not None:
                _check_evidence(evidence, (before.strangers, in_use.model), (before.strangers, model))
            elif needs_two:
                why = "measure both packs first, so that whoever approves sees the error rates before and after"
                raise InvalidValue(what="The evaluation", value="", why=why, field="evaluate")
            wanted = Wanted(
                kind=ProposalKind.PACK,
                strangers=before.strangers,
                pack=pack,
                model=model,
                reason=reason,
                evidence=evidence,
            )
            proposal = self._propose(change, wanted, before)
            return proposal if needs_two else self._start_move(change, proposal)

    @needs(Permission.CHANGE_THRESHOLD)
    def approve(self, number: int, reason: str = "") -> Proposal:
        """Approve a change that somebody else proposed. A threshold takes effect at once, the move to a pack begins.

        Raises:
            NotFound: There is no such change.
            WrongState: It was decided about before.
            Refused: The official proposed it, or what it was measured against has changed.
            ThresholdUntrusted: The proposal was altered.
            StepUpNeeded: The second factor was not shown recently.
        """
        with self._record.change() as change:
            require_step_up(change.tx, self._record.official, change.at)
            proposal = self._decidable(change, number, ProposalEvent.APPROVED)
            decision = self._decision(change, ProposalState.APPROVED, reason.strip() or ProposalState.APPROVED.value)
            approved = replace(proposal, decision=decision)
            change.record(
                ChangeApproved(
                    change=number,
                    reason=decision.reason,
                    note_sha256=digest(proposal.note),
                    evidence_sha256=evidence_digest(proposal.evidence),
                )
            )
            if proposal.kind is ProposalKind.THRESHOLD:
                return make_change(change, self._record, approved)
            return self._start_move(change, approved)

    @needs(Permission.CHANGE_THRESHOLD)
    def decline(self, number: int, reason: str) -> Proposal:
        """Decline a change that somebody else proposed. Raises what ``approve`` raises, without StepUpNeeded."""
        with self._record.change() as change:
            proposal = self._decidable(change, number, ProposalEvent.DECLINED)
            decision = self._decision(change, ProposalState.DECLINED, reason)
            declined = _decided(change, proposal, decision)
            change.record(ChangeDeclined(change=number, reason=decision.reason))
            return declined

    @needs(Permission.CHANGE_THRESHOLD)
    def withdraw(self, number: int, reason: str = "") -> Proposal:
        """Withdraw a change that the official proposed and that has not taken effect; a move to a pack ends.

        Raises NotFound, WrongState, ThresholdUntrusted, or Refused for everybody else.
        """
        in_use = self._in_use
        with self._record.change() as change:
            proposal = self._checked(change.tx, number)
            _require(proposal, ProposalEvent.WITHDRAWN)
            if not self._own(proposal):
                raise Refused(ReasonCode.NOT_YOUR_CHANGE.reason(number=number))
            decision = self._decision(change, ProposalState.WITHDRAWN, reason.strip() or ProposalState.WITHDRAWN.value)
            withdrawn = _decided(change, proposal, decision)
            change.record(ChangeWithdrawn(change=number, reason=decision.reason))
            if proposal.state is ProposalState.APPROVED and change.tx.meta.get(NEXT_PACK) == proposal.pack:
                start_move(change, in_use.pack, in_use.model, in_use=in_use.pack)
            return withdrawn

    def _start_move(self, change: Change, proposal: Proposal) -> Proposal:
        """Let the gallery be moved to the pack of a proposal."""
        approved = replace(proposal, state=ProposalState.APPROVED)
        change.tx.proposals.put(approved)
        start_move(change, proposal.pack, proposal.model, in_use=self._in_use.pack)
        return approved

    def _propose(self, change: Change, wanted: Wanted, before: Threshold) -> Proposal:
        """Sign, store and record a proposal; ``before`` is the threshold in force."""
        return new_proposal(change, self._record, wanted, against=self._in_use.model, based_on=before.number)

    def _checked(self, tx: Tx, number: int) -> Proposal:
        """Return a proposal that is as it was signed, in the state that it has now."""
        with unaltered():
            proposal = tx.proposals.get(number)
        check_proposal(proposal, self._record.ledger.public_key)
        return proposal.seen_from(self._in_use.model, number_in_force(tx))

    def _decidable(self, change: Change, number: int, event: ProposalEvent) -> Proposal:
        """Return a pending proposal of somebody else. Raises NotFound, WrongState, Refused or ThresholdUntrusted."""
        require_model(change.tx, self._in_use.model)
        proposal = self._checked(change.tx, number)
        if proposal.state is ProposalState.EXPIRED:
            raise Refused(ReasonCode.CHANGE_EXPIRED.reason(number=number))
        _require(proposal, event)
        if self._own(proposal):
            raise Refused(ReasonCode.OWN_CHANGE.reason(number=number))
        return proposal

    def _own(self, proposal: Proposal) -> bool:
        return proposal.by.account_id == self._record.official.account_id

    def _decision(self, change: Change, state: ProposalState, reason: str) -> Decision:
        return Decision(state=state, by=change.signatory, reason=checked_reason(reason))


def _require(proposal: Proposal, event: ProposalEvent) -> None:
    """Raise WrongState unless this may happen to a proposal."""
    advance(NEXT, proposal.state, event, what="change", name=str(proposal.number))


def _decided(change: Change, proposal: Proposal, decision: Decision) -> Proposal:
    decided = replace(proposal, decision=decision, state=decision.state)
    change.tx.proposals.put(decided)
    return decided


def _unnamed(signatory: Signatory | None) -> Signatory | None:
    return None if signatory is None else replace(signatory, name=OPERATOR, account_id=None)


def _check_evidence(evidence: Mapping[str, JSON], before: tuple[float, str], after: tuple[float, str]) -> None:
    """Raise InvalidValue unless the evidence is about these strangers and models."""
    for side, (strangers, model) in (("before", before), ("after", after)):
        measured = evidence.get(side)
        if not isinstance(measured, Mapping) or (measured["strangers"], measured["model"]) != (strangers, model):
            why = f"what it measured {side} is not {strangers:g} strangers expected with {model}"
            raise InvalidValue(what="The evaluation", value=evidence.get("set"), why=why)
