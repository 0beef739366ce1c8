"""The register of sources: nothing is ingested or searched without one (R1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from lineament.errors import InvalidValue, NotAllowed, NotFound, Refused, WrongState
from lineament.model.accounts import Permission
from lineament.model.agencies import Agency
from lineament.model.collections import NewCollection
from lineament.model.events.base import Event
from lineament.model.events.sources import (
    PermissionOpened,
    SourceApproved,
    SourceBlurSet,
    SourceRegistered,
    SourceResumed,
    SourceShared,
    SourceSuspended,
    SourceUnshared,
)
from lineament.model.faces import SourceId
from lineament.model.lifecycle import advance
from lineament.model.reasons import ReasonCode
from lineament.model.runs import Run, RunId
from lineament.model.sources import NEXT, Source, SourceEvent, SourceState, SourceTerms
from lineament.model.texts import require_said
from lineament.services.cases.access import seen_source, source_seen
from lineament.services.filenames import stored_name
from lineament.services.keyholder import about_source, source_key
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for
from lineament.services.record import Change, Record
from lineament.sources.permission.hosts import Hosts
from lineament.store.blobs import Blobs
from lineament.store.ring import KeyRing

LARGEST_PERMISSION = 64 * 2**20
"""Most bytes of a permission document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionDocument:
    """The document that grants the permission, as submitted."""

    name: str
    untrusted: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDestruction:
    """How and when a source was destroyed."""

    at: datetime
    reason: str
    entry: int  # number in the ledger
    declined: bool  # it was a draft that somebody declined
    destroyed: Mapping[str, int]  # counts by kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStanding:
    """Who registered and approved a source, and who may search it, for those who manage sources."""

    drafted_by: str  # names; empty for the official at the machine
    approved_by: str
    shares: tuple[tuple[Agency, date | None], ...] | None  # None: every agency
    may_approve: bool
    gone: SourceDestruction | None  # if it is withdrawn


