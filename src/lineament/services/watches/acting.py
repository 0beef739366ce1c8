"""In whose name a watch compares, and whether it may: the gate is asked as if that official searched now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lineament.errors import NotFound
from lineament.model.accounts import AccountState, Official
from lineament.model.cases import GONE
from lineament.model.faces import Face
from lineament.model.reasons import Reason, ReasonCode
from lineament.model.search import Probe
from lineament.model.sources import Source
from lineament.model.watches import ProbeWatch
from lineament.services import gate
from lineament.services.keyholder import case_key
from lineament.services.people.policies import at_the_machine
from lineament.services.probes import chosen_face
from lineament.services.record import Record
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
    }
)
"""Reasons that everybody who sees the case may know; the others tell of an agency, its people or its sources (R46)."""


def told_to(agency_id: str, watch: ProbeWatch, against: Sequence[Reason]) -> Sequence[Reason]:
    """Return the reasons against a watch as the people of an agency may know them."""
    if watch.agency_id == agency_id:
        return against
    open_ = [reason for reason in against if reason.code in _OF_CASE]
    return open_ if len(open_) == len(against) else [*open_, ReasonCode.WATCH_AGENCY.reason()]


def read_watch(tx: Tx, record: Record, keys: KeyRing, watch: ProbeWatch, model: str) -> WatchReading:
    """Ask the gate about a watch, in the name of whoever began it. ``model`` is the one in use."""
    official, inactive = _official(tx, watch)
    acting = replace(record, official=official)
    sources, missing = _sources(tx, acting, watch)
    against = [*inactive, *missing]
    case = tx.cases.by_id(watch.case_id)
    if case.state in GONE:
        return WatchReading(watch=watch, record=acting, sources=sources, against=_closed(case.ref, case.state))
    probe = tx.probes.get(watch.probe_id, case_key(tx, keys, case))
    if not probe.faces:  # a copy of a picture of the gallery, which was erased with it
        return WatchReading(watch=watch, record=acting, sources=sources, against=[ReasonCode.WATCH_ERASED.reason()])
    face = chosen_face(probe, watch.face)
    attempt = gate.attempt(tx, acting, case, sources, watch.terms.reason, probes=[probe], unattended=True)
    reasons = gate.reasons_against(attempt)
    if missing:  # else it would say that there is no source as well
        reasons = [reason for reason in reasons if reason.code is not ReasonCode.NO_SOURCE]
    against += reasons
    if face.template.model != model:
        against.append(ReasonCode.WATCH_MODEL.reason(model=face.template.model, in_use=model))
    return WatchReading(watch=watch, record=acting, sources=sources, against=against, probe=probe, face=face)


def _closed(ref: str, state: str) -> Sequence[Reason]:
    return [ReasonCode.CASE_NOT_OPEN.reason(ref=ref, state=state)]


def _official(tx: Tx, watch: ProbeWatch) -> tuple[Official, Sequence[Reason]]:
    """Return the official who began a watch, and why they cannot act any more."""
    if watch.account_id is None:
        return at_the_machine(tx, watch.begun_by), []
    account = tx.accounts.get(watch.account_id)
    if account.state is AccountState.ACTIVE:
        return account.official, []
    return account.official, [ReasonCode.ACCOUNT_NOT_ACTIVE.reason(name=account.name, state=account.state)]


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
