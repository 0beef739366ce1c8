"""Cases: opened with offence, purpose and legal basis, authorised or refused, held, closed, and destroyed in time."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from lineament.errors import InvalidValue, NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.cases import (
    GONE,
    NEXT,
    Authorisation,
    AuthorisationOutcome,
    Case,
    CaseEvent,
    CaseRole,
    CaseState,
    CaseTerms,
    Happening,
    PaperKind,
    Standing,
)
from lineament.model.events.cases import (
    CaseAuthorised,
    CaseClosed,
    CaseDestroyed,
    CaseHeld,
    CaseOpened,
    CaseRead,
    CaseRefused,
    CaseReleased,
    CaseUrgent,
)
from lineament.model.events.catalogue import read_event
from lineament.model.lifecycle import advance
from lineament.model.policy import Policy
from lineament.model.purposes import refused_purposes
from lineament.model.reasons import ReasonCode
from lineament.model.search import Probe, SearchResult
from lineament.services.cases.access import case_for, everything_in, own_case_for
from lineament.services.cases.destroy import DestroyedCounts, destroy
from lineament.services.cases.room import Room
from lineament.services.gallery.shred import Shredder
from lineament.services.keyholder import about_case, case_key
from lineament.services.people.policies import policy_for
from lineament.services.record import Change, Record
from lineament.store.blobs import Blobs
from lineament.store.db import Tx
from lineament.store.keys import KeyRing
from lineament.store.ledger import LedgerRow
from lineament.store.searches import StoredSearch

Finding = Callable[[Tx, Record, str, Permission], Case]
_COMMITMENT = re.compile(r"[0-9a-f]{64}")
SOON = timedelta(days=7)
"""What ends within it is shown on the first page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What an authority decided, as a supervisor records it."""

    authority: str
    decided_at: datetime
    outcome: AuthorisationOutcome
    scope: str
    expires_on: date | None = None
    document: bytes | None = None  # untrusted: the decision itself
    document_name: str = "decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How a case stands now, and what may be done in it by whoever asks."""

    standing: Standing
    locks_at: datetime | None  # while the clock of an urgent case runs, and after it
    urgent_hours: int
    destroyed_on: date | None
    may: frozenset[Permission]


