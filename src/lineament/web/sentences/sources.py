"""Sentences about sources and what was ingested from them, and about jobs."""

from __future__ import annotations

from markupsafe import Markup, escape

from lineament.model.events import jobs, packs
from lineament.model.events import sources as events
from lineament.services.jobs.kinds import KINDS
from lineament.views.runs import OUTCOMES
from lineament.web.phrases import size
from lineament.web.sentences.base import (
    NOTHING,
    Names,
    because,
    blur_set,
    count,
    if_any,
    listed,
    sentence_of,
    tell,
    until,
)

_WHICH = {
    "without face": "pictures without a face",
    "not comparable": "pictures with faces too weak to compare",
    "newest faces": "the newest faces",
    "one picture": "one picture",
}


@sentence_of.register
def _(event: events.SourceRegistered, names: Names) -> Markup:
    waits = NOTHING if event.live else Markup("; it waits for a second person’s approval")
    source = names.source(event.name)
    return tell("registered {} of {}, on the basis of {}{}", source, event.controller, event.basis, waits)


@sentence_of.register
def _(event: events.SourceApproved, names: Names) -> Markup:
    document = Markup(", and added the document that permits it") if event.permission_sha256 else NOTHING
    return tell("approved {}{}", names.source(event.source), document)


@sentence_of.register
def _(event: events.SourceDeclined, names: Names) -> Markup:
    return tell("declined the draft of {}", names.source(event.source)) + because(event.reason)


@sentence_of.register
def _(event: events.SourceShared, names: Names) -> Markup:
    agency = Markup("every agency") if event.agency is None else names.agency(event.agency)
    return tell("shared {} with {}{}", names.source(event.source), agency, until(event.until))


@sentence_of.register
def _(event: events.SourceUnshared, names: Names) -> Markup:
    return tell("ended the sharing of {} with {}", names.source(event.source), names.agency(event.agency))


@sentence_of.register
def _(event: events.SourceBlurSet, names: Names) -> Markup:
    return blur_set(event.distressing, names.source(event.source))


@sentence_of.register
def _(event: events.SourceSuspended, names: Names) -> Markup:
    return tell("suspended {}", names.source(event.source))


@sentence_of.register
def _(event: events.SourceResumed, names: Names) -> Markup:
    return tell("resumed {}", names.source(event.source))


@sentence_of.register
def _(event: events.SourceWithdrawn, names: Names) -> Markup:
    held = listed([count(event.captures, "picture"), count(event.faces, "face")])
    return tell("withdrew {} and destroyed {}", names.source(event.source), held) + because(event.reason)


@sentence_of.register
def _(event: events.PermissionOpened, names: Names) -> Markup:
    return tell("opened the document that permits {}", names.source(event.source))


@sentence_of.register
def _(event: events.SourcePicturesRead, names: Names) -> Markup:
    return tell("looked at {} of {}", escape(_WHICH.get(event.which, "pictures")), names.source(event.source))


@sentence_of.register
def _(event: events.KnownAbuseLoaded, _names: Names) -> Markup:
    barred = tell("; {} barred by them", _are(len(event.barred), "stored picture")) if event.barred else NOTHING
    digests = count(event.digests, "digest")
    if not event.hashes:
        return tell("loaded {} of known abuse material, {} new{}", digests, event.new, barred)
    hashes = count(event.hashes, "perceptual hash", "perceptual hashes")
    words = "loaded {} and {} of known abuse material, {} new{}"
    return tell(words, digests, hashes, event.new + event.new_hashes, barred)


@sentence_of.register
def _(event: events.WarcTakenOut, names: Names) -> Markup:
    fetched = count(event.exchanges, "exchange")
    source, length = names.source(event.source), escape(size(event.bytes))
    return tell("exported what crawls of {} fetched: {}, {}", source, fetched, length)


@sentence_of.register
def _(event: events.DropBegun, names: Names) -> Markup:
    return tell("began to send files into {}", names.source(event.source))


@sentence_of.register
def _(event: events.DropDiscarded, names: Names) -> Markup:
    why = escape("stopped" if event.because == "stopped" else "abandoned")
    taken = tell("{} of {} had been ingested", escape(f"{event.ingested:,}"), count(event.files, "file"))
    return tell("deleted what was sent into {}, because it was {}; {}", names.source(event.source), why, taken)


@sentence_of.register
def _(event: events.RunStarted, names: Names) -> Markup:
    connector = event.connector.partition(" ")[0]
    return tell("began run {} of the {} connector into {}", event.run, connector, names.source(event.source))


