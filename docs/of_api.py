"""What is made from the description of the API: the answers that the client knows, and docs/reference/api.md."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from fastapi import FastAPI

from lineament import __version__
from lineament.api.app import MODULES, declared, described
from lineament.api.bodies import MOST_JSON
from lineament.api.lists import MOST, USUAL
from lineament.api.repeats import KEPT_FOR
from lineament.api.routes import ApiEndpoint
from lineament.model.accounts import Permission
from lineament.model.review import Assessment, Feature

OURS = "/v1/"
"""The addresses of the API proper; what other products' clients expect has pages of its own."""
REFS = "#/components/schemas/"
WRITTEN = {"Problem": "Problem", "ProblemReason": "Reason", "ProblemFace": "Choice", "ProblemField": "Fault"}
"""Shapes that the client has by hand, under these names."""


@cache
def description() -> dict[str, Any]:
    """Return the description of the API, which needs no workspace."""
    app = FastAPI(title="Lineament", version=__version__)
    for module in MODULES:
        app.include_router(module.routes)
    return described(app)


# ---------------------------------------------------------------- the answers that the client knows

ANSWERS = '''"""What the server answers, as frozen values. Made by docs/generate.py; do not edit by hand.

It is made from the description of the API. Written by hand, it would fall behind the server; made at run time, type
checkers and editors would not know it; and the server's own classes would bring the engine along. Each class has all
of its fields, also those that another class has too, as in docs/reference/api.md: the description does not tell which
classes belong together and which only have equal names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lineament.client.problems import Problem, Reason
'''


def answers() -> str:
    """Return the module of the client with a dataclass for each answer."""
    schemas = description()["components"]["schemas"]
    shown = sorted((class_name(name), name) for name in _answered() - set(WRITTEN))
    assert len({short for short, _ in shown}) == len(shown), "two answers would have one name"  # noqa: S101
    return ANSWERS + "".join(_class(short, schemas[name], schemas) for short, name in shown)


def class_name(schema: str) -> str:
    """Return how the client calls a shape of the server."""
    return WRITTEN.get(schema) or schema.removesuffix("-Output").removesuffix("Shape")


@cache
def _answered() -> frozenset[str]:
    """Return the names of the objects in answers with 2xx; of a list in parts, its items alone."""
    whole = description()
    schemas, found = whole["components"]["schemas"], set[str]()
    waiting = [
        content.get("schema", {})
        for path, operations in whole["paths"].items()
        if path.startswith(OURS)
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status.startswith("2")
        for content in response.get("content", {}).values()
    ]
    while waiting:
        for name in _refs(waiting.pop()):
            if name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return frozenset(name for name in found if _is_object(schemas[name]) and not _is_list(schemas[name]))


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


# ---------------------------------------------------------------- docs/reference/api.md