class Register:
    """Drafts, approves, shows, shares, suspends and resumes sources. ``Erase.source`` withdraws them."""

    def __init__(self, record: Record, keys: KeyRing, blobs: Blobs) -> None:
        self._record = record
        self._keys = keys
        self._blobs = blobs

    @needs(Permission.MANAGE_SOURCES)
    def add(
        self,
        terms: SourceTerms,
        permission: PermissionDocument | None = None,
        shares: Mapping[str, date | None] | None = None,
        collection: NewCollection | None = None,
    ) -> Source:
        """Register a source with its own key.

        It is drafted until a second person approves it, or live at once if the policy asks for no approval. ``shares``
        names the agencies that alone may search it, each with its last day; ``collection`` is how programs know it.
        Raises HostRefused for a social network, AlreadyThere if programs know another by that name, NotAllowed if the
        key of a program is bound to other sources; a collection is bound to that whose terms it has.
        """
        if collection is None and not self._record.official.may_use(terms.name):
            raise NotAllowed(what=f"a key for the source {terms.name}")
        require_said(terms.controller, "The controller", "controller")
        require_said(terms.basis, "The legal basis", "basis")
        Hosts(terms.hosts)
        wrapped = self._keys.new_data_key(about_source(terms.name))
        if permission is not None:
            terms = replace(terms, permission_sha256=_digest_of(permission))
        live = not self.needs_approval()
        address = None if permission is None else self._store_permission(wrapped, terms.name, permission)
        try:
            with self._record.change() as change:
                by = self._record.official.account_id
                wrapped = self._keys.rewrapped(wrapped, about_source(terms.name))
                source = change.tx.sources.add(terms, wrapped, change.at, drafted_by=by, live=live)
                change.tx.tallies.begin(source.id, source_key(change.tx, self._keys, source))
                if permission is not None and address is not None:
                    change.tx.sources.keep_permission(source.id, address, stored_name(permission.name, "permission"))
                change.record(_registration_event(terms, live=live))
                for name, until in (shares or {}).items():
                    self._share(change, source, name, until)
                if collection is not None:
                    self._name(change, source, collection)
                return change.tx.sources.by_id(source.id)
        except BaseException:
            if address is not None:
                self._blobs.delete([address])
            raise

    @needs(Permission.MANAGE_SOURCES)
    def needs_approval(self) -> bool:
        """Return whether a source that this official registers waits for a second person."""
        with self._record.read() as tx:
            return policy_for(tx, self._record.official.agency_id).source_approval

    @needs(Permission.MANAGE_SOURCES)
    def approve(self, name: str, permission: PermissionDocument | None = None) -> Source:
        """Let a drafted source go live, with the document that permits it if none was kept with the draft.

        Raises Refused for the official who drafted it, InvalidValue if there is a document already.
        """
        digest = None if permission is None else _digest_of(permission)
        address = None
        try:
            with self._record.change() as change:
                source = change.tx.sources.get(name)
                advance(NEXT, source.state, SourceEvent.APPROVED, what="source", name=name)
                if not source.may_be_decided_by(self._record.official.account_id):
                    raise Refused(ReasonCode.OWN_DRAFT.reason(name=name))
                if permission is not None and digest is not None:
                    address = self._add_permission(change, source, permission, digest)
                change.tx.sources.approve(source.id, self._record.official.account_id, change.at)
                change.record(SourceApproved(source=name, permission_sha256=digest))
                return change.tx.sources.get(name)
        except BaseException:
            if address is not None:
                self._blobs.delete([address])
            raise

    def _add_permission(self, change: Change, source: Source, permission: PermissionDocument, digest: str) -> str:
        """Keep the document of a source that has none, sealed; return its address."""
        if source.terms.permission_sha256 is not None:
            why = "the draft has one already; approve it with that, or decline it"
            raise InvalidValue(
                what="The permission", value=stored_name(permission.name, ""), why=why, field="permission"
            )
        address = self._blobs.put(source_key(change.tx, self._keys, source), permission.untrusted)
        self._blobs.flush()
        change.tx.sources.keep_permission(source.id, address, stored_name(permission.name, "permission"), digest)
        return address

    @needs(Permission.MANAGE_SOURCES)
    def share(self, name: str, agency: str, until: date | None = None) -> Source:
        """Let an agency search a source; from then on only listed agencies may."""
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            self._share(change, source, agency, until)
            return change.tx.sources.get(name)

    @needs(Permission.MANAGE_SOURCES)
    def unshare(self, name: str, agency: str) -> Source:
        """Remove an agency from the list; with an empty list, nobody may search the source."""
        with self._record.change() as change:
            source, excluded = change.tx.sources.get(name), change.tx.agencies.find(agency)
            if source.shares is None:
                raise Refused(ReasonCode.SHARED_WITH_ALL.reason(name=name))
            if not change.tx.sources.unshare(source.id, excluded.id):
                raise NotFound(what="share", name=agency, hint=f"lineament source show {name}")
            change.in_agency(excluded.id)
            change.record(SourceUnshared(source=name, agency=excluded.id))
            return change.tx.sources.get(name)

    @needs(Permission.MANAGE_SOURCES)
    def share_with_all(self, name: str) -> Source:
        """Let every agency of the workspace search a source, also those registered later."""
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            change.tx.sources.share_with_all(source.id)
            change.record(SourceShared(source=name, agency=None, until=None))
            return change.tx.sources.get(name)

    @needs(Permission.READ_SOURCES)
    def list(self) -> list[Source]:
        """Return all sources that the official sees, sorted by name, including withdrawn ones."""
        with self._record.read() as tx:
            return [source for source in tx.sources.all() if source_seen(self._record, source)]

    @needs(Permission.READ_SOURCES)
    def get(self, name: str) -> Source:
        """Return a source. Raises NotFound if the official does not see it."""
        with self._record.read() as tx:
            return seen_source(tx, self._record, name)

    @needs(Permission.READ_SOURCES)
    def fresh(self) -> Mapping[SourceId, datetime]:
        """Return when each source was last ingested; sources that never were are left out."""
        with self._record.read() as tx:
            return tx.runs.newest()

    @needs(Permission.MANAGE_SOURCES)
    def standing(self, name: str) -> SourceStanding:
        """Return who registered and approved a source, and who may search it."""
        with self._record.read() as tx:
            source = tx.sources.get(name)
            names = [
                "" if account is None else tx.accounts.get(account).name
                for account in (source.drafted_by, source.approved_by)
            ]
            listed = source.shares
            shares = None if listed is None else [(tx.agencies.get(share.agency_id), share.until) for share in listed]
            return SourceStanding(
                drafted_by=names[0],
                approved_by=names[1],
                shares=None if shares is None else tuple(sorted(shares, key=lambda pair: pair[0].name)),
                may_approve=source.state is SourceState.DRAFTED
                and source.may_be_decided_by(self._record.official.account_id),
                gone=_destruction(tx.sources.destroyed(source.id)),
            )

    @needs(Permission.MANAGE_SOURCES)
    def permission(self, name: str) -> tuple[bytes, str]:
        """Record the opening of the permission document, and return its untrusted bytes and its name."""
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            address = change.tx.sources.permission(source.id)
            if address is None or source.permission_name is None:
                raise NotFound(what="permission of", name=name, hint=f"lineament source show {name}")
            untrusted = self._blobs.get(source_key(change.tx, self._keys, source), address)
            change.record(PermissionOpened(source=name))
        return untrusted, source.permission_name

    @needs(Permission.MANAGE_SOURCES)
    def runs(self, name: str, limit: int | None = None, before: RunId | None = None) -> Sequence[Run]:
        """Return the ingest runs of a source, newest first; with ``before``, those that began before that one."""
        with self._record.read() as tx:
            return tx.runs.of_source(tx.sources.get(name).id, limit, before)

    @needs(Permission.MANAGE_SOURCES)
    def numbered_run(self, name: str, number: int) -> tuple[Run, Sequence[tuple[str, str]]]:
        """Return the run of a source with that number, from 1, and its first refusals. Raises NotFound."""
        with self._record.read() as tx:
            run = tx.runs.numbered(tx.sources.get(name).id, number)
            return run, tx.runs.refusals(run.id)

    @needs(Permission.MANAGE_SOURCES)
    def run(self, name: str, run_id: int) -> tuple[Run, Sequence[tuple[str, str]]]:
        """Return a run and its first refusals (names, reasons). Raises NotFound if it is not of that source."""
        with self._record.read() as tx:
            run = tx.runs.get_of(tx.sources.get(name).id, RunId(run_id))
            return run, tx.runs.refusals(run.id)

    @needs(Permission.MANAGE_SOURCES)
    def suspend(self, name: str) -> Source:
        """Take a source out of every search until it is resumed."""
        return self._move(name, SourceEvent.SUSPENDED, SourceSuspended(source=name))

    @needs(Permission.MANAGE_SOURCES)
    def resume(self, name: str) -> Source:
        """Let a suspended source be searched again."""
        return self._move(name, SourceEvent.RESUMED, SourceResumed(source=name))

    @needs(Permission.MANAGE_SOURCES)
    def set_distressing(self, name: str, distressing: bool) -> Source:
        """Say whether the pictures of a source are distressing, and so blurred until pointed at, for everybody.

        Raises WrongState if it is withdrawn.
        """
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            if source.state is SourceState.WITHDRAWN:
                raise WrongState(what="source", name=name, state=source.state.value, event="blurred")
            change.tx.sources.set_distressing(source.id, distressing)
            change.record(SourceBlurSet(source=name, distressing=distressing))
            return change.tx.sources.get(name)

    @needs(Permission.READ_SOURCES)
    def blurred(self, names: Iterable[str]) -> frozenset[str]:
        """Return which of these sources have pictures that are blurred until pointed at."""
        with self._record.read() as tx:
            return frozenset(source.name for source in tx.sources.of_names(names) if source.is_distressing)

    def _move(self, name: str, event: SourceEvent, recorded: Event) -> Source:
        with self._record.change() as change:
            source = change.tx.sources.get(name)
            change.tx.sources.set_state(source.id, advance(NEXT, source.state, event, what="source", name=name))
            change.record(recorded)
            return change.tx.sources.get(name)

    def _share(self, change: Change, source: Source, name: str, until: date | None) -> None:
        agency = change.tx.agencies.find(name)
        if until is not None and until < change.at.date():
            raise InvalidValue(what="The last day of sharing", value=until, why="it is in the past", field="shares")
        change.tx.sources.share(source.id, agency.id, until)
        change.in_agency(agency.id)
        change.record(SourceShared(source=source.name, agency=agency.id, until=until))

    @staticmethod
    def _name(change: Change, source: Source, collection: NewCollection) -> None:
        """Let programs know a source by a name; its pictures are blurred as those of the source it was made like."""
        change.tx.collections.add(source.id, collection, change.at)
        if collection.distressing is not None:
            change.tx.sources.set_distressing(source.id, collection.distressing)
            change.record(SourceBlurSet(source=source.name, distressing=collection.distressing))

    def _store_permission(self, wrapped: bytes, name: str, permission: PermissionDocument) -> str:
        address = self._blobs.put(self._keys.unwrap(wrapped, about_source(name)), permission.untrusted)
        self._blobs.flush()
        return address


