"""Cases: opened, listed, read and closed, and why they cannot be searched now."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from lineament.api.lists import USUAL, After, Limit, first_part, place_of
from lineament.api.routes import CurrentCall, Routes
from lineament.api.shapes_cases import CaseName, CaseShape, CaseShapes, NewCase, Obstacles
from lineament.model.accounts import Permission
from lineament.model.cases import CaseState, CaseTerms
from lineament.views.cases import case_json, listed_case_json
from lineament.views.errors import reason_json
from lineament.workspace import Desk

routes = Routes("cases")


@routes.read("/v1/cases", access=Permission.READ_CASES, response_model=CaseShapes)
def list_cases(
    call: CurrentCall,
    limit: Limit = USUAL,
    after: After = None,
    state: Annotated[list[CaseState] | None, Query(max_length=10, description="Only cases in these states.")] = None,
    q: Annotated[str, Query(max_length=200, description="Words of reference, offence or purpose.")] = "",
) -> Any:
    """List the cases that this key sees, the newest first."""
    casework = call.desk.casework
    key = place_of(after, str)
    last = None if key is None else casework.get(key).id
    found = casework.page(words=q, states=tuple(state or ()), after=last, limit=limit + 1)
    listed, following = first_part(found, limit, lambda case: case.key)
    standings = casework.standings(listed)
    items = [listed_case_json(case) | {"standing": standings.get(case.id)} for case in listed]
    return {"items": items, "next": following}


@routes.act("/v1/cases", access=Permission.OPEN_CASES, status_code=201, response_model=CaseShape)
def open_case(call: CurrentCall, asked: NewCase, response: Response) -> Any:
    """Open a case; a key that is bound to a case cannot."""
    case = call.desk.casework.open(CaseTerms(**asked.model_dump()))
    response.headers["location"] = f"/v1/cases/{case.key}"
    return _shown(call.desk, case.key)


@routes.read("/v1/cases/{case}", access=Permission.READ_CASES, response_model=CaseShape)
def get_case(call: CurrentCall, case: CaseName) -> Any:
    """Read a case; that is on the record."""
    return _shown(call.desk, call.desk.casework.read(case).key)


@routes.act("/v1/cases/{case}/close", access=Permission.OPEN_CASES, response_model=CaseShape)
def close_case(call: CurrentCall, case: CaseName) -> Any:
    """Close a case: nothing is searched in it any more, and its retention begins."""
    return _shown(call.desk, call.desk.casework.close(case).key)


@routes.read("/v1/cases/{case}/obstacles", access=Permission.READ_CASES, response_model=Obstacles)
def list_obstacles(
    call: CurrentCall,
    case: CaseName,
    source: Annotated[list[str] | None, Query(max_length=200, description="Sources to search; else all.")] = None,
    probe: Annotated[str | None, Query(max_length=64, description="The photograph to search with.")] = None,
) -> Any:
    """List every reason why a search in this case may not run now; none means that it may."""
    sources = tuple(map(call.source, source or ()))
    return {"reasons": [reason_json(reason) for reason in call.desk.search.why_not(case, sources, probe)]}


def _shown(desk: Desk, key: str) -> dict[str, Any]:
    return case_json(desk.casework.get(key), desk.casework.outlook(key))
