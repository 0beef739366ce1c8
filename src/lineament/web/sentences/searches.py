"""Sentences about photographs, searches, candidates and reports."""

from __future__ import annotations

from markupsafe import Markup, escape

from lineament.model.events import searches as events
from lineament.web.phrases import score
from lineament.web.sentences.base import NOTHING, Names, count, if_any, listed, quoted, sentence_of, tell

_MOST_SOURCES = 3


@sentence_of.register
def _(event: events.ProbeAdded, names: Names) -> Markup:
    edited = tell(", edited in {}", count(len(event.edits), "step")) if event.edits else NOTHING
    if event.search is not None:
        copied = tell("made a photograph of {}", names.search(event.search, "a candidate’s picture"))
        return tell("{}{}: {}{}", copied, names.within(event.case), count(event.faces, "face"), edited)
    kind = event.kind.upper() if event.kind == "cctv" else event.kind
    photograph = names.probe(event.probe)
    within, faces = names.within(event.case), count(event.faces, "face")
    return tell("added {}{}: {}, {}{}", photograph, within, kind, faces, edited)


@sentence_of.register
def _(event: events.ProbeReplayed, names: Names) -> Markup:
    photograph = names.probe(event.probe)
    pixels = escape("the same pixels" if event.same else "other pixels")
    return tell("made the edits of {}{} again, which gave {}", photograph, names.within(event.case), pixels)


@sentence_of.register
def _(event: events.ProbeApproved, names: Names) -> Markup:
    return tell("approved searches with {}{}", names.probe(event.probe), names.within(event.case))


@sentence_of.register
def _(event: events.ProbeRemoved, names: Names) -> Markup:
    more = tell(" and {} of it", count(event.probes - 1, "edit")) if event.probes > 1 else NOTHING
    return tell("destroyed a photograph that no search had used{}{}", more, names.within(event.case))


@sentence_of.register
def _(event: events.ProbesDestroyed, _names: Names) -> Markup:
    photographs, days = count(event.photographs, "photograph"), count(event.days, "day")
    return tell("destroyed {} that nobody had searched with for {}", photographs, days)


@sentence_of.register
def _(event: events.CopiesErased, _names: Names) -> Markup:
    lists = tell(" and emptied {}", count(len(event.emptied), "list")) if event.emptied else NOTHING
    return tell("erased {} of pictures that leave the gallery{}", count(event.photographs, "copy", "copies"), lists)


@sentence_of.register
def _(event: events.BatchBegun, names: Names) -> Markup:
    return tell("began {}{}", names.batch(event.batch), names.within(event.case))


@sentence_of.register
def _(event: events.BatchSearched, names: Names) -> Markup:
    photographs, batch = count(event.photographs, "photograph"), names.batch(event.batch)
    within, reason = names.within(event.case), quoted(event.reason)
    return tell("had {} of {} searched{}. Reason: {}", photographs, batch, within, reason)


@sentence_of.register
def _(event: events.SearchRun, names: Names) -> Markup:
    faces = count(event.gallery_faces, "face" if event.watch is None else "new face")
    words = "searched" if event.watch is None else "compared, by a watch,"
    searched = names.search(event.search, f"{words} {faces}")
    found = count(len(event.candidates), "candidate") if event.candidates else Markup("no candidate")
    left = if_any(event.uncompared, ", {} not compared")
    if event.altered:
        left += tell("; the stored faces of {} were changed outside Lineament", listed(event.altered))
    where = tell(" of {}", _sources(event.sources, names)) if event.sources else NOTHING
    if event.people:
        which = "all of" if event.together == "all" else "any of"
        where += tell(" for {} {}", escape(which), count(len(event.people) + 1, "person", "people"))
    if event.after is not None:
        where += tell(" enrolled since {}", names.search(event.after, "an earlier search"))
    told = tell("{}{}{}{}: {}", searched, where, names.within(event.case), left, found)
    return told + tell(". Reason: {}", quoted(event.reason))


def _sources(searched: tuple[str, ...], names: Names) -> Markup:
    if len(searched) > _MOST_SOURCES:
        return count(len(searched), "source")
    return listed(names.source(name) for name in searched)


@sentence_of.register
def _(event: events.PicturesCompared, _names: Names) -> Markup:
    return tell("compared two pictures that were not stored; their score is {}", escape(score(event.score)))


@sentence_of.register
def _(event: events.ListRead, names: Names) -> Markup:
    return tell("read the candidates of {}{}", names.search(event.search, "a search"), names.within(event.case))


@sentence_of.register
def _(event: events.CandidateRead, names: Names) -> Markup:
    candidate = names.candidate(event.search, event.rank)
    return tell("compared {} of a search with the probe{}", candidate, names.within(event.case))


@sentence_of.register
def _(event: events.OriginalViewed, names: Names) -> Markup:
    return tell("opened the original of {}{}", names.candidate(event.search, event.rank), names.within())


@sentence_of.register
def _(event: events.PageOpened, names: Names) -> Markup:
    candidate = names.candidate(event.search, event.rank)
    return tell("opened the archived page of {}{}", candidate, names.within())


@sentence_of.register
def _(event: events.ReportWritten, names: Names) -> Markup:
    return tell("wrote the report of {}{}", names.search(event.search, "a search"), names.within(event.case))
