"""Reviews: what waits for decisions, and the decisions about candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lineament.client.answers import Committed, Note, Review, Waiting
from lineament.client.nouns import Noun, Transport, asked, told
from lineament.client.requests import Request, act, fields_of, get, place
from lineament.client.steps import Telling, pages


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """A decision about a candidate, after every feature was compared."""

    outcome: str
    checklist: Mapping[str, str]
    """What was found of every feature (FISWG)."""
    grounds: str = ""
    """What weighs most."""
    because: str = ""
    """Why an earlier decision changes."""


class Reviews(Noun[Transport]):
    """The reviews of lists."""

    @told
    def list(self) -> Telling[Waiting]:
        """Yield what waits for this official's decisions, that which waits longest first."""
        return pages(get(Waiting, place("reviews")))

    @asked
    def get(self, search: str) -> Request[Review]:
        """Return how the review of a list stands, as far as this official may know; that is on the record."""
        return get(Review, place("searches", search, "review"))

    @asked
    def decide(self, search: str, candidate: int | str, decision: NewDecision) -> Request[Committed]:
        """Decide about a candidate; the decision is committed and never removed."""
        path = place("searches", search, "candidates", candidate, "decisions")
        return act(Committed, path, **fields_of(decision))

    @asked
    def note(self, search: str, candidate: int | str, text: str) -> Request[Note]:
        """Write a note on a candidate."""
        return act(Note, place("searches", search, "candidates", candidate, "notes"), text=text)