class Casework:
    """What happens to a case, and what it holds."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs, room: Room) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs
        self._room = room

    # ------------------------------------------------------------ a case's life

    def open(self, terms: CaseTerms) -> Case:
        """Open a case with a key of its own; whoever opens it is its first examiner.

        AlreadyThere where the agency has a case of that reference, Refused for a purpose nobody is searched for (R10).
        """
        if refused := refused_purposes([terms.purpose]):
            raise Refused(*(purpose.reason for purpose in refused))
        key, official = secrets.token_hex(8), self._record.official
        wrapped = self._keys.new_data_key(about_case(key))
        with self._record.change() as change:
            case = change.tx.cases.add(terms, wrapped, change.at, key=key, agency_id=official.agency_id)
            change.concerns(case)
            if official.account_id is not None:
                change.tx.members.put(case.id, official.account_id, CaseRole.EXAMINER, change.at, None)
            change.record(_opened(key, terms))
            return change.tx.cases.by_key(key)

    def close(self, name: str) -> Case:
        """Close a case: no search may use it any more, invited agencies leave, and its clock of retention begins.

        Only its own agency does.
        """
        with self._record.change() as change:
            case = self._in(change, name, Permission.OPEN_CASES, own_case_for)
            state = advance(NEXT, case.state, CaseEvent.CLOSED, what="case", name=case.ref)
            change.tx.cases.set_state(case.id, state, change.at)
            change.tx.members.end_guests(case.id, case.agency_id)
            change.record(CaseClosed(case=case.ref))
            return change.tx.cases.by_key(case.key)

    def declare_urgent(self, name: str, because: str) -> Case:
        """Let searches come before the authorisation: the clock begins, and the case locks when it runs out (R8)."""
        because = because.strip()
        if not because:
            why = "say why it cannot wait for the authorisation"
            raise InvalidValue(what="The urgency", value="", why=why, field="because")
        with self._record.change() as change:
            case = self._in(change, name, Permission.OPEN_CASES, own_case_for)
            policy = policy_for(change.tx, case.agency_id)
            if case.standing(policy, change.at) is not Standing.AWAITING or case.state is not CaseState.OPEN:
                raise Refused(ReasonCode.NOT_AWAITING.reason(ref=case.ref))
            if not policy.urgent_hours:
                raise Refused(ReasonCode.NO_URGENT_SEARCHES.reason())
            change.tx.cases.set_urgent(case.id, because, change.at)
            change.record(CaseUrgent(case=case.ref, because=because, hours=policy.urgent_hours))
            return change.tx.cases.by_key(case.key)

    def authorise(self, name: str, ruling: Ruling) -> Case:
        """Record what the authority decided.

        Granted, the case may be searched until the ruling ends; refused, its use stops at once, and everything that
        hung on it is deleted but a tombstone (R9).
        """
        if ruling.outcome is AuthorisationOutcome.REFUSED:
            return self._refuse(name, ruling)
        stored = None
        if ruling.document is not None:
            stored = self._room.sealed(name, Permission.MANAGE_CASES, ruling.document)
        with self._record.change() as change:
            case = self._in(change, name, Permission.MANAGE_CASES)
            if case.state is not CaseState.OPEN:
                raise Refused(ReasonCode.CASE_NOT_OPEN.reason(ref=case.ref, state=case.state))
            decided = self._decided(ruling, change.at)
            change.tx.cases.set_authorisation(case.id, decided)
            if stored is not None:
                self._room.filed(change, case, PaperKind.DECISION, ruling.document_name, stored)
            change.record(_authorised(case, decided))
            return change.tx.cases.by_key(case.key)

    def _refuse(self, name: str, ruling: Ruling) -> Case:
        with self._record.change() as change:
            case = self._in(change, name, Permission.MANAGE_CASES)
            advance(NEXT, case.state, CaseEvent.REFUSED, what="case", name=case.ref)
            decided = self._decided(ruling, change.at)
            change.tx.cases.set_authorisation(case.id, decided)
            counts = destroy(change, case, CaseState.REFUSED)
            change.record(_refused(case, decided, counts))
        Shredder(self._record, self._blobs).finish()
        self._record.store.scrub()
        return self.get(case.key)

    def _decided(self, ruling: Ruling, at: datetime) -> Authorisation:
        if ruling.decided_at > at:
            what, why = "The time of the decision", "it lies in the future"
            raise InvalidValue(what=what, value=ruling.decided_at, why=why, field="decided_at")
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

    def hold(self, name: str, because: str) -> Case:
        """Put a case on legal hold: its clock of retention stands still (R35)."""
        because = because.strip()
        if not because:
            why = "say who ordered it, and why"
            raise InvalidValue(what="The legal hold", value="", why=why, field="because")
        return self._set_hold(name, because)

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

    def page(
        self, *, words: str = "", states: Sequence[CaseState] = (), after: int | None = None, limit: int = 50
    ) -> list[Case]:
        """The newest cases that are seen, those before the case number ``after``; ``words`` are all in them."""
        with self._record.store.read() as tx:
            return tx.cases.page(self._record.sight, words=words, states=states, after=after, limit=limit)

    def standings(self, found: Iterable[Case]) -> dict[int, Standing]:
        """How the searches of those cases are covered now, by the case's number; of the open ones alone."""
        open_ = [case for case in found if case.state is CaseState.OPEN]
        with self._record.store.read() as tx:
            policies = _policies(tx, open_)
        now = self._record.clock()
        return {case.id: case.standing(policies[case.agency_id], now) for case in open_}

    def count(self, states: Sequence[CaseState] = ()) -> int:
        """How many cases are seen."""
        with self._record.store.read() as tx:
            return tx.cases.count(self._record.sight, states)

    def get(self, name: str) -> Case:
        """One case; NotFound where there is none that is seen."""
        with self._record.store.read() as tx:
            return case_for(tx, self._record, name, Permission.READ_CASES)

    def read(self, name: str, part: str = "case") -> Case:
        """The same for somebody who looks into a part of it, which is recorded (R39)."""
        with self._record.change() as change:
            case = self._in(change, name, Permission.READ_CASES)
            change.record(CaseRead(case=case.ref, part=part))
            return case

    def policy(self, name: str) -> Policy:
        """The policy under which a case stands: that of its agency."""
        with self._record.store.read() as tx:
            return policy_for(tx, case_for(tx, self._record, name, Permission.READ_CASES).agency_id)

    def pressing(self, limit: int) -> list[tuple[Case, Outlook]]:
        """The open cases whose clock runs or whose authorisation ends within a week, in that order; how they stand."""
        with self._record.store.read() as tx:
            found = tx.cases.expiring(self._record.sight, self._record.today + SOON, limit)
            policies = _policies(tx, found)
            return [(case, self._outlook(tx, case, policies[case.agency_id])) for case in found]

    def outlook(self, name: str) -> Outlook:
        """How a case stands now, and what the official may do in it."""
        with self._record.store.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            return self._outlook(tx, case, policy_for(tx, case.agency_id))

    def _outlook(self, tx: Tx, case: Case, policy: Policy) -> Outlook:
        return Outlook(
            standing=case.standing(policy, self._record.clock()),
            locks_at=None if case.urgent_since is None else case.locks_at(policy),
            urgent_hours=policy.urgent_hours,
            destroyed_on=case.destroyed_on(policy),
            may=everything_in(tx, self._record, case),
        )

    def searches(self, name: str) -> Sequence[SearchResult]:
        """The searches of a case, the newest first; those without candidates too (R22)."""
        return [stored.result for stored in self.stored_searches(name)]

    def stored_searches(self, name: str, before: int | None = None, limit: int | None = None) -> Sequence[StoredSearch]:
        """The same with who made them, and with what is left of the candidates that were erased since.

        With ``before`` those before that entry of the ledger, with ``limit`` the newest of them.
        """
        with self._record.store.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            return tx.searches.stored_of_case(case.id, before, limit)

    def waiting(self, name: str) -> Sequence[Probe]:
        """The probes of a case that no search used yet, the newest first."""
        probes = self.probes(name)
        with self._record.store.read() as tx:
            used = tx.searches.probes_of(case_for(tx, self._record, name, Permission.READ_CASES).id)
        return [probe for probe in probes if probe.id not in used]

    def probes(self, name: str) -> Sequence[Probe]:
        """The probes of a case, the newest first; none where its key was destroyed."""
        with self._record.store.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            if case.state in GONE:
                return []
            return tx.probes.of_case(case.id, case_key(tx, self._keys, case))

    def timeline(self, name: str, before: int | None = None, limit: int = 50) -> list[Happening]:
        """What the ledger says of a case, the newest first; ``before`` is the entry from which to go on."""
        with self._record.store.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            found: list[Happening] = []
            while rows := tx.ledger.of_case(case.id, before, limit):
                every = (_happening(row, case) for row in rows)
                found += [told for one in every if (told := self._told(one, case)) is not None]
                before = rows[-1].seq
                if len(found) >= limit:
                    break
        return found[:limit]

    def entry(self, name: str, reference: str) -> int:
        """The entry of a case that a line of its timeline names: by its commitment, or for auditors by its number.

        Numbers tell how much others do (R46). NotFound where nothing in the case is called that.
        """
        with self._record.store.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            if self._record.official.may(Permission.READ_LEDGER) and reference.isdecimal() and len(reference) < 19:
                return int(reference)
            known = bytes.fromhex(reference) if _COMMITMENT.fullmatch(reference) else b""
            found = tx.ledger.place(case.id, known)
        if found is None:
            raise NotFound(what="line of the timeline", name=reference[:64], hint="lineament case timeline")
        return found

    def _told(self, happening: Happening, case: Case) -> Happening | None:
        """What the official may know of it: no other agency's notes, and of guests' addresses only their host's."""
        details = dict(happening.details)
        own = self._record.official.agency_id
        if details.pop("notes_of", own) != own:
            return None
        details.pop("account", None)
        if own != case.agency_id:
            details.pop("email", None)
        return replace(happening, details=details, event=read_event(happening.action, details))


