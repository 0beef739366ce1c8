"""Stops of all searching, or of one agency's (R12). The gate reads them for every search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lineament.errors import NotAllowed, Refused
from lineament.model.accounts import Permission
from lineament.model.agencies import Agency, Stop, StopScope
from lineament.model.events.people import AgencyResumed, AgencyStopped, AllResumed, AllStopped
from lineament.model.reasons import ReasonCode
from lineament.model.texts import checked_reason
from lineament.services.needs import needs
from lineament.services.record import Change, Record

OPERATOR = "the operator"
"""Who set a stop, as other agencies see it (R46)."""


class Stops:
    """Stops and resumes searching. Once ``stop_…`` has returned, no search returns a result."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.OWN_ACCOUNT)
    def in_force(self) -> Sequence[Stop]:
        """Return the stops that apply to the official's agency, that of everything first; open to every official."""
        with self._record.read() as tx:
            found = tx.stops.in_force(self._record.official.agency_id)
        return [self._visible_stop(stop) for stop in found]

    @needs(Permission.OPERATE)
    def of_agencies(self) -> Sequence[tuple[Agency, Stop]]:
        """Return every agency with a stop of its own, oldest stop first, for the operator."""
        with self._record.read() as tx:
            found = [(stop.agency_id, stop) for stop in tx.stops.all()]
            return [(tx.agencies.get(agency_id), stop) for agency_id, stop in found if agency_id is not None]

    @needs(Permission.OPERATE)
    def stop_everything(self, reason: str) -> Stop:
        """Stop all searching, of every agency."""
        with self._record.change() as change:
            return self._set_stop(change, None, reason)

    @needs(Permission.OPERATE)
    def resume_everything(self) -> None:
        """Let everybody search again, except agencies with a stop of their own."""
        with self._record.change() as change:
            self._lift_stop(change, None)

    @needs(Permission.STOP_AGENCY, Permission.OPERATE)
    def stop_agency(self, reason: str, name: str | None = None) -> Stop:
        """Stop searching in the official's agency, or in the agency ``name`` (OPERATE)."""
        with self._record.change() as change:
            return self._set_stop(change, self._find_agency(change, name), reason)

    @needs(Permission.STOP_AGENCY, Permission.OPERATE)
    def resume_agency(self, name: str | None = None) -> None:
        """Let the official's agency search again, or the agency ``name`` (OPERATE)."""
        with self._record.change() as change:
            self._lift_stop(change, self._find_agency(change, name))

    def _find_agency(self, change: Change, name: str | None) -> str:
        if name is None:
            return self._record.official.agency_id
        self._record.require(Permission.OPERATE)
        agency = change.tx.agencies.find(name)
        change.in_agency(agency.id)
        return agency.id

    def _set_stop(self, change: Change, agency_id: str | None, reason: str) -> Stop:
        official = self._record.official
        self._replaceable_stop(change, agency_id)
        stop = Stop(
            scope=StopScope.EVERYTHING if agency_id is None else StopScope.AGENCY,
            agency_id=agency_id,
            reason=checked_reason(reason, "The reason of a stop"),
            by=official.name if agency_id in {None, official.agency_id} else OPERATOR,
            at=change.at,
        )
        change.tx.stops.put(stop)
        if agency_id is None:
            change.record(AllStopped(reason=stop.reason))
        else:
            change.record(AgencyStopped(agency=agency_id, reason=stop.reason))
        return stop

    def _lift_stop(self, change: Change, agency_id: str | None) -> None:
        standing = self._replaceable_stop(change, agency_id)
        if standing is None:
            raise Refused(ReasonCode.NO_SUCH_STOP.reason())
        change.tx.stops.lift(standing.scope, agency_id)
        if agency_id is None:
            change.record(AllResumed())
        else:
            change.record(AgencyResumed(agency=agency_id))

    def _replaceable_stop(self, change: Change, agency_id: str | None) -> Stop | None:
        """Return the stop to be replaced or lifted. Raises NotAllowed if only an operator may lift it."""
        found = next((stop for stop in change.tx.stops.all() if stop.agency_id == agency_id), None)
        if found is not None and found.by == OPERATOR and not self._record.official.may(Permission.OPERATE):
            raise NotAllowed(what=f"{Permission.OPERATE.value}, because the operator stopped it")
        return found

    def _visible_stop(self, stop: Stop) -> Stop:
        """Return the stop as this official may see it; the operator's name is hidden from other agencies."""
        if stop.scope is StopScope.AGENCY or self._record.official.may(Permission.OPERATE):
            return stop
        return replace(stop, by=OPERATOR)
