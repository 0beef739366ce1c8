"""Opens cases with offence, purpose and legal basis; authorises, refuses, holds and closes them."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from lineament.errors import InvalidValue, NotAllowed, NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.cases import (
    GONE,
    NEXT,
    Allowance,
    Authorisation,
    AuthorisationOutcome,
    Case,
    CaseEvent,
    CaseRole,
    CaseStanding,
    CaseState,
    CaseTerms,
    PaperKind,
    TimelineEntry,
)
from lineament.model.events.cases import (
    CaseBlurSet,
    CaseClosed,
    CaseHeld,
    CaseRead,
    CaseReleased,
    CaseUrgent,
    PurposeAllowed,
)
from lineament.model.folding import folded
from lineament.model.lifecycle import advance
from lineament.model.policy import Policy
from lineament.model.purposes import Doubt, read_purposes, refused_purposes
from lineament.model.reasons import ReasonCode
from lineament.model.search import Probe
from lineament.model.texts import require_said
from lineament.services.cases.access import case_for, everything_as, member_role, own_case_for, require_open, roles_in
from lineament.services.cases.destroy import destroy
from lineament.services.cases.recorded import case_authorised, case_opened, case_refused
from lineament.services.cases.refusals import refusals_recorded
from lineament.services.cases.room import Room
from lineament.services.cases.standings import Outlook, Ruling
from lineament.services.cases.timeline import entries_of, views_of
from lineament.services.gallery.shred import Shredder
from lineament.services.keyholder import about_case, case_key
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for
from lineament.services.record import Change, Record
from lineament.services.review.seen import seen_searches
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.ring import KeyRing
from lineament.store.searches import StoredSearch

Finding = Callable[[Tx, Record, str, Permission], Case]
_COMMITMENT = re.compile(r"[0-9a-f]{64}")
SOON = timedelta(days=7)
"""The first page shows what ends within this time."""


class Casework:
    """Opens, authorises, holds and closes cases, and reads what they hold."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, room: Room) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs
        self._room = room

    # ------------------------------------------------------------ a case's life

    @needs(Permission.OPEN_CASES)
    def open(self, terms: CaseTerms) -> Case:
        """Open a case with its own key; the official becomes its first examiner.

        Words that leave its purpose in doubt keep it from being searched until a supervisor allows them. Unless the
        terms say whether its pictures are distressing, its words decide. Raises
        CaseExists if the agency has a case of that reference, or Refused if its purpose is never searched for (R10).
        """
        terms.require_said()
        if self._record.sight.only_case is not None:
            raise NotAllowed(what="a key that is not bound to a case")
        if refused := refused_purposes(terms.texts()):
            with refusals_recorded(self._record, None, terms.texts()):
                raise Refused(*(purpose.reason for purpose in refused))
        terms = replace(terms, distressing=terms.is_distressing)
        key, official = secrets.token_hex(8), self._record.official
        with self._record.change() as change:
            wrapped = self._keys.new_data_key(about_case(key))
            case = change.tx.cases.add(terms, wrapped, change.at, key=key, agency_id=official.agency_id)
            change.concerns(case)
            if official.account_id is not None:
                change.tx.members.put(case.id, official.account_id, CaseRole.EXAMINER, change.at, None)
            change.record(case_opened(key, terms))
            return change.tx.cases.by_key(key)

    @needs(Permission.OPEN_CASES, in_case=True)
    def close(self, name: str) -> Case:
        """Close a case: no search may use it any more, invited agencies leave, and its retention period starts.

        Only its own agency can.
        """
        with self._record.change() as change:
            case = self._in(change, name, Permission.OPEN_CASES, own_case_for)
            state = advance(NEXT, case.state, CaseEvent.CLOSED, what="case", name=case.ref)
            change.tx.cases.set_state(case.id, state, change.at)
            change.tx.members.end_guests(case.id, case.agency_id)
            change.record(CaseClosed(case=case.ref))
            return change.tx.cases.by_key(case.key)

    @needs(Permission.OPEN_CASES, in_case=True)
    def set_distressing(self, name: str, distressing: bool) -> Case:
        """Say whether the pictures of a case are distressing, and so blurred until pointed at. Only its own agency can.

        Raises Refused if the case was destroyed.
        """
        with self._record.change() as change:
            case = self._in(change, name, Permission.OPEN_CASES, own_case_for)
            if case.state in GONE:
                raise Refused(ReasonCode.CASE_DESTROYED.reason(ref=case.ref))
            change.tx.cases.set_distressing(case.id, distressing)
            change.record(CaseBlurSet(case=case.ref, distressing=distressing))
            return change.tx.cases.by_key(case.key)

    @needs(Permission.OPEN_CASES, in_case=True)
    def declare_urgent(self, name: str, because: str) -> Case:
        """Allow searches before the authorisation; the case locks if none comes within the hours of the policy (R8)."""
        because = because.strip()
        require_said(because, "The urgency", "because", "say why it cannot wait for the authorisation")
        with self._record.change() as change:
            case = self._in(change, name, Permission.OPEN_CASES, own_case_for)
            policy = policy_for(change.tx, case.agency_id)
            if case.standing(policy, change.at) is not CaseStanding.AWAITING or case.state is not CaseState.OPEN:
                raise Refused(ReasonCode.NOT_AWAITING.reason(ref=case.ref))
            if not policy.urgent_hours:
                raise Refused(ReasonCode.NO_URGENT_SEARCHES.reason())
            change.tx.cases.set_urgent(case.id, because, change.at)
            change.record(CaseUrgent(case=case.ref, because=because, hours=policy.urgent_hours))
            return change.tx.cases.by_key(case.key)

    @needs(Permission.MANAGE_CASES, in_case=True)
    def authorise(self, name: str, ruling: Ruling) -> Case:
        """Record the decision of the authority.

        If granted, the case may be searched until the ruling ends. If refused, its use stops at once and everything in
        it is deleted except a tombstone (R9).
        """
        if ruling.decided_at > self._record.clock():
            label, why = "The time of the decision", "it is in the future"
            raise InvalidValue(what=label, value=ruling.decided_at, why=why, field="decided_at")
        require_said(ruling.authority, "The authority of an authorisation", "authority")
        require_said(ruling.scope, "The scope of an authorisation", "scope")
        if ruling.outcome is AuthorisationOutcome.REFUSED:
            return self._refuse(name, ruling)
        stored = None
        if ruling.document is not None:
            code = ReasonCode.CASE_NOT_OPEN
            stored = self._room.seal_file(name, Permission.MANAGE_CASES, ruling.document, code)
        with self._record.change() as change:
            case = self._in(change, name, Permission.MANAGE_CASES)
            require_open(case)
            decided = self._authorisation(ruling, change.at)
            change.tx.cases.set_authorisation(case.id, decided)
            if stored is not None:
                self._room.add_sealed_file(change, case, PaperKind.DECISION, ruling.document_name, stored)
            change.record(case_authorised(case, decided))
            return change.tx.cases.by_key(case.key)

    def _refuse(self, name: str, ruling: Ruling) -> Case:
        with self._record.change() as change:
            case = self._in(change, name, Permission.MANAGE_CASES)
            advance(NEXT, case.state, CaseEvent.REFUSED, what="case", name=case.ref)
            decided = self._authorisation(ruling, change.at)
            change.tx.cases.set_authorisation(case.id, decided)
            counts = destroy(change, case, CaseState.REFUSED)
            change.record(case_refused(case, decided, counts))
        Shredder(self._record, self._blobs).finish()
        return self.get(case.key)

    def _authorisation(self, ruling: Ruling, at: datetime) -> Authorisation:
        digest = None if ruling.document is None else hashlib.sha256(ruling.document).hexdigest()
        return Authorisation(
            authority=ruling.authority,
            decided_at=ruling.decided_at,
            outcome=ruling.outcome,
            document_sha256=digest,
            scope=ruling.scope,
            expires_on=ruling.expires_on,
            recorded_by=self._record.official.name,
            recorded_at=at,
        )

    @needs(Permission.MANAGE_CASES, in_case=True)
    def allow(self, name: str, because: str, words: Iterable[str] = ()) -> Case:
        """State why words in doubt are allowed in a case: a purpose (R10), or an offence that its law does not list.

        Without ``words`` it is about all words in doubt in what the case says; the words of a search's reason have to
        be named. Raises InvalidValue for words that leave nothing in doubt, or that name a refused purpose beyond it.
        """
        because = because.strip()
        require_said(because, "The statement", "because", "say why the words are allowed in this case")
        with self._record.change() as change:
            case = self._in(change, name, Permission.MANAGE_CASES)
            require_open(case)
            named = tuple(doubt.words for word in words if word.strip() for doubt in _doubts_about(case, word))
            allowed = tuple(dict.fromkeys(named or (doubt.words for doubt in case.doubts)))
            if not allowed:
                raise Refused(ReasonCode.NOTHING_IN_DOUBT.reason(ref=case.ref))
            official = self._record.official
            stated = Allowance(words=allowed, because=because, by=official.name, at=change.at, alone=official.solo)
            change.tx.cases.set_allowances(case.id, (*case.allowances, stated))
            change.record(PurposeAllowed(case=case.ref, words=allowed, because=because, alone=official.solo))
            return change.tx.cases.by_key(case.key)

    @needs(Permission.MANAGE_CASES, in_case=True)
    def hold(self, name: str, because: str) -> Case:
        """Put a case on legal hold: its retention period is paused (R35)."""
        because = because.strip()
        require_said(because, "The legal hold", "because", "say who ordered it, and why")
        return self._set_hold(name, because)

    @needs(Permission.MANAGE_CASES, in_case=True)
    def release(self, name: str) -> Case:
        """End the legal hold."""
        return self._set_hold(name, None)

    def _set_hold(self, name: str, because: str | None) -> Case:
        with self._record.change() as change:
            case = self._in(change, name, Permission.MANAGE_CASES)
            if case.state in GONE:
                raise Refused(ReasonCode.NOTHING_TO_HOLD.reason(ref=case.ref, state=case.state))
            if (case.hold_because is None) == (because is None):
                code = ReasonCode.NOT_ON_HOLD if because is None else ReasonCode.ON_HOLD
                raise Refused(code.reason(ref=case.ref))
            change.tx.cases.set_hold(case.id, because)
            held = None if because is None else CaseHeld(case=case.ref, because=because)
            change.record(held or CaseReleased(case=case.ref, because=None))
            return change.tx.cases.by_key(case.key)

    def _in(self, change: Change, name: str, permission: Permission, find: Finding = case_for) -> Case:
        case = find(change.tx, self._record, name, permission)
        change.concerns(case)
        return case

    # ------------------------------------------------------------ reading

    @needs(Permission.READ_CASES)
    def page(
        self, *, words: str = "", states: Sequence[CaseState] = (), after: int | None = None, limit: int = 50
    ) -> list[Case]:
        """Return the newest visible cases before the case number ``after`` that contain all ``words``."""
        with self._record.read() as tx:
            return tx.cases.page(self._record.sight, words=words, states=states, after=after, limit=limit)

    @needs(Permission.READ_CASES)
    def standings(self, found: Iterable[Case]) -> dict[int, CaseStanding]:
        """Return how the searches of the open cases are covered now, by case number."""
        open_ = [case for case in found if case.state is CaseState.OPEN]
        with self._record.read() as tx:
            policies = policies_of(tx, open_)
        now = self._record.clock()
        return {case.id: case.standing(policies[case.agency_id], now) for case in open_}

    @needs(Permission.READ_CASES)
    def count(self, states: Sequence[CaseState] = ()) -> int:
        """Return the number of visible cases."""
        with self._record.read() as tx:
            return tx.cases.count(self._record.sight, states)

    @needs(Permission.READ_CASES, in_case=True)
    def get(self, name: str) -> Case:
        """Return a case. Raises NotFound if it is not visible."""
        with self._record.read() as tx:
            return case_for(tx, self._record, name, Permission.READ_CASES)

    @needs(Permission.READ_CASES, in_case=True)
    def read(self, name: str, part: str = "case") -> Case:
        """Return a case whose ``part`` is about to be read, and record that (R39)."""
        with self._record.change() as change:
            case = self._in(change, name, Permission.READ_CASES)
            change.record(CaseRead(case=case.ref, part=part))
            return case

    @needs(Permission.READ_CASES, in_case=True)
    def policy(self, name: str) -> Policy:
        """Return the policy of the case's agency."""
        with self._record.read() as tx:
            return policy_for(tx, case_for(tx, self._record, name, Permission.READ_CASES).agency_id)

    @needs(Permission.READ_CASES)
    def pressing(self, limit: int) -> list[tuple[Case, Outlook]]:
        """Return the open urgent cases, then those whose authorisation ends within a week, each with its outlook."""
        with self._record.read() as tx:
            found = tx.cases.expiring(self._record.sight, self._record.today + SOON, limit)
            policies = policies_of(tx, found)
            roles = roles_in(tx, self._record, found)
            return [(case, self._outlook(case, policies[case.agency_id], roles.get(case.id))) for case in found]

    @needs(Permission.READ_CASES, in_case=True)
    def outlook(self, name: str) -> Outlook:
        """Return the current state of a case, and what the official may do in it."""
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            return self._outlook(case, policy_for(tx, case.agency_id), member_role(tx, self._record, case))

    def _outlook(self, case: Case, policy: Policy, role: CaseRole | None) -> Outlook:
        return Outlook(
            standing=case.standing(policy, self._record.clock()),
            locks_at=None if case.urgent_since is None else case.locks_at(policy),
            urgent_hours=policy.urgent_hours,
            destroyed_on=case.destroyed_on(policy),
            may=everything_as(self._record.official, case, role),
        )

    @needs(Permission.READ_CASES, in_case=True)
    def stored_searches(self, name: str, before: int | None = None, limit: int | None = None) -> Sequence[StoredSearch]:
        """Return the searches of a case with who made them, the newest first, also those without candidates (R22).

        Erased candidates are left out; RecordAltered: one is not what its entry recorded. With ``before`` only searches
        before that entry of the ledger are returned, with ``limit`` only the newest of them.
        """
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            found = tx.searches.compared(tx.searches.stored_of_case(case.id, before, limit))
            return [seen.shown for seen in seen_searches(tx, self._record, case, found)]

    @needs(Permission.READ_CASES, in_case=True)
    def waiting(self, name: str) -> Sequence[Probe]:
        """Return the probes of a case that no search has used yet, the newest first."""
        probes = self.probes(name)
        with self._record.read() as tx:
            used = tx.searches.probes_of(case_for(tx, self._record, name, Permission.READ_CASES).id)
        return [probe for probe in probes if probe.id not in used]

    @needs(Permission.READ_CASES, in_case=True)
    def probes(self, name: str) -> Sequence[Probe]:
        """Return the probes of a case, the newest first; none if its key was destroyed."""
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            if case.state in GONE:
                return []
            return tx.probes.of_case(case.id, case_key(tx, self._keys, case))

    @needs(Permission.READ_CASES, in_case=True)
    def timeline(
        self, name: str, before: int | None = None, limit: int = 50, *, views: bool = True
    ) -> list[TimelineEntry]:
        """Return the newest entries of the ledger on a case; with ``before`` those before that entry.

        Without ``views`` entries that only say that somebody looked are left out.
        """
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            return entries_of(tx, case, self._record.official, before, limit, views=views)

    @needs(Permission.READ_CASES, in_case=True)
    def views(self, name: str, first: int = 0, before: int | None = None) -> int:
        """Return how many entries on a case, from ``first`` to ``before`` (excluded), say that somebody looked."""
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            return views_of(tx, case, first, before)

    @needs(Permission.READ_CASES, in_case=True)
    def entry(self, name: str, reference: str) -> int:
        """Return the number of a case's ledger entry, given its commitment or, for auditors, its number.

        Numbers would reveal how much others do (R46). Raises NotFound if the case has no such entry.
        """
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            if self._record.official.may(Permission.READ_LEDGER) and reference.isdecimal() and len(reference) < 19:
                return int(reference)
            known = bytes.fromhex(reference) if _COMMITMENT.fullmatch(reference) else b""
            found = tx.ledger.place(case.id, known)
        if found is None:
            raise NotFound(what="line of the timeline", name=reference[:64], hint="lineament case timeline")
        return found


def policies_of(tx: Tx, found: Iterable[Case]) -> dict[str, Policy]:
    """Return the policies of the agencies of these cases, by the ids of the agencies."""
    return {agency: policy_for(tx, agency) for agency in {case.agency_id for case in found}}


def _doubts_about(case: Case, words: str) -> tuple[Doubt, ...]:
    """Return the doubts about words that a refusal names. Raises Refused or InvalidValue if there are none."""
    if own := tuple(doubt for doubt in case.doubts if doubt.words == folded(words)[0]):
        return own
    reading = read_purposes([words], beside_crime=True)
    if reading.refused:
        raise Refused(*(purpose.reason for purpose in reading.refused))
    if not reading.doubts:
        why = "they are not in doubt; give those that the refusal names"
        raise InvalidValue(what="The words to allow", value=words[:60], why=why, field="words")
    return reading.doubts
