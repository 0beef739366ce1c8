"""Decides who witnesses the ledger: one operator proposes a policy, another approves it, and both are on the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lineament.errors import InvalidValue, Refused
from lineament.ledger.cosignature import WitnessKey
from lineament.ledger.remote import checked_authority, checked_witness
from lineament.ledger.seen import Seen, newest_of_each
from lineament.ledger.stamps import certificates
from lineament.model.accounts import HOME_AGENCY, Permission
from lineament.model.events.ledger import WitnessesChanged, WitnessesProposed
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.texts import checked_reason
from lineament.model.witnessing import (
    LONGEST_HOURS,
    MOST_WITNESSES,
    StampAuthority,
    WitnessAddress,
    WitnessChange,
    WitnessPolicy,
)
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for, require_step_up
from lineament.services.record import Change, Record
from lineament.services.witnessing.in_force import (
    change_in_force,
    kept_seen,
    policy_in_force,
    policy_of,
    reason_against,
    witnessed_since,
)
from lineament.services.witnessing.submit import Submission, Submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessStanding:
    """How the ledger is witnessed now."""

    policy: WitnessPolicy
    in_force: WitnessChange | None  # None: nobody ever set one
    waiting: WitnessChange | None  # a policy that waits for the approval of a second person
    seen: Sequence[Seen]  # of each witness and authority what it saw last
    since: datetime | None  # when as many as are needed had seen the ledger last
    against: Reason | None  # why a search would be refused in an agency


class Witnesses:
    """Sets the policy, and has the ledger witnessed."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.READ_LEDGER, Permission.OPERATE, Permission.MACHINE)
    def standing(self) -> WitnessStanding:
        """Return how the ledger is witnessed. Raises WitnessesUntrusted, or Damaged if what is kept was altered."""
        with self._record.read() as tx:
            change, newest = change_in_force(tx, self._record), tx.witness_policies.newest()
            policy = policy_of(change)
            seen = newest_of_each(kept_seen(self._record, policy))
            return WitnessStanding(
                policy=policy,
                in_force=change,
                waiting=newest if newest is not None and newest.entry is None else None,
                seen=seen,
                since=witnessed_since(policy, seen),
                against=reason_against(tx, self._record, policy),
            )

    @needs(Permission.OPERATE)
    def propose(self, policy: WitnessPolicy, reason: str) -> WitnessChange:
        """Propose a policy; where no second person has to approve a change, it takes effect at once.

        A policy that waited for an approval is dropped.

        Raises:
            InvalidValue: The policy cannot be followed, or is in force.
            WitnessesUntrusted: The policy in force was altered.
            StepUpNeeded: The second factor was not shown recently.
        """
        checked = checked_policy(policy)
        with self._record.change() as change:
            require_step_up(change.tx, self._record.official, change.at)
            if checked == policy_in_force(change.tx, self._record):
                raise InvalidValue(what="The policy", value="", why="it is in force already")
            newest = change.tx.witness_policies.newest()
            proposal = WitnessChange(
                number=1 if newest is None else newest.number + 1,
                policy=checked,
                reason=checked_reason(reason),
                by=change.signatory,
            )
            change.tx.witness_policies.put(proposal)
            change.record(WitnessesProposed(change=proposal.number, policy=checked.to_json(), reason=proposal.reason))
            needs_two = policy_for(change.tx, HOME_AGENCY).change_approval
            return proposal if needs_two else self._make(change, proposal)

    @needs(Permission.OPERATE)
    def approve(self) -> WitnessChange:
        """Approve the policy that somebody else proposed last; it takes effect at once.

        Raises Refused if none waits, or the official proposed it; StepUpNeeded.
        """
        with self._record.change() as change:
            require_step_up(change.tx, self._record.official, change.at)
            change_in_force(change.tx, self._record)
            proposal = change.tx.witness_policies.newest()
            if proposal is None or proposal.entry is not None:
                raise Refused(ReasonCode.NO_WITNESSES_WAIT.reason())
            if proposal.by.account_id == self._record.official.account_id:
                raise Refused(ReasonCode.OWN_WITNESSES.reason())
            return self._make(change, replace(proposal, approved=change.signatory))

    @needs(Permission.MACHINE, Permission.OPERATE)
    def submit(self) -> list[Submitted]:
        """Submit the newest checkpoint now; return what became of it. Raises WitnessesUntrusted."""
        return Submission(self._record).run()

    @needs(Permission.MACHINE, Permission.OPERATE)
    def submit_if_due(self) -> list[Submitted]:
        """Submit the newest checkpoint if somebody has not signed it, or what somebody signed gets old."""
        submission = Submission(self._record)
        return submission.run() if submission.due else []

    @needs(Permission.MACHINE, Permission.OPERATE)
    def ask(self) -> list[Submitted]:
        """Ask each witness what it saw last, and keep that as evidence; return the answers."""
        return Submission(self._record).fetch()

    def _make(self, change: Change, proposal: WitnessChange) -> WitnessChange:
        alone = proposal.approved is None
        event = WitnessesChanged(change=proposal.number, policy=proposal.policy.to_json(), alone=alone)
        made = replace(proposal, entry=change.next_entry, made_at=change.at)
        change.record(event, change.tx.witness_policies.digests(made))
        change.tx.witness_policies.put(made)
        return made


def checked_policy(policy: WitnessPolicy) -> WitnessPolicy:
    """Return a policy that can be followed, its addresses as they are asked. Raises InvalidValue."""
    keys = [WitnessKey.parse(each.key) for each in policy.witnesses]
    names = [key.name for key in keys] + [each.name for each in policy.authorities]
    _require(len(set(names)) == len(names), "The names", ", ".join(names), "no two may be the same")
    _require(len({key.raw for key in keys}) == len(keys), "The keys", ", ".join(names), "no two may be the same")
    _require(len(names) <= MOST_WITNESSES, "The policy", len(names), f"it names at most {MOST_WITNESSES}")
    for what, needed, there in (
        ("The number of witnesses needed", policy.witnesses_needed, len(keys)),
        ("The number of time-stamps needed", policy.stamps_needed, len(policy.authorities)),
    ):
        _require(0 <= needed <= there, what, needed, f"the policy names {there}")
    hours = policy.stale_after_hours
    _require(1 <= hours <= LONGEST_HOURS, "The hours", hours, f"write 1 to {LONGEST_HOURS}")
    for each in policy.authorities:
        _require(0 < len(each.name) <= 100 and each.name.isprintable(), "The name", each.name[:100], "write a name")
        certificates(each.roots)
    return replace(
        policy,
        witnesses=tuple(
            WitnessAddress(key=str(key), url=checked_witness(each.url))
            for key, each in zip(keys, policy.witnesses, strict=True)
        ),
        authorities=tuple(
            StampAuthority(name=each.name, url=checked_authority(each.url), roots=each.roots)
            for each in policy.authorities
        ),
    )


def _require(holds: bool, what: str, value: object, why: str) -> None:
    if not holds:
        raise InvalidValue(what=what, value=value, why=why)
