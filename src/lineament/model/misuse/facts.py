"""What the weekly report is made from: who did what, when and in which case. No picture, no template, no address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from lineament.model.accounts import Role
from lineament.model.actions import Action

WEEKS = 26
"""Weeks before the week of the report that say what is ordinary."""

LOOKS = frozenset(
    action.value
    for action in (
        Action.CASE_READ,
        Action.LIST_READ,
        Action.CANDIDATE_READ,
        Action.ORIGINAL_VIEWED,
        Action.PAGE_OPENED,
        Action.PAPER_OPENED,
    )
)
"""The actions of somebody who looks at cases, lists and candidates."""
LEDGER_READS = frozenset({Action.LEDGER_READ.value, Action.LEDGER_EXPORTED.value, Action.ENTRY_PROVEN.value})
SEARCHES = frozenset({Action.SEARCH.value, Action.WATCH_BEGUN.value})
"""A face that is put on watch is searched from then on."""


class Act(NamedTuple):
    """An entry of the ledger, as it is filed."""

    at: datetime
    who: str  # the id of an account; "": somebody at the machine
    action: str
    case: int | None  # of the agency


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who did something."""

    id: str
    name: str
    roles: frozenset[Role]
    guest: bool = False  # of another agency; only what was done in cases of this one is known

    @property
    def role(self) -> str:
        """The roles in one word, for a comparison with others who have the same."""
        return " and ".join(sorted(self.roles)) or "no role"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """A case of the agency."""

    id: int
    ref: str
    seeks: str
    offence: str
    texts: str  # purpose and legal basis, for the references that they name
    opened_at: datetime
    closed_at: datetime | None = None
    urgent_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFacts:
    """A search in a case of the agency, or a watch, which is a search of what is taken in from then on."""

    id: str
    at: datetime
    who: str
    case: int
    kind: str  # of the photograph, as declared
    mode: str
    least: float  # the score below which nothing was listed
    limit: int
    candidates: int
    reason: str
    faces: tuple[int, ...] = ()  # of the people searched; equal for the same face, as far as the model can tell
    only_new: bool = False  # only what was captured since a day
    reviewed: bool = False
    guarded: tuple[str, ...] = ()  # which faces of the agency's list it shows
    watch: bool = False  # a watch; there is no list
    fired: bool = False  # made by a watch of this person, not by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAttempt:
    """A search or a case that was refused, because its words name a refused purpose."""

    at: datetime
    who: str
    case: int | None
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FacesCompared:
    """How the faces of searches were compared with each other and with the agency's list."""

    fmr: float = 0.0  # the share of pairs of strangers that count as the same face
    pairs: int = 0
    compared: int = 0  # photographs
    left_out: int = 0  # photographs whose template is too weak, or of another model
    guarded: int = 0  # faces on the agency's list
    guarded_left_out: int = 0  # of another model, so that they were not compared

    @property
    def strangers(self) -> float:
        """Pairs of strangers that are expected to count as the same face."""
        return self.fmr * self.pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an agency did in a week and in the weeks before."""

    week: datetime  # its beginning, a Monday, midnight in the zone
    zone: tzinfo
    actors: Mapping[str, Actor]
    cases: Mapping[int, CaseFacts]
    acts: Sequence[Act]  # of the whole time, ascending
    searches: Sequence[SearchFacts]  # likewise
    refused: Sequence[RefusedAttempt] = ()
    faces: FacesCompared = FacesCompared()
    reviews: bool = False  # whether this workspace records reviews

    @property
    def until(self) -> datetime:
        """The end of the week."""
        return self.week + timedelta(days=7)

    @property
    def since(self) -> datetime:
        """The beginning of the weeks that say what is ordinary."""
        return self.week - timedelta(weeks=WEEKS)

    @property
    def asked(self) -> list[SearchFacts]:
        """What people searched and put on watch by hand, without the lists that watches made."""
        return [search for search in self.searches if not search.fired]

    def week_of(self, at: datetime) -> int:
        """Return the week of a moment: 0 is that of the report, -1 the one before."""
        return (at - self.week).days // 7

    def now(self, at: datetime) -> bool:
        """Return whether a moment is in the week of the report."""
        return self.week <= at < self.until
