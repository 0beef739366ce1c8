"""Reading a form: within a size limit, in memory only, and with its CSRF token checked first."""

from __future__ import annotations

import hmac
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException
from starlette.requests import Request

from lineament.api.multipart import InMemoryParser
from lineament.errors import FileTooLarge, ForeignRequest, InvalidValue
from lineament.model.faces import Box
from lineament.services.filenames import stored_name
from lineament.web.security import BrowserSession

MAX_FIELD_BYTES = 256 * 2**10
"""Most bytes of a form besides its file."""
MAX_FIELDS = 2000
"""A gallery may have many sources, each with a box to tick."""
_MAX_TEXT = 64 * 2**10
_DAY = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}")
"""How the pages ask for days and moments (templates/fields.html)."""

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class SentForm:
    """The fields of a form, all of them untrusted.

    What reads a field raises InvalidValue with the field's name if the field does not hold what it should.
    """

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    file_names: Mapping[str, str] = field(default_factory=dict)  # fit to be shown

    def text(self, name: str) -> str:
        """Return a field without blanks at its ends; empty if it was left out."""
        text = self.typed(name).replace("\r\n", "\n").strip()
        if "\0" in text:
            raise _invalid(name, "…", "it holds a character that cannot be kept")
        return text

    def typed(self, name: str) -> str:
        """Return a field exactly as it was typed, such as a password; empty if it was left out."""
        return self.texts.get(name, ("",))[0]

    def new_password(self) -> str:
        """Return the new password. Raises InvalidValue if it is not the same in both fields."""
        password = self.typed("password")
        if password != self.typed("again"):
            raise InvalidValue(what="The password", value="…", why="the two are different", field="again")
        return password

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field that may be sent several times."""
        return tuple(self.texts.get(name, ()))

    def number(self, name: str) -> float:
        """Return a field that holds a number below 1e9 in size."""
        text = self.text(name)
        try:
            number = float(text)
        except ValueError:
            raise _invalid(name, text, "it must be a number") from None
        if not abs(number) < 1e9:  # false for NaN as well
            raise _invalid(name, text, "it is too large")
        return number

    def whole(self, name: str) -> int:
        """Return a field that holds a whole number."""
        number = self.number(name)
        if not number.is_integer():
            raise _invalid(name, self.text(name), "it must be a whole number")
        return int(number)

    def region(self) -> Box:
        """Return the region in ``x``, ``y``, ``width`` and ``height``, at least one pixel wide and high."""
        numbers = {name: self.number(name) for name in ("x", "y", "width", "height")}
        box = Box(**numbers)
        if box.width < 1 or box.height < 1:
            size = f"{box.width:.0f} × {box.height:.0f}"
            field = "width" if box.width < 1 else "height"
            raise InvalidValue(
                what="The region", value=size, why="draw it at least one pixel wide and high", field=field
            )
        return box

    def day(self, name: str) -> date | None:
        """Return a field that holds a day; None if it is empty."""
        text = self.text(name)
        try:
            return read_day(text) if text else None
        except ValueError:
            raise _invalid(name, text, "write it as 2026-11-21") from None

    def required_day(self, name: str) -> date:
        """Return a field that must hold a day."""
        day = self.day(name)
        if day is None:
            raise _invalid(name, "", "write it as 2026-11-21")
        return day

    def moment(self, name: str) -> datetime:
        """Return a field that holds a day and a time, in the time zone in which the pages show times."""
        text = self.text(name)
        try:
            return datetime.fromisoformat(_written(_MOMENT, text)).astimezone()
        except (ValueError, OverflowError):
            raise _invalid(name, text, "write it as 2026-11-21 14:05") from None

    def choice(self, name: str, kind: type[Choice]) -> Choice:
        """Return a field that holds a value of ``kind``."""
        return _chosen(name, self.text(name), kind)

    def choices(self, name: str, kind: type[Choice]) -> list[Choice]:
        """Return every value of a field that may hold several values of ``kind``."""
        return [_chosen(name, text, kind) for text in self.all(name)]


def read_day(untrusted: str) -> date:
    """Return a day that is written as 2026-11-21. Raises ValueError."""
    return date.fromisoformat(_written(_DAY, untrusted))


def _written(form: re.Pattern[str], text: str) -> str:
    """Return a text that is written as the pages ask: ISO 8601 has further forms, and a day alone is no moment."""
    if not form.fullmatch(text):
        raise ValueError(text)
    return text


def _chosen(name: str, text: str, kind: type[Choice]) -> Choice:
    try:
        return kind(text)
    except ValueError:
        raise _invalid(name, text, f"choose one of {', '.join(kind)}") from None


def _invalid(name: str, value: str, why: str) -> InvalidValue:
    return InvalidValue(what=f"The field “{name.replace('-', ' ')}”", value=value[:40], why=why, field=name)


async def read_form(request: Request, session: BrowserSession, *, limit: int) -> SentForm:
    """Read the form of a request, with a file of at most ``limit`` bytes.

    Raises ForeignRequest if the form did not come from one of our pages, FileTooLarge or InvalidValue if it is too long
    or cannot be read.
    """
    form = await _read(request, limit)
    token = form.text("csrf").encode(errors="replace")
    if not hmac.compare_digest(token, session.csrf.encode()):
        raise ForeignRequest
    return form


async def _read(request: Request, limit: int) -> SentForm:
    stream = _limited(request, limit)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            form = await InMemoryParser(request.headers, stream, max_files=1, max_fields=MAX_FIELDS).parse()
        elif kind == "application/x-www-form-urlencoded":
            form = await FormParser(request.headers, stream, max_fields=MAX_FIELDS).parse()
        else:
            raise ForeignRequest
    except MultiPartException as error:
        raise InvalidValue(what="The form", value="…", why=f"it cannot be read ({error.message})") from error
    try:
        return await _unpack(form)
    finally:
        await form.close()


async def _unpack(form: FormData) -> SentForm:
    texts: dict[str, tuple[str, ...]] = {}
    files: dict[str, bytes] = {}
    file_names: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files[name] = await value.read()
            file_names[name] = stored_name(value.filename or "", "")
        elif len(value) > _MAX_TEXT:
            raise _invalid(name, value[:20] + "…", "it is too long")
        else:
            texts[name] = (*texts.get(name, ()), value)
    return SentForm(texts=texts, files=files, file_names=file_names)


async def _limited(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """Yield the body; raise FileTooLarge as soon as it is, or says that it will be, longer than allowed."""
    declared = request.headers.get("content-length", "")
    most = limit + MAX_FIELD_BYTES
    if declared.isdecimal() and int(declared) > most:
        raise FileTooLarge(size=int(declared), limit=limit)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise FileTooLarge(size=size, limit=limit)
        yield chunk
