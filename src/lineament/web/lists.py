"""A candidate list as the result page shows it: what each card says, and where strangers are to be expected."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from lineament.model.blind import HiddenEntry
from lineament.model.search import Candidate, ListEntry, SearchResult
from lineament.services.review.reviews import EntryStanding, ListReview
from lineament.store.searches import ErasedCandidate
from lineament.web.addresses import followable, site

STRANGERS_FROM = 1.0
"""Where the line stands: before the first candidate whose score one stranger is expected to reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One entry of the list, in the order in which it is shown."""

    place: int  # in that order, from 1
    name: str  # in addresses
    candidate: Candidate | ErasedCandidate | None  # None while it is hidden from the reader
    entry: ListEntry | None = None  # None if it was erased since, or is hidden
    hidden: HiddenEntry | None = None
    standing: EntryStanding | None = None  # of its review; None if it was erased
    reliable: bool = False  # its picture is good enough to rely on
    line: bool = False  # from here on strangers are expected: the line stands before it

    @property
    def where(self) -> str:
        """Where its picture was found, in a few words: the page's title or site, or the name of the file."""
        if self.hidden is not None:
            found = self.hidden.faces[0].found_at
            return "" if found is None else place_words(found.uri, found.page_uri, found.page_title)
        candidate = self.candidate
        if candidate is None or isinstance(candidate, ErasedCandidate):
            return ""
        return place_words(candidate.uri, candidate.page_uri, candidate.page_title)


def cards(review: ListReview, reliable: Collection[str]) -> list[Card]:
    """Return the entries of a list as its reader sees them: by rank, or in their own order while ranks are hidden."""
    result = review.stored.result
    if result.hidden:
        return [
            Card(
                place=place,
                name=hidden.name,
                candidate=None,
                hidden=hidden,
                standing=review.of(hidden.name),
                reliable=hidden.name in reliable,
            )
            for place, hidden in enumerate(result.hidden, 1)
        ]
    entries: list[tuple[Candidate | ErasedCandidate, ListEntry | None]] = [
        *((entry.candidate, entry) for entry in result.entries),
        *((erased, None) for erased in review.stored.erased),
    ]
    listed = sorted(entries, key=lambda shown: shown[0].rank)
    first = line_before([candidate for candidate, _ in listed])
    return [
        Card(
            place=place,
            name=(name := str(candidate.rank)),
            candidate=candidate,
            entry=entry,
            standing=None if entry is None else review.of(name),
            reliable=name in reliable,
            line=candidate.rank == first,
        )
        for place, (candidate, entry) in enumerate(listed, 1)
    ]


def strip(result: SearchResult, most: int) -> list[tuple[str, str]]:
    """Return the name and the source of the first pictures of a list, as its reader sees it."""
    shown = [(str(entry.candidate.rank), entry.candidate.source) for entry in result.entries]
    hidden = [(entry.name, entry.faces[0].source) for entry in result.hidden]
    return (hidden or shown)[:most]


def line_before(listed: Sequence[Candidate | ErasedCandidate]) -> int | None:
    """Return the rank of the first candidate from which every one is as far as STRANGERS_FROM; None if there is none.

    A candidate whose picture is poor may be expected of more strangers than a better one below it, so it is not the
    first that reaches the number that counts, but the first from which none falls short of it.
    """
    first = None
    for candidate in reversed(listed):
        if candidate.expected_false < STRANGERS_FROM:
            break
        first = candidate.rank
    return first


def place_words(uri: str, page_uri: str | None, page_title: str | None) -> str:
    """Return where a picture was found, in a few words."""
    page = page_title or (site(page_uri) if page_uri else "")
    return page or (site(uri) if followable(uri) else file_name(uri))


def file_name(untrusted_uri: str) -> str:
    """Return the name of a file at the end of a path or an address, decoded; what cannot be printed becomes �."""
    name = unquote(untrusted_uri.rstrip("/").rpartition("/")[2], errors="replace") or untrusted_uri
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
