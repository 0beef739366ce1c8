"""Bodies of multipart/form-data, read in memory only, for programs and pages alike."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from lineament.errors import InvalidValue

_CHARSETS = frozenset({"utf-8", "ascii", "iso8859-1", "latin-1", "cp1252"})
"""As Python names them. Others make half characters of bytes, or raise errors that Starlette does not expect."""


class InMemoryParser(MultiPartParser):
    """Starlette's parser without its temporary files: a photograph is never on disk unsealed."""

    spool_max_size = 2**62

    def on_part_begin(self) -> None:
        """Begin a part. Raises MultiPartException if its texts are in an encoding that no form has."""
        if self._charset not in _CHARSETS:
            raise MultiPartException("its charset is not UTF-8")
        super().on_part_begin()


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file that a program sends; nothing of it was examined."""

    field: str  # the name of its part
    name: str  # empty if the program names no file
    untrusted: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SentParts:
    """The parts of a body, in their order."""

    files: tuple[SentFile, ...]
    texts: tuple[tuple[str, str], ...]  # with the names of their parts; a name may be there several times


async def read_multipart(request: Request, what: str, *, most_files: int, most_texts: int) -> SentParts:
    """Return the parts of a body; no text is longer than 1 MiB. Raises InvalidValue, which calls the body ``what``."""
    parser = InMemoryParser(request.headers, request.stream(), max_files=most_files, max_fields=most_texts)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidValue(what=what, value="…", why=f"it cannot be read ({error.message})", field="body") from error
    try:
        return await _parts(form)
    finally:
        await form.close()


async def _parts(form: FormData) -> SentParts:
    files, texts = [], []
    for field, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.append(SentFile(field=field, name=value.filename or "", untrusted=await value.read()))
        else:
            texts.append((field, value))
    return SentParts(files=tuple(files), texts=tuple(texts))
