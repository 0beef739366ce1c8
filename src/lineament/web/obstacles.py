"""Why no search can run now, told before anything is uploaded or typed; and the stops, which every page shows.

The gate decides (``services.gate``). This module asks it and adds to each reason the page where it can be remedied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lineament.model.accounts import Official, Permission
from lineament.model.agencies import Stop, StopScope
from lineament.model.cases import Case, CaseStanding
from lineament.model.reasons import Reason, ReasonCode, Remedy
from lineament.services.people.stops import OPERATOR
from lineament.views.values import upper_first
from lineament.web.addresses import case_address
from lineament.web.casewords import remedy_link
from lineament.workspace import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """One reason why no search can run now, as a sentence."""

    words: str
    link: tuple[str, str] | None = None  # words and address of the page where it can be remedied
    ask: str = ""  # whom to ask if no page of this reader remedies it
    code: ReasonCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A stop, as every page shows it to those whose searches it stops."""

    stop: Stop
    what: str
    lifts: bool  # whether the reader may lift it


_USAGE = ("Searches and licence", "/usage", Permission.READ_USAGE)
_OPERATOR = "Ask the operator of this workspace."
_ELSEWHERE: dict[ReasonCode, tuple[tuple[str, str, Permission], str]] = {
    ReasonCode.ALL_STOPPED: (("See the stop", "/stop", Permission.OWN_ACCOUNT), ""),
    ReasonCode.AGENCY_STOPPED: (("See the stop", "/stop", Permission.OWN_ACCOUNT), ""),
    ReasonCode.UNTRAINED: (
        ("People", "/people", Permission.MANAGE_PEOPLE),
        "An administrator of your agency records the training.",
    ),
    ReasonCode.SEARCHES_USED: (_USAGE, "Ask the operator of this workspace for more."),
    ReasonCode.NOT_VETTED: (_USAGE, _OPERATOR),
    ReasonCode.VETTING_REFUSED: (_USAGE, _OPERATOR),
    ReasonCode.VETTING_EXPIRED: (_USAGE, _OPERATOR),
    ReasonCode.NO_LICENCE: (_USAGE, _OPERATOR),
    ReasonCode.LICENCE_NOT_STARTED: (_USAGE, _OPERATOR),
    ReasonCode.LICENCE_EXPIRED: (_USAGE, _OPERATOR),
    ReasonCode.CASE_NOT_OPEN: (("Open a case", "/cases/new", Permission.OPEN_CASES), ""),
}
"""Of reasons without a remedy: the page that says more, who may open it, and what to do without that page."""

_UNCOVERED = {
    CaseStanding.AWAITING: "awaiting authorisation",
    CaseStanding.LOCKED: "locked",
    CaseStanding.EXPIRED: "authorisation ended",
}


def obstacles(desk: Desk, case_key: str | None = None, *, back: str, probe_id: str | None = None) -> list[Obstacle]:
    """Return every reason why a search in this case (with that probe) may not run now, as the gate gives them.

    Without a case: those that hold for every case, such as a stop, a licence that is used up or a second factor that
    has to be shown again. An empty list means that a search can run. ``back`` is the path of the page that asks, to
    which showing the second factor leads back. The official needs READ_CASES.
    """
    case = "" if case_key is None else case_address(case_key)
    found = desk.search.why_not(case_key, probe_id=probe_id)
    return [_obstacle(desk.official, reason, back, case) for reason in found]


def _obstacle(official: Official, reason: Reason, back: str, case: str) -> Obstacle:
    words = f"{upper_first(str(reason)).removesuffix('.')}."
    link, ask = remedy_link(reason.remedy, back, case), ""
    if reason.remedy is Remedy.WITNESS and not official.may(Permission.READ_LEDGER):
        link = None
    if reason.code in _ELSEWHERE:
        (name, address, needs), otherwise = _ELSEWHERE[reason.code]
        link, ask = ((name, address), "") if official.may(needs) else (None, otherwise)
    return Obstacle(words=words, link=link, ask=ask, code=reason.code)


def only_for_others(against: Sequence[Obstacle]) -> bool:
    """Return whether the reader alone may not search: what they add can be searched by others of the case."""
    return all(obstacle.code is ReasonCode.ROLES for obstacle in against)


def uncovered(desk: Desk, cases: Sequence[Case]) -> dict[str, str]:
    """Return what keeps open cases from being searched, in a few words, by case key; the others are left out."""
    standings = desk.casework.standings(cases)
    found = {case.key: _UNCOVERED.get(standings[case.id], "") for case in cases if case.id in standings}
    found |= {case.key: "words in doubt" for case in cases if case.doubts}
    return {key: words for key, words in found.items() if words}


def halts(desk: Desk) -> list[Halt]:
    """Return the stops that stop this official's searches, that of everything first."""
    return [
        Halt(
            stop=stop,
            what="All searching" if stop.scope is StopScope.EVERYTHING else "The searching of this agency",
            lifts=may_lift(desk.official, stop),
        )
        for stop in desk.stops.in_force()
    ]


def may_lift(official: Official, stop: Stop) -> bool:
    """Return whether an official may lift a stop; that of the operator only the operator may."""
    if official.may(Permission.OPERATE):
        return True
    return stop.scope is StopScope.AGENCY and stop.by != OPERATOR and official.may(Permission.STOP_AGENCY)
