"""Sentences about reviews."""

from __future__ import annotations

from markupsafe import Markup, escape

from lineament.model.events import reviews as events
from lineament.views.values import counted
from lineament.web.sentences.base import NOTHING, Names, sentence_of, tell


@sentence_of.register
def _(event: events.CandidateDecided, names: Names) -> Markup:
    of = names.search(event.search, "a search")
    changed = Markup(", in place of an earlier decision") if event.changed else NOTHING
    return tell("decided about a candidate of {}{}: {}{}", of, names.within(event.case), escape(event.outcome), changed)


@sentence_of.register
def _(event: events.CandidateNoted, names: Names) -> Markup:
    return tell("wrote a note on a candidate of {}{}", names.search(event.search, "a search"), names.within(event.case))


@sentence_of.register
def _(event: events.ReviewAsked, names: Names) -> Markup:
    of = names.search(event.search, "a search")
    return tell("asked {} to review the candidates of {}{}", event.of, of, names.within(event.case))


@sentence_of.register
def _(event: events.PairsKnown, names: Names) -> Markup:
    of = names.search(event.search, "a search")
    return tell("recorded the truth about {} of {}{}", counted(event.pairs, "candidate"), of, names.within(event.case))
