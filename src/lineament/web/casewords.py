"""The state of a case in words: what can be done next, and by when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from lineament.model.cases import AuthorisationOutcome, Case, CaseStanding, CaseState, Seeks
from lineament.model.reasons import Remedy
from lineament.services.cases.standings import Outlook
from lineament.web.phrases import moment

_NONE_NEEDED = "Needs no authorisation, unless the law of the case asks for one."
SEEKS = {
    Seeks.SUSPECT: (
        "A suspect or a convicted person",
        "Needs an authorisation; in an urgent case it may follow later.",
    ),
    Seeks.INITIAL: (
        "An unknown suspect",
        "An initial identification, from facts that link a person to the offence. Needs only these facts.",
    ),
    Seeks.MISSING: ("A missing person", _NONE_NEEDED),
    Seeks.VICTIM: ("A victim", _NONE_NEEDED),
    Seeks.DECEASED: ("Somebody dead whose name is unknown", _NONE_NEEDED),
}
"""Who a case seeks, and what follows from it (EU AI Act 26(10))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What can be done next in a case, and its level on the page."""

    words: str | Markup
    level: str  # calm, warn or stop


def seeks(whom: Seeks) -> str:
    """Return who a case seeks, in words."""
    return SEEKS[whom][0]


def standing_level(standing: CaseStanding) -> str:
    """Return the level of a standing on the page: calm, warn or stop."""
    if standing in {CaseStanding.LOCKED, CaseStanding.EXPIRED, CaseStanding.AWAITING}:
        return "stop"
    return "warn" if standing is CaseStanding.URGENT else "calm"


def hours_left(outlook: Outlook, now: datetime) -> float:
    """Return the hours until an urgent case locks; 0 once it has."""
    return 0.0 if outlook.locks_at is None else max(0.0, (outlook.locks_at - now) / timedelta(hours=1))


def hours(left: float) -> str:
    """Return hours as hours and minutes."""
    minutes = int(left * 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def next_step(case: Case, outlook: Outlook) -> NextStep:
    """Return what can be done next in a case, and by when."""
    if case.state is not CaseState.OPEN:
        return _after(case, outlook)
    if doubts := case.doubts:
        words = " and ".join(f"“{doubt.words}”" for doubt in doubts)
        are = "is" if len(doubts) == 1 else "are"
        return NextStep(words=f"No search before a supervisor states why {words} {are} allowed here.", level="stop")
    return _while_open(case, outlook)


def what_is_next(case: Case, outlook: Outlook, now: datetime) -> dict[str, Any]:
    """Return what the strip of a page about a case shows: its next step, and the hours until it locks."""
    return {"outlook": outlook, "next": next_step(case, outlook), "left": hours_left(outlook, now)}


def _while_open(case: Case, outlook: Outlook) -> NextStep:
    ruling = case.authorisation
    match outlook.standing:
        case CaseStanding.AWAITING:
            urgent = ", or declare the case urgent if it cannot wait" if outlook.urgent_hours else ""
            return NextStep(words=f"No search before an authorisation is recorded: record it{urgent}.", level="stop")
        case CaseStanding.URGENT:
            words = Markup("May be searched until {}. Without an authorisation by then, the case locks.")
            return NextStep(words=words.format(_at(outlook.locks_at)), level="warn")
        case CaseStanding.LOCKED:
            words = Markup(
                "Locked since {}, because no authorisation came within {} hours. Record one to search again."
            )
            return NextStep(words=words.format(_at(outlook.locks_at), outlook.urgent_hours), level="stop")
        case CaseStanding.EXPIRED:
            ended = "" if ruling is None else f" on {ruling.expires_on}"
            return NextStep(words=f"The authorisation ended{ended}. Record a new one to search again.", level="stop")
        case CaseStanding.AUTHORISED:
            last = None if ruling is None else ruling.expires_on
            until = "for as long as it is open" if last is None else f"until {last}, its last day"
            return NextStep(words=f"May be searched {until}.", level="calm")
        case _:
            return NextStep(words="May be searched; no authorisation is needed.", level="calm")


def _after(case: Case, outlook: Outlook) -> NextStep:
    ruling = case.authorisation
    if case.state is CaseState.REFUSED:
        who = "" if ruling is None else f" by {ruling.authority}"
        words = f"The authorisation was refused{who}. Everything in the case was destroyed; this page stays."
        return NextStep(words=words, level="stop")
    if case.state is CaseState.DESTROYED:
        return NextStep(
            words="Its retention period ended, and what it held was destroyed. This page stays.", level="calm"
        )
    if case.hold_because is not None:
        return NextStep(
            words="Closed, and on legal hold: nothing of it is destroyed until it is released.", level="warn"
        )
    return NextStep(words=f"Closed. What it holds is destroyed on {outlook.destroyed_on}.", level="calm")


def _at(at: datetime | None) -> Markup:
    return Markup("") if at is None else moment(at)


def remedy_link(remedy: Remedy, path: str, case: str) -> tuple[str, str] | None:
    """Return the words and the address of the page where a reason can be remedied, None if no page can."""
    links = {
        Remedy.STEP_UP: ("Show it now", f"/step-up?next={quote(path, safe='')}"),
        Remedy.AUTHORISE: ("Authorisation of the case", f"{case}/authorisation"),
        Remedy.ALLOW: ("Words in doubt", f"{case}/authorisation#doubt"),
        Remedy.EVIDENCE: ("Leads of the case", f"{case}/leads"),
        Remedy.APPROVALS: ("Approvals", "#approvals"),
        Remedy.PEOPLE: ("Who works on it", f"{case}/people"),
        Remedy.SOURCES: ("Sources", "/sources"),
        Remedy.WITNESS: ("The ledger and its witnesses", "/ledger"),
    }
    return links.get(remedy)


def ruling_words(outcome: AuthorisationOutcome) -> str:
    """Return the outcome of a ruling in words."""
    return "granted" if outcome is AuthorisationOutcome.GRANTED else "refused"


CASE_FILTERS: dict[str, Callable[..., Any]] = {
    "seeks": seeks,
    "standing_level": standing_level,
    "hours": hours,
    "ruling_words": ruling_words,
}
