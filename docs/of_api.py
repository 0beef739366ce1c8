"""What is made from the description of the API: the answers that the client knows, and docs/reference/api.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from lineament import __version__
from lineament.api.app import MODULES, described

REFS = "#/components/schemas/"
WRITTEN = {"Problem": "Problem", "ProblemReason": "Reason", "ProblemFace": "Choice", "ProblemField": "Fault"}
"""Shapes that the client has by hand, under these names."""


def description() -> dict[str, Any]:
    """Return the description of the API, which needs no workspace."""
    app = FastAPI(title="Lineament", version=__version__)
    for module in MODULES:
        app.include_router(module.routes)
    return described(app)


# ---------------------------------------------------------------- the answers that the client knows

ANSWERS = '''"""What the server answers, as frozen values. Made by docs/generate.py; do not edit by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lineament.client.problems import Problem, Reason
'''


def answers() -> str:
    """Return the module of the client with a dataclass for each answer."""
    whole = description()
    schemas = whole["components"]["schemas"]
    shown = sorted(
        (class_name(name), name) for name in _answered(whole) if _is_object(schemas[name]) and name not in WRITTEN
    )
    assert len({short for short, _ in shown}) == len(shown), "two answers would have one name"  # noqa: S101
    return ANSWERS + "".join(_class(short, schemas[name], schemas) for short, name in shown)


def class_name(schema: str) -> str:
    """Return how the client calls a shape of the server."""
    return WRITTEN.get(schema) or schema.removesuffix("-Output").removesuffix("Shape")


def _answered(whole: dict[str, Any]) -> set[str]:
    """Return the names of the shapes in answers with 2xx; of a list in parts, its items alone."""
    schemas, found = whole["components"]["schemas"], set[str]()
    waiting = [
        content["schema"]
        for operations in whole["paths"].values()
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status.startswith("2")
        for content in response.get("content", {}).values()
    ]
    while waiting:
        for name in _refs(waiting.pop()):
            if name in found:
                continue
            found.add(name)
            if name not in WRITTEN:
                waiting.append(schemas[name])
    return {name for name in found if not _is_list(schemas[name])}


def _is_list(schema: dict[str, Any]) -> bool:
    return "items" in schema.get("properties", ()) and set(schema["properties"]) <= {"items", "next", "hidden"}


def _is_object(schema: dict[str, Any]) -> bool:
    return "properties" in schema


def _refs(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].removeprefix(REFS)
        for inner in part.values():
            yield from _refs(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _refs(inner)


def _class(short: str, schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    lines = ["", "", "@dataclass(frozen=True, slots=True, kw_only=True)", f"class {short}:"]
    lines += _quoted(schema.get("description") or f"The {short} of an answer.")
    lines.append("")
    for name, of_field in schema["properties"].items():
        kind = python_type(of_field, schemas)
        default = " = None" if kind.endswith("| None") else ""
        lines.append(f"    {name}: {kind}{default}")
        if told := of_field.get("description"):
            lines += _quoted(told)
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> list[str]:
    """Return a docstring of a class or field, within 120 columns."""
    words = " ".join(text.split())
    if len(words) <= 110:
        return [f'    """{words}"""']
    first, _, rest = words.partition(". ")
    if rest and len(first) <= 112:
        return [f'    """{first}.', "", *_wrapped(rest), '    """']
    return ['    """', *_wrapped(words), '    """']


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 116, initial_indent="    ", subsequent_indent="    ", break_long_words=False)


def python_type(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return the type of a value in Python; what the client need not tell apart is text."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REFS)
        return class_name(name) if _is_object(schemas[name]) else python_type(schemas[name], schemas)
    if several := schema.get("anyOf"):
        kinds = [python_type(each, schemas) for each in several if each.get("type") != "null"]
        kind = kinds[0] if len(set(kinds)) == 1 else "Any"
        return f"{kind} | None" if len(kinds) < len(several) and kind != "Any" else kind
    kind = schema.get("type")
    if kind == "array":
        inner = [schema["items"]] if schema.get("items") else schema.get("prefixItems", [{}])
        kinds = {python_type(each, schemas) for each in inner}
        return f"tuple[{kinds.pop() if len(kinds) == 1 else 'Any'}, ...]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"dict[str, {python_type(more, schemas) if isinstance(more, dict) and more else 'Any'}]"
    if kind == "string":
        return {"date-time": "datetime", "date": "date"}.get(schema.get("format", ""), "str")
    return {"integer": "int", "number": "float", "boolean": "bool"}.get(kind or "", "Any")
