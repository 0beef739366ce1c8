"""Answers of the API are what its description says: status, type and shape."""

from __future__ import annotations

import re
from typing import Any

import httpx
import jsonschema_rs


def conforming(client: httpx.Client, answer: httpx.Response) -> Any:
    """Return the JSON of an answer with 2xx, which must be as the description of the API says."""
    assert answer.is_success, (answer.status_code, answer.text)
    whole = client.get("/v1/openapi.json").json()
    path = answer.request.url.path
    fitting = [pattern for pattern in whole["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path)]
    pattern = min(fitting, key=lambda pattern: pattern.count("{"))
    told = whole["paths"][pattern][answer.request.method.lower()]["responses"][str(answer.status_code)]
    schema = told["content"][answer.headers["content-type"]]["schema"]
    jsonschema_rs.Draft202012Validator({**schema, "components": whole["components"]}).validate(answer.json())
    return answer.json()
