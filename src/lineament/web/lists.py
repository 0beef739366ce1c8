"""A candidate list as the result page shows it: what each card says, and where strangers are to be expected."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from lineament.model.search import Candidate, ListEntry
from lineament.store.searches import ErasedCandidate, StoredSearch
from lineament.web.addresses import followable, site

STRANGERS_FROM = 1.0
"""Where the line stands: before the first candidate whose score one stranger is expected to reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One entry of the list, in the order of its ranks."""

    candidate: Candidate | ErasedCandidate
    entry: ListEntry | None  # None if it was erased since
    reliable: bool = False  # its picture is good enough to rely on
    line: bool = False  # from here on strangers are expected: the line stands before it

    @property
    def where(self) -> str:
        """Where its picture was found, in a few words: the page's title or site, or the name of the file."""
        candidate = self.candidate
        if isinstance(candidate, ErasedCandidate):
            return ""
        page = candidate.page_title or (site(candidate.page_uri) if candidate.page_uri else "")
        return page or (site(candidate.uri) if followable(candidate.uri) else file_name(candidate.uri))


def cards(stored: StoredSearch, reliable: Collection[int]) -> list[Card]:
    """Return the entries of a list by rank. The line stands at most once, and never in a list that ends before it."""
    entries: list[tuple[Candidate | ErasedCandidate, ListEntry | None]] = [
        *((entry.candidate, entry) for entry in stored.result.entries),
        *((erased, None) for erased in stored.erased),
    ]
    listed = sorted(entries, key=lambda shown: shown[0].rank)
    first = line_before([candidate for candidate, _ in listed])
    return [
        Card(candidate=candidate, entry=entry, reliable=candidate.rank in reliable, line=candidate.rank == first)
        for candidate, entry in listed
    ]


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


def file_name(untrusted_uri: str) -> str:
    """Return the name of a file at the end of a path or an address, decoded; what cannot be printed becomes �."""
    name = unquote(untrusted_uri.rstrip("/").rpartition("/")[2], errors="replace") or untrusted_uri
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