def _destruction(destruction: Mapping[str, Any] | None) -> SourceDestruction | None:
    if destruction is None:
        return None
    at = datetime.fromisoformat(destruction["at"])
    return SourceDestruction(
        at=at,
        reason=destruction["reason"],
        entry=destruction["entry"],
        declined=destruction.get("declined", False),
        destroyed=destruction["destroyed"],
    )


def _digest_of(permission: PermissionDocument) -> str:
    """Return the digest of a document. Raises InvalidValue if it is empty or too large."""
    if not 0 < len(permission.untrusted) <= LARGEST_PERMISSION:
        why = f"it must have 1 to {LARGEST_PERMISSION:,} bytes"
        size = f"{len(permission.untrusted):,} bytes"
        raise InvalidValue(what="The permission", value=size, why=why, field="permission")
    return hashlib.sha256(permission.untrusted).hexdigest()


def _registration_event(terms: SourceTerms, *, live: bool) -> SourceRegistered:
    return SourceRegistered(
        name=terms.name,
        controller=terms.controller,
        basis=terms.basis,
        jurisdiction=terms.jurisdiction,
        permission_sha256=terms.permission_sha256,
        expires_on=terms.expires_on,
        retention_days=None if terms.retention_days is None else str(terms.retention_days),
        page_base=terms.page_base,
        hosts=terms.hosts,
        licence=terms.licence,
        contact=terms.contact,
        live=live,
    )
