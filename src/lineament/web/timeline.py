"""A case's timeline in words, made from the events that the ledger recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import singledispatch

from lineament.model.cases import TimelineEntry
from lineament.model.events import cases, ledger, searches
from lineament.model.events.base import Event
from lineament.views.values import counted
from lineament.web.addresses import probe_address, search_address
from lineament.web.phrases import kind_words


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineLine:
    """A line of the timeline in words."""

    words: str
    address: str | None = None
    reading: bool = False  # whether somebody only read


def timeline_line(entry: TimelineEntry) -> TimelineLine:
    """Return a line of the timeline in words; it says so if the details were erased."""
    if entry.event is not None and entry.details:
        return _line(entry.event)
    plain = _plain(entry.action)
    return TimelineLine(words=plain if entry.details else f"{plain} (details erased)")


def _plain(action: str) -> str:
    return action.replace("_", " ")


@singledispatch
def _line(event: Event) -> TimelineLine:
    return TimelineLine(words=_plain(event.action))


# ---------------------------------------------------------------- the case


@_line.register
def _(event: cases.CaseOpened) -> TimelineLine:
    return TimelineLine(words=f"opened the case. Offence: {event.offence}. Purpose: {event.purpose}")


@_line.register
def _(event: cases.CaseBlurSet) -> TimelineLine:
    return TimelineLine(
        words=f"said that the pictures of the case are {'' if event.distressing else 'not '}distressing"
    )


@_line.register
def _(event: cases.CaseRead) -> TimelineLine:
    return TimelineLine(words=f"read the {event.part}", reading=True)


@_line.register
def _(_event: cases.CaseClosed) -> TimelineLine:
    return TimelineLine(words="closed the case")


@_line.register
def _(event: cases.CaseUrgent) -> TimelineLine:
    return TimelineLine(words=f"declared the case urgent, for {event.hours} hours: {event.because}")


@_line.register
def _(event: cases.PurposeAllowed) -> TimelineLine:
    words = " and ".join(f"“{word}”" for word in event.words)
    alone = ", working alone" if event.alone else ""
    are = "is" if len(event.words) == 1 else "are"
    return TimelineLine(words=f"stated why {words} {are} allowed{alone}: {event.because}")


@_line.register
def _(event: cases.CaseAuthorised) -> TimelineLine:
    return TimelineLine(words=_decision(event))


@_line.register
def _(event: cases.CaseRefused) -> TimelineLine:
    return TimelineLine(words=f"{_decision(event)}; {_destruction_words(event)}")


@_line.register
def _(event: cases.CaseHeld) -> TimelineLine:
    return TimelineLine(words=f"put the case on legal hold: {event.because}")


@_line.register
def _(_event: cases.CaseReleased) -> TimelineLine:
    return TimelineLine(words="ended the legal hold")


@_line.register
def _(event: cases.CaseDestroyed) -> TimelineLine:
    return TimelineLine(words=_destruction_words(event))


def _decision(event: cases.CaseAuthorised | cases.CaseRefused) -> str:
    until = f", until {event.expires_on}" if event.expires_on else ""
    return f"recorded that {event.authority} {event.outcome} the searches{until}: {event.scope}"


def _destruction_words(event: cases.CaseRefused | cases.CaseDestroyed) -> str:
    parts = [
        counted(event.searches, "search", "searches"),
        counted(event.photographs, "photograph"),
        counted(event.papers, "paper"),
    ]
    return f"destroyed what the case held: {', '.join(parts)}"


# ---------------------------------------------------------------- its members and its room


@_line.register
def _(event: cases.MemberAdded) -> TimelineLine:
    return TimelineLine(words=f"added {event.member}{_as(event.role, event.until)}")


@_line.register
def _(event: cases.MemberInvited) -> TimelineLine:
    who = event.email or "an official of another agency"
    return TimelineLine(words=f"invited {who}{_as(event.role, event.until)}")


@_line.register
def _(event: cases.MemberJoined) -> TimelineLine:
    return TimelineLine(words=f"accepted an invitation: {event.member}, {event.agency}{_as(event.role)}")


@_line.register
def _(event: cases.MemberRemoved) -> TimelineLine:
    return TimelineLine(words=f"removed {event.member}")


@_line.register
def _(_event: cases.InvitationWithdrawn) -> TimelineLine:
    return TimelineLine(words="withdrew an invitation")


@_line.register
def _(event: cases.PaperAdded) -> TimelineLine:
    return TimelineLine(words=f"put a {event.kind} into the room")


@_line.register
def _(_event: cases.PaperOpened) -> TimelineLine:
    return TimelineLine(words="opened a file of the room", reading=True)


def _as(role: str, until: date | None = None) -> str:
    return f" as {role}" + (f" until {until}" if until else "")


# ---------------------------------------------------------------- photographs and searches


@_line.register
def _(event: searches.ProbeAdded) -> TimelineLine:
    edited = f", edited in {counted(len(event.edits), 'step')}" if event.edits else ""
    words = f"added a photograph ({kind_words(event.kind)}, {counted(event.faces, 'face')}{edited})"
    return TimelineLine(words=words, address=probe_address(event.probe))


@_line.register
def _(_event: searches.ProbeApproved) -> TimelineLine:
    return TimelineLine(words="approved searches with a photograph")


@_line.register
def _(event: searches.ProbeRemoved) -> TimelineLine:
    more = f" with {counted(event.probes - 1, 'edit')} of it" if event.probes > 1 else ""
    return TimelineLine(words=f"removed a photograph that no search had used{more}; it is destroyed")


@_line.register
def _(event: searches.ProbeReplayed) -> TimelineLine:
    words = "made the edits of a photograph again: " + ("the same pixels" if event.same else "other pixels")
    return TimelineLine(words=words, address=probe_address(event.probe))


@_line.register
def _(event: searches.SearchRun) -> TimelineLine:
    found = counted(len(event.candidates), "candidate") if event.candidates else "no candidate"
    left = f", {event.uncompared:,} not compared" if event.uncompared else ""
    left += f", the stored faces of {', '.join(event.altered)} were changed outside Lineament" if event.altered else ""
    words = f"searched {counted(event.gallery_faces, 'face')}{left}: {found}. Reason: {event.reason}"
    return TimelineLine(words=words, address=search_address(event.search))


@_line.register
def _(event: searches.ListRead) -> TimelineLine:
    return _reading_line("read a candidate list", event.search)


@_line.register
def _(event: searches.CandidateRead) -> TimelineLine:
    return _reading_line(f"compared candidate {event.rank} with the probe", event.search)


@_line.register
def _(event: searches.PageOpened) -> TimelineLine:
    return _reading_line(f"opened the archived page of candidate {event.rank}", event.search)


@_line.register
def _(event: searches.OriginalViewed) -> TimelineLine:
    return _reading_line(f"opened the original of candidate {event.rank}", event.search)


@_line.register
def _(event: searches.ReportWritten) -> TimelineLine:
    return _reading_line("wrote the report of a search", event.search)


def _reading_line(words: str, search: str) -> TimelineLine:
    return TimelineLine(words=words, address=search_address(search), reading=True)


# ---------------------------------------------------------------- the record


@_line.register
def _(_event: ledger.LedgerExported) -> TimelineLine:
    return TimelineLine(words="exported the record of the case")


@_line.register
def _(_event: ledger.EntryProven) -> TimelineLine:
    return TimelineLine(words="made a proof of the record", reading=True)


@_line.register
def _(event: ledger.RestoreAccepted) -> TimelineLine:
    return TimelineLine(words=f"accepted a restored database: {event.reason}")


@_line.register
def _(event: ledger.DetailsErased) -> TimelineLine:
    return TimelineLine(words=f"erased details of the record: {event.reason}")
