"""Searches: made with a photograph, one or several; listed and read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from lineament.api.asked_searches import (
    MOST_BATCHED,
    NewSearch,
    NewSearches,
    SettingsInAddress,
    faces_of,
    request_of,
    search_of,
)
from lineament.api.binary import BINARY
from lineament.api.lists import USUAL, After, Limit, first_part, place_of
from lineament.api.multipart import SentFile
from lineament.api.probes import Kind, Part
from lineament.api.problems import problem_json
from lineament.api.routes import CurrentCall, Routes
from lineament.api.sent import OF_BYTES, SentBytes, of_parts, read_parts
from lineament.api.shapes_cases import MOST_NUMBER, CaseName
from lineament.api.shapes_searches import BatchedSearches, SearchName, SearchShape, SearchShapes
from lineament.model.accounts import Permission
from lineament.model.search import SearchResult
from lineament.sandbox.files import printable
from lineament.services.photographs import FailedPhotograph, Photograph
from lineament.services.search import ShownSearch
from lineament.views.searches import listed_search_json, stored_search_json
from lineament.workspace import Desk

routes = Routes("searches")

Settings = Annotated[SettingsInAddress, Depends()]
_OF_PHOTOGRAPHS = of_parts({"photograph": {"type": "array", "items": BINARY}}, ["photograph"])


async def _photographs(request: Request) -> tuple[SentFile, ...]:
    return (await read_parts(request, MOST_BATCHED)).files


Face = Annotated[int | None, Query(ge=1, le=MOST_NUMBER, description="Which face, from 1; else the only one.")]


@routes.act("/v1/cases/{case}/searches", access=Permission.SEARCH, status_code=201, response_model=SearchShape)
def make_search(call: CurrentCall, case: CaseName, asked: NewSearch, response: Response) -> Any:
    """Search with a face of a photograph of the case; it is on the record before the list is answered."""
    return _made(call.desk.search.run_shown(asked.probe, search_of(call, case, asked), asked.face), response)


@routes.act(
    "/v1/cases/{case}/photographs/search",
    access=Permission.SEARCH,
    most=None,
    status_code=201,
    response_model=SearchShape,
    openapi_extra=OF_BYTES,
)
def search_photograph(  # noqa: PLR0913, PLR0917 - what the request consists of
    call: CurrentCall,
    case: CaseName,
    untrusted: SentBytes,
    settings: Settings,
    response: Response,
    kind: Kind = None,
    face: Face = None,
    part: Part = None,
) -> Any:
    """Keep a photograph with its case and search with it; nothing is kept if the rules say no."""
    photograph = Photograph(name="photograph", read=lambda: untrusted)
    request = settings.request(call, case)
    made = call.desk.photographs.search(photograph, request, kind=kind, face=face, part=part)
    return _made(call.desk.search.shown(made.search_id), response)


@routes.act("/v1/cases/{case}/searches/batch", access=Permission.SEARCH, response_model=BatchedSearches)
def search_probes(call: CurrentCall, case: CaseName, asked: NewSearches) -> Any:
    """Search with several photographs of the case, each by itself; one that fails does not stop the others.

    Of each the answer says which search was made, or why none was. The lists are read one by one.
    """
    faces = faces_of(asked)
    answers = call.desk.photographs.search_probes(faces, request_of(call, case, asked, asked.mode, asked.min_score))
    return _batched(call.desk, [face.probe_id for face in faces], answers)


@routes.act(
    "/v1/cases/{case}/photographs/batch",
    access=Permission.SEARCH,
    most=None,
    response_model=BatchedSearches,
    openapi_extra=_OF_PHOTOGRAPHS,
)
def search_photographs(
    call: CurrentCall,
    case: CaseName,
    sent: Annotated[tuple[SentFile, ...], Depends(_photographs)],
    settings: Settings,
    kind: Kind = None,
) -> Any:
    """Keep several photographs with their case and search with each by itself; one that fails does not stop the others.

    Of each the answer says which search was made, or why none was. The lists are read one by one.
    """
    photographs = [_photograph(file) for file in sent]
    answers = call.desk.photographs.search_each(photographs, settings.request(call, case), kind=kind)
    return _batched(call.desk, [photograph.name for photograph in photographs], answers)


def _photograph(file: SentFile) -> Photograph:
    return Photograph(name=printable(file.name[:200]), read=lambda: file.untrusted)


@routes.read("/v1/cases/{case}/searches", access=Permission.READ_CASES, response_model=SearchShapes)
def list_searches(call: CurrentCall, case: CaseName, limit: Limit = USUAL, after: After = None) -> Any:
    """List the searches of a case, the newest first; that is on the record."""
    last = place_of(after, str)
    before = None if last is None else call.desk.search.get(last).ledger_entry
    key = call.desk.casework.read(case, "searches").key
    found = call.desk.casework.stored_searches(key, before, limit + 1)
    listed, following = first_part(found, limit, lambda stored: stored.result.search_id)
    return {"items": [listed_search_json(stored) for stored in listed], "next": following}


@routes.read("/v1/searches/{search}", access=Permission.READ_CASES, response_model=SearchShape)
def get_search(call: CurrentCall, search: SearchName) -> Any:
    """Read a search with its list; that is on the record.

    Where the policy asks for it, `candidates` is empty and `hidden` holds the list without ranks, scores and pages, in
    an order of this official's own, until they decided about every candidate.
    """
    return stored_search_json(call.desk.search.read(search), call.desk.search.entry(search))


def _made(shown: ShownSearch, response: Response) -> dict[str, Any]:
    """Return a search that was just made, as its maker may see it."""
    response.headers["location"] = f"/v1/searches/{shown.stored.result.search_id}"
    return stored_search_json(shown.stored, shown.entry)


def _batched(desk: Desk, names: Iterable[str], answers: Iterable[SearchResult | FailedPhotograph]) -> dict[str, Any]:
    items = [_item(desk, name, answer) for name, answer in zip(names, answers, strict=True)]
    searched = sum(item["search"] is not None for item in items)
    return {"items": items, "searched": searched, "failed": len(items) - searched}


def _item(desk: Desk, name: str, answer: SearchResult | FailedPhotograph) -> dict[str, Any]:
    if isinstance(answer, FailedPhotograph):
        return {"name": name, "search": None, "problem": problem_json(answer.error)}
    return {"name": name, "search": listed_search_json(desk.search.stored(answer.search_id)), "problem": None}
