"""Sentences about oversight: reports of misuse, guarded faces, and accounts given to others."""

from __future__ import annotations

from markupsafe import Markup, escape

from lineament.model.events import oversight as events
from lineament.web.sentences.base import NOTHING, Names, because, count, if_any, sentence_of, tell

DOCUMENTS = {
    "processing": "the record of processing",
    "impact": "the impact assessment",
    "annual": "the annual report",
}
"""What accounts are called in a sentence."""


@sentence_of.register
def _(event: events.MisuseReported, _names: Names) -> Markup:
    repeated = if_any(event.repeated, ", {} more were known")
    return tell("reported the misuse of the week of {}: {}{}", event.week, count(event.findings, "finding"), repeated)


@sentence_of.register
def _(event: events.MisuseRead, _names: Names) -> Markup:
    if event.week is None:
        return Markup("asked for the report of misuse, of which there is none yet")
    return tell("read the report of misuse of the week of {}", event.week)


@sentence_of.register
def _(event: events.MisuseAnswered, _names: Names) -> Markup:
    told = tell("{} the finding {}", escape(event.answer), event.kind)
    return told + because(event.reason)


@sentence_of.register
def _(event: events.FaceGuarded, _names: Names) -> Markup:
    told = tell("put the face of {} on the list of those searched only with a supervisor ({})", event.name, event.kind)
    return told + because(event.because)


@sentence_of.register
def _(event: events.FaceUnguarded, _names: Names) -> Markup:
    told = tell("took the face of {} off the list of those searched only with a supervisor", event.name)
    return told + because(event.reason)


@sentence_of.register
def _(event: events.AccountGiven, _names: Names) -> Markup:
    document = escape(DOCUMENTS.get(event.document, "an account"))
    return tell("read {}{}", document, NOTHING if event.year is None else tell(" of {}", event.year))


@sentence_of.register
def _(event: events.PublicationBegun, names: Names) -> Markup:
    return tell("decided to publish the figures of {}", _whose(event.agency, names)) + because(event.reason)


@sentence_of.register
def _(event: events.PublicationEnded, names: Names) -> Markup:
    return tell("decided to publish the figures of {} no more", _whose(event.agency, names)) + because(event.reason)


@sentence_of.register
def _(event: events.FiguresPublished, names: Names) -> Markup:
    return tell("published the figures of {} of the quarter from {}", _whose(event.agency, names), event.quarter)


def _whose(agency: str | None, names: Names) -> Markup:
    return escape("the whole workspace") if agency is None else names.agency(agency)