def _policies(tx: Tx, found: Iterable[Case]) -> dict[str, Policy]:
    return {agency: policy_for(tx, agency) for agency in {case.agency_id for case in found}}


def _opened(key: str, terms: CaseTerms) -> CaseOpened:
    return CaseOpened(
        key=key,
        ref=terms.ref,
        offence=terms.offence,
        purpose=terms.purpose,
        basis=terms.basis,
        authorised_by=terms.authorised_by,
        jurisdiction=terms.jurisdiction,
        seeks=terms.seeks.value,
        exempt_because=terms.exempt_because,
    )


def _authorised(case: Case, decision: Authorisation) -> CaseAuthorised:
    return CaseAuthorised(
        case=case.ref,
        authority=decision.authority,
        decided_at=decision.decided_at,
        outcome=decision.outcome.value,
        scope=decision.scope,
        document=decision.document_sha256,
        expires_on=decision.expires_on,
    )


def _refused(case: Case, decision: Authorisation, destroyed: DestroyedCounts) -> CaseRefused:
    return CaseRefused(
        case=case.ref,
        authority=decision.authority,
        decided_at=decision.decided_at,
        outcome=decision.outcome.value,
        scope=decision.scope,
        document=decision.document_sha256,
        expires_on=decision.expires_on,
        searches=destroyed.searches,
        photographs=destroyed.photographs,
        papers=destroyed.papers,
    )


def _happening(row: LedgerRow, case: Case) -> Happening:
    """A line of the timeline; of a destroyed case without what was said, which only auditors still read."""
    known = {} if row.details is None else json.loads(row.details)
    actor = str(known.pop("actor", ""))
    shown = {} if case.state is CaseState.DESTROYED and row.action != CaseDestroyed.action else known
    return Happening(
        seq=row.seq, at=row.at, action=row.action, actor=actor, details=shown, commitment=row.commitment.hex()
    )
