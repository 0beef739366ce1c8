"""In whose name a watch compares, and whether it may: the gate is asked as if that official searched now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from lineament.errors import NotFound, ThresholdUntrusted
from lineament.model.accounts import AccountState, Official
from lineament.model.cases import GONE
from lineament.model.faces import Face
from lineament.model.proposals import Threshold
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.search import Probe
from lineament.model.sources import Source
from lineament.model.watches import ProbeWatch
from lineament.services import gate
from lineament.services.keyholder import about_case
from lineament.services.people.policies import at_the_machine
from lineament.services.probes import chosen_face
from lineament.services.record import Record
from lineament.services.threshold.in_force import threshold_in_force
from lineament.store.db import Tx
from lineament.store.ring import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReading:
    """What decides whether a watch may compare now."""

    watch: ProbeWatch
    record: Record  # in the name of whoever began it
    sources: Sequence[Source]
    against: Sequence[Reason]
    probe: Probe | None = None  # None: something stands against it, so the probe was not opened
    face: Face | None = None


_OF_CASE = frozenset(
    {
        ReasonCode.ALL_STOPPED,
        ReasonCode.ROLES,
        ReasonCode.CASE_NOT_OPEN,
        ReasonCode.NOT_AUTHORISED,
        ReasonCode.CASE_LOCKED,
        ReasonCode.AUTHORISATION_EXPIRED,
        ReasonCode.NO_REASON,
        ReasonCode.PURPOSE,
        ReasonCode.PURPOSE_IN_DOUBT,
        ReasonCode.WATCH_MODEL,
        ReasonCode.WATCH_ERASED,
        ReasonCode.WATCH_THRESHOLD,
    }
)
"""Reasons that everybody who sees the case may know; the others tell of an agency, its people or its sources (R46)."""


def told_to(agency_id: str, watch: ProbeWatch, against: Sequence[Reason]) -> Sequence[Reason]:
    """Return the reasons against a watch as the people of an agency may know them."""
    if watch.agency_id == agency_id:
        return against
    open_ = [reason for reason in against if reason.code in _OF_CASE]
    return open_ if len(open_) == len(against) else [*open_, ReasonCode.WATCH_AGENCY.reason()]


class WatchReader:
    """Asks the gate about watches, each in the name of whoever began it; what they have in common is read once."""

    def __init__(self, tx: Tx, record: Record, keys: KeyRing, watches: Sequence[ProbeWatch], model: str) -> None:
        """Read the cases and the probes of these watches. ``model`` is the one in use."""
        self._tx, self._record, self._model = tx, record, model
        ids = list(dict.fromkeys(watch.case_id for watch in watches))
        accounts = {watch.account_id for watch in watches if watch.account_id is not None}
        self._facts = gate.SharedFacts(tx, record, ids, accounts)
        self._cases = tx.cases.of_ids(ids)
        wrapped = tx.cases.wrapped_keys(ids)
        opened = {
            id_: keys.unwrap(wrapped[id_], about_case(case.key)) for id_, case in self._cases.items() if id_ in wrapped
        }
        self._probes = tx.probes.of_ids([watch.probe_id for watch in watches], opened.get)
        self._permitted: dict[tuple[Official, tuple[str, ...]], tuple[Sequence[Source], Sequence[Reason]]] = {}
        self.in_force: Threshold | None = None  # it cannot be trusted, which stands against every watch
        self._untrusted: Sequence[Reason] = ()
        try:
            self.in_force = threshold_in_force(tx, record.ledger.public_key, model)
        except ThresholdUntrusted as error:
            self._untrusted = [ReasonCode.WATCH_THRESHOLD.reason(why=error.details["why"])]

    def read(self, watch: ProbeWatch) -> WatchReading:
        """Ask the gate about one of the watches."""
        tx = self._tx
        official, inactive = self._official(watch)
        acting = replace(self._record, official=official)
        key = (official, watch.terms.sources)
        if key not in self._permitted:
            self._permitted[key] = _sources(tx, acting, watch)
        sources, missing = self._permitted[key]
        read = partial(WatchReading, watch=watch, record=acting, sources=sources)
        case, probe = self._cases[watch.case_id], self._probes.get(watch.probe_id)
        if case.state in GONE:
            return read(against=[ReasonCode.CASE_NOT_OPEN.reason(ref=case.ref, state=case.state)])
        if probe is None or not probe.faces:  # a copy of a picture of the gallery, which was erased with it
            return read(against=[ReasonCode.WATCH_ERASED.reason()])
        face = chosen_face(probe, watch.face)
        attempt = gate.attempt(
            tx, acting, case, sources, watch.terms.reason, probes=[probe], unattended=True, facts=self._facts
        )
        reasons = gate.reasons_against(attempt)
        if missing:  # else it would say that there is no source as well
            reasons = [reason for reason in reasons if reason.code is not ReasonCode.NO_SOURCE]
        held = [ReasonCode.WATCH_KEY.reason()] if is_held_by_key(tx, watch) else []
        against = [*inactive, *held, *missing, *reasons, *self._untrusted]
        if face.template.model != self._model:
            against.append(ReasonCode.WATCH_MODEL.reason(model=face.template.model, in_use=self._model))
        return read(against=against, probe=probe, face=face)

    def _official(self, watch: ProbeWatch) -> tuple[Official, Sequence[Reason]]:
        """Return the official who began a watch, and why they cannot act any more."""
        if watch.account_id is None:
            return at_the_machine(self._tx, watch.begun_by), []
        account = self._facts.account(watch.account_id)
        if account.state is AccountState.ACTIVE:
            return account.official, []
        return account.official, [ReasonCode.ACCOUNT_NOT_ACTIVE.reason(name=account.name, state=account.state)]


def is_held_by_key(tx: Tx, watch: ProbeWatch) -> bool:
    """Return whether a program began the watch with a key that was revoked, and nobody has let it go on since."""
    if watch.key_id is None or watch.let_on_by is not None:
        return False
    key = tx.api_keys.find(watch.key_id)
    return key is not None and key.revoked_at is not None


def _sources(tx: Tx, acting: Record, watch: ProbeWatch) -> tuple[Sequence[Source], Sequence[Reason]]:
    """Return the sources of a watch, and a reason for each that its agency may not search any more."""
    if not watch.terms.sources:
        return gate.chosen(tx, acting, ()), []
    found: list[Source] = []
    against: list[Reason] = []
    for name in watch.terms.sources:
        try:
            found += gate.chosen(tx, acting, [name])
        except NotFound:
            against.append(ReasonCode.SOURCE_NOT_SHARED.reason(name=name))
    return found, against
