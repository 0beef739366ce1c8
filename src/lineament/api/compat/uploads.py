"""Pictures as programs of other products send them: in a form (multipart) or as base64 in JSON, in memory only."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from lineament.api.bodies import MOST_JSON, allow
from lineament.api.multipart import SentFile, read_multipart
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
class SentBody:
    """The body of a request: its files and texts by their names; of JSON, its value as well."""

    files: Mapping[str, tuple[SentFile, ...]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    value: Any = None
    largest: int = LARGEST  # most bytes of a file

    def file(self, name: str) -> SentFile | None:
        """Return a file, from the form or as base64 in the JSON; None if there is none.

        Raises InvalidValue, or FileTooLarge.
        """
        if name in self.files:
            return self.files[name][0]
        if isinstance(self.value, dict) and self.value.get(name) is not None:
            sent = SentFile(field=name, name="", untrusted=from_base64(name, self.value[name]))
            return _small_enough(sent, self.largest)
        return None


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
        return SentBody(value=_read_json(await request.body()), largest=largest)
    return SentBody()


async def _read_form(request: Request, largest: int, most_files: int) -> SentBody:
    parts = await read_multipart(request, "The form of the request", most_files=most_files, most_texts=MOST_FIELDS)
    files: dict[str, tuple[SentFile, ...]] = {}
    texts: dict[str, str] = {}
    for file in parts.files:
        files[file.field] = (*files.get(file.field, ()), _small_enough(file, largest))
    for name, text in parts.texts:
        if len(text) > _MOST_TEXT:
            raise InvalidValue(what=f"The field “{name[:40]}”", value="…", why="it is too long", field=name[:40])
        texts.setdefault(name, text)
    return SentBody(files=files, texts=texts)


def _small_enough(file: SentFile, largest: int) -> SentFile:
    if len(file.untrusted) > largest:
        raise FileTooLarge(size=len(file.untrusted), limit=largest)
    return file


def _read_json(body: bytes) -> Any:
    try:
        return json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        why = "it cannot be read (write it as RFC 8259 says, in UTF-8)"
        raise InvalidValue(what="The JSON of the request", value="…", why=why, field="body") from None


def from_base64(name: str, untrusted: object) -> bytes:
    """Return what a text in base64 stands for; blanks and line breaks in it are ignored. Raises InvalidValue."""
    wrong = InvalidValue(what=f"The field “{name}”", value="…", why="it is not base64 (RFC 4648)", field=name)
    if not isinstance(untrusted, str):
        raise wrong
    try:
        return base64.b64decode(_BLANKS.sub("", untrusted), validate=True)
    except ValueError:
        raise wrong from None
