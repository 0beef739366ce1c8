"""Sentences about collections that programs of others use."""

from __future__ import annotations

from markupsafe import Markup

from lineament.model.events import collections as events
from lineament.web.sentences.base import Names, count, listed, sentence_of, tell


@sentence_of.register
def _(event: events.CollectionRead, names: Names) -> Markup:
    read = [count(event.faces, "face")] if event.faces or not event.subjects else []
    if event.subjects:
        read.append(count(event.subjects, "subject"))
    return tell("read a list of {} of {}", listed(read), names.source(event.source))


@sentence_of.register
def _(event: events.FacesNamed, names: Names) -> Markup:
    said = "said whom {} of {} shows" if len(event.faces) == 1 else "said whom {} of {} show"
    return tell(said, count(len(event.faces), "face"), names.source(event.source))


@sentence_of.register
def _(event: events.SubjectAdded, names: Names) -> Markup:
    return tell("added a subject to {}", names.source(event.source))


@sentence_of.register
def _(event: events.SubjectRenamed, names: Names) -> Markup:
    return tell("renamed a subject of {}", names.source(event.source))


@sentence_of.register
def _(event: events.SubjectDescribed, names: Names) -> Markup:
    return tell("changed what a program says of a subject of {}", names.source(event.source))


@sentence_of.register
def _(event: events.CollectionDescribed, names: Names) -> Markup:
    return tell("changed what a program says of {} as a collection", names.source(event.source))


@sentence_of.register
def _(event: events.SubjectRemoved, names: Names) -> Markup:
    return tell("deleted a subject of {}, who had {}", names.source(event.source), count(event.faces, "face"))


@sentence_of.register
def _(event: events.FacesDetected, _names: Names) -> Markup:
    return tell("looked for faces in a picture, which shows {}", count(event.faces, "face"))