ABOUT = f"""Programs ask `lineament serve` over HTTP, with a key that an official made for them: `lineament key add`.
What a program does counts as done by that official, is on the record like everything else, and stays within the
bounds of the key ([why](../adr/0048-a-key-is-an-official-with-less.md),
[a first search in ten minutes](../guide/api.md)). `GET /v1/openapi.json` describes the same routes for machines, in
OpenAPI 3.1, and needs no key.

The examples run as they stand in `bash`, with curl 7.82 or newer, once you have set where the server is and the key:

```
LINEAMENT=http://127.0.0.1:8471
KEY=lin_…
SIZE=$(stat -c %s face.jpg)
```

Other names in capitals are yours to fill in: a source, a case, or a value from an earlier answer.

In Python, `lineament.client` has a method for each route ([how](../guide/api.md#in-python)).

## Keys

A request has the header `Authorization: Bearer KEY`, over https, or over http on the same machine. A key has rights
and an end; one that searches is bound to a case, and any key may be bound to sources. `GET /v1/key` shows all of it.
In an agency nobody both manages sources and searches, and neither does a key: a source is filled with the key of an
operator and searched with that of an examiner.

## Problems

An error is answered with `application/problem+json` (RFC 9457): `status`, `code`, `title`, and `detail`, one line
that says what is wrong and what to do. Codes do not change; [Errors](errors.md) lists them, and the address in `type`
explains each. A refusal has `reasons`, each with a code; a photograph of several faces has `faces` to choose from; an
invalid request has `errors`, one for each wrong part. Nothing was changed, unless the problem says so.

| status | what it means |
| --- | --- |
{{problems}}

A JSON body with an unknown field is refused, so that a misspelt field is not ignored in silence.

## Repeating a request

A request that changes something may carry the header `Idempotency-Key` with a name of your own, such as a UUID. Sent
again under that name within {KEPT_FOR.total_seconds() / 3600:.0f} hours, it is not done again: the first answer comes
again, with the header `Idempotency-Replayed: true`. So a request whose answer was lost can be repeated. If the name
belongs to another request, the answer is 422; if the request is still under way, 409 with `Retry-After`; if its
answer was forgotten because something was erased since, 409 without it, and nothing is done again. Reading changes
nothing except the record of who looked.

## Lists

A list comes in parts. `limit` is the most items of a part (1 to {MOST}, by default {USUAL}); `next` of the answer is
the `after` of the next request, and null at the end. Cursors are opaque and belong to one list.

## ETags

Every JSON answer to a `GET` has an `ETag`. If you send it back in `If-None-Match` and nothing has changed, the answer
is 304 without a body. Looking again is recorded all the same.

## Limits

A key makes as many requests a minute as it was made for. Above that, and when too many answers with events are open,
the answer is 429, with the seconds to wait in `Retry-After`. A JSON body has at most {MOST_JSON // 2**20} MiB unless
its route says otherwise, a photograph what the operator allows for a file (`LINEAMENT_MAX_FILE_BYTES`). A body that
is too large is refused with 413, before it is read if it states its length. Pictures are held in memory and never
written to a disk unsealed.

## Events

`GET /v1/jobs/$JOB/events` sends events until the job ends: `progress` with the job as it is then, at most once a
second, and one `ended`. A `closed` event ends the answer before that, and its `code` says why; `stopping` means that
the server is being stopped, so listen again in a moment. A comment every 15 seconds keeps the connection open. If a
proxy holds events back, ask for the job itself every few seconds.

## Web hooks

The agency's web hooks are told when a watch fires, and when a job ends if its program asked for that with `notify`
([how](../guide/watches.md#web-hooks)): a `POST` with `{{{{"id": …, "type": "watch.fired", "timestamp": …}}}}` that
names nobody. After `watch.fired`, `GET /v1/findings` tells what was found, to keys that may see it. Messages are
signed as Standard Webhooks specifies, in the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`; in
Python `lineament.client.verified(secret, headers, body)` checks them. A message may come twice, so keep the ids that
you have handled. Answer 2xx within ten seconds.

# Routes
"""
NOUNS = {"key": "the key", "pictures": "pictures in one request"}
"""The words for a tag that does not say it itself."""
EXAMPLES = {
    "register_source": {"name": "$SOURCE", "controller": "The Herald", "basis": "contract", "jurisdiction": "FR"},
    "list_upload_files": {"files": [{"path": "face.jpg", "size": "$SIZE"}], "last": True},
    "give_up_upload_files": {"files": [1]},
    "begin_crawl": {"host": "images.example", "path": "/2026/"},
    "look_again": {"notify": True},
    "search_batch": {"reason": "tips of the public"},
    "open_case": {
        "ref": "$CASE",
        "offence": "abduction",
        "purpose": "to find a missing child",
        "basis": "CPP 77",
        "seeks": "missing person",
    },
    "edit_probe": {"edits": [{"kind": "exposure", "stops": 0.5}]},
    "make_search": {"probe": "$PROBE", "reason": "to find where it was published"},
    "search_probes": {"faces": [{"probe": "$PROBE"}]},
    "decide": {
        "outcome": "inconclusive",
        "checklist": {feature.value: Assessment.UNCLEAR.value for feature in Feature},
        "grounds": "too small to compare",
    },
    "write_note": {"text": "The same coat as in Monday's photograph."},
    "begin_watch": {"probe": "$PROBE", "until": "$UNTIL"},
}
"""The body of each example in JSON."""
PIPED = {
    "send_upload_parts": (
        '{ echo "[[1,0,$SIZE]]"; cat face.jpg; }',
        '-X PUT -H "Content-Type: application/octet-stream" --data-binary @-',
    ),
    "ledger_consistency": (
        """python3 -c 'import json; print(json.dumps({"checkpoint": open("checkpoint").read()}))'""",
        "--json @-",
    ),
}
"""The examples whose body another command makes, and how curl sends it."""


