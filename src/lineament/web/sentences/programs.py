"""Sentences about the keys with which programs act for officials."""

from __future__ import annotations

from markupsafe import Markup, escape

from lineament.model.events import programs
from lineament.web.sentences.base import NOTHING, Names, listed, quoted, sentence_of, tell


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
