"""Watches: faces that are compared with what is enrolled from then on, and what they found."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field

from lineament.api.lists import USUAL, After, Limit, part_of
from lineament.api.routes import CurrentCall, Routes
from lineament.api.shapes import AskedFor, Day
from lineament.api.shapes_cases import CaseName, FaceNumber, Id, Reason
from lineament.model.accounts import Permission
from lineament.model.watches import WatchStanding, WatchTerms
from lineament.views.watches import finding_json, kept_watch_json, watch_json

routes = Routes("watches")

_MOST_UNSEEN = 200
WatchName = Annotated[str, Path(max_length=200, description="The id of the watch.")]


class NewWatch(AskedFor):
    """A face of a photograph of the case that is kept on watch."""

    probe: Id
    face: FaceNumber | None = Field(default=None, description="From 1; null: the only one.")
    until: Day = Field(description="The last day on which it compares.")
    reason: Reason = Field(default="", description="The reason of each search that follows; else that of the key.")
    sources: list[Id] = Field(default=[], max_length=200, description="Empty: all that the key may.")


class WatchShape(BaseModel):
    """A watch as it was begun, and as it was ended."""

    watch: str
    case: str
    probe: str
    face: int
    reason: str
    sources: list[str]
    until: date
    begun_by: str
    begun_at: datetime
    key: str | None = Field(description="With which a program began it.")
    let_on_by: str | None = Field(description="Who let it go on although that key was revoked.")
    ended_by: str | None
    ended_at: datetime | None


class ObstacleShape(BaseModel):
    """Why a watch cannot compare now."""

    code: str
    words: str


class NoticeShape(BaseModel):
    """A message that told somebody."""

    notice: str
    kind: str
    by: str
    at: datetime
    state: str
    attempts: int
    why: str
    next_at: datetime | None


class FindingOfWatch(BaseModel):
    """New faces came close to the face on watch; a search lists them."""

    finding: str
    search: str
    at: datetime
    candidates: int
    seen_by: str | None
    seen_at: datetime | None


class FindingShape(FindingOfWatch):
    """What a watch found, and where it belongs."""

    watch: str
    case: str
    probe: str
    face: int


class FindingShapes(BaseModel):
    """What watches found and nobody took note of yet, the newest first."""

    items: list[FindingShape]


class ToldFinding(FindingOfWatch):
    """What a watch found, and who was told."""

    told: list[NoticeShape]


class KeptWatchShape(WatchShape):
    """A watch, with what it found and why it cannot compare now."""

    state: WatchStanding
    against: list[ObstacleShape]
    faces_compared: int
    compared_at: datetime | None
    times_held: int
    found: list[ToldFinding]


class KeptWatchShapes(BaseModel):
    """A part of the watches of a case, the newest first."""

    items: list[KeptWatchShape]
    next: str | None


@routes.read("/v1/cases/{case}/watches", access=Permission.READ_CASES, response_model=KeptWatchShapes)
def list_watches(call: CurrentCall, case: CaseName, limit: Limit = USUAL, after: After = None) -> Any:
    """List the watches of a case: what each found, and why it cannot compare now; that is on the record."""
    kept = call.desk.watches.of_case(call.desk.casework.read(case, "watches").key)
    found, following = part_of(kept, lambda each: each.watch.id, limit, after)
    return {"items": [kept_watch_json(each) for each in found], "next": following}


@routes.act("/v1/cases/{case}/watches", access=Permission.SEARCH, status_code=201, response_model=WatchShape)
def begin_watch(call: CurrentCall, case: CaseName, asked: NewWatch) -> Any:
    """Keep a face of a photograph of the case on watch until a day; it compares only sources that the key may use."""
    terms = WatchTerms(
        reason=asked.reason or call.reason, ends_on=asked.until, sources=tuple(map(call.source, asked.sources))
    )
    return watch_json(call.desk.watches.begin(asked.probe, terms, asked.face, case_name=case))


@routes.act("/v1/watches/{watch}/end", access=Permission.OPEN_CASES, response_model=WatchShape)
def end_watch(call: CurrentCall, watch: WatchName) -> Any:
    """End a watch, at once; what it found stays with the case."""
    return watch_json(call.desk.watches.end(watch))


@routes.read("/v1/findings", access=Permission.TAKE_PART, response_model=FindingShapes)
def list_findings(call: CurrentCall, limit: Annotated[int, Query(ge=1, le=_MOST_UNSEEN)] = USUAL) -> Any:
    """List what watches found and nobody took note of yet, in the cases that this key sees."""
    return {"items": [finding_json(finding) for finding in call.desk.watches.unseen(limit)]}


@routes.act("/v1/findings/{finding}/see", access=Permission.TAKE_PART, response_model=FindingShape)
def see_finding(
    call: CurrentCall, finding: Annotated[str, Path(max_length=200, description="The id of the finding.")]
) -> Any:
    """Take note of what a watch found, on the record; only the first time counts."""
    return finding_json(call.desk.watches.see(finding))