FIELDS = "| field | what it is | meaning |\n| --- | --- | --- |\n"


def page() -> str:
    """Return docs/reference/api.md without its title."""
    whole = description()
    schemas = whole["components"]["schemas"]
    routes = [route for route in declared() if route.path.startswith(OURS)]
    lines = [ABOUT.format(problems=_problems(whole))]
    tag = ""
    for route in routes:
        operation = whole["paths"][route.path][route.method.lower()]
        if operation["tags"][0] != tag:
            tag = operation["tags"][0]
            lines.append(f"\n## Routes: {NOUNS.get(tag, tag)}\n")
        lines.append(_route(route, operation, schemas))
    lines.append(
        "\n# Shapes\n\nThe fields of answers. Later versions have more of them: ignore those that you do not know.\n"
    )
    shown = {class_name(name): schemas[name] for name in _answered()}
    for short in sorted(shown):
        told = shown[short].get("description", "")
        lines.append(f"\n## Shape {short}\n\n{told}\n\n{FIELDS}{_rows(shown[short], schemas)}")
    return "".join(lines)


def _problems(whole: dict[str, Any]) -> str:
    responses = whole["paths"]["/v1/sources"]["post"]["responses"]
    return "\n".join(f"| {status} | {told['description']} |" for status, told in responses.items() if status >= "4")


