"""Stops: one control for all searching, and one for that of an agency (R12). The gate reads them each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lineament.errors import InvalidValue, NotAllowed, Refused
from lineament.model.accounts import Permission
from lineament.model.agencies import Agency, Stop, StopScope
from lineament.model.events.people import AgencyResumed, AgencyStopped, AllResumed, AllStopped
from lineament.model.reasons import ReasonCode
from lineament.services.needs import needs
from lineament.services.record import Change, Record

LONGEST = 500
"""Characters of a reason; everybody whom it stops reads it."""
OPERATOR = "the operator"
"""Who stopped, as another agency is told (R46)."""


class Stops:
    """Stops and resumes searching. Once ``stop_…`` has returned, no search is answered any more."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.OWN_ACCOUNT)
    def in_force(self) -> Sequence[Stop]:
        """What stands against the searches of the own agency: the stop of everything first. For every official."""
        with self._record.read() as tx:
            found = tx.stops.in_force(self._record.official.agency_id)
        return [self._told(stop) for stop in found]

    @needs(Permission.OPERATE)
    def of_agencies(self) -> Sequence[tuple[Agency, Stop]]:
        """Every agency that is stopped by itself, for the operator; the oldest stop first."""
        with self._record.read() as tx:
            found = [(stop.agency_id, stop) for stop in tx.stops.all()]
            return [(tx.agencies.get(agency_id), stop) for agency_id, stop in found if agency_id is not None]

    @needs(Permission.OPERATE)
    def stop_everything(self, reason: str) -> Stop:
        """Stop all searching, of every agency."""
        with self._record.change() as change:
            return self._stopped(change, None, reason)

    @needs(Permission.OPERATE)
    def resume_everything(self) -> None:
        """Let everybody search again; a stop of one agency stays."""
        with self._record.change() as change:
            self._resumed(change, None)

    @needs(Permission.STOP_AGENCY, Permission.OPERATE)
    def stop_agency(self, reason: str, name: str | None = None) -> Stop:
        """Stop the searching of the own agency, or with ``name`` (OPERATE) of any."""
        with self._record.change() as change:
            return self._stopped(change, self._meant(change, name), reason)

    @needs(Permission.STOP_AGENCY, Permission.OPERATE)
    def resume_agency(self, name: str | None = None) -> None:
        """Let the own agency search again, or with ``name`` (OPERATE) any."""
        with self._record.change() as change:
            self._resumed(change, self._meant(change, name))

    def _meant(self, change: Change, name: str | None) -> str:
        own = self._record.official.agency_id
        if name is None:
            if not self._record.official.may(Permission.OPERATE):
                self._record.require(Permission.STOP_AGENCY)
            return own
        self._record.require(Permission.OPERATE)
        agency = change.tx.agencies.find(name)
        change.in_agency(agency.id)
        return agency.id

    def _stopped(self, change: Change, agency_id: str | None, reason: str) -> Stop:
        official = self._record.official
        self._standing(change, agency_id)
        stop = Stop(
            scope=StopScope.EVERYTHING if agency_id is None else StopScope.AGENCY,
            agency_id=agency_id,
            reason=_checked(reason),
            by=official.name if agency_id in {None, official.agency_id} else OPERATOR,
            at=change.at,
        )
        change.tx.stops.put(stop)
        if agency_id is None:
            change.record(AllStopped(reason=stop.reason))
        else:
            change.record(AgencyStopped(agency=agency_id, reason=stop.reason))
        return stop

    def _resumed(self, change: Change, agency_id: str | None) -> None:
        standing = self._standing(change, agency_id)
        if standing is None:
            raise Refused(ReasonCode.NO_SUCH_STOP.reason())
        change.tx.stops.lift(standing.scope, agency_id)
        if agency_id is None:
            change.record(AllResumed())
        else:
            change.record(AgencyResumed(agency=agency_id))

    def _standing(self, change: Change, agency_id: str | None) -> Stop | None:
        """The stop that is replaced or lifted; NotAllowed if an agency would lift what the operator stopped."""
        found = next((stop for stop in change.tx.stops.all() if stop.agency_id == agency_id), None)
        if found is not None and found.by == OPERATOR and not self._record.official.may(Permission.OPERATE):
            raise NotAllowed(what=f"{Permission.OPERATE.value}, for the operator stopped it")
        return found

    def _told(self, stop: Stop) -> Stop:
        """As this official may read it: who operates is no affair of other agencies."""
        if stop.scope is StopScope.AGENCY or self._record.official.may(Permission.OPERATE):
            return stop
        return replace(stop, by=OPERATOR)


def _checked(untrusted: str) -> str:
    reason = " ".join(untrusted.split())
    if not 0 < len(reason) <= LONGEST or not reason.isprintable():
        why = f"write 1 to {LONGEST} characters"
        raise InvalidValue(what="The reason of a stop", value=reason[:60], why=why, field="reason")
    return reason
