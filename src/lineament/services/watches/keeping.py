"""Keeps probes on watch: begins and ends watches, and shows what they found."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from lineament.errors import MixedModels, NotAllowed, NotFound, Refused
from lineament.model.accounts import Permission
from lineament.model.cases import GONE, Case, CaseStanding
from lineament.model.events.watches import FindingSeen, WatchBegun, WatchEnded, WatchLetOn
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.texts import require_said
from lineament.model.watches import Notice, ProbeWatch, WatchFinding, WatchProgress, WatchStanding, WatchTerms
from lineament.services import gate
from lineament.services.cases.access import case_for, case_of_probe, may_in, probe_in, seen_case
from lineament.services.keyholder import case_key
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for
from lineament.services.probes import chosen_face
from lineament.services.record import Record
from lineament.services.watches.acting import WatchReader, is_held_by_key, told_to
from lineament.services.watches.asking import ask_to_compare
from lineament.store.db import Tx
from lineament.store.ring import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWatch:
    """A watch of a case, with what became of it."""

    watch: ProbeWatch
    standing: WatchStanding
    progress: WatchProgress
    against: Sequence[Reason]  # why it cannot compare now; empty if it is over
    findings: Sequence[WatchFinding]  # the newest first
    told: Mapping[str, Sequence[Notice]]  # by finding


class Watches:
    """The watches of the cases that an official sees."""

    def __init__(self, record: Record, keys: KeyRing, model: Callable[[], str]) -> None:
        """``model`` returns the model in use."""
        self._record = record
        self._keys = keys
        self._model = model

    @needs(Permission.SEARCH, in_case=True)
    def begin(
        self, probe_id: str, terms: WatchTerms, face: int | None = None, *, case_name: str | None = None
    ) -> ProbeWatch:
        """Keep a face of a probe on watch: it is compared with what is enrolled from now on.

        With ``case_name`` the probe has to be of that case; the same NotFound tells of none and of one elsewhere.

        Raises Refused (by the gate, as for a search, or if the face is on watch already), InvalidValue if the last day
        is after that of the authorisation, MixedModels, or NoFace, SeveralFaces or NotFound for the face.
        """
        require_said(terms.reason, "The reason of a watch", "reason", "say why this face is kept on watch")
        official = self._record.official
        if official.key is not None and not terms.sources:  # it compares without the key, and no more than that may
            terms = replace(terms, sources=official.key.sources)
        with self._record.change() as change:
            tx = change.tx
            if case_name is None:
                case = case_of_probe(tx, self._record, probe_id)
            else:
                case = seen_case(tx, self._record, case_name)
                probe_in(tx, probe_id, case)
            change.concerns(case)
            probe = tx.probes.get(probe_id, case_key(tx, self._keys, case))
            chosen = chosen_face(probe, face)
            number = probe.faces.index(chosen) + 1
            sources = gate.chosen(tx, self._record, terms.sources)
            gate.admit(gate.attempt(tx, self._record, case, sources, terms.reason, probes=[probe]))
            terms.check_end(change.at.date(), self._covered_until(tx, case))
            if chosen.template.model != self._model():
                raise MixedModels(first=self._model(), second=chosen.template.model)
            self._require_new(tx, case, probe_id, number)
            watch = ProbeWatch(
                id=secrets.token_hex(8),
                case_id=case.id,
                case=case.ref,
                case_key=case.key,
                agency_id=official.agency_id,
                account_id=official.account_id,
                begun_by=official.name,
                begun_at=change.at,
                probe_id=probe_id,
                face=number,
                terms=terms,
                key_id=None if official.key is None else official.key.id,
            )
            tx.watches.add(watch)
            passed = {source.id: source.last_face_id for source in sources}
            tx.watches.put_progress([WatchProgress(watch_id=watch.id, faces=passed)])
            change.record(
                WatchBegun(
                    case=case.ref,
                    watch=watch.id,
                    probe=probe_id,
                    face=number,
                    reason=terms.reason,
                    ends_on=terms.ends_on,
                    sources=terms.sources,
                )
            )
        return watch

    def _covered_until(self, tx: Tx, case: Case) -> date | None:
        """Return the last day of the authorisation, if the case needs one that ends."""
        standing = case.standing(policy_for(tx, case.agency_id), self._record.clock())
        if standing is not CaseStanding.AUTHORISED or case.authorisation is None:
            return None
        return case.authorisation.expires_on

    def _require_new(self, tx: Tx, case: Case, probe_id: str, face: int) -> None:
        today = self._record.today
        for other in tx.watches.of_case(case.id):
            same = (other.probe_id, other.face) == (probe_id, face)
            if same and other.standing(today) is WatchStanding.ON:
                raise Refused(ReasonCode.ALREADY_WATCHED.reason(last=other.terms.ends_on))

    @needs(Permission.OPEN_CASES, in_case=True)
    def end(self, watch_id: str) -> ProbeWatch:
        """End a watch, at once. The examiners of the case may, and its supervisors.

        Raises NotFound, NotAllowed, or Refused if it is over.
        """
        with self._record.change() as change:
            tx = change.tx
            case = self._case_of(tx, watch_id)
            if not may_in(tx, self._record, case, Permission.OPEN_CASES):
                raise NotAllowed(what=f"{Permission.OPEN_CASES.value}, in this case")
            watch = tx.watches.get(watch_id)
            standing = watch.standing(change.at.date())
            if standing is not WatchStanding.ON:
                raise Refused(ReasonCode.WATCH_OVER.reason(state=standing.value))
            change.concerns(case)
            tx.watches.end(watch.id, self._record.official.name, change.at)
            change.record(WatchEnded(case=case.ref, watch=watch.id))
            return tx.watches.get(watch_id)

    @needs(Permission.SEARCH, in_case=True)
    def let_on(self, watch_id: str) -> ProbeWatch:
        """Let a watch go on although the key with which a program began it was revoked.

        Whoever may begin one of the same sources may, in person. Raises NotFound, NotAllowed for programs, or Refused
        by the gate, or if no such key holds the watch.
        """
        official = self._record.official
        if official.key is not None:
            raise NotAllowed(what="a person, not a program")
        with self._record.change() as change:
            tx = change.tx
            case, watch = self._case_of(tx, watch_id), tx.watches.get(watch_id)
            change.concerns(case)
            probe = tx.probes.get(watch.probe_id, case_key(tx, self._keys, case))
            sources = gate.chosen(tx, self._record, watch.terms.sources)
            gate.admit(gate.attempt(tx, self._record, case, sources, watch.terms.reason, probes=[probe]))
            standing = watch.standing(change.at.date())
            if standing is not WatchStanding.ON:
                raise Refused(ReasonCode.WATCH_OVER.reason(state=standing.value))
            if not is_held_by_key(tx, watch):
                raise Refused(ReasonCode.WATCH_KEY_VALID.reason())
            tx.watches.let_on(watch, official.name)
            change.record(WatchLetOn(case=case.ref, watch=watch.id))
            ask_to_compare(tx, official, change.at)
            return tx.watches.get(watch_id)

    @needs(Permission.READ_CASES, in_case=True)
    def of_case(self, name: str) -> Sequence[KeptWatch]:
        """Return the watches of a case, the newest first, with what they found and why they cannot compare now."""
        today, model = self._record.today, self._model()
        with self._record.read() as tx:
            case = case_for(tx, self._record, name, Permission.READ_CASES)
            if case.state in GONE:
                return []
            found = tx.watches.of_case(case.id)
            progress = tx.watches.progress([watch.id for watch in found])
            findings = tx.watches.findings_of_case(case.id)
            told = tx.notices.of_findings([finding.id for finding in findings])
            reader = WatchReader(tx, self._record, self._keys, found, model)
            kept = []
            for watch in found:
                standing = watch.standing(today)
                against: Sequence[Reason] = []
                if standing is WatchStanding.ON:
                    reasons = reader.read(watch).against
                    against = told_to(self._record.official.agency_id, watch, reasons)
                mine = [finding for finding in findings if finding.watch_id == watch.id]
                kept.append(
                    KeptWatch(
                        watch=watch,
                        standing=standing,
                        progress=progress.get(watch.id, WatchProgress(watch_id=watch.id)),
                        against=against,
                        findings=mine,
                        told={finding.id: told.get(finding.id, []) for finding in mine},
                    )
                )
            return kept

    @needs(Permission.TAKE_PART)
    def unseen(self, limit: int) -> Sequence[WatchFinding]:
        """Return what watches found in visible cases and nobody took note of yet, the newest first."""
        with self._record.read() as tx:
            found = tx.watches.unseen(self._record.sight, limit)
            seen = [tx.cases.of_search(finding.search_id, self._record.sight) for finding in found]
        return [finding for finding, case in zip(found, seen, strict=True) if case is not None]

    @needs(Permission.TAKE_PART, in_case=True)
    def see(self, finding_id: str) -> WatchFinding:
        """Take note of what a watch found, on the record; only the first time counts. Raises NotFound."""
        with self._record.change() as change:
            tx = change.tx
            case = tx.cases.of_finding(finding_id, self._record.sight)
            if case is None:
                raise NotFound(what="finding", name=finding_id[:40], hint="lineament watch list")
            if not may_in(tx, self._record, case, Permission.TAKE_PART):
                raise NotAllowed(what=f"{Permission.TAKE_PART.value}, in this case")
            finding = tx.watches.finding(finding_id)
            change.concerns(case)
            tx.watches.see(finding_id, self._record.official.name, change.at)
            change.record(FindingSeen(case=case.ref, watch=finding.watch_id, search=finding.search_id))
            return tx.watches.finding(finding_id)

    def _case_of(self, tx: Tx, watch_id: str) -> Case:
        case = tx.cases.of_watch(watch_id, self._record.sight)
        if case is None:
            raise NotFound(what="watch", name=watch_id[:40], hint="lineament watch list")
        return case