def _route(route: ApiEndpoint, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    right = {None: "any key", Permission.PUBLIC: "no key"}.get(route.access, f"the right *{route.access}*")
    lines = [f"\n### {route.method} {route.path}\n\n{operation['summary']}. Needs {right}.\n"]
    details = operation.get("description", "")
    if details and details.rstrip(".") != operation["summary"]:
        lines.append(f"\n{details}\n")
    told_above = {"limit", "after"} if _comes_in_parts(operation, schemas) else set[str]()
    of_address = [each for each in operation.get("parameters", []) if each["in"] in {"path", "query"}]
    asked = [each for each in of_address if each["name"] not in told_above]
    if asked:
        rows = [_row(each["name"], {**each["schema"], **each}, schemas, each["required"]) for each in asked]
        lines.append("\n| in the address | what it is | meaning |\n| --- | --- | --- |\n" + "".join(rows))
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        lines.append(_body(route, kind, content["schema"], schemas))
    lines.append(f"\nAnswers {_answers(operation, schemas)}.\n\n```\n{curl(route, operation)}\n```\n")
    return "".join(lines)


def _comes_in_parts(operation: dict[str, Any], schemas: dict[str, Any]) -> bool:
    return any(_is_list(schemas[name]) for name in _refs(operation["responses"]) if name in schemas)


def _body(route: ApiEndpoint, kind: str, schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    most = "" if route.most in {None, MOST_JSON} else f", at most {(route.most or 0) // 2**20} MiB"
    if kind not in {"application/json", "multipart/form-data"}:
        return f"\nThe body is the bytes{most}.\n"
    named = schemas[schema["$ref"].removeprefix(REFS)] if "$ref" in schema else schema
    where = f"in the body, as {'JSON' if kind == 'application/json' else kind}{most}"
    rows = _rows(named, schemas, named.get("required", ()))
    return f"\n| {where} | what it is | meaning |\n| --- | --- | --- |\n{rows}"


def _answers(operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    found = []
    for status, response in operation["responses"].items():
        if not status.startswith("2"):
            continue
        content = response.get("content", {})
        kinds = [_linked(each["schema"], schemas) for kind, each in content.items() if kind == "application/json"]
        kinds += [f"`{kind}`" for kind in content if kind != "application/json"]
        found.append(f"{status}, {' or '.join(kinds)}" if kinds else f"{status} without a body")
    return "; ".join(found)


def _linked(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    if "$ref" not in schema:
        return "an object"
    name = schema["$ref"].removeprefix(REFS)
    if not _is_list(schemas[name]):
        return f"[{class_name(name)}](#shape-{class_name(name).lower()})"
    (item,) = _refs(schemas[name]["properties"]["items"])
    return f"a list of [{class_name(item)}](#shape-{class_name(item).lower()})"


def _rows(schema: dict[str, Any], schemas: dict[str, Any], needed: Sequence[str] = ()) -> str:
    return "".join(_row(name, each, schemas, name in needed) for name, each in schema["properties"].items())


def _row(name: str, schema: dict[str, Any], schemas: dict[str, Any], needed: bool) -> str:
    meaning = schema.get("description", "").replace("|", "\\|")
    return f"| `{name}` | {_words(schema, schemas)}{', required' if needed else ''} | {meaning} |\n"


def _words(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return what a value is, in words."""
    if "$ref" in schema:
        return _words_of(schema["$ref"].removeprefix(REFS), schemas)
    if several := schema.get("anyOf"):
        return " or ".join(_words(each, schemas) for each in several)
    if schema.get("type") == "array":
        return f"list of {_words(schema.get('items') or {}, schemas)}"
    if options := schema.get("enum"):
        return ", ".join(f"`{option}`" for option in options)
    if schema.get("type") == "object":
        more = schema.get("additionalProperties")
        return f"object of {_words(more, schemas)}" if isinstance(more, dict) and more else "object"
    formats = {"date-time": "moment", "date": "day", "binary": "bytes"}
    names = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "null": "null",
    }
    return formats.get(schema.get("format", ""), names.get(schema.get("type", ""), "any JSON"))


def _words_of(name: str, schemas: dict[str, Any]) -> str:
    if not _is_object(schemas[name]):
        return _words(schemas[name], schemas)
    if name in _answered():
        return f"[{class_name(name)}](#shape-{class_name(name).lower()})"
    inner = ", ".join(f"`{field}`" for field in schemas[name]["properties"])
    return f"object of {inner}"


# ---------------------------------------------------------------- curl


def curl(route: ApiEndpoint, operation: dict[str, Any]) -> str:
    """Return a command that asks for a route."""
    path = re.sub(r"\{(\w+)\}", lambda found: f"${found[1].upper()}", route.path)
    needed = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query" and each["required"]]
    query = "?" + "&".join(f"{name}=${name.upper()}" for name in needed) if needed else ""
    address = f'"$LINEAMENT{path}{query}"'
    key = "" if route.access is Permission.PUBLIC else ' -H "Authorization: Bearer $KEY"'
    kinds = list(operation.get("requestBody", {}).get("content", {}))
    if piped := PIPED.get(operation["operationId"]):
        return f"{piped[0]} |\n  curl -sS{key} {piped[1]} \\\n  {address}"
    if kinds == ["application/json"]:
        example = EXAMPLES[operation["operationId"]]
        body = json.dumps(example, ensure_ascii=False)
        body = (body if len(body) < 119 else json.dumps(example, ensure_ascii=False, indent=2)).replace(
            '"$SIZE"', "$SIZE"
        )
        method = "" if route.method == "POST" else f" -X {route.method}"
        return f"curl -sS{method}{key} --json @- {address} <<END\n{body}\nEND"
    if kinds == ["multipart/form-data"]:
        schema = operation["requestBody"]["content"][kinds[0]]["schema"]
        return f"curl -sS{key} -F {schema['required'][0]}=@face.jpg {address}"
    if kinds:
        file = "people.zip" if kinds[0] == "application/zip" else "face.jpg"
        return f'curl -sS{key} -H "Content-Type: {kinds[0]}" \\\n  --data-binary @{file} {address}'
    goes_on = " -N" if "text/event-stream" in str(operation["responses"].get("200", "")) else ""
    is_file = any("octet-stream" in str(told) or "jpeg" in str(told) for told in operation["responses"].values())
    method = "" if route.method == "GET" else f" -X {route.method}"
    return f"curl -sS{goes_on}{method}{key}{' -o found' if is_file else ''} {address}"