@sentence_of.register
def _(event: events.RunEnded, names: Names) -> Markup:
    counts = [Markup("{} {}").format(f"{number:,}", OUTCOMES.get(name, name)) for name, number in event.counts.items()]
    outcome = Markup("; ").join([*counts, count(event.faces, "face")])
    return tell("finished run {} into {}: {}", event.run, names.source(event.source), outcome)


@sentence_of.register
def _(event: events.BatchIngested, names: Names) -> Markup:
    pictures, faces = count(_span(event.captures), "picture"), count(_span(event.faces), "face")
    barred = if_any(event.barred, "; {} barred as known abuse material")
    return tell("stored {} with {} in {}, run {}{}", pictures, faces, names.source(event.source), event.run, barred)


@sentence_of.register
def _(event: events.FaceDrawn, names: Names) -> Markup:
    weak = NOTHING if event.comparable else Markup("; it is too weak to compare")
    return tell("drew the box of a face that was missed in a picture of {}{}", names.source(event.source), weak)


@sentence_of.register
def _(event: events.LookedAgain, names: Names) -> Markup:
    looked, source, pack = count(event.looked, "picture"), names.source(event.source), pack_of(event.model)
    found = tell("{} described, {} found", count(event.described, "known face"), count(event.found, "missed face"))
    return tell("looked at {} of {} again with {}: {}", looked, source, pack, found)


@sentence_of.register
def _(event: events.ModelAdopted, names: Names) -> Markup:
    lost = if_any(event.lost, "; {} could not be described")
    source, faces = names.source(event.source), count(event.faces, "face")
    return tell("put {} into use for {}: {}{}", pack_of(event.model), source, faces, lost)


@sentence_of.register
def _(event: events.FacesCounted, names: Names) -> Markup:
    faces = count(event.faces, "face")
    return tell("counted the {} of {} as they are stored", faces, names.source(event.source)) + because(event.reason)


@sentence_of.register
def _(event: events.ErasureRequested, names: Names) -> Markup:
    source = names.source(event.source)
    if event.face is not None:
        return tell("asked for a face of {} to be erased", source) + because(event.reason)
    if event.capture is not None:
        return tell("asked for a picture of {} to be erased", source) + because(event.reason)
    return tell("asked for {} to be withdrawn", source) + because(event.reason)


@sentence_of.register
def _(event: events.FaceErased, names: Names) -> Markup:
    return tell("erased a face of {}", names.source(event.source)) + because(event.reason)


@sentence_of.register
def _(event: events.CaptureErased, names: Names) -> Markup:
    faces, source = count(len(event.faces), "face"), names.source(event.source)
    return tell("erased a picture of {} with {}", source, faces) + because(event.reason)


@sentence_of.register
def _(event: events.RetentionEnded, names: Names) -> Markup:
    pictures, faces = count(len(event.captures), "picture"), count(len(event.faces), "face")
    source, days = names.source(event.source), count(event.days, "day")
    return tell("erased {} with {} of {}, which were kept for {}", pictures, faces, source, days)


def _span(first_and_last: tuple[int, ...]) -> int:
    return first_and_last[-1] - first_and_last[0] + 1 if first_and_last else 0


def _are(number: int, noun: str) -> Markup:
    return count(number, f"{noun} is", f"{noun}s are")


def pack_of(model: str) -> Markup:
    """Return the pack of a model, without its digest."""
    return tell("model pack {}", model.partition("/")[0])


@sentence_of.register
def _(event: packs.PackAdded, _names: Names) -> Markup:
    return tell("added {} and accepted its licences", pack_of(event.pack))


@sentence_of.register
def _(event: packs.PackChosen, _names: Names) -> Markup:
    if event.pack == event.before:
        return tell("kept {} in use", pack_of(event.pack))
    return tell("chose to move every source from {} to {}", pack_of(event.before), pack_of(event.pack))


@sentence_of.register
def _(event: packs.PackInUse, _names: Names) -> Markup:
    return tell("put {} into use for {}", pack_of(event.pack), count(event.sources, "source"))


@sentence_of.register
def _(event: jobs.JobStopped, names: Names) -> Markup:
    kind = KINDS.get(event.kind)
    job = escape("job" if kind is None else f"job “{kind.words}”")
    return tell("stopped the {}{}", job, tell(" of {}", names.source(event.source)) if event.source else NOTHING)
