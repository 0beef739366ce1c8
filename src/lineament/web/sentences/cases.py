"""Sentences about cases, their members and their rooms."""

from __future__ import annotations

from markupsafe import Markup, escape

from lineament.model.cases import PaperKind
from lineament.model.events import cases as events
from lineament.web.sentences.base import (
    NOTHING,
    Names,
    bdi,
    because,
    blur_set,
    count,
    if_any,
    listed,
    quoted,
    sentence_of,
    tell,
    until,
)

_PAPERS = {
    PaperKind.MESSAGE: "wrote a message in the room",
    PaperKind.NOTE: "wrote a note for their own agency in the room",
    PaperKind.FILE: "put a file into the room",
    PaperKind.DECISION: "put the document of an authorisation into the room",
    PaperKind.DISCLOSURE: "kept a disclosure pack",
}


@sentence_of.register
def _(event: events.CaseOpened, names: Names) -> Markup:
    blurred = "; its pictures are blurred" if event.distressing else ""
    words = tell(
        "opened {}. Offence: {}. Purpose: {}", names.case(event.ref), quoted(event.offence), quoted(event.purpose)
    )
    return words + escape(blurred)


@sentence_of.register
def _(event: events.CaseBlurSet, names: Names) -> Markup:
    return blur_set(event.distressing, names.case(event.case))


@sentence_of.register
def _(event: events.CaseRead, names: Names) -> Markup:
    return tell("read the {} of {}", event.part, names.case(event.case))


@sentence_of.register
def _(event: events.CaseClosed, names: Names) -> Markup:
    return tell("closed {}", names.case(event.case))


@sentence_of.register
def _(event: events.CaseUrgent, names: Names) -> Markup:
    hours = count(event.hours, "hour")
    return tell("declared {} urgent for {}", names.case(event.case), hours) + because(event.because)


@sentence_of.register
def _(event: events.PurposeRefused, names: Names) -> Markup:
    purposes, said = listed(event.purposes), because(event.words)
    if event.case is None:
        return tell("was refused a case, because its words name {}", purposes) + said
    return tell("was refused a search{}, because its words name {}", names.within(event.case), purposes) + said


@sentence_of.register
def _(event: events.PurposeAllowed, names: Names) -> Markup:
    words = listed(quoted(word) for word in event.words)
    are = escape("is" if len(event.words) == 1 else "are")
    alone = Markup(", working alone") if event.alone else NOTHING
    told = tell("stated why {} {} allowed{}{}", words, are, names.within(event.case), alone)
    return told + because(event.because)


@sentence_of.register
def _(event: events.CaseAuthorised, names: Names) -> Markup:
    ends = until(event.expires_on)
    within = names.within(event.case)
    return tell("recorded that {} authorised searches{}{}", event.authority, within, ends) + because(event.scope)


@sentence_of.register
def _(event: events.CaseRefused, names: Names) -> Markup:
    told = tell("recorded that {} refused searches{}", event.authority, names.within(event.case)) + because(event.scope)
    return told + tell(". What the case held was destroyed: {}", _held(event))


@sentence_of.register
def _(event: events.CaseHeld, names: Names) -> Markup:
    return tell("put {} on legal hold", names.case(event.case)) + because(event.because)


@sentence_of.register
def _(event: events.CaseReleased, names: Names) -> Markup:
    return tell("ended the legal hold of {}", names.case(event.case)) + because(event.because)


@sentence_of.register
def _(event: events.CaseDestroyed, names: Names) -> Markup:
    days = count(event.days, "day")
    return tell("destroyed what {} held, which was kept for {}: {}", names.case(event.case), days, _held(event))


def _held(event: events.CaseRefused | events.CaseDestroyed) -> Markup:
    return listed(
        [
            count(event.searches, "search", "searches"),
            count(event.photographs, "photograph"),
            count(event.papers, "paper"),
        ]
    )


@sentence_of.register
def _(event: events.MemberAdded, names: Names) -> Markup:
    return tell("added {} to {} as {}{}", event.member, names.case(event.case), event.role, until(event.until))


@sentence_of.register
def _(event: events.MemberInvited, names: Names) -> Markup:
    who = event.email or Markup("an official of another agency")
    return tell("invited {} to {} as {}{}", who, names.case(event.case), event.role, until(event.until))


@sentence_of.register
def _(event: events.MemberJoined, names: Names) -> Markup:
    return tell("joined {} as {}, from {}", names.case(event.case), event.role, event.agency)


@sentence_of.register
def _(event: events.MemberRemoved, names: Names) -> Markup:
    return tell("removed {} from {}", event.member, names.case(event.case))


@sentence_of.register
def _(event: events.InvitationWithdrawn, names: Names) -> Markup:
    return tell("withdrew an invitation to {}", names.case(event.case))


@sentence_of.register
def _(event: events.PaperAdded, names: Names) -> Markup:
    put = _PAPERS.get(PaperKind(event.kind), "") if event.kind in set(PaperKind) else "put something into the room"
    return tell("{} of {}", escape(put), names.case(event.case))


@sentence_of.register
def _(event: events.PaperOpened, names: Names) -> Markup:
    return tell("opened a file in the room of {}", names.case(event.case))


@sentence_of.register
def _(event: events.CaseDisclosed, names: Names) -> Markup:
    held = tell("{} with {}", count(event.searches, "search", "searches"), count(event.candidates, "candidate"))
    erased = if_any(event.erased, ", {} of them erased since")
    blurred = NOTHING if event.sharp else escape("; pictures marked as distressing are blurred")
    return tell("made a disclosure pack of {}: {}{}{}", names.case(event.case), held, erased, blurred)


@sentence_of.register
def _(event: events.DisclosureTaken, names: Names) -> Markup:
    return tell("saved a disclosure pack of {}", names.case(event.case))


@sentence_of.register
def _(event: events.TransactionWritten, names: Names) -> Markup:
    held = count(event.photographs, "photograph", "photographs")
    return tell("wrote {} of {} as a transaction for {}", held, names.case(event.case), bdi(event.to))


@sentence_of.register
def _(event: events.CaseExported, names: Names) -> Markup:
    held = tell("{} and {}", count(event.photographs, "photograph"), count(event.leads, "lead"))
    return tell("exported {} of {} as {}", held, names.case(event.case), escape(event.format))
