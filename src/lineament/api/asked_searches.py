"""What a program asks of a search, in JSON or in the address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated

from fastapi import Query
from pydantic import Field

from lineament.api.admission import Call
from lineament.api.shapes import AskedFor, Day
from lineament.api.shapes_cases import FaceNumber, Id, Reason
from lineament.model.search import MOST_CANDIDATES, USUAL_CANDIDATES, Mode, ProbeFace, SearchRequest
from lineament.model.together import MOST_PEOPLE, Together
from lineament.services.photographs import ChosenFace
from lineament.services.search import MOST_FUSED

MOST_BATCHED = 50
"""Most photographs in one request; more are searched as a job."""
_MOST_SOURCES = 200
_REASON = "Why it is made, for the record; else the reason of the key."


class FaceToSearch(AskedFor):
    """A face of a photograph of the case."""

    probe: Id
    face: FaceNumber | None = Field(default=None, description="From 1; null: the only one.")


class ChosenFaceShape(AskedFor):
    """A face of a photograph of the case, by its number."""

    probe: Id
    face: FaceNumber


class HowSearched(AskedFor):
    """How a search is made, whatever its list is cut by."""

    reason: Reason = Field(default="", description=_REASON)
    sources: list[Id] = Field(default=[], max_length=_MOST_SOURCES, description="Empty: all that the key may.")
    since: Day | None = Field(default=None, description="The first day of capture.")
    until: Day | None = Field(default=None, description="The last day of capture.")
    limit: int = Field(default=USUAL_CANDIDATES, ge=1, le=MOST_CANDIDATES, description="Most entries of the list.")


class NewSettings(HowSearched):
    """How a search is made."""

    mode: Mode | None = Field(
        default=None, strict=False, description="null: manual if there is a min_score, else identification."
    )
    min_score: float | None = Field(default=None, ge=-1, le=1, allow_inf_nan=False, description="Only with manual.")


class NewSearch(NewSettings):
    """A search with a face of a photograph of the case."""

    probe: Id
    face: FaceNumber | None = Field(default=None, description="From 1; null: the only one.")
    others: list[ChosenFaceShape] = Field(default=[], max_length=MOST_FUSED - 1, description="Of the same person.")
    people: list[ChosenFaceShape] = Field(default=[], max_length=MOST_PEOPLE - 1, description="Of other people.")
    together: Together | None = Field(
        default=None, strict=False, description="Pictures that show all the people, or any."
    )
    after: Id | None = Field(default=None, description="A search of the case: only faces enrolled since then.")


class NewSearches(NewSettings):
    """Searches with several photographs of the case, each by itself."""

    faces: list[FaceToSearch] = Field(min_length=1, max_length=MOST_BATCHED)


@dataclass(frozen=True, slots=True)
class SettingsInAddress:
    """How a search is made whose body is a photograph."""

    reason: Annotated[str, Query(max_length=4000, description=_REASON)] = ""
    source: Annotated[list[str] | None, Query(max_length=_MOST_SOURCES, description="Only these; else all.")] = None
    since: Annotated[date | None, Query(description="The first day of capture.")] = None
    until: Annotated[date | None, Query(description="The last day of capture.")] = None
    limit: Annotated[int, Query(ge=1, le=MOST_CANDIDATES, description="Most entries.")] = USUAL_CANDIDATES
    mode: Annotated[Mode | None, Query(description="Else manual if there is a min_score, or identification.")] = None
    min_score: Annotated[float | None, Query(ge=-1, le=1, allow_inf_nan=False, description="Only with manual.")] = None

    def request(self, call: Call, case: str) -> SearchRequest:
        """Return the request of these settings."""
        return SearchRequest(
            case=case,
            reason=self.reason or call.reason,
            sources=tuple(map(call.source, self.source or ())),
            since=self.since,
            until=self.until,
            limit=self.limit,
            mode=mode_of(self.mode, self.min_score),
            min_score=self.min_score,
        )


def request_of(
    call: Call, case: str, asked: HowSearched, mode: Mode | None = None, min_score: float | None = None
) -> SearchRequest:
    """Return the settings that are asked for in JSON. Raises NotFound for a source that the key may not use."""
    return SearchRequest(
        case=case,
        reason=asked.reason or call.reason,
        sources=tuple(map(call.source, asked.sources)),
        since=asked.since,
        until=asked.until,
        limit=asked.limit,
        mode=mode_of(mode, min_score),
        min_score=min_score,
    )


def search_of(call: Call, case: str, asked: NewSearch) -> SearchRequest:
    """Return the search that is asked for in JSON. Raises as ``request_of``."""
    return replace(
        request_of(call, case, asked, asked.mode, asked.min_score),
        others=tuple(ProbeFace(probe_id=other.probe, face=other.face) for other in asked.others),
        people=tuple(ProbeFace(probe_id=other.probe, face=other.face) for other in asked.people),
        together=asked.together,
        after=asked.after,
    )


def mode_of(asked: Mode | None, min_score: float | None) -> Mode:
    """Return the mode that was asked for, or that follows from the score."""
    return asked or (Mode.IDENTIFICATION if min_score is None else Mode.MANUAL)


def faces_of(asked: NewSearches) -> list[ChosenFace]:
    """Return the faces that are searched each by itself."""
    return [ChosenFace(probe_id=face.probe, face=face.face) for face in asked.faces]
