"""The parts of a sentence, and the names in it as far as its reader may know them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import singledispatch

from markupsafe import Markup, escape

from lineament.model.events.base import Event
from lineament.views.values import counted
from lineament.web.addresses import (
    batch_address,
    candidate_address,
    case_address,
    probe_address,
    search_address,
    source_address,
)

NOTHING = Markup("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Writes the names in a sentence as far as its reader may know them, and links what the reader may open."""

    key: str | None = None  # of the entry's case, if the reader may open that
    ref: str | None = None  # the reference of that case
    gone: bool = False  # what the case held is destroyed
    here: bool = False  # the sentence stands on a page of that case
    ranks: bool = True  # the reader may know ranks
    sources: Collection[str] = frozenset()  # the names of the sources that the reader may open
    agencies: Mapping[str, str] = field(default_factory=dict)  # the names that the reader may know, by id

    def case(self, ref: str) -> Markup:
        """Return “the case” on a page of the case, elsewhere its reference."""
        if self.here:
            return Markup("the case")
        return tell("case {}", link(ref, None if self.key is None else case_address(self.key)))

    def within(self, ref: str | None = None) -> Markup:
        """Return “ in case K-1”; nothing on a page of the case, or if the reader may not know which it is."""
        ref = ref or self.ref
        return NOTHING if self.here or ref is None else tell(" in {}", self.case(ref))

    def search(self, search_id: str, words: str) -> Markup:
        """Return these words as a link to a search."""
        return link(escape(words), search_address(search_id) if self._opens else None)

    def candidate(self, search_id: str, rank: int) -> Markup:
        """Return a candidate by its rank, if the reader may know it."""
        if not self.ranks:
            return Markup("a candidate")
        words = Markup("candidate {}").format(rank)
        return link(words, candidate_address(search_id, rank) if self._opens else None)

    def probe(self, probe_id: str, words: str = "a photograph") -> Markup:
        """Return these words as a link to a photograph of the case."""
        return link(escape(words), probe_address(probe_id) if self._opens else None)

    def batch(self, batch_id: str) -> Markup:
        """Return a batch of photographs as a link to it."""
        return link(escape("a batch of photographs"), batch_address(batch_id) if self._opens else None)

    @property
    def _opens(self) -> bool:
        return (self.here or self.key is not None) and not self.gone

    def source(self, name: str) -> Markup:
        """Return the name of a source."""
        return tell("source {}", link(name, source_address(name) if name in self.sources else None))

    def agency(self, agency_id: str) -> Markup:
        """Return the name of an agency."""
        known = self.agencies.get(agency_id)
        return Markup("another agency") if known is None else bdi(known)


def bdi(text: str) -> Markup:
    """Return a text that somebody typed, whatever direction it is written in."""
    return Markup("<bdi>{}</bdi>").format(text)


def link(text: str, address: str | None) -> Markup:
    """Return a text, as a link if it has an address."""
    shown = text if isinstance(text, Markup) else bdi(text)
    return shown if address is None else Markup('<a href="{}">{}</a>').format(address, shown)


def tell(words: str, *parts: str | int | date) -> Markup:
    """Return words with their parts filled in. ``words`` is never anything typed; texts among the parts are escaped."""
    shown = [bdi(part) if type(part) is str else part for part in parts]
    return escape(words).format(*shown)


def quoted(text: str | None) -> Markup:
    """Return what somebody typed, in quotation marks."""
    return tell("“{}”", text or "")


def because(reason: str | None) -> Markup:
    """Return a reason after a colon; nothing if there is none."""
    return tell(": {}", quoted(reason)) if reason else NOTHING


def blur_set(distressing: bool, of: Markup) -> Markup:
    """Return that the pictures of something are blurred from now on, or not."""
    shown = escape("blurred until pointed at" if distressing else "shown without blur")
    return tell("set the pictures of {} to be {}", of, shown)


def count(number: int, singular: str, plural: str = "") -> Markup:
    """Return a number with its noun."""
    return escape(counted(number, singular, plural))


def until(last: date | None) -> Markup:
    """Return “ until” a day; nothing if there is none."""
    return NOTHING if last is None else tell(" until {}", last)


def if_any(number: int, words: str) -> Markup:
    """Return these words with the number in them; nothing if it is 0."""
    return escape(words).format(f"{number:,}") if number else NOTHING


def listed(texts: Iterable[str]) -> Markup:
    """Return texts with commas between them and “and” before the last."""
    *first, last = [text if isinstance(text, Markup) else bdi(text) for text in texts] or [Markup("nothing")]
    return Markup("{} and {}").format(Markup(", ").join(first), last) if first else last


@singledispatch
def sentence_of(event: Event, names: Names) -> Markup:  # noqa: ARG001 - the others have them
    """Return what an event says after the name of whoever did it: “closed case K-1”."""
    return plain_action(event.action)


def plain_action(action: str) -> Markup:
    """Return the name of an action in words, for entries of another version and those whose details were erased."""
    return Markup("recorded “{}”").format(action.replace("_", " "))
