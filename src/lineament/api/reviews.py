"""Reviews: what waits, how the review of a list stands, decisions and notes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field, Strict

from lineament.api.routes import CurrentCall, Routes
from lineament.api.shapes import AskedFor
from lineament.api.shapes_searches import CandidateName, SearchName
from lineament.model.accounts import Permission
from lineament.model.review import MOST_GROUNDS, Assessment, Draft, Feature, ReviewOutcome
from lineament.views.reviews import decision_json, listed_review_json, note_json, waiting_list_json

routes = Routes("reviews")

_MOST_WAITING = 200
_CANDIDATE = "/v1/searches/{search}/candidates/{candidate}"


class WaitingShape(BaseModel):
    """A list that waits for this official's decisions."""

    search_id: str
    case: str
    since: datetime
    asked_by: str | None
    left: int
    listed: int


class WaitingShapes(BaseModel):
    """The lists that wait, those that wait longest first."""

    items: list[WaitingShape]


class DecisionShape(BaseModel):
    """A decision about a candidate, as it was committed."""

    reviewer: str
    at: datetime
    outcome: ReviewOutcome
    checklist: dict[Feature, Assessment]
    grounds: str
    number: int = Field(description="Of this person's decisions about this candidate, from 1.")
    because: str = Field(description="Why it replaces the earlier one.")
    informed: bool = Field(description="Made when its author could already read the other review.")


class NoteShape(BaseModel):
    """A note on a candidate."""

    author: str
    at: datetime
    text: str


class ExcludedShape(BaseModel):
    """The exclusion of the face in an earlier list of the case."""

    search_id: str
    at: datetime


class StandingShape(BaseModel):
    """How the review of one candidate stands, as far as this official may know."""

    name: str
    names: list[str] = Field(description="Of all its pictures.")
    outcome: ReviewOutcome | None = Field(description="null until everybody has decided whose decision it takes.")
    own: DecisionShape | None
    decisions: list[DecisionShape] = Field(description="Of everybody, once the outcome stands.")
    excluded_before: ExcludedShape | None
    notes: list[NoteShape]


class ReviewShape(BaseModel):
    """How the review of a list stands, in this official's order."""

    search_id: str
    hidden: bool = Field(description="Whether ranks and scores are hidden from this official.")
    may_decide: bool
    why_not: str | None = Field(description="Why this official may not decide now.")
    reviewers: int = Field(description="People whose decisions it takes.")
    left: int
    candidates: list[StandingShape]


class NewDecision(AskedFor):
    """A decision about a candidate; it is committed and never removed."""

    outcome: ReviewOutcome = Field(strict=False)
    checklist: dict[Annotated[Feature, Strict(False)], Annotated[Assessment, Strict(False)]] = Field(
        description="What was found of every feature (FISWG)."
    )
    grounds: str = Field(default="", max_length=MOST_GROUNDS, description="What weighs most.")
    because: str = Field(default="", max_length=MOST_GROUNDS, description="Why an earlier decision changes.")


class CommittedShape(BaseModel):
    """A decision that was committed, and what is left."""

    decision: DecisionShape
    left: int
    next: str | None = Field(description="The candidate to decide next, in this official's order.")


class NewNote(AskedFor):
    """A note; others read it once the review of the candidate is complete."""

    text: str = Field(min_length=1, max_length=MOST_GROUNDS)


@routes.read("/v1/reviews", access=Permission.REVIEW, response_model=WaitingShapes)
def list_reviews(call: CurrentCall, limit: Annotated[int, Query(ge=1, le=_MOST_WAITING)] = _MOST_WAITING) -> Any:
    """List what waits for this official's decisions."""
    return {"items": [waiting_list_json(waiting) for waiting in call.desk.reviews.waiting(limit)]}


@routes.read("/v1/searches/{search}/review", access=Permission.READ_CASES, response_model=ReviewShape)
def get_review(call: CurrentCall, search: SearchName) -> Any:
    """Read how the review of a list stands, as far as this official may know it; that is on the record."""
    call.desk.search.read(search)
    return listed_review_json(call.desk.reviews.of_search(search))


@routes.act(f"{_CANDIDATE}/decisions", access=Permission.REVIEW, status_code=201, response_model=CommittedShape)
def decide(call: CurrentCall, search: SearchName, candidate: CandidateName, asked: NewDecision) -> Any:
    """Decide about a candidate after comparing every feature; the decision is committed and never removed."""
    draft = Draft(outcome=asked.outcome, checklist=asked.checklist, grounds=asked.grounds, because=asked.because)
    decision = call.desk.reviews.decide(search, candidate, draft)
    review = call.desk.reviews.of_search(search)
    return {"decision": decision_json(decision), "left": review.left, "next": review.after(candidate)}


@routes.act(f"{_CANDIDATE}/notes", access=Permission.REVIEW, status_code=201, response_model=NoteShape)
def write_note(call: CurrentCall, search: SearchName, candidate: CandidateName, asked: NewNote) -> Any:
    """Write a note on a candidate."""
    return note_json(call.desk.reviews.note(search, candidate, asked.text))
