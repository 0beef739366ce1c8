"""Answers of the API are as its description says: status, type and shape."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

_JPEG = b"\xff\xd8\xff"


def described(answer: httpx.Response) -> Any:
    """Return the JSON of an answer with 2xx, or its bytes; it must be as the description of the API says."""
    assert answer.is_success, (answer.status_code, answer.text)
    request = answer.request
    told = _operation(request.method.lower(), request.url.path)["responses"][str(answer.status_code)]
    if answer.status_code == 204:
        assert not answer.content
        return None
    kind = answer.headers["content-type"]
    schema = told["content"][kind]["schema"]
    if kind != "application/json":
        assert schema == {"type": "string", "format": "binary"}
        assert (kind == "image/jpeg") <= answer.content.startswith(_JPEG)
        return answer.content
    whole = {**schema, "components": _description()["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    found = answer.json()
    assert [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(found)] == []
    return found


def problem_of(answer: httpx.Response, status: int) -> Any:
    """Return the problem of an answer, which must have that status and be as the description says."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    whole = {"$ref": "#/components/schemas/Problem", "components": _description()["components"]}
    found = answer.json()
    assert jsonschema_rs.Draft202012Validator(whole).is_valid(found), found
    return found


@cache
def _description() -> Any:
    from fastapi import FastAPI

    from lineament.api import app

    api = FastAPI(title="Lineament", version="0")
    for module in app.MODULES:
        api.include_router(module.routes)
    return app.described(api)


def _operation(method: str, path: str) -> Any:
    """Return what is said of the most literal address that fits."""
    fitting = [
        (pattern.count("{"), operations[method])
        for pattern, operations in _description()["paths"].items()
        if method in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path)
    ]
    return min(fitting, key=lambda found: found[0])[1]
