"""The application of the API: its routes, the checks before them, and its description (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from lineament import __version__
from lineament.api import (
    batches,
    candidates,
    cases,
    evaluations,
    jobs,
    key,
    ledger,
    pictures,
    probes,
    problems,
    reviews,
    searches,
    sources,
    uploads,
    watches,
)
from lineament.api.admission import Admission
from lineament.api.bodies import CappedBodies
from lineament.api.compat.compreface import PREFIX as COMPREFACE
from lineament.api.compat.compreface import create_compreface
from lineament.api.compat.dispatch import ByDialect
from lineament.api.compat.insightface import PREFIX as INSIGHTFACE
from lineament.api.compat.insightface import create_insightface
from lineament.api.compat.rekognition import PREFIX as REKOGNITION
from lineament.api.compat.rekognition import create_rekognition
from lineament.api.listening import Listeners
from lineament.api.repeats import Repeats
from lineament.api.routes import ApiEndpoint
from lineament.errors import LineamentError
from lineament.workspace import Workspace

MODULES = (
    key,
    cases,
    probes,
    searches,
    batches,
    candidates,
    reviews,
    watches,
    sources,
    pictures,
    uploads,
    jobs,
    ledger,
    evaluations,
)
"""The modules whose routes the API has."""
DESCRIPTION = "/v1/openapi.json"

_ABOUT = (
    "Face search for investigators. Every call needs a key, which an official made for this program; every search is "
    "on the record before it is answered. A candidate is a starting point, never a finding."
)


def declared() -> list[ApiEndpoint]:
    """Return every route of the API."""
    return [route for module in MODULES for route in module.routes.declared]


def create_api(workspace: Workspace, stopping: Callable[[], bool] = lambda: False) -> ASGIApp:
    """Make the API of a workspace; ``stopping`` returns whether the server ends, so that no answer goes on."""
    app = FastAPI(title="Lineament", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    app.state.workspace = workspace
    admission = app.state.admission = Admission(workspace)
    app.state.repeats = Repeats(workspace.store)
    app.state.listeners = Listeners(stopping)
    for module in MODULES:
        app.include_router(module.routes)
    app.add_exception_handler(LineamentError, problems.lineament_error)
    app.add_exception_handler(HTTPException, problems.http_error)
    app.add_exception_handler(RequestValidationError, problems.bad_request)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]  # as FastAPI documents it
    dialects = {
        COMPREFACE: create_compreface(admission),
        INSIGHTFACE: create_insightface(admission),
        REKOGNITION: create_rekognition(workspace, admission),
    }
    return CappedBodies(ByDialect(app, dialects))


def described(app: FastAPI) -> dict[str, Any]:
    """Return the description of the API, made from its routes."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        of_problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= of_problem.pop("$defs", {})
        schemas["Problem"] = of_problem
        scheme = {"type": "http", "scheme": "bearer", "description": "A key, from: lineament key add"}
        found["components"]["securitySchemes"] = {"key": scheme}
        app.openapi_schema = found
    return app.openapi_schema
