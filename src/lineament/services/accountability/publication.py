"""Publishes figures if somebody decided so: of an agency its administrators, of the whole workspace its operators.

Nothing is published until then. A worker makes the figures of each quarter after it is over, of everything that is
published at once, and never again: so no second version can be compared with the first (docs/reference/figures.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from lineament.errors import NotFound, Refused
from lineament.model.accounts import HOME_AGENCY, Permission
from lineament.model.events.oversight import FiguresPublished, PublicationBegun, PublicationEnded
from lineament.model.figures import Figures, QuarterCounts, figures_of_agency, figures_of_all, next_quarter, quarter_of
from lineament.model.jobs import JobRequest
from lineament.model.reasons import ReasonCode
from lineament.model.texts import checked_reason
from lineament.services.accountability.counting import count_agency
from lineament.services.jobs.kinds import FIGURES, Report
from lineament.services.needs import needs, open_to_all
from lineament.services.people.stops import OPERATOR
from lineament.services.record import Record
from lineament.store.db import Tx
from lineament.store.publications import EVERYTHING, Publication

MOST_QUARTERS = 8
"""Quarters on the public page."""
CATCH_UP = 4
"""Most quarters whose figures are made later, if nothing ran meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFigures:
    """What everybody may read."""

    agency: str | None  # the name of the agency; None: of the whole workspace
    quarters: tuple[Figures, ...]  # the newest first
    since: datetime  # of the publication


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationStanding:
    """What is published, as an official sees it: of the workspace, and of the own agency."""

    workspace: Publication | None
    own: Publication | None


class Publications:
    """Decides what is published, makes the figures, and reads them for everybody."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @needs(Permission.OWN_ACCOUNT)
    def standing(self) -> PublicationStanding:
        """Return what is published of the workspace and of the own agency."""
        with self._record.read() as tx:
            found = {each.scope: each for each in tx.publications.all()}
        workspace = found.get(EVERYTHING)
        if workspace is not None and not self._record.official.may(Permission.OPERATE):
            workspace = replace(workspace, by=OPERATOR, reason="")  # names and reasons stay with their agency (R46)
        return PublicationStanding(workspace=workspace, own=found.get(self._record.official.agency_id))

    @needs(Permission.OPERATE)
    def begin_workspace(self, reason: str) -> None:
        """Publish the figures of the whole workspace from now on. Raises Refused if they are published."""
        self._begin(None, reason)

    @needs(Permission.OPERATE)
    def end_workspace(self, reason: str) -> None:
        """Publish the figures of the whole workspace no more. Raises Refused if they are not published."""
        self._end(None, reason)

    @needs(Permission.MANAGE_PEOPLE)
    def begin_agency(self, reason: str) -> None:
        """Publish the figures of the own agency, with its name, from now on. Raises Refused if they are published."""
        self._begin(self._record.official.agency_id, reason)

    @needs(Permission.MANAGE_PEOPLE)
    def end_agency(self, reason: str) -> None:
        """Publish the figures of the own agency no more. Raises Refused if they are not published."""
        self._end(self._record.official.agency_id, reason)

    def _begin(self, agency_id: str | None, reason: str) -> None:
        said = checked_reason(reason)
        with self._record.change() as change:
            publication = Publication(agency_id=agency_id, by=self._record.official.name, reason=said, at=change.at)
            if any(each.scope == publication.scope for each in change.tx.publications.all()):
                raise Refused(ReasonCode.PUBLISHED.reason())
            change.tx.publications.begin(publication)
            change.record(PublicationBegun(agency=agency_id, reason=said))

    def _end(self, agency_id: str | None, reason: str) -> None:
        said = checked_reason(reason)
        with self._record.change() as change:
            if not change.tx.publications.end(agency_id or EVERYTHING):
                raise Refused(ReasonCode.NOT_PUBLISHED.reason())
            change.record(PublicationEnded(agency=agency_id, reason=said))

    # ------------------------------------------------------------ for everybody

    @open_to_all("what was published is for everybody, and nothing else is returned")
    def read(self, agency_id: str | None = None) -> PublicFigures:
        """Return the published figures of an agency, or of the whole workspace.

        Raises the same NotFound for what is not published and for what does not exist.
        """
        with self._record.read() as tx:
            scope = agency_id or EVERYTHING
            found = next((each for each in tx.publications.all() if each.scope == scope), None)
            if found is None:
                raise NotFound(what="page", name="transparency", hint="nothing is published here")
            name = None if agency_id is None else tx.agencies.get(agency_id).name
            quarters = tuple(tx.publications.figures(scope, MOST_QUARTERS))
        return PublicFigures(agency=name, quarters=quarters, since=found.at)

    # ------------------------------------------------------------ making

    @needs(Permission.MACHINE)
    def due(self) -> list[date]:
        """Return the quarters whose figures are to be made, oldest first: those that are over and were never told."""
        this_quarter = quarter_of(self._record.today)
        with self._record.read() as tx:
            publications, made = tx.publications.all(), tx.publications.quarters()
        if not publications:
            return []
        quarter = _before(quarter_of(min(each.at for each in publications).date()))
        found = []
        while quarter < this_quarter:
            if quarter not in made and quarter > max(made, default=date.min):
                found.append(quarter)
            quarter = next_quarter(quarter)
        return found[-CATCH_UP:]

    @needs(Permission.MACHINE)
    def queue_if_due(self) -> bool:
        """Queue the job if figures are due and none is queued; return whether it was."""
        if not self.due():
            return False
        with self._record.begin() as tx:
            if tx.jobs.open_of_kind(FIGURES.name) is not None:
                return False
            name = self._record.official.name
            request = JobRequest(kind=FIGURES.name, agency_id=HOME_AGENCY, requested_by=name)
            tx.jobs.add(request, self._record.clock())
        return True

    @needs(Permission.MACHINE)
    def make(self, report: Report = lambda _: None) -> dict[str, int]:  # noqa: ARG002 - it takes seconds
        """Make the figures of every quarter that is due, of everything that is published at once."""
        due = self.due()
        for quarter in due:
            self._make(quarter)
        return {"quarters": len(due)}

    def _make(self, quarter: date) -> None:
        with self._record.read() as tx:
            counts = _counts(tx, quarter)
        with self._record.change() as change:
            tx = change.tx
            publications = tx.publications.all()
            known = frozenset(each.agency_id for each in publications if each.agency_id is not None)
            for each in publications:
                if each.agency_id is None:
                    figures = figures_of_all(quarter, counts, known)
                else:
                    figures = figures_of_agency(quarter, counts[each.agency_id])
                shown = tx.publications.put(each.scope, figures, change.at)
                change.in_agency(each.agency_id or HOME_AGENCY)
                digest = hashlib.sha256(shown.encode()).hexdigest()
                change.record(FiguresPublished(agency=each.agency_id, quarter=quarter, sha256=digest))
            if not publications:  # they ended meanwhile
                change.record(FiguresPublished(agency=None, quarter=quarter, sha256=""))


def _counts(tx: Tx, quarter: date) -> Mapping[str, QuarterCounts]:
    since, until = (datetime.combine(day, time(), UTC) for day in (quarter, next_quarter(quarter)))
    return {agency.id: count_agency(tx, agency.id, since, until).quarter() for agency in tx.agencies.all()}


def _before(quarter: date) -> date:
    """Return the quarter before."""
    return quarter_of(date.fromordinal(quarter.toordinal() - 1))
