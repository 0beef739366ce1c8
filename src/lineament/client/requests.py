"""Requests as values: what is asked for, and how its answer is read. Nothing here sends anything."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from lineament.client.parsing import loaded, parsed
from lineament.client.problems import Problem, UnexpectedAnswer

T = TypeVar("T")

NAMED = "idempotency-key"
PROBLEMS = "application/problem+json"
_LONGEST_WAIT = 10**9
Plain = str | int | float | date | None | tuple[str, ...]
"""What a query can say; bool is an int."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]  # their names in lower case
    body: bytes
    more: Any = None  # what is still to come of an answer that goes on, for its transport

    @property
    def is_success(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """The seconds after which the server wants to be asked again; None if it did not say."""
        stated = self.headers.get("retry-after", "")
        return min(float(stated), _LONGEST_WAIT) if stated.isdecimal() else None

    def json(self) -> Any:
        """Return what the body says. Raises UnexpectedAnswer if it is not JSON."""
        return loaded(self.body, f"the answer ({self.status}) is not JSON; is this Lineament's address?")

    def check(self) -> None:
        """Raise Problem, or UnexpectedAnswer for what is neither a success nor a problem of Lineament."""
        if self.is_success:
            return
        if self.headers.get("content-type", "").partition(";")[0] != PROBLEMS:
            raise UnexpectedAnswer(f"the answer has the status {self.status}, and is not of Lineament's API")
        problem = parsed(Problem, self.json())
        problem.retry_after = self.retry_after
        raise problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[T]):
    """What is asked for, and how the answer is read."""

    method: str
    path: str
    read: Callable[[Answer], T]
    query: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    kind: Any = None  # the type of one answer, or of one item of a list

    @property
    def may_be_repeated(self) -> bool:
        """Whether it is done once however often it is sent."""
        return self.method in {"GET", "PUT"} or NAMED in self.headers


def get(kind: type[T], path: str, /, **query: Plain) -> Request[T]:
    """Return a request that reads a value; arguments that are None are left out."""
    return Request(method="GET", path=path, query=_texts(query), read=_reader(kind), kind=kind)


def get_bytes(path: str) -> Request[bytes]:
    """Return a request that reads a file."""
    return Request(method="GET", path=path, read=_body)


def act(kind: type[T], path: str, /, *, query: Mapping[str, Plain] | None = None, **sent: Any) -> Request[T]:
    """Return a request that does something, under a name of its own; what is None is left out."""
    return replace(_with_json(_act("POST", path, _reader(kind)), sent), query=_texts(query or {}))


def act_for_bytes(path: str, /, **query: Plain) -> Request[bytes]:
    """Return a request that does something, under a name of its own, and is answered with a file."""
    return replace(_act("POST", path, _body), query=_texts(query))


def act_on_bytes(kind: type[T], path: str, content: bytes, /, *, method: str = "POST", **query: Plain) -> Request[T]:
    """Return a request that sends a file, under a name of its own."""
    made = _act(method, path, _reader(kind), "application/octet-stream")
    return replace(made, query=_texts(query), body=content)


def act_on_parts(
    kind: type[T],
    path: str,
    files: Sequence[tuple[str, tuple[str, bytes]]],
    *,
    texts: Mapping[str, str] | None = None,
    query: Mapping[str, Plain] | None = None,
) -> Request[T]:
    """Return a request that sends files beside texts (multipart/form-data), under a name of its own."""
    encoded = httpx.Request("POST", "http://localhost", files=files, data=texts)
    made = _act("POST", path, _reader(kind), encoded.headers["content-type"])
    return replace(made, query=_texts(query or {}), body=encoded.read())


def nothing(path: str, *, method: str = "POST") -> Request[None]:
    """Return a request that does something, under a name of its own, and whose answer says nothing."""
    return _act(method, path, lambda _: None)


def place(*parts: str | int) -> str:
    """Return the address below ``/v1`` of what the parts name; whatever a part contains, it stays one part.

    Raises ValueError for a part that servers and proxies would take for a way up.
    """
    texts = [str(part) for part in parts]
    if any(text in {"", ".", ".."} for text in texts):
        raise ValueError("a name is empty, or only dots")
    return "/v1/" + "/".join(quote(text, safe="") for text in texts)


def _act(method: str, path: str, read: Callable[[Answer], T], kind: str = "") -> Request[T]:
    headers = {NAMED: secrets.token_urlsafe(24)} | ({"content-type": kind} if kind else {})
    return Request(method=method, path=path, headers=headers, read=read)


def fields_of(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by their names, without those that are None."""
    return {each.name: held for each in fields(value) if (held := getattr(value, each.name)) is not None}


def json_text(value: object) -> str:
    """Return a value as JSON; mappings, days, moments and dataclasses may be in it."""
    return json.dumps(value, default=_jsonable)


def _jsonable(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        return fields_of(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent as JSON")


def _with_json(request: Request[T], sent: Mapping[str, Any]) -> Request[T]:
    body = {name: value for name, value in sent.items() if value is not None}
    if not body:
        return request
    headers = {**request.headers, "content-type": "application/json"}
    return replace(request, headers=headers, body=json_text(body).encode())


def _reader(kind: type[T]) -> Callable[[Answer], T]:
    return lambda answer: parsed(kind, answer.json())


def _body(answer: Answer) -> bytes:
    return answer.body


def _texts(query: Mapping[str, Plain]) -> dict[str, str | tuple[str, ...]]:
    return {name: _text(value) for name, value in query.items() if value is not None and value != ()}


def _text(value: Plain) -> str | tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
