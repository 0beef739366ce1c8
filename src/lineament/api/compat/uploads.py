"""Pictures as programs of other products send them: in a form (multipart) or as base64 in JSON, in memory only."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from lineament.api.bodies import MOST_JSON, allow
from lineament.errors import FileTooLarge, InvalidValue

LARGEST = 32 * 2**20
"""Most bytes of a picture; the products whose programs come here take 5 and 10 MiB."""
MOST = 64 * 2**20
"""Most bytes of the pictures of a request."""
MOST_FIELDS = 50
"""Most fields of a form besides its files."""
_MOST_TEXT = 64 * 2**10
_ROOM = 256 * 2**10
"""Bytes of a request besides its pictures."""
_BLANKS = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file that a program sends; nothing of it was examined."""

    name: str
    untrusted: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBody:
    """The body of a request: its files and texts by their names; of JSON, its value as well."""

    files: Mapping[str, tuple[SentFile, ...]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    value: Any = None

    def file(self, name: str) -> SentFile | None:
        """Return a file, from the form or as base64 in the JSON; None if there is none. Raises InvalidValue."""
        if name in self.files:
            return self.files[name][0]
        if isinstance(self.value, dict) and self.value.get(name) is not None:
            return SentFile(name=name, untrusted=from_base64(name, self.value[name]))
        return None


class _MemoryParser(MultiPartParser):
    """Starlette's parser without its temporary files: a photograph is never on disk unsealed."""

    spool_max_size = 2**62


async def read_body(request: Request, *, largest: int, most_files: int) -> SentBody:
    """Read a form or JSON; the body of any other type is left unread.

    Args:
        request: After its key was checked.
        largest: Most bytes of a file.
        most_files: Most files of a form.

    Raises:
        FileTooLarge: A file is larger.
        InvalidValue: It is no form, or no JSON.
        HTTPException: The whole is too large (413).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        allow(request.scope, min(most_files * largest, MOST) + _ROOM)
        return await _read_form(request, largest, most_files)
    if kind == "application/json":
        allow(request.scope, max(MOST_JSON, 4 * min(most_files * largest, MOST) // 3 + _ROOM))
        return SentBody(value=_read_json(await request.body()))
    return SentBody()


async def _read_form(request: Request, largest: int, most_files: int) -> SentBody:
    try:
        parser = _MemoryParser(request.headers, _stream(request), max_files=most_files, max_fields=MOST_FIELDS)
        form = await parser.parse()
    except MultiPartException as error:
        raise _unreadable("form", str(error.message)) from None
    try:
        return await _unpack(form, largest)
    finally:
        await form.close()


async def _stream(request: Request) -> AsyncGenerator[bytes, None]:
    async for chunk in request.stream():
        yield chunk


async def _unpack(form: FormData, largest: int) -> SentBody:
    files: dict[str, tuple[SentFile, ...]] = {}
    texts: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            if len(content) > largest:
                raise FileTooLarge(size=len(content), limit=largest)
            sent = SentFile(name=value.filename or name, untrusted=content)
            files[name] = (*files.get(name, ()), sent)
        elif len(value) > _MOST_TEXT:
            raise InvalidValue(what=f"The field “{name[:40]}”", value="…", why="it is too long", field=name[:40])
        else:
            texts.setdefault(name, value)
    return SentBody(files=files, texts=texts)


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        raise _unreadable("JSON", "write it as RFC 8259 says, in UTF-8") from None


def from_base64(name: str, untrusted: object) -> bytes:
    """Return what a text in base64 stands for; blanks and line breaks in it are ignored. Raises InvalidValue."""
    wrong = InvalidValue(what=f"The field “{name}”", value="…", why="it is not base64 (RFC 4648)", field=name)
    if not isinstance(untrusted, str):
        raise wrong
    try:
        return base64.b64decode(_BLANKS.sub("", untrusted), validate=True)
    except ValueError:
        raise wrong from None


def _unreadable(what: str, why: str) -> InvalidValue:
    return InvalidValue(what=f"The {what} of the request", value="…", why=f"it cannot be read ({why})", field="body")
