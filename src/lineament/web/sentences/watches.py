"""Sentences about watches, web hooks and notices."""

from __future__ import annotations

from markupsafe import Markup, escape

from lineament.model.events import notices, watches
from lineament.model.reasons import ReasonCode
from lineament.web.sentences.base import NOTHING, Names, count, if_any, listed, quoted, sentence_of, tell

_HELD = {
    ReasonCode.WATCH_KEY.value: "the key of its program was revoked",
    ReasonCode.WATCH_THRESHOLD.value: "the threshold cannot be trusted",
    ReasonCode.WATCH_AGENCY.value: "its agency may not search",
}
"""Why a watch is held, for codes that do not say it by themselves."""


@sentence_of.register
def _(event: watches.WatchBegun, names: Names) -> Markup:
    where = tell(" in {}", listed(map(names.source, event.sources))) if event.sources else NOTHING
    photograph, within = names.probe(event.probe), names.within(event.case)
    told = tell("put a face of {}{} on watch{} until {}", photograph, within, where, event.ends_on)
    return told + tell(". Reason: {}", quoted(event.reason))


@sentence_of.register
def _(event: watches.WatchEnded, names: Names) -> Markup:
    return tell("ended a watch{}", names.within(event.case))


@sentence_of.register
def _(event: watches.WatchFired, names: Names) -> Markup:
    found = names.search(event.search, f"{event.listed} new {'candidate' if event.listed == 1 else 'candidates'}")
    told = if_any(event.told, "; {} notified")
    return tell("is told by a watch{} of {}{}", names.within(event.case), found, told)


@sentence_of.register
def _(event: watches.WatchHeld, names: Names) -> Markup:
    if not event.against:
        return tell("let a watch{} compare again", names.within(event.case))
    known = {code.value for code in ReasonCode}
    codes = listed(escape(_HELD.get(code, code.replace("-", " "))) for code in event.against if code in known)
    return tell("held a watch{}: {}", names.within(event.case), codes)


@sentence_of.register
def _(event: watches.WatchLetOn, names: Names) -> Markup:
    return tell("let a watch{} go on although the key of its program was revoked", names.within(event.case))


@sentence_of.register
def _(event: watches.FindingSeen, names: Names) -> Markup:
    return tell("took note of {}{}", names.search(event.search, "what a watch found"), names.within(event.case))


@sentence_of.register
def _(event: watches.WatchesCompared, names: Names) -> Markup:
    sources = tell(" of {}", listed(names.source(name) for name, _, _ in event.faces)) if event.faces else NOTHING
    held = if_any(event.refused, "; {} held")
    return tell("compared {} with the new faces{}{}", count(len(event.watches), "watch", "watches"), sources, held)


@sentence_of.register
def _(event: notices.HookAdded, _names: Names) -> Markup:
    return tell("added the web hook {}", event.url)


@sentence_of.register
def _(_event: notices.HookRotated, _names: Names) -> Markup:
    return Markup("replaced the secret of a web hook")


@sentence_of.register
def _(_event: notices.HookTested, _names: Names) -> Markup:
    return Markup("sent a test to a web hook")


@sentence_of.register
def _(event: notices.HookRemoved, _names: Names) -> Markup:
    left = if_any(event.given_up, ", for which {} notices waited")
    return tell("removed a web hook{}", left)


@sentence_of.register
def _(event: notices.NoticeDelivered, _names: Names) -> Markup:
    return tell("delivered a notice {}{}", _way(event.hook), _attempts(event.attempts))


@sentence_of.register
def _(event: notices.NoticeGivenUp, _names: Names) -> Markup:
    return tell("gave up a notice {}{}: {}", _way(event.hook), _attempts(event.attempts), event.why)


def _way(hook: str | None) -> Markup:
    return Markup("by e-mail") if hook is None else Markup("to a web hook")


def _attempts(many: int) -> Markup:
    return NOTHING if many == 1 else tell(", tried {} times", many)
