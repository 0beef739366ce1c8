"""How a case stands and what happened in it, in words: what may be done next, and by when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from lineament.model.cases import AuthorisationOutcome, Case, CaseState, Happening, Seeks, Standing
from lineament.model.reasons import Remedy
from lineament.services.cases.casework import Outlook
from lineament.web.addresses import probe_address, search_address
from lineament.web.phrases import count, kind_words, moment

SEEKS = {
    Seeks.SUSPECT: (
        "A suspect, or somebody convicted",
        "Needs an authorisation; where it is urgent it may follow.",
    ),
    Seeks.INITIAL: (
        "A suspect nobody knows yet",
        "A first identification, from facts that link a person to the offence. Needs these facts alone.",
    ),
    Seeks.MISSING: ("A missing person", "Needs no authorisation."),
    Seeks.VICTIM: ("A victim", "Needs no authorisation."),
    Seeks.DECEASED: ("Somebody dead whose name is not known", "Needs no authorisation."),
}
"""Whom a case seeks, and what follows from it (EU AI Act 26(10))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What may be done next in a case, and how loud the page is about it."""

    words: str | Markup
    level: str  # calm, warn or stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A line of the timeline in words."""

    words: str
    address: str | None = None
    reading: bool = False  # somebody only looked


def seeks(whom: Seeks) -> str:
    """Whom a case seeks."""
    return SEEKS[whom][0]


def standing_level(standing: Standing) -> str:
    """How loud a standing is."""
    if standing in {Standing.LOCKED, Standing.EXPIRED, Standing.AWAITING}:
        return "stop"
    return "warn" if standing is Standing.URGENT else "calm"


def hours_left(outlook: Outlook, now: datetime) -> float:
    """Hours until an urgent case locks; 0 once it has."""
    return 0.0 if outlook.locks_at is None else max(0.0, (outlook.locks_at - now) / timedelta(hours=1))


