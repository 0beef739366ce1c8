"""What a form sent: read within a limit, kept in memory alone, and checked before anything is done with it."""

from __future__ import annotations

import hmac
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

from lineament.errors import FileTooLarge, ForeignRequest, InvalidValue
from lineament.web.security import Session

ROOM_FOR_FIELDS = 256 * 2**10
"""Bytes of a form beside its file."""
MOST_FIELDS = 2000
"""A gallery may have many sources, each a box to tick."""
_LONGEST_TEXT = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Sent:
    """The fields of a form; all of them untrusted."""

    texts: Mapping[str, tuple[str, ...]]
    files: Mapping[str, bytes]
    names: Mapping[str, str] = field(default_factory=dict)  # that the files had on the other side

    def text(self, name: str) -> str:
        """One field without blanks at its ends; empty where it was left out."""
        text = self.texts.get(name, ("",))[0].replace("\r\n", "\n").strip()
        if "\0" in text:
            raise InvalidValue(what=_spoken(name), value="…", why="it holds a character that cannot be kept")
        return text

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field that may come several times."""
        return tuple(self.texts.get(name, ()))

    def number(self, name: str) -> float:
        """A field that holds a number."""
        text = self.text(name)
        try:
            number = float(text)
        except ValueError:
            raise InvalidValue(what=_spoken(name), value=text[:40], why="it must be a number") from None
        if not abs(number) < 1e9:  # also not a number at all
            raise InvalidValue(what=_spoken(name), value=text[:40], why="it lies outside any picture")
        return number

    def whole(self, name: str) -> int:
        """A field that holds a whole number."""
        return int(self.number(name))

    def day(self, name: str) -> date | None:
        """A field that holds a day; None where it is empty."""
        text = self.text(name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise InvalidValue(what=_spoken(name), value=text[:40], why="write it as 2026-11-21") from None

    def moment(self, name: str) -> datetime:
        """A field that holds a day and a time of day, in the zone in which the pages show times."""
        text = self.text(name)
        try:
            return datetime.fromisoformat(text).astimezone()
        except ValueError:
            raise InvalidValue(what=_spoken(name), value=text[:40], why="write it as 2026-11-21T14:05") from None


def _spoken(name: str) -> str:
    return f"The field “{name.replace('-', ' ')}”"


class _InMemory(MultiPartParser):
    """Starlette's parser, without its temporary files: a case's photograph is never on the disk unsealed."""

    spool_max_size = 2**62


async def checked(request: Request, session: Session, *, limit: int) -> Sent:
    """The form of a request, whose file has at most ``limit`` bytes; ForeignRequest if it is not one of ours."""
    sent = await _read(request, limit)
    theirs = sent.text("csrf").encode(errors="replace")
    if not hmac.compare_digest(theirs, session.csrf.encode()):
        raise ForeignRequest
    return sent


async def _read(request: Request, limit: int) -> Sent:
    stream = _within(request, limit)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            form = await _InMemory(request.headers, stream, max_files=1, max_fields=MOST_FIELDS).parse()
        elif kind == "application/x-www-form-urlencoded":
            form = await FormParser(request.headers, stream, max_fields=MOST_FIELDS).parse()
        else:
            raise ForeignRequest
    except MultiPartException as refusal:
        raise InvalidValue(what="The form", value="…", why=f"it cannot be read ({refusal.message})") from refusal
    try:
        return await _unpacked(form)
    finally:
        await form.close()


async def _unpacked(form: FormData) -> Sent:
    texts: dict[str, tuple[str, ...]] = {}
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files[name] = await value.read()
            names[name] = value.filename or ""
        elif len(value) > _LONGEST_TEXT:
            raise InvalidValue(what=_spoken(name), value=value[:20] + "…", why="it is too long")
        else:
            texts[name] = (*texts.get(name, ()), value)
    return Sent(texts=texts, files=files, names=names)


async def _within(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """The body, broken off as soon as it is longer than it may be, or says that it will be."""
    said = request.headers.get("content-length", "")
    most = limit + ROOM_FOR_FIELDS
    if said.isdecimal() and int(said) > most:
        raise FileTooLarge(size=int(said), limit=limit)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise FileTooLarge(size=size, limit=limit)
        yield chunk
