"""Sentences about the keys with which programs act for officials, and about what they have measured."""

from __future__ import annotations

from markupsafe import Markup, escape

from lineament.model.events import evaluations, programs
from lineament.web.phrases import size
from lineament.web.sentences.base import NOTHING, Names, count, listed, quoted, sentence_of, tell


@sentence_of.register
def _(event: programs.ApiKeyMade, names: Names) -> Markup:
    rights = listed(map(escape, event.rights))
    within = NOTHING if event.case is None else names.within(event.case)
    told = tell(
        "made the key {} for a program: {}{}, until {:%Y-%m-%d}", quoted(event.name), rights, within, event.ends_at
    )
    return told if event.reason is None else told + tell(". Reason: {}", quoted(event.reason))


@sentence_of.register
def _(_event: programs.ApiKeyRevoked, _names: Names) -> Markup:
    return Markup("revoked a key of a program")


@sentence_of.register
def _(event: evaluations.EvaluationAsked, _names: Names) -> Markup:
    return tell(
        "had error rates measured on {} of pictures from outside, which are enrolled nowhere", size(event.bytes)
    )


@sentence_of.register
def _(event: evaluations.EvaluationEnded, _names: Names) -> Markup:
    if event.pictures is None or event.people is None:
        return tell("ended an evaluation, which {}; what was sent for it is destroyed", _ENDS[event.state])
    of = (count(event.pictures, "picture"), count(event.people, "person", "people"))
    return tell("ended an evaluation of {} of {}; what was sent for it is destroyed", *of)


_ENDS = {"failed": "failed", "stopped": "was stopped"}