def hours(left: float) -> str:
    """Hours and minutes."""
    minutes = int(left * 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def next_step(case: Case, outlook: Outlook) -> Next:
    """What may be done next in a case, and by when."""
    if case.state is not CaseState.OPEN:
        return _after(case, outlook)
    return _while_open(case, outlook)


def _while_open(case: Case, outlook: Outlook) -> Next:
    ruling = case.authorisation
    match outlook.standing:
        case Standing.AWAITING:
            urgent = ", or declare the case urgent where that cannot wait" if outlook.urgent_hours else ""
            return Next(words=f"No search before an authorisation is recorded: record it{urgent}.", level="stop")
        case Standing.URGENT:
            words = Markup("May be searched until {}. Without an authorisation by then the case locks.")
            return Next(words=words.format(_at(outlook.locks_at)), level="warn")
        case Standing.LOCKED:
            words = Markup("Locked since {}, for no authorisation came in {} hours. Record one to search again.")
            return Next(words=words.format(_at(outlook.locks_at), outlook.urgent_hours), level="stop")
        case Standing.EXPIRED:
            ended = "" if ruling is None else f" on {ruling.expires_on}"
            return Next(words=f"The authorisation ended{ended}. Record a new one to search again.", level="stop")
        case Standing.AUTHORISED:
            last = None if ruling is None else ruling.expires_on
            until = "for as long as it is open" if last is None else f"until {last}, its last day"
            return Next(words=f"May be searched {until}.", level="calm")
        case _:
            return Next(words="May be searched; no authorisation is needed.", level="calm")


def _after(case: Case, outlook: Outlook) -> Next:
    ruling = case.authorisation
    if case.state is CaseState.REFUSED:
        who = "" if ruling is None else f" by {ruling.authority}"
        words = f"The authorisation was refused{who}. Everything that hung on the case was destroyed; this page stays."
        return Next(words=words, level="stop")
    if case.state is CaseState.DESTROYED:
        return Next(words="Its time was over, and what it held was destroyed. This page stays.", level="calm")
    if case.hold_because is not None:
        return Next(words="Closed, and on legal hold: nothing of it is destroyed until it is released.", level="warn")
    return Next(words=f"Closed. What it holds is destroyed on {outlook.destroyed_on}.", level="calm")


def _at(at: datetime | None) -> Markup:
    return Markup("") if at is None else moment(at)


def remedy_link(remedy: Remedy, path: str, case: str) -> tuple[str, str] | None:
    """Return the words and the address of the page where a reason can be remedied, None if no page can."""
    links = {
        Remedy.STEP_UP: ("Show it now", f"/step-up?next={quote(path, safe='')}"),
        Remedy.AUTHORISE: ("Authorisation of the case", f"{case}/authorisation"),
        Remedy.APPROVALS: ("Approvals", "#approvals"),
        Remedy.PEOPLE: ("Who works on it", f"{case}/people"),
        Remedy.SOURCES: ("Sources", "/sources"),
    }
    return links.get(remedy)


def ruling_words(outcome: AuthorisationOutcome) -> str:
    """A ruling's outcome."""
    return "granted" if outcome is AuthorisationOutcome.GRANTED else "refused"


# ---------------------------------------------------------------- the timeline


def happened(one: Happening) -> Told:
    """A line of the timeline in words; what was erased is said as such."""
    told = _TOLD.get(one.action)
    plain = one.action.replace("_", " ")
    if told is None or not one.details:
        return Told(words=plain if one.details else f"{plain} (what was said is erased)")
    try:
        return told(one.details)
    except (KeyError, TypeError, ValueError):  # an entry of another version says other things
        return Told(words=plain)


def _search(said: dict[str, Any]) -> Told:
    found = count(len(said["candidates"]), "candidate", "candidates") if said["candidates"] else "no candidate"
    words = f"searched {count(said['gallery_faces'], 'face', 'faces')}: {found}. Reason: {said['reason']}"
    return Told(words=words, address=search_address(said["search"]))


def _probe(said: dict[str, Any]) -> Told:
    edited = f", edited in {count(len(said['edits']), 'step', 'steps')}" if said.get("edits") else ""
    words = f"added a photograph ({kind_words(said['kind'])}, {count(said['faces'], 'face', 'faces')}{edited})"
    return Told(words=words, address=probe_address(said["probe"]))


def _replayed(said: dict[str, Any]) -> Told:
    words = "made the edits of a photograph again: " + ("the same pixels" if said["same"] else "other pixels")
    return Told(words=words, address=probe_address(said["probe"]))


def _decided(said: dict[str, Any]) -> Told:
    until = f", until {said['expires_on']}" if said.get("expires_on") else ""
    return Told(words=f"recorded that {said['authority']} {said['outcome']} the searches{until}: {said['scope']}")


def _gone(said: dict[str, Any]) -> Told:
    parts = [
        count(said["searches"], "search", "searches"),
        count(said["photographs"], "photograph", "photographs"),
        count(said["papers"], "paper", "papers"),
    ]
    return Told(words=f"destroyed what the case held: {', '.join(parts)}")


def _refused(said: dict[str, Any]) -> Told:
    return Told(words=f"{_decided(said).words}; {_gone(said).words}")


def _member(verb: str) -> Callable[[dict[str, Any]], Told]:
    def told(said: dict[str, Any]) -> Told:
        role = f" as {said['role']}" if said.get("role") else ""
        until = f" until {said['until']}" if said.get("until") else ""
        who = said.get("member") or said.get("email") or "an official of another agency"
        agency = f", {said['agency']}" if said.get("agency") else ""
        return Told(words=f"{verb} {who}{agency}{role}{until}")

    return told


def _line(words: str, *, reading: bool = False) -> Callable[[dict[str, Any]], Told]:
    return lambda said: Told(words=words.format(**said), reading=reading)


def _of_search(words: str) -> Callable[[dict[str, Any]], Told]:
    return lambda said: Told(words=words.format(**said), address=search_address(said["search"]), reading=True)


_TOLD: dict[str, Callable[[dict[str, Any]], Told]] = {
    "case_opened": _line("opened the case. Offence: {offence}. Purpose: {purpose}"),
    "case_read": _line("looked into the {part}", reading=True),
    "case_closed": _line("closed the case"),
    "case_urgent": _line("declared the case urgent, for {hours} hours: {because}"),
    "case_authorised": _decided,
    "case_refused": _refused,
    "case_held": _line("put the case on legal hold: {because}"),
    "case_released": _line("ended the legal hold"),
    "case_destroyed": _gone,
    "probe_added": _probe,
    "probe_approved": _line("approved that a photograph is searched"),
    "probe_replayed": _replayed,
    "search": _search,
    "list_read": _of_search("read a candidate list"),
    "candidate_read": _of_search("looked at candidate {rank} beside the probe"),
    "page_opened": _of_search("opened the archived page of candidate {rank}"),
    "original_viewed": _of_search("opened the original of candidate {rank}"),
    "report_written": _of_search("wrote the report of a search"),
    "member_added": _member("added"),
    "member_removed": _member("removed"),
    "member_invited": _member("invited"),
    "member_joined": _member("took up an invitation:"),
    "invitation_withdrawn": _line("withdrew an invitation"),
    "paper_added": _line("put a {kind} into the room"),
    "paper_opened": _line("opened a file of the room", reading=True),
    "ledger_exported": _line("wrote the record of the case out"),
    "details_erased": _line("erased what entries of the record said: {reason}"),
}

CASE_FILTERS: dict[str, Callable[..., Any]] = {
    "seeks": seeks,
    "standing_level": standing_level,
    "happened": happened,
    "hours": hours,
    "ruling_words": ruling_words,
}
