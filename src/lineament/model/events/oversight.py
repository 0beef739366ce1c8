"""Events of oversight: the weekly report of misuse, the faces that are guarded, and accounts given to others."""

from __future__ import annotations

from datetime import date

from lineament.model.actions import Action
from lineament.model.events.base import Event


class MisuseReported(Event, action=Action.MISUSE_REPORTED):
    """The report of a week was made."""

    week: date  # its Monday
    findings: int
    repeated: int  # left out, because the same waits or was answered


class MisuseRead(Event, action=Action.MISUSE_READ):
    """Somebody read the report of a week."""

    week: date | None  # its Monday; None: there is no report yet


class MisuseAnswered(Event, action=Action.MISUSE_ANSWERED):
    """Somebody explained a finding, or passed it on."""

    finding: str
    kind: str
    answer: str
    reason: str


class FaceGuarded(Event, action=Action.FACE_GUARDED):
    """A face was put on the list of those that are not to be searched without a supervisor."""

    face: str
    name: str
    kind: str
    because: str


class FaceUnguarded(Event, action=Action.FACE_UNGUARDED):
    """A face was taken off that list, and its template destroyed."""

    face: str
    name: str
    reason: str


class AccountGiven(Event, action=Action.ACCOUNT_GIVEN):
    """Somebody read an account of the processing: the record, the impact assessment, or the report of a year."""

    document: str
    year: int | None = None


class PublicationBegun(Event, action=Action.PUBLICATION_BEGUN):
    """It was decided to publish figures."""

    agency: str | None  # None: of the whole workspace
    reason: str


class PublicationEnded(Event, action=Action.PUBLICATION_ENDED):
    """It was decided to publish no figures any more."""

    agency: str | None
    reason: str


class FiguresPublished(Event, action=Action.FIGURES_PUBLISHED):
    """The figures of a quarter were published."""

    agency: str | None
    quarter: date  # its first day
    sha256: str  # of the figures as they are shown
