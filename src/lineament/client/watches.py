"""Watches: faces that are compared with what is enrolled from then on, and what they found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from lineament.client.answers import Finding, KeptWatch, Watch
from lineament.client.nouns import Noun, Transport, asked, told
from lineament.client.requests import Request, act, fields_of, get, place
from lineament.client.searches import Face
from lineament.client.steps import Telling, pages


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTerms:
    """How a face is kept on watch."""

    until: date
    """The last day on which it compares."""
    reason: str | None = None
    """The reason of each search that follows; None: that of the key."""
    sources: tuple[str, ...] = ()
    """Only these; empty: all that the key may."""


class Watches(Noun[Transport]):
    """The watches of cases."""

    @told
    def list(self, case: str) -> Telling[KeptWatch]:
        """Yield the watches of a case with what each found, the newest first; that is on the record."""
        return pages(get(KeptWatch, place("cases", case, "watches")))

    @asked
    def begin(self, case: str, face: Face, terms: WatchTerms) -> Request[Watch]:
        """Keep a face of a photograph of the case on watch until a day."""
        return act(Watch, place("cases", case, "watches"), **fields_of(face), **fields_of(terms))

    @asked
    def end(self, watch: str) -> Request[Watch]:
        """End a watch, at once; what it found stays with the case."""
        return act(Watch, place("watches", watch, "end"))

    @told
    def findings(self) -> Telling[Finding]:
        """Yield what watches found and nobody took note of yet."""
        return pages(get(Finding, place("findings")))

    @asked
    def see(self, finding: str) -> Request[Finding]:
        """Take note of what a watch found, on the record."""
        return act(Finding, place("findings", finding, "see"))
